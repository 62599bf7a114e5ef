//! A statement while it runs: it computes among the workers, and its connection waits for what it gives. What only
//! asks a source for a few rows is run by the connection's own task.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::errors::{Failure, canceled, timed_out};
use super::portal::Prepared;
use super::script::Command;
use super::transport::Transport;
use super::workers::{Task, Workers, mistaken};
use crate::ddl::statement::{Statement, StatementKind};
use crate::engine::{Limits, Lookup, Outcome, Parameter, Session, Turn};
use crate::error::{Error, Result, SqlState};

/// Batches that may wait for their connection.
const AHEAD: usize = 1;
/// How long a statement that must end may take to say so itself. One that does not give way is left behind: of what it has
/// changed its client would not be told, so it is waited for longer than one that reads.
const PATIENCE: Duration = Duration::from_millis(500);
/// The same for a statement that reads.
const PATIENCE_OF_READS: Duration = Duration::from_millis(60);

/// What ends a statement before it is done.
#[derive(Clone)]
pub(super) struct Leash {
    /// Cancelled by the client's request, or when the client is gone.
    pub cancel: CancellationToken,
    until: Until,
    patience: Duration,
}

/// When a statement has used up its time.
#[derive(Clone)]
enum Until {
    /// Then, or never.
    Fixed(Option<Instant>),
    /// As each part of its rows that is asked for has a time of its own, this one then; never while none is.
    Parts(Arc<watch::Sender<Option<Instant>>>),
}

impl Leash {
    /// With the time that `statement_timeout`, as SHOW gives it, allows from now on.
    pub fn new(statement_timeout: Option<&str>, since: Instant) -> Leash {
        let deadline = statement_timeout.and_then(duration).and_then(|time| since.checked_add(time));
        Leash { cancel: CancellationToken::new(), until: Until::Fixed(deadline), patience: PATIENCE }
    }

    /// For rows that are taken in parts, each in a time of its own: this is the first one's.
    pub fn in_parts(self) -> Leash {
        let first = watch::Sender::new(self.deadline());
        Leash { until: Until::Parts(Arc::new(first)), ..self }
    }

    /// The next part of the rows is asked for, by a statement that has this leash.
    pub fn goes_on(&self, with: &Leash) {
        if let Until::Parts(until) = &self.until {
            until.send_replace(with.deadline());
        }
    }

    /// A part of the rows was given, and no other is asked for yet.
    pub fn rests(&self) {
        if let Until::Parts(until) = &self.until {
            until.send_replace(None);
        }
    }

    /// Whether its time is that of the parts.
    pub fn is_in_parts(&self) -> bool {
        matches!(self.until, Until::Parts(_))
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.until {
            Until::Fixed(deadline) => *deadline,
            Until::Parts(until) => *until.borrow(),
        }
    }

    /// Waits until the time has been used up for so long.
    async fn late(&self, more: Duration) {
        let mut told = match &self.until {
            Until::Fixed(Some(deadline)) => return sleep_until(*deadline + more).await,
            Until::Fixed(None) => return pending().await,
            Until::Parts(until) => until.subscribe(),
        };
        loop {
            let deadline = *told.borrow_and_update();
            let late = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline + more).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                () = late => return,
                changed = told.changed() => {
                    if changed.is_err() {
                        return pending().await;
                    }
                }
            }
        }
    }

    /// For what reads alone: it may be left at any moment.
    pub fn reading(self) -> Leash {
        Leash { patience: PATIENCE_OF_READS, ..self }
    }

    /// For this command.
    pub fn of(self, command: &Command) -> Leash {
        let reads = match command {
            Command::Run(Statement { kind: StatementKind::Plan(parsed), .. }) => match parsed.as_ref() {
                DfStatement::Explain(_) => true,
                DfStatement::Statement(statement) => matches!(statement.as_ref(), SqlStatement::Query(_)),
                _ => false,
            },
            _ => false,
        };
        if reads { self.reading() } else { self }
    }

    /// Waits until the statement must end, and says why.
    async fn ended(&self) -> Error {
        tokio::select! {
            () = self.cancel.cancelled() => canceled(),
            () = self.late(Duration::ZERO) => timed_out(),
        }
    }

    /// Whether the statement may go on.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(canceled());
        }
        match self.deadline() {
            Some(deadline) if deadline <= Instant::now() => Err(timed_out()),
            _ => Ok(()),
        }
    }

    /// What a failure means: what was told to end since its time was over did not end because its client wanted that.
    fn meant(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Statement(error)
                if self.is_in_parts()
                    && error.state() == SqlState::QUERY_CANCELED
                    && self.deadline().is_some_and(|deadline| deadline <= Instant::now()) =>
            {
                Failure::Statement(timed_out())
            }
            other => other,
        }
    }

    /// Waits until the statement must have ended, and says why.
    pub async fn overdue(&self) -> Error {
        let cancelled = async {
            self.cancel.cancelled().await;
            sleep(self.patience).await;
        };
        let late = async {
            if self.is_in_parts() {
                // What runs does not know of its parts' time, and is told that it is over.
                self.late(Duration::ZERO).await;
                self.cancel.cancel();
                sleep(self.patience).await;
            } else {
                self.late(self.patience).await;
            }
        };
        tokio::select! {
            biased;
            () = late => timed_out(),
            () = cancelled => canceled(),
        }
    }
}

