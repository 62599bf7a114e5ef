//! Values in binary, as Postgres's receive functions take them.

use bytes::BytesMut;
use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::scalar::ScalarValue;

use super::{array, invalid_binary, jsonb, number, text};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::calendar::{DAY, POSTGRES_EPOCH, POSTGRES_EPOCH_DAYS};
use crate::values::decimal::{DecimalError, Numeric};
use crate::values::encode::uuid_text;
use crate::values::reader::utf8;

/// Reads a value of type `kind`.
pub(super) fn read(kind: &PgType, bytes: &[u8]) -> Result<ScalarValue> {
    Ok(match kind {
        PgType::Bool => match bytes {
            [byte] => ScalarValue::Boolean(Some(*byte != 0)),
            _ => return Err(invalid_binary(kind)),
        },
        PgType::Int2 => ScalarValue::Int16(Some(i16::from_be_bytes(fixed(kind, bytes)?))),
        PgType::Int4 => ScalarValue::Int32(Some(i32::from_be_bytes(fixed(kind, bytes)?))),
        PgType::Int8 => ScalarValue::Int64(Some(i64::from_be_bytes(fixed(kind, bytes)?))),
        PgType::Oid => ScalarValue::UInt32(Some(u32::from_be_bytes(fixed(kind, bytes)?))),
        PgType::Float4 => ScalarValue::Float32(Some(f32::from_be_bytes(fixed(kind, bytes)?))),
        PgType::Float8 => ScalarValue::Float64(Some(f64::from_be_bytes(fixed(kind, bytes)?))),
        PgType::Numeric(_) => number::scalar(numeric(bytes)?)?,
        // A zero byte stands for no character.
        PgType::Char if bytes == [0] => ScalarValue::Utf8View(Some(String::new())),
        PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name | PgType::Char => {
            ScalarValue::Utf8View(Some(kind.held(utf8(bytes)?).to_string()))
        }
        PgType::Uuid => {
            let bytes: [u8; 16] = fixed(kind, bytes)?;
            let mut out = BytesMut::with_capacity(36);
            uuid_text(&bytes, &mut out);
            ScalarValue::Utf8View(Some(String::from_utf8_lossy(&out).into_owned()))
        }
        PgType::Json => ScalarValue::Utf8View(Some(text::json(utf8(bytes)?)?)),
        PgType::Jsonb => match bytes {
            // The first byte is the version of the form; there has only been one.
            [1, json @ ..] => ScalarValue::Utf8View(Some(jsonb::normal(&text::json(utf8(json)?)?)?)),
            _ => return Err(invalid_binary(kind)),
        },
        PgType::Bytea => ScalarValue::Binary(Some(bytes.to_vec())),
        PgType::Date => ScalarValue::Date32(Some(match i32::from_be_bytes(fixed(kind, bytes)?) {
            infinite @ (i32::MIN | i32::MAX) => infinite,
            days => days.checked_add(POSTGRES_EPOCH_DAYS).ok_or_else(|| overflow("date"))?,
        })),
        PgType::Time => match i64::from_be_bytes(fixed(kind, bytes)?) {
            micros @ 0..=DAY => ScalarValue::Time64Microsecond(Some(micros)),
            _ => return Err(overflow("time")),
        },
        PgType::Timestamp => ScalarValue::TimestampMicrosecond(Some(moment(kind, bytes)?), None),
        PgType::TimestampTz => ScalarValue::TimestampMicrosecond(Some(moment(kind, bytes)?), Some("UTC".into())),
        PgType::Interval => {
            let bytes: [u8; 16] = fixed(kind, bytes)?;
            let (micros, rest) = bytes.split_at(8);
            let (days, months) = rest.split_at(4);
            let micros = i64::from_be_bytes(fixed(kind, micros)?);
            ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(
                i32::from_be_bytes(fixed(kind, months)?),
                i32::from_be_bytes(fixed(kind, days)?),
                micros.checked_mul(1_000).ok_or_else(|| overflow("interval"))?,
            )))
        }
        PgType::Array(element) => array::read_binary(element, bytes)?,
        PgType::Record | PgType::Vector(_) => {
            return Err(Error::unsupported(format!("parameters of type {kind} are not supported")));
        }
    })
}

/// An exact number.
pub(super) fn numeric(bytes: &[u8]) -> Result<Numeric> {
    Numeric::from_binary(bytes).map_err(|error| match error {
        DecimalError::Malformed => invalid_binary(&PgType::Numeric(None)),
        DecimalError::TooLong => number::too_wide(),
    })
}

fn fixed<const N: usize>(kind: &PgType, bytes: &[u8]) -> Result<[u8; N]> {
    <[u8; N]>::try_from(bytes).map_err(|_| match bytes.len() < N {
        true => Error::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message"),
        false => invalid_binary(kind),
    })
}

fn moment(kind: &PgType, bytes: &[u8]) -> Result<i64> {
    match i64::from_be_bytes(fixed(kind, bytes)?) {
        infinite @ (i64::MIN | i64::MAX) => Ok(infinite),
        micros => micros.checked_add(POSTGRES_EPOCH).ok_or_else(|| overflow("timestamp")),
    }
}

fn overflow(what: &str) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("{what} out of range"))
}
