//! Accumulators that keep the distinct values of each group with their totals: majority, weighted_majority, unanimous,
//! all_values.
//!
//! A value is kept as a byte string of its order, text as it is, so equal values have equal strings and the greater
//! value the greater string. Intervals of one length are equal too, and keep their strings apart until a group is
//! evaluated: then they are united under the one that most rows have. The state is a list of the values and, where they are counted, a list of as many totals; a
//! total of doubles is spread over several elements, each with its value, so that it stays exact.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::filter;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::ballot::{Ballot, Value};
use super::bytes::Coder;
use super::columns::{argument, candidates, check_lengths, near, no_group, takes_part, unexpected};
use super::numbers::{Number, Numbers, column_of, out_of_range};
use super::order::{Encoder, Zeros, is_spelled};
use super::rule::{Choice, MergeRule, item_of};
use super::single::MergeState;
use super::total::Total;
use crate::error::{Error, SqlState};

/// The type of a value's total in the state. None where values are not counted.
pub(super) fn total_type(rule: &MergeRule, weight: Option<&DataType>) -> Option<DataType> {
    match (rule.choice, weight) {
        (Choice::Majority, _) => Some(DataType::Decimal128(38, 0)),
        (Choice::WeightedMajority, Some(DataType::Float64)) => Some(DataType::Float64),
        (Choice::WeightedMajority, Some(DataType::Decimal128(_, scale))) => Some(DataType::Decimal128(38, *scale)),
        (Choice::WeightedMajority, _) => Some(DataType::Decimal128(38, 0)),
        _ => None,
    }
}

/// The distinct values of each group.
#[derive(Debug)]
pub(super) struct Votes {
    rule: &'static MergeRule,
    item: FieldRef,
    total: Option<DataType>,
    coder: Coder,
    /// What values are compared by, where equal ones may have several strings.
    alike: Option<Encoder>,
    ballots: Vec<Ballot>,
    /// Bytes of all entries.
    held: usize,
    /// The value that leads in the one group that there is, once somebody asked and until the group is taken out.
    /// Weights are never negative, so only a value that has got a vote can come before it.
    leader: Option<Value>,
}

impl Votes {
    /// No groups yet.
    pub(super) fn try_new(rule: &'static MergeRule, value: &FieldRef, weight: Option<&DataType>) -> Result<Self> {
        Ok(Votes {
            rule,
            item: item_of(value),
            total: total_type(rule, weight),
            coder: Coder::try_new(value.data_type())?,
            alike: is_spelled(value.data_type()).then(|| Encoder::try_new(value.data_type())).transpose()?,
            ballots: Vec::new(),
            held: 0,
            leader: None,
        })
    }

    fn resize(&mut self, groups: usize) {
        if groups > self.ballots.len() {
            self.ballots.resize_with(groups, Ballot::new);
        }
    }

    fn bring_near(&self, group_indices: &[usize]) {
        near(group_indices, |group| self.ballots.get(group).map_or(0, Ballot::touch));
    }

    /// Adds a value's weight in a group.
    fn add(&mut self, group: usize, value: &[u8], weight: Number) -> Result<()> {
        let Some(ballot) = self.ballots.get_mut(group) else { return Err(no_group(group)) };
        if let Some(total) = ballot.find(value) {
            if self.total.is_some() {
                let before = total.heap();
                total.add(weight).map_err(|_| out_of_range(self.rule.name))?;
                self.held = (self.held + total.heap()).saturating_sub(before);
            }
        } else if self.rule.choice != Choice::Unanimous || ballot.len() < 2 || self.alike.is_some() {
            let total = Total::of(weight);
            self.held += total.heap();
            let before = ballot.room();
            self.held += ballot.insert(value, total);
            self.held = (self.held + ballot.room()).saturating_sub(before);
        }
        if let Some(leader) = &self.leader
            && leader.as_bytes() != value
            && ballot.leads(value, leader.as_bytes())
        {
            self.leader = Some(Value::of(value));
        }
        Ok(())
    }

    /// Takes groups out, as lists of their entries.
    fn take(&mut self, emit_to: EmitTo) -> Vec<Vec<(Value, Total)>> {
        self.leader = None;
        if let EmitTo::First(groups) = emit_to {
            self.resize(groups);
        }
        let taken = emit_to.take_needed(&mut self.ballots);
        let room: usize = taken.iter().map(Ballot::room).sum();
        let taken: Vec<_> = taken.into_iter().map(Ballot::into_entries).collect();
        let values = taken.iter().flatten().map(|(value, total)| value.heap() + total.heap());
        let bytes: usize = room + values.sum::<usize>();
        self.held = if self.ballots.is_empty() { 0 } else { self.held.saturating_sub(bytes) };
        taken
    }

