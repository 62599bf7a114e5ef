//! A regular expression with Postgres's flags.

use regex::Regex;

use super::row_function::Call;
use crate::error::{Error, Result, SqlState};

/// Compiles a pattern with flags: `i`, `c`, `s`, `n` (or `m`), `x`, `w`; `g` where a function allows it. A dot meets
/// line breaks unless `n` is given.
pub(super) fn regex(call: &Call<'_>, pattern: &str, flags: &str) -> Result<Regex> {
    let (mut insensitive, mut lines, mut extended, mut dot) = (false, false, false, true);
    for flag in flags.chars() {
        match flag {
            'i' => insensitive = true,
            'c' => insensitive = false,
            's' => (lines, dot) = (false, true),
            'n' | 'm' => (lines, dot) = (true, false),
            'w' => (lines, dot) = (true, true),
            'x' => extended = true,
            't' | 'e' => {}
            other => {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("invalid regular expression option: \"{other}\""),
                ));
            }
        }
    }
    let set: String =
        [(insensitive, 'i'), (lines, 'm'), (dot, 's'), (extended, 'x')].iter().filter(|f| f.0).map(|f| f.1).collect();
    if set.is_empty() { call.regex(pattern) } else { call.regex(&format!("(?{set}){pattern}")) }
}
