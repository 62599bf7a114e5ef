//! The elements of an array and the members of an object as lists: `json_array_elements`, `json_object_keys` and
//! `json_each` are these, a row for each; see `planner::forms`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ListArray, StringViewArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::scan::{Json, member, read};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::row_function::{Call, Param, Spec};

const VALUE: &[Param] = &[Param::Text];
/// The value, and the function that it was given to.
const FOR_CALLER: &[Param] = &[Param::Text, Param::Text];

/// The value, and a key of its elements.
const WITH_KEY: &[Param] = &[Param::Text, Param::Text];

/// The functions of this file.
pub(super) fn all() -> Vec<ScalarUDF> {
    let of = |name, returns: fn(&[FieldRef]) -> PgType, body| Spec::new(name, VALUE, returns, body).udf();
    let texts = |_: &[FieldRef]| PgType::Array(Box::new(PgType::Text));
    let jsons = |_: &[FieldRef]| PgType::Array(Box::new(PgType::Json));
    let jsonbs = |_: &[FieldRef]| PgType::Array(Box::new(PgType::Jsonb));
    let of_key = |name, returns: fn(&[FieldRef]) -> PgType, body| Spec::new(name, WITH_KEY, returns, body).udf();
    vec![
        of_key("onerow_json_element_members", jsons, |call| element_members(call, "json_array_elements", false)),
        of_key("onerow_jsonb_element_members", jsonbs, |call| element_members(call, "jsonb_array_elements", false)),
        of_key("onerow_json_element_member_texts", texts, |call| element_members(call, "json_array_elements", true)),
        of_key("onerow_jsonb_element_member_texts", texts, |call| element_members(call, "jsonb_array_elements", true)),
        of("onerow_json_elements", jsons, |call| elements(call, "json_array_elements", false)),
        of("onerow_jsonb_elements", jsonbs, |call| elements(call, "jsonb_array_elements", false)),
        of("onerow_json_element_texts", texts, |call| elements(call, "json_array_elements_text", true)),
        of("onerow_jsonb_element_texts", texts, |call| elements(call, "jsonb_array_elements_text", true)),
        of("onerow_json_keys", texts, |call| keys(call, "json_object_keys")),
        of("onerow_jsonb_keys", texts, |call| keys(call, "jsonb_object_keys")),
        of("onerow_json_names", texts, |call| names(call, "json_each")),
        of("onerow_jsonb_names", texts, |call| names(call, "jsonb_each")),
        of("onerow_json_values", jsons, |call| values(call, "json_each", false)),
        of("onerow_jsonb_values", jsonbs, |call| values(call, "jsonb_each", false)),
        of("onerow_json_value_texts", texts, |call| values(call, "json_each_text", true)),
        of("onerow_jsonb_value_texts", texts, |call| values(call, "jsonb_each_text", true)),
        Spec::new("onerow_json_array_literal", VALUE, |_| PgType::Text, |call| array_literal(call, false)).udf(),
        Spec::new("onerow_json_array_of_json", VALUE, |_| PgType::Text, |call| array_literal(call, true)).udf(),
        Spec::new("onerow_json_record", FOR_CALLER, |_| PgType::Json, object).udf(),
        Spec::new("onerow_jsonb_record", FOR_CALLER, |_| PgType::Jsonb, object).udf(),
        Spec::new("onerow_json_records", FOR_CALLER, jsons, objects).udf(),
        Spec::new("onerow_jsonb_records", FOR_CALLER, jsonbs, objects).udf(),
    ]
}

/// The elements of the array in the first argument, each as it is written.
fn array<'a>(call: &'a Call<'_>, name: &str) -> Result<Vec<&'a str>> {
    match read(call.text(0).unwrap_or_default())? {
        Json::Array(elements) => Ok(elements),
        Json::Object(_) if name.starts_with("jsonb") => Err(wrong("cannot extract elements from an object")),
        Json::Object(_) => Err(wrong(&format!("cannot call {name} on a non-array"))),
        _ if name.starts_with("jsonb") => Err(wrong("cannot extract elements from a scalar")),
        _ => Err(wrong(&format!("cannot call {name} on a scalar"))),
    }
}

/// Of each element the member of one name; NULL for one that has none.
fn element_members(call: &Call<'_>, name: &str, plain: bool) -> Result<Option<ScalarValue>> {
    let key = call.text(1).unwrap_or_default();
    let of_element = |element: &str| match read(element)? {
        Json::Object(members) => match member(&members, key) {
            Some(value) => written(value, plain),
            None => Ok(None),
        },
        _ => Ok(None),
    };
    let found = array(call, name)?.into_iter().map(of_element).collect::<Result<Vec<_>>>()?;
    list(call, found).map(Some)
}

