//! Which group each key belongs to, for keys that are whole numbers, dates, times or decimals.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::hash_utils::RandomState;
use datafusion::error::Result as DfResult;

use super::table::{BLOCK, Table, lost};

/// The keys of groups, which are numbered from 0 on in the order in which their keys come.
pub(super) trait GroupKeys: Send {
    /// Replaces `groups` by the group of each of these keys. A key that has none gets the next. NULL is a key.
    fn groups_of(&mut self, keys: &ArrayRef, groups: &mut Vec<usize>) -> DfResult<()>;

    /// How many groups there are.
    fn len(&self) -> usize;

    /// In bytes.
    fn size(&self) -> usize;

    /// The key of each group.
    fn into_array(self: Box<Self>) -> ArrayRef;
}

/// The groups of keys of one type.
pub(super) struct NearKeys<T: ArrowPrimitiveType> {
    data_type: DataType,
    table: Table<T::Native>,
    /// The key of each group.
    keys: Vec<T::Native>,
    /// The group of NULL, which has no place.
    null: Option<usize>,
    /// Where the keys of a block are looked up first.
    starts: Vec<usize>,
    state: RandomState,
}

impl<T: ArrowPrimitiveType> NearKeys<T>
where
    T::Native: Eq + Hash,
{
    /// No groups yet, of keys of this type, which is one of those of `T`.
    pub(super) fn new(data_type: DataType) -> NearKeys<T> {
        // A seed of its own, so that nobody can choose keys that are all looked up in one place.
        let state = RandomState::with_seed(rand::random());
        NearKeys { data_type, table: Table::new(), keys: vec![], null: None, starts: vec![], state }
    }

    /// The group of a key that is looked for from a place on.
    #[inline]
    fn group(&mut self, start: usize, key: T::Native) -> DfResult<usize> {
        let (at, found) = self.table.find(start, key, |_| true)?;
        if let Some(group) = found {
            return Ok(group);
        }
        let group = self.keys.len();
        self.keys.push(key);
        self.table.put(at, key, group as u32)?;
        Ok(group)
    }

    fn group_of_null(&mut self) -> usize {
        let keys = &mut self.keys;
        *self.null.get_or_insert_with(|| {
            keys.push(T::Native::default());
            keys.len() - 1
        })
    }
}

impl<T: ArrowPrimitiveType> GroupKeys for NearKeys<T>
where
    T::Native: Eq + Hash,
{
    fn groups_of(&mut self, keys: &ArrayRef, groups: &mut Vec<usize>) -> DfResult<()> {
        groups.clear();
        groups.reserve(keys.len());
        let keys = keys.as_primitive_opt::<T>().ok_or_else(lost)?;
        let nulls = keys.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut starts = std::mem::take(&mut self.starts);
        for (block, keys) in keys.values().chunks(BLOCK).enumerate() {
            self.table.make_room(self.keys.len(), |key| self.state.hash_one(key))?;
            starts.clear();
            starts.extend(keys.iter().map(|key| self.table.start(self.state.hash_one(key))));
            self.table.approach(starts.iter().copied());
            for (row, (start, key)) in starts.iter().zip(keys).enumerate() {
                let is_null = nulls.is_some_and(|nulls| nulls.is_null(block * BLOCK + row));
                groups.push(if is_null { self.group_of_null() } else { self.group(*start, *key)? });
            }
        }
        self.starts = starts;
        Ok(())
    }

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn size(&self) -> usize {
        self.table.size() + self.keys.capacity() * size_of::<T::Native>() + self.starts.capacity() * size_of::<usize>()
    }

    fn into_array(self: Box<Self>) -> ArrayRef {
        let count = self.keys.len();
        let nulls = self.null.map(|null| NullBuffer::from_iter((0..count).map(|group| group != null)));
        Arc::new(PrimitiveArray::<T>::new(self.keys.into(), nulls).with_data_type(self.data_type))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use datafusion::arrow::array::{Decimal128Array, Int64Array};
    use datafusion::arrow::datatypes::{Decimal128Type, Int64Type};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Groups batch by batch, as a map in which every key is looked up by itself would number them.
    #[test]
    fn keys_are_numbered_as_they_come() {
        let mut dice = ChaCha8Rng::seed_from_u64(11);
        for (distinct, nulls) in [(1, 0.0), (10, 0.5), (700, 0.01), (40_000, 0.0), (u64::MAX, 0.1)] {
            let mut keys: Box<dyn GroupKeys> = Box::new(NearKeys::<Int64Type>::new(DataType::Int64));
            let mut known: HashMap<Option<i64>, usize> = HashMap::new();
            let mut order = vec![];
            let mut groups = vec![];
            for rows in [0, 1, 511, 512, 513, 8192, 3, 8192, 20_000] {
                let batch: Vec<Option<i64>> = (0..rows)
                    .map(|_| (!dice.random_bool(nulls)).then(|| (dice.random::<u64>() % distinct) as i64))
                    .collect();
                let column: ArrayRef = Arc::new(Int64Array::from(batch.clone()));
                keys.groups_of(&column, &mut groups).unwrap();
                let expected: Vec<usize> = batch
                    .into_iter()
                    .map(|key| {
                        let next = known.len();
                        *known.entry(key).or_insert_with(|| {
                            order.push(key);
                            next
                        })
                    })
                    .collect();
                assert_eq!(groups, expected);
            }
            assert_eq!(keys.len(), order.len());
            assert!(keys.size() >= order.len() * 24, "{} bytes", keys.size());
            assert_eq!(keys.into_array().as_primitive::<Int64Type>(), &Int64Array::from(order));
        }
    }

    #[test]
    fn keys_keep_their_type() {
        let column = Decimal128Array::from(vec![Some(150), None, Some(150), Some(-1)])
            .with_data_type(DataType::Decimal128(12, 2));
        let mut keys: Box<dyn GroupKeys> = Box::new(NearKeys::<Decimal128Type>::new(column.data_type().clone()));
        let mut groups = vec![];
        let column: ArrayRef = Arc::new(column);
        keys.groups_of(&column, &mut groups).unwrap();
        assert_eq!(groups, [0, 1, 0, 2]);
        let given = keys.into_array();
        assert_eq!(given.data_type(), column.data_type());
        assert_eq!(given.as_primitive::<Decimal128Type>().iter().collect::<Vec<_>>(), [Some(150), None, Some(-1)]);
    }

    #[test]
    fn a_column_of_another_type_is_an_error() {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        assert!(NearKeys::<Decimal128Type>::new(DataType::Decimal128(12, 2)).groups_of(&column, &mut vec![]).is_err());
    }
}
