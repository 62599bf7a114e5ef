//! The functions and operators that ask by jsonpath.

use std::sync::Arc;

use datafusion::arrow::array::{ListArray, StringViewArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::super::convert::jsonb;
use super::super::scan::{Json, read};
use super::evaluate::{is_about_fit, items};
use super::parse::parse;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::row_function::{Call, Param, Spec, text};

/// `@?`
pub(in super::super) const EXISTS: &str = "onerow_jsonb_path_exists";
/// `@@`
pub(in super::super) const MATCHES: &str = "onerow_jsonb_path_match";

/// The value, the path, the variables, and whether errors of fit are left out.
const ASKED: &[Param] = &[Param::Json, Param::Text, Param::Json, Param::Bool];
const OPERANDS: &[Param] = &[Param::Json, Param::Text];

/// The functions of this file.
pub(in super::super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new("jsonb_path_exists", ASKED, |_| PgType::Bool, |call| exists(call, silent(call))).requires(2).udf(),
        Spec::new("jsonb_path_match", ASKED, |_| PgType::Bool, |call| matches(call, silent(call))).requires(2).udf(),
        Spec::new(
            "jsonb_path_query_first",
            ASKED,
            |_| PgType::Jsonb,
            |call| Ok(found(call, silent(call))?.0.into_iter().next().and_then(text)),
        )
        .requires(2)
        .udf(),
        Spec::new(
            "jsonb_path_query_array",
            ASKED,
            |_| PgType::Jsonb,
            |call| Ok(text(format!("[{}]", found(call, silent(call))?.0.join(", ")))),
        )
        .requires(2)
        .udf(),
        Spec::new(
            "onerow_jsonb_path_values",
            ASKED,
            |_| PgType::Array(Box::new(PgType::Jsonb)),
            |call| list(call, found(call, silent(call))?.0).map(Some),
        )
        .requires(2)
        .udf(),
        Spec::new(EXISTS, OPERANDS, |_| PgType::Bool, |call| exists(call, true)).udf(),
        Spec::new(MATCHES, OPERANDS, |_| PgType::Bool, |call| matches(call, true)).udf(),
    ]
}

fn silent(call: &Call<'_>) -> bool {
    call.truth(3).unwrap_or(false)
}

/// The items that are found; and whether there was an error of fit, which is left out.
fn found(call: &Call<'_>, silent: bool) -> Result<(Vec<String>, bool)> {
    let path = parse(call.text(1).unwrap_or_default())?;
    let value = jsonb(call.text(0).unwrap_or_default())?;
    let variables = match call.text(2) {
        Some(variables) => jsonb(variables)?,
        None => ScalarValue::Utf8View(Some("{}".to_string())),
    };
    let variables = variables.try_as_str().flatten().unwrap_or_default();
    if !matches!(read(variables)?, Json::Object(_)) {
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "\"vars\" argument is not an object")
            .with_detail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object."));
    }
    let mut found = vec![];
    match items(&path, value.try_as_str().flatten().unwrap_or_default(), variables, &mut found) {
        Ok(()) => Ok((found, false)),
        Err(error) if silent && is_about_fit(&error) => Ok((found, true)),
        Err(error) => Err(error),
    }
}

fn exists(call: &Call<'_>, silent: bool) -> Result<Option<ScalarValue>> {
    let (found, failed) = found(call, silent)?;
    Ok((!failed).then(|| ScalarValue::Boolean(Some(!found.is_empty()))))
}

fn matches(call: &Call<'_>, silent: bool) -> Result<Option<ScalarValue>> {
    let (found, _) = found(call, silent)?;
    if let [only] = found.as_slice() {
        match read(only)? {
            Json::Bool(truth) => return Ok(Some(ScalarValue::Boolean(Some(truth)))),
            Json::Null => return Ok(None),
            _ => {}
        }
    }
    if silent { Ok(None) } else { Err(Error::new(SqlState("22038"), "single boolean result is expected")) }
}

/// A list of the result's type, whose elements say what they are.
fn list(call: &Call<'_>, values: Vec<String>) -> Result<ScalarValue> {
    let DataType::List(item) = call.returns else { return Err(Error::internal("a list that is none")) };
    let values = StringViewArray::from_iter_values(values);
    let ends = OffsetBuffer::from_lengths([datafusion::arrow::array::Array::len(&values)]);
    Ok(ScalarValue::List(Arc::new(ListArray::try_new(Arc::clone(item), ends, Arc::new(values), None)?)))
}
