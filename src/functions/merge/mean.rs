//! The accumulator of weighted_avg: two sums a group, of the weighted values and of the weights.
//!
//! Whole numbers and decimals are summed exactly in 256 bits. Doubles are summed in twice the precision of a double
//! (each product split into its rounded value and its error), so that the order of rows does not show in the result.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Float64Array, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Decimal256Type, Float64Type, i256};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::columns::{argument, check_lengths, kept, near, no_group, primitive, takes_part, unexpected};
use super::numbers::{Number, Numbers, out_of_range};
use super::rule::MergeRule;
use super::single::MergeState;
use super::total::two_sum;
use crate::error::Error;

/// Whether values and weights of these types are summed exactly.
pub(super) fn is_exact(types: &[DataType]) -> bool {
    !types.contains(&DataType::Float64)
}

/// One group's two sums.
pub(super) trait Moments: Copy + Debug + Default + Send + Sync + 'static {
    /// The Arrow type of one part of the state.
    type Part: ArrowPrimitiveType;
    /// The names of the state's parts.
    const PARTS: &'static [&'static str];
    /// The data type of a part.
    fn part_type() -> DataType;
    /// Puts the state into a row, a part into each column. That of no rows is zeros.
    fn write(&self, columns: &mut [Vec<<Self::Part as ArrowPrimitiveType>::Native>], row: usize);
    /// Adds the state in a row of these columns. None when a sum leaves its range, or a column lacks.
    fn merge(&mut self, columns: &[&[<Self::Part as ArrowPrimitiveType>::Native]], row: usize) -> Option<()>;
    /// Adds a value with its weight. None when a sum leaves its range.
    fn add(&mut self, value: Number, weight: Number) -> Option<()>;
    /// The mean of values that have `scale` decimals. None when the weights sum to zero.
    fn mean(&self, scale: i8) -> Option<f64>;
    /// A number of the group: reading it brings the group near.
    fn touch(&self) -> u64;
}

/// Exact sums of digits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExactMoments {
    value: i256,
    weight: i256,
}

impl Moments for ExactMoments {
    type Part = Decimal256Type;
    const PARTS: &'static [&'static str] = &["sum", "weight"];

    fn part_type() -> DataType {
        DataType::Decimal256(76, 0)
    }

    fn write(&self, columns: &mut [Vec<i256>], row: usize) {
        put(columns, row, [self.value, self.weight]);
    }

    fn merge(&mut self, columns: &[&[i256]], row: usize) -> Option<()> {
        let [value, weight] = columns else { return None };
        self.value = self.value.checked_add(*value.get(row)?)?;
        self.weight = self.weight.checked_add(*weight.get(row)?)?;
        Some(())
    }

    #[inline]
    fn add(&mut self, value: Number, weight: Number) -> Option<()> {
        let (Number::Exact(value), Number::Exact(weight)) = (value, weight) else { return None };
        // Most products have room in 128 bits.
        let product = match value.checked_mul(weight) {
            Some(product) => i256::from_i128(product),
            None => i256::from_i128(value).checked_mul(i256::from_i128(weight))?,
        };
        self.value = self.value.checked_add(product)?;
        self.weight = self.weight.checked_add(i256::from_i128(weight))?;
        Some(())
    }

    #[inline]
    fn touch(&self) -> u64 {
        self.weight.to_parts().0 as u64
    }

    fn mean(&self, scale: i8) -> Option<f64> {
        if self.weight == i256::ZERO {
            return None;
        }
        let power = i256::from_i128(10).checked_pow(u32::from(scale.unsigned_abs()));
        let scaled = |sum: i256| power.and_then(|power| sum.checked_mul(power)).map(nearest);
        // One rounding when both sides are exact doubles.
        let factor = 10_f64.powi(i32::from(scale.unsigned_abs()));
        Some(if scale < 0 {
            scaled(self.value).unwrap_or_else(|| nearest(self.value) * factor) / nearest(self.weight)
        } else {
            nearest(self.value) / scaled(self.weight).unwrap_or_else(|| nearest(self.weight) * factor)
        })
    }
}

/// The double nearest to a whole number, exact up to 2^53.
fn nearest(number: i256) -> f64 {
    let (low, high) = number.wrapping_abs().to_parts();
    let magnitude = (high as f64) * 2_f64.powi(128) + (low as f64);
    if number.is_negative() { -magnitude } else { magnitude }
}

/// A sum of doubles, and beside it the sum of what rounding it lost (Neumaier's variant of Kahan's sum).
#[derive(Clone, Copy, Debug, Default)]
struct Precise {
    sum: f64,
    lost: f64,
}

