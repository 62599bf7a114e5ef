//! The accumulator of survivor: one winner a group, the row that comes first by the call's ORDER BY.
//!
//! DataFusion gives what that ORDER BY names as columns behind the value. The state is the winning row: its value and
//! those columns; a null value says that the group has no winner yet.

use std::cmp::Ordering;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::row::Rows;
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::columns::{argument, candidates, check_lengths, masked, no_group, takes_part};
use super::single::MergeState;
use super::slab::Slab;
use super::sort_keys::SortKeys;
use super::store::ValueStore;
use super::winner::{KEPT, NONE};
use crate::error::Error;

/// The first row of each group.
#[derive(Debug)]
pub(super) struct First {
    order: SortKeys,
    /// Where each group's winner is.
    winners: Vec<u32>,
    /// Groups whose winner is a row of the batch at hand, and then which.
    touched: Vec<(usize, u32)>,
    keys: Slab,
    store: Box<dyn ValueStore>,
}

impl First {
    /// No groups yet.
    pub(super) fn new(order: SortKeys, store: Box<dyn ValueStore>) -> Self {
        First { order, winners: Vec::new(), touched: Vec::new(), keys: Slab::default(), store }
    }

    fn resize(&mut self, groups: usize) {
        if groups > self.winners.len() {
            self.winners.resize(groups, NONE);
            self.keys.resize(groups);
            self.store.resize(groups);
        }
    }

    /// Takes part in rows: a value and its sort keys, as arguments or as states.
    fn absorb(
        &mut self,
        columns: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.resize(total_num_groups);
        if group_indices.is_empty() {
            return Ok(());
        }
        check_lengths(columns, group_indices.len())?;
        if group_indices.len() >= KEPT as usize {
            return Err(Error::internal(format!("a batch of {} rows is too long to merge", group_indices.len())).into());
        }
        let value = argument(columns, 0)?;
        let mask = candidates(value, filter);
        let order = self.order.encode(columns.get(1..).unwrap_or_default())?;
        self.store.bind(value)?;
        let found = self.find_winners(&order, mask.as_ref(), group_indices);
        for won in &mut self.touched {
            if let Some(winner) = self.winners.get_mut(won.0) {
                self.keys.set(won.0, order.row(*winner as usize).data());
                won.1 = std::mem::replace(winner, KEPT);
            }
        }
        self.store.keep(&self.touched);
        self.touched.clear();
        self.store.unbind();
        found
    }

    /// Lets each row of the batch compete in its group.
    fn find_winners(&mut self, order: &Rows, mask: Option<&NullBuffer>, group_indices: &[usize]) -> Result<()> {
        for (row, &group) in group_indices.iter().enumerate() {
            if !takes_part(mask, row) {
                continue;
            }
            let Some(winner) = self.winners.get_mut(group) else { return Err(no_group(group)) };
            // The key that comes first wins, of equal ones the greater value.
            let key = order.row(row);
            let better = match *winner {
                NONE => Ordering::Greater,
                KEPT => self.keys.get(group).cmp(key.data()).then_with(|| self.store.compare_kept(row, group)),
                other => {
                    let other = other as usize;
                    order.row(other).cmp(&key).then_with(|| self.store.compare_rows(row, other))
                }
            };
            if better.is_gt() {
                if *winner >= KEPT {
                    self.touched.push((group, 0));
                }
                *winner = row as u32;
            }
        }
        Ok(())
    }

    /// Takes groups out: their values, and their keys if wanted.
    fn take(&mut self, emit_to: EmitTo, with_keys: bool) -> Result<(ArrayRef, Vec<ArrayRef>)> {
        if let EmitTo::First(groups) = emit_to {
            self.resize(groups);
        }
        let winners = emit_to.take_needed(&mut self.winners);
        let won: NullBuffer = winners.iter().map(|winner| *winner != NONE).collect();
        let nulls = (won.null_count() > 0).then_some(won);
        let spans = self.keys.detach(emit_to);
        let keys = if with_keys {
            self.order.decode(
                spans
                    .iter()
                    .enumerate()
                    .map(|(group, span)| takes_part(nulls.as_ref(), group).then(|| self.keys.bytes(*span))),
            )?
        } else {
            Vec::new()
        };
        self.keys.release(&spans);
        Ok((self.store.take(emit_to, nulls)?, keys))
    }
}

impl MergeState for First {}

impl GroupsAccumulator for First {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.absorb(values, group_indices, opt_filter, total_num_groups)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.absorb(values, group_indices, None, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.take(emit_to, false)?.0)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (value, keys) = self.take(emit_to, true)?;
        let mut state = vec![value];
        state.extend(keys);
        Ok(state)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let value = argument(values, 0)?;
        let mut state = vec![masked(value, candidates(value, opt_filter).as_ref())?];
        state.extend(values.iter().skip(1).map(ArrayRef::clone));
        Ok(state)
    }

    fn size(&self) -> usize {
        self.winners.capacity() * size_of::<u32>()
            + self.touched.capacity() * size_of::<(usize, u32)>()
            + self.keys.size()
            + self.order.size()
            + self.store.size()
    }
}
