//! Postgres's `format`: `format('%I.%I', schema, name)`.

use super::text::quoted;
use crate::catalog::definitions::quote_identifier;
use crate::error::{Error, Result, SqlState};

/// The widest field.
const WIDEST: usize = 1 << 20;

/// What stands between `%` and its letter.
#[derive(Default)]
struct Field {
    /// Which value, from 1; none for the next.
    position: Option<usize>,
    left: bool,
    width: usize,
}

/// Puts values into a pattern of `%s`, `%I`, `%L` and `%%`, each with `n$`, `-` and a width if it likes. None stands
/// for NULL.
pub fn formatted(pattern: &str, values: &[Option<String>]) -> Result<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut next = 0;
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (field, after) = field(after)?;
        let mut characters = after.chars();
        let letter = characters.next().ok_or_else(unterminated)?;
        rest = characters.as_str();
        let at = match field.position {
            Some(position) => position
                .checked_sub(1)
                .ok_or_else(|| wrong("format specifies argument 0, but arguments are numbered from 1"))?,
            None => next,
        };
        next = at + 1;
        let value = values.get(at).ok_or_else(|| wrong("too few arguments for format()"))?;
        let text = match (letter, value) {
            ('s', value) => value.clone().unwrap_or_default(),
            ('I', Some(value)) => quote_identifier(value),
            ('I', None) => {
                let message = "null values cannot be formatted as an SQL identifier";
                return Err(Error::new(SqlState("22004"), message));
            }
            ('L', value) => value.as_deref().map_or_else(|| "NULL".to_string(), quoted),
            (other, _) => return Err(wrong(&format!("unrecognized format() type specifier \"{other}\""))),
        };
        let padding = " ".repeat(field.width.saturating_sub(text.chars().count()));
        let parts = if field.left { [text, padding] } else { [padding, text] };
        out.extend(parts);
    }
    out.push_str(rest);
    Ok(out)
}

/// Reads what stands before the letter.
fn field(text: &str) -> Result<(Field, &str)> {
    let mut field = Field::default();
    let mut rest = text;
    if let (Some(position), after) = number(rest)?
        && let Some(after) = after.strip_prefix('$')
    {
        field.position = Some(position);
        rest = after;
    }
    while let Some(after) = rest.strip_prefix('-') {
        field.left = true;
        rest = after;
    }
    if let (Some(width), after) = number(rest)? {
        field.width = width;
        rest = after;
    }
    Ok((field, rest))
}

/// A number and what follows it.
fn number(text: &str) -> Result<(Option<usize>, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() {
        return Ok((None, rest));
    }
    match digits.parse() {
        Ok(number) if number <= WIDEST => Ok((Some(number), rest)),
        _ => Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range")),
    }
}

fn unterminated() -> Error {
    wrong("unterminated format() type specifier").with_hint("For a single \"%\" use \"%%\".")
}

fn wrong(message: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_postgres_formats() {
        let values = [Some("a".to_string()), Some("B c".to_string()), Some("d'e".to_string()), None];
        let format = |pattern: &str| formatted(pattern, &values);
        assert_eq!(format("%s-%I-%L").unwrap(), "a-\"B c\"-'d''e'");
        assert_eq!(format("100%% %2$s|%3s|%-4s|%4$s|").unwrap(), "100% B c|d'e|    ||");
        assert_eq!(format("%1$5s|%1$-5s|%s").unwrap(), "    a|a    |B c");
        assert_eq!(format("%4$L").unwrap(), "NULL");
        assert_eq!(format("%4$I").unwrap_err().state(), SqlState("22004"));
        for pattern in ["%", "%s %s %s %s %s", "%0$s", "%q", "%5"] {
            assert_eq!(format(pattern).unwrap_err().state(), SqlState::INVALID_PARAMETER_VALUE, "{pattern}");
        }
        assert!(format("%99999999999999999999s").is_err());
    }
}
