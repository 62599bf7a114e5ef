//! What a source said of its tables. It is read behind the queries, kept for a while, and read again by the first query
//! after that. Nothing waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::error::Result;
use crate::federation::statistics::TableStatistics;

/// How long what a source said is taken as it is.
const FRESH: Duration = Duration::from_secs(300);

/// How long after it could not be asked a source is not asked again.
const PAUSE: Duration = Duration::from_secs(60);

/// How many tables are remembered.
const MOST_TABLES: usize = 10_000;

/// One table's entry.
#[derive(Debug)]
struct Known {
    statistics: Option<Arc<TableStatistics>>,
    /// When the source is to be asked again; none while it is being asked.
    again: Option<Instant>,
}

/// What one source said of its tables so far.
#[derive(Debug, Default)]
pub struct KnownStatistics(Mutex<HashMap<String, Known>>);

impl KnownStatistics {
    /// What is known of a table now. Where that is nothing, or old, `ask` runs behind.
    pub fn of(
        self: &Arc<Self>,
        table: &str,
        ask: impl FnOnce() -> BoxFuture<'static, Result<TableStatistics>>,
    ) -> Option<Arc<TableStatistics>> {
        let mut known = self.0.lock();
        if known.len() >= MOST_TABLES && !known.contains_key(table) {
            return None;
        }
        let entry =
            known.entry(table.to_string()).or_insert_with(|| Known { statistics: None, again: Some(Instant::now()) });
        let found = entry.statistics.clone();
        if entry.again.is_some_and(|again| again <= Instant::now())
            && let Ok(runtime) = Handle::try_current()
        {
            entry.again = None;
            let (asked, to, name) = (ask(), Arc::clone(self), table.to_string());
            runtime.spawn(async move { to.keep(&name, asked.await) });
        }
        found
    }

    fn keep(&self, table: &str, said: Result<TableStatistics>) {
        let mut known = self.0.lock();
        let Some(entry) = known.get_mut(table) else { return };
        let wait = match said {
            Ok(statistics) => {
                entry.statistics = Some(Arc::new(statistics));
                FRESH
            }
            Err(error) => {
                tracing::debug!(table, "statistics could not be read: {error}");
                PAUSE
            }
        };
        entry.again = Instant::now().checked_add(wait);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::error::Error;

    fn table() -> TableStatistics {
        TableStatistics { rows: Some(1000), ..TableStatistics::default() }
    }

    #[tokio::test]
    async fn it_is_read_once_behind_the_queries() {
        let known = Arc::new(KnownStatistics::default());
        let never = || async { Err(Error::internal("asked again")) }.boxed();
        assert_eq!(known.of("t", || async { Ok(table()) }.boxed()), None);
        tokio::task::yield_now().await;
        assert_eq!(known.of("t", never).as_deref(), Some(&table()));
        assert_eq!(known.of("u", never), None);
        tokio::task::yield_now().await;
        assert_eq!(known.of("u", || async { Ok(table()) }.boxed()), None, "a source that is down is left alone");
    }
}