impl Precise {
    /// Adds a term. None when finite terms leave the range of doubles.
    #[inline]
    fn add(&mut self, term: f64) -> Option<()> {
        let (sum, lost) = two_sum(self.sum, term);
        if sum.is_finite() {
            *self = Precise { sum, lost: self.lost + lost };
            return Some(());
        }
        if self.sum.is_finite() && term.is_finite() {
            return None;
        }
        *self = Precise { sum, lost: 0.0 };
        Some(())
    }

    /// Adds what another sum lost. An infinite sum has lost nothing that counts.
    #[inline]
    fn lose(&mut self, lost: f64) {
        if self.sum.is_finite() {
            self.lost += lost;
        }
    }

    fn value(&self) -> f64 {
        self.sum + self.lost
    }
}

/// Sums of doubles.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PreciseMoments {
    value: Precise,
    weight: Precise,
}

impl Moments for PreciseMoments {
    type Part = Float64Type;
    const PARTS: &'static [&'static str] = &["sum", "sum_lost", "weight", "weight_lost"];

    fn part_type() -> DataType {
        DataType::Float64
    }

    #[inline]
    fn write(&self, columns: &mut [Vec<f64>], row: usize) {
        put(columns, row, [self.value.sum, self.value.lost, self.weight.sum, self.weight.lost]);
    }

    #[inline]
    fn merge(&mut self, columns: &[&[f64]], row: usize) -> Option<()> {
        let [value, value_lost, weight, weight_lost] = columns else { return None };
        self.value.add(*value.get(row)?)?;
        self.value.lose(*value_lost.get(row)?);
        self.weight.add(*weight.get(row)?)?;
        self.weight.lose(*weight_lost.get(row)?);
        Some(())
    }

    #[inline]
    fn add(&mut self, value: Number, weight: Number) -> Option<()> {
        let (Number::Double(value), Number::Double(weight)) = (value, weight) else { return None };
        let product = value * weight;
        if product.is_finite() {
            self.value.add(product)?;
            self.value.lose(product_error(value, weight, product));
        } else if value.is_finite() && weight.is_finite() {
            return None;
        } else {
            self.value.add(product)?;
        }
        self.weight.add(weight)
    }

    #[inline]
    fn touch(&self) -> u64 {
        self.weight.sum.to_bits()
    }

    fn mean(&self, _scale: i8) -> Option<f64> {
        let weight = self.weight.value();
        (weight != 0.0).then(|| self.value.value() / weight)
    }
}

/// What rounding a product lost. Short factors, as weights and prices are, lose nothing, and are told by their bits: 26
/// bits of each have room in the 53 of a double.
#[inline]
fn product_error(value: f64, weight: f64, product: f64) -> f64 {
    const LOW: u64 = (1 << 27) - 1;
    if (value.to_bits() | weight.to_bits()) & LOW == 0 && product.abs() > f64::MIN_POSITIVE {
        return 0.0;
    }
    value.mul_add(weight, -product)
}

/// The weighted mean of each group.
#[derive(Debug)]
pub(super) struct Mean<M: Moments> {
    rule: &'static MergeRule,
    groups: Vec<M>,
    /// How many decimals the values have.
    scale: i8,
}

impl<M: Moments> Mean<M> {
    /// No groups yet; values are of this type.
    pub(super) fn new(rule: &'static MergeRule, value: &DataType) -> Self {
        let scale = match value {
            DataType::Decimal128(_, scale) => *scale,
            _ => 0,
        };
        Mean { rule, groups: Vec::new(), scale }
    }

