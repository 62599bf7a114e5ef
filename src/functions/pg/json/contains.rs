//! `@>` and the operators that ask for keys: `?`, `?|`, `?&`.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::scan::{Json, member, read};
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::functions::pg::row_function::{Call, Param, Spec};
use crate::values::decode::check_depth;

/// `@>`
pub(super) const CONTAINS: &str = "onerow_jsonb_contains";
/// `?`
pub(super) const HAS: &str = "onerow_jsonb_exists";
/// `?|`
pub(super) const HAS_ANY: &str = "onerow_jsonb_exists_any";
/// `?&`
pub(super) const HAS_ALL: &str = "onerow_jsonb_exists_all";

/// The functions of this file.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new(
            CONTAINS,
            &[Param::Text, Param::Text],
            |_| PgType::Bool,
            |call| {
                let (whole, part) = (call.text(0).unwrap_or_default(), call.text(1).unwrap_or_default());
                // What a source or a file gave was checked by no one yet.
                check_depth(whole)?;
                check_depth(part)?;
                Ok(truth(contains(whole, part, true)?))
            },
        )
        .udf(),
        Spec::new(
            HAS,
            &[Param::Text, Param::Text],
            |_| PgType::Bool,
            |call| {
                let value = read(call.text(0).unwrap_or_default())?;
                Ok(truth(has(&value, call.text(1).unwrap_or_default())?))
            },
        )
        .udf(),
        Spec::new(
            HAS_ANY,
            &[Param::Text, Param::Texts],
            |_| PgType::Bool,
            |call| {
                let value = read(call.text(0).unwrap_or_default())?;
                let mut found = false;
                for key in keys(call)? {
                    found |= has(&value, &key)?;
                }
                Ok(truth(found))
            },
        )
        .udf(),
        Spec::new(
            HAS_ALL,
            &[Param::Text, Param::Texts],
            |_| PgType::Bool,
            |call| {
                let value = read(call.text(0).unwrap_or_default())?;
                let mut all = true;
                for key in keys(call)? {
                    all &= has(&value, &key)?;
                }
                Ok(truth(all))
            },
        )
        .udf(),
    ]
}

fn truth(value: bool) -> Option<ScalarValue> {
    Some(ScalarValue::Boolean(Some(value)))
}

/// The keys of an array, without its nulls.
fn keys(call: &Call<'_>) -> Result<Vec<String>> {
    let Some(ScalarValue::List(list)) = call.values.get(1) else { return Ok(vec![]) };
    if list.is_empty() || list.is_null(0) {
        return Ok(vec![]);
    }
    let names = list.value(0);
    let names = names.as_string_view_opt().ok_or_else(|| Error::internal("keys that are no text"))?;
    Ok(names.iter().flatten().map(str::to_string).collect())
}

/// Whether a text is a member's name, an element, or the value itself.
fn has(value: &Json<'_>, key: &str) -> Result<bool> {
    Ok(match value {
        Json::Object(members) => member(members, key).is_some(),
        Json::Array(elements) => {
            for element in elements {
                if matches!(read(element)?, Json::Text(text) if text == key) {
                    return Ok(true);
                }
            }
            false
        }
        Json::Text(text) => text == key,
        _ => false,
    })
}

/// Postgres's containment: every member and element of the part is contained in one of the whole. An array contains
/// a plain value too, at the outermost level.
fn contains(whole: &str, part: &str, outermost: bool) -> Result<bool> {
    Ok(match (read(whole)?, read(part)?) {
        (Json::Object(whole), Json::Object(part)) => {
            for (name, wanted) in &part {
                match member(&whole, name) {
                    Some(found) if contains(found, wanted, false)? => {}
                    _ => return Ok(false),
                }
            }
            true
        }
        (Json::Array(whole), Json::Array(part)) => {
            for wanted in &part {
                if !any_contains(&whole, wanted)? {
                    return Ok(false);
                }
            }
            true
        }
        (Json::Array(whole), Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_)) if outermost => {
            any_contains(&whole, part)?
        }
        (Json::Number(a), Json::Number(b)) => a == b || normal(a) == normal(b),
        (a @ (Json::Null | Json::Bool(_) | Json::Text(_)), b) => a == b,
        _ => false,
    })
}

fn any_contains(elements: &[&str], wanted: &str) -> Result<bool> {
    for element in elements {
        if contains(element, wanted, false)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A number's sign, digits without zeros at the ends, and the power of ten of its last digit.
pub(super) fn normal(number: &str) -> (bool, String, i64) {
    let (negative, rest) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (digits, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let kept = all.trim_start_matches('0').trim_end_matches('0');
    if kept.is_empty() {
        return (false, String::new(), 0);
    }
    let dropped = all.len() - all.trim_end_matches('0').len();
    let exponent = exponent.trim_start_matches('+').parse::<i64>().unwrap_or(0);
    (negative, kept.to_string(), exponent + dropped as i64 - fraction.len() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_postgres_contains() {
        for (whole, part, expected) in [
            (r#"{"a": {"b": [1, 2]}}"#, r#"{"a": {"b": [2]}}"#, true),
            (r#"{"a": 1}"#, r#"{"a": 1.0}"#, true),
            (r#"[1, [1, 3]]"#, "[1, 3]", false),
            (r#"[1, [1, 3]]"#, "[[3]]", true),
            (r#"["a"]"#, r#""a""#, true),
            (r#"{"a": ["b"]}"#, r#"{"a": "b"}"#, false),
            (r#""a""#, r#"["a"]"#, false),
            ("[1, 2, 2]", "[2, 1]", true),
            ("{}", "{}", true),
            ("null", "null", true),
        ] {
            assert_eq!(contains(whole, part, true).unwrap(), expected, "{whole} @> {part}");
        }
        assert_eq!(normal("-120.0"), normal("-1.2e2"));
        assert_eq!(normal("0.0"), normal("-0"));
    }
}
