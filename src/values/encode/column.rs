//! One column of a batch, downcast, that writes its values.

use std::fmt::Write as _;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::{
    BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, IntervalDayTimeArray, IntervalMonthDayNanoArray,
    IntervalYearMonthArray, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::TimeUnit;

use super::build::Format;
use super::interval::Interval;
use super::nested::{ListColumn, RecordColumn};
use super::{datetime, digits, float};
use crate::error::{Error, Result, SqlState};
use crate::values::Zone;
use crate::values::calendar::{POSTGRES_EPOCH, POSTGRES_EPOCH_DAYS, SECOND};
use crate::values::decimal::{self, Numeric};

/// The most bytes of a row, as in Postgres.
pub(crate) const LARGEST: usize = 0x3fff_ffff;

/// A column ready to be written, value by value.
pub struct Column {
    pub(super) nulls: Option<NullBuffer>,
    pub(super) values: Values,
    pub(super) format: Format,
}

/// The values by how they are written.
pub(super) enum Values {
    /// Nothing but nulls.
    Null,
    Bool(BooleanArray),
    Int2(Int16Array),
    Int4(Int32Array),
    Int8(Int64Array),
    Oid(UInt32Array),
    Float4(Float32Array),
    Float8(Float64Array),
    Decimal128(Decimal128Array, i8),
    Decimal256(Decimal256Array, i8),
    UInt64(UInt64Array),
    Text(TextValues, TextKind),
    UuidBytes(FixedSizeBinaryArray),
    Bytea(BytesValues),
    Date(Date32Array),
    /// Microseconds since midnight.
    Time(Int64Array),
    Timestamp(Int64Array, TimeUnit),
    TimestampTz(Int64Array, TimeUnit, Zone),
    MonthDayNano(IntervalMonthDayNanoArray),
    YearMonth(IntervalYearMonthArray),
    DayTime(IntervalDayTimeArray),
    Duration(Int64Array, TimeUnit),
    List(Box<ListColumn>),
    Record(RecordColumn),
}

/// Text in any of Arrow's layouts.
pub(super) enum TextValues {
    Small(StringArray),
    Large(LargeStringArray),
    View(StringViewArray),
}

impl TextValues {
    fn get(&self, row: usize) -> &str {
        match self {
            TextValues::Small(array) => array.value(row),
            TextValues::Large(array) => array.value(row),
            TextValues::View(array) => array.value(row),
        }
    }
}

/// What a text stands for: it decides the binary form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextKind {
    Plain,
    /// `character(n)`, filled with blanks to its length
    Filled(u32),
    /// `"char"`
    Char,
    Jsonb,
    Uuid,
    Numeric,
}

/// Bytes in any of Arrow's layouts.
pub(super) enum BytesValues {
    Small(BinaryArray),
    Large(LargeBinaryArray),
    View(BinaryViewArray),
    Fixed(FixedSizeBinaryArray),
}

impl BytesValues {
    fn get(&self, row: usize) -> &[u8] {
        match self {
            BytesValues::Small(array) => array.value(row),
            BytesValues::Large(array) => array.value(row),
            BytesValues::View(array) => array.value(row),
            BytesValues::Fixed(array) => array.value(row),
        }
    }
}