    fn resize(&mut self, groups: usize) {
        if groups > self.groups.len() {
            self.groups.resize(groups, M::default());
        }
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<M> {
        if let EmitTo::First(groups) = emit_to {
            self.resize(groups);
        }
        emit_to.take_needed(&mut self.groups)
    }

    /// Gives each row that has a value and a weight to `add`.
    fn each_row(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
        mut add: impl FnMut(usize, Number, Number) -> Result<()>,
    ) -> Result<()> {
        let (column, weight) = (argument(values, 0)?, argument(values, 1)?);
        let mask = NullBuffer::union(column.logical_nulls().as_ref(), weight.logical_nulls().as_ref());
        let mask = NullBuffer::union(mask.as_ref(), filter.map(kept).as_ref());
        let (numbers, weights) = (Numbers::read(column)?, Numbers::read(weight)?);
        for row in 0..column.len() {
            if !takes_part(mask.as_ref(), row) {
                continue;
            }
            let (Some(value), Some(weight)) = (numbers.get(row), weights.weight(row, self.rule.name)?) else {
                continue;
            };
            add(row, value, weight)?;
        }
        Ok(())
    }
}

/// Puts parts into a row, one into each column.
#[inline]
fn put<T, const PARTS: usize>(columns: &mut [Vec<T>], row: usize, parts: [T; PARTS]) {
    for (column, part) in columns.iter_mut().zip(parts) {
        if let Some(cell) = column.get_mut(row) {
            *cell = part;
        }
    }
}

/// The columns of the states of so many groups that have no rows.
fn columns_for<M: Moments>(groups: usize) -> Vec<Vec<<M::Part as ArrowPrimitiveType>::Native>> {
    M::PARTS.iter().map(|_| vec![Default::default(); groups]).collect()
}

/// The columns of a state as Arrow's.
fn state_of<M: Moments>(columns: Vec<Vec<<M::Part as ArrowPrimitiveType>::Native>>) -> Result<Vec<ArrayRef>> {
    columns
        .into_iter()
        .map(|column| {
            let column = PrimitiveArray::<M::Part>::try_new(column.into(), None)?;
            Ok(Arc::new(column.with_data_type(M::part_type())) as ArrayRef)
        })
        .collect()
}

impl<M: Moments> MergeState for Mean<M> {}

impl<M: Moments> GroupsAccumulator for Mean<M> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.resize(total_num_groups);
        check_lengths(values, group_indices.len())?;
        let mut groups = std::mem::take(&mut self.groups);
        let name = self.rule.name;
        near(group_indices, |group| groups.get(group).map_or(0, Moments::touch));
        let added = self.each_row(values, opt_filter, |row, value, weight| {
            let at = group_indices.get(row).copied().unwrap_or(usize::MAX);
            let moments = groups.get_mut(at).ok_or_else(|| no_group(at))?;
            moments.add(value, weight).ok_or_else(|| out_of_range(name))
        });
        self.groups = groups;
        added
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.resize(total_num_groups);
        if values.len() != M::PARTS.len() {
            return Err(Error::internal(format!("{} was given {} state columns", self.rule.name, values.len())).into());
        }
        check_lengths(values, group_indices.len())?;
        let columns = values.iter().map(primitive::<M::Part>).collect::<Result<Vec<_>>>()?;
        if let Some(column) = columns.iter().find(|column| column.null_count() > 0) {
            return Err(unexpected(column.data_type()));
        }
        let columns: Vec<_> = columns.iter().map(|column| column.values().as_ref()).collect();
        near(group_indices, |group| self.groups.get(group).map_or(0, Moments::touch));
        for (row, &group) in group_indices.iter().enumerate() {
            let moments = self.groups.get_mut(group).ok_or_else(|| no_group(group))?;
            moments.merge(&columns, row).ok_or_else(|| out_of_range(self.rule.name))?;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.take(emit_to);
        let means: Float64Array = groups.iter().map(|moments| moments.mean(self.scale)).collect();
        Ok(Arc::new(means))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        let mut columns = columns_for::<M>(groups.len());
        for (group, moments) in groups.iter().enumerate() {
            moments.write(&mut columns, group);
        }
        state_of::<M>(columns)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut columns = columns_for::<M>(argument(values, 0)?.len());
        self.each_row(values, opt_filter, |row, value, weight| {
            let mut moments = M::default();
            moments.add(value, weight).ok_or_else(|| out_of_range(self.rule.name))?;
            moments.write(&mut columns, row);
            Ok(())
        })?;
        state_of::<M>(columns)
    }

    fn size(&self) -> usize {
        self.groups.capacity() * size_of::<M>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_average_to_the_nearest_double() {
        let mut moments = ExactMoments::default();
        // 10.10 with weight 1.5, and -3.30 with weight 0.5: digits of scale 2 and 1.
        moments.add(Number::Exact(1010), Number::Exact(15)).unwrap();
        moments.add(Number::Exact(-330), Number::Exact(5)).unwrap();
        assert_eq!(moments.mean(2), Some(6.75));
        assert_eq!(nearest(i256::from_i128(-1)), -1.0);
        assert_eq!(ExactMoments::default().mean(0), None);
    }

    #[test]
    fn products_lose_nothing_unseen() {
        for (value, weight) in [(0.1, 3.0), (1e8 + 0.25, 1e8 + 0.5), (5e-324, 0.5), (1.0 / 3.0, 1.0 / 7.0), (2.5, 4.0)]
        {
            let product: f64 = value * weight;
            assert_eq!(
                product_error(value, weight, product),
                f64::mul_add(value, weight, -product),
                "{value} {weight}"
            );
        }
    }

    #[test]
    fn cancelled_doubles_leave_the_rest() {
        let mut moments = PreciseMoments::default();
        for value in [1e100, 3.0, -1e100, 5.0] {
            moments.add(Number::Double(value), Number::Double(1.0)).unwrap();
        }
        assert_eq!(moments.mean(0), Some(2.0));
    }
}
