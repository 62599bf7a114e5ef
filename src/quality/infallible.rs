//! Which expressions have a value on every row, whatever is in it.
//!
//! Such a rule is an ordinary condition: a source may test it, and it may be tested on more rows or on fewer. The
//! others are evaluated by a node of their own, which says of which rule an error is. What is not known here counts as
//! one that can fail.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{Between, Case, Cast, InList, Like, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

/// Functions that have a value for any argument, of which the result is not larger than what they are given.
const FUNCTIONS: &[&str] = &[
    "blank_to_null",
    "btrim",
    "char_length",
    "character_length",
    "coalesce",
    "length",
    "lower",
    "ltrim",
    "normalize_email",
    "normalize_text",
    "now",
    "nullif",
    "octet_length",
    "rtrim",
    "starts_with",
    "strpos",
    "trim",
    "upper",
];

/// Whether an expression of a plan that is analysed, over columns of `schema`, has a value on any row.
pub(crate) fn on_any_row(expr: &Expr, schema: &DFSchema) -> bool {
    let all = |parts: &[&Expr]| parts.iter().all(|part| on_any_row(part, schema));
    match expr {
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::Literal(..) => true,
        Expr::Alias(alias) => on_any_row(&alias.expr, schema),
        Expr::Not(inner)
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => on_any_row(inner, schema),
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => compares(*op) && all(&[left, right]),
        Expr::Between(Between { expr, low, high, .. }) => all(&[expr, low, high]),
        Expr::InList(InList { expr, list, .. }) => {
            on_any_row(expr, schema) && list.iter().all(|member| on_any_row(member, schema))
        }
        // A pattern that is a value may end in its escape character.
        Expr::Like(Like { expr, pattern, .. }) => matches!(pattern.as_ref(), Expr::Literal(..)) && all(&[expr]),
        Expr::Case(Case { expr, when_then_expr, else_expr }) => {
            expr.iter().chain(else_expr).all(|part| on_any_row(part, schema))
                && when_then_expr.iter().all(|(when, then)| all(&[when, then]))
        }
        Expr::Cast(Cast { expr, field }) => {
            expr.get_type(schema).is_ok_and(|from| keeps(&from, field.data_type())) && on_any_row(expr, schema)
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            FUNCTIONS.contains(&func.name()) && args.iter().all(|arg| on_any_row(arg, schema))
        }
        _ => false,
    }
}

fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::And
            | Operator::Or
            | Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// Whether every value of one type is one of the other.
fn keeps(from: &DataType, to: &DataType) -> bool {
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let width = |t: &DataType| match t {
        DataType::Int8 => Some(1),
        DataType::Int16 => Some(2),
        DataType::Int32 => Some(4),
        DataType::Int64 => Some(8),
        _ => None,
    };
    match (width(from), width(to)) {
        (Some(from), Some(to)) => from <= to,
        (Some(_), None) => matches!(to, DataType::Float64) || text(to),
        _ => from == to || (text(from) && text(to)) || (*from == DataType::Boolean && text(to)),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::logical_expr::{cast, col, lit};

    use super::*;

    #[test]
    fn what_can_fail_is_told_from_what_cannot() {
        let fields = vec![Field::new("a", DataType::Int32, true), Field::new("t", DataType::Utf8View, true)];
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        let fits = |expr: Expr| on_any_row(&expr, &schema);
        assert!(fits(col("a").gt(lit(1)).and(col("t").is_not_null())));
        assert!(fits(col("t").like(lit("%@%")).or(col("a").in_list(vec![lit(1), lit(2)], true))));
        assert!(fits(cast(col("a"), DataType::Int64).eq(lit(1_i64))));
        assert!(fits(cast(col("a"), DataType::Utf8View).eq(lit("1"))));
        assert!(!fits(cast(col("t"), DataType::Int64).eq(lit(1_i64))));
        assert!(!fits((lit(1) / col("a")).gt(lit(0))));
        assert!(!fits(col("t").like(col("t"))));
        assert!(!fits((col("a") + lit(1)).is_null()));
    }
}
