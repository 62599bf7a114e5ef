//! Values with a part changed, by a path to it: `jsonb_set`, `jsonb_set_lax`, `jsonb_insert`, `#-`.
//!
//! The rules are those of `setPath` in PostgreSQL's `jsonfuncs.c`: a number may count from the end, one beyond an
//! array's ends means its nearer end, and what is not there is only made at the last step.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::convert::{jsonb, quoted};
use super::scan::{Json, read};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::row_function::{Call, Param, Spec};

/// `#-`
pub(super) const DELETE_PATH: &str = "onerow_jsonb_delete_path";

const SET: &[Param] = &[Param::Json, Param::Texts, Param::Json, Param::Bool];
const SET_LAX: &[Param] = &[Param::Json, Param::Texts, Param::Json, Param::Bool, Param::Text];

/// The functions of this file.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new("jsonb_set", SET, |_| PgType::Jsonb, |call| set(call).map(Some)).requires(3).udf(),
        Spec::new("jsonb_set_lax", SET_LAX, |_| PgType::Jsonb, set_lax).requires(3).called_on_null().udf(),
        Spec::new("jsonb_insert", SET, |_| PgType::Jsonb, |call| insert(call).map(Some)).requires(3).udf(),
        Spec::new(
            DELETE_PATH,
            &[Param::Json, Param::Texts],
            |_| PgType::Jsonb,
            |call| changed(call.text(0), &path_of(call)?, Change::Delete).map(Some),
        )
        .udf(),
    ]
}

/// What is done to the part that a path leads to.
#[derive(Clone, Copy)]
enum Change<'a> {
    /// It becomes this. Where there is none it is made, if that is wanted.
    Set { value: &'a str, create: bool },
    /// This is put beside it.
    Insert { value: &'a str, after: bool },
    /// It is left out.
    Delete,
}

impl<'a> Change<'a> {
    /// What is put where nothing is.
    fn new_value(self) -> Option<&'a str> {
        match self {
            Change::Set { value, create: true } | Change::Insert { value, .. } => Some(value),
            Change::Set { create: false, .. } | Change::Delete => None,
        }
    }
}

fn set(call: &Call<'_>) -> Result<ScalarValue> {
    let value = call.text(2).unwrap_or_default();
    changed(call.text(0), &path_of(call)?, Change::Set { value, create: call.truth(3).unwrap_or(true) })
}

fn insert(call: &Call<'_>) -> Result<ScalarValue> {
    let value = call.text(2).unwrap_or_default();
    changed(call.text(0), &path_of(call)?, Change::Insert { value, after: call.truth(3).unwrap_or(false) })
}

/// What a new value that is NULL means is said by the last argument.
fn set_lax(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let given = call.values.len();
    let is_null = |at: usize| at < given && call.values.get(at).is_none_or(ScalarValue::is_null);
    if is_null(0) || is_null(1) || is_null(3) {
        return Ok(None);
    }
    let wrong = || {
        Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
        )
    };
    if is_null(4) {
        return Err(wrong());
    }
    if !is_null(2) {
        return set(call).map(Some);
    }
    let path = path_of(call)?;
    match call.text(4).unwrap_or("use_json_null") {
        "use_json_null" => {
            let create = call.truth(3).unwrap_or(true);
            changed(call.text(0), &path, Change::Set { value: "null", create }).map(Some)
        }
        "delete_key" => changed(call.text(0), &path, Change::Delete).map(Some),
        "return_target" => jsonb(call.text(0).unwrap_or_default()).map(Some),
        "raise_exception" => Err(Error::new(SqlState("22004"), "JSON value must not be null")
            .with_detail("Exception was raised because null_value_treatment is \"raise_exception\".")
            .with_hint(
                "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.",
            )),
        _ => Err(wrong()),
    }
}

fn path_of(call: &Call<'_>) -> Result<Vec<Option<String>>> {
    Ok(call.texts(1)?.unwrap_or_default())
}

fn changed(whole: Option<&str>, path: &[Option<String>], change: Change<'_>) -> Result<ScalarValue> {
    let whole = whole.unwrap_or_default();
    let is_empty = match read(whole)? {
        Json::Object(members) => members.is_empty(),
        Json::Array(elements) => elements.is_empty(),
        _ => {
            let what = if matches!(change, Change::Delete) { "delete" } else { "set" };
            let message = format!("cannot {what} path in scalar");
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        }
    };
    if path.is_empty() || is_empty && change.new_value().is_none() {
        return jsonb(whole);
    }
    jsonb(&step(whole, path, 0, change)?)
}

