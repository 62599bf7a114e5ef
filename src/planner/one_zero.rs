//! The two zeros of floating point numbers are one where rows are sorted and told apart.
//!
//! Here they are sorted by their bits, -0 before 0, and so a number with zero added is sorted in the place of the
//! number: -0 + 0 is 0, and everything else stays what it is.

use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::arithmetic;

/// A floating point number of this type, and 0 for -0.
pub(super) fn one_zero(number: Expr, of: &DataType) -> DfResult<Expr> {
    let zero = Expr::Literal(ScalarValue::new_zero(of)?, None);
    Ok(Expr::BinaryExpr(BinaryExpr { left: Box::new(number), op: Operator::Plus, right: Box::new(zero) }))
}

/// The number to which a zero is added; any other expression as it is. It sorts alike for who takes the zeros for one.
pub(crate) fn with_any_zero(expr: &Expr) -> &Expr {
    let (number, added) = match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Plus, right }) => (left.as_ref(), right.as_ref()),
        Expr::ScalarFunction(call) => match (arithmetic::operators(call), call.args.as_slice()) {
            (Some([Operator::Plus]), [number, added]) => (number, added),
            _ => return expr,
        },
        _ => return expr,
    };
    if is_zero(added) { number } else { expr }
}

/// An expression without the zeros that are added to it in the end: one for each time that it was planned.
pub(crate) fn without_zeros(expr: Expr) -> Expr {
    let number = match &expr {
        Expr::ScalarFunction(call) => {
            let is_added = arithmetic::operators(call).and_then(<[Operator]>::last) == Some(&Operator::Plus)
                && call.args.last().is_some_and(is_zero);
            if is_added { arithmetic::without_last(call) } else { None }
        }
        other => Some(with_any_zero(other)).filter(|number| *number != other).cloned(),
    };
    match number {
        Some(number) => without_zeros(number),
        None => expr,
    }
}

/// Whether an expression is the zero that [`one_zero`] adds.
fn is_zero(added: &Expr) -> bool {
    match added {
        Expr::Literal(ScalarValue::Float64(Some(zero)), _) => zero.to_bits() == 0,
        Expr::Literal(ScalarValue::Float32(Some(zero)), _) => zero.to_bits() == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    #[test]
    fn only_an_added_zero_is_taken_away() {
        let number = col("a");
        for of in [DataType::Float32, DataType::Float64] {
            let added = one_zero(number.clone(), &of).unwrap();
            assert_eq!(with_any_zero(&added), &number);
            assert_eq!(without_zeros(one_zero(added, &of).unwrap()), number);
        }
        for other in [number.clone() + lit(1.0), number.clone() + lit(-0.0), number.clone() - lit(0.0), number] {
            assert_eq!(with_any_zero(&other), &other);
            assert_eq!(without_zeros(other.clone()), other);
        }
    }
}
