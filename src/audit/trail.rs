//! What one session does, as it is recorded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;

use super::log::AuditLog;
use super::record::{Record, Said, Who};
use super::redact::redact;
use super::touched::Touched;
use crate::error::{Result, SqlState};

/// The longest text that is recorded, in bytes; of a longer one its beginning and its length are.
const LONGEST: usize = 1 << 20;
/// The outcome of what went well.
const SUCCESS: &str = "00000";
/// The outcome of what was left before its end, as a cursor that is closed: no error.
const LEFT: &str = "02000";

/// A client, as far as it is known.
#[derive(Clone, Debug, Default)]
pub struct Visitor {
    /// The user name that it gave.
    pub user: Option<String>,
    /// The database.
    pub database: Option<String>,
    /// What it calls itself.
    pub application: Option<String>,
    /// Its address and port.
    pub peer: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// How it proved who it is.
    pub method: Option<&'static str>,
}

impl Visitor {
    fn who(&self) -> Who<'_> {
        Who {
            user: self.user.as_deref(),
            database: self.database.as_deref(),
            application: self.application.as_deref(),
            peer: &self.peer,
            tls: self.tls,
            method: self.method,
        }
    }
}

impl AuditLog {
    /// Records a client that was not let in, and why.
    pub fn refused(&self, visitor: &Visitor, outcome: SqlState) {
        self.write_later(&Record::SessionRefused { visitor: visitor.who(), outcome: outcome.0 });
    }
}

/// One session's records.
#[derive(Debug)]
pub struct Trail {
    log: AuditLog,
    /// As Postgres names sessions in its log: when it began and its process number, in hexadecimal.
    session: String,
    user: String,
    peer: String,
    since: Instant,
    statements: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    outcome: Mutex<&'static str>,
}

impl Trail {
    /// Records that a session begins (58030 when that cannot be).
    pub async fn begin(log: &AuditLog, visitor: &Visitor, pid: i32) -> Result<Arc<Trail>> {
        let session = format!("{:x}.{pid:x}", chrono::Utc::now().timestamp());
        log.write(&Record::SessionBegin { session: &session, visitor: visitor.who() }).await?;
        Ok(Arc::new(Trail {
            log: log.clone(),
            session,
            user: visitor.user.clone().unwrap_or_default(),
            peer: visitor.peer.clone(),
            since: Instant::now(),
            statements: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            outcome: Mutex::new(SUCCESS),
        }))
    }

    /// Why the session ends, when it is not the client that leaves.
    pub fn ends_with(&self, outcome: SqlState) {
        *self.outcome.lock() = outcome.0;
    }

    /// Whether the values of parameters are recorded.
    pub fn has_parameters(&self) -> bool {
        self.log.has_parameters()
    }

    /// A statement that is about to run. `command` says how it came, where not by itself.
    pub fn statement(
        self: &Arc<Self>,
        command: Option<String>,
        text: &str,
        parameters: Option<Vec<Option<String>>>,
    ) -> Arc<Entry> {
        let cut = (text.len() > LONGEST).then(|| {
            let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            text.get(..end).unwrap_or_default()
        });
        Arc::new(Entry {
            trail: Arc::clone(self),
            number: self.statements.fetch_add(1, Ordering::Relaxed) + 1,
            command: command.map(|command| redact(&command).into_owned()),
            text: redact(cut.unwrap_or(text)).into_owned(),
            length: cut.map(|_| text.len()),
            parameters: parameters.filter(|values| self.has_parameters() && !values.is_empty()),
            since: Instant::now(),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            touched: Mutex::default(),
            stage: Mutex::new(Stage::Fresh),
        })
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.log.write_later(&Record::SessionEnd {
            session: &self.session,
            user: &self.user,
            statements: self.statements.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            seconds: self.since.elapsed().as_secs_f64(),
            outcome: *self.outcome.lock(),
        });
    }
}