/// A value with the change made at the end of the rest of the path, from its step `level` on.
fn step(whole: &str, path: &[Option<String>], level: usize, change: Change<'_>) -> Result<String> {
    let Some(name) = path.get(level) else { return Ok(whole.to_string()) };
    let Some(name) = name else {
        return Err(Error::new(SqlState("22004"), format!("path element at position {} is null", level + 1)));
    };
    let is_last = level + 1 == path.len();
    match read(whole)? {
        Json::Object(members) => {
            let mut parts = Vec::with_capacity(members.len() + 1);
            // Of equal names the last one counts, and the others are gone in the end.
            let found = members.iter().rposition(|(key, _)| key == name);
            for (at, (key, value)) in members.iter().enumerate() {
                let value = match (found == Some(at), is_last, change) {
                    (false, ..) => (*value).to_string(),
                    (true, false, _) => step(value, path, level + 1, change)?,
                    (true, true, Change::Delete) => continue,
                    (true, true, Change::Set { value, .. }) => value.to_string(),
                    (true, true, Change::Insert { .. }) => {
                        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "cannot replace existing key")
                            .with_hint("Try using the function jsonb_set to replace key value."));
                    }
                };
                if matches!((change, is_last), (Change::Delete, true)) && key == name {
                    continue;
                }
                parts.push(format!("{}: {value}", quoted(key)));
            }
            if let (None, true, Some(value)) = (found, is_last, change.new_value()) {
                parts.push(format!("{}: {value}", quoted(name)));
            }
            Ok(format!("{{{}}}", parts.join(", ")))
        }
        Json::Array(elements) => {
            let place = place(name, level, elements.len())?;
            let mut parts: Vec<String> = Vec::with_capacity(elements.len() + 1);
            if let (Place::Before, true, Some(value)) = (place, is_last, change.new_value()) {
                parts.push(value.to_string());
            }
            for (at, element) in elements.iter().enumerate() {
                match (place == Place::At(at), is_last, change) {
                    (false, ..) => parts.push((*element).to_string()),
                    (true, false, _) => parts.push(step(element, path, level + 1, change)?),
                    (true, true, Change::Delete) => {}
                    (true, true, Change::Set { value, .. }) => parts.push(value.to_string()),
                    (true, true, Change::Insert { value, after: false }) => {
                        parts.extend([value.to_string(), (*element).to_string()]);
                    }
                    (true, true, Change::Insert { value, after: true }) => {
                        parts.extend([(*element).to_string(), value.to_string()]);
                    }
                }
            }
            if let (Place::After, true, Some(value)) = (place, is_last, change.new_value()) {
                parts.push(value.to_string());
            }
            Ok(format!("[{}]", parts.join(", ")))
        }
        _ => Ok(whole.to_string()),
    }
}

/// Where a number leads in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Before its first element.
    Before,
    At(usize),
    /// Behind its last element.
    After,
}

fn place(name: &str, level: usize, count: usize) -> Result<Place> {
    let number = name.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']).parse::<i32>().map_err(|_| {
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("path element at position {} is not an integer: \"{name}\"", level + 1),
        )
    })?;
    let from_end = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(match usize::try_from(number) {
        Ok(at) if at < count => Place::At(at),
        Ok(_) => Place::After,
        Err(_) => count.checked_sub(from_end).map_or(Place::Before, Place::At),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(whole: &str, path: &[&str], change: Change<'_>) -> String {
        let path: Vec<Option<String>> = path.iter().map(|step| Some((*step).to_string())).collect();
        match changed(Some(whole), &path, change) {
            Ok(value) => value.try_as_str().flatten().unwrap_or_default().to_string(),
            Err(error) => error.message().to_string(),
        }
    }

    #[test]
    fn parts_are_changed_as_in_postgres() {
        let set = |value| Change::Set { value, create: true };
        assert_eq!(at(r#"{"a": [1, 2]}"#, &["a", "-5"], set("9")), r#"{"a": [9, 1, 2]}"#);
        assert_eq!(at(r#"{"a": [1, 2]}"#, &["a", "-1"], set("9")), r#"{"a": [1, 9]}"#);
        assert_eq!(at("[]", &["-1"], set("9")), "[9]");
        assert_eq!(at(r#"{"a": 1}"#, &["b", "c"], set("9")), r#"{"a": 1}"#);
        assert_eq!(at(r#"{"a":1,"a":2}"#, &["a"], Change::Delete), "{}");
        assert_eq!(at("[1]", &["x"], set("9")), "path element at position 1 is not an integer: \"x\"");
        assert_eq!(at("[1, 2]", &["-2147483648"], Change::Delete), "[1, 2]");
    }
}
