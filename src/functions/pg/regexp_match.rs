//! `regexp_match(text, pattern [, flags])`: what the groups of a pattern find first; `regexp_matches` has a row for each
//! place where the pattern is found, or for the first without the flag `g`.

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;
use regex::{Captures, Regex};

use super::pattern::regex;
use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

const PARAMS: &[Param] = &[Param::Text, Param::Text, Param::Text];

/// `regexp_match`, and the lists that the rows of `regexp_matches` are.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    vec![
        Spec::new("regexp_match", PARAMS, texts, first).requires(2).udf(),
        Spec::new("onerow_regexp_matches", PARAMS, lists, all).requires(2).udf(),
    ]
}

fn texts(_: &[FieldRef]) -> PgType {
    PgType::Array(Box::new(PgType::Text))
}

fn lists(_: &[FieldRef]) -> PgType {
    PgType::Array(Box::new(PgType::Array(Box::new(PgType::Text))))
}

fn first(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let flags = call.text(2).unwrap_or_default();
    if flags.contains('g') {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "regexp_match() does not support the \"global\" option",
        )
        .with_hint("Use the regexp_matches function instead."));
    }
    let pattern = regex(call, call.text(1).unwrap_or_default(), flags)?;
    Ok(pattern.captures(call.text(0).unwrap_or_default()).map(|found| list(&pattern, &found)))
}

fn all(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let flags = call.text(2).unwrap_or_default();
    let pattern = regex(call, call.text(1).unwrap_or_default(), &flags.replace('g', ""))?;
    let most = if flags.contains('g') { usize::MAX } else { 1 };
    let text = call.text(0).unwrap_or_default();
    let found: Vec<ScalarValue> = pattern.captures_iter(text).take(most).map(|found| list(&pattern, &found)).collect();
    let of = texts(&[]).arrow();
    Ok(Some(ScalarValue::List(ScalarValue::new_list(&found, &of, true))))
}

/// What each group found, and NULL for one that found nothing; a pattern without groups is one itself.
fn list(pattern: &Regex, found: &Captures<'_>) -> ScalarValue {
    let first = usize::from(pattern.captures_len() > 1);
    let groups: Vec<ScalarValue> = (first..pattern.captures_len())
        .map(|group| ScalarValue::Utf8View(found.get(group).map(|found| found.as_str().to_string())))
        .collect();
    ScalarValue::List(ScalarValue::new_list(&groups, &DataType::Utf8View, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_found_nothing_is_null() {
        let pattern = Regex::new("(o)(b)?").unwrap();
        let found: Vec<String> =
            pattern.captures_iter("foobar").map(|found| list(&pattern, &found).to_string()).collect();
        assert_eq!(found, ["[o, ]", "[o, b]"]);
    }
}
