//! `||` of `jsonb`, and `-`: members and elements that are left out.

use datafusion::arrow::datatypes::FieldRef;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::convert::{jsonb, quoted};
use super::scan::{Json, read};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::limited::{MOST, too_large};
use crate::functions::pg::row_function::{Call, Param, Spec};

/// `||`
pub(super) const CONCAT: &str = "onerow_jsonb_concat";
/// `jsonb - text`
pub(super) const WITHOUT: &str = "onerow_jsonb_delete";
/// `jsonb - integer`
pub(super) const WITHOUT_ELEMENT: &str = "onerow_jsonb_delete_element";
/// `jsonb - text[]`
pub(super) const WITHOUT_ALL: &str = "onerow_jsonb_delete_all";

/// The functions of this file.
pub(super) fn all() -> Vec<ScalarUDF> {
    let returns = |_: &[FieldRef]| PgType::Jsonb;
    vec![
        Spec::new(CONCAT, &[Param::Json, Param::Json], returns, |call| concat(call).map(Some)).udf(),
        Spec::new(WITHOUT, &[Param::Json, Param::Text], returns, |call| {
            let name = call.text(1).unwrap_or_default().to_string();
            without(call.text(0).unwrap_or_default(), &[Some(name)]).map(Some)
        })
        .udf(),
        Spec::new(WITHOUT_ALL, &[Param::Json, Param::Texts], returns, |call| {
            without(call.text(0).unwrap_or_default(), &call.texts(1)?.unwrap_or_default()).map(Some)
        })
        .udf(),
        Spec::new(WITHOUT_ELEMENT, &[Param::Json, Param::Int], returns, |call| {
            without_element(call.text(0).unwrap_or_default(), call.int(1).unwrap_or_default()).map(Some)
        })
        .udf(),
    ]
}

/// Two objects become one, in which the second's members count; all else is elements of an array.
fn concat(call: &Call<'_>) -> Result<ScalarValue> {
    let (one, other) = (call.text(0).unwrap_or_default(), call.text(1).unwrap_or_default());
    let bytes = one.len() as u64 + other.len() as u64;
    if bytes > MOST {
        return Err(too_large("What || gives", bytes));
    }
    jsonb(&match (read(one)?, read(other)?) {
        (Json::Object(one), Json::Object(other)) => {
            object(one.iter().chain(&other).map(|(name, value)| (name.as_str(), *value)))
        }
        (left, right) => {
            let mut parts = elements(left, one);
            parts.extend(elements(right, other));
            format!("[{}]", parts.join(", "))
        }
    })
}

/// An array's elements; anything else is one.
fn elements<'a>(value: Json<'a>, text: &'a str) -> Vec<&'a str> {
    match value {
        Json::Array(elements) => elements,
        _ => vec![text],
    }
}

fn object<'a>(members: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let members: Vec<String> = members.map(|(name, value)| format!("{}: {value}", quoted(name))).collect();
    format!("{{{}}}", members.join(", "))
}

/// Without the members of these names, or the elements that are these texts.
fn without(whole: &str, names: &[Option<String>]) -> Result<ScalarValue> {
    let is_named = |name: &str| names.iter().flatten().any(|known| known == name);
    jsonb(&match read(whole)? {
        Json::Object(members) => {
            object(members.iter().filter(|(name, _)| !is_named(name)).map(|(name, value)| (name.as_str(), *value)))
        }
        Json::Array(elements) => {
            let mut parts = vec![];
            for element in elements {
                if !matches!(read(element)?, Json::Text(text) if is_named(&text)) {
                    parts.push(element);
                }
            }
            format!("[{}]", parts.join(", "))
        }
        _ => return Err(wrong("cannot delete from scalar")),
    })
}

/// Without the element of this number; one that is negative counts from the end.
fn without_element(whole: &str, number: i64) -> Result<ScalarValue> {
    let elements = match read(whole)? {
        Json::Array(elements) => elements,
        Json::Object(_) => return Err(wrong("cannot delete from object using integer index")),
        _ => return Err(wrong("cannot delete from scalar")),
    };
    let count = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let at = if number < 0 { number.saturating_add(count) } else { number };
    let at = usize::try_from(at).ok();
    let kept: Vec<&str> =
        elements.iter().enumerate().filter(|(nth, _)| Some(*nth) != at).map(|(_, element)| *element).collect();
    jsonb(&format!("[{}]", kept.join(", ")))
}

/// 22023
fn wrong(message: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
