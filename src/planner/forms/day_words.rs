//! `'today'::date`, `timestamp 'now'` and their kin: the words for days that a cast takes.

use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, DataType, Expr, TimezoneInfo, Value};

use super::call::{call, literal, literal_value};

/// Puts the day or the moment in the place of the cast of a word.
pub(super) fn meant(expr: &mut Expr) {
    let (word, data_type) = match &*expr {
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr: inner, data_type, .. } => {
            (literal(inner), data_type)
        }
        Expr::TypedString(typed) => (literal_value(&typed.value), &typed.data_type),
        _ => return,
    };
    let has_zone = match data_type {
        DataType::Date => None,
        DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Some(false),
        DataType::Timestamp(None, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => Some(true),
        _ => return,
    };
    let now = || call("now", vec![]);
    let day = match word.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "now" if has_zone == Some(true) => {
            *expr = now();
            return;
        }
        "now" if has_zone == Some(false) => {
            *expr = call("onerow_local_time", vec![now()]);
            return;
        }
        "now" | "today" => call("current_date", vec![]),
        "tomorrow" => beside(BinaryOperator::Plus),
        "yesterday" => beside(BinaryOperator::Minus),
        _ => return,
    };
    *expr = match has_zone {
        None => day,
        Some(_) => Expr::Cast {
            kind: CastKind::DoubleColon,
            expr: Box::new(day),
            data_type: data_type.clone(),
            array: false,
            format: None,
        },
    };
}

/// The day after or before this one.
fn beside(op: BinaryOperator) -> Expr {
    let one = Box::new(Expr::value(Value::Number("1".to_string(), false)));
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(call("current_date", vec![])), op, right: one }))
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    #[test]
    fn words_are_days() {
        for (written, becomes) in [
            ("'today'::date", "current_date()"),
            ("date 'Tomorrow'", "(current_date() + 1)"),
            ("timestamp 'yesterday'", "(current_date() - 1)::TIMESTAMP"),
            ("'now'::timestamptz", "now()"),
            ("'today'::text", "'today'::TEXT"),
            ("'2024-01-01'::date", "'2024-01-01'::DATE"),
        ] {
            let statement = script::parse(&format!("SELECT {written}")).unwrap().pop().unwrap();
            let StatementKind::Plan(mut parsed) = statement.kind else { panic!("{written} is no query") };
            super::super::rewrite(&mut parsed).unwrap();
            assert_eq!(parsed.to_string(), format!("SELECT {becomes}"));
        }
    }
}