    /// Which of two entries wins: the greater.
    fn compare(&self, (a_value, a): &(Value, Total), (b_value, b): &(Value, Total)) -> Ordering {
        let by_total = if self.total.is_some() { a.compare(b) } else { Ordering::Equal };
        by_total.then_with(|| a_value.as_bytes().cmp(b_value.as_bytes()))
    }

    /// The value that wins in a group.
    fn winner(&self, entries: Vec<(Value, Total)>) -> Option<Value> {
        if self.rule.choice == Choice::Unanimous && entries.len() > 1 {
            return None;
        }
        entries.into_iter().max_by(|a, b| self.compare(a, b)).map(|(value, _)| value)
    }

    /// A group's entries with those of equal values as one, under the string that would win among them.
    fn united(&self, entries: Vec<(Value, Total)>) -> Result<Vec<(Value, Total)>> {
        let Some(alike) = self.alike.as_ref().filter(|_| entries.len() > 1) else { return Ok(entries) };
        let values = self.coder.column(entries.iter().map(|(value, _)| Some(value.as_bytes())))?;
        let keys = alike.encode(&values, Zeros::Equal)?;
        let mut sorted: Vec<(usize, (Value, Total))> = entries.into_iter().enumerate().collect();
        sorted.sort_by(|(a, one), (b, other)| keys.row(*a).cmp(&keys.row(*b)).then_with(|| self.compare(one, other)));
        let mut united: Vec<(usize, (Value, Total))> = Vec::with_capacity(sorted.len());
        for (at, (value, total)) in sorted {
            match united.last_mut() {
                // The last of equal ones is the one that wins.
                Some((last, (kept, sum))) if keys.row(*last) == keys.row(at) => {
                    for part in total.parts() {
                        sum.add(part).map_err(|_| out_of_range(self.rule.name))?;
                    }
                    *kept = value;
                }
                _ => united.push((at, (value, total))),
            }
        }
        Ok(united.into_iter().map(|(_, entry)| entry).collect())
    }

    /// A list column of values, given as byte strings and as the number of them in each group.
    fn values_column(&self, values: &[Value], lengths: &[usize], nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let values = self.coder.column(values.iter().map(|value| Some(value.as_bytes())))?;
        list_column(&self.item, values, lengths.iter().copied(), nulls)
    }
}

