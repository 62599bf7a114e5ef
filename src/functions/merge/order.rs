//! The total order of values: "the greater value in its type's order", for every type.
//!
//! Text and bytes go by bytes, false before true, NaN after every number, structs field by field and lists element by
//! element with nulls lowest, intervals by their length with months of 30 days (as Postgres compares them) and then by
//! months, days and time. Values become byte strings of that order by Arrow's row format, after the three things in
//! which it differs are rewritten: NaNs, negative zeros and intervals. Values that are equal though they are written
//! differently, as the two zeros and `1 day` and `24:00:00` are, have one byte string where that is asked for.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Decimal128Array, FixedSizeListArray, GenericListArray,
    OffsetSizeTrait, PrimitiveArray, StructArray, new_empty_array, new_null_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Fields, Float16Type, Float32Type, Float64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::Result;

use super::columns::{primitive, unexpected};

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// What becomes of values that are equal though they are written differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zeros {
    /// Negative zero stays, just below zero: for values that are given back as they came.
    Kept,
    /// Negative zero becomes zero, intervals stay as they are: for values that are counted.
    Merged,
    /// Negative zero becomes zero, and intervals of one length become one interval of that length: for values that are
    /// compared, and not given back.
    Equal,
}

/// Whether equal values of the type may be written in several ways, each of which is kept: `1 day` and `24:00:00`.
pub(super) fn is_spelled(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(IntervalUnit::MonthDayNano) => true,
        DataType::Struct(fields) => fields.iter().any(|field| is_spelled(field.data_type())),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            is_spelled(item.data_type())
        }
        _ => false,
    }
}

/// Values as merge functions that count them give them: the zeros in them, those of structs and lists too, are one.
pub fn one_zero(column: &ArrayRef) -> Result<ArrayRef> {
    restore(code(column, Zeros::Merged)?, column.data_type())
}

/// Whether values of the type can be ordered here; maps and unions cannot.
pub(super) fn orderable(data_type: &DataType) -> bool {
    fn ordered(data_type: &DataType) -> bool {
        match data_type {
            DataType::Map(_, _) | DataType::Union(_, _) => false,
            DataType::List(item)
            | DataType::LargeList(item)
            | DataType::ListView(item)
            | DataType::LargeListView(item)
            | DataType::FixedSizeList(item, _)
            | DataType::RunEndEncoded(_, item) => ordered(item.data_type()),
            DataType::Struct(fields) => !fields.is_empty() && fields.iter().all(|field| ordered(field.data_type())),
            DataType::Dictionary(_, value) => ordered(value),
            _ => true,
        }
    }
    ordered(data_type) && RowConverter::supports_fields(&[SortField::new(coded_type(data_type))])
}

/// Turns values into byte strings of the same order, and back.
#[derive(Debug)]
pub(super) struct Encoder {
    converter: RowConverter,
    plain: DataType,
    coded: DataType,
    null: Box<[u8]>,
}

impl Encoder {
    /// An encoder for values of one type.
    pub(super) fn try_new(data_type: &DataType) -> Result<Self> {
        let coded = coded_type(data_type);
        let converter = RowConverter::new(vec![SortField::new(coded.clone())])?;
        let null = converter.convert_columns(&[new_null_array(&coded, 1)])?.row(0).data().into();
        Ok(Encoder { converter, plain: data_type.clone(), coded, null })
    }

    /// One byte string a row.
    pub(super) fn encode(&self, column: &ArrayRef, zeros: Zeros) -> Result<Rows> {
        let column = code(column, zeros)?;
        if column.data_type() != &self.coded {
            return Err(unexpected(column.data_type()));
        }
        Ok(self.converter.convert_columns(&[column])?)
    }

    /// A column of the values behind byte strings that this encoder made; none stands for null.
    pub(super) fn decode<'a>(&self, rows: impl IntoIterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef> {
        let parser = self.converter.parser();
        let rows: Vec<_> = rows.into_iter().map(|row| parser.parse(row.unwrap_or(&self.null))).collect();
        if rows.is_empty() {
            return Ok(new_empty_array(&self.plain));
        }
        match self.converter.convert_rows(rows)?.pop() {
            Some(column) => restore(column, &self.plain),
            None => Err(unexpected(&self.plain)),
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.converter.size() + self.null.len()
    }
}

/// The type that values of a type are encoded in.
pub(super) fn coded_type(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| field.as_ref().clone().with_data_type(coded_type(field.data_type()));
    match data_type {
        DataType::Interval(IntervalUnit::MonthDayNano) => DataType::Struct(interval_fields()),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::List(item) => DataType::List(Arc::new(inner(item))),
        DataType::LargeList(item) => DataType::LargeList(Arc::new(inner(item))),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(Arc::new(inner(item)), *size),
        other => other.clone(),
    }
}

