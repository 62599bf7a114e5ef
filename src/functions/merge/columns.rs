//! Reading argument and state columns: their types, and which of their rows take part.

use std::hint::black_box;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::arrow::compute::nullif;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::error::DataFusionError;

use crate::error::Error;

/// A column of a type that planning should have turned into another.
pub(super) fn unexpected(data_type: &DataType) -> DataFusionError {
    Error::internal(format!("a merge function was given a column of type {data_type}")).into()
}

/// The column as what planning made of it.
pub(super) fn primitive<T: ArrowPrimitiveType>(column: &ArrayRef) -> Result<&PrimitiveArray<T>> {
    column.as_primitive_opt::<T>().ok_or_else(|| unexpected(column.data_type()))
}

/// The argument or state column at a position.
pub(super) fn argument(columns: &[ArrayRef], at: usize) -> Result<&ArrayRef> {
    columns.get(at).ok_or_else(|| Error::internal(format!("a merge function lacks its column {at}")).into())
}

/// Makes sure that the columns have one row for each group index.
pub(super) fn check_lengths(columns: &[ArrayRef], rows: usize) -> Result<()> {
    match columns.iter().find(|column| column.len() != rows) {
        Some(column) => {
            Err(Error::internal(format!("a merge function was given {} rows of {rows}", column.len())).into())
        }
        None => Ok(()),
    }
}

/// A group index beyond the number of groups.
pub(super) fn no_group(group: usize) -> DataFusionError {
    Error::internal(format!("a merge function was given the group {group}, which does not exist")).into()
}

/// Which rows hold a value: not null, and for a struct, with a field that holds one. None means all.
pub(super) fn present(column: &ArrayRef) -> Option<NullBuffer> {
    let own = column.logical_nulls();
    let Some(record) = column.as_struct_opt() else { return own };
    let mut any: Option<BooleanBuffer> = None;
    for field in record.columns() {
        match present(field) {
            None => return own,
            Some(held) => {
                any = Some(match any {
                    Some(any) => &any | held.inner(),
                    None => held.into_inner(),
                });
            }
        }
    }
    let any = any.map(NullBuffer::new);
    NullBuffer::union(own.as_ref(), any.as_ref())
}

/// The rows that a FILTER clause keeps: those where it is true.
pub(super) fn kept(filter: &BooleanArray) -> NullBuffer {
    NullBuffer::new(match filter.nulls() {
        Some(nulls) => filter.values() & nulls.inner(),
        None => filter.values().clone(),
    })
}

/// The rows whose value is a candidate. None means all.
pub(super) fn candidates(value: &ArrayRef, filter: Option<&BooleanArray>) -> Option<NullBuffer> {
    let filter = filter.map(kept);
    NullBuffer::union(present(value).as_ref(), filter.as_ref())
}

/// Brings what belongs to these groups near before it is worked on: with a million groups each is a miss of the cache,
/// and reads that nothing waits for go on side by side.
pub(super) fn near(group_indices: &[usize], touch: impl Fn(usize) -> u64) {
    black_box(group_indices.iter().fold(0, |all, &group| all ^ touch(group)));
}

/// Whether a row is in a mask; no mask has every row.
#[inline]
pub(super) fn takes_part(mask: Option<&NullBuffer>, row: usize) -> bool {
    mask.is_none_or(|mask| mask.is_valid(row))
}

/// The column with null in each row that is not in the mask.
pub(super) fn masked(column: &ArrayRef, mask: Option<&NullBuffer>) -> Result<ArrayRef> {
    match mask {
        None => Ok(Arc::clone(column)),
        Some(mask) => Ok(nullif(column.as_ref(), &BooleanArray::new(!mask.inner(), None))?),
    }
}
