//! A read that is opened within its server's limits, once more where that is safe, and not at all while the server is
//! left alone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use tokio::time::{Instant, timeout_at};

use super::scan::{ScanGuard, WhenDown};
use super::server::{ServerGuard, is_down};
use super::skip::{Skipped, Skipping};
use super::stream::GuardedStream;
use crate::error::{Error, Fault, Result, SqlState};
use crate::federation::again::Conditions;
use crate::sources::activity::{Activity, Literals};
use crate::sources::scan::{Keys, RemoteRead, Reserved};
use crate::sources::traffic::Traffic;

/// How long a source that failed is given before it is asked once more.
const PAUSE: Duration = Duration::from_millis(250);

/// A read with its scan's guard, for one statement.
#[derive(Clone)]
pub(super) struct GuardedRead {
    pub(super) read: Arc<dyn RemoteRead>,
    pub(super) guard: ScanGuard,
    /// The statement that leaves out what cannot be reached; none when it fails then.
    pub(super) skipping: Option<Arc<Skipping>>,
    /// Where it is remembered what was sent again or left out.
    pub(super) activity: Option<Arc<Activity>>,
}

impl fmt::Debug for GuardedRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.read, f)
    }
}

#[async_trait]
impl RemoteRead for GuardedRead {
    fn describe(&self) -> String {
        self.read.describe()
    }

    fn how(&self) -> Option<String> {
        self.read.how()
    }

    fn partitions(&self) -> usize {
        self.read.partitions()
    }

    fn is_repeatable(&self) -> bool {
        self.read.is_repeatable()
    }

    fn keyed(&self, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.with(self.read.keyed(column)?)
    }

    fn keyed_through(&self, function: &str, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.with(self.read.keyed_through(function, column)?)
    }

    fn keys_at_once(&self) -> usize {
        self.read.keys_at_once()
    }

    fn reserve(&self) -> Option<Reserved> {
        // As long as its rows are not wanted it would use up its time, or hold a turn that others wait for.
        let limits = self.guard.server.limits();
        let waits = limits.time.is_some() || limits.statements.is_some();
        if self.skipping.is_some() || waits { None } else { self.read.reserve() }
    }

    fn literals(&self) -> Literals {
        self.read.literals()
    }

    fn remembered(&self) -> Arc<str> {
        self.read.remembered()
    }

    fn with_conditions(&self, conditions: &Conditions) -> Option<Arc<dyn RemoteRead>> {
        self.with(self.read.with_conditions(conditions)?)
    }

    fn again(&self) -> Option<Arc<dyn RemoteRead>> {
        self.with(self.read.again()?)
    }

    async fn open(
        &self,
        partition: usize,
        keys: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        if let Some(skipping) = &self.skipping
            && skipping.is_skipped(self.guard.id)
        {
            return Ok(stream::empty().boxed());
        }
        let tables = &self.guard.tables;
        let send = || self.read.open(partition, keys, traffic);
        let again = || self.remember(Activity::record_retry);
        let opened = open(&self.guard.server, tables, self.read.is_repeatable(), send, again);
        match (opened.await, &self.skipping) {
            (Ok(rows), Some(skipping)) if !skipping.answers(self.guard.id) => {
                drop(rows);
                Ok(stream::empty().boxed())
            }
            (Err(error), Some(skipping)) => self.skip(skipping, error),
            (opened, _) => opened,
        }
    }
}

impl GuardedRead {
    fn with(&self, read: Arc<dyn RemoteRead>) -> Option<Arc<dyn RemoteRead>> {
        Some(Arc::new(GuardedRead { read, ..self.clone() }))
    }

    fn remember(&self, what: impl Fn(&Activity, &str, &str)) {
        if let Some(activity) = &self.activity {
            what(activity, self.guard.server.name(), &self.read.remembered());
        }
    }