/// An interval's length in nanoseconds, then the interval itself.
fn interval_fields() -> Fields {
    Fields::from(vec![
        Field::new("length", DataType::Decimal128(38, 0), true),
        Field::new("interval", DataType::Interval(IntervalUnit::MonthDayNano), true),
    ])
}

const DAY: i128 = 86_400_000_000_000;

/// An interval's length in nanoseconds, with months of 30 days.
pub(super) fn length_of(interval: IntervalMonthDayNano) -> i128 {
    let days = i128::from(interval.months) * 30 + i128::from(interval.days);
    days * DAY + i128::from(interval.nanoseconds)
}

/// The interval of a length that stands for all of that length.
pub(super) fn of_length(length: i128) -> IntervalMonthDayNano {
    let whole = |number: i128| i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX });
    // What is more than there is room for in months has room in days, and then in nanoseconds: no interval is longer.
    let months = whole(length / (30 * DAY));
    let rest = length - i128::from(months) * 30 * DAY;
    let days = whole(rest / DAY);
    let nanoseconds = rest - i128::from(days) * DAY;
    IntervalMonthDayNano::new(months, days, i64::try_from(nanoseconds).unwrap_or_default())
}

/// Whether values of the type are encoded as they are.
pub(super) fn is_plain(data_type: &DataType) -> bool {
    match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => false,
        DataType::Interval(IntervalUnit::MonthDayNano) => false,
        DataType::Struct(fields) => fields.iter().all(|field| is_plain(field.data_type())),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            is_plain(item.data_type())
        }
        _ => true,
    }
}

/// Rewrites a column so that the row format orders it as the type does: one NaN, zeros as told, intervals by length.
pub(super) fn code(column: &ArrayRef, zeros: Zeros) -> Result<ArrayRef> {
    if is_plain(column.data_type()) {
        return Ok(Arc::clone(column));
    }
    let merged = zeros != Zeros::Kept;
    let coded: ArrayRef = match column.data_type() {
        DataType::Float16 => {
            let one = |v: Half| {
                if v.is_nan() {
                    Half::NAN
                } else if merged && v == Half::ZERO {
                    Half::ZERO
                } else {
                    v
                }
            };
            Arc::new(primitive::<Float16Type>(column)?.unary::<_, Float16Type>(one))
        }
        DataType::Float32 => {
            let one = |v: f32| {
                if v.is_nan() {
                    f32::NAN
                } else if merged && v == 0.0 {
                    0.0
                } else {
                    v
                }
            };
            Arc::new(primitive::<Float32Type>(column)?.unary::<_, Float32Type>(one))
        }
        DataType::Float64 => {
            let one = |v: f64| {
                if v.is_nan() {
                    f64::NAN
                } else if merged && v == 0.0 {
                    0.0
                } else {
                    v
                }
            };
            Arc::new(primitive::<Float64Type>(column)?.unary::<_, Float64Type>(one))
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let intervals = primitive::<IntervalMonthDayNanoType>(column)?;
            let lengths = intervals.unary::<_, Decimal128Type>(length_of);
            let lengths: Decimal128Array = lengths.with_data_type(DataType::Decimal128(38, 0));
            let written: ArrayRef = match zeros {
                Zeros::Equal => {
                    Arc::new(intervals.unary::<_, IntervalMonthDayNanoType>(|interval| of_length(length_of(interval))))
                }
                Zeros::Kept | Zeros::Merged => Arc::clone(column),
            };
            Arc::new(StructArray::try_new(
                interval_fields(),
                vec![Arc::new(lengths) as ArrayRef, written],
                intervals.nulls().cloned(),
            )?)
        }
        DataType::Struct(fields) => {
            let record = column.as_struct_opt().ok_or_else(|| unexpected(column.data_type()))?;
            let columns = record.columns().iter().map(|field| code(field, zeros)).collect::<Result<Vec<_>>>()?;
            rebuild_struct(fields, columns, record.nulls().cloned(), record.len())?
        }
        DataType::List(item) => rebuild_list::<i32>(column, item, &|values: &ArrayRef| code(values, zeros))?,
        DataType::LargeList(item) => rebuild_list::<i64>(column, item, &|values: &ArrayRef| code(values, zeros))?,
        DataType::FixedSizeList(item, size) => {
            rebuild_fixed(column, item, *size, &|values: &ArrayRef| code(values, zeros))?
        }
        _ => Arc::clone(column),
    };
    Ok(coded)
}

