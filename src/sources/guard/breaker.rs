//! Leaves a server alone that cannot be reached: its queries fail at once, and one of them tries it now and then.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::catalog::definitions::quote_identifier;
use crate::error::{Error, Fault, Result, SqlState};
use crate::sources::options::Options;

/// How long a read waits for what comes of another that tries the server.
const TRIAL: Duration = Duration::from_secs(1);

/// Whether a server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Every query asks it.
    Closed,
    /// It is left alone.
    Open,
    /// One query tries it, all others fail.
    Probing,
}

/// Counts the queries in a row that could not reach one server, and opens after some.
#[derive(Debug)]
pub struct Breaker {
    server: String,
    /// After how many it opens; 0 for never.
    most: u32,
    pause: Duration,
    inner: Mutex<Inner>,
    /// Told when the query that tries the server knows.
    settled: Notify,
}

#[derive(Debug)]
struct Inner {
    state: BreakerState,
    /// When the state began.
    since: SystemTime,
    /// When the next query tries it, while it is open.
    until: Instant,
    failures: u32,
    last_error: Option<String>,
}

/// What a breaker knows of its server.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub state: BreakerState,
    pub since: SystemTime,
    pub failures: u32,
    pub last_error: Option<String>,
    /// How long until the next query tries it; none unless it is open.
    pub next_try: Option<Duration>,
}

/// The right to ask the server once. Dropped without a word it says nothing of the server; one that was to try it
/// leaves that to the next.
#[derive(Debug)]
pub(super) struct Entry {
    breaker: Arc<Breaker>,
    is_probe: bool,
    settled: bool,
}

impl Breaker {
    /// A closed one, by the server's options.
    pub fn new(server: &str, options: &Options) -> Result<Breaker> {
        Ok(Breaker {
            server: server.to_string(),
            most: options.parsed("breaker_failures", 5)?,
            // Longer than a clock can count is as good as a year.
            pause: options.duration("breaker_pause", Duration::from_secs(10))?.min(Duration::from_secs(86_400 * 365)),
            inner: Mutex::new(Inner {
                state: BreakerState::Closed,
                since: SystemTime::now(),
                until: Instant::now(),
                failures: 0,
                last_error: None,
            }),
            settled: Notify::new(),
        })
    }

    /// 08006 while the server is left alone; while it is being tried, [`Self::admit`] decides.
    pub(super) fn check(&self) -> Result<()> {
        let inner = self.inner.lock();
        if inner.state == BreakerState::Probing {
            return Ok(());
        }
        self.refusal(&inner).map_or(Ok(()), Err)
    }

    /// As [`Self::admit`], without waiting.
    #[cfg(test)]
    fn enter(self: &Arc<Self>) -> Result<Entry> {
        self.entry(&mut self.inner.lock())
    }

    fn entry(self: &Arc<Self>, inner: &mut Inner) -> Result<Entry> {
        if let Some(error) = self.refusal(inner) {
            return Err(error);
        }
        let is_probe = inner.state == BreakerState::Open;
        if is_probe {
            inner.turn_to(BreakerState::Probing);
        }
        Ok(Entry { breaker: Arc::clone(self), is_probe, settled: false })
    }

    /// Lets a read ask the server, or says why not (08006). While the server is being tried, what comes of that is waited for, [`TRIAL`] at most. It
    /// may be another read of the same query that tries it: if this one failed, so would that.
    pub(super) async fn admit(self: &Arc<Self>) -> Result<Entry> {
        let end = tokio::time::Instant::now() + TRIAL;
        loop {
            let mut settled = pin!(self.settled.notified());
            // From here on nothing is missed.
            settled.as_mut().enable();
            let (entry, is_tried) = {
                let mut inner = self.inner.lock();
                let is_tried = inner.state == BreakerState::Probing;
                (self.entry(&mut inner), is_tried)
            };
            if !is_tried || tokio::time::timeout_at(end, settled).await.is_err() {
                return entry;
            }
        }
    }

