//! `string_to_array(text, delimiter [, null])`: the parts of a text between its delimiters; `string_to_table` is these, a
//! row for each.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::Result;

const PARAMS: &[Param] = &[Param::Text, Param::Text, Param::Text];

/// `string_to_array`, and the name that `string_to_table` is rewritten to.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    ["string_to_array", "onerow_string_parts"]
        .into_iter()
        .map(|name| Spec::new(name, PARAMS, texts, parts).requires(2).called_on_null().udf())
        .collect()
}

fn texts(_: &[FieldRef]) -> PgType {
    PgType::Array(Box::new(PgType::Text))
}

fn parts(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let Some(text) = call.text(0) else { return Ok(None) };
    let null = call.text(2);
    let parts: Vec<ScalarValue> = split(text, call.text(1))
        .into_iter()
        .map(|part| ScalarValue::Utf8View((Some(part) != null).then(|| part.to_string())))
        .collect();
    Ok(Some(ScalarValue::List(ScalarValue::new_list(&parts, &DataType::Utf8View, true))))
}

/// As Postgres splits: an empty text has no parts, an empty delimiter parts nothing, and none parts every character.
fn split<'a>(text: &'a str, delimiter: Option<&str>) -> Vec<&'a str> {
    match delimiter {
        _ if text.is_empty() => vec![],
        Some("") => vec![text],
        Some(delimiter) => text.split(delimiter).collect(),
        None => {
            let ends = text.char_indices().map(|(at, character)| (at, at + character.len_utf8()));
            ends.filter_map(|(from, to)| text.get(from..to)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_as_in_postgres() {
        assert_eq!(split("a,b,,c,", Some(",")), ["a", "b", "", "c", ""]);
        assert_eq!(split("ab", Some("")), ["ab"]);
        assert_eq!(split("", Some(",")), [""; 0]);
        assert_eq!(split("客ş", None), ["客", "ş"]);
    }
}