/// A list column whose lists have these lengths.
pub(super) fn list_column(
    item: &FieldRef,
    values: ArrayRef,
    lengths: impl Iterator<Item = usize>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let mut offsets = vec![0_i32];
    let mut end = 0_usize;
    for length in lengths {
        end += length;
        offsets.push(i32::try_from(end).map_err(|_| {
            Error::new(SqlState::OUT_OF_MEMORY, "merged values are too many for one column")
                .with_hint("Merge fewer groups at a time.")
        })?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
}

/// The elements of a list column that its rows use, and where each row's begin and end among them.
pub(super) fn elements(column: &ArrayRef) -> Result<(ArrayRef, Vec<(usize, usize)>)> {
    let list = column.as_list_opt::<i32>().ok_or_else(|| unexpected(column.data_type()))?;
    // The rows may be a slice of many more.
    let first = list.offsets().first().map_or(0, |offset| *offset as usize);
    let last = list.offsets().last().map_or(0, |offset| *offset as usize);
    let mut start = 0;
    let mut rows = Vec::with_capacity(list.len());
    for (row, length) in list.offsets().lengths().enumerate() {
        rows.push(if list.is_valid(row) { (start, start + length) } else { (start, start) });
        start += length;
    }
    Ok((list.values().slice(first, last - first), rows))
}

impl MergeState for Votes {
    fn look(&mut self) -> Result<Option<ArrayRef>> {
        let [ballot] = self.ballots.as_slice() else { return Ok(None) };
        if self.alike.is_some() {
            return Ok(None);
        }
        let winner = match self.rule.choice {
            Choice::AllValues => return Ok(None),
            Choice::Unanimous if ballot.len() > 1 => None,
            Choice::Unanimous => ballot.leader().cloned(),
            _ => {
                if self.leader.is_none() {
                    self.leader = ballot.leader().cloned();
                }
                self.leader.clone()
            }
        };
        Ok(Some(self.coder.column(std::iter::once(winner.as_ref().map(Value::as_bytes)))?))
    }
}

impl GroupsAccumulator for Votes {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.resize(total_num_groups);
        check_lengths(values, group_indices.len())?;
        let value = argument(values, 0)?;
        let mask = candidates(value, opt_filter);
        let weights = match self.rule.choice {
            Choice::WeightedMajority => Some(Numbers::read(argument(values, 1)?)?),
            _ => None,
        };
        let rows = self.coder.bytes(value, Zeros::Merged)?;
        self.bring_near(group_indices);
        for (row, &group) in group_indices.iter().enumerate() {
            if !takes_part(mask.as_ref(), row) {
                continue;
            }
            let weight = match &weights {
                Some(weights) => weights.weight(row, self.rule.name)?.unwrap_or_else(|| weights.zero()),
                None => Number::Exact(1),
            };
            self.add(group, rows.get(row), weight)?;
        }
        Ok(())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> Result<()> {
        self.resize(total_num_groups);
        if group_indices.is_empty() {
            return Ok(());
        }
        check_lengths(values, group_indices.len())?;
        let (voted, rows) = elements(argument(values, 0)?)?;
        let totals = match self.total {
            Some(_) => {
                let (totals, total_rows) = elements(argument(values, 1)?)?;
                if total_rows != rows {
                    return Err(Error::internal("a merge state has not one total for each value").into());
                }
                Some(Numbers::read(&totals)?)
            }
            None => None,
        };
        let voted = self.coder.bytes(&voted, Zeros::Merged)?;
        self.bring_near(group_indices);
        for (&group, (start, end)) in group_indices.iter().zip(rows) {
            for at in start..end {
                let weight = match &totals {
                    Some(totals) => totals.get(at).unwrap_or_else(|| totals.zero()),
                    None => Number::Exact(1),
                };
                self.add(group, voted.get(at), weight)?;
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.take(emit_to).into_iter().map(|entries| self.united(entries)).collect::<Result<Vec<_>>>()?;
        if self.rule.choice == Choice::AllValues {
            let lengths: Vec<usize> = groups.iter().map(Vec::len).collect();
            let some: NullBuffer = lengths.iter().map(|length| *length > 0).collect();
            let mut values = Vec::with_capacity(lengths.iter().sum());
            for mut entries in groups {
                entries.sort_unstable_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
                values.extend(entries.into_iter().map(|(value, _)| value));
            }
            return self.values_column(&values, &lengths, (some.null_count() > 0).then_some(some));
        }
        let winners: Vec<Option<Value>> = groups.into_iter().map(|entries| self.winner(entries)).collect();
        self.coder.column(winners.iter().map(|winner| winner.as_ref().map(Value::as_bytes)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.take(emit_to);
        let mut lengths = Vec::with_capacity(groups.len());
        let mut values = Vec::new();
        let mut totals = Vec::new();
        for entries in groups {
            let before = values.len();
            for (value, total) in entries {
                if self.total.is_some() {
                    let mut parts = total.parts();
                    values.resize(values.len() + parts.len(), value);
                    totals.append(&mut parts);
                } else {
                    values.push(value);
                }
            }
            lengths.push(values.len() - before);
        }
        let mut state = vec![self.values_column(&values, &lengths, None)?];
        if let Some(total) = &self.total {
            let item = Arc::new(Field::new_list_field(total.clone(), true));
            state.push(list_column(&item, column_of(totals, total)?, lengths.into_iter(), None)?);
        }
        Ok(state)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let value = argument(values, 0)?;
        let mask = candidates(value, opt_filter);
        let voted = match &mask {
            Some(mask) => filter(value.as_ref(), &BooleanArray::new(mask.inner().clone(), None))?,
            None => Arc::clone(value),
        };
        let votes = |row: usize| usize::from(takes_part(mask.as_ref(), row));
        let mut state = vec![list_column(&self.item, voted, (0..value.len()).map(votes), None)?];
        if let Some(total) = &self.total {
            let rows = (0..value.len()).filter(|row| takes_part(mask.as_ref(), *row));
            let totals = if self.rule.choice == Choice::WeightedMajority {
                let weights = Numbers::read(argument(values, 1)?)?;
                let weight = |row: usize| -> Result<Number> {
                    Ok(weights.weight(row, self.rule.name)?.unwrap_or_else(|| weights.zero()))
                };
                rows.map(weight).collect::<Result<Vec<_>>>()?
            } else {
                rows.map(|_| Number::Exact(1)).collect()
            };
            let item = Arc::new(Field::new_list_field(total.clone(), true));
            state.push(list_column(&item, column_of(totals, total)?, (0..value.len()).map(votes), None)?);
        }
        Ok(state)
    }

    fn size(&self) -> usize {
        self.ballots.capacity() * size_of::<Ballot>()
            + self.held
            + self.coder.size()
            + self.alike.as_ref().map_or(0, Encoder::size)
    }
}
