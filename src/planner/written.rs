//! Literals and stars that DataFusion's SQL planner reads otherwise than Postgres, written so that it reads them alike.

use std::ops::ControlFlow;

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, DateTimeField, Expr as SqlExpr, Interval, Query, Select, TableFactor, UnaryOperator,
    Value, ValueWithSpan, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::{alias_columns, star_names};
use crate::catalog::types::PgType;
use crate::functions::pg::to_precision;
use crate::values::{IntervalFields, Zone, read_interval, read_text};

/// The most digits of a numeric.
const MAX_DIGITS: usize = 76;

/// Writes numbers with an exponent with all their digits, intervals in months, days and microseconds, and `t.*` with the
/// whole name of its table.
pub fn spell(statement: &mut DfStatement) {
    match statement {
        DfStatement::Statement(sql) => {
            let _ = VisitMut::visit(sql.as_mut(), &mut Spelling);
        }
        DfStatement::Explain(explain) => spell(&mut explain.statement),
        _ => {}
    }
}

struct Spelling;

impl VisitorMut for Spelling {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        alias_columns::complete_with(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        alias_columns::complete(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        star_names::qualify(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
        match expr {
            SqlExpr::Value(ValueWithSpan { value: Value::Number(digits, long), span })
                if digits.contains(['e', 'E']) =>
            {
                *expr = match expanded(digits) {
                    Some(digits) => SqlExpr::Value(ValueWithSpan { value: Value::Number(digits, *long), span: *span }),
                    None => double(digits, *span),
                };
            }
            SqlExpr::Interval(interval) => {
                plain_interval(interval, 1);
            }
            // The planner would turn the sign of the months alone.
            SqlExpr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => {
                if let SqlExpr::Interval(interval) = inner.as_mut()
                    && plain_interval(interval, -1)
                {
                    *expr = SqlExpr::Interval(interval.clone());
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// `1.5e3` as `1500.`; the point makes it numeric. None when there are more digits than a numeric has.
fn expanded(number: &str) -> Option<String> {
    let (mantissa, exponent) = number.split_once(['e', 'E'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent.parse::<i64>().ok()?)?;
    let zeros = |count: i64| usize::try_from(count).ok().filter(|n| *n <= MAX_DIGITS).map(|n| "0".repeat(n));
    let length = i64::try_from(digits.len()).ok()?;
    let written = if point <= 0 {
        format!("0.{}{digits}", zeros(point.checked_neg()?)?)
    } else if point >= length {
        format!("{digits}{}.", zeros(point - length)?)
    } else {
        let (before, after) = digits.split_at_checked(usize::try_from(point).ok()?)?;
        format!("{before}.{after}")
    };
    // The point and a zero before it are no digits.
    (written.len() <= MAX_DIGITS + 2).then_some(written)
}

/// A number of more digits than a numeric has.
fn double(digits: &str, span: Span) -> SqlExpr {
    SqlExpr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(SqlExpr::Value(ValueWithSpan { value: Value::SingleQuotedString(digits.to_string()), span })),
        data_type: SqlType::Float8,
        array: false,
        format: None,
    }
}

/// Rewrites an interval that is one text, times `sign`. One that Postgres would not take is left for the planner to
/// refuse.
fn plain_interval(interval: &mut Interval, sign: i32) -> bool {
    let SqlExpr::Value(ValueWithSpan { value: Value::SingleQuotedString(text), .. }) = interval.value.as_mut() else {
        return false;
    };
    let plain = match (&interval.leading_field, &interval.last_field) {
        (None, None) => {
            let read = read_text(&PgType::Interval, text, Zone::UTC);
            let Ok(ScalarValue::IntervalMonthDayNano(Some(value))) = read else { return false };
            Some(plain(value, sign))
        }
        // `SECOND(1)` has its digits where a first field has its own.
        (Some(first @ DateTimeField::Second), None) => {
            in_fields(text, &first.to_string(), interval.leading_precision, sign)
        }
        (Some(first), last) if interval.leading_precision.is_none() => {
            let named = last.as_ref().map_or_else(|| first.to_string(), |last| format!("{first} TO {last}"));
            in_fields(text, &named, interval.fractional_seconds_precision, sign)
        }
        _ => None,
    };
    let Some(plain) = plain else { return false };
    *text = plain;
    interval.leading_field = None;
    interval.leading_precision = None;
    interval.last_field = None;
    interval.fractional_seconds_precision = None;
    true
}

/// The text of an interval of some fields, such as `DAY TO HOUR`, and of so many digits of a second, written plainly,
/// times `sign`. None for what Postgres would not take.
pub(super) fn in_fields(text: &str, named: &str, digits: Option<u64>, sign: i32) -> Option<String> {
    let value = read_interval(text, IntervalFields::parse(named)?).ok()?;
    let value = match digits {
        Some(digits) => to_precision::interval(value, i64::try_from(digits).ok()?).ok()?,
        None => value,
    };
    Some(plain(value, sign))
}

fn plain(value: IntervalMonthDayNano, sign: i32) -> String {
    let (months, days) = (i64::from(value.months), i64::from(value.days));
    let (sign, micros) = (i64::from(sign), value.nanoseconds / 1000);
    format!("{} months {} days {} microseconds", sign * months, sign * days, sign * micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_written_out() {
        assert_eq!(expanded("1e20").as_deref(), Some("100000000000000000000."));
        assert_eq!(expanded("1.5e3").as_deref(), Some("1500."));
        assert_eq!(expanded("1.5E0").as_deref(), Some("1.5"));
        assert_eq!(expanded("1e-5").as_deref(), Some("0.00001"));
        assert_eq!(expanded("12.345e1").as_deref(), Some("123.45"));
        assert_eq!(expanded(".5e1").as_deref(), Some("5."));
        assert_eq!(expanded("1e100"), None);
        assert_eq!(expanded("1e-400"), None);
        assert_eq!(expanded("1e99999999999999999999"), None);
    }

    fn interval(text: &str) -> String {
        let parsed = crate::ddl::script::parse(&format!("SELECT {text}")).unwrap();
        let crate::ddl::statement::StatementKind::Plan(mut statement) = parsed[0].kind.clone() else {
            return String::new();
        };
        spell(&mut statement);
        statement.to_string()
    }

    #[test]
    fn intervals_are_written_plainly() {
        let plain = "SELECT INTERVAL '14 months 3 days 14706789000 microseconds'";
        assert_eq!(interval("interval '1 year 2 mons 3 days 04:05:06.789'"), plain);
        assert_eq!(interval("interval '5' minute"), "SELECT INTERVAL '0 months 0 days 300000000 microseconds'");
        assert_eq!(interval("interval '1 day 5 hours' day"), "SELECT INTERVAL '0 months 1 days 0 microseconds'");
        assert_eq!(
            interval("interval '1:30' minute to second"),
            "SELECT INTERVAL '0 months 0 days 90000000 microseconds'"
        );
        assert_eq!(interval("interval '90.55' second(1)"), "SELECT INTERVAL '0 months 0 days 90600000 microseconds'");
        assert_eq!(interval("-interval '1.5' hour"), "SELECT INTERVAL '0 months 0 days -3600000000 microseconds'");
        assert_eq!(interval("interval '-1 mon'"), "SELECT INTERVAL '-1 months 0 days 0 microseconds'");
        assert_eq!(interval("-interval '1 day 1 s'"), "SELECT INTERVAL '0 months -1 days -1000000 microseconds'");
        assert_eq!(interval("interval 'long'"), "SELECT INTERVAL 'long'");
    }
}
