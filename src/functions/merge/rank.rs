//! The ranking of rows, shared by the accumulators and by lineage.
//!
//! A row ranks by its keys (a timestamp, a trust, a length), each turned into a whole number whose order is the key's:
//! the greater rank wins and a null key ranks below every other. Equal ranks leave the choice to the greater value.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use datafusion::arrow::buffer::{NullBuffer, ScalarBuffer};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{
    ArrowNativeType, DataType, Date32Type, Date64Type, Decimal128Type, Float64Type, Int64Type,
    IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::arrow::row::Rows;
use datafusion::common::Result;

use super::columns::{argument, candidates, check_lengths, present, primitive, takes_part, unexpected};
use super::length::lengths;
use super::order::{Encoder, Zeros, is_plain, is_spelled, length_of, of_length};
use super::rule::{Choice, Key, MergeRule, Role};
use super::sort_keys::SortKeys;

/// A whole number that a key column's values are ranked by.
pub(super) trait RankKey: ArrowNativeType + Ord {
    /// A key column as numbers of the same order.
    fn read(column: &ArrayRef) -> Result<ScalarBuffer<Self>>;
    /// A column of this type again, from what [`RankKey::read`] gave.
    fn restore(ranks: Vec<Self>, nulls: Option<NullBuffer>, data_type: &DataType) -> Result<ArrayRef>;
    /// The same numbers in the opposite order; undoes itself.
    fn reversed(self) -> Self;
    /// A length as a rank.
    fn of_length(length: i64) -> Self;
}

impl RankKey for i64 {
    fn read(column: &ArrayRef) -> Result<ScalarBuffer<i64>> {
        fn as_is<T: ArrowPrimitiveType<Native = i64>>(column: &ArrayRef) -> Result<ScalarBuffer<i64>> {
            Ok(primitive::<T>(column)?.values().clone())
        }
        match column.data_type() {
            DataType::Int64 => as_is::<Int64Type>(column),
            DataType::Timestamp(TimeUnit::Second, _) => as_is::<TimestampSecondType>(column),
            DataType::Timestamp(TimeUnit::Millisecond, _) => as_is::<TimestampMillisecondType>(column),
            DataType::Timestamp(TimeUnit::Microsecond, _) => as_is::<TimestampMicrosecondType>(column),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => as_is::<TimestampNanosecondType>(column),
            DataType::Date64 => as_is::<Date64Type>(column),
            DataType::Time64(TimeUnit::Microsecond) => as_is::<Time64MicrosecondType>(column),
            DataType::Time64(TimeUnit::Nanosecond) => as_is::<Time64NanosecondType>(column),
            DataType::Date32 => Ok(primitive::<Date32Type>(column)?.values().iter().map(|v| i64::from(*v)).collect()),
            DataType::Float64 => {
                Ok(primitive::<Float64Type>(column)?.values().iter().map(|v| rank_of_float(*v)).collect())
            }
            other => Err(unexpected(other)),
        }
    }

    fn restore(ranks: Vec<i64>, nulls: Option<NullBuffer>, data_type: &DataType) -> Result<ArrayRef> {
        fn typed<T: ArrowPrimitiveType>(
            values: Vec<T::Native>,
            nulls: Option<NullBuffer>,
            data_type: &DataType,
        ) -> Result<ArrayRef> {
            Ok(Arc::new(PrimitiveArray::<T>::try_new(values.into(), nulls)?.with_data_type(data_type.clone())))
        }
        match data_type {
            DataType::Int64 => typed::<Int64Type>(ranks, nulls, data_type),
            DataType::Timestamp(TimeUnit::Second, _) => typed::<TimestampSecondType>(ranks, nulls, data_type),
            DataType::Timestamp(TimeUnit::Millisecond, _) => typed::<TimestampMillisecondType>(ranks, nulls, data_type),
            DataType::Timestamp(TimeUnit::Microsecond, _) => typed::<TimestampMicrosecondType>(ranks, nulls, data_type),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => typed::<TimestampNanosecondType>(ranks, nulls, data_type),
            DataType::Date64 => typed::<Date64Type>(ranks, nulls, data_type),
            DataType::Time64(TimeUnit::Microsecond) => typed::<Time64MicrosecondType>(ranks, nulls, data_type),
            DataType::Time64(TimeUnit::Nanosecond) => typed::<Time64NanosecondType>(ranks, nulls, data_type),
            // These came from 32 bits.
            DataType::Date32 => {
                typed::<Date32Type>(ranks.into_iter().map(|rank| rank as i32).collect(), nulls, data_type)
            }
            DataType::Float64 => typed::<Float64Type>(ranks.into_iter().map(float_of_rank).collect(), nulls, data_type),
            other => Err(unexpected(other)),
        }
    }

