//! Between which types Postgres has casts: any other CAST is an error (42846), whatever the value.
//!
//! DataFusion casts far more, such as a date to the number of its days. What is looked at is a plan that nothing has
//! coerced yet, so that the casts in it are those of the statement.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan};
use datafusion::scalar::ScalarValue;

use super::wide_columns::WideColumns;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// 42846: there is no cast between two types.
const CANNOT_COERCE: SqlState = SqlState("42846");

/// Makes sure that a cast is one that Postgres has. What is looked at is the expression itself, not its operands.
pub(super) fn check(expr: &Expr, schema: &DFSchema, wide: &WideColumns) -> Result<()> {
    match missing(expr, schema) {
        Some((from, to)) if is_of_integer(&from, &to) && !wide.is_bigint(operand(expr), schema) => Ok(()),
        Some((from, to)) => Err(no_cast(&from, &to)),
        None => Ok(()),
    }
}

fn operand(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(Cast { expr, .. }) => expr,
        expr => expr,
    }
}

/// Whether a cast that there is not of a bigint is one of an integer. Many values are bigint here that are integers in
/// Postgres, such as those of `generate_series` and of a difference of dates.
pub(super) fn is_of_integer(from: &PgType, to: &PgType) -> bool {
    matches!(element(from), PgType::Int8) && matches!(element(to), PgType::Bool | PgType::Char) && {
        let is_array = |kind: &PgType| matches!(kind, PgType::Array(_));
        is_array(from) == is_array(to)
    }
}

/// The error of a cast that there is none of.
pub(super) fn no_cast(from: &PgType, to: &PgType) -> Error {
    Error::new(CANNOT_COERCE, format!("cannot cast type {} to {}", from.base_name(), to.base_name()))
}

/// Makes sure that the values of an INSERT can be those of its columns: the planner has cast each to its column's type,
/// in a projection, and in the rows of VALUES below it.
pub(super) fn check_inserted(source: &LogicalPlan) -> Result<()> {
    let LogicalPlan::Projection(projection) = source else { return Ok(()) };
    let names: Vec<String> = projection.schema.fields().iter().map(|field| field.name().clone()).collect();
    let below = projection.input.schema();
    let column_of = |item: &Expr| match item {
        Expr::Column(column) => below.maybe_index_of_column(column),
        _ => None,
    };
    for (item, name) in projection.expr.iter().zip(&names) {
        let item = item.clone().unalias();
        if let Some((from, to)) = missing(&item, below) {
            return Err(not_of_type(name, &from.base_name(), &to.base_name()));
        }
        let (LogicalPlan::Values(values), Some(column)) = (projection.input.as_ref(), column_of(&item)) else {
            continue;
        };
        for value in values.values.iter().filter_map(|row| row.get(column)) {
            if let Some((from, to)) = missing(value, &DFSchema::empty()) {
                return Err(not_of_type(name, &from.base_name(), &to.base_name()));
            }
        }
    }
    Ok(())
}

/// The error of a value that is none of a column's.
pub fn not_of_type(column: &str, from: &str, to: &str) -> Error {
    let message = format!("column \"{column}\" is of type {to} but expression is of type {from}");
    Error::new(SqlState::DATATYPE_MISMATCH, message).with_hint("You will need to rewrite or cast the expression.")
}

/// The types of a cast that Postgres does not have; none for any other expression.
fn missing(expr: &Expr, schema: &DFSchema) -> Option<(PgType, PgType)> {
    let Expr::Cast(Cast { expr: inner, field }) = expr else { return None };
    let from = match inner.as_ref() {
        // A parameter has the type that it is cast to.
        Expr::Placeholder(_) => return None,
        Expr::Cast(Cast { expr, .. }) if matches!(expr.as_ref(), Expr::Placeholder(_)) => return None,
        inner => given(inner, schema)?,
    };
    let to = PgType::of_field(field);
    (!is_cast(&from, &to)).then_some((from, to))
}