/// A time as SHOW gives it; none for no limit.
pub(super) fn duration(shown: &str) -> Option<Duration> {
    let digits = shown.find(|c: char| !c.is_ascii_digit()).unwrap_or(shown.len());
    let (count, unit) = shown.split_at_checked(digits)?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let millis = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.checked_mul(millis).map(Duration::from_millis)
}

/// Waits for a piece of work, and gives it up when the client goes, the server's grace is over, or it should have
/// ended long ago.
pub(super) async fn watch<T>(
    wire: &mut Transport,
    ending: &CancellationToken,
    leash: &Leash,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        biased;
        done = work => done.map_err(|failure| leash.meant(failure)),
        () = wire.gone() => {
            leash.cancel.cancel();
            Err(Failure::Gone)
        }
        () = ending.cancelled() => {
            leash.cancel.cancel();
            Err(Failure::Shutdown)
        }
        error = leash.overdue() => {
            leash.cancel.cancel();
            tracing::warn!("left behind a statement that does not give way");
            Err(Failure::Statement(error))
        }
    }
}

/// How a statement begins to answer.
pub(super) enum Begun {
    /// It is done; with its whole command tag.
    Done { tag: String },
    /// With rows of a schema; and what begins the command tag.
    Rows { schema: SchemaRef, verb: &'static str },
}

/// A statement that was started.
pub(super) struct Started {
    begins: Begins,
    /// What it gives after it has begun with rows.
    pub batches: Batches,
}

/// Where a statement's beginning comes from.
enum Begins {
    /// From a worker.
    Told(oneshot::Receiver<Result<Begun>>),
    /// It is run by who waits for it.
    Here(BoxFuture<'static, Result<(Begun, Source)>>),
    /// It was told before.
    Over,
}

impl Started {
    /// Starts a statement. It stops when what this gives is dropped. Refused (53000) when no thread is free.
    pub fn new(
        workers: &Arc<Workers>,
        session: Arc<Session>,
        prepared: Arc<Prepared>,
        values: Vec<Parameter>,
        leash: &Leash,
    ) -> Result<Started> {
        prepared.runs.fetch_add(1, Ordering::Relaxed);
        if values.is_empty()
            && !session.is_audited()
            && let Command::Run(statement) = &prepared.command
            && let Some(row) = session.known_answer(statement)
        {
            let begun = Begun::Rows { schema: row.schema(), verb: "SELECT" };
            let begins = Begins::Here(Box::pin(async move { Ok((begun, Source::Here(Some(row)))) }));
            return Ok(Started { begins, batches: Batches { source: Source::Here(None), turn: None, ends: None } });
        }
        // What ends a transaction, or a limit that is set, needs no turn.
        let turn = match &prepared.command {
            Command::Run(statement) if !matches!(statement.kind, StatementKind::Session(_)) => session.take_turn()?,
            _ => None,
        };
        if let Command::Run(statement) = &prepared.command
            && let Some(lookup) = session.lookup(statement, &values, &prepared.memo)
        {
            let begins = here(Arc::clone(workers), session, Arc::clone(&prepared), lookup, leash.clone());
            let batches = Batches { source: Source::Here(None), turn, ends: None };
            return Ok(Started { begins: Begins::Here(Box::pin(begins)), batches });
        }
        let (tell, begun) = oneshot::channel();
        let (give, rows) = mpsc::channel(AHEAD);
        // Computing ends too when nobody is there any more to take what it gives.
        let (cancel, ending) = (leash.cancel.child_token(), leash.clone());
        let ends = Some(cancel.clone().drop_guard());
        let task = workers.spawn(async move {
            let Command::Run(statement) = &prepared.command else { return };
            let limits = Limits { cancel, timed: !ending.is_in_parts() };
            let (schema, stream, verb) =
                match Box::pin(session.run_again(statement, values, limits, &prepared.memo)).await {
                    Ok(Outcome::Rows { schema, stream, verb }) => (schema, stream, verb),
                    // Whoever started it may be gone.
                    Ok(Outcome::Done { tag }) => return drop(tell.send(Ok(Begun::Done { tag }))),
                    Err(error) => return drop(tell.send(Err(error))),
                };
            if tell.send(Ok(Begun::Rows { schema, verb })).is_ok() {
                give_all(stream, give, ending).await;
            }
        })?;
        let batches = Batches { source: Source::Worker { rows, task }, turn, ends };
        Ok(Started { begins: Begins::Told(begun), batches })
    }