impl Column {
    /// Whether the value is null.
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Writes a value as a DataRow has it: its length, -1 for null, then its bytes in the column's format.
    pub(crate) fn write_field(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        if self.is_null(row) {
            out.put_i32(-1);
            return Ok(());
        }
        let start = out.len();
        out.put_i32(0);
        match self.format {
            Format::Text => self.write_text(row, out)?,
            Format::Binary => self.write_binary(row, out)?,
        }
        let length = i32::try_from(out.len() - start - 4).map_err(|_| too_large())?;
        if let Some(place) = out.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    /// Bytes that a value takes at least, as far as they can be told before it is written.
    pub(crate) fn least(&self, row: usize) -> usize {
        match &self.values {
            _ if self.is_null(row) => 0,
            Values::Text(texts, TextKind::Filled(length)) => texts.get(row).len().max(*length as usize),
            Values::Text(texts, _) => texts.get(row).len(),
            Values::Bytea(bytes) => bytes.get(row).len(),
            _ => 0,
        }
    }

    /// Writes the text of a value that is not null.
    pub fn write_text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        match &self.values {
            Values::Null => {}
            Values::Bool(array) => out.put_u8(if array.value(row) { b't' } else { b'f' }),
            Values::Int2(array) => digits::signed(i64::from(array.value(row)), out),
            Values::Int4(array) => digits::signed(i64::from(array.value(row)), out),
            Values::Int8(array) => digits::signed(array.value(row), out),
            Values::Oid(array) => digits::unsigned(u64::from(array.value(row)), out),
            Values::Float4(array) => float::single(array.value(row), out),
            Values::Float8(array) => float::double(array.value(row), out),
            Values::Decimal128(array, scale) => {
                let value = array.value(row);
                let mut room = [0; 39];
                decimal::write_text(value < 0, digits::wide(value.unsigned_abs(), &mut room), i32::from(*scale), out);
            }
            Values::Decimal256(..) | Values::UInt64(_) => {
                self.with_digits(row, |negative, digits, scale| decimal::write_text(negative, digits, scale, out));
            }
            Values::Text(texts, TextKind::Filled(length)) => filled(texts.get(row), *length, out),
            Values::Text(texts, _) => out.extend_from_slice(texts.get(row).as_bytes()),
            Values::UuidBytes(array) => uuid_text(array.value(row), out),
            Values::Bytea(bytes) => {
                out.extend_from_slice(b"\\x");
                hex(bytes.get(row), out);
            }
            Values::Date(array) => datetime::date(array.value(row), out),
            Values::Time(array) => datetime::time(array.value(row), out),
            Values::Timestamp(array, unit) => {
                datetime::timestamp(micros(array.value(row), *unit)?, out);
            }
            Values::TimestampTz(array, unit, zone) => {
                datetime::timestamptz(micros(array.value(row), *unit)?, zone, out);
            }
            Values::MonthDayNano(_) | Values::YearMonth(_) | Values::DayTime(_) | Values::Duration(..) => {
                self.interval(row)?.write(out);
            }
            Values::List(list) => list.write_text(row, out)?,
            Values::Record(record) => record.write_text(row, out)?,
        }
        Ok(())
    }