    /// No rows where the statement may leave the scan out, else the error with the reason why it may not.
    fn skip(&self, skipping: &Skipping, error: Error) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        // A file that is locked, or a statement that takes long, is not a source that is gone.
        let is_gone = error.state() == SqlState::CONNECTION_FAILURE
            || matches!(error.fault(), Some(Fault::Lost | Fault::Refused));
        if !is_gone {
            return Err(error);
        }
        let why_not = match &self.guard.when_down {
            WhenDown::Fail => return Err(error),
            WhenDown::Refuse(reason) => reason.as_str(),
            WhenDown::Skip => {
                let server = self.guard.server.name().to_string();
                let skipped = Skipped { server, tables: self.guard.named(), error: error.clone() };
                if skipping.skip(self.guard.id, skipped) {
                    self.guard.server.count_skipped();
                    self.remember(Activity::record_skip);
                    return Ok(stream::empty().boxed());
                }
                "some of its rows have been read"
            }
        };
        let refused = format!("It is not skipped (onerow.on_source_down), since {why_not}.");
        Err(match error.hint() {
            Some(hint) => {
                let hint = format!("{refused} {hint}");
                error.with_hint(hint)
            }
            None => error.with_hint(refused),
        })
    }
}

/// What opens a statement.
type Opening<'a> = BoxFuture<'a, Result<BoxStream<'static, Result<RecordBatch>>>>;

/// Opens a statement over `tables` by `send` and waits for its first rows. One that cannot be reached, or is lost
/// before that, is opened a second time where it is `repeatable`, of which `again` is told; never later, and never more
/// often.
pub(super) async fn open<'a>(
    server: &Arc<ServerGuard>,
    tables: &Arc<[String]>,
    repeatable: bool,
    send: impl Fn() -> Opening<'a>,
    again: impl Fn(),
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let named = tables.join(", ");
    let mut turn = server.turn(&named).await?;
    let entry = server.counted(server.breaker().admit().await)?;
    let mut repeats = repeatable && !entry.is_probe();
    loop {
        let deadline = server.limits().time.and_then(|time| Instant::now().checked_add(time));
        let sent = match deadline {
            Some(deadline) => match timeout_at(deadline, send()).await {
                Ok(sent) => sent,
                Err(_) => Err(server.limits().too_long(server.name(), &named)),
            },
            None => send().await,
        };
        let error = match sent {
            Ok(stream) => {
                let turn_of_stream = turn.take();
                let mut rows =
                    GuardedStream::new(Arc::clone(server), Arc::clone(tables), stream, turn_of_stream, deadline);
                match rows.next().await {
                    Some(Err(error)) => {
                        turn = rows.give_up();
                        error
                    }
                    first => {
                        entry.succeeded();
                        server.looks_at(tables);
                        rows.begin();
                        return Ok(stream::iter(first).chain(rows).boxed());
                    }
                }
            }
            Err(error) => error,
        };
        let asks_again = matches!(error.fault(), Some(Fault::Lost | Fault::Full));
        if repeats && asks_again {
            repeats = false;
            server.count_repeated();
            again();
            tracing::debug!(server = %server.name(), error = error.message(), "a statement is sent once more");
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        // What it holds at the source is over before anything else is asked of it.
        drop(turn);
        if is_down(&error) {
            entry.failed(&error);
            return Err(error);
        }
        if tells_of_the_source(&error) {
            entry.succeeded();
        }
        return Err(match server.explanation(tables, &error) {
            Some(explained) => explained.await,
            None => error,
        });
    }
}

