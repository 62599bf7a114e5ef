//! Distinct values of a column, up to a bound.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayRef, new_empty_array};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::error::Result as DfResult;

use super::slot::Outcome;

/// How many keys, and of how many bytes together, are gathered at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Distinct keys.
    pub keys: usize,
    /// Bytes of all keys, as rows.
    pub bytes: usize,
}

/// Gathers distinct values.
#[derive(Debug)]
pub struct Gather {
    data_type: DataType,
    converter: RowConverter,
    bounds: Bounds,
    /// Whether a null is a key too, as it is where null matches null.
    nulls_match: bool,
    seen: HashSet<Box<[u8]>>,
    bytes: usize,
    over: Option<Outcome>,
}

impl Gather {
    /// Gathers values of this type.
    pub fn new(data_type: DataType, bounds: Bounds, nulls_match: bool) -> DfResult<Gather> {
        let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
        Ok(Gather { data_type, converter, bounds, nulls_match, seen: HashSet::new(), bytes: 0, over: None })
    }

    /// Whether nothing more needs to be seen, because the keys cannot be used whatever comes.
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Takes the values of one batch.
    pub fn push(&mut self, values: &ArrayRef) -> DfResult<()> {
        if self.over.is_some() {
            return Ok(());
        }
        let rows = self.converter.convert_columns(std::slice::from_ref(values))?;
        let mut last: &[u8] = &[];
        for (index, row) in rows.iter().enumerate() {
            if values.is_null(index) {
                if self.nulls_match {
                    self.give_up(Outcome::HoldsNull);
                    return Ok(());
                }
                continue;
            }
            let row = row.data();
            // Rows of one key often stand together.
            if row == last || self.seen.contains(row) {
                last = row;
                continue;
            }
            if self.seen.len() >= self.bounds.keys {
                self.give_up(Outcome::TooMany(self.bounds.keys));
                return Ok(());
            }
            self.bytes = self.bytes.saturating_add(row.len());
            if self.bytes > self.bounds.bytes {
                self.give_up(Outcome::TooLong(self.bounds.bytes));
                return Ok(());
            }
            self.seen.insert(row.into());
            last = row;
        }
        Ok(())
    }

    fn give_up(&mut self, why: Outcome) {
        self.over = Some(why);
        self.seen = HashSet::new();
    }

    /// What came of it, once all values were seen.
    pub fn outcome(&self) -> DfResult<Outcome> {
        if let Some(why) = &self.over {
            return Ok(why.clone());
        }
        let mut keys: Vec<&[u8]> = self.seen.iter().map(AsRef::as_ref).collect();
        // Sources keep statements by their text and parameters, and people compare logs.
        keys.sort_unstable();
        let parser = self.converter.parser();
        let columns = self.converter.convert_rows(keys.into_iter().map(|key| parser.parse(key)))?;
        Ok(Outcome::Keys(columns.into_iter().next().unwrap_or_else(|| new_empty_array(&self.data_type))))
    }
}

/// Which values of a column are among keys, as the engine compares them.
#[derive(Debug)]
pub struct Membership {
    converter: RowConverter,
    keys: HashSet<Box<[u8]>>,
}

impl Membership {
    /// Of these keys.
    pub fn new(keys: &ArrayRef) -> DfResult<Membership> {
        let converter = RowConverter::new(vec![SortField::new(keys.data_type().clone())])?;
        let rows = converter.convert_columns(std::slice::from_ref(keys))?;
        let keys = rows.iter().map(|row| row.data().into()).collect();
        Ok(Membership { converter, keys })
    }

    /// For each value, whether it is one of the keys; never for null.
    pub fn of(&self, values: &ArrayRef) -> DfResult<Vec<bool>> {
        let rows = self.converter.convert_columns(std::slice::from_ref(values))?;
        Ok(rows.iter().enumerate().map(|(i, row)| !values.is_null(i) && self.keys.contains(row.data())).collect())
    }
}

/// Whether values of a type can be keys: those that are equal here just when they are the same. Doubles are not: the
/// two zeros and the many NaNs compare in more than one way.
pub fn can_be_key(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Date32
            | DataType::Timestamp(..)
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{AsArray, Int64Array, StringViewArray};

    use super::*;

    const BOUNDS: Bounds = Bounds { keys: 3, bytes: 1000 };

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringViewArray::from(values.to_vec()))
    }

    #[test]
    fn keys_are_distinct_and_not_null() {
        let mut gather = Gather::new(DataType::Utf8View, BOUNDS, false).unwrap();
        gather.push(&texts(&[Some("b"), None, Some("a"), Some("b")])).unwrap();
        gather.push(&texts(&[Some("a long key that is not kept in its view"), Some("a")])).unwrap();
        let Outcome::Keys(keys) = gather.outcome().unwrap() else { panic!("no keys") };
        let keys: Vec<_> = keys.as_string_view().iter().flatten().collect();
        assert_eq!(keys, ["a", "a long key that is not kept in its view", "b"]);
    }

    #[test]
    fn bounds_hold() {
        let mut gather = Gather::new(DataType::Int64, BOUNDS, false).unwrap();
        gather.push(&(Arc::new(Int64Array::from(vec![1, 2, 3, 3])) as ArrayRef)).unwrap();
        assert!(!gather.is_over());
        gather.push(&(Arc::new(Int64Array::from(vec![4])) as ArrayRef)).unwrap();
        assert!(matches!(gather.outcome().unwrap(), Outcome::TooMany(3)));
        let mut gather = Gather::new(DataType::Utf8View, Bounds { keys: 3, bytes: 4 }, false).unwrap();
        gather.push(&texts(&[Some("a long key")])).unwrap();
        assert!(matches!(gather.outcome().unwrap(), Outcome::TooLong(4)));
    }

    #[test]
    fn a_null_that_matches_null_is_no_key() {
        let mut gather = Gather::new(DataType::Utf8View, BOUNDS, true).unwrap();
        gather.push(&texts(&[Some("a"), None])).unwrap();
        assert!(matches!(gather.outcome().unwrap(), Outcome::HoldsNull));
    }

    #[test]
    fn membership_is_by_value() {
        let members = Membership::new(&texts(&[Some("a"), Some("b")])).unwrap();
        assert_eq!(members.of(&texts(&[Some("A"), Some("b"), None])).unwrap(), [false, true, false]);
    }
}
