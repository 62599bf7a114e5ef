//! The accumulator of median: all values of all groups in one list, sorted by group when groups are taken out.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, Decimal128Array, Decimal256Array, Float64Array,
    IntervalMonthDayNanoArray, PrimitiveArray,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::filter;
use datafusion::arrow::datatypes::{
    DataType, FieldRef, Float64Type, IntervalUnit, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, i256,
};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::columns::{argument, candidates, check_lengths, no_group, takes_part, unexpected};
use super::numbers::out_of_range;
use super::order::of_length;
use super::rank::RankKey;
use super::rule::{MergeRule, item_of};
use super::single::MergeState;
use super::votes::{elements, list_column};
use crate::catalog::types::BARE_NUMERIC;
use crate::error::{Error, SqlState};

/// Half a day, in microseconds.
const HALF_DAY: i64 = 43_200_000_000;

/// The type of the median of values of a type. None when there is no such thing.
pub(super) fn median_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Int64 => Some(DataType::Decimal128(20, 1)),
        // One that has all digits has no room for one more; a numeric without digits has it in practice.
        DataType::Decimal128(38, scale) if *scale != BARE_NUMERIC.1 => Some(DataType::Decimal256(39, scale + 1)),
        DataType::Decimal128(precision, scale) => {
            Some(DataType::Decimal128((*precision).saturating_add(1).min(38), scale.saturating_add(1)))
        }
        DataType::Float64 | DataType::Timestamp(_, _) | DataType::Interval(IntervalUnit::MonthDayNano) => {
            Some(data_type.clone())
        }
        DataType::Date32 => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        _ => None,
    }
}

/// All values of each group, as whole numbers of their order.
#[derive(Debug)]
pub(super) struct Middle<K: RankKey> {
    rule: &'static MergeRule,
    item: FieldRef,
    distinct: bool,
    /// The group of each value.
    groups: Vec<u32>,
    values: Vec<K>,
    /// How many groups there are.
    count: usize,
    /// The values of the one group that there is, halved, once somebody asked and until the group is taken out.
    halves: Option<Halves<K>>,
}

/// Values halved by their order, so that those in the middle are at hand.
#[derive(Debug)]
struct Halves<K> {
    lower: BinaryHeap<K>,
    upper: BinaryHeap<Reverse<K>>,
    /// What was seen, where each value counts once.
    seen: BTreeSet<K>,
    /// How many of the group's values are among them.
    taken: usize,
}

impl<K: Copy + Ord> Halves<K> {
    fn new() -> Self {
        Halves { lower: BinaryHeap::new(), upper: BinaryHeap::new(), seen: BTreeSet::new(), taken: 0 }
    }

    fn add(&mut self, value: K) {
        if self.lower.peek().is_none_or(|middle| value <= *middle) {
            self.lower.push(value);
        } else {
            self.upper.push(Reverse(value));
        }
        // The lower half has as many as the upper one, or one more.
        if self.lower.len() > self.upper.len() + 1 {
            self.upper.extend(self.lower.pop().map(Reverse));
        } else if self.upper.len() > self.lower.len() {
            self.lower.extend(self.upper.pop().map(|Reverse(value)| value));
        }
    }

    /// The two values in the middle, which are one when their number is odd.
    fn middle(&self) -> Option<(K, K)> {
        let lower = *self.lower.peek()?;
        let even = self.lower.len() == self.upper.len();
        let upper = self.upper.peek().filter(|_| even).map_or(lower, |Reverse(value)| *value);
        Some((lower, upper))
    }
}

/// A number that a median can be computed of: digits, or a rank.
pub(super) trait Digits: RankKey {
    /// As a whole number.
    fn wide(self) -> i128;
}

impl Digits for i64 {
    fn wide(self) -> i128 {
        i128::from(self)
    }
}

impl Digits for i128 {
    fn wide(self) -> i128 {
        self
    }
}

impl<K: Digits> Middle<K> {
    /// No groups yet; with `distinct` each value of a group counts once.
    pub(super) fn new(rule: &'static MergeRule, value: &FieldRef, distinct: bool) -> Self {
        Middle { rule, item: item_of(value), distinct, groups: Vec::new(), values: Vec::new(), count: 0, halves: None }
    }