/// Whether an error was made at the source, which then was reached.
fn tells_of_the_source(error: &Error) -> bool {
    let state = error.state();
    error.fault() == Some(Fault::Shape)
        || [SqlState::FDW_ERROR, SqlState::FDW_INVALID_DATA_TYPE, SqlState::FDW_TABLE_NOT_FOUND].contains(&state)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use datafusion::arrow::array::{ArrayRef, Int32Array};
    use futures::FutureExt;

    use super::*;
    use crate::sources::kind::ServerSpec;
    use crate::sources::options::Options;

    fn server(options: &[(&str, &str)]) -> Arc<ServerGuard> {
        let spec = ServerSpec {
            name: "erp".into(),
            options: options.iter().copied().collect(),
            user: Options::new(),
            folder: PathBuf::new(),
            sockets: None,
        };
        Arc::new(ServerGuard::new(&spec, None).unwrap())
    }

    fn tables() -> Arc<[String]> {
        vec!["t".to_string()].into()
    }

    fn batch() -> RecordBatch {
        let values: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
        RecordBatch::try_from_iter([("a", values)]).unwrap()
    }

    fn lost() -> Error {
        Error::new(SqlState::CONNECTION_FAILURE, "lost")
    }

    /// What is opened: the `n`th time it gives what `gives` says.
    async fn opened(
        server: &Arc<ServerGuard>,
        gives: impl Fn(usize) -> Vec<Result<RecordBatch>>,
    ) -> (usize, Vec<Result<RecordBatch>>) {
        let times = AtomicUsize::new(0);
        let send = || {
            let items = gives(times.fetch_add(1, Ordering::Relaxed));
            async move { Ok(stream::iter(items).boxed()) }.boxed()
        };
        let rows = open(server, &tables(), true, send, || {}).await;
        let items = match rows {
            Ok(rows) => rows.collect().await,
            Err(error) => vec![Err(error)],
        };
        (times.load(Ordering::Relaxed), items)
    }

    #[tokio::test]
    async fn a_statement_is_sent_twice_at_most_and_never_after_its_first_rows() {
        let server = server(&[]);
        let (times, items) = opened(&server, |n| if n == 0 { vec![Err(lost())] } else { vec![Ok(batch())] }).await;
        assert_eq!((times, items.len(), items[0].is_ok()), (2, 1, true));
        let (times, items) = opened(&server, |_| vec![Err(lost())]).await;
        assert_eq!((times, items.len(), items[0].is_err()), (2, 1, true));
        let (times, items) = opened(&server, |_| vec![Ok(batch()), Err(lost())]).await;
        assert_eq!((times, items.len(), items[1].is_err()), (1, 2, true));
        let wrong = || Error::new(SqlState::FDW_ERROR, "no such function");
        let (times, _) = opened(&server, |_| vec![Err(wrong())]).await;
        assert_eq!(times, 1);
        assert_eq!(server.health().repeated, 2);
    }

    #[tokio::test]
    async fn what_a_query_does_wrong_does_not_count_against_its_server() {
        let server = server(&[("breaker_failures", "2")]);
        for _ in 0..5 {
            opened(&server, |_| vec![Err(Error::new(SqlState::FDW_ERROR, "no"))]).await;
        }
        assert_eq!(server.health().failures, 0);
        opened(&server, |_| vec![Err(lost())]).await;
        opened(&server, |_| vec![Err(lost())]).await;
        let (times, items) = opened(&server, |_| vec![Ok(batch())]).await;
        assert_eq!(times, 0);
        assert_eq!(items[0].as_ref().unwrap_err().state(), SqlState::CONNECTION_FAILURE);
        assert_eq!(server.health().refused, 1);
    }

    #[tokio::test]
    async fn limits_end_a_statement() {
        let few = server(&[("max_rows", "5")]);
        let (_, items) = opened(&few, |_| vec![Ok(batch()), Ok(batch()), Ok(batch())]).await;
        assert_eq!(items.len(), 2);
        assert_eq!(items[1].as_ref().unwrap_err().state(), SqlState::CONFIGURATION_LIMIT_EXCEEDED);
        let small = server(&[("max_bytes", "11")]);
        let (_, items) = opened(&small, |_| vec![Ok(batch())]).await;
        assert_eq!(items[0].as_ref().unwrap_err().state(), SqlState::CONFIGURATION_LIMIT_EXCEEDED);
    }

    #[tokio::test]
    async fn time_ends_a_statement_that_nobody_reads() {
        let quick = server(&[("max_time", "50ms"), ("max_statements", "1"), ("acquire_timeout", "1s")]);
        let endless = || {
            let rows = stream::iter([Ok(batch())]).chain(stream::pending());
            async move { Ok(rows.boxed()) }.boxed()
        };
        let mut rows = open(&quick, &tables(), true, endless, || {}).await.unwrap();
        assert!(rows.next().await.unwrap().is_ok());
        tokio::time::sleep(Duration::from_millis(120)).await;
        // Its turn is over, although its rows were not read on.
        let second = open(&quick, &tables(), true, endless, || {}).await;
        assert!(second.is_ok());
        assert_eq!(rows.next().await.unwrap().unwrap_err().state(), SqlState::QUERY_CANCELED);
        assert!(rows.next().await.is_none());
    }

    #[tokio::test]
    async fn turns_are_waited_for_and_not_for_ever() {
        let one = server(&[("max_statements", "1"), ("acquire_timeout", "50ms")]);
        let send = || async { Ok(stream::iter([Ok(batch()), Ok(batch())]).boxed()) }.boxed();
        let held = open(&one, &tables(), true, send, || {}).await.unwrap();
        let refused = open(&one, &tables(), true, send, || {}).await.err().map(|error| error.state());
        assert_eq!(refused, Some(SqlState::CONFIGURATION_LIMIT_EXCEEDED));
        drop(held);
        assert!(open(&one, &tables(), true, send, || {}).await.is_ok());
    }
}
