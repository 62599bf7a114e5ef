//! What was used lately, up to a number of things.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

/// How many things there is room for, unless it is said otherwise.
const MOST: usize = 256;

/// Things by their keys. When there is no more room, the half that was not used for longest goes.
#[derive(Debug)]
pub(in crate::engine) struct Recent<K, V> {
    most: usize,
    slots: Mutex<Slots<K, V>>,
}

#[derive(Debug)]
struct Slots<K, V> {
    /// Counts uses.
    clock: u64,
    /// With when each was used last.
    by_key: HashMap<K, (u64, V)>,
}

impl<K: Eq + Hash, V: Clone> Default for Recent<K, V> {
    fn default() -> Self {
        Recent::new(MOST)
    }
}

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// Room for `most` things.
    pub fn new(most: usize) -> Self {
        Recent { most, slots: Mutex::new(Slots { clock: 0, by_key: HashMap::new() }) }
    }

    /// The thing of a key, which is used by this.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut slots = self.slots.lock();
        slots.clock += 1;
        let now = slots.clock;
        let (used, value) = slots.by_key.get_mut(key)?;
        *used = now;
        Some(value.clone())
    }

    /// All things.
    #[cfg(test)]
    pub fn all(&self) -> Vec<V> {
        self.slots.lock().by_key.values().map(|(_, value)| value.clone()).collect()
    }

    /// Remembers a thing, in place of what the key had.
    pub fn put(&self, key: K, value: V) {
        let mut slots = self.slots.lock();
        slots.clock += 1;
        let now = slots.clock;
        if slots.by_key.len() >= self.most && !slots.by_key.contains_key(&key) {
            let mut used: Vec<u64> = slots.by_key.values().map(|(used, _)| *used).collect();
            used.sort_unstable();
            let middle = used.get(used.len() / 2).copied().unwrap_or(now);
            slots.by_key.retain(|_, (used, _)| *used > middle);
        }
        slots.by_key.insert(key, (now, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes() {
        let recent = Recent::new(4);
        for number in 0..4 {
            recent.put(number, number * 10);
        }
        assert_eq!(recent.get(&0), Some(0));
        recent.put(4, 40);
        assert_eq!((recent.get(&0), recent.get(&4)), (Some(0), Some(40)));
        assert_eq!((recent.get(&1), recent.get(&2)), (None, None));
        for number in 0..1000 {
            recent.put(number, 0);
        }
        assert!(recent.slots.lock().by_key.len() <= 4);
        recent.put(999, 7);
        assert_eq!(recent.get(&999), Some(7));
    }
}
