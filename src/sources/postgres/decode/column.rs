//! One column's builder: which bytes come and what they become is decided once.

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder, StringViewBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt32Builder,
};
use datafusion::arrow::datatypes::{DataType, i256};

use super::fault::{Fault, fixed, utf8};
use super::list::List;
use super::numeric::Shape;
use super::temporal;
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::sources::postgres::forms::Form;

/// Room for so many values at first: a point query must not pay for a full batch.
const ROOM: usize = 256;

/// Builds one column from binary values.
pub(super) enum Column {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Oid(UInt32Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Decimal128(Decimal128Builder, Shape<i128>),
    Decimal256(Decimal256Builder, Shape<i256>),
    Text(StringViewBuilder),
    /// `character(n)`, whose blanks at the end count for nothing.
    Filled(StringViewBuilder),
    /// `"char"`, a byte that need not be a character.
    Char(StringViewBuilder),
    Uuid(StringViewBuilder),
    Jsonb(StringViewBuilder),
    Bytea(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    /// With or without a time zone: both count the same way.
    Timestamp(TimestampMicrosecondBuilder),
    /// A local time that becomes an instant.
    Zoned(TimestampMicrosecondBuilder, Tz),
    Interval(IntervalMonthDayNanoBuilder),
    List(Box<List>),
}

impl Column {
    /// The builder from `wire`, the type that comes, to `target`, the type here. `zone` is where local times are
    /// that become instants.
    pub(super) fn new(wire: &PgType, target: &PgType, zone: Tz) -> Result<Column> {
        let arrow = target.arrow();
        Ok(match (wire, &arrow) {
            (PgType::Bool, DataType::Boolean) => Column::Bool(BooleanBuilder::with_capacity(ROOM)),
            (PgType::Int2, DataType::Int16) => Column::Int2(Int16Builder::with_capacity(ROOM)),
            (PgType::Int4, DataType::Int32) => Column::Int4(Int32Builder::with_capacity(ROOM)),
            (PgType::Int8, DataType::Int64) => Column::Int8(Int64Builder::with_capacity(ROOM)),
            (PgType::Oid, DataType::UInt32) => Column::Oid(UInt32Builder::with_capacity(ROOM)),
            (PgType::Float4, DataType::Float32) => Column::Float4(Float32Builder::with_capacity(ROOM)),
            (PgType::Float8, DataType::Float64) => Column::Float8(Float64Builder::with_capacity(ROOM)),
            (PgType::Numeric(_), DataType::Decimal128(p, s)) => Column::Decimal128(
                Decimal128Builder::with_capacity(ROOM).with_data_type(arrow.clone()),
                Shape::new(*p, *s).ok_or_else(|| mismatch(wire, target))?,
            ),
            (PgType::Numeric(_), DataType::Decimal256(p, s)) => Column::Decimal256(
                Decimal256Builder::with_capacity(ROOM).with_data_type(arrow.clone()),
                Shape::new(*p, *s).ok_or_else(|| mismatch(wire, target))?,
            ),
            (PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name, DataType::Utf8View)
                if matches!(target, PgType::Bpchar(_)) =>
            {
                Column::Filled(StringViewBuilder::with_capacity(ROOM))
            }
            (
                PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name | PgType::Json,
                DataType::Utf8View,
            ) => Column::Text(StringViewBuilder::with_capacity(ROOM)),
            (PgType::Char, DataType::Utf8View) => Column::Char(StringViewBuilder::with_capacity(ROOM)),
            (PgType::Uuid, DataType::Utf8View) => Column::Uuid(StringViewBuilder::with_capacity(ROOM)),
            (PgType::Jsonb, DataType::Utf8View) => Column::Jsonb(StringViewBuilder::with_capacity(ROOM)),
            (PgType::Bytea, DataType::Binary) => Column::Bytea(BinaryBuilder::with_capacity(ROOM, 0)),
            (PgType::Date, DataType::Date32) => Column::Date(Date32Builder::with_capacity(ROOM)),
            (PgType::Time, DataType::Time64(_)) => Column::Time(Time64MicrosecondBuilder::with_capacity(ROOM)),
            (PgType::Timestamp, DataType::Timestamp(_, None))
            | (PgType::TimestampTz, DataType::Timestamp(_, Some(_))) => {
                Column::Timestamp(TimestampMicrosecondBuilder::with_capacity(ROOM).with_data_type(arrow.clone()))
            }
            (PgType::Timestamp, DataType::Timestamp(_, Some(_))) => {
                Column::Zoned(TimestampMicrosecondBuilder::with_capacity(ROOM).with_data_type(arrow.clone()), zone)
            }
            (PgType::Interval, DataType::Interval(_)) => {
                Column::Interval(IntervalMonthDayNanoBuilder::with_capacity(ROOM))
            }
            (PgType::Array(wire), DataType::List(field)) => {
                let PgType::Array(target) = target else { return Err(mismatch(wire, target)) };
                if matches!(target.as_ref(), PgType::Array(_)) {
                    return Err(Error::unsupported("arrays of more than one dimension are not read"));
                }
                Column::List(Box::new(List::new(Arc::clone(field), Column::new(wire, target, zone)?)))
            }
            _ => return Err(mismatch(wire, target)),
        })
    }

    /// Appends one value, which is binary but that a numeric may be in another form.
    #[inline]
    pub(super) fn append(&mut self, raw: Option<&[u8]>, numerics: Form) -> Result<(), Fault> {
        let Some(raw) = raw else {
            self.append_null();
            return Ok(());
        };
        match self {
            Column::Bool(builder) => builder.append_value(fixed::<1>(raw)? != [0]),
            Column::Int2(builder) => builder.append_value(i16::from_be_bytes(fixed(raw)?)),
            Column::Int4(builder) => builder.append_value(i32::from_be_bytes(fixed(raw)?)),
            Column::Int8(builder) => builder.append_value(i64::from_be_bytes(fixed(raw)?)),
            Column::Oid(builder) => builder.append_value(u32::from_be_bytes(fixed(raw)?)),
            // There is one NaN, as in Postgres: predicates that were pushed rely on its place in the order.
            Column::Float4(builder) => {
                let value = f32::from_be_bytes(fixed(raw)?);
                builder.append_value(if value.is_nan() { f32::NAN } else { value });
            }
            Column::Float8(builder) => {
                let value = f64::from_be_bytes(fixed(raw)?);
                builder.append_value(if value.is_nan() { f64::NAN } else { value });
            }
            Column::Decimal128(builder, shape) => builder.append_value(shape.read(raw, numerics)?),
            Column::Decimal256(builder, shape) => builder.append_value(shape.read(raw, numerics)?),
            Column::Text(builder) => text(builder, utf8(raw)?)?,
            Column::Filled(builder) => text(builder, utf8(raw)?.trim_end_matches(' '))?,
            Column::Char(builder) => match fixed::<1>(raw)? {
                [0] => text(builder, "")?,
                [byte] if byte.is_ascii() => text(builder, utf8(&[byte])?)?,
                // As Postgres prints it.
                [byte] => text(builder, &format!("\\{byte:03o}"))?,
            },
            Column::Uuid(builder) => text(builder, utf8(&uuid(fixed(raw)?))?)?,
            // The first byte is the format's version.
            Column::Jsonb(builder) => match raw.split_first() {
                Some((1, document)) => text(builder, utf8(document)?)?,
                _ => return Err(Fault::malformed()),
            },
            Column::Bytea(builder) => builder.append_value(raw),
            Column::Date(builder) => builder.append_value(temporal::date(raw)?),
            Column::Time(builder) => builder.append_value(temporal::time(raw)?),
            Column::Timestamp(builder) => builder.append_value(temporal::timestamp(raw)?),
            Column::Zoned(builder, zone) => {
                builder.append_value(temporal::instant(temporal::timestamp(raw)?, *zone)?);
            }
            Column::Interval(builder) => builder.append_value(temporal::interval(raw)?),
            Column::List(list) => list.append(raw)?,
        }
        Ok(())
    }

    fn append_null(&mut self) {
        match self {
            Column::Bool(builder) => builder.append_null(),
            Column::Int2(builder) => builder.append_null(),
            Column::Int4(builder) => builder.append_null(),
            Column::Int8(builder) => builder.append_null(),
            Column::Oid(builder) => builder.append_null(),
            Column::Float4(builder) => builder.append_null(),
            Column::Float8(builder) => builder.append_null(),
            Column::Decimal128(builder, _) => builder.append_null(),
            Column::Decimal256(builder, _) => builder.append_null(),
            Column::Text(builder)
            | Column::Filled(builder)
            | Column::Char(builder)
            | Column::Uuid(builder)
            | Column::Jsonb(builder) => {
                builder.append_null();
            }
            Column::Bytea(builder) => builder.append_null(),
            Column::Date(builder) => builder.append_null(),
            Column::Time(builder) => builder.append_null(),
            Column::Timestamp(builder) | Column::Zoned(builder, _) => builder.append_null(),
            Column::Interval(builder) => builder.append_null(),
            Column::List(list) => list.append_null(),
        }
    }

    /// The values so far; the builder starts anew.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, Fault> {
        let array: ArrayRef = match self {
            Column::Bool(builder) => Arc::new(builder.finish()),
            Column::Int2(builder) => Arc::new(builder.finish()),
            Column::Int4(builder) => Arc::new(builder.finish()),
            Column::Int8(builder) => Arc::new(builder.finish()),
            Column::Oid(builder) => Arc::new(builder.finish()),
            Column::Float4(builder) => Arc::new(builder.finish()),
            Column::Float8(builder) => Arc::new(builder.finish()),
            Column::Decimal128(builder, _) => Arc::new(builder.finish()),
            Column::Decimal256(builder, _) => Arc::new(builder.finish()),
            Column::Text(builder)
            | Column::Filled(builder)
            | Column::Char(builder)
            | Column::Uuid(builder)
            | Column::Jsonb(builder) => Arc::new(builder.finish()),
            Column::Bytea(builder) => Arc::new(builder.finish()),
            Column::Date(builder) => Arc::new(builder.finish()),
            Column::Time(builder) => Arc::new(builder.finish()),
            Column::Timestamp(builder) | Column::Zoned(builder, _) => Arc::new(builder.finish()),
            Column::Interval(builder) => Arc::new(builder.finish()),
            Column::List(list) => return list.finish(),
        };
        Ok(array)
    }
}

fn text(builder: &mut StringViewBuilder, value: &str) -> Result<(), Fault> {
    builder.try_append_value(value).map_err(|_| Fault::unfit("holds a text that is too long"))
}

/// The canonical form: lower case, in groups of 8, 4, 4, 4 and 12.
fn uuid(bytes: [u8; 16]) -> [u8; 36] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; 36];
    let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    for (place, digit) in places.zip(digits) {
        text[place] = DIGITS[usize::from(digit)];
    }
    text
}