    /// Writes the binary form of a value that is not null, without its length.
    pub fn write_binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        match &self.values {
            Values::Null => {}
            Values::Bool(array) => out.put_u8(u8::from(array.value(row))),
            Values::Int2(array) => out.put_i16(array.value(row)),
            Values::Int4(array) => out.put_i32(array.value(row)),
            Values::Int8(array) => out.put_i64(array.value(row)),
            Values::Oid(array) => out.put_u32(array.value(row)),
            Values::Float4(array) => out.put_f32(array.value(row)),
            Values::Float8(array) => out.put_f64(array.value(row)),
            Values::Decimal128(array, scale) if write_small(array.value(row), *scale, out) => {}
            Values::Decimal128(..) | Values::Decimal256(..) | Values::UInt64(_) => {
                self.with_digits(row, |negative, digits, scale| decimal::write_binary(negative, digits, scale, out));
            }
            Values::Text(texts, kind) => text_binary(texts.get(row), *kind, out)?,
            Values::UuidBytes(array) => out.extend_from_slice(array.value(row)),
            Values::Bytea(bytes) => out.extend_from_slice(bytes.get(row)),
            Values::Date(array) => out.put_i32(match array.value(row) {
                infinite @ (i32::MIN | i32::MAX) => infinite,
                days => days.checked_sub(POSTGRES_EPOCH_DAYS).ok_or_else(|| out_of_range("date"))?,
            }),
            Values::Time(array) => out.put_i64(array.value(row)),
            Values::Timestamp(array, unit) | Values::TimestampTz(array, unit, _) => {
                out.put_i64(match micros(array.value(row), *unit)? {
                    infinite @ (i64::MIN | i64::MAX) => infinite,
                    micros => micros.checked_sub(POSTGRES_EPOCH).ok_or_else(|| out_of_range("timestamp"))?,
                });
            }
            Values::MonthDayNano(_) | Values::YearMonth(_) | Values::DayTime(_) | Values::Duration(..) => {
                self.interval(row)?.write_binary(out);
            }
            Values::List(list) => list.write_binary(row, out)?,
            Values::Record(record) => record.write_binary(row, out)?,
        }
        Ok(())
    }

    /// Whether no text of a value has a backslash, a tab or another character that COPY writes as two.
    pub(crate) fn is_unescaped(&self) -> bool {
        self.is_of_digits()
            || matches!(
                self.values,
                Values::UuidBytes(_)
                    | Values::Date(_)
                    | Values::Time(_)
                    | Values::Timestamp(..)
                    | Values::TimestampTz(..)
            )
    }

    /// Whether the text of every value can stand in an array without quotes.
    pub(super) fn is_plain(&self) -> bool {
        self.is_of_digits() || matches!(self.values, Values::List(_))
    }

    /// Whether it is of numbers or booleans.
    fn is_of_digits(&self) -> bool {
        matches!(
            self.values,
            Values::Bool(_)
                | Values::Int2(_)
                | Values::Int4(_)
                | Values::Int8(_)
                | Values::Oid(_)
                | Values::Float4(_)
                | Values::Float8(_)
                | Values::Decimal128(..)
                | Values::Decimal256(..)
                | Values::UInt64(_)
        )
    }

    /// Hands on a number's sign, digits and scale.
    fn with_digits(&self, row: usize, mut write: impl FnMut(bool, &[u8], i32)) {
        let mut room = [0; 39];
        match &self.values {
            Values::Decimal128(array, scale) => {
                let value = array.value(row);
                write(value < 0, digits::wide(value.unsigned_abs(), &mut room), i32::from(*scale));
            }
            Values::Decimal256(array, scale) => {
                let value = array.value(row);
                match value.to_i128() {
                    Some(small) => {
                        write(small < 0, digits::wide(small.unsigned_abs(), &mut room), i32::from(*scale));
                    }
                    None => {
                        let mut text = String::with_capacity(80);
                        // Writing to a String cannot fail.
                        let _ = write!(text, "{value}");
                        match text.strip_prefix('-') {
                            Some(digits) => write(true, digits.as_bytes(), i32::from(*scale)),
                            None => write(false, text.as_bytes(), i32::from(*scale)),
                        }
                    }
                }
            }
            Values::UInt64(array) => write(false, digits::wide(u128::from(array.value(row)), &mut room), 0),
            _ => {}
        }
    }

    /// The interval in Postgres's three fields; parts of a microsecond are cut off.
    fn interval(&self, row: usize) -> Result<Interval> {
        Ok(match &self.values {
            Values::MonthDayNano(array) => {
                let value = array.value(row);
                Interval { months: value.months, days: value.days, micros: value.nanoseconds / 1_000 }
            }
            Values::YearMonth(array) => Interval { months: array.value(row), ..Interval::default() },
            Values::DayTime(array) => {
                let value = array.value(row);
                Interval { days: value.days, micros: i64::from(value.milliseconds) * 1_000, ..Interval::default() }
            }
            Values::Duration(array, unit) => {
                let value = array.value(row);
                let micros = match unit {
                    TimeUnit::Second => value.checked_mul(SECOND),
                    TimeUnit::Millisecond => value.checked_mul(1_000),
                    TimeUnit::Microsecond => Some(value),
                    TimeUnit::Nanosecond => Some(value / 1_000),
                };
                Interval { micros: micros.ok_or_else(|| out_of_range("interval"))?, ..Interval::default() }
            }
            _ => Interval::default(),
        })
    }
}

