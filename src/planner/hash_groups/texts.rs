//! Which group each text belongs to.

use std::hash::BuildHasher;
use std::hint::black_box;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayBuilder, ArrayRef, AsArray, StringViewBuilder};
use datafusion::common::hash_utils::RandomState;
use datafusion::error::Result as DfResult;

use super::keys::GroupKeys;
use super::table::{BLOCK, Table, lost};

/// The groups of texts. The table has half of each text's hash; the texts themselves stand beside it.
pub(super) struct Texts {
    table: Table<u32>,
    /// The text of each group.
    keys: StringViewBuilder,
    /// The group of NULL, which has no place.
    null: Option<usize>,
    /// The hashes of a block of rows.
    hashes: Vec<u32>,
    state: RandomState,
}

impl Texts {
    /// No groups yet.
    pub(super) fn new() -> Texts {
        // A seed of its own, so that nobody can choose texts that are all looked up in one place.
        let state = RandomState::with_seed(rand::random());
        Texts { table: Table::new(), keys: StringViewBuilder::new(), null: None, hashes: vec![], state }
    }

    /// Reads the texts of the groups that a block of rows is likely to belong to, so that they are near when they are
    /// compared.
    #[inline]
    fn approach(&self, hashes: &[u32]) {
        self.table.approach(hashes.iter().map(|hash| self.table.start(whole(*hash))));
        let text = |hash: &u32| {
            let group = self.table.at(self.table.start(whole(*hash)), *hash)?;
            self.keys.get_value(group).first().copied()
        };
        black_box(hashes.iter().filter_map(text).fold(0, |all, byte| all ^ byte));
    }

    #[inline]
    fn group(&mut self, hash: u32, text: &str) -> DfResult<usize> {
        let is_it = |group: usize| self.keys.get_value(group) == text.as_bytes();
        let (at, found) = self.table.find(self.table.start(whole(hash)), hash, is_it)?;
        if let Some(group) = found {
            return Ok(group);
        }
        let group = self.keys.len();
        self.keys.try_append_value(text)?;
        self.table.put(at, hash, group as u32)?;
        Ok(group)
    }

    fn group_of_null(&mut self) -> usize {
        let keys = &mut self.keys;
        *self.null.get_or_insert_with(|| {
            keys.append_null();
            keys.len() - 1
        })
    }
}

/// The half that is kept of a hash, as one that a place is found by.
fn whole(hash: u32) -> u64 {
    u64::from(hash) << u32::BITS
}

impl GroupKeys for Texts {
    fn groups_of(&mut self, keys: &ArrayRef, groups: &mut Vec<usize>) -> DfResult<()> {
        groups.clear();
        groups.reserve(keys.len());
        let keys = keys.as_string_view_opt().ok_or_else(lost)?;
        let mut hashes = std::mem::take(&mut self.hashes);
        for from in (0..keys.len()).step_by(BLOCK) {
            let block = from..keys.len().min(from + BLOCK);
            self.table.make_room(self.keys.len(), whole)?;
            hashes.clear();
            hashes.extend(block.clone().map(|row| match keys.is_null(row) {
                true => 0,
                false => (self.state.hash_one(keys.value(row)) >> u32::BITS) as u32,
            }));
            self.approach(&hashes);
            for (row, hash) in block.zip(&hashes) {
                let group = if keys.is_null(row) { self.group_of_null() } else { self.group(*hash, keys.value(row))? };
                groups.push(group);
            }
        }
        self.hashes = hashes;
        Ok(())
    }

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn size(&self) -> usize {
        self.table.size() + self.keys.allocated_size() + self.hashes.capacity() * size_of::<u32>()
    }

    fn into_array(mut self: Box<Self>) -> ArrayRef {
        Arc::new(self.keys.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use datafusion::arrow::array::{Int64Array, StringViewArray};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Groups batch by batch, as a map in which every text is looked up by itself would number them.
    #[test]
    fn texts_are_numbered_as_they_come() {
        let mut dice = ChaCha8Rng::seed_from_u64(12);
        for (distinct, nulls) in [(1, 0.0), (10, 0.5), (700, 0.01), (40_000, 0.0)] {
            let mut keys: Box<dyn GroupKeys> = Box::new(Texts::new());
            let mut known: HashMap<Option<String>, usize> = HashMap::new();
            let mut order = vec![];
            let mut groups = vec![];
            for rows in [0, 1, 511, 512, 513, 8192, 3, 8192, 60_000] {
                let mut text = || {
                    let number: u64 = dice.random_range(0..distinct);
                    // Short ones stand in the view, long ones that begin alike do not, and one is empty.
                    match number % 3 {
                        0 if number == 0 => String::new(),
                        0 => format!("ş{number}"),
                        1 => format!("customer.{number}@example.com"),
                        _ => format!("{number}@example.com"),
                    }
                };
                let batch: Vec<Option<String>> = (0..rows).map(|_| Some(text())).collect();
                let batch: Vec<Option<String>> =
                    batch.into_iter().map(|text| text.filter(|_| !dice.random_bool(nulls))).collect();
                // Of a slice the rows are counted from its start.
                let column = StringViewArray::from_iter(std::iter::once(Some("before".into())).chain(batch.clone()));
                let column: ArrayRef = Arc::new(column.slice(1, rows));
                keys.groups_of(&column, &mut groups).unwrap();
                let expected: Vec<usize> = batch
                    .into_iter()
                    .map(|key| {
                        let next = known.len();
                        *known.entry(key.clone()).or_insert_with(|| {
                            order.push(key);
                            next
                        })
                    })
                    .collect();
                assert_eq!(groups, expected);
            }
            assert_eq!(keys.len(), order.len());
            assert!(keys.size() >= order.len() * 24, "{} bytes", keys.size());
            assert_eq!(keys.into_array().as_string_view(), &StringViewArray::from_iter(order));
        }
    }

    #[test]
    fn texts_of_one_hash_are_told_apart() {
        let mut texts = Texts::new();
        let words = ["a", "b", "", "a longer text than a view has room for", "a longer text than another", "b", "a"];
        let groups: Vec<usize> = words.iter().map(|word| texts.group(7, word).unwrap()).collect();
        assert_eq!(groups, [0, 1, 2, 3, 4, 1, 0]);
    }

    #[test]
    fn a_column_of_another_type_is_an_error() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        assert!(Texts::new().groups_of(&column, &mut vec![]).is_err());
    }
}
