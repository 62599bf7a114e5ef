//! Windows of the last rows, moved along the order.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type, i256};

use super::function::Call;
use super::numbers::{Numbers, divided, double_column, exact, exact_column, number, out_of_range, rescaled};
use super::outliers::refused;
use super::statistics::{Middle, order};
use crate::error::{Error, Result};

/// `v, n`, brought to their types.
pub(super) fn value_and_count(given: &[DataType]) -> Option<Vec<DataType>> {
    let [value, count] = given else { return None };
    let whole = count.is_integer() || count.is_null();
    whole.then(|| Some(vec![number(value)?, DataType::Int64])).flatten()
}

/// How many rows a window has: this one and those before it.
pub(super) fn width(call: &Call<'_>) -> Result<usize> {
    let counts = call
        .column(1)?
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| Error::internal(format!("{} was given no number of rows", call.name)))?;
    let first = counts.iter().next().flatten();
    if !counts.is_empty() && !counts.iter().all(|count| count == first) {
        return Err(refused(format!(
            "the number of rows of {} must be the same in all rows of a partition",
            call.name
        )));
    }
    match first.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0) {
        Some(count) => Ok(count.min(call.rows)),
        None if counts.is_empty() => Ok(1),
        None => Err(refused(format!("the number of rows of {} must be greater than zero", call.name))),
    }
}

/// The middle of each window, NULL where it holds no value.
pub(super) fn moved(call: &Call<'_>, middle: Middle) -> Result<ArrayRef> {
    let width = width(call)?;
    match Numbers::read(call.column(0)?)? {
        Numbers::Exact(values, from) => {
            let (_, to) = exact(call.returns).ok_or_else(|| Error::internal("a mean that is not exact"))?;
            let results = match middle {
                Middle::Mean => exact_means(&values, width, from, to)?,
                Middle::Median => {
                    let mut window: Vec<i256> = vec![];
                    let mut results = Vec::with_capacity(values.len());
                    for row in 0..values.len() {
                        slide(&mut window, &values, row, width, i256::cmp);
                        results.push(match middle_two(&window) {
                            Some((low, high)) => {
                                let sum = rescaled(low.checked_add(high).ok_or_else(out_of_range)?, from, to)?;
                                Some(divided(sum, i256::from_i128(2))?)
                            }
                            None => None,
                        });
                    }
                    results
                }
            };
            exact_column(results, call.returns)
        }
        Numbers::Double(values) => Ok(double_column(match middle {
            Middle::Mean => means(&values, width),
            Middle::Median => {
                let mut window: Vec<f64> = vec![];
                (0..values.len())
                    .map(|row| {
                        slide(&mut window, &values, row, width, order);
                        let (low, high) = middle_two(&window)?;
                        Some(if low == high { low } else { low + (high - low) / 2.0 })
                    })
                    .collect()
            }
        })),
    }
}

fn exact_means(values: &[Option<i256>], width: usize, from: i8, to: i8) -> Result<Vec<Option<i256>>> {
    let mut sum = i256::ZERO;
    let mut count = 0_i128;
    let mut results = Vec::with_capacity(values.len());
    for row in 0..values.len() {
        if let Some(value) = values.get(row).copied().flatten() {
            sum = sum.checked_add(value).ok_or_else(out_of_range)?;
            count += 1;
        }
        if let Some(value) = row.checked_sub(width).and_then(|row| values.get(row)).copied().flatten() {
            sum = sum.checked_sub(value).ok_or_else(out_of_range)?;
            count -= 1;
        }
        results.push(if count == 0 { None } else { Some(divided(rescaled(sum, from, to)?, i256::from_i128(count))?) });
    }
    Ok(results)
}

/// A sum and how many values it is of.
#[derive(Clone, Copy, Default)]
struct Sum {
    total: f64,
    count: f64,
}

impl Sum {
    fn and(self, value: Option<f64>) -> Sum {
        match value {
            Some(value) => Sum { total: self.total + value, count: self.count + 1.0 },
            None => self,
        }
    }
}

/// Means without taking anything off a sum again, which would keep the errors, infinities and NaN of values that have
/// left: the rows are cut into blocks as wide as a window, and a window is the end of one and the beginning of the next
/// (van Herk's method).
fn means(values: &[Option<f64>], width: usize) -> Vec<Option<f64>> {
    let mut ends: Vec<Sum> = vec![Sum::default(); values.len()];
    for (block, sums) in values.chunks(width.max(1)).zip(ends.chunks_mut(width.max(1))) {
        let mut sum = Sum::default();
        for (value, end) in block.iter().zip(sums).rev() {
            sum = sum.and(*value);
            *end = sum;
        }
    }
    let mut beginning = Sum::default();
    let mut results = Vec::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        beginning = if row % width.max(1) == 0 { Sum::default().and(*value) } else { beginning.and(*value) };
        let first = (row + 1).saturating_sub(width);
        // A window that begins with a block is that block's beginning.
        let before = if first % width.max(1) == 0 { None } else { ends.get(first) };
        let (total, count) = match before {
            Some(end) => (end.total + beginning.total, end.count + beginning.count),
            None => (beginning.total, beginning.count),
        };
        results.push((count > 0.0).then(|| total / count));
    }
    results
}

/// Takes the row that comes into a sorted window, and the one that leaves it out.
fn slide<T: Copy>(
    window: &mut Vec<T>,
    values: &[Option<T>],
    row: usize,
    width: usize,
    order: fn(&T, &T) -> std::cmp::Ordering,
) {
    if let Some(gone) = row.checked_sub(width).and_then(|row| values.get(row)).copied().flatten() {
        let at = window.partition_point(|value| order(value, &gone).is_lt());
        if at < window.len() {
            window.remove(at);
        }
    }
    if let Some(come) = values.get(row).copied().flatten() {
        let at = window.partition_point(|value| order(value, &come).is_lt());
        window.insert(at, come);
    }
}

/// The two values in the middle of sorted ones, which may be one.
fn middle_two<T: Copy>(sorted: &[T]) -> Option<(T, T)> {
    let last = sorted.len().checked_sub(1)?;
    Some((*sorted.get(last / 2)?, *sorted.get(sorted.len() / 2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_of_blocks_are_means_of_windows() {
        let values: Vec<Option<f64>> =
            (0..40).map(|n| if n % 7 == 3 { None } else { Some(f64::from(n * n % 23)) }).collect();
        for width in 1..=40 {
            for (row, mean) in means(&values, width).into_iter().enumerate() {
                let window: Vec<f64> =
                    values[(row + 1).saturating_sub(width)..=row].iter().flatten().copied().collect();
                let expected = (!window.is_empty()).then(|| window.iter().sum::<f64>() / window.len() as f64);
                assert_eq!(mean, expected, "row {row}, width {width}");
            }
        }
        let odd = [Some(f64::NAN), Some(1.0), Some(f64::INFINITY), Some(2.0), Some(3.0)];
        assert_eq!(means(&odd, 2).last(), Some(&Some(2.5)));
    }
}
