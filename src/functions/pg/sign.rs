//! `sign(number)`: -1, 0 or 1, numeric for a numeric.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// `sign`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("sign", &[Param::Any], returns, |call| {
        let Some(value) = call.values.first() else { return Ok(None) };
        if let DataType::Decimal128(..) = call.returns {
            let sign = match value {
                ScalarValue::Decimal128(Some(value), _, _) => value.signum(),
                ScalarValue::Decimal256(Some(value), _, _) => value.signum().as_i128(),
                _ => return Ok(None),
            };
            return Ok(Some(ScalarValue::Decimal128(Some(sign), 1, 0)));
        }
        match value.cast_to(&DataType::Float64)? {
            ScalarValue::Float64(Some(number)) => {
                let sign = if number > 0.0 {
                    1.0
                } else if number < 0.0 {
                    -1.0
                } else {
                    number.abs()
                };
                Ok(Some(ScalarValue::Float64(Some(sign))))
            }
            _ => Err(Error::new(SqlState::UNDEFINED_FUNCTION, "function sign takes a number")),
        }
    })
    .udf()
}

fn returns(fields: &[FieldRef]) -> PgType {
    match fields.first().map(|field| field.data_type()) {
        Some(DataType::Decimal128(..) | DataType::Decimal256(..)) => PgType::Numeric(Some((1, 0))),
        _ => PgType::Float8,
    }
}
