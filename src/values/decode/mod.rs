//! Values in text or binary, as clients bind them and as literals are written, as what the engine computes with.

mod array;
mod binary;
mod column;
mod date_words;
mod datetime;
mod interval;
mod jsonb;
mod number;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use column::decode_column;
pub(crate) use jsonb::check_depth;

use datafusion::arrow::datatypes::IntervalMonthDayNano;
use datafusion::error::DataFusionError;
use datafusion::scalar::ScalarValue;

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::decimal::Numeric;
use crate::values::reader::utf8;
use crate::values::{Format, IntervalFields, Zone};

/// Reads a value of type `kind`; none is a null. Text follows Postgres's input rules, and `timestamptz` without an
/// offset is on the clock of `zone`. Errors: 22P02, 22007, 22008 or 22003 for text, 22P03 for binary.
pub(crate) fn decode(kind: &PgType, format: Format, value: Option<&[u8]>, zone: Zone) -> Result<ScalarValue> {
    match (value, format) {
        (None, _) => null(kind),
        (Some(bytes), Format::Text) => text::read(kind, utf8(bytes)?, zone),
        (Some(bytes), Format::Binary) => binary::read(kind, bytes),
    }
}

/// Reads a value's text by Postgres's input rules, as [`decode`] does for text that a client binds.
pub fn read_text(kind: &PgType, text: &str, zone: Zone) -> Result<ScalarValue> {
    text::read(kind, text, zone)
}

/// Reads an interval of certain fields: a number without a unit counts the smallest of them, and what is smaller is cut.
pub(crate) fn read_interval(text: &str, fields: IntervalFields) -> Result<IntervalMonthDayNano> {
    interval::read_fields(text, fields).map(|read| fields.kept(read))
}

/// A numeric's text without an exponent. 22P02 and 22003 as for any numeric, 0A000 for NaN and the infinities.
pub fn written_out(text: &str) -> Result<String> {
    Ok(number::finite(text::numeric(text)?)?.text())
}

/// A numeric's text rounded to a whole number, half away from zero; none for what is no number.
pub fn rounded(text: &str) -> Option<String> {
    match text::numeric(text) {
        Ok(Numeric::Number(mut number)) => {
            number.round(0);
            Some(number.text())
        }
        _ => None,
    }
}

fn null(kind: &PgType) -> Result<ScalarValue> {
    ScalarValue::try_from(&kind.arrow()).map_err(|error: DataFusionError| Error::from(error))
}

/// 22P02, in Postgres's words.
fn invalid_text(kind: &PgType, text: &str) -> Error {
    Error::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type {}: \"{text}\"", base_name(kind)),
    )
}

/// 22003, in Postgres's words.
fn out_of_range(kind: &PgType, text: &str) -> Error {
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{text}\" is out of range for type {}", base_name(kind)),
    )
}

/// 22P03.
fn invalid_binary(kind: &PgType) -> Error {
    Error::new(
        SqlState::INVALID_BINARY_REPRESENTATION,
        format!("incorrect binary data format for type {}", base_name(kind)),
    )
}

/// A type's name without its modifier.
fn base_name(kind: &PgType) -> String {
    match kind {
        PgType::Numeric(_) => "numeric".to_string(),
        PgType::Varchar(_) => "character varying".to_string(),
        PgType::Bpchar(_) => "character".to_string(),
        other => other.to_string(),
    }
}
