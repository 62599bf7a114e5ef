//! Values in text, by Postgres's input rules.

use std::num::IntErrorKind;
use std::str::FromStr;

use bytes::BytesMut;
use datafusion::scalar::ScalarValue;

use super::{array, datetime, interval, invalid_text, jsonb, number, out_of_range};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::Zone;
use crate::values::decimal::{DecimalError, Numeric};
use crate::values::encode::{uuid_bytes, uuid_text};

/// The bytes of the longest name.
const LONGEST_NAME: usize = 63;

/// Reads a value of type `kind`.
pub(super) fn read(kind: &PgType, text: &str, zone: Zone) -> Result<ScalarValue> {
    Ok(match kind {
        PgType::Bool => ScalarValue::Boolean(Some(boolean(text).ok_or_else(|| invalid_text(kind, text))?)),
        PgType::Int2 => ScalarValue::Int16(Some(integer(kind, text)?)),
        PgType::Int4 => ScalarValue::Int32(Some(integer(kind, text)?)),
        PgType::Int8 => ScalarValue::Int64(Some(integer(kind, text)?)),
        PgType::Oid => ScalarValue::UInt32(Some(oid(text)?)),
        PgType::Float4 => {
            ScalarValue::Float32(Some(float(kind, text, |value: &f32| (value.is_infinite(), *value == 0.0))?))
        }
        PgType::Float8 => {
            ScalarValue::Float64(Some(float(kind, text, |value: &f64| (value.is_infinite(), *value == 0.0))?))
        }
        PgType::Numeric(_) => number::scalar(numeric(text)?)?,
        PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) => {
            ScalarValue::Utf8View(Some(kind.held(text).to_string()))
        }
        PgType::Name => ScalarValue::Utf8View(Some(name(text).to_string())),
        PgType::Char => ScalarValue::Utf8View(Some(text.chars().take(1).collect())),
        PgType::Uuid => ScalarValue::Utf8View(Some(uuid(kind, text)?)),
        PgType::Json => ScalarValue::Utf8View(Some(json(text)?)),
        PgType::Jsonb => ScalarValue::Utf8View(Some(jsonb::normal(&json(text)?)?)),
        PgType::Bytea => ScalarValue::Binary(Some(bytea(text)?)),
        PgType::Date => ScalarValue::Date32(Some(datetime::date(text)?)),
        PgType::Time => ScalarValue::Time64Microsecond(Some(datetime::time(text)?)),
        PgType::Timestamp => ScalarValue::TimestampMicrosecond(Some(datetime::timestamp(text)?), None),
        PgType::TimestampTz => {
            ScalarValue::TimestampMicrosecond(Some(datetime::timestamptz(text, zone)?), Some("UTC".into()))
        }
        PgType::Interval => ScalarValue::IntervalMonthDayNano(Some(interval::read(text)?)),
        PgType::Array(element) => array::read_text(element, text, zone)?,
        PgType::Record | PgType::Vector(_) => {
            return Err(Error::unsupported(format!("parameters of type {kind} are not supported")));
        }
    })
}

/// As much of a text as a name holds, in whole characters.
fn name(text: &str) -> &str {
    let end = (0..=LONGEST_NAME.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}

/// The unique beginnings of true, false, yes, no, on and off, and 1 and 0.
fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "tr" | "tru" | "true" | "y" | "ye" | "yes" | "on" => Some(true),
        "0" | "f" | "fa" | "fal" | "fals" | "false" | "n" | "no" | "of" | "off" => Some(false),
        _ => None,
    }
}

fn integer<T: FromStr<Err = std::num::ParseIntError>>(kind: &PgType, text: &str) -> Result<T> {
    text.trim().parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => out_of_range(kind, text),
        _ => invalid_text(kind, text),
    })
}

/// As in Postgres a negative number counts from the end.
fn oid(text: &str) -> Result<u32> {
    let wide: i64 = integer(&PgType::Oid, text)?;
    u32::try_from(wide)
        .or_else(|_| i32::try_from(wide).map(|negative| negative as u32))
        .map_err(|_| out_of_range(&PgType::Oid, text))
}

/// `ends` says whether a value is infinite, and whether it is zero.
fn float<T: FromStr>(kind: &PgType, text: &str, ends: impl Fn(&T) -> (bool, bool)) -> Result<T> {
    let trimmed = text.trim();
    let named = trimmed.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let special = matches!(named.as_str(), "nan" | "inf" | "infinity");
    // There is one NaN: a sign before it means nothing.
    let spelled = if named == "nan" { named.as_str() } else { trimmed };
    let value: T = spelled.parse().map_err(|_| invalid_text(kind, text))?;
    let (infinite, zero) = ends(&value);
    // A number that is not zero and reads as zero is as far out of range as one that reads as infinite.
    let digits = named.split('e').next().unwrap_or_default();
    if (infinite && !special) || (zero && digits.contains(|c: char| matches!(c, '1'..='9'))) {
        return Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("\"{trimmed}\" is out of range for type {kind}"),
        ));
    }
    Ok(value)
}

/// An exact number from its text.
pub(super) fn numeric(text: &str) -> Result<Numeric> {
    Numeric::parse(text).map_err(|error| match error {
        DecimalError::Malformed => invalid_text(&PgType::Numeric(None), text),
        DecimalError::TooLong => number::too_wide(),
    })
}

/// A uuid in its one form: lower case, with hyphens.
fn uuid(kind: &PgType, text: &str) -> Result<String> {
    let bytes = uuid_bytes(text).ok_or_else(|| invalid_text(kind, text))?;
    let mut out = BytesMut::with_capacity(36);
    uuid_text(&bytes, &mut out);
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// The text as it is, if it is JSON.
pub(super) fn json(text: &str) -> Result<String> {
    jsonb::check_depth(text)?;
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Ok(text.to_string()),
        Err(error) => Err(Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")
            .with_detail(format!("{error}."))),
    }
}

/// `\x` and hexadecimal digits, or plain text with `\\` and `\ooo`.
fn bytea(text: &str) -> Result<Vec<u8>> {
    if let Some(digits) = text.strip_prefix("\\x") {
        return hex(digits);
    }
    let wrong = || invalid_text(&PgType::Bytea, text);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let first = rest.next().ok_or_else(wrong)?;
        if first == b'\\' {
            bytes.push(first);
            continue;
        }
        let mut value = 0u32;
        for digit in [Some(first), rest.next(), rest.next()] {
            let digit = digit.filter(|digit| (b'0'..=b'7').contains(digit)).ok_or_else(wrong)?;
            value = value * 8 + u32::from(digit - b'0');
        }
        bytes.push(u8::try_from(value).map_err(|_| wrong())?);
    }
    Ok(bytes)
}

fn hex(digits: &str) -> Result<Vec<u8>> {
    let wrong = |message: String| Error::new(SqlState::INVALID_PARAMETER_VALUE, message);
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    let mut high = None;
    for character in digits.chars() {
        if character.is_ascii_whitespace() && high.is_none() {
            continue;
        }
        let value =
            character.to_digit(16).ok_or_else(|| wrong(format!("invalid hexadecimal digit: \"{character}\"")))? as u8;
        match high.take() {
            None => high = Some(value << 4),
            Some(high) => bytes.push(high | value),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(wrong("invalid hexadecimal data: odd number of digits".to_string())),
    }
}