    #[inline]
    fn reversed(self) -> i64 {
        !self
    }

    fn of_length(length: i64) -> i64 {
        length
    }
}

impl RankKey for i128 {
    fn read(column: &ArrayRef) -> Result<ScalarBuffer<i128>> {
        match column.data_type() {
            DataType::Decimal128(_, _) => Ok(primitive::<Decimal128Type>(column)?.values().clone()),
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                Ok(primitive::<IntervalMonthDayNanoType>(column)?.values().iter().map(|v| length_of(*v)).collect())
            }
            _ => Ok(i64::read(column)?.iter().map(|v| i128::from(*v)).collect()),
        }
    }

    fn restore(ranks: Vec<i128>, nulls: Option<NullBuffer>, data_type: &DataType) -> Result<ArrayRef> {
        match data_type {
            DataType::Decimal128(_, _) => Ok(Arc::new(
                PrimitiveArray::<Decimal128Type>::try_new(ranks.into(), nulls)?.with_data_type(data_type.clone()),
            )),
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                let intervals: Vec<_> = ranks.into_iter().map(of_length).collect();
                Ok(Arc::new(PrimitiveArray::<IntervalMonthDayNanoType>::try_new(intervals.into(), nulls)?))
            }
            // These came from 64 bits.
            _ => i64::restore(ranks.into_iter().map(|rank| rank as i64).collect(), nulls, data_type),
        }
    }

    #[inline]
    fn reversed(self) -> i128 {
        !self
    }

    fn of_length(length: i64) -> i128 {
        i128::from(length)
    }
}

/// Numbers in the order of doubles: both zeros are one, and NaN is above infinity.
fn rank_of_float(value: f64) -> i64 {
    let value = if value.is_nan() {
        f64::NAN
    } else if value == 0.0 {
        0.0
    } else {
        value
    };
    flip_negative(value.to_bits() as i64)
}

fn float_of_rank(rank: i64) -> f64 {
    f64::from_bits(flip_negative(rank) as u64)
}

/// Negative doubles count downwards as bits: turns their order round, and back.
fn flip_negative(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// Where one key of a ranking comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum KeySource {
    /// An argument, or the state column at the same position.
    Column {
        /// Its position.
        at: usize,
        /// Whether the smallest wins.
        smallest: bool,
        /// Its type.
        data_type: DataType,
    },
    /// The value's length.
    Length {
        /// Whether the smallest wins.
        smallest: bool,
    },
    /// How many of the arguments behind the value hold something; the state has that number in their place. Without
    /// any, how many fields of the value do.
    Filled {
        /// How many arguments there are behind the value.
        fields: usize,
    },
}

/// What columns a batch has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// The arguments of calls.
    Arguments,
    /// States of groups.
    States,
}

impl KeySource {
    /// Whether its numbers need more than 64 bits.
    pub(super) fn is_wide(&self) -> bool {
        matches!(self, KeySource::Column { data_type: DataType::Decimal128(_, _), .. })
    }

    /// The type of the key's column in the state, and whether it holds ranks in the opposite order. None when the value
    /// tells the key.
    pub(super) fn state(&self) -> Option<(DataType, bool)> {
        match self {
            KeySource::Column { data_type, smallest, .. } => Some((data_type.clone(), *smallest)),
            KeySource::Filled { fields: 1.. } => Some((DataType::Int64, false)),
            KeySource::Length { .. } | KeySource::Filled { .. } => None,
        }
    }

    /// The key's column in the states of single rows, from the arguments. None when the state has none.
    pub(super) fn state_of_rows(&self, columns: &[ArrayRef]) -> Result<Option<ArrayRef>> {
        Ok(match self {
            KeySource::Column { at, .. } => Some(Arc::clone(argument(columns, *at)?)),
            KeySource::Filled { fields: 1.. } => {
                let counts = filled(columns.get(1..).unwrap_or_default(), argument(columns, 0)?.len());
                Some(Arc::new(PrimitiveArray::<Int64Type>::from(counts)))
            }
            KeySource::Length { .. } | KeySource::Filled { .. } => None,
        })
    }

