//! The accumulator of one group (no GROUP BY, and windows), as a groups accumulator with one group.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::columns::argument;

/// A groups accumulator that may also serve as an accumulator of one group.
pub(super) trait MergeState: GroupsAccumulator + fmt::Debug + Sync {
    /// The result of the one group that there is, which stays as it is. A window whose frame grows asks after each row:
    /// this must not cost what the group holds. None where the group is better taken out and put back.
    fn look(&mut self) -> Result<Option<ArrayRef>> {
        Ok(None)
    }
}

/// One group. It can be read and go on, as a window whose frame grows needs it to.
#[derive(Debug)]
pub(super) struct Single {
    inner: Box<dyn MergeState>,
    /// The group of each row: always 0.
    rows: Vec<usize>,
    /// Whether the group exists in `inner`.
    started: bool,
}

impl Single {
    /// A group without rows.
    pub(super) fn new(inner: Box<dyn MergeState>) -> Self {
        Single { inner, rows: Vec::new(), started: false }
    }

    /// The group's state, which leaves the group gone.
    fn take(&mut self) -> Result<Vec<ArrayRef>> {
        if !self.started {
            let empty = self.inner.state(EmitTo::All)?;
            self.inner.merge_batch(&empty, &[], 1)?;
        }
        self.started = false;
        self.inner.state(EmitTo::All)
    }

    /// Puts a taken state back.
    fn put(&mut self, state: &[ArrayRef]) -> Result<()> {
        self.started = true;
        self.inner.merge_batch(state, &[0], 1)
    }
}

/// The one value of an array.
fn scalar(column: &ArrayRef) -> Result<ScalarValue> {
    match column.as_list_opt::<i32>() {
        // Taken out as a scalar, a list would lose what its elements' field tells of their type.
        Some(list) if !list.is_empty() => Ok(ScalarValue::List(Arc::new(list.slice(0, 1)))),
        _ => ScalarValue::try_from_array(column, 0),
    }
}

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows.resize(argument(values, 0)?.len(), 0);
        self.started = true;
        self.inner.update_batch(values, &self.rows, None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.rows.resize(argument(states, 0)?.len(), 0);
        self.started = true;
        self.inner.merge_batch(states, &self.rows, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.started
            && let Some(value) = self.inner.look()?
        {
            return scalar(&value);
        }
        let state = self.take()?;
        self.put(&state)?;
        let value = self.inner.evaluate(EmitTo::All)?;
        self.put(&state)?;
        scalar(&value)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.take()?.iter().map(scalar).collect()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.rows.capacity() * size_of::<usize>() + self.inner.size()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ListArray, StringViewArray};
    use datafusion::arrow::buffer::OffsetBuffer;

    use super::*;
    use crate::catalog::types::PgType;

    #[test]
    fn a_list_keeps_the_type_of_its_elements() {
        let item = Arc::new(PgType::Varchar(Some(3)).field("item", true));
        let values = Arc::new(StringViewArray::from(vec!["a", "b"]));
        let list: ArrayRef = Arc::new(ListArray::new(item, OffsetBuffer::from_lengths([2]), values, None));
        assert_eq!(scalar(&list).unwrap().data_type(), *list.data_type());
    }
}
