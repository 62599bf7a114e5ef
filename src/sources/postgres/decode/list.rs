//! Arrays of one dimension into lists.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ListArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::FieldRef;

use super::column::Column;
use super::fault::Fault;
use crate::sources::postgres::forms::Form;

/// Builds a list column; bounds other than 1 are not kept.
pub(super) struct List {
    field: FieldRef,
    items: Column,
    offsets: Vec<i32>,
    /// Whether each list is there.
    valid: Vec<bool>,
    /// How many items there are in all lists.
    count: i32,
}

impl List {
    /// A builder for lists of `field` whose items `items` builds.
    pub(super) fn new(field: FieldRef, items: Column) -> List {
        List { field, items, offsets: vec![0], valid: vec![], count: 0 }
    }

    /// Appends a null list.
    pub(super) fn append_null(&mut self) {
        self.offsets.push(self.count);
        self.valid.push(false);
    }

    /// Appends one array.
    pub(super) fn append(&mut self, raw: &[u8]) -> Result<(), Fault> {
        let mut rest = raw;
        let dimensions = number(&mut rest)?;
        let _has_nulls = number(&mut rest)?;
        let _element_type = number(&mut rest)?;
        let length = match dimensions {
            0 => 0,
            1 => {
                let length = number(&mut rest)?;
                let _lower_bound = number(&mut rest)?;
                length
            }
            _ => {
                return Err(Fault::unfit("holds an array of more than one dimension")
                    .with_hint("Declare the column as text, which holds arrays of any shape."));
            }
        };
        for _ in 0..length {
            let size = number(&mut rest)?;
            match usize::try_from(size) {
                // -1 stands for null.
                Err(_) => self.items.append(None, Form::Binary)?,
                Ok(size) => {
                    let (item, after) = rest.split_at_checked(size).ok_or_else(Fault::malformed)?;
                    rest = after;
                    self.items.append(Some(item), Form::Binary)?;
                }
            }
            self.count = self.count.checked_add(1).ok_or_else(|| Fault::unfit("holds too many array items"))?;
        }
        self.offsets.push(self.count);
        self.valid.push(true);
        Ok(())
    }

    /// The lists so far; the builder starts anew.
    pub(super) fn finish(&mut self) -> Result<ArrayRef, Fault> {
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let nulls = NullBuffer::from(std::mem::take(&mut self.valid));
        self.count = 0;
        let items = self.items.finish()?;
        let lists = ListArray::try_new(
            Arc::clone(&self.field),
            OffsetBuffer::new(ScalarBuffer::from(offsets)),
            items,
            Some(nulls).filter(|nulls| nulls.null_count() > 0),
        );
        lists.map(|lists| Arc::new(lists) as ArrayRef).map_err(|e| Fault::unfit(format!("makes no list: {e}")))
    }
}

/// The next four bytes.
fn number(rest: &mut &[u8]) -> Result<i32, Fault> {
    let (bytes, after) = rest.split_first_chunk::<4>().ok_or_else(Fault::malformed)?;
    *rest = after;
    Ok(i32::from_be_bytes(*bytes))
}