    /// Waits for how it begins.
    pub async fn begun(&mut self) -> Result<Begun, Failure> {
        let begins = match &mut self.begins {
            Begins::Told(begun) => {
                let begun = tokio::select! {
                    biased;
                    begun = begun => begun.ok(),
                    refused = self.batches.refused() => return Err(refused),
                };
                self.begins = Begins::Over;
                begun
            }
            Begins::Here(begun) => {
                let begun = AssertUnwindSafe(begun).catch_unwind().await;
                self.begins = Begins::Over;
                Some(begun.unwrap_or_else(|_| Err(mistaken())).map(|(begun, source)| {
                    self.batches.source = source;
                    begun
                }))
            }
            Begins::Over => None,
        };
        if let Some(begun) = begins {
            return Ok(begun?);
        }
        // It ended without a word, and its end says why.
        match self.batches.next().await {
            Err(failure) => Err(failure),
            Ok(_) => Err(Failure::Statement(Error::internal("the statement gave no answer"))),
        }
    }
}

/// Runs a lookup where it is waited for. To start a task for it, and to change threads, would take longer than the lookup
/// itself. One that gives more than a batch of rows goes on among the workers.
async fn here(
    workers: Arc<Workers>,
    session: Arc<Session>,
    prepared: Arc<Prepared>,
    lookup: Lookup,
    leash: Leash,
) -> Result<(Begun, Source)> {
    let Command::Run(statement) = &prepared.command else { return Err(Error::internal("a lookup is a statement")) };
    let limits = Limits { cancel: leash.cancel.clone(), timed: !leash.is_in_parts() };
    // It always gives way, as it computes next to nothing.
    let answered = tokio::select! {
        biased;
        answered = session.run_lookup(statement, lookup, limits) => answered?,
        error = leash.ended() => return Err(error),
    };
    let (schema, mut stream, verb) = match answered {
        Outcome::Rows { schema, stream, verb } => (schema, stream, verb),
        Outcome::Done { tag } => return Ok((Begun::Done { tag }, Source::Here(None))),
    };
    let begun = Begun::Rows { schema, verb };
    let Some(first) = stream.next().await.transpose()? else { return Ok((begun, Source::Here(None))) };
    // Most have come to their end with it. The others must not keep their connection until the client has taken it.
    let more = match stream.next().now_or_never() {
        Some(None) => return Ok((begun, Source::Here(Some(first)))),
        Some(Some(more)) => vec![Ok(first), more],
        None => vec![Ok(first)],
    };
    let schema = stream.schema();
    let stream = RecordBatchStreamAdapter::new(schema, stream::iter(more).chain(stream));
    let (give, rows) = mpsc::channel(AHEAD);
    let task = workers.spawn(give_all(Box::pin(stream), give, leash))?;
    Ok((begun, Source::Worker { rows, task }))
}

/// Gives the batches of a stream to who waits for them, up to an error.
async fn give_all(mut stream: SendableRecordBatchStream, give: mpsc::Sender<Result<RecordBatch>>, ending: Leash) {
    while let Some(batch) = stream.next().await {
        let failed = batch.is_err();
        let sent = tokio::select! {
            biased;
            sent = give.send(batch.map_err(Error::from)) => sent,
            error = ending.ended() => {
                // The client takes no rows, and the sources wait: they need not. It is told when it reads on.
                drop(stream);
                let _ = give.send(Err(error)).await;
                return;
            }
        };
        if sent.is_err() || failed {
            return;
        }
    }
}

/// The rows of a statement as it gives them.
pub(super) struct Batches {
    source: Source,
    /// What it counts as among its role's.
    turn: Option<Turn>,
    /// Ends what computes them when they are wanted no more.
    ends: Option<DropGuard>,
}

/// Where batches come from.
enum Source {
    /// They are here: one, or none any more.
    Here(Option<RecordBatch>),
    /// From a task among the workers.
    Worker { rows: mpsc::Receiver<Result<RecordBatch>>, task: Task<()> },
}

impl Batches {
    /// The next batch; none after the last. Safe to cancel.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, Failure> {
        let ended = match &mut self.source {
            Source::Here(batch) => match batch.take() {
                Some(batch) => return Ok(Some(batch)),
                None => Ok(()),
            },
            Source::Worker { rows, task } => match rows.recv().await {
                Some(batch) => return Ok(Some(batch?)),
                None => task.join().await,
            },
        };
        self.source = Source::Here(None);
        (self.turn, self.ends) = (None, None);
        ended.map(|()| None)
    }

    /// Waits until no thread was free for too long; for ever where none is needed.
    async fn refused(&self) -> Failure {
        match &self.source {
            Source::Worker { task, .. } => task.refused().await,
            Source::Here(_) => pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_they_are_shown() {
        let seconds = |text| duration(text).map(|time| time.as_secs_f64());
        assert_eq!(seconds("500ms"), Some(0.5));
        assert_eq!(seconds("3s"), Some(3.0));
        assert_eq!(seconds("2min"), Some(120.0));
        for none in ["0", "", "s", "5 weeks", "99999999999999999999ms", "999999999999999999d"] {
            assert_eq!(duration(none), None, "{none}");
        }
    }
}
