//! One group's distinct values with their totals.
//!
//! Most values are short and most groups have few of them: a short value is kept in its place, without an allocation of
//! its own, and a few are a list that is looked through.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use datafusion::common::HashMap;

use super::total::Total;

/// Up to this many values a group keeps a list; with more, a hash map.
const FEW: usize = 16;
/// An entry's own bytes.
const ENTRY: usize = size_of::<(Value, Total)>();
/// What the allocation of a value's bytes costs.
const ALLOCATION: usize = 16;
/// How many bytes a value may have that is kept in its place.
const ROOM: usize = 22;

/// A value as a byte string.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// In its place; behind its end are zeros.
    Short { len: u8, bytes: [u8; ROOM] },
    /// Elsewhere.
    Long(Box<[u8]>),
}

impl Value {
    /// None when it is too long.
    #[inline]
    fn short(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; ROOM];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(Value::Short { len: value.len() as u8, bytes })
    }

    pub(super) fn of(value: &[u8]) -> Self {
        Value::short(value).unwrap_or_else(|| Value::Long(value.into()))
    }

    /// The byte string.
    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Value::Short { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Value::Long(bytes) => bytes,
        }
    }

    /// Whether two short values are one; faster than looking at so many bytes as they have.
    #[inline]
    fn is_short(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Short { len, bytes }, Value::Short { len: other_len, bytes: other }) => {
                len == other_len && bytes == other
            }
            _ => false,
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        match self {
            Value::Short { .. } => 0,
            Value::Long(bytes) => ALLOCATION + bytes.len(),
        }
    }
}

// As the byte string that it borrows as: the hash map is asked with one.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl Borrow<[u8]> for Value {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The values and their totals.
#[derive(Debug)]
pub(super) enum Ballot {
    Few(Vec<(Value, Total)>),
    Many(HashMap<Value, Total>),
}

impl Ballot {
    /// No values yet.
    pub(super) fn new() -> Self {
        Ballot::Few(Vec::new())
    }

    /// Something of each of a few values.
    pub(super) fn touch(&self) -> u64 {
        match self {
            Ballot::Few(entries) => {
                entries.iter().fold(0, |all, (value, _)| all ^ u64::from(matches!(value, Value::Short { len: 1, .. })))
            }
            Ballot::Many(_) => 0,
        }
    }

    /// A value's total. None when it is not there yet.
    #[inline]
    pub(super) fn find(&mut self, value: &[u8]) -> Option<&mut Total> {
        match self {
            Ballot::Few(entries) => {
                let found = match Value::short(value) {
                    Some(short) => entries.iter_mut().find(|(known, _)| known.is_short(&short)),
                    None => entries.iter_mut().find(|(known, _)| known.as_bytes() == value),
                };
                found.map(|(_, total)| total)
            }
            Ballot::Many(entries) => entries.get_mut(value),
        }
    }

    /// Bytes of the entries themselves: room that is not used yet counts too.
    pub(super) fn room(&self) -> usize {
        match self {
            Ballot::Few(entries) => entries.capacity() * ENTRY,
            // A byte for each place, of which an eighth stays free.
            Ballot::Many(entries) => entries.capacity() * 8 / 7 * (ENTRY + 1),
        }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        match self {
            Ballot::Few(entries) => entries.len(),
            Ballot::Many(entries) => entries.len(),
        }
    }

    /// The value with the greatest total, then the greater value.
    pub(super) fn leader(&self) -> Option<&Value> {
        let before = |a: &(&Value, &Total), b: &(&Value, &Total)| {
            a.1.compare(b.1).then_with(|| a.0.as_bytes().cmp(b.0.as_bytes()))
        };
        let best = match self {
            Ballot::Few(entries) => entries.iter().map(|(value, total)| (value, total)).max_by(before),
            Ballot::Many(entries) => entries.iter().max_by(before),
        };
        best.map(|(value, _)| value)
    }

    /// Whether a value is before the one that led so far.
    pub(super) fn leads(&mut self, value: &[u8], leader: &[u8]) -> bool {
        let Some(own) = self.find(value).cloned() else { return false };
        let order = self.find(leader).map(|other| own.compare(other));
        order.is_none_or(|order| order.then_with(|| value.cmp(leader)).is_gt())
    }

    /// Adds a value that is not there yet; says how many bytes it has on the heap.
    pub(super) fn insert(&mut self, value: &[u8], total: Total) -> usize {
        let value = Value::of(value);
        let heap = value.heap();
        match self {
            Ballot::Few(entries) if entries.len() < FEW => {
                // Most groups have one value: no room is taken for more before they come.
                if entries.is_empty() {
                    entries.reserve_exact(1);
                }
                entries.push((value, total));
            }
            Ballot::Few(entries) => {
                let mut many: HashMap<Value, Total> = std::mem::take(entries).into_iter().collect();
                many.insert(value, total);
                *self = Ballot::Many(many);
            }
            Ballot::Many(entries) => {
                entries.insert(value, total);
            }
        }
        heap
    }

    /// The values with their totals, in no order.
    pub(super) fn into_entries(self) -> Vec<(Value, Total)> {
        match self {
            Ballot::Few(entries) => entries,
            Ballot::Many(entries) => entries.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::merge::numbers::Number;

    #[test]
    fn values_of_every_length_are_found_again() {
        let mut ballot = Ballot::new();
        let values: Vec<Vec<u8>> = (0..60_u8).flat_map(|len| [vec![0; usize::from(len)], vec![len; 21]]).collect();
        let mut distinct = std::collections::HashSet::new();
        for value in &values {
            match ballot.find(value) {
                Some(total) => total.add(Number::Exact(1)).unwrap(),
                None => assert_eq!(ballot.insert(value, Total::of(Number::Exact(1))) > 0, value.len() > ROOM),
            }
            distinct.insert(value.clone());
        }
        assert_eq!(ballot.len(), distinct.len());
        assert!(matches!(ballot, Ballot::Many(_)));
        assert!(values.iter().all(|value| ballot.find(value).is_some()));
        let entries = ballot.into_entries();
        assert!(entries.iter().all(|(value, _)| distinct.contains(value.as_bytes())));
    }
}
