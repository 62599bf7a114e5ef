//! `div(a, b)`: the whole part of a quotient, as numeric.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal256Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal256Type, i256};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// `div`
pub(super) fn udf() -> ScalarUDF {
    Spec::new(
        "div",
        &[Param::Any, Param::Any],
        |_| PgType::Numeric(Some((38, 0))),
        |call| {
            let scale = call.values.iter().map(|value| scale_of(&value.data_type())).max().unwrap_or(0);
            let (Some(left), Some(right)) =
                (unscaled(call.values.first(), scale)?, unscaled(call.values.get(1), scale)?)
            else {
                return Ok(None);
            };
            if right == i256::ZERO {
                return Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"));
            }
            let quotient = left
                .checked_div(right)
                .and_then(|q| q.to_i128())
                .filter(|q| q.unsigned_abs() < 10u128.pow(38))
                .ok_or_else(|| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format"))?;
            Ok(Some(ScalarValue::Decimal128(Some(quotient), 38, 0)))
        },
    )
    .udf()
}

fn scale_of(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale,
        DataType::Float32 | DataType::Float64 | DataType::Utf8 | DataType::Utf8View => 10,
        _ => 0,
    }
}

fn unscaled(value: Option<&ScalarValue>, scale: i8) -> Result<Option<i256>> {
    let Some(value) = value else { return Ok(None) };
    let array: ArrayRef = cast(&value.to_array()?, &DataType::Decimal256(76, scale))?;
    let array: &Decimal256Array = array
        .as_primitive_opt::<Decimal256Type>()
        .ok_or_else(|| Error::internal("a cast to numeric gave something else"))?;
    Ok((!array.is_empty() && array.is_valid(0)).then(|| array.value(0)))
}
