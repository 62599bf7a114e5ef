//! JSON from values: `to_json`, `json_build_object`, `json_build_array`, for `jsonb` too.

use datafusion::arrow::datatypes::FieldRef;
use datafusion::logical_expr::{ScalarUDF, Volatility};
use datafusion::scalar::ScalarValue;

use super::convert::{json, jsonb, no_name, quoted, words};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::row_function::{Call, Param, Spec, text};

/// Any number of arguments of any type.
const ANY: &[Param] = &[Param::Any];

/// The functions of this file. They are stable: a `timestamptz` is shown on the session's clock.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new("to_json", ANY, |_| PgType::Json, |call| Ok(text(json(call, 0)?))).is(Volatility::Stable).udf(),
        Spec::new("to_jsonb", ANY, |_| PgType::Jsonb, |call| Ok(Some(jsonb(&json(call, 0)?)?)))
            .is(Volatility::Stable)
            .udf(),
        Spec::new(
            "array_to_json",
            ANY,
            |_| PgType::Json,
            |call| match call.pg_type(0) {
                Some(PgType::Array(_)) => Ok(text(json(call, 0)?)),
                given => Err(no_function("array_to_json", given)),
            },
        )
        .is(Volatility::Stable)
        .udf(),
        Spec::new(
            "row_to_json",
            ANY,
            |_| PgType::Json,
            |call| match call.pg_type(0) {
                Some(PgType::Record) => Ok(text(json(call, 0)?)),
                given => Err(no_function("row_to_json", given)),
            },
        )
        .is(Volatility::Stable)
        .udf(),
        any("json_build_object", |_| PgType::Json, |call| Ok(text(object(call)?))),
        any("jsonb_build_object", |_| PgType::Jsonb, |call| Ok(Some(jsonb(&object(call)?)?))),
        any("json_build_array", |_| PgType::Json, |call| Ok(text(array(call)?))),
        any("jsonb_build_array", |_| PgType::Jsonb, |call| Ok(Some(jsonb(&array(call)?)?))),
    ]
}

fn any(
    name: &'static str,
    returns: fn(&[FieldRef]) -> PgType,
    body: fn(&Call<'_>) -> Result<Option<ScalarValue>>,
) -> ScalarUDF {
    Spec::new(name, ANY, returns, body).requires(0).many().called_on_null().is(Volatility::Stable).udf()
}

/// 42883
fn no_function(name: &str, given: Option<PgType>) -> Error {
    let given = given.map(|given| given.to_string()).unwrap_or_default();
    Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {name}({given}) does not exist"))
}

fn object(call: &Call<'_>) -> Result<String> {
    if !call.values.len().is_multiple_of(2) {
        return Err(no_name("argument list must have even number of elements".to_string())
            .with_hint("The arguments of json_build_object() must consist of alternating keys and values."));
    }
    let mut members = Vec::with_capacity(call.values.len() / 2);
    for at in (0..call.values.len()).step_by(2) {
        let name = words(call, at)?.ok_or_else(|| {
            no_name(format!("argument {} cannot be null", at + 1)).with_hint("Object keys should be text.")
        })?;
        members.push(format!("{} : {}", quoted(&name), json(call, at + 1)?));
    }
    Ok(format!("{{{}}}", members.join(", ")))
}

fn array(call: &Call<'_>) -> Result<String> {
    let parts = (0..call.values.len()).map(|at| json(call, at)).collect::<Result<Vec<_>>>()?;
    Ok(format!("[{}]", parts.join(", ")))
}

/// `name : value`, as one text.
pub(super) fn member(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let name = words(call, 0)?.ok_or_else(|| no_name("field name must not be null".to_string()))?;
    Ok(text(format!("{} : {}", quoted(&name), call.text(1).unwrap_or("null"))))
}
