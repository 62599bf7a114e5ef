//! `to_hex(number)`: a negative number in two's complement, of as many bits as its type has.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec, returns_text, text};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// `to_hex`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("to_hex", &[Param::Any], returns_text, |call| {
        Ok(text(match call.values.first() {
            Some(ScalarValue::Int16(Some(number))) => format!("{:x}", i32::from(*number)),
            Some(ScalarValue::Int32(Some(number))) => format!("{number:x}"),
            Some(ScalarValue::Int64(Some(number))) => format!("{number:x}"),
            Some(other) => {
                let message = format!("function to_hex({}) does not exist", PgType::of_arrow(&other.data_type()));
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message));
            }
            None => return Ok(None),
        }))
    })
    .udf()
}
