//! The accumulator of weighted_avg: two sums a group, of the weighted values and of the weights.
//!
//! Whole numbers and decimals are summed exactly in 256 bits. Doubles are summed in twice the precision of a double
//! (each product split into its rounded value and its error), so that the order of rows does not show in the result.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Float64Array, PrimitiveArray};
use datafusion::arrow::datatypes::{DataType, Decimal256Type, Float64Type, i256};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::columns::{argument, check_lengths, kept, no_group, primitive, takes_part, unexpected};
use super::numbers::{Number, Numbers, out_of_range};
use super::rule::MergeRule;
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
    /// The state.
    fn parts(&self) -> Vec<<Self::Part as ArrowPrimitiveType>::Native>;
    /// Adds a state.
    fn merge(&mut self, parts: &[<Self::Part as ArrowPrimitiveType>::Native]) -> Option<()>;
    /// Adds a value with its weight. None when a sum leaves its range.
    fn add(&mut self, value: Number, weight: Number) -> Option<()>;
    /// The mean of values that have `scale` decimals. None when the weights sum to zero.
    fn mean(&self, scale: i8) -> Option<f64>;
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

    fn parts(&self) -> Vec<i256> {
        vec![self.value, self.weight]
    }

    fn merge(&mut self, parts: &[i256]) -> Option<()> {
        let [value, weight] = parts else { return None };
        self.value = self.value.checked_add(*value)?;
        self.weight = self.weight.checked_add(*weight)?;
        Some(())
    }

    fn add(&mut self, value: Number, weight: Number) -> Option<()> {
        let (Number::Exact(value), Number::Exact(weight)) = (value, weight) else { return None };
        let weight = i256::from_i128(weight);
        self.merge(&[i256::from_i128(value).checked_mul(weight)?, weight])
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

/// A sum of doubles with what rounding it lost.
#[derive(Clone, Copy, Debug, Default)]
struct Precise {
    sum: f64,
    lost: f64,
}

impl Precise {
    /// Adds a term. None when finite terms leave the range of doubles.
    fn add(&mut self, term: f64) -> Option<()> {
        let (sum, lost) = two_sum(self.sum, term);
        if sum.is_finite() {
            // Renormalised, so that what is lost stays small beside the sum.
            let (sum, lost) = two_sum(sum, self.lost + lost);
            *self = Precise { sum, lost };
        } else if self.sum.is_finite() && term.is_finite() {
            return None;
        } else {
            *self = Precise { sum, lost: 0.0 };
        }
        Some(())
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

    fn parts(&self) -> Vec<f64> {
        vec![self.value.sum, self.value.lost, self.weight.sum, self.weight.lost]
    }

    fn merge(&mut self, parts: &[f64]) -> Option<()> {
        let [value, value_lost, weight, weight_lost] = parts else { return None };
        self.value.add(*value)?;
        self.value.add(*value_lost)?;
        self.weight.add(*weight)?;
        self.weight.add(*weight_lost)
    }

    fn add(&mut self, value: Number, weight: Number) -> Option<()> {
        let (Number::Double(value), Number::Double(weight)) = (value, weight) else { return None };
        let product = value * weight;
        if !product.is_finite() && value.is_finite() && weight.is_finite() {
            return None;
        }
        self.value.add(product)?;
        if product.is_finite() {
            self.value.add(value.mul_add(weight, -product))?;
        }
        self.weight.add(weight)
    }

    fn mean(&self, _scale: i8) -> Option<f64> {
        let weight = self.weight.value();
        (weight != 0.0).then(|| self.value.value() / weight)
    }
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

    /// Adds each row to the group at `group(row)`.
    fn add_rows(
        &self,
        groups: &mut [M],
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
        group: impl Fn(usize) -> Option<usize>,
    ) -> Result<()> {
        let column = argument(values, 0)?;
        let rows = column.len();
        let numbers = Numbers::read(column)?;
        let weights = Numbers::read(argument(values, 1)?)?;
        let mask = filter.map(kept);
        for row in (0..rows).filter(|row| takes_part(mask.as_ref(), *row)) {
            let Some(value) = numbers.get(row) else { continue };
            let Some(weight) = weights.weight(row, self.rule.name)? else { continue };
            let Some(at) = group(row) else { continue };
            let moments = groups.get_mut(at).ok_or_else(|| no_group(at))?;
            moments.add(value, weight).ok_or_else(|| out_of_range(self.rule.name))?;
        }
        Ok(())
    }
}

/// The state of groups, one column a part.
fn state_of<M: Moments>(groups: &[M]) -> Result<Vec<ArrayRef>> {
    let mut columns = vec![Vec::with_capacity(groups.len()); M::PARTS.len()];
    for moments in groups {
        for (column, part) in columns.iter_mut().zip(moments.parts()) {
            column.push(part);
        }
    }
    columns
        .into_iter()
        .map(|column| {
            let column = PrimitiveArray::<M::Part>::try_new(column.into(), None)?;
            Ok(Arc::new(column.with_data_type(M::part_type())) as ArrayRef)
        })
        .collect()
}

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
        let added = self.add_rows(&mut groups, values, opt_filter, |row| group_indices.get(row).copied());
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
        let mut parts = Vec::with_capacity(columns.len());
        for (row, &group) in group_indices.iter().enumerate() {
            parts.clear();
            for column in &columns {
                if column.is_null(row) {
                    return Err(unexpected(column.data_type()));
                }
                parts.push(column.value(row));
            }
            let moments = self.groups.get_mut(group).ok_or_else(|| no_group(group))?;
            moments.merge(&parts).ok_or_else(|| out_of_range(self.rule.name))?;
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.take(emit_to);
        let means: Float64Array = groups.iter().map(|moments| moments.mean(self.scale)).collect();
        Ok(Arc::new(means))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        state_of(&self.take(emit_to))
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut rows = vec![M::default(); argument(values, 0)?.len()];
        self.add_rows(&mut rows, values, opt_filter, Some)?;
        state_of(&rows)
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
    fn cancelled_doubles_leave_the_rest() {
        let mut moments = PreciseMoments::default();
        for value in [1e100, 3.0, -1e100, 5.0] {
            moments.add(Number::Double(value), Number::Double(1.0)).unwrap();
        }
        assert_eq!(moments.mean(0), Some(2.0));
    }
}
