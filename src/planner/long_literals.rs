//! Numeric literals of very many digits that are compared: zeros behind the point take digits from what stands beside.
//!
//! Two numerics are compared with the digits of both, of which there may be 76. `0.` and 65 zeros would leave eleven for
//! the digits before the point, and DataFusion finds no type for some.

use datafusion::arrow::datatypes::i256;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;

/// A literal of more digits than a numeric of 128 bits has, without the zeros at its end; any other expression as it is.
pub(super) fn shortened(expr: &mut Expr) {
    let Expr::Literal(literal, _) = expr else { return };
    let ScalarValue::Decimal256(Some(value), precision, scale) = literal else { return };
    let ten = i256::from_i128(10);
    while *scale > 0 && value.checked_rem(ten) == Some(i256::ZERO) {
        let Some(shorter) = value.checked_div(ten) else { return };
        *value = shorter;
        *scale -= 1;
        *precision = precision.saturating_sub(1).max(1);
    }
    if let (Some(value), 0..=38) = (value.to_i128(), *precision) {
        let short = ScalarValue::Decimal128(Some(value), *precision, *scale);
        *literal = short;
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::lit;

    use super::*;

    #[test]
    fn zeros_at_the_end_are_left_out() {
        let of =
            |value: i128, precision, scale| ScalarValue::Decimal256(Some(i256::from_i128(value)), precision, scale);
        let short = |value| {
            let mut expr = lit(value);
            shortened(&mut expr);
            expr
        };
        assert_eq!(short(of(0, 65, 65)), lit(ScalarValue::Decimal128(Some(0), 1, 0)));
        assert_eq!(short(of(1_500, 50, 3)), lit(of(15, 48, 1)));
        assert_eq!(short(of(15, 50, 40)), lit(of(15, 50, 40)));
    }
}