    fn push(&mut self, group: usize, value: K) -> Result<()> {
        if group >= self.count {
            return Err(no_group(group));
        }
        self.groups.push(u32::try_from(group).map_err(|_| no_group(group))?);
        self.values.push(value);
        Ok(())
    }

    /// Takes groups out: their values, one group after the other, and where each group's end.
    fn take(&mut self, emit_to: EmitTo) -> (Vec<K>, Vec<usize>) {
        self.halves = None;
        let taken = match emit_to {
            EmitTo::All => self.count,
            EmitTo::First(groups) => groups,
        };
        // The end of each group is found by counting, and each value goes to its place before that.
        let mut ends = vec![0_usize; taken];
        for &group in &self.groups {
            if let Some(end) = ends.get_mut(group as usize) {
                *end += 1;
            }
        }
        let mut total = 0;
        for end in &mut ends {
            total += *end;
            *end = total;
        }
        let mut places = ends.clone();
        let mut sorted = vec![K::default(); total];
        let mut rest = 0;
        for at in 0..self.groups.len() {
            let (Some(&group), Some(&value)) = (self.groups.get(at), self.values.get(at)) else { continue };
            match places.get_mut(group as usize) {
                Some(place) => {
                    *place = place.saturating_sub(1);
                    if let Some(slot) = sorted.get_mut(*place) {
                        *slot = value;
                    }
                }
                None => {
                    if let (Some(to), Some(kept)) = (self.groups.get_mut(rest), self.values.get_mut(rest)) {
                        // Groups that stay are numbered from zero again.
                        *to = group - taken as u32;
                        *kept = value;
                        rest += 1;
                    }
                }
            }
        }
        self.count = self.count.saturating_sub(taken);
        if rest == 0 {
            (self.groups, self.values) = (Vec::new(), Vec::new());
        } else {
            self.groups.truncate(rest);
            self.values.truncate(rest);
        }
        (sorted, ends)
    }

    /// The two values in the middle of some, which are one when their number is odd. None of no values.
    fn middle(&self, values: &mut [K]) -> Option<(K, K)> {
        let values = if self.distinct {
            values.sort_unstable();
            let mut kept = 0_usize;
            for at in 0..values.len() {
                let (now, before) = (values.get(at).copied()?, kept.checked_sub(1).and_then(|n| values.get(n)));
                if before != Some(&now) {
                    *values.get_mut(kept)? = now;
                    kept += 1;
                }
            }
            values.get_mut(..kept)?
        } else {
            values
        };
        if values.is_empty() {
            return None;
        }
        let half = values.len() / 2;
        let odd = values.len() % 2 == 1;
        let (below, upper, _) = values.select_nth_unstable(half);
        let upper = *upper;
        let lower = if odd { upper } else { below.iter().max().copied().unwrap_or(upper) };
        Some((lower, upper))
    }
}

/// The mean of two whole numbers, in tenths of their unit. None when it has no place in 128 bits.
fn tenths(lower: i128, upper: i128) -> Option<i128> {
    lower.checked_add(upper)?.checked_mul(5)
}

/// The moment in the middle of two, rounded down. An infinite one has none with another (22008).
fn moment(lower: i64, upper: i64) -> Result<i64> {
    if lower == upper {
        return Ok(lower);
    }
    if lower == i64::MIN || upper == i64::MAX {
        return Err(infinite());
    }
    i64::try_from((i128::from(lower) + i128::from(upper)).div_euclid(2)).map_err(|_| infinite())
}

fn infinite() -> datafusion::error::DataFusionError {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "the median of an infinite and another timestamp is undefined").into()
}

/// The length in the middle of two, in nanoseconds; half a microsecond is rounded down.
fn whole_microseconds(lower: i128, upper: i128) -> i128 {
    (lower + upper).div_euclid(2_000) * 1_000
}

/// The midnight in the middle of two days, in microseconds.
fn midnight(lower: i64, upper: i64) -> Result<i64> {
    let (least, greatest) = (i64::from(i32::MIN), i64::from(i32::MAX));
    match (lower, upper) {
        (l, u) if l == u && l == least => Ok(i64::MIN),
        (l, u) if l == u && u == greatest => Ok(i64::MAX),
        (l, u) if l == least || u == greatest => Err(infinite()),
        (l, u) => (l + u).checked_mul(HALF_DAY).ok_or_else(|| {
            Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "the median is out of range for a timestamp").into()
        }),
    }
}

