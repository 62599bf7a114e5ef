//! `onerow.on_source_down = skip`: what one statement has left out.

use std::collections::{HashMap, HashSet};
use std::fmt;

use parking_lot::Mutex;

use crate::error::Error;

/// A table that a statement left out.
#[derive(Clone, Debug)]
pub struct Skipped {
    /// Its server.
    pub server: String,
    /// The table, or those of a query that the server was to run.
    pub tables: String,
    /// Why.
    pub error: Error,
}

/// One statement that leaves out what cannot be reached. Each server is told of once.
pub struct Skipping {
    tell: Box<dyn Fn(Skipped) + Send + Sync>,
    scans: Mutex<HashMap<u64, Scan>>,
    told: Mutex<HashSet<String>>,
}

/// What became of a scan. All of its streams are read, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scan {
    Answers,
    Skipped,
}

impl Skipping {
    /// A statement that has left out nothing yet; `tell` is told of the first table of each server.
    pub fn new(tell: impl Fn(Skipped) + Send + Sync + 'static) -> Skipping {
        Skipping { tell: Box::new(tell), scans: Mutex::default(), told: Mutex::default() }
    }

    /// Whether a scan is left out.
    pub(super) fn is_skipped(&self, scan: u64) -> bool {
        self.scans.lock().get(&scan) == Some(&Scan::Skipped)
    }

    /// A scan's source answers. False when another stream of the scan has been left out, and so must this one.
    pub(super) fn answers(&self, scan: u64) -> bool {
        *self.scans.lock().entry(scan).or_insert(Scan::Answers) == Scan::Answers
    }

    /// Leaves a scan out. False when a stream of it has been answered: half of a table is no answer.
    pub(super) fn skip(&self, scan: u64, skipped: Skipped) -> bool {
        if *self.scans.lock().entry(scan).or_insert(Scan::Skipped) == Scan::Answers {
            return false;
        }
        let first = self.told.lock().insert(skipped.server.clone());
        if first {
            (self.tell)(skipped);
        }
        true
    }
}

impl fmt::Debug for Skipping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Skipping").field("scans", &self.scans).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::SqlState;

    fn skipped(server: &str) -> Skipped {
        let error = Error::new(SqlState::CONNECTION_FAILURE, "down");
        Skipped { server: server.into(), tables: "t".into(), error }
    }

    #[test]
    fn a_scan_is_read_or_left_out_and_never_half_of_it() {
        let told = Arc::new(Mutex::new(vec![]));
        let list = Arc::clone(&told);
        let statement = Skipping::new(move |skipped| list.lock().push(skipped.server));
        assert!(statement.answers(1) && !statement.skip(1, skipped("a")));
        assert!(statement.skip(2, skipped("a")) && statement.is_skipped(2) && !statement.answers(2));
        assert!(statement.skip(3, skipped("a")) && statement.skip(4, skipped("b")));
        assert!(!statement.is_skipped(1));
        assert_eq!(*told.lock(), ["a", "b"]);
    }
}
