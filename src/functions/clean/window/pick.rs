//! Filling with a value that another row has: which row that is.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, UInt64Array, make_comparator};
use datafusion::arrow::compute::{SortOptions, take};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};

use super::function::Call;
use crate::error::Result;

/// Which row's value a row without one gets; none for no value.
pub(super) type Source = fn(&ArrayRef) -> Result<Vec<Option<usize>>>;

/// The one argument, whatever its type. NULL without a type is text, as in Postgres.
pub(super) fn any(given: &[DataType]) -> Option<Vec<DataType>> {
    match given {
        [DataType::Null] => Some(vec![DataType::Utf8View]),
        [one] => Some(vec![one.clone()]),
        _ => None,
    }
}

/// The column with the value of another row wherever it has none.
pub(super) fn filled(call: &Call<'_>, source: Source) -> Result<ArrayRef> {
    let column = call.column(0)?;
    if column.logical_null_count() == 0 {
        return Ok(Arc::clone(column));
    }
    let sources: UInt64Array =
        source(column)?.into_iter().map(|row| row.and_then(|row| u64::try_from(row).ok())).collect();
    Ok(take(column, &sources, None)?)
}

/// The same row for all that have no value.
pub(super) fn everywhere(column: &ArrayRef, row: Option<usize>) -> Vec<Option<usize>> {
    let nulls = column.logical_nulls();
    let held = |at: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(at));
    (0..column.len()).map(|at| if held(at) { Some(at) } else { row }).collect()
}

/// The rows that have a value.
pub(super) fn held(column: &ArrayRef) -> Vec<usize> {
    let nulls = column.logical_nulls();
    (0..column.len()).filter(|at| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*at))).collect()
}

/// The rows that have a value in the order of their type: text by bytes, NaN above all numbers.
pub(super) fn sorted(column: &ArrayRef) -> Result<(Vec<usize>, impl Fn(usize, usize) -> Ordering)> {
    let column = one_zero(column);
    let compare = make_comparator(&column, &column, SortOptions::default())?;
    let mut rows = held(&column);
    rows.sort_by(|a, b| compare(*a, *b));
    Ok((rows, compare))
}

/// The two zeros and all NaNs of floating point are each one value.
fn one_zero(column: &ArrayRef) -> ArrayRef {
    if let Some(doubles) = column.as_primitive_opt::<Float64Type>() {
        let plain = |x: f64| if x.is_nan() { f64::NAN } else { x + 0.0 };
        return Arc::new(doubles.iter().map(|x| x.map(plain)).collect::<Float64Array>());
    }
    if let Some(reals) = column.as_primitive_opt::<Float32Type>() {
        let plain = |x: f32| if x.is_nan() { f32::NAN } else { x + 0.0 };
        return Arc::new(reals.iter().map(|x| x.map(plain)).collect::<Float32Array>());
    }
    Arc::clone(column)
}
