//! Quotients of numerics whose last digit is rounded, half away from zero, as Postgres rounds it.
//!
//! Arrow cuts them. How many digits there are behind the point is the type's all the same, and not the values'.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Decimal256Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal256Type, i256};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result, SqlState};

/// What the function is called in plans.
pub(crate) const NAME: &str = "numeric_quotient";

/// `left / right`, both of them numeric, as a number of the type `to`.
pub(super) fn of(left: Expr, right: Expr, to: DataType) -> Expr {
    let function = Quotient { to, signature: Signature::any(2, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![left, right]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quotient {
    to: DataType,
    signature: Signature,
}

impl Quotient {
    fn infix(args: &[Expr], show: impl Fn(&Expr) -> String) -> String {
        args.iter().map(show).collect::<Vec<_>>().join(" / ")
    }

    fn divide(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
        let (DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale)) = self.to else {
            return Err(Error::internal("a quotient of numerics is no numeric"));
        };
        let scale_of = |array: &ArrayRef| match array.data_type() {
            DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Ok(*scale),
            _ => Err(Error::internal("a quotient of what is no numeric")),
        };
        let (from, by) = (scale_of(left)?, scale_of(right)?);
        let (left, right) = (wide(left, from)?, wide(right, by)?);
        let shift = i32::from(scale) - i32::from(from) + i32::from(by);
        let quotients = left.iter().zip(right.iter()).map(|pair| match pair {
            (Some(_), Some(divisor)) if divisor == i256::ZERO => {
                Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"))
            }
            (Some(number), Some(divisor)) => quotient(number, divisor, shift).map(Some).ok_or_else(overflow),
            _ => Ok(None),
        });
        if let DataType::Decimal256(..) = self.to {
            let numbers = quotients.collect::<Result<Vec<Option<i256>>>>()?;
            return Ok(Arc::new(Decimal256Array::from(numbers).with_precision_and_scale(precision, scale)?));
        }
        let numbers = quotients
            .map(|number| number?.map(|number| number.to_i128().ok_or_else(overflow)).transpose())
            .collect::<Result<Vec<Option<i128>>>>()?;
        Ok(Arc::new(Decimal128Array::from(numbers).with_precision_and_scale(precision, scale)?))
    }
}

fn overflow() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

fn wide(numbers: &ArrayRef, scale: i8) -> Result<Decimal256Array> {
    let numbers = cast(numbers, &DataType::Decimal256(76, scale))?;
    let numbers = numbers.as_primitive_opt::<Decimal256Type>();
    numbers.cloned().ok_or_else(|| Error::internal("a cast to numeric gave something else"))
}

/// A quotient times ten to the `shift`, rounded; none where it has too many digits.
fn quotient(number: i256, divisor: i256, shift: i32) -> Option<i256> {
    let power = i256::from_i128(10).checked_pow(shift.unsigned_abs())?;
    let (number, divisor) = match shift >= 0 {
        true => (number.checked_mul(power)?, divisor),
        false => (number, divisor.checked_mul(power)?),
    };
    let (cut, left) = (number.checked_div(divisor)?, number.checked_rem(divisor)?);
    // Half of the divisor or more.
    let (left, size) = (left.checked_abs()?, divisor.checked_abs()?);
    if left < size.checked_sub(left)? {
        return Some(cut);
    }
    let one = i256::from_i128(1);
    if number.is_negative() == divisor.is_negative() { cut.checked_add(one) } else { cut.checked_sub(one) }
}

impl ScalarUDFImpl for Quotient {
    fn name(&self) -> &str {
        NAME
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(Quotient::infix(args, |e| e.to_string()))
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(Quotient::infix(args, |e| e.schema_name().to_string()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return Err(Error::internal("a quotient has two operands").into());
        };
        if let (ColumnarValue::Scalar(left), ColumnarValue::Scalar(right)) = (left, right) {
            let one = self.divide(&left.to_array()?, &right.to_array()?)?;
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&one, 0)?));
        }
        let (left, right) = (left.to_array(args.number_rows)?, right.to_array(args.number_rows)?);
        Ok(ColumnarValue::Array(self.divide(&left, &right)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_digit_is_rounded() {
        let of = |number: i128, divisor: i128, shift| {
            quotient(i256::from_i128(number), i256::from_i128(divisor), shift).and_then(i256::to_i128)
        };
        assert_eq!(of(20, 3, 4), Some(66_667));
        assert_eq!(of(-20, 3, 4), Some(-66_667));
        assert_eq!(of(10, 3, 4), Some(33_333));
        assert_eq!((of(1, 2, 0), of(-1, 2, 0), of(1, -2, 0), of(-1, -2, 0)), (Some(1), Some(-1), Some(-1), Some(1)));
        assert_eq!((of(149, 1, -2), of(150, 1, -2)), (Some(1), Some(2)));
        assert_eq!(of(i128::MAX, 1, 76), None);
    }

    #[test]
    fn columns_are_divided() {
        let column = |numbers: Vec<Option<i128>>| -> ArrayRef {
            Arc::new(Decimal128Array::from(numbers).with_precision_and_scale(10, 2).unwrap())
        };
        let to = DataType::Decimal128(16, 6);
        let function = Quotient { to, signature: Signature::any(2, Volatility::Immutable) };
        let divided = function.divide(&column(vec![Some(200), None]), &column(vec![Some(300), Some(0)])).unwrap();
        let expected = Decimal128Array::from(vec![Some(666_667), None]).with_precision_and_scale(16, 6).unwrap();
        assert_eq!(divided.as_ref(), &expected as &dyn Array);
        let error = function.divide(&column(vec![Some(1)]), &column(vec![Some(0)])).unwrap_err();
        assert_eq!(error.state(), SqlState::DIVISION_BY_ZERO);
    }
}
