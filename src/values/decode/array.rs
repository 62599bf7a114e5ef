//! Arrays of one dimension, in text and binary.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::{ListArray, new_empty_array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::Field;
use datafusion::error::DataFusionError;
use datafusion::scalar::ScalarValue;

use super::{binary, invalid_binary, null, number, text};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::Zone;
use crate::values::decimal::Numeric;
use crate::values::reader::Reader;

/// Reads `{1,NULL,"a b"}`.
pub(super) fn read_text(element: &PgType, text: &str, zone: Zone) -> Result<ScalarValue> {
    let parts = split(text)?;
    if matches!(element, PgType::Numeric(_)) {
        let numbers = parts.iter().map(|part| part.as_deref().map(text::numeric).transpose());
        return list(element, number::scalars(numbers.collect::<Result<Vec<Option<Numeric>>>>()?)?);
    }
    let values = parts.iter().map(|part| match part {
        Some(part) => text::read(element, part, zone),
        None => null(element),
    });
    list(element, values.collect::<Result<_>>()?)
}

/// Reads the binary form. Elements of another type than the array's are an error (42804).
pub(super) fn read_binary(element: &PgType, bytes: &[u8]) -> Result<ScalarValue> {
    let kind = PgType::Array(Box::new(element.clone()));
    let wrong = || invalid_binary(&kind);
    let mut reader = Reader { rest: Bytes::copy_from_slice(bytes) };
    let dimensions = reader.u32().map_err(|_| wrong())?;
    reader.u32().map_err(|_| wrong())?;
    let oid = reader.u32().map_err(|_| wrong())?;
    if oid != element.oid() {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("binary data has array element type {oid} instead of expected {}", element.oid()),
        ));
    }
    let count = match dimensions {
        0 => 0,
        1 => {
            let count = reader.u32().map_err(|_| wrong())?;
            reader.u32().map_err(|_| wrong())?;
            count as usize
        }
        _ => return Err(multidimensional()),
    };
    // Every element takes four bytes at least, for its length.
    if count > reader.rest.len() / 4 {
        return Err(wrong());
    }
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        parts.push(reader.value().map_err(|_| wrong())?);
    }
    if !reader.rest.is_empty() {
        return Err(wrong());
    }
    if matches!(element, PgType::Numeric(_)) {
        let numbers = parts.iter().map(|part| part.as_deref().map(binary::numeric).transpose());
        return list(element, number::scalars(numbers.collect::<Result<Vec<Option<Numeric>>>>()?)?);
    }
    let values = parts.iter().map(|part| match part {
        Some(part) => binary::read(element, part),
        None => null(element),
    });
    list(element, values.collect::<Result<_>>()?)
}

/// One list of values that all have one type.
fn list(element: &PgType, values: Vec<ScalarValue>) -> Result<ScalarValue> {
    let count = values.len();
    let field = element.field("item", true);
    let elements =
        if values.is_empty() { new_empty_array(field.data_type()) } else { ScalarValue::iter_to_array(values)? };
    // A numeric's width and scale are the values' own.
    let field = Field::new("item", elements.data_type().clone(), true).with_metadata(field.metadata().clone());
    let list = ListArray::try_new(Arc::new(field), OffsetBuffer::from_lengths([count]), elements, None)
        .map_err(DataFusionError::from)?;
    Ok(ScalarValue::List(Arc::new(list)))
}

/// The elements' texts; none for an unquoted NULL.
fn split(text: &str) -> Result<Vec<Option<String>>> {
    let malformed = |detail: &str| {
        Error::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("malformed array literal: \"{text}\""))
            .with_detail(detail.to_string())
    };
    let trimmed = text.trim();
    if trimmed.starts_with('[') {
        let is_bound = |c: char| c.is_ascii_digit() || "[]:+-".contains(c);
        return Err(match trimmed.split_once('=') {
            Some((bounds, _)) if bounds.trim_end().chars().all(is_bound) => {
                Error::unsupported("array parameters with bounds are not supported")
            }
            _ => malformed("\"[\" must introduce explicitly-specified array dimensions."),
        });
    }
    let inner = trimmed
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .ok_or_else(|| malformed("Array value must start with \"{\" and end with \"}\"."))?;
    if inner.trim().is_empty() {
        return Ok(Vec::new());
    }
    let mut parts = Vec::new();
    let mut characters = inner.chars().peekable();
    loop {
        while characters.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        let part = match characters.peek() {
            Some('{') => return Err(multidimensional()),
            Some('"') => {
                characters.next();
                let quoted = quoted(&mut characters).ok_or_else(|| malformed("Unexpected end of input."))?;
                while characters.next_if(|c| c.is_ascii_whitespace()).is_some() {}
                Some(quoted)
            }
            _ => {
                let mut plain = String::new();
                // How much of it must stay even if it ends in blanks: what a backslash protects.
                let mut kept = 0;
                while let Some(character) = characters.next_if(|c| *c != ',') {
                    match character {
                        '\\' => {
                            plain.push(characters.next().ok_or_else(|| malformed("Unexpected end of input."))?);
                            kept = plain.len();
                        }
                        '"' | '{' | '}' => return Err(malformed("Incorrectly quoted array element.")),
                        other => plain.push(other),
                    }
                }
                let whole = plain.trim_end_matches(|c: char| c.is_ascii_whitespace()).len().max(kept);
                plain.truncate(whole);
                match plain.as_str() {
                    "" => return Err(malformed("Unexpected \",\" or \"}\" character.")),
                    null if kept == 0 && null.eq_ignore_ascii_case("null") => None,
                    _ => Some(plain),
                }
            }
        };
        parts.push(part);
        match characters.next() {
            None => return Ok(parts),
            Some(',') => {}
            Some(_) => return Err(malformed("Incorrectly quoted array element.")),
        }
    }
}

/// What stands up to the closing quote; none when there is none.
fn quoted(characters: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut text = String::new();
    loop {
        match characters.next()? {
            '"' => return Some(text),
            '\\' => text.push(characters.next()?),
            other => text.push(other),
        }
    }
}

fn multidimensional() -> Error {
    Error::unsupported("array parameters of more than one dimension are not supported")
}
