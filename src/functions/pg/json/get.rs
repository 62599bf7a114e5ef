//! `->`, `->>`, `#>`, `#>>` and the functions that are the same: parts of a value by name, number or path.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::scan::{Json, member, read};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::row_function::{Call, Param, Spec, returns_text, text};

/// `->`
pub(super) const GET: &str = "onerow_json_get";
/// `->>`
pub(super) const GET_TEXT: &str = "onerow_json_get_text";
/// `#>`
pub(super) const PATH: &str = "onerow_json_path";
/// `#>>`
pub(super) const PATH_TEXT: &str = "onerow_json_path_text";

const VALUE_AND_KEY: &[Param] = &[Param::Text, Param::Any];
const VALUE_AND_PATH: &[Param] = &[Param::Text, Param::Texts];
const VALUE_AND_STEPS: &[Param] = &[Param::Text, Param::Text];

/// The functions of this file.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new(GET, VALUE_AND_KEY, part, |call| Ok(step(call)?.and_then(text))).udf(),
        Spec::new(GET_TEXT, VALUE_AND_KEY, returns_text, |call| step(call)?.map_or(Ok(None), plain)).udf(),
        Spec::new(PATH, VALUE_AND_PATH, part, |call| Ok(path(call)?.and_then(text))).udf(),
        Spec::new(PATH_TEXT, VALUE_AND_PATH, returns_text, |call| path(call)?.map_or(Ok(None), plain)).udf(),
        Spec::new("json_extract_path", VALUE_AND_STEPS, |_| PgType::Json, |call| Ok(steps(call)?.and_then(text)))
            .many()
            .requires(1)
            .udf(),
        Spec::new("jsonb_extract_path", VALUE_AND_STEPS, |_| PgType::Jsonb, |call| Ok(steps(call)?.and_then(text)))
            .many()
            .requires(1)
            .udf(),
        Spec::new("json_extract_path_text", VALUE_AND_STEPS, returns_text, |call| steps(call)?.map_or(Ok(None), plain))
            .many()
            .requires(1)
            .udf(),
        Spec::new("jsonb_extract_path_text", VALUE_AND_STEPS, returns_text, |call| {
            steps(call)?.map_or(Ok(None), plain)
        })
        .many()
        .requires(1)
        .udf(),
    ]
}

/// A part is of the type of the whole.
fn part(fields: &[FieldRef]) -> PgType {
    match fields.first().map(|field| PgType::of_field(field)) {
        Some(PgType::Json) => PgType::Json,
        _ => PgType::Jsonb,
    }
}

/// A value as text: a text without its quotes, `null` as NULL, anything else as it is written.
fn plain(value: &str) -> Result<Option<ScalarValue>> {
    Ok(match read(value)? {
        Json::Null => None,
        Json::Text(words) => text(words),
        _ => text(value),
    })
}

/// One step by a name or a number, as the key's type says.
fn step<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>> {
    let Some(whole) = call.text(0) else { return Ok(None) };
    let value = read(whole)?;
    if let Some(name) = call.text(1) {
        return Ok(match value {
            Json::Object(members) => member(&members, name),
            _ => None,
        });
    }
    match call.values.get(1).map(|key| key.cast_to(&DataType::Int64)).transpose()? {
        Some(ScalarValue::Int64(Some(number))) => Ok(match value {
            Json::Array(elements) => element(&elements, number),
            Json::Object(_) => None,
            // A jsonb that is neither is kept as the only element of an array.
            _ => (call.pg_type(0) != Some(PgType::Json)).then(|| element(&[whole], number)).flatten(),
        }),
        _ => Err(Error::new(SqlState::UNDEFINED_FUNCTION, "operator -> takes a name or a number")),
    }
}

/// An element by its number from 0, or from -1 backwards.
fn element<'a>(elements: &[&'a str], number: i64) -> Option<&'a str> {
    let count = i64::try_from(elements.len()).ok()?;
    let at = if number < 0 { number.checked_add(count)? } else { number };
    elements.get(usize::try_from(at).ok()?).copied()
}

/// Steps by an array of names and numbers; a null among them leads nowhere.
fn path<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>> {
    let Some(whole) = call.text(0) else { return Ok(None) };
    let Some(ScalarValue::List(list)) = call.values.get(1) else { return Ok(None) };
    if list.is_empty() || list.is_null(0) {
        return Ok(None);
    }
    let names = list.value(0);
    let Some(names) = names.as_string_view_opt() else {
        return Err(Error::new(SqlState::UNDEFINED_FUNCTION, "operator #> takes an array of text"));
    };
    walk(whole, names.iter())
}

/// Steps by arguments.
fn steps<'a>(call: &'a Call<'_>) -> Result<Option<&'a str>> {
    let Some(whole) = call.text(0) else { return Ok(None) };
    walk(whole, (1..call.values.len()).map(|at| call.text(at)))
}

fn walk<'a, 'n>(whole: &'a str, names: impl Iterator<Item = Option<&'n str>>) -> Result<Option<&'a str>> {
    let mut value = whole;
    for name in names {
        let Some(name) = name else { return Ok(None) };
        let next = match read(value)? {
            Json::Object(members) => member(&members, name),
            Json::Array(elements) => name.trim().parse().ok().and_then(|number| element(&elements, number)),
            _ => None,
        };
        match next {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}