/// The double in the middle of two.
fn double(lower: f64, upper: f64) -> f64 {
    let sum = lower + upper;
    if sum.is_finite() {
        sum / 2.0
    } else if lower == upper {
        lower
    } else {
        lower / 2.0 + upper / 2.0
    }
}

/// The medians as a column, from the two values in the middle of each group.
fn medians<K: Digits>(name: &str, data_type: &DataType, pairs: Vec<Option<(K, K)>>) -> Result<ArrayRef> {
    let Some(result) = median_type(data_type) else { return Err(unexpected(data_type)) };
    match (data_type, &result) {
        (DataType::Int64 | DataType::Decimal128(_, _), DataType::Decimal128(precision, _)) => {
            let one = |pair: &Option<(K, K)>| match pair {
                None => Ok(None),
                Some((lower, upper)) => tenths(lower.wide(), upper.wide()).map(Some).ok_or_else(|| out_of_range(name)),
            };
            let numbers = Decimal128Array::from(pairs.iter().map(one).collect::<Result<Vec<_>>>()?);
            let numbers = numbers.with_data_type(result.clone());
            numbers.validate_decimal_precision(*precision).map_err(|_| out_of_range(name))?;
            Ok(Arc::new(numbers))
        }
        (DataType::Decimal128(_, _), DataType::Decimal256(_, _)) => {
            // Twice 38 digits times five has room in 256 bits.
            let one = |(lower, upper): (K, K)| {
                let sum = i256::from_i128(lower.wide()).wrapping_add(i256::from_i128(upper.wide()));
                sum.wrapping_mul(i256::from_i128(5))
            };
            let numbers: Decimal256Array = pairs.into_iter().map(|pair| pair.map(one)).collect();
            Ok(Arc::new(numbers.with_data_type(result.clone())))
        }
        (DataType::Float64, _) => {
            let known = pairs.iter().flatten();
            let (lower, upper): (Vec<K>, Vec<K>) = known.copied().unzip();
            let (lower, upper) = (K::restore(lower, None, data_type)?, K::restore(upper, None, data_type)?);
            let (lower, upper) = (lower.as_primitive_opt::<Float64Type>(), upper.as_primitive_opt::<Float64Type>());
            let (Some(lower), Some(upper)) = (lower, upper) else { return Err(unexpected(data_type)) };
            let mut means = lower.values().iter().zip(upper.values()).map(|(lower, upper)| double(*lower, *upper));
            let column: Float64Array = pairs.iter().map(|pair| pair.and_then(|_| means.next())).collect();
            Ok(Arc::new(column))
        }
        (DataType::Interval(_), _) => {
            let known = pairs.iter().flatten();
            let lengths = known.map(|(lower, upper)| of_length(whole_microseconds(lower.wide(), upper.wide())));
            let mut lengths = lengths.collect::<Vec<_>>().into_iter();
            let column: IntervalMonthDayNanoArray =
                pairs.iter().map(|pair| pair.and_then(|_| lengths.next())).collect();
            Ok(Arc::new(column))
        }
        _ => {
            let one = |pair: &Option<(K, K)>| -> Result<Option<i64>> {
                let Some((lower, upper)) = pair else { return Ok(None) };
                let narrow = |rank: &K| i64::try_from(rank.wide()).map_err(|_| unexpected(data_type));
                let (lower, upper) = (narrow(lower)?, narrow(upper)?);
                let middle =
                    if *data_type == DataType::Date32 { midnight(lower, upper)? } else { moment(lower, upper)? };
                Ok(Some(middle))
            };
            timestamps(pairs.iter().map(one).collect::<Result<_>>()?, &result)
        }
    }
}

