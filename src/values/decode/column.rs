//! Values as a column of a declared type holds them: numbers rounded to its digits, texts within its length.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, ListArray, StringViewArray};
use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::datatypes::{DataType, i256};
use datafusion::scalar::ScalarValue;

use super::{binary, decode, null, number, text};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::decimal::Numeric;
use crate::values::reader::utf8;
use crate::values::{Format, Zone};

/// Reads a value for a column of type `kind`, as [`decode`] does, and gives it that column's own Arrow type. Errors
/// besides: 22003 for a number with too many digits, 22001 for a text that is too long.
pub(crate) fn decode_column(kind: &PgType, format: Format, value: Option<&[u8]>, zone: Zone) -> Result<ScalarValue> {
    let Some(bytes) = value else { return null(kind) };
    match kind {
        PgType::Numeric(_) => {
            let number = match format {
                Format::Text => text::numeric(utf8(bytes)?)?,
                Format::Binary => binary::numeric(bytes)?,
            };
            fitted(number, kind)
        }
        PgType::Varchar(Some(_)) | PgType::Bpchar(_) => Ok(ScalarValue::Utf8View(Some(within(kind, utf8(bytes)?)?))),
        PgType::Array(element) => match decode(kind, format, value, zone)? {
            ScalarValue::List(list) => elements(kind, element, &list),
            other => Ok(other),
        },
        _ => decode(kind, format, value, zone),
    }
}

/// A number rounded half away from zero to the digits of its type.
fn fitted(number: Numeric, kind: &PgType) -> Result<ScalarValue> {
    let target = kind.arrow();
    let (precision, scale) = match target {
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) if scale >= 0 => {
            (precision, scale)
        }
        _ => return converted(number::scalar(number)?, &target),
    };
    let places = usize::from(scale.unsigned_abs());
    let mut number = number::finite(number)?;
    number.round(places);
    number.rescale(places);
    let overflow = || {
        Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").with_detail(format!(
            "A field with precision {precision}, scale {scale} must round to an absolute value less than 10^{}.",
            i32::from(precision) - i32::from(scale)
        ))
    };
    if number.significant() > usize::from(precision) {
        return Err(overflow());
    }
    let unscaled = number.unscaled();
    match target {
        DataType::Decimal128(..) => {
            let value: i128 = unscaled.parse().map_err(|_| overflow())?;
            Ok(ScalarValue::Decimal128(Some(value), precision, scale))
        }
        _ => {
            let value = i256::from_string(&unscaled).ok_or_else(overflow)?;
            Ok(ScalarValue::Decimal256(Some(value), precision, scale))
        }
    }
}

/// A text of at most the type's length, as it is held: blanks beyond it are cut, and those at the end of a `character(n)`.
fn within(kind: &PgType, text: &str) -> Result<String> {
    let length = match kind {
        PgType::Varchar(Some(length)) | PgType::Bpchar(Some(length)) => *length as usize,
        _ => usize::MAX,
    };
    let fits = match text.char_indices().nth(length) {
        Some((end, _)) => {
            let (fits, beyond) = text.split_at(end);
            if !beyond.trim_end_matches(' ').is_empty() {
                return Err(Error::new(SqlState("22001"), format!("value too long for type {kind}")));
            }
            fits
        }
        None => text,
    };
    Ok(kind.held(fits).to_string())
}

/// An array whose elements are of the column's type.
fn elements(kind: &PgType, element: &PgType, list: &ListArray) -> Result<ScalarValue> {
    let target = kind.arrow();
    if let (PgType::Varchar(Some(_)) | PgType::Bpchar(_), DataType::List(field)) = (element, &target) {
        let texts = list.values().as_string_view().iter();
        let texts = texts.map(|text| text.map(|text| within(element, text)).transpose());
        let texts: StringViewArray = texts.collect::<Result<Vec<_>>>()?.into_iter().collect();
        let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
        let list = ListArray::try_new(Arc::clone(field), offsets, Arc::new(texts), nulls)?;
        return Ok(ScalarValue::List(Arc::new(list)));
    }
    let list = ScalarValue::List(Arc::new(list.clone()));
    if list.data_type() == target { Ok(list) } else { converted(list, &target) }
}

fn converted(value: ScalarValue, target: &DataType) -> Result<ScalarValue> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    Ok(value.cast_to_with_options(target, &options)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: &str, text: &str) -> Result<String> {
        let kind = PgType::parse(kind).unwrap();
        let value = decode_column(&kind, Format::Text, Some(text.as_bytes()), Zone::UTC)?;
        assert_eq!(value.data_type(), kind.arrow(), "{text}");
        assert_eq!(null(&kind)?.data_type(), kind.arrow());
        Ok(value.to_string())
    }

    #[test]
    fn numbers_are_rounded_to_their_type() {
        let number = |text: &str| match decode_column(
            &PgType::Numeric(Some((4, 2))),
            Format::Text,
            Some(text.as_bytes()),
            Zone::UTC,
        ) {
            Ok(ScalarValue::Decimal128(Some(value), 4, 2)) => value.to_string(),
            Ok(other) => format!("{other:?}"),
            Err(error) => error.state().0.to_string(),
        };
        for (text, expected) in [
            ("1", "100"),
            ("1.005", "101"),
            ("-1.005", "-101"),
            ("1.0049", "100"),
            ("99.994", "9999"),
            ("99.995", "22003"),
            ("9.999", "1000"),
            ("0.004", "0"),
            ("-0.004", "0"),
            ("1e-50", "0"),
            ("123", "22003"),
            ("NaN", "0A000"),
            ("x", "22P02"),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
        assert!(read("numeric(50,10)", "1234567890123456789012345678901234567890.5").is_ok());
        assert!(read("numeric(10,2)[]", "{1,2.345,NULL}").is_ok());
        assert!(read("numeric(3,2)[]", "{10}").is_err());
    }

    #[test]
    fn texts_are_within_their_length() {
        assert_eq!(read("varchar(3)", "abc  ").unwrap(), "abc");
        assert_eq!(read("char(3)", "é ").unwrap(), "é");
        assert_eq!(read("char(3)", "é    ").unwrap(), "é");
        assert_eq!(read("bpchar", "é  ").unwrap(), "é");
        assert_eq!(read("char(2)[]", "{\"a \",b}").unwrap(), read("char(2)[]", "{a,b}").unwrap());
        assert_eq!(read("varchar(3)", "abcd").unwrap_err().message(), "value too long for type character varying(3)");
        assert!(read("varchar(2)[]", "{ab,NULL}").is_ok());
        assert_eq!(read("varchar(2)[]", "{abc}").unwrap_err().state().0, "22001");
        for kind in ["int[]", "text[]", "jsonb", "uuid[]", "timestamptz", "timestamptz[]", "bytea", "interval"] {
            let text = match kind {
                "jsonb" => "{}",
                "timestamptz" => "2024-01-01",
                "bytea" => "\\x01",
                "interval" => "1 day",
                _ => "{}",
            };
            read(kind, text).unwrap();
        }
    }
}
