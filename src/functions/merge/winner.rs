//! Accumulators that keep one winner a group: newest, oldest, most_trusted, longest, shortest.
//!
//! Ranks are compared first, and values only where ranks are equal. Of a batch only the winning rows' numbers are
//! noted; a value is copied once for each group that the batch touched.
//! The state is the winning row itself (its value and key columns), so merging states is the same as reading rows; a
//! null value says that the group has no winner yet.

use std::cmp::Ordering;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::columns::{argument, candidates, check_lengths, masked, near, no_group, takes_part};
use super::rank::{Columns, KeySource, Keys, Rank, RankKey};
use super::single::MergeState;
use super::store::ValueStore;
use crate::error::Error;

/// The group has no winner.
pub(super) const NONE: u32 = u32::MAX;
/// The group's winner is in the store; every smaller number is a row of the batch at hand.
pub(super) const KEPT: u32 = u32::MAX - 1;

/// A group's winner: its rank by each key, and where its value is.
#[derive(Clone, Copy, Debug)]
struct Slot<K, const N: usize> {
    rank: Rank<K, N>,
    at: u32,
}

/// One winner a group, by `N` keys of which the first is the rule.
#[derive(Debug)]
pub(super) struct Winner<K: RankKey, const N: usize> {
    sources: [KeySource; N],
    slots: Vec<Slot<K, N>>,
    /// Groups whose winner is a row of the batch at hand, and then which.
    touched: Vec<(usize, u32)>,
    store: Box<dyn ValueStore>,
}

impl<K: RankKey, const N: usize> Winner<K, N> {
    /// No groups yet.
    pub(super) fn new(sources: [KeySource; N], store: Box<dyn ValueStore>) -> Self {
        Winner { sources, slots: Vec::new(), touched: Vec::new(), store }
    }

    /// Takes part in rows: arguments, or states of the same shape.
    fn absorb(
        &mut self,
        columns: &[ArrayRef],
        given: Columns,
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
        let keys = self.sources.iter().map(|source| source.keys::<K>(columns, given)).collect::<Result<Vec<_>>>()?;
        let keys: [Keys<K>; N] =
            keys.try_into().map_err(|_| Error::internal("a merge function has a wrong number of keys"))?;

        self.store.bind(value)?;
        near(group_indices, |group| self.slots.get(group).map_or(0, |slot| u64::from(slot.at)));
        let found = self.find_winners(&keys, mask.as_ref(), group_indices);
        for won in &mut self.touched {
            if let Some(slot) = self.slots.get_mut(won.0) {
                won.1 = std::mem::replace(&mut slot.at, KEPT);
            }
        }
        self.store.keep(&self.touched);
        self.touched.clear();
        self.store.unbind();
        found
    }

    /// Lets each row of the batch compete in its group.
    fn find_winners(&mut self, keys: &[Keys<K>; N], mask: Option<&NullBuffer>, group_indices: &[usize]) -> Result<()> {
        for (row, &group) in group_indices.iter().enumerate() {
            if !takes_part(mask, row) {
                continue;
            }
            let rank = Rank::of(keys, row);
            let Some(slot) = self.slots.get_mut(group) else { return Err(no_group(group)) };
            let order = match slot.at {
                NONE => Ordering::Greater,
                _ => rank.compare(&slot.rank),
            };
            let better = match (order, slot.at) {
                (Ordering::Equal, KEPT) => self.store.compare_kept(row, group).is_gt(),
                (Ordering::Equal, other) => self.store.compare_rows(row, other as usize).is_gt(),
                (order, _) => order.is_gt(),
            };
            if better {
                if slot.at >= KEPT {
                    self.touched.push((group, 0));
                }
                *slot = Slot { rank, at: row as u32 };
            }
        }
        Ok(())
    }

    fn resize(&mut self, groups: usize) {
        if groups > self.slots.len() {
            self.slots.resize(groups, Slot { rank: Rank::default(), at: NONE });
            self.store.resize(groups);
        }
    }

    /// Takes groups out: their ranks and their values.
    fn take(&mut self, emit_to: EmitTo) -> Result<(Vec<Slot<K, N>>, ArrayRef)> {
        if let EmitTo::First(groups) = emit_to {
            self.resize(groups);
        }
        let slots = emit_to.take_needed(&mut self.slots);
        let won: NullBuffer = slots.iter().map(|slot| slot.at != NONE).collect();
        let nulls = (won.null_count() > 0).then_some(won);
        let values = self.store.take(emit_to, nulls)?;
        Ok((slots, values))
    }
}

impl<K: RankKey, const N: usize> MergeState for Winner<K, N> {}

impl<K: RankKey, const N: usize> GroupsAccumulator for Winner<K, N> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.absorb(values, Columns::Arguments, group_indices, opt_filter, total_num_groups)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.absorb(values, Columns::States, group_indices, None, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.take(emit_to)?.1)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (slots, values) = self.take(emit_to)?;
        let mut state = vec![values];
        for (nth, source) in self.sources.iter().enumerate() {
            let Some((data_type, smallest)) = source.state() else { continue };
            let ranks = slots.iter().map(|slot| slot.rank.get(nth));
            let nulls: NullBuffer = ranks.clone().map(|rank| rank.is_some()).collect();
            let nulls = (nulls.null_count() > 0).then_some(nulls);
            let keys = ranks
                .map(|rank| match rank {
                    Some(rank) if smallest => rank.reversed(),
                    Some(rank) => rank,
                    None => K::default(),
                })
                .collect();
            state.push(K::restore(keys, nulls, &data_type)?);
        }
        Ok(state)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let value = argument(values, 0)?;
        let mut state = vec![masked(value, candidates(value, opt_filter).as_ref())?];
        for source in &self.sources {
            state.extend(source.state_of_rows(values)?);
        }
        Ok(state)
    }

    fn size(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<K, N>>()
            + self.touched.capacity() * size_of::<(usize, u32)>()
            + self.store.size()
    }
}
