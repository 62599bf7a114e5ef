//! `LIKE .. ESCAPE` with any character, and `SIMILAR TO`.

use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, ValueWithSpan};

use super::call::{call, literal, literal_value, take, text};
use crate::error::{Error, Result, SqlState};

/// What is escaped with when nothing is said.
const BACKSLASH: char = '\\';

/// Brings LIKE and ILIKE to the backslash as escape character.
pub(super) fn like(expr: &mut Expr) -> Result<()> {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr else {
        return Ok(());
    };
    let escape = match escape_char {
        Some(given) => character(given)?,
        None => Some(BACKSLASH),
    };
    if let (Some(written), Some(escape)) = (literal(pattern), escape)
        && ends_in_escape(written, escape)
    {
        return Err(invalid("LIKE pattern must not end with escape character"));
    }
    if escape == Some(BACKSLASH) {
        *escape_char = None;
        return Ok(());
    }
    **pattern = match literal(pattern) {
        // A literal stays one, so that a source can be sent it.
        Some(written) => text(with_backslash(written, escape)),
        None => call("onerow_like_pattern", vec![take(pattern), text(escape.map(String::from).unwrap_or_default())]),
    };
    *escape_char = None;
    Ok(())
}

/// `x SIMILAR TO p` as `x ~ q`, where q is p as a regular expression.
pub(super) fn similar(expr: &mut Expr) -> Result<()> {
    let Expr::SimilarTo { negated, expr: of, pattern, escape_char } = expr else { return Ok(()) };
    let escape = match escape_char {
        Some(given) => character(given)?,
        None => Some(BACKSLASH),
    };
    let escape = text(escape.map(String::from).unwrap_or_default());
    let regex = call("onerow_similar_pattern", vec![take(pattern), escape]);
    let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
    *expr = Expr::BinaryOp { left: Box::new(take(of)), op, right: Box::new(regex) };
    Ok(())
}

/// The escape character; none when nothing is one.
fn character(given: &ValueWithSpan) -> Result<Option<char>> {
    let written = literal_value(given).ok_or_else(|| Error::unsupported("ESCAPE takes a text literal"))?;
    let mut characters = written.chars();
    match (characters.next(), characters.next()) {
        (first, None) => Ok(first),
        _ => Err(invalid("invalid escape string").with_hint("Escape string must be empty or one character.")),
    }
}

fn invalid(message: &str) -> Error {
    Error::new(SqlState("22025"), message)
}

fn ends_in_escape(pattern: &str, escape: char) -> bool {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == escape && characters.next().is_none() {
            return true;
        }
    }
    false
}

/// A pattern with the backslash in the place of its escape character.
fn with_backslash(pattern: &str, escape: Option<char>) -> String {
    let mut out = String::with_capacity(pattern.len() + 4);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let escaped = if Some(character) == escape { characters.next() } else { None };
        match escaped {
            Some(plain @ ('%' | '_' | BACKSLASH)) => out.extend([BACKSLASH, plain]),
            Some(plain) => out.push(plain),
            None if character == BACKSLASH => out.push_str("\\\\"),
            None => out.push(character),
        }
    }
    out
}