/// How far a statement was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Begun,
    Ended,
}

/// How a statement ended.
#[derive(Clone, Copy, Debug)]
pub enum Settled<'a> {
    /// As it should, with the command tag.
    Done(&'a str),
    /// With an error.
    Failed(SqlState),
}

/// One statement's records: one before it has an effect or answers, one when it ends.
#[derive(Debug)]
pub struct Entry {
    trail: Arc<Trail>,
    number: u64,
    command: Option<String>,
    text: String,
    length: Option<usize>,
    parameters: Option<Vec<Option<String>>>,
    since: Instant,
    rows: AtomicU64,
    bytes: AtomicU64,
    touched: Mutex<Arc<Touched>>,
    stage: Mutex<Stage>,
}

impl Entry {
    /// Records what the statement is about to read and change, before it does. Only the first time counts. An error
    /// (58030) means that the statement must not go on.
    pub async fn begin(&self, touched: Touched) -> Result<()> {
        let touched = Arc::new(touched);
        if !self.advance(Stage::Fresh, Stage::Begun) {
            return Ok(());
        }
        *self.touched.lock() = Arc::clone(&touched);
        let trail = &self.trail;
        let written = trail
            .log
            .write(&Record::StatementBegin {
                session: &trail.session,
                number: self.number,
                user: &trail.user,
                peer: &trail.peer,
                said: self.said(),
                touched: &touched,
            })
            .await;
        written.map_err(|error| {
            // Its end is then its only record, and has the text.
            self.advance(Stage::Begun, Stage::Fresh);
            error.with_hint("No statement is run that cannot be recorded; the server's log says what is wrong.")
        })
    }

    /// What the statement reads and changes, once that is known.
    pub fn touched(&self) -> Touched {
        self.touched.lock().as_ref().clone()
    }

    /// Whether its end was recorded.
    pub fn has_ended(&self) -> bool {
        *self.stage.lock() == Stage::Ended
    }

    /// Counts rows that were sent or taken, and their bytes.
    pub fn count(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Records how the statement ended (58030 when that cannot be). Only the first time counts.
    pub async fn end(&self, settled: Settled<'_>) -> Result<()> {
        let fresh = *self.stage.lock() == Stage::Fresh;
        if !self.finish() {
            return Ok(());
        }
        let (outcome, tag) = match settled {
            Settled::Done(tag) => (SUCCESS, Some(tag)),
            Settled::Failed(state) => (state.0, None),
        };
        self.trail.log.write(&self.ended(fresh, outcome, tag)).await
    }

    fn said(&self) -> Said<'_> {
        Said {
            command: self.command.as_deref(),
            statement: &self.text,
            statement_bytes: self.length,
            parameters: self.parameters.as_deref(),
        }
    }

    fn ended<'a>(&'a self, fresh: bool, outcome: &'a str, tag: Option<&'a str>) -> Record<'a> {
        let (rows, bytes) = (self.rows.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        self.trail.rows.fetch_add(rows, Ordering::Relaxed);
        self.trail.bytes.fetch_add(bytes, Ordering::Relaxed);
        Record::StatementEnd {
            session: &self.trail.session,
            number: self.number,
            user: &self.trail.user,
            said: fresh.then(|| self.said()),
            outcome,
            tag,
            rows,
            bytes,
            seconds: self.since.elapsed().as_secs_f64(),
        }
    }

    fn advance(&self, from: Stage, to: Stage) -> bool {
        let mut stage = self.stage.lock();
        let is = *stage == from;
        if is {
            *stage = to;
        }
        is
    }

    /// Whether it had not ended before.
    fn finish(&self) -> bool {
        std::mem::replace(&mut *self.stage.lock(), Stage::Ended) != Stage::Ended
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let fresh = *self.stage.lock() == Stage::Fresh;
        if self.finish() {
            self.trail.log.write_later(&self.ended(fresh, LEFT, None));
        }
    }
}
