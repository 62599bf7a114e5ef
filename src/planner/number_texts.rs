//! A text in quotes that meets numbers in CASE, `coalesce`, `greatest`, `least` or UNION is a number, as in Postgres: as a
//! text it would make texts of the others, of which 9 is greater than 10. One that meets arrays there is an array.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Alias, Case};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Projection};
use datafusion::scalar::ScalarValue;

use super::array_operators::is_array;
use crate::catalog::types::PgType;
use crate::values::{Zone, read_text};

/// Reads the texts among the results of a CASE. 22P02 where one is no number.
pub(super) fn in_case(mut case: Case, schema: &DFSchema) -> DfResult<Case> {
    let results = case.when_then_expr.iter_mut().map(|(_, then)| then.as_mut()).chain(case.else_expr.as_deref_mut());
    read(results.collect(), schema)?;
    Ok(case)
}

/// Reads the texts among the arguments of a function that gives one of them.
pub(super) fn in_call(function: &str, args: &mut [Expr], schema: &DFSchema) -> DfResult<()> {
    match function {
        "coalesce" | "greatest" | "least" => read(args.iter_mut().collect(), schema),
        _ => Ok(()),
    }
}

/// Reads the texts that the queries of a UNION give where others give numbers.
pub(super) fn in_union(inputs: Vec<Arc<LogicalPlan>>) -> DfResult<Vec<Arc<LogicalPlan>>> {
    let width = inputs.first().map_or(0, |input| input.schema().fields().len());
    let mut wanted = vec![None; width];
    for (column, wanted) in wanted.iter_mut().enumerate() {
        let types = inputs.iter().filter(|input| literal_of(input, column).is_none());
        let types = types.map(|input| input.schema().fields().get(column).map(|field| field.data_type().clone()));
        *wanted = meeting(types.collect::<Option<Vec<_>>>().unwrap_or_default());
    }
    let read = inputs.into_iter().map(|input| {
        let is_read = |column: usize| wanted.get(column).is_some_and(Option::is_some);
        if !(0..width).any(|column| is_read(column) && literal_of(&input, column).is_some()) {
            return Ok(input);
        }
        let LogicalPlan::Projection(projection) = Arc::unwrap_or_clone(input) else {
            return Err(crate::error::Error::internal("a literal of no projection").into());
        };
        let exprs = projection.expr.into_iter().zip(&wanted).map(|(expr, to)| match (to, text_of(&expr)) {
            (Some(to), Some(text)) => {
                let name = expr.qualified_name();
                Ok(number(text, to)?.alias_qualified(name.0, name.1))
            }
            _ => Ok(expr),
        });
        let exprs = exprs.collect::<DfResult<Vec<_>>>()?;
        Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(exprs, projection.input)?)))
    });
    read.collect()
}

/// The text in quotes that a column of a query is.
fn literal_of(plan: &LogicalPlan, column: usize) -> Option<&str> {
    match plan {
        LogicalPlan::Projection(projection) => text_of(projection.expr.get(column)?),
        _ => None,
    }
}

fn text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        Expr::Alias(Alias { expr, .. }) => text_of(expr),
        _ => None,
    }
}

fn read(exprs: Vec<&mut Expr>, schema: &DFSchema) -> DfResult<()> {
    if !exprs.iter().any(|expr| text_of(expr).is_some()) {
        return Ok(());
    }
    let types = exprs.iter().filter(|expr| text_of(expr).is_none()).map(|expr| expr.get_type(schema));
    // A type that is not found yet is that of a parameter, or of what is outside of a subquery.
    let Ok(types) = types.collect::<DfResult<Vec<_>>>() else { return Ok(()) };
    let Some(to) = meeting(types) else { return Ok(()) };
    for expr in exprs {
        if let Some(text) = text_of(expr) {
            *expr = number(text, &to)?;
        }
    }
    Ok(())
}

/// The type at which numbers meet, or that of arrays that are the same; none where one is neither, or there are none.
fn meeting(types: Vec<DataType>) -> Option<DataType> {
    let types: Vec<DataType> = types.into_iter().filter(|of| !of.is_null()).collect();
    if types.first().is_some_and(is_array) && types.windows(2).all(|two| two.first() == two.last()) {
        return types.into_iter().next();
    }
    if !types.iter().all(DataType::is_numeric) {
        return None;
    }
    let rank = |of: &DataType| match of {
        DataType::Int16 => 0,
        DataType::Int32 => 1,
        DataType::Decimal128(..) | DataType::Decimal256(..) => 3,
        DataType::Float32 => 4,
        DataType::Float64 => 5,
        _ => 2,
    };
    types.into_iter().max_by_key(rank)
}

/// A text as a number of a type, or as an array; a numeric keeps the digits that are written.
fn number(text: &str, to: &DataType) -> DfResult<Expr> {
    let kind = match to {
        DataType::Decimal128(..) | DataType::Decimal256(..) => {
            if let Some(exact) = plain(text.trim()) {
                return Ok(Expr::Literal(exact, None));
            }
            PgType::Numeric(None)
        }
        to => PgType::of_arrow(to),
    };
    Ok(Expr::Literal(read_text(&kind, text, Zone::UTC)?, None))
}

/// `-12.50` with its digits; none for what has an exponent, or too many of them.
fn plain(text: &str) -> Option<ScalarValue> {
    let digits = text.trim_start_matches(['-', '+']);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let count = whole.len() + fraction.len();
    if text.len() - digits.len() > 1 || !(1..=38).contains(&count) || !is_plain(whole) || !is_plain(fraction) {
        return None;
    }
    let magnitude: i128 = format!("{whole}{fraction}").parse().ok()?;
    let value = if text.starts_with('-') { -magnitude } else { magnitude };
    Some(ScalarValue::Decimal128(Some(value), u8::try_from(count).ok()?, i8::try_from(fraction.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerics_keep_their_digits() {
        assert_eq!(plain("-12.50"), Some(ScalarValue::Decimal128(Some(-1250), 4, 2)));
        assert_eq!(plain("7"), Some(ScalarValue::Decimal128(Some(7), 1, 0)));
        for none in ["", "x", "1e5", "--1", "1.2.3", "NaN", "."] {
            assert_eq!(plain(none), None, "{none}");
        }
    }

    #[test]
    fn numbers_meet_at_the_widest() {
        assert_eq!(meeting(vec![DataType::Int32, DataType::Null, DataType::Int64]), Some(DataType::Int64));
        assert_eq!(meeting(vec![DataType::Int32, DataType::Float64]), Some(DataType::Float64));
        assert_eq!(meeting(vec![DataType::Int32, DataType::Date32]), None);
        assert_eq!(meeting(vec![]), None);
        let list = |of: DataType| DataType::new_list(of, true);
        let (numbers, texts) = (list(DataType::Int32), list(DataType::Utf8View));
        assert_eq!(meeting(vec![numbers.clone(), DataType::Null, numbers.clone()]), Some(numbers.clone()));
        assert_eq!(meeting(vec![numbers.clone(), texts]), None);
        assert_eq!(meeting(vec![numbers, DataType::Int32]), None);
    }
}
