//! `onerow_substring(text, pattern)`: what a regular expression finds first, or what its first group does.

use datafusion::logical_expr::ScalarUDF;

use super::pattern::regex;
use super::row_function::{Param, Spec, returns_text, text};

/// `substring(text FROM pattern)` is rewritten to it.
pub(super) fn udf() -> ScalarUDF {
    Spec::new("onerow_substring", &[Param::Text, Param::Text], returns_text, |call| {
        let pattern = regex(call, call.text(1).unwrap_or_default(), "")?;
        let whole = call.text(0).unwrap_or_default();
        let Some(found) = pattern.captures(whole) else { return Ok(None) };
        let part = if pattern.captures_len() > 1 { found.get(1) } else { found.get(0) };
        Ok(part.and_then(|part| text(part.as_str())))
    })
    .udf()
}