fn mismatch(wire: &PgType, target: &PgType) -> Error {
    Error::internal(format!("values of type {wire} cannot be read as {target}"))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn lists_hold_their_items_and_nulls() {
        let array = PgType::Array(Box::new(PgType::Int4));
        let mut column = Column::new(&array, &array, Tz::UTC).unwrap();
        let words = |words: &[i32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        // {7,NULL}, then {}, then NULL
        column.append(Some(&words(&[1, 1, 23, 2, 1, 4, 7, -1])), Form::Binary).unwrap();
        column.append(Some(&words(&[0, 0, 23])), Form::Binary).unwrap();
        column.append(None, Form::Binary).unwrap();
        assert!(column.append(Some(&words(&[2, 0, 23, 1, 1, 1, 1, 4, 7])), Form::Binary).is_err());
        let lists = column.finish().unwrap();
        let lists = lists.as_list::<i32>();
        assert_eq!(lists.data_type(), &array.arrow());
        assert_eq!(lists.value(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(7), None]);
        assert_eq!((lists.value_length(1), lists.is_null(2)), (0, true));
    }

    #[test]
    fn texts_are_as_postgres_prints_them() {
        assert_eq!(
            std::str::from_utf8(&uuid(*b"\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11")),
            Ok("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
        );
        let mut column = Column::new(&PgType::Jsonb, &PgType::Jsonb, Tz::UTC).unwrap();
        column.append(Some(b"\x01{}"), Form::Binary).unwrap();
        assert!(column.append(Some(b"{}"), Form::Binary).is_err());
        assert_eq!(column.finish().unwrap().as_string_view().value(0), "{}");
    }
}