    /// The key's numbers for a batch.
    pub(super) fn keys<K: RankKey>(&self, columns: &[ArrayRef], given: Columns) -> Result<Keys<K>> {
        match self {
            KeySource::Filled { fields } => {
                let value = argument(columns, 0)?;
                let counts = match (fields, given) {
                    (0, _) => {
                        let record = value.as_struct_opt().ok_or_else(|| unexpected(value.data_type()))?;
                        let nulls = record.nulls();
                        let mut counts = filled(record.columns(), record.len());
                        for (row, count) in counts.iter_mut().enumerate() {
                            *count = if takes_part(nulls, row) { *count } else { 0 };
                        }
                        counts
                    }
                    (_, Columns::States) => {
                        return Ok(Keys { values: K::read(argument(columns, 1)?)?, nulls: None, smallest: false });
                    }
                    (_, Columns::Arguments) => filled(columns.get(1..).unwrap_or_default(), value.len()),
                };
                Ok(Keys { values: counts.into_iter().map(K::of_length).collect(), nulls: None, smallest: false })
            }
            KeySource::Column { at, smallest, .. } => {
                let column = argument(columns, *at)?;
                Ok(Keys { values: K::read(column)?, nulls: column.logical_nulls(), smallest: *smallest })
            }
            KeySource::Length { smallest } => {
                let values = lengths(argument(columns, 0)?)?.into_iter().map(K::of_length).collect();
                Ok(Keys { values, nulls: None, smallest: *smallest })
            }
        }
    }
}

/// How many of these columns hold something in each of the rows.
fn filled(columns: &[ArrayRef], rows: usize) -> Vec<i64> {
    let mut counts = vec![0; rows];
    for column in columns {
        let held = present(column);
        for (row, count) in counts.iter_mut().enumerate() {
            *count += i64::from(takes_part(held.as_ref(), row));
        }
    }
    counts
}

/// One key of a batch's rows.
#[derive(Clone, Debug)]
pub(super) struct Keys<K: RankKey> {
    values: ScalarBuffer<K>,
    nulls: Option<NullBuffer>,
    smallest: bool,
}

impl<K: RankKey> Keys<K> {
    /// The row's rank by this key: the greater wins, none is the lowest.
    #[inline]
    pub(super) fn rank(&self, row: usize) -> Option<K> {
        if !takes_part(self.nulls.as_ref(), row) {
            return None;
        }
        self.values.get(row).map(|key| if self.smallest { key.reversed() } else { *key })
    }
}

/// A row's rank by each key, the most important first. Small, for there is one for each group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rank<K, const N: usize> {
    keys: [K; N],
    /// A bit for each key that is known. Where one is not, `keys` has its default.
    known: u8,
}

impl<K: RankKey, const N: usize> Default for Rank<K, N> {
    fn default() -> Self {
        Rank { keys: [K::default(); N], known: 0 }
    }
}

impl<K: RankKey, const N: usize> Rank<K, N> {
    /// The rank of a row.
    #[inline]
    pub(super) fn of(keys: &[Keys<K>; N], row: usize) -> Self {
        let mut rank = Rank::default();
        for (nth, (own, keys)) in rank.keys.iter_mut().zip(keys).enumerate() {
            if let Some(key) = keys.rank(row) {
                *own = key;
                rank.known |= 1 << nth;
            }
        }
        rank
    }

    /// The rank by one key. None when it is not known.
    #[inline]
    pub(super) fn get(&self, nth: usize) -> Option<K> {
        if self.known & (1 << nth) == 0 { None } else { self.keys.get(nth).copied() }
    }

    /// Which ranks higher: an unknown key is the lowest.
    #[inline]
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        if self.known == other.known {
            // Keys that neither has are equal.
            return self.keys.cmp(&other.keys);
        }
        for nth in 0..N {
            let order = self.get(nth).cmp(&other.get(nth));
            if order.is_ne() {
                return order;
            }
        }
        Ordering::Equal
    }
}

/// What told two rows apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The function's own rule.
    Rule,
    /// What a model says of the values.
    Score,
    /// Trust, after the rule was a tie.
    Trust,
    /// The timestamp, after rule and trust were ties.
    Timestamp,
    /// The greater value, after all else was a tie.
    Value,
}

impl Level {
    /// As lineage prints it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Rule => "rule",
            Level::Score => "score",
            Level::Trust => "trust",
            Level::Timestamp => "timestamp",
            Level::Value => "value",
        }
    }
}

/// The rows of one batch in the order in which a merge function prefers them.
///
/// For a function that ranks rows (newest, most_trusted, longest ..) this is the order of its accumulator; for survivor
/// it is made with [`RowRanking::ordered`]. For one that counts values it orders by value alone: rows with the value
/// that won are its equal candidates.
#[derive(Debug)]
pub struct RowRanking {
    candidates: Option<NullBuffer>,
    keys: Vec<(Level, Keys<i128>)>,
    order: Option<Rows>,
    values: Rows,
}