/// The type of what is cast; none where it has none of its own.
pub(super) fn given(expr: &Expr, schema: &DFSchema) -> Option<PgType> {
    let (_, field) = expr.to_field(schema).ok()?;
    if field.data_type().is_null() {
        return None;
    }
    // A whole number is an integer where it is written, however it is carried.
    Some(match expr {
        // But what is cast to `oid`.
        expr if is_unsigned(field.data_type()) && !matches!(expr, Expr::Cast(_) | Expr::TryCast(_)) => PgType::Int8,
        Expr::Literal(ScalarValue::Int64(Some(number)), None) if i32::try_from(*number).is_ok() => PgType::Int4,
        _ => PgType::of_field(&field),
    })
}

/// Postgres has no such numbers: they are counts and places.
fn is_unsigned(kind: &DataType) -> bool {
    matches!(kind, DataType::UInt64 | DataType::UInt32)
}

/// Whether Postgres has a cast between two types: whatever the value, it would be an error without one.
pub(super) fn is_cast(from: &PgType, to: &PgType) -> bool {
    use PgType::{Array, Bool, Char, Date, Int2, Int4, Int8, Interval, Json, Jsonb, Oid, Time, Timestamp, TimestampTz};
    match (from, to) {
        (Char, to) => is_text(to) || matches!(to, Char | Int4),
        (from, Char) => is_text(from) || *from == Int4,
        // By way of the text that stands for the value.
        (from, to) if is_text(from) || is_text(to) => true,
        // Arrays have one type for any number of dimensions.
        (Array(from) | PgType::Vector(from), Array(to) | PgType::Vector(to)) => is_cast(element(from), element(to)),
        (from, to) if is_number(from) && is_number(to) => true,
        (Int2 | Int4 | Int8, Oid) | (Oid, Int4 | Int8) => true,
        (Int4, Bool) | (Bool, Int4) | (Json | Jsonb, Json | Jsonb) => true,
        (Jsonb, to) => *to == Bool || is_number(to),
        (Date, Timestamp | TimestampTz)
        | (Timestamp | TimestampTz, Date | Time | Timestamp | TimestampTz)
        | (Time, Interval)
        | (Interval, Time) => true,
        (from, to) => from == to,
    }
}

fn element(of: &PgType) -> &PgType {
    let mut of = of;
    while let PgType::Array(inner) = of {
        of = inner;
    }
    of
}

fn is_text(kind: &PgType) -> bool {
    matches!(kind, PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name)
}

fn is_number(kind: &PgType) -> bool {
    use PgType::{Float4, Float8, Int2, Int4, Int8, Numeric};
    matches!(kind, Int2 | Int4 | Int8 | Float4 | Float8 | Numeric(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row for each type, in the order of the columns: which casts PostgreSQL 15 has, as `SELECT (NULL::a)::b` says.
    const CASTS: &[(&str, &str)] = &[
        ("bool", "1.1....111.1............"),
        ("int2", ".111111111.1.........1.."),
        ("int4", "111111111111.........1.."),
        ("int8", ".111111111.1.........1.."),
        ("float4", ".111111111.1............"),
        ("float8", ".111111111.1............"),
        ("numeric", ".111111111.1............"),
        ("text", "111111111111111111111111"),
        ("varchar", "111111111111111111111111"),
        ("bpchar", "111111111111111111111111"),
        ("\"char\"", "..1....11111............"),
        ("name", "111111111111111111111111"),
        ("date", ".......111.11.11........"),
        ("time", ".......111.1.1..1......."),
        ("timestamp", ".......111.11111........"),
        ("timestamptz", ".......111.11111........"),
        ("interval", ".......111.1.1..1......."),
        ("uuid", ".......111.1.....1......"),
        ("bytea", ".......111.1......1....."),
        ("json", ".......111.1.......11..."),
        ("jsonb", "1111111111.1.......11..."),
        ("oid", "..11...111.1.........1.."),
        ("int4[]", ".......111.1..........11"),
        ("text[]", ".......111.1..........11"),
    ];

    #[test]
    fn there_are_the_casts_of_postgres() {
        for (from, row) in CASTS {
            assert_eq!(row.len(), CASTS.len());
            for ((to, _), there) in CASTS.iter().zip(row.chars()) {
                let (a, b) = (PgType::parse(from).unwrap(), PgType::parse(to).unwrap());
                assert_eq!(is_cast(&a, &b), there == '1', "{from} to {to}");
            }
        }
    }
}
