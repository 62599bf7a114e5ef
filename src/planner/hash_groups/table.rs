//! An open-addressing table of groups, with linear probing.
//!
//! It is made for more groups than the processor's caches hold: the places where the keys of a block of rows are looked up
//! first are all read before the first is looked up. Reads that nothing waits for go on side by side, so the misses of a
//! block cost about as much as a few of them, instead of each its own.

use std::hint::black_box;

use datafusion::error::{DataFusionError, Result as DfResult};

use crate::error::Error;

/// Of how many rows the places are read before the first is looked up: as many as the nearest cache holds lines.
pub(super) const BLOCK: usize = 512;
/// How many places a table begins with: a power of two.
const FIRST: usize = 2 * BLOCK;
/// The group of a place that has none.
const NONE: u32 = u32::MAX;

/// A place in the table.
#[derive(Clone, Copy, Debug)]
struct Place<K> {
    tag: K,
    group: u32,
}

/// Groups by tags: their keys, or what is short enough to stand for these in the table.
pub(super) struct Table<K> {
    /// A power of two, of which at most five in eight are taken.
    places: Vec<Place<K>>,
    /// A hash shifted right by this is a place.
    shift: u32,
}

impl<K: Copy + Default + Eq> Table<K> {
    /// No groups yet.
    pub(super) fn new() -> Table<K> {
        Table::of(FIRST)
    }

    /// So many places, a power of two.
    fn of(places: usize) -> Table<K> {
        let none = Place { tag: K::default(), group: NONE };
        Table { places: vec![none; places], shift: u64::BITS - places.trailing_zeros() }
    }

    /// Makes room for a block of new groups beside so many; `hash` is that of a tag.
    pub(super) fn make_room(&mut self, groups: usize, hash: impl Fn(K) -> u64) -> DfResult<()> {
        let wanted = groups + BLOCK;
        if wanted >= NONE as usize {
            return Err(DataFusionError::ResourcesExhausted("more than four thousand million groups".into()));
        }
        if wanted * 8 <= self.places.len() * 5 {
            return Ok(());
        }
        let larger = Table::of(self.places.len() * 2);
        let old = std::mem::replace(self, larger);
        // Places are in the order of their hashes in both tables, so both are gone through from front to back.
        for place in old.places.into_iter().filter(|place| place.group != NONE) {
            // All of them are different.
            let (at, _) = self.find(self.start(hash(place.tag)), place.tag, |_| false)?;
            self.put(at, place.tag, place.group)?;
        }
        Ok(())
    }

    /// Where a hash is looked up first.
    #[inline]
    pub(super) fn start(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    /// Reads places, so that they are near when they are looked at.
    #[inline]
    pub(super) fn approach(&self, starts: impl Iterator<Item = usize>) {
        black_box(starts.fold(0, |all, start| all ^ self.places.get(start).map_or(0, |place| place.group)));
    }

    /// The group at a place, if it has this tag.
    #[inline]
    pub(super) fn at(&self, place: usize, tag: K) -> Option<usize> {
        let place = self.places.get(place)?;
        (place.group != NONE && place.tag == tag).then_some(place.group as usize)
    }

    /// The place that a tag has or would have, looked for from one on, and its group if it has one; `is_it` says whether
    /// a group with the same tag has the same key.
    #[inline]
    pub(super) fn find(&self, start: usize, tag: K, is_it: impl Fn(usize) -> bool) -> DfResult<(usize, Option<usize>)> {
        let last = self.places.len() - 1;
        let mut at = start;
        loop {
            let place = self.places.get(at).ok_or_else(lost)?;
            if place.group == NONE {
                return Ok((at, None));
            }
            if place.tag == tag && is_it(place.group as usize) {
                return Ok((at, Some(place.group as usize)));
            }
            at = (at + 1) & last;
        }
    }

    /// Puts a group into a place.
    #[inline]
    pub(super) fn put(&mut self, at: usize, tag: K, group: u32) -> DfResult<()> {
        *self.places.get_mut(at).ok_or_else(lost)? = Place { tag, group };
        Ok(())
    }

    /// In bytes.
    pub(super) fn size(&self) -> usize {
        self.places.capacity() * size_of::<Place<K>>()
    }
}

/// A place or a column that is not there.
pub(super) fn lost() -> DataFusionError {
    Error::internal("the table of groups lacks what it looks up").into()
}