fn micros(value: i64, unit: TimeUnit) -> Result<i64> {
    datetime::micros(value, unit).ok_or_else(|| out_of_range("timestamp"))
}

/// Writes the binary form of a number that 64 bits can hold; false when they cannot.
fn write_small(value: i128, scale: i8, out: &mut BytesMut) -> bool {
    let small = u64::try_from(value.unsigned_abs());
    small.is_ok_and(|small| decimal::write_small(value < 0, small, i32::from(scale), out))
}

fn out_of_range(what: &str) -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, format!("{what} out of range"))
}

/// The error for a value or row beyond what the protocol can count.
pub(crate) fn too_large() -> Error {
    Error::new(SqlState("54000"), "a row is too large to be sent").with_detail("A row may have a gigabyte.")
}

/// Writes a text and the blanks that it lacks of `length` characters.
fn filled(text: &str, length: u32, out: &mut BytesMut) {
    out.extend_from_slice(text.as_bytes());
    let missing = usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(text.chars().count());
    out.put_bytes(b' ', missing);
}

fn text_binary(text: &str, kind: TextKind, out: &mut BytesMut) -> Result<()> {
    match kind {
        TextKind::Plain => out.extend_from_slice(text.as_bytes()),
        // As in Postgres, where it is one byte, zero for no character.
        TextKind::Char if text.is_empty() => out.put_u8(0),
        TextKind::Char => out.extend_from_slice(text.as_bytes()),
        TextKind::Filled(length) => filled(text, length, out),
        TextKind::Jsonb => {
            out.put_u8(1);
            out.extend_from_slice(text.as_bytes());
        }
        TextKind::Uuid => {
            let bytes = uuid_bytes(text).ok_or_else(|| {
                Error::new(
                    SqlState::INVALID_TEXT_REPRESENTATION,
                    format!("invalid input syntax for type uuid: \"{text}\""),
                )
            })?;
            out.extend_from_slice(&bytes);
        }
        TextKind::Numeric => match Numeric::parse(text) {
            Ok(Numeric::Number(number)) => {
                let scale = i32::try_from(number.scale).unwrap_or(i32::MAX);
                decimal::write_binary(number.negative, &number.digits, scale, out);
            }
            Ok(special) => {
                let sign: u16 = match special {
                    Numeric::PositiveInfinity => 0xD000,
                    Numeric::NegativeInfinity => 0xF000,
                    _ => 0xC000,
                };
                out.put_u32(0);
                out.put_u16(sign);
                out.put_u16(0);
            }
            Err(_) => {
                return Err(Error::new(
                    SqlState::INVALID_TEXT_REPRESENTATION,
                    format!("invalid input syntax for type numeric: \"{text}\""),
                ));
            }
        },
    }
    Ok(())
}

/// A uuid's bytes from its text, with or without hyphens and braces, in either case. None when it is no uuid.
pub(in crate::values) fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let mut bytes = [0u8; 16];
    let mut digits = 0usize;
    let mut hyphen_allowed = false;
    for character in inner.chars() {
        if character == '-' && hyphen_allowed {
            hyphen_allowed = false;
            continue;
        }
        let value = u8::try_from(character.to_digit(16)?).ok()?;
        let byte = bytes.get_mut(digits / 2)?;
        *byte = (*byte << 4) | value;
        digits += 1;
        // A hyphen may stand after every fourth digit, but not at the end.
        hyphen_allowed = digits.is_multiple_of(4) && digits < 32;
    }
    (digits == 32).then_some(bytes)
}

/// Writes sixteen bytes as a uuid's text.
pub(in crate::values) fn uuid_text(bytes: &[u8], out: &mut BytesMut) {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.put_u8(b'-');
        }
        hex(std::slice::from_ref(byte), out);
    }
}

fn hex(bytes: &[u8], out: &mut BytesMut) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.put_u8(DIGITS[usize::from(byte >> 4)]);
        out.put_u8(DIGITS[usize::from(byte & 15)]);
    }
}
