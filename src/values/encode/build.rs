//! From an Arrow array to a [`Column`]: chooses how a type is written and downcasts once.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringBuilder, UInt32Array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int16Type,
    Int32Type, Int64Type, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt32Type, UInt64Type,
};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::error::DataFusionError;

use super::column::{BytesValues, Column, TextKind, TextValues, Values};
use super::nested::{ListColumn, RecordColumn, Spans};
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::values::Zone;

/// How a value is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Binary,
}

impl Column {
    /// A column of Postgres type `kind` in the given format. `timestamptz` is shown in `zone`. A type that has no
    /// form of its own is sent as Arrow shows it.
    pub fn new(kind: &PgType, array: &ArrayRef, format: Format, zone: Zone) -> Result<Column> {
        match array.data_type() {
            DataType::Null => return Ok(Column { nulls: None, values: Values::Null, format }),
            DataType::Dictionary(_, value) => return Column::new(kind, &cast(array, value)?, format, zone),
            DataType::RunEndEncoded(_, value) => {
                return Column::new(kind, &cast(array, value.data_type())?, format, zone);
            }
            _ => {}
        }
        let canonical = canonical(kind, array)?;
        let array = canonical.as_ref().unwrap_or(array);
        let values = match values(kind, array, format, zone)? {
            Some(values) => values,
            None => shown(array)?,
        };
        Ok(Column { nulls: array.nulls().cloned(), values, format })
    }
}

/// The array in the one layout that its type is written from, when it has another.
fn canonical(kind: &PgType, array: &ArrayRef) -> Result<Option<ArrayRef>> {
    let target = match (kind, array.data_type()) {
        (PgType::Int2, DataType::Int8 | DataType::UInt8) => DataType::Int16,
        (PgType::Int4, DataType::UInt16) => DataType::Int32,
        (PgType::Int8, DataType::UInt32) => DataType::Int64,
        (PgType::Oid, DataType::Int64) => DataType::UInt32,
        // The catalog may keep an oid in a signed integer of the same width: the bits are the oid.
        (PgType::Oid, DataType::Int32) => {
            let oids = array.as_primitive_opt::<Int32Type>().map(|oids| oids.unary::<_, UInt32Type>(|v| v as u32));
            return Ok(oids.map(|oids: UInt32Array| Arc::new(oids) as ArrayRef));
        }
        (PgType::Float4, DataType::Float16) => DataType::Float32,
        (PgType::Numeric(_), DataType::Decimal32(p, s) | DataType::Decimal64(p, s)) => DataType::Decimal128(*p, *s),
        (PgType::Date, DataType::Date64) => DataType::Date32,
        (PgType::Time, other) if *other != DataType::Time64(TimeUnit::Microsecond) => {
            DataType::Time64(TimeUnit::Microsecond)
        }
        _ => return Ok(None),
    };
    cast(array, &target).map(Some)
}

/// The downcast values; none for a pair of types that is not written in a form of its own.
fn values(kind: &PgType, array: &ArrayRef, format: Format, zone: Zone) -> Result<Option<Values>> {
    Ok(match (kind, array.data_type()) {
        (PgType::Bool, DataType::Boolean) => array.as_boolean_opt().cloned().map(Values::Bool),
        (PgType::Int2, DataType::Int16) => array.as_primitive_opt::<Int16Type>().cloned().map(Values::Int2),
        (PgType::Int4, DataType::Int32) => array.as_primitive_opt::<Int32Type>().cloned().map(Values::Int4),
        (PgType::Int8, DataType::Int64) => array.as_primitive_opt::<Int64Type>().cloned().map(Values::Int8),
        (PgType::Oid, DataType::UInt32) => array.as_primitive_opt::<UInt32Type>().cloned().map(Values::Oid),
        (PgType::Float4, DataType::Float32) => array.as_primitive_opt::<Float32Type>().cloned().map(Values::Float4),
        (PgType::Float8, DataType::Float64) => array.as_primitive_opt::<Float64Type>().cloned().map(Values::Float8),
        (PgType::Numeric(_), DataType::Decimal128(_, scale)) => {
            array.as_primitive_opt::<Decimal128Type>().cloned().map(|array| Values::Decimal128(array, *scale))
        }
        (PgType::Numeric(_), DataType::Decimal256(_, scale)) => {
            array.as_primitive_opt::<Decimal256Type>().cloned().map(|array| Values::Decimal256(array, *scale))
        }
        (PgType::Numeric(_), DataType::UInt64) => array.as_primitive_opt::<UInt64Type>().cloned().map(Values::UInt64),
        (kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
            text(array).map(|texts| Values::Text(texts, text_kind(kind)))
        }
        (PgType::Uuid, DataType::FixedSizeBinary(16)) => {
            array.as_fixed_size_binary_opt().cloned().map(Values::UuidBytes)
        }
        (_, DataType::Binary) => array.as_binary_opt::<i32>().cloned().map(|a| Values::Bytea(BytesValues::Small(a))),
        (_, DataType::LargeBinary) => {
            array.as_binary_opt::<i64>().cloned().map(|a| Values::Bytea(BytesValues::Large(a)))
        }
        (_, DataType::BinaryView) => array.as_binary_view_opt().cloned().map(|a| Values::Bytea(BytesValues::View(a))),
        (_, DataType::FixedSizeBinary(_)) => {
            array.as_fixed_size_binary_opt().cloned().map(|a| Values::Bytea(BytesValues::Fixed(a)))
        }
        (PgType::Date, DataType::Date32) => array.as_primitive_opt::<Date32Type>().cloned().map(Values::Date),
        (PgType::Time, DataType::Time64(TimeUnit::Microsecond)) => {
            integers::<Time64MicrosecondType>(array).map(Values::Time)
        }
        (_, DataType::Timestamp(unit, zoned)) => {
            let moments = match unit {
                TimeUnit::Second => integers::<TimestampSecondType>(array),
                TimeUnit::Millisecond => integers::<TimestampMillisecondType>(array),
                TimeUnit::Microsecond => integers::<TimestampMicrosecondType>(array),
                TimeUnit::Nanosecond => integers::<TimestampNanosecondType>(array),
            };
            moments.map(|moments| match zoned {
                Some(_) => Values::TimestampTz(moments, *unit, zone),
                None => Values::Timestamp(moments, *unit),
            })
        }
        (_, DataType::Interval(unit)) => match unit {
            IntervalUnit::MonthDayNano => {
                array.as_primitive_opt::<IntervalMonthDayNanoType>().cloned().map(Values::MonthDayNano)
            }
            IntervalUnit::YearMonth => {
                array.as_primitive_opt::<IntervalYearMonthType>().cloned().map(Values::YearMonth)
            }
            IntervalUnit::DayTime => array.as_primitive_opt::<IntervalDayTimeType>().cloned().map(Values::DayTime),
        },
        (_, DataType::Duration(unit)) => match unit {
            TimeUnit::Second => integers::<DurationSecondType>(array),
            TimeUnit::Millisecond => integers::<DurationMillisecondType>(array),
            TimeUnit::Microsecond => integers::<DurationMicrosecondType>(array),
            TimeUnit::Nanosecond => integers::<DurationNanosecondType>(array),
        }
        .map(|spans| Values::Duration(spans, *unit)),
        (PgType::Array(element), _) => list(element, array, format, zone, false)?,
        (PgType::Vector(element), _) => list(element, array, format, zone, true)?,
        (PgType::Record, DataType::Struct(fields)) => {
            let mut columns = Vec::with_capacity(fields.len());
            for (field, child) in fields.iter().zip(array.as_struct_opt().map(|s| s.columns()).unwrap_or_default()) {
                let kind = PgType::of_field(field);
                columns.push((kind.oid(), Column::new(&kind, child, format, zone)?));
            }
            Some(Values::Record(RecordColumn { fields: columns }))
        }
        _ => None,
    })
}