/// Undoes [`code`] after a column came back from the row format.
pub(super) fn restore(column: ArrayRef, plain: &DataType) -> Result<ArrayRef> {
    if column.data_type() == plain {
        return Ok(column);
    }
    let restored: ArrayRef = match plain {
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let record = column.as_struct_opt().ok_or_else(|| unexpected(column.data_type()))?;
            let intervals = record.columns().last().ok_or_else(|| unexpected(column.data_type()))?;
            let intervals = primitive::<IntervalMonthDayNanoType>(intervals)?;
            let nulls = NullBuffer::union(record.nulls(), intervals.nulls());
            Arc::new(PrimitiveArray::<IntervalMonthDayNanoType>::try_new(intervals.values().clone(), nulls)?)
        }
        DataType::Struct(fields) => {
            let record = column.as_struct_opt().ok_or_else(|| unexpected(column.data_type()))?;
            let columns = record
                .columns()
                .iter()
                .zip(fields)
                .map(|(column, field)| restore(Arc::clone(column), field.data_type()))
                .collect::<Result<Vec<_>>>()?;
            rebuild_struct(fields, columns, record.nulls().cloned(), record.len())?
        }
        DataType::List(item) => {
            rebuild_list::<i32>(&column, item, &|values: &ArrayRef| restore(Arc::clone(values), item.data_type()))?
        }
        DataType::LargeList(item) => {
            rebuild_list::<i64>(&column, item, &|values: &ArrayRef| restore(Arc::clone(values), item.data_type()))?
        }
        DataType::FixedSizeList(item, size) => {
            rebuild_fixed(&column, item, *size, &|values: &ArrayRef| restore(Arc::clone(values), item.data_type()))?
        }
        other => cast(&column, other)?,
    };
    Ok(restored)
}

type Rewrite<'a> = dyn Fn(&ArrayRef) -> Result<ArrayRef> + 'a;

/// A struct of these columns, with the fields' names and metadata and the columns' types.
fn rebuild_struct(fields: &Fields, columns: Vec<ArrayRef>, nulls: Option<NullBuffer>, len: usize) -> Result<ArrayRef> {
    let fields: Fields = fields
        .iter()
        .zip(&columns)
        .map(|(field, column)| field.as_ref().clone().with_data_type(column.data_type().clone()))
        .collect();
    Ok(Arc::new(StructArray::try_new_with_length(fields, columns, nulls, len)?))
}

/// A list column with its elements rewritten.
fn rebuild_list<O: OffsetSizeTrait>(column: &ArrayRef, item: &FieldRef, rewrite: &Rewrite) -> Result<ArrayRef> {
    let list = column.as_list_opt::<O>().ok_or_else(|| unexpected(column.data_type()))?;
    let values = rewrite(list.values())?;
    let item = Arc::new(item.as_ref().clone().with_data_type(values.data_type().clone()));
    Ok(Arc::new(GenericListArray::<O>::try_new(item, list.offsets().clone(), values, list.nulls().cloned())?))
}

/// A column of lists of one size, with their elements rewritten.
fn rebuild_fixed(column: &ArrayRef, item: &FieldRef, size: i32, rewrite: &Rewrite) -> Result<ArrayRef> {
    let list = column.as_fixed_size_list_opt().ok_or_else(|| unexpected(column.data_type()))?;
    let values = rewrite(list.values())?;
    let item = Arc::new(item.as_ref().clone().with_data_type(values.data_type().clone()));
    Ok(Arc::new(FixedSizeListArray::try_new_with_length(item, size, values, list.nulls().cloned(), list.len())?))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::IntervalMonthDayNanoArray;

    use super::*;

    #[test]
    fn intervals_of_one_length_are_equal_and_stay_as_they_are() {
        const HOURS_24: i64 = 86_400_000_000_000;
        let intervals: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(vec![
            IntervalMonthDayNano::new(1, 0, 0),
            IntervalMonthDayNano::new(0, 30, 0),
            IntervalMonthDayNano::new(0, 29, HOURS_24),
            IntervalMonthDayNano::new(0, 29, 0),
        ]));
        let encoder = Encoder::try_new(intervals.data_type()).unwrap();
        let equal = encoder.encode(&intervals, Zeros::Equal).unwrap();
        assert_eq!(equal.row(0), equal.row(1));
        assert_eq!(equal.row(0), equal.row(2));
        assert!(equal.row(3) < equal.row(0));
        for length in [0, -1, 45 * DAY + 7, -400 * DAY - 1] {
            assert_eq!(length_of(of_length(length)), length);
        }
        let longest = length_of(IntervalMonthDayNano::new(i32::MAX, i32::MAX, i64::MAX));
        assert_eq!(length_of(of_length(longest)), longest);
        let merged = encoder.encode(&intervals, Zeros::Merged).unwrap();
        assert!(merged.row(0) != merged.row(1));
        let back = encoder.decode(merged.iter().map(|row| Some(row.data())).collect::<Vec<_>>()).unwrap();
        assert_eq!(&back, &intervals);
        assert_eq!(&one_zero(&intervals).unwrap(), &intervals);
    }
}
