//! `regexp_replace(text, pattern, replacement [, start [, n]] [, flags])`, `regexp_substr(text, pattern [, start [, n [, flags
//! [, group]]]])`: what a regular expression finds, replaced or alone.
//!
//! Source: PostgreSQL's documentation, 9.7.3. `\1` to `\9` and `\&` in a replacement are what was found, `\\` is a backslash.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;
use regex::{Captures, Regex};

use super::pattern::regex;
use super::row_function::{Call, Param, Spec, returns_text, text};
use crate::error::{Error, Result, SqlState};
use crate::functions::limited::{MOST, too_large};

/// Both of them.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    const REPLACE: &[Param] = &[Param::Text, Param::Text, Param::Text, Param::Any, Param::Int, Param::Text];
    const PART: &[Param] = &[Param::Text, Param::Text, Param::Int, Param::Int, Param::Text, Param::Int];
    vec![
        Spec::new("regexp_replace", REPLACE, returns_text, replace).requires(3).udf(),
        Spec::new("regexp_substr", PART, returns_text, substr).requires(2).udf(),
    ]
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message.into())
}

/// A number that must not be less than `least`; `otherwise` where it was left out.
fn number(given: Option<i64>, name: &str, least: i64, otherwise: i64) -> Result<usize> {
    let value = given.unwrap_or(otherwise);
    match usize::try_from(value) {
        Ok(number) if value >= least => Ok(number),
        _ => Err(invalid(format!("invalid value for parameter \"{name}\": {value}"))),
    }
}

/// The byte at which a character begins, counted from 1; none behind the end.
fn place(text: &str, start: usize) -> Option<usize> {
    let before = start.saturating_sub(1);
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(before)
}

/// Each place where a pattern is found from some byte on; one that is empty may lie at the end of the one before.
fn found<'t>(
    pattern: &Regex,
    text: &'t str,
    from: Option<usize>,
    mut each: impl FnMut(&Captures<'t>) -> Result<bool>,
) -> Result<()> {
    let mut next = from;
    while let Some(captures) = next.and_then(|at| pattern.captures_at(text, at)) {
        let Some(whole) = captures.get(0) else { break };
        if !each(&captures)? {
            break;
        }
        next = match whole.is_empty() {
            false => Some(whole.end()),
            // On to the next character.
            true => text.get(whole.end()..).and_then(|rest| rest.chars().next()).map(|c| whole.end() + c.len_utf8()),
        };
    }
    Ok(())
}

fn replace(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let (Some(of), Some(pattern), Some(by)) = (call.text(0), call.text(1), call.text(2)) else { return Ok(None) };
    // The fourth is where to begin, or flags.
    let start = call.values.get(3).filter(|value| value.data_type().is_numeric());
    let start = match start {
        Some(value) => match value.cast_to(&datafusion::arrow::datatypes::DataType::Int64) {
            Ok(ScalarValue::Int64(start)) => start,
            _ => return Ok(None),
        },
        None => None,
    };
    let flags = if start.is_some() { call.text(5) } else { call.text(3) }.unwrap_or_default();
    if let (None, Some(digit)) = (start, flags.chars().next().filter(char::is_ascii_digit)) {
        return Err(invalid(format!("invalid regular expression option: \"{digit}\"")).with_hint(
            "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.",
        ));
    }
    let start = number(start, "start", 1, 1)?;
    let which = number(call.int(4), "n", 0, if flags.contains('g') { 0 } else { 1 })?;
    let pattern = regex(call, pattern, &flags.replace('g', ""))?;
    let mut out = String::with_capacity(of.len());
    let (mut copied, mut count) = (0, 0);
    found(&pattern, of, place(of, start), |captures| {
        count += 1;
        if which > 0 && count < which {
            return Ok(true);
        }
        if let Some(whole) = captures.get(0) {
            out.push_str(of.get(copied..whole.start()).unwrap_or_default());
            replacement(by, captures, &mut out);
            copied = whole.end();
        }
        if out.len() as u64 > MOST {
            return Err(too_large("What regexp_replace gives", out.len() as u64));
        }
        Ok(which == 0)
    })?;
    out.push_str(of.get(copied..).unwrap_or_default());
    Ok(text(out))
}

/// Appends a replacement with what was found in the places that it has for it.
fn replacement(by: &str, captures: &Captures<'_>, out: &mut String) {
    let group = |at: usize| captures.get(at).map_or("", |found| found.as_str());
    let mut rest = by;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let mut following = after.chars();
        match following.next() {
            Some('\\') => out.push('\\'),
            Some('&') => out.push_str(group(0)),
            Some(digit @ '1'..='9') => out.push_str(group(digit.to_digit(10).map_or(0, |at| at as usize))),
            // It stands for itself, and so does what follows.
            _ => {
                out.push('\\');
                rest = after;
                continue;
            }
        }
        rest = following.as_str();
    }
    out.push_str(rest);
}

fn substr(call: &Call<'_>) -> Result<Option<ScalarValue>> {
    let (Some(of), Some(pattern)) = (call.text(0), call.text(1)) else { return Ok(None) };
    let start = number(call.int(2), "start", 1, 1)?;
    let which = number(call.int(3), "n", 1, 1)?;
    let flags = call.text(4).unwrap_or_default();
    if flags.contains('g') {
        return Err(invalid("regexp_substr() does not support the \"global\" option"));
    }
    let group = number(call.int(5), "subexpr", 0, 0)?;
    let pattern = regex(call, pattern, flags)?;
    let (mut count, mut part) = (0, None);
    found(&pattern, of, place(of, start), |captures| {
        count += 1;
        if count == which {
            part = captures.get(group).map(|found| found.as_str());
        }
        Ok(count < which)
    })?;
    Ok(part.and_then(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(of: &str, pattern: &str, by: &str) -> String {
        let (mut out, mut copied) = (String::new(), 0);
        found(&Regex::new(pattern).unwrap(), of, Some(0), |captures| {
            let whole = captures.get(0).unwrap();
            out.push_str(&of[copied..whole.start()]);
            replacement(by, captures, &mut out);
            copied = whole.end();
            Ok(true)
        })
        .unwrap();
        out + &of[copied..]
    }

    #[test]
    fn replacements_are_postgres_s() {
        for (of, pattern, by, becomes) in [
            ("foobarbaz", "b(..)", "X\\1Y", "fooXarYXazY"),
            ("abc", "b", "$0", "a$0c"),
            ("abc", "b", "[\\&]", "a[b]c"),
            ("abc", "b", "\\\\", "a\\c"),
            ("abc", "b", "\\0", "a\\0c"),
            ("abc", "b", "x\\", "ax\\c"),
            ("abc", "(b)", "\\1\\2\\1", "abbc"),
            ("baac", "a*", "-", "-b--c-"),
            ("abc", "", "-", "-a-b-c-"),
            ("", "x*", "-", "-"),
            ("abc", "$", "!", "abc!"),
        ] {
            assert_eq!(replaced(of, pattern, by), becomes, "{of} {pattern} {by}");
        }
    }

    #[test]
    fn places_are_of_characters() {
        assert_eq!((place("äb", 1), place("äb", 2), place("äb", 3), place("äb", 4)), (Some(0), Some(2), Some(3), None));
    }
}