/// A column of timestamps.
fn timestamps(values: Vec<Option<i64>>, data_type: &DataType) -> Result<ArrayRef> {
    fn typed<T: ArrowPrimitiveType<Native = i64>>(values: Vec<Option<i64>>, data_type: &DataType) -> ArrayRef {
        Arc::new(values.into_iter().collect::<PrimitiveArray<T>>().with_data_type(data_type.clone()))
    }
    match data_type {
        DataType::Timestamp(TimeUnit::Second, _) => Ok(typed::<TimestampSecondType>(values, data_type)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => Ok(typed::<TimestampMillisecondType>(values, data_type)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(typed::<TimestampMicrosecondType>(values, data_type)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Ok(typed::<TimestampNanosecondType>(values, data_type)),
        other => Err(unexpected(other)),
    }
}

impl<K: Digits> MergeState for Middle<K> {
    fn look(&mut self) -> Result<Option<ArrayRef>> {
        if self.count != 1 {
            return Ok(None);
        }
        let halves = self.halves.get_or_insert_with(Halves::new);
        for value in self.values.get(halves.taken..).unwrap_or_default() {
            if !self.distinct || halves.seen.insert(*value) {
                halves.add(*value);
            }
        }
        halves.taken = self.values.len();
        let middle = halves.middle();
        medians(self.rule.name, self.item.data_type(), vec![middle]).map(Some)
    }
}

impl<K: Digits> GroupsAccumulator for Middle<K> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.count = self.count.max(total_num_groups);
        check_lengths(values, group_indices.len())?;
        let value = argument(values, 0)?;
        let mask = candidates(value, opt_filter);
        let ranks = K::read(value)?;
        for ((row, &group), rank) in group_indices.iter().enumerate().zip(ranks.iter()) {
            if takes_part(mask.as_ref(), row) {
                self.push(group, *rank)?;
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.count = self.count.max(total_num_groups);
        if group_indices.is_empty() {
            return Ok(());
        }
        check_lengths(values, group_indices.len())?;
        let (column, rows) = elements(argument(values, 0)?)?;
        let ranks = K::read(&column)?;
        for (&group, (start, end)) in group_indices.iter().zip(rows) {
            for rank in ranks.get(start..end).unwrap_or_default() {
                self.push(group, *rank)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (mut values, ends) = self.take(emit_to);
        let mut start = 0;
        let mut pairs = Vec::with_capacity(ends.len());
        for end in ends {
            pairs.push(values.get_mut(start..end).and_then(|values| self.middle(values)));
            start = end;
        }
        medians(self.rule.name, self.item.data_type(), pairs)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (values, ends) = self.take(emit_to);
        let values = K::restore(values, None, self.item.data_type())?;
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let lengths = ends.iter().zip(starts).map(|(end, start)| end - start);
        Ok(vec![list_column(&self.item, values, lengths, None)?])
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let value = argument(values, 0)?;
        let mask: Option<NullBuffer> = candidates(value, opt_filter);
        let kept = match &mask {
            Some(mask) => filter(value.as_ref(), &BooleanArray::new(mask.inner().clone(), None))?,
            None => Arc::clone(value),
        };
        let lengths = (0..value.len()).map(|row| usize::from(takes_part(mask.as_ref(), row)));
        Ok(vec![list_column(&self.item, kept, lengths, None)?])
    }

    fn size(&self) -> usize {
        let halves =
            self.halves.as_ref().map_or(0, |halves| halves.taken * size_of::<K>() * if self.distinct { 3 } else { 1 });
        self.groups.capacity() * size_of::<u32>() + self.values.capacity() * size_of::<K>() + halves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_the_middle_at_hand() {
        let mut halves = Halves::new();
        let mut sorted: Vec<i64> = vec![];
        assert_eq!(halves.middle(), None);
        for n in 0..200_i64 {
            let value = n * 7919 % 61;
            halves.add(value);
            sorted.push(value);
            sorted.sort_unstable();
            let (below, above) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
            assert_eq!(halves.middle(), Some((below, above)));
        }
    }

    #[test]
    fn the_middle_of_two_is_exact() {
        assert_eq!(tenths(i128::from(i64::MAX), i128::from(i64::MAX) - 1), Some(92_233_720_368_547_758_065));
        assert_eq!(double(f64::MAX, f64::MAX), f64::MAX);
        assert!(double(f64::NEG_INFINITY, f64::INFINITY).is_nan());
        assert_eq!(moment(-3, 0).ok(), Some(-2));
        assert!(moment(0, i64::MAX).is_err());
        assert_eq!(midnight(-1, 0).ok(), Some(-HALF_DAY));
        assert_eq!(midnight(i64::from(i32::MAX), i64::from(i32::MAX)).ok(), Some(i64::MAX));
    }
}
