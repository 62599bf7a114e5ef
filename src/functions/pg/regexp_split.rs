//! `regexp_split_to_array(text, pattern [, flags])`: the parts between what a pattern finds.

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;
use regex::Regex;

use super::pattern::regex;
use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;

/// `regexp_split_to_array`
pub(super) fn udf() -> ScalarUDF {
    Spec::new(
        "regexp_split_to_array",
        &[Param::Text, Param::Text, Param::Text],
        |_| PgType::Array(Box::new(PgType::Text)),
        |call| {
            let pattern = regex(call, call.text(1).unwrap_or_default(), call.text(2).unwrap_or_default())?;
            let parts: Vec<ScalarValue> = split(call.text(0).unwrap_or_default(), &pattern)
                .into_iter()
                .map(|part| ScalarValue::Utf8View(Some(part.to_string())))
                .collect();
            Ok(Some(ScalarValue::List(ScalarValue::new_list(&parts, &DataType::Utf8View, true))))
        },
    )
    .requires(2)
    .udf()
}

/// As Postgres splits: an empty match at either end, or right after another match, parts nothing.
fn split<'a>(text: &'a str, pattern: &Regex) -> Vec<&'a str> {
    let mut parts = vec![];
    let mut start = 0;
    for found in pattern.find_iter(text) {
        if found.is_empty() && (found.start() == start || found.start() == text.len()) {
            continue;
        }
        parts.push(text.get(start..found.start()).unwrap_or_default());
        start = found.end();
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_as_in_postgres() {
        let of = |text, pattern| split(text, &Regex::new(pattern).unwrap());
        assert_eq!(of("hello world", "\\s+"), ["hello", "world"]);
        assert_eq!(of("the quick", "\\s*"), ["t", "h", "e", "q", "u", "i", "c", "k"]);
        assert_eq!(of(",a,,b,", ","), ["", "a", "", "b", ""]);
        assert_eq!(of("", ","), [""]);
    }
}