fn list(element: &PgType, array: &ArrayRef, format: Format, zone: Zone, is_vector: bool) -> Result<Option<Values>> {
    let (spans, elements) = match array.data_type() {
        DataType::List(_) => {
            let Some(list) = array.as_list_opt::<i32>() else { return Ok(None) };
            (Spans::Small(list.offsets().clone()), list.values())
        }
        DataType::LargeList(_) => {
            let Some(list) = array.as_list_opt::<i64>() else { return Ok(None) };
            (Spans::Large(list.offsets().clone()), list.values())
        }
        DataType::ListView(_) => {
            let Some(list) = array.as_list_view_opt::<i32>() else { return Ok(None) };
            (Spans::SmallViews(list.offsets().clone(), list.sizes().clone()), list.values())
        }
        DataType::LargeListView(_) => {
            let Some(list) = array.as_list_view_opt::<i64>() else { return Ok(None) };
            (Spans::LargeViews(list.offsets().clone(), list.sizes().clone()), list.values())
        }
        DataType::FixedSizeList(_, size) => {
            let Some(list) = array.as_fixed_size_list_opt() else { return Ok(None) };
            (Spans::Fixed(usize::try_from(*size).unwrap_or(0)), list.values())
        }
        _ => return Ok(None),
    };
    let mut innermost = element;
    while let PgType::Array(inner) = innermost {
        innermost = inner;
    }
    let elements = Column::new(element, elements, format, zone)?;
    Ok(Some(Values::List(Box::new(ListColumn { spans, elements, element_oid: innermost.oid(), is_vector }))))
}

fn text_kind(kind: &PgType) -> TextKind {
    match kind {
        PgType::Bpchar(Some(length)) => TextKind::Filled(*length),
        PgType::Char => TextKind::Char,
        PgType::Jsonb => TextKind::Jsonb,
        PgType::Uuid => TextKind::Uuid,
        PgType::Numeric(_) => TextKind::Numeric,
        _ => TextKind::Plain,
    }
}

fn text(array: &ArrayRef) -> Option<TextValues> {
    match array.data_type() {
        DataType::Utf8 => array.as_string_opt::<i32>().cloned().map(TextValues::Small),
        DataType::LargeUtf8 => array.as_string_opt::<i64>().cloned().map(TextValues::Large),
        _ => array.as_string_view_opt().cloned().map(TextValues::View),
    }
}

/// An array of 64-bit values as plain integers, sharing their memory.
fn integers<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef) -> Option<Int64Array> {
    array.as_primitive_opt::<T>().map(|array| array.reinterpret_cast::<Int64Type>())
}

/// Maps, unions and whatever else Postgres lacks: the text that Arrow shows.
fn shown(array: &ArrayRef) -> Result<Values> {
    let options = FormatOptions::new();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(arrow)?;
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 16);
    for row in 0..array.len() {
        if array.is_null(row) {
            texts.append_null();
        } else {
            texts.append_value(formatter.value(row).try_to_string().map_err(arrow)?);
        }
    }
    Ok(Values::Text(TextValues::Small(texts.finish()), TextKind::Plain))
}

/// Casts; a value that does not fit is an error.
pub(crate) fn cast(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array.as_ref(), target, &options).map_err(arrow)
}

fn arrow(error: ArrowError) -> Error {
    Error::from(DataFusionError::from(error))
}
