//! What all scans of one server share: its breaker, its limits, and who is told when a table is not what it was.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::breaker::{Breaker, BreakerState};
use super::limits::Limits;
use crate::error::{Error, Fault, Result, SqlState};
use crate::sources::kind::ServerSpec;

/// Who knows what is defined over a server's tables.
pub trait ShapeWatch: Debug + Send + Sync {
    /// The error that a statement over `tables` of `server` failed with, which may come of their having changed there:
    /// says what has changed and what reads it, where something has.
    fn explain(self: Arc<Self>, server: String, tables: Arc<[String]>, error: Error) -> BoxFuture<'static, Error>;

    /// Looks whether tables of `server` are still what they were: a changed collation, or a column that may be null now,
    /// makes no statement fail, but what is sent depends on them.
    fn look(self: Arc<Self>, server: String, tables: Vec<String>) -> BoxFuture<'static, ()>;
}

/// How often a table that is read is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(300);

/// How many tables are remembered.
const MOST_TABLES: usize = 10_000;

/// One server as all its scans share it.
#[derive(Debug)]
pub struct ServerGuard {
    name: String,
    limits: Limits,
    /// Whose turn it is; none when any number may run.
    turns: Option<Arc<Semaphore>>,
    breaker: Arc<Breaker>,
    watch: Option<Arc<dyn ShapeWatch>>,
    /// When tables were last looked at, or first read.
    looks: Mutex<HashMap<String, Instant>>,
    repeated: AtomicU64,
    refused: AtomicU64,
    skipped: AtomicU64,
}

/// How a server is, for a system view.
#[derive(Clone, Debug)]
pub struct ServerHealth {
    /// Its name.
    pub server: String,
    /// Whether it is asked.
    pub state: BreakerState,
    /// Since when the state holds.
    pub since: SystemTime,
    /// How many queries in a row could not reach it.
    pub failures: u32,
    /// What the last of them said.
    pub last_error: Option<String>,
    /// How long until the next query tries it; none unless it is left alone.
    pub next_try: Option<Duration>,
    /// Statements that were sent a second time.
    pub repeated: u64,
    /// Statements that were not sent since the server was left alone.
    pub refused: u64,
    /// Scans that gave no rows since the server could not be reached and the session skips such servers.
    pub skipped: u64,
}

impl ServerGuard {
    /// By the options of a server; HV00N for one that cannot be used.
    pub fn new(spec: &ServerSpec, watch: Option<Arc<dyn ShapeWatch>>) -> Result<ServerGuard> {
        let limits = Limits::new(&spec.options)?;
        Ok(ServerGuard {
            name: spec.name.clone(),
            limits,
            turns: limits.statements.map(|most| Arc::new(Semaphore::new(most))),
            breaker: Arc::new(Breaker::new(&spec.name, &spec.options)?),
            watch,
            looks: Mutex::default(),
            repeated: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        })
    }

    /// The server's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks the server again, whatever was.
    pub fn reset(&self) {
        self.breaker.reset();
    }

    /// How the server is.
    pub fn health(&self) -> ServerHealth {
        let seen = self.breaker.seen();
        ServerHealth {
            server: self.name.clone(),
            state: seen.state,
            since: seen.since,
            failures: seen.failures,
            last_error: seen.last_error,
            next_try: seen.next_try,
            repeated: self.repeated.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            skipped: self.skipped.load(Ordering::Relaxed),
        }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    /// Waits for the turn of a statement over `tables`: 53400 when it does not come in time, 08006 at once while the
    /// server is left alone.
    pub(super) async fn turn(&self, tables: &str) -> Result<Option<OwnedSemaphorePermit>> {
        self.counted(self.breaker.check())?;
        let Some(turns) = &self.turns else { return Ok(None) };
        match timeout(self.limits.acquire_timeout, Arc::clone(turns).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Some(permit)),
            Ok(Err(_)) => Err(Error::internal(format!("the turns of server \"{}\" have ended", self.name))),
            Err(_) => Err(self.limits.too_many_statements(&self.name, tables)),
        }
    }

    /// Counts a refusal of the breaker's.
    pub(super) fn counted<T>(&self, asked: Result<T>) -> Result<T> {
        if asked.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        asked
    }

    pub(super) fn count_repeated(&self) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_skipped(&self) {
        self.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// Tables are read: those that have not been looked at for a while are, behind.
    pub(super) fn looks_at(&self, tables: &[String]) {
        let Some(watch) = &self.watch else { return };
        let due = self.due(tables, Instant::now());
        if !due.is_empty() {
            tokio::spawn(Arc::clone(watch).look(self.name.clone(), due));
        }
    }

    /// The tables that are to be looked at now. One that is read for the first time has just been defined.
    fn due(&self, tables: &[String], now: Instant) -> Vec<String> {
        let mut looks = self.looks.lock();
        let mut due = vec![];
        for table in tables {
            if let Some(last) = looks.get_mut(table) {
                if now.saturating_duration_since(*last) >= LOOK_EVERY {
                    *last = now;
                    due.push(table.clone());
                }
            } else if looks.len() < MOST_TABLES {
                looks.insert(table.clone(), now);
            }
        }
        due
    }

    /// What an error becomes once it is known whether the tables are still what they were; none when it is of another
    /// kind.
    pub(super) fn explanation(&self, tables: &Arc<[String]>, error: &Error) -> Option<BoxFuture<'static, Error>> {
        if !tells_of_change(error) {
            return None;
        }
        let watch = Arc::clone(self.watch.as_ref()?);
        Some(watch.explain(self.name.clone(), Arc::clone(tables), error.clone()))
    }
}

/// Whether an error says that the server could not be reached, or was lost.
pub(super) fn is_down(error: &Error) -> bool {
    matches!(error.fault(), Some(Fault::Lost | Fault::Silent | Fault::Refused))
}

/// Whether an error may come of a table that has changed.
fn tells_of_change(error: &Error) -> bool {
    error.fault() == Some(Fault::Shape)
        || [SqlState::FDW_INVALID_DATA_TYPE, SqlState::FDW_TABLE_NOT_FOUND].contains(&error.state())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::sources::options::Options;

    #[test]
    fn tables_that_are_read_are_looked_at_now_and_then() {
        let spec = ServerSpec {
            name: "erp".into(),
            options: Options::new(),
            user: Options::new(),
            folder: PathBuf::new(),
            sockets: None,
        };
        let guard = ServerGuard::new(&spec, None).unwrap();
        let tables = ["a".to_string(), "b".to_string()];
        let (one, both) = (&tables[..1], &tables[..]);
        let began = Instant::now();
        let after = |looks: u32| began + LOOK_EVERY * looks;
        assert!(guard.due(one, began).is_empty());
        assert!(guard.due(one, began + LOOK_EVERY / 2).is_empty());
        assert_eq!(guard.due(both, after(1)), ["a"], "the other has just been defined");
        assert!(guard.due(both, after(1)).is_empty(), "once for all queries");
        assert_eq!(guard.due(both, after(2)), ["a", "b"]);
    }
}
