//! Means, medians and quartiles, and filling with them.

use std::cmp::Ordering;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, i256};

use super::function::Call;
use super::numbers::{Numbers, divided, double_column, exact, exact_column, mean_type, number, out_of_range, rescaled};
use crate::error::{Error, Result};

/// The one argument, a number.
pub(super) fn one_number(given: &[DataType]) -> Option<Vec<DataType>> {
    match given {
        [one] => Some(vec![number(one)?]),
        _ => None,
    }
}

/// The type of a mean of the first argument.
pub(super) fn mean_of_first(types: &[DataType]) -> Option<DataType> {
    mean_type(types.first()?)
}

/// What one value is made of many: the mean or the median.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Middle {
    Mean,
    Median,
}

impl Middle {
    /// The middle of exact numbers of `from` decimals, rounded to `to` decimals. None for no numbers.
    pub(super) fn exact(self, values: &mut [i256], from: i8, to: i8) -> Result<Option<i256>> {
        let count = values.len();
        if count == 0 {
            return Ok(None);
        }
        let (sum, of) = match self {
            Middle::Mean => (sum(values)?, count),
            Middle::Median => {
                values.sort_unstable();
                let high = values.get(count / 2).copied().ok_or_else(out_of_range)?;
                if count % 2 == 1 {
                    (high, 1)
                } else {
                    let low = values.get(count / 2 - 1).copied().ok_or_else(out_of_range)?;
                    (low.checked_add(high).ok_or_else(out_of_range)?, 2)
                }
            }
        };
        let of = i256::from_i128(i128::try_from(of).map_err(|_| out_of_range())?);
        Ok(Some(divided(rescaled(sum, from, to)?, of)?))
    }

    /// The middle of floating point numbers. None for no numbers.
    pub(super) fn double(self, values: &mut [f64]) -> Option<f64> {
        match self {
            Middle::Mean => mean(values),
            Middle::Median => {
                values.sort_unstable_by(order);
                quantile(values, 0.5)
            }
        }
    }
}

fn sum(values: &[i256]) -> Result<i256> {
    values.iter().try_fold(i256::ZERO, |sum, value| sum.checked_add(*value)).ok_or_else(out_of_range)
}

/// NaN is greater than all numbers, as in Postgres, and the zeros are equal.
pub(super) fn order(a: &f64, b: &f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
    }
}

/// The mean, summed with Neumaier's correction. None for no numbers.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        let rest = if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        if rest.is_finite() {
            lost += rest;
        }
        sum = next;
    }
    let total = sum + lost;
    let count = values.len() as f64;
    match values {
        [] => None,
        // The sum has left the range of floating point, the mean has not.
        values if !total.is_finite() && values.iter().all(|value| value.is_finite()) => {
            Some(values.iter().map(|value| value / count).sum())
        }
        _ => Some(total / count),
    }
}

/// The quantile of sorted numbers, between two of them in proportion, as `percentile_cont` has it. None for no numbers.
pub(super) fn quantile(sorted: &[f64], at: f64) -> Option<f64> {
    let place = at * (sorted.len().checked_sub(1)? as f64);
    let (low, high) = (*sorted.get(place.floor() as usize)?, *sorted.get(place.ceil() as usize)?);
    Some(if low == high { low } else { low + (high - low) * place.fract() })
}

/// The column with the middle of its values wherever it has none.
pub(super) fn filled(call: &Call<'_>, middle: Middle) -> Result<ArrayRef> {
    match Numbers::read(call.column(0)?)? {
        Numbers::Exact(values, from) => {
            let (_, to) = exact(call.returns).ok_or_else(|| Error::internal("a mean that is not exact"))?;
            let mut held: Vec<i256> = values.iter().flatten().copied().collect();
            let fill = if held.len() == values.len() { None } else { middle.exact(&mut held, from, to)? };
            let filled = values.into_iter().map(|value| match value {
                Some(value) => rescaled(value, from, to).map(Some),
                None => Ok(fill),
            });
            exact_column(filled.collect::<Result<Vec<_>>>()?, call.returns)
        }
        Numbers::Double(values) => {
            let mut held: Vec<f64> = values.iter().flatten().copied().collect();
            let fill = if held.len() == values.len() { None } else { middle.double(&mut held) };
            Ok(double_column(values.into_iter().map(|value| value.or(fill)).collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_quantiles() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[1e100, 3.0, -1e100, 5.0]), Some(2.0));
        assert_eq!(mean(&[f64::MAX, f64::MAX]), Some(f64::MAX));
        assert_eq!(mean(&[f64::INFINITY, 1.0]), Some(f64::INFINITY));
        assert!(mean(&[f64::INFINITY, f64::NEG_INFINITY]).is_some_and(f64::is_nan));
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.25), Some(1.75));
        assert_eq!(quantile(&[7.0], 0.75), Some(7.0));
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(Middle::Median.double(&mut [f64::NAN, 1.0, -1.0]), Some(1.0));
        let mut digits: Vec<i256> = [1, 2, 2].map(i256::from_i128).to_vec();
        assert_eq!(Middle::Mean.exact(&mut digits, 0, 4).unwrap(), Some(i256::from_i128(16_667)));
        assert_eq!(Middle::Median.exact(&mut digits[..2], 0, 4).unwrap(), Some(i256::from_i128(15_000)));
    }
}