    fn refusal(&self, inner: &Inner) -> Option<Error> {
        let next = match inner.state {
            BreakerState::Closed => return None,
            BreakerState::Open => {
                let left = inner.until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return None;
                }
                format!("It is tried again in {:.1} s.", left.as_secs_f64())
            }
            BreakerState::Probing => "It is being tried again by another query.".to_string(),
        };
        let last = inner.last_error.as_deref().unwrap_or("unknown");
        let message = format!(
            "server \"{}\" is left alone: it could not be reached {} times in a row",
            self.server, inner.failures
        );
        let error = Error::new(SqlState::CONNECTION_FAILURE, message)
            .with_detail(format!("The last error: {last}. {next}"))
            .with_hint(format!(
                "ALTER SERVER {} REFRESH asks it at once; the server's options breaker_failures and breaker_pause set \
                 when it is left alone.",
                quote_identifier(&self.server)
            ));
        // Nobody need ask again.
        Some(error.with_fault(Fault::Silent))
    }

    /// The server answered.
    pub(super) fn succeeded(&self) {
        let mut inner = self.inner.lock();
        inner.failures = 0;
        if inner.state != BreakerState::Closed {
            inner.turn_to(BreakerState::Closed);
            drop(inner);
            self.settled.notify_waiters();
            info!(server = %self.server, "server answers again");
        }
    }

    /// The server could not be reached, or was lost.
    pub(super) fn failed(&self, error: &Error) {
        let mut inner = self.inner.lock();
        inner.failures = inner.failures.saturating_add(1);
        inner.last_error = Some(match error.detail() {
            Some(detail) => format!("{} ({})", error.message(), detail.trim_end_matches('.')),
            None => error.message().to_string(),
        });
        if self.most == 0 || inner.failures < self.most {
            return;
        }
        inner.until = Instant::now() + self.pause;
        let was = inner.state;
        if was != BreakerState::Open {
            inner.turn_to(BreakerState::Open);
        }
        let failures = inner.failures;
        drop(inner);
        self.settled.notify_waiters();
        if was == BreakerState::Closed {
            let pause = self.pause.as_millis();
            warn!(server = %self.server, failures, pause_ms = %pause, error = error.message(), "server is left alone");
        }
    }

    /// Forgets what was: the next query asks the server.
    pub fn reset(&self) {
        let mut inner = self.inner.lock();
        inner.failures = 0;
        inner.last_error = None;
        if inner.state != BreakerState::Closed {
            inner.turn_to(BreakerState::Closed);
        }
        drop(inner);
        self.settled.notify_waiters();
    }

    pub(super) fn seen(&self) -> Seen {
        let inner = self.inner.lock();
        Seen {
            state: inner.state,
            since: inner.since,
            failures: inner.failures,
            last_error: inner.last_error.clone(),
            next_try: (inner.state == BreakerState::Open)
                .then(|| inner.until.saturating_duration_since(Instant::now())),
        }
    }

    /// A query that was to try the server ended before it could tell.
    fn untried(&self) {
        let mut inner = self.inner.lock();
        if inner.state == BreakerState::Probing {
            inner.turn_to(BreakerState::Open);
            inner.until = Instant::now();
        }
        drop(inner);
        self.settled.notify_waiters();
    }
}

impl Inner {
    fn turn_to(&mut self, state: BreakerState) {
        self.state = state;
        self.since = SystemTime::now();
    }
}

impl Entry {
    /// Whether it tries a server that was left alone.
    pub(super) fn is_probe(&self) -> bool {
        self.is_probe
    }

    pub(super) fn succeeded(mut self) {
        self.settled = true;
        self.breaker.succeeded();
    }

    pub(super) fn failed(mut self, error: &Error) {
        self.settled = true;
        self.breaker.failed(error);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.is_probe && !self.settled {
            self.breaker.untried();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(failures: &str, pause: &str) -> Arc<Breaker> {
        let options = [("breaker_failures", failures), ("breaker_pause", pause)].into_iter().collect();
        Arc::new(Breaker::new("erp", &options).unwrap())
    }

    fn lost() -> Error {
        Error::new(SqlState::CONNECTION_FAILURE, "server \"erp\": connection refused")
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_query_try() {
        let breaker = breaker("2", "20ms");
        breaker.failed(&lost());
        breaker.succeeded();
        breaker.failed(&lost());
        assert!(breaker.check().is_ok());
        breaker.enter().unwrap().failed(&lost());
        let refused = breaker.check().unwrap_err();
        assert_eq!(refused.state(), SqlState::CONNECTION_FAILURE);
        assert!(refused.message().contains("\"erp\"") && refused.message().contains("2 times"));
        assert!(
            refused.detail().unwrap().contains("connection refused") && refused.detail().unwrap().contains("tried")
        );
        std::thread::sleep(Duration::from_millis(40));
        let probe = breaker.enter().unwrap();
        assert!(probe.is_probe() && breaker.enter().is_err());
        // Given up: the next one tries.
        drop(probe);
        let probe = breaker.enter().unwrap();
        assert!(probe.is_probe());
        probe.failed(&lost());
        assert_eq!(breaker.seen().state, BreakerState::Open);
        std::thread::sleep(Duration::from_millis(40));
        breaker.enter().unwrap().succeeded();
        let entry = breaker.enter().unwrap();
        assert!(!entry.is_probe());
        assert_eq!((breaker.seen().state, breaker.seen().failures), (BreakerState::Closed, 0));
    }

    #[test]
    fn it_can_be_off_and_reset() {
        let off = breaker("0", "1h");
        (0..100).for_each(|_| off.failed(&lost()));
        assert!(off.enter().is_ok());
        let on = breaker("1", "1h");
        on.failed(&lost());
        assert!(on.enter().is_err());
        on.reset();
        assert!(on.enter().is_ok());
    }
}
