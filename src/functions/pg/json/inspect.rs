//! What a value is: `json_typeof`, `json_array_length`, for `jsonb` too.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::scan::{Json, read};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::row_function::{Call, Param, Spec, returns_text, text};

/// The functions of this file.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new("json_typeof", &[Param::Text], returns_text, kind).udf(),
        Spec::new("jsonb_typeof", &[Param::Text], returns_text, kind).udf(),
        Spec::new("json_array_length", &[Param::Text], |_| PgType::Int4, length).udf(),
        Spec::new("jsonb_array_length", &[Param::Text], |_| PgType::Int4, length).udf(),
    ]
}

fn kind(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    Ok(text(match read(call.text(0).unwrap_or_default())? {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::Text(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }))
}

fn length(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    match read(call.text(0).unwrap_or_default())? {
        Json::Array(elements) => Ok(Some(ScalarValue::Int32(i32::try_from(elements.len()).ok()))),
        Json::Object(_) => Err(wrong("cannot get array length of a non-array")),
        _ => Err(wrong("cannot get array length of a scalar")),
    }
}

fn wrong(message: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