fn elements(call: &Call<'_>, name: &str, plain: bool) -> Result<Option<ScalarValue>> {
    let found = array(call, name)?;
    let found = found.into_iter().map(|element| written(element, plain)).collect::<Result<Vec<_>>>()?;
    list(call, found).map(Some)
}

fn keys(call: &Call<'_>, name: &str) -> Result<Option<ScalarValue>> {
    match read(call.text(0).unwrap_or_default())? {
        Json::Object(members) => list(call, members.into_iter().map(|(key, _)| Some(key)).collect()).map(Some),
        Json::Array(_) => Err(wrong(&format!("cannot call {name} on an array"))),
        _ => Err(wrong(&format!("cannot call {name} on a scalar"))),
    }
}

fn names(call: &Call<'_>, name: &str) -> Result<Option<ScalarValue>> {
    let members = members(call, name)?;
    list(call, members.into_iter().map(|(key, _)| Some(key)).collect()).map(Some)
}

fn values(call: &Call<'_>, name: &str, plain: bool) -> Result<Option<ScalarValue>> {
    let members = members(call, name)?;
    let values = members.into_iter().map(|(_, value)| written(value, plain)).collect::<Result<Vec<_>>>()?;
    list(call, values).map(Some)
}

fn members<'a>(call: &'a Call<'_>, name: &str) -> Result<Vec<(String, &'a str)>> {
    match read(call.text(0).unwrap_or_default())? {
        Json::Object(members) => Ok(members),
        _ if name.starts_with("jsonb") => Err(wrong(&format!("cannot call {name} on a non-object"))),
        Json::Array(_) => Err(wrong("cannot deconstruct an array as an object")),
        _ => Err(wrong("cannot deconstruct a scalar")),
    }
}

/// An object as it is; 22023 for anything else.
fn object(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let value = call.text(0).unwrap_or_default();
    match read(value)? {
        Json::Object(_) => Ok(Some(ScalarValue::Utf8View(Some(value.to_string())))),
        _ => Err(wrong(&format!("cannot call {} on a non-object", call.text(1).unwrap_or_default()))),
    }
}

/// An array's elements; 22023 for anything else, and for an element that is no object.
fn objects(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let name = call.text(1).unwrap_or_default();
    let Json::Array(elements) = read(call.text(0).unwrap_or_default())? else {
        return Err(wrong(&format!("cannot call {name} on a non-array")));
    };
    let mut found = Vec::with_capacity(elements.len());
    for element in elements {
        match read(element)? {
            Json::Object(_) => found.push(Some(element.to_string())),
            _ => return Err(wrong(&format!("argument of {name} must be an array of objects"))),
        }
    }
    list(call, found).map(Some)
}

/// A JSON array as the text of an array of SQL; `of_json` where its elements stay JSON. A JSON string is such a text
/// itself.
fn array_literal(call: &Call<'_>, of_json: bool) -> Result<Option<ScalarValue>> {
    let literal = match read(call.text(0).unwrap_or_default())? {
        Json::Null => return Ok(None),
        Json::Text(words) => words,
        Json::Array(elements) => in_braces(elements, of_json)?,
        _ => return Err(Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "expected JSON array")),
    };
    Ok(Some(ScalarValue::Utf8View(Some(literal))))
}

fn in_braces(elements: Vec<&str>, of_json: bool) -> Result<String> {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let parts = elements.into_iter().map(|element| {
        Ok(match read(element)? {
            Json::Null => "NULL".to_string(),
            Json::Array(inner) if !of_json => in_braces(inner, of_json)?,
            Json::Text(words) if !of_json => quoted(&words),
            _ => quoted(element),
        })
    });
    Ok(format!("{{{}}}", parts.collect::<Result<Vec<_>>>()?.join(",")))
}

/// A value as it is written, or plain: a text without its quotes, `null` as NULL.
fn written(value: &str, plain: bool) -> Result<Option<String>> {
    if !plain {
        return Ok(Some(value.to_string()));
    }
    Ok(match read(value)? {
        Json::Null => None,
        Json::Text(words) => Some(words),
        _ => Some(value.to_string()),
    })
}

/// A list of the result's type, whose elements say what they are.
fn list(call: &Call<'_>, values: Vec<Option<String>>) -> Result<ScalarValue> {
    let DataType::List(item) = call.returns else { return Err(Error::internal("a list that is none")) };
    let values: StringViewArray = values.into_iter().collect();
    let ends = OffsetBuffer::from_lengths([values.len()]);
    Ok(ScalarValue::List(Arc::new(ListArray::try_new(Arc::clone(item), ends, Arc::new(values), None)?)))
}

/// 22023
fn wrong(message: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
