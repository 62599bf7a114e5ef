//! A value written in another way: `jsonb_pretty`, `json_strip_nulls`, for `jsonb` too.

use datafusion::logical_expr::ScalarUDF;

use super::convert::{jsonb, quoted};
use super::scan::{Json, read};
use crate::catalog::types::PgType;
use crate::error::Result;
use crate::functions::limited::{MOST, too_large};
use crate::functions::pg::row_function::{Param, Spec, returns_text, text};
use crate::values::decode::check_depth;

/// The functions of this file.
pub(super) fn all() -> Vec<ScalarUDF> {
    vec![
        Spec::new("jsonb_pretty", &[Param::Json], returns_text, |call| {
            let value = jsonb(call.text(0).unwrap_or_default())?;
            let mut out = String::new();
            pretty(value.try_as_str().flatten().unwrap_or_default(), 0, &mut out)?;
            Ok(text(out))
        })
        .udf(),
        Spec::new(
            "json_strip_nulls",
            &[Param::Json],
            |_| PgType::Json,
            |call| {
                let value = call.text(0).unwrap_or_default();
                check_depth(value)?;
                Ok(text(without_nulls(value)?))
            },
        )
        .udf(),
        Spec::new(
            "jsonb_strip_nulls",
            &[Param::Json],
            |_| PgType::Jsonb,
            |call| {
                let value = call.text(0).unwrap_or_default();
                check_depth(value)?;
                Ok(Some(jsonb(&without_nulls(value)?)?))
            },
        )
        .udf(),
    ]
}

/// A line for each member and element, four blanks further in than what holds it.
fn pretty(value: &str, level: usize, out: &mut String) -> Result<()> {
    // What nests deeply is mostly blanks.
    if out.len() as u64 > MOST {
        return Err(too_large("What jsonb_pretty gives", out.len() as u64));
    }
    let line = |out: &mut String, level: usize, is_first: bool| {
        out.push_str(if is_first { "\n" } else { ",\n" });
        out.extend(std::iter::repeat_n("    ", level));
    };
    let close = match read(value)? {
        Json::Object(members) => {
            out.push('{');
            for (at, (name, value)) in members.iter().enumerate() {
                line(out, level + 1, at == 0);
                out.push_str(&quoted(name));
                out.push_str(": ");
                pretty(value, level + 1, out)?;
            }
            '}'
        }
        Json::Array(elements) => {
            out.push('[');
            for (at, element) in elements.iter().enumerate() {
                line(out, level + 1, at == 0);
                pretty(element, level + 1, out)?;
            }
            ']'
        }
        _ => {
            out.push_str(value);
            return Ok(());
        }
    };
    line(out, level, true);
    out.push(close);
    Ok(())
}

/// Without the members that are null, at every level, and without blanks.
fn without_nulls(value: &str) -> Result<String> {
    Ok(match read(value)? {
        Json::Object(members) => {
            let mut parts = vec![];
            for (name, value) in &members {
                if *value != "null" {
                    parts.push(format!("{}:{}", quoted(name), without_nulls(value)?));
                }
            }
            format!("{{{}}}", parts.join(","))
        }
        Json::Array(elements) => {
            let parts = elements.iter().map(|element| without_nulls(element)).collect::<Result<Vec<_>>>()?;
            format!("[{}]", parts.join(","))
        }
        Json::Text(words) => quoted(&words),
        _ => value.trim().to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_postgres_writes_it() {
        let mut out = String::new();
        pretty(r#"{"a": [1, {}], "b": {"c": []}}"#, 0, &mut out).unwrap();
        assert_eq!(
            out,
            "{\n    \"a\": [\n        1,\n        {\n        }\n    ],\n    \"b\": {\n        \"c\": [\n        ]\n    }\n}"
        );
        let stripped = without_nulls(r#" { "a" : null, "b": [1, null, {"c":null}],"d":"\u00e9\/" } "#).unwrap();
        assert_eq!(stripped, r#"{"b":[1,null,{}],"d":"é/"}"#);
    }
}
