//! Operators that Postgres does not have between some types: 42883, and conditions that are not boolean: 42804.
//!
//! DataFusion compares a text with a number by reading the text as one, which fails on the first row that holds none.
//! A literal in quotes, a null and a parameter have no type of their own and fit anywhere.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{Between, Case, InList, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// Types that compare among each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Text,
    Number,
    Boolean,
    Time,
}

fn family(data_type: &DataType) -> Option<Family> {
    Some(match data_type {
        t if t.is_string() => Family::Text,
        t if t.is_numeric() => Family::Number,
        DataType::Boolean => Family::Boolean,
        DataType::Date32
        | DataType::Date64
        | DataType::Time32(_)
        | DataType::Time64(_)
        | DataType::Timestamp(..)
        | DataType::Interval(_)
        | DataType::Duration(_) => Family::Time,
        _ => return None,
    })
}

/// The field of an expression that has a type of its own.
fn typed(expr: &Expr, schema: &DFSchema) -> Option<FieldRef> {
    match expr {
        Expr::Alias(alias) => typed(&alias.expr, schema),
        Expr::Placeholder(_) => None,
        Expr::Literal(value, _) if value.is_null() || value.data_type().is_string() => None,
        expr => expr.to_field(schema).ok().map(|(_, field)| field),
    }
}

/// Makes sure that an expression's operators exist. What is looked at is the expression itself, not its operands.
pub(super) fn check(expr: &Expr, schema: &DFSchema) -> Result<()> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(*op) => compare(left, &words(*op), right, schema),
        Expr::Between(Between { expr, negated, low, high }) => {
            let (first, second) = if *negated { ("<", ">") } else { (">=", "<=") };
            compare(expr, first, low, schema)?;
            compare(expr, second, high, schema)
        }
        Expr::InList(InList { expr, list, negated }) => {
            let op = if *negated { "<>" } else { "=" };
            list.iter().try_for_each(|member| compare(expr, op, member, schema))
        }
        Expr::Case(Case { expr: Some(operand), when_then_expr, .. }) => {
            when_then_expr.iter().try_for_each(|(when, _)| compare(operand, "=", when, schema))
        }
        Expr::Case(Case { expr: None, when_then_expr, .. }) => {
            when_then_expr.iter().try_for_each(|(when, _)| match typed(when, schema) {
                Some(field) if *field.data_type() != DataType::Boolean => Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("argument of CASE/WHEN must be type boolean, not type {}", base_name(&field)),
                )),
                _ => Ok(()),
            })
        }
        Expr::ScalarFunction(ScalarFunction { func, args })
            if matches!(func.name(), "coalesce" | "fill_constant" | "fill_from") =>
        {
            unite(func.name(), args, schema)
        }
        _ => Ok(()),
    }
}

/// Makes sure that a text among dates, times and booleans is a literal in quotes.
fn unite(function: &str, args: &[Expr], schema: &DFSchema) -> Result<()> {
    let typed: Vec<(FieldRef, Family)> = args
        .iter()
        .filter_map(|arg| typed(arg, schema))
        .filter_map(|field| family(field.data_type()).map(|family| (field, family)))
        .collect();
    let Some((first, of)) = typed.first() else { return Ok(()) };
    let clashes = |other: &Family| {
        matches!(
            (of, other),
            (Family::Text, Family::Time | Family::Boolean) | (Family::Time | Family::Boolean, Family::Text)
        )
    };
    match typed.iter().find(|(_, other)| clashes(other)) {
        Some((other, _)) => Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "{} types {} and {} cannot be matched",
                function.to_uppercase(),
                base_name(first),
                base_name(other)
            ),
        )),
        None => Ok(()),
    }
}

/// Whether an operator compares its operands and gives a boolean.
pub(super) fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

fn words(op: Operator) -> String {
    match op {
        Operator::NotEq => "<>".to_string(),
        Operator::IsDistinctFrom | Operator::IsNotDistinctFrom => "=".to_string(),
        op => op.to_string(),
    }
}

fn compare(left: &Expr, op: &str, right: &Expr, schema: &DFSchema) -> Result<()> {
    let (Some(l), Some(r)) = (typed(left, schema), typed(right, schema)) else { return Ok(()) };
    match (family(l.data_type()), family(r.data_type())) {
        (Some(a), Some(b)) if a != b => Err(Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("operator does not exist: {} {op} {}", base_name(&l), base_name(&r)),
        )
        .with_hint(
            "No operator matches the given name and argument types. You might need to add explicit type casts.",
        )),
        _ => Ok(()),
    }
}

/// A type's name without its modifier.
fn base_name(field: &FieldRef) -> String {
    PgType::of_field(field).base_name()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::{Field, Schema};
    use datafusion::logical_expr::{col, lit};

    use super::*;

    fn words_of(expr: Expr) -> Option<String> {
        let fields = vec![
            Field::new("name", DataType::Utf8View, true),
            Field::new("id", DataType::Int32, true),
            Field::new("born", DataType::Date32, true),
        ];
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        check(&expr, &schema).err().map(|error| error.message().to_string())
    }

    #[test]
    fn a_text_does_not_compare_with_a_number() {
        let refused = Some("operator does not exist: text = integer".to_string());
        assert_eq!(words_of(col("name").eq(lit(1i32))), refused);
        assert_eq!(words_of(col("name").eq(col("id"))), refused);
        assert_eq!(words_of(col("name").in_list(vec![lit(1i32)], false)), refused);
        assert_eq!(words_of(col("born").gt(lit(1i32))), Some("operator does not exist: date > integer".to_string()));
    }

    #[test]
    fn a_text_is_no_date_in_coalesce() {
        use datafusion::functions::core::expr_fn::coalesce;

        let refused = Some("COALESCE types date and text cannot be matched".to_string());
        assert_eq!(words_of(coalesce(vec![col("born"), col("name")])), refused);
        assert_eq!(words_of(coalesce(vec![col("born"), lit("2020-01-01")])), None);
    }

    #[test]
    fn a_literal_in_quotes_has_no_type() {
        assert_eq!(words_of(col("id").eq(lit("5"))), None);
        assert_eq!(words_of(col("name").eq(lit("5"))), None);
        assert_eq!(words_of(col("born").between(lit("2020-01-01"), lit("2021-01-01"))), None);
        assert_eq!(words_of(col("id").gt(lit(1.5f64))), None);
    }
}