impl RowRanking {
    /// Ranks the rows of a function's arguments, which have the types that [`MergeRule::coerce`] names.
    pub fn try_new(rule: &MergeRule, columns: &[ArrayRef]) -> Result<Self> {
        let value = argument(columns, 0)?;
        check_lengths(columns, value.len())?;
        let types: Vec<DataType> = columns.iter().map(|column| column.data_type().clone()).collect();
        let keys = rule
            .key_sources(&types)
            .into_iter()
            .enumerate()
            .map(|(nth, (key, source))| Ok((level(nth, key), source.keys::<i128>(columns, Columns::Arguments)?)))
            .collect::<Result<Vec<_>>>()?;
        let zeros = if matches!(rule.choice, Choice::Ranked(_)) { Zeros::Kept } else { Zeros::Equal };
        let values = Encoder::try_new(value.data_type())?.encode(value, zeros)?;
        Ok(RowRanking { candidates: candidates(value, None), keys, order: None, values })
    }

    /// Ranks the rows of a function whose choice is [`Choice::Ordered`]: the first column is the value, the others are
    /// what its ORDER BY names, with their options.
    pub fn ordered(columns: &[ArrayRef], options: &[SortOptions]) -> Result<Self> {
        let value = argument(columns, 0)?;
        check_lengths(columns, value.len())?;
        let order = columns.get(1..).unwrap_or_default();
        let types: Vec<DataType> = order.iter().map(|column| column.data_type().clone()).collect();
        let order = SortKeys::try_new(&types, options)?.encode(order)?;
        let values = Encoder::try_new(value.data_type())?.encode(value, Zeros::Kept)?;
        Ok(RowRanking { candidates: candidates(value, None), keys: Vec::new(), order: Some(order), values })
    }

    /// Ranks values alone by the way in which they are written, as a function that counts values tells them apart, or
    /// one that does not: of equal values one is given back. None where all equal values are written alike.
    pub fn written(value: &ArrayRef, counts: bool) -> Result<Option<Self>> {
        let (is_alike, zeros) = match counts {
            true => (!is_spelled(value.data_type()), Zeros::Merged),
            false => (is_plain(value.data_type()), Zeros::Kept),
        };
        if is_alike {
            return Ok(None);
        }
        let values = Encoder::try_new(value.data_type())?.encode(value, zeros)?;
        Ok(Some(RowRanking { candidates: candidates(value, None), keys: Vec::new(), order: None, values }))
    }

    /// Which of two rows comes first by the ORDER BY alone: the smaller. Without one none does.
    pub fn compare_order(&self, a: usize, b: usize) -> Ordering {
        self.order.as_ref().map_or(Ordering::Equal, |order| order.row(a).cmp(&order.row(b)))
    }

    /// Whether the row's value can be chosen at all.
    pub fn is_candidate(&self, row: usize) -> bool {
        takes_part(self.candidates.as_ref(), row)
    }

    /// The order of two rows' values alone: the greater value in its type's order is greater.
    pub fn compare_values(&self, a: usize, b: usize) -> Ordering {
        self.values.row(a).cmp(&self.values.row(b))
    }

    /// Which of two rows is preferred (greater), and what decided it. No level when they are equal in all that the
    /// function is given.
    pub fn compare(&self, a: usize, b: usize) -> (Ordering, Option<Level>) {
        for (level, keys) in &self.keys {
            let order = keys.rank(a).cmp(&keys.rank(b));
            if order.is_ne() {
                return (order, Some(*level));
            }
        }
        if let Some(order) = &self.order {
            // What comes first is preferred.
            let order = order.row(b).cmp(&order.row(a));
            if order.is_ne() {
                return (order, Some(Level::Rule));
            }
        }
        let order = self.values.row(a).cmp(&self.values.row(b));
        (order, order.is_ne().then_some(Level::Value))
    }
}

fn level(nth: usize, key: Key) -> Level {
    match key {
        Key::Greatest(Role::Score) => Level::Score,
        _ if nth == 0 => Level::Rule,
        Key::Greatest(Role::Trust) | Key::Smallest(Role::Trust) => Level::Trust,
        Key::Greatest(Role::Time) | Key::Smallest(Role::Time) => Level::Timestamp,
        _ => Level::Rule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_rank_in_their_order() {
        let ordered = [f64::NEG_INFINITY, -1.5, -1e-300, 0.0, 1e-300, 2.0, f64::INFINITY, f64::NAN];
        for pair in ordered.windows(2) {
            assert!(rank_of_float(pair[0]) < rank_of_float(pair[1]), "{pair:?}");
        }
        assert_eq!(rank_of_float(-0.0), rank_of_float(0.0));
        assert_eq!(rank_of_float(-f64::NAN), rank_of_float(f64::NAN));
        assert_eq!(float_of_rank(rank_of_float(-1.5)), -1.5);
    }
}
