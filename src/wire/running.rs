//! A statement while it runs: it computes among the workers, and its connection waits for what it gives.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::errors::{Failure, canceled, timed_out};
use super::portal::Prepared;
use super::script::Command;
use super::transport::Transport;
use super::workers::{Task, Workers};
use crate::ddl::statement::StatementKind;
use crate::engine::{Outcome, Parameter, Session, Turn};
use crate::error::{Error, Result};

/// Batches that may wait for their connection.
const AHEAD: usize = 1;
/// How long a statement that must end may take to say so itself. One that does not give way is left behind.
const PATIENCE: Duration = Duration::from_millis(500);

/// What ends a statement before it is done.
#[derive(Clone)]
pub(super) struct Leash {
    /// Cancelled by the client's request, or when the client is gone.
    pub cancel: CancellationToken,
    deadline: Option<Instant>,
}

impl Leash {
    /// With the time that `statement_timeout`, as SHOW gives it, allows from now on.
    pub fn new(statement_timeout: Option<&str>) -> Leash {
        let deadline = statement_timeout.and_then(duration).and_then(|time| Instant::now().checked_add(time));
        Leash { cancel: CancellationToken::new(), deadline }
    }

    /// Waits until the statement must end, and says why.
    async fn ended(&self) -> Error {
        let late = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = self.cancel.cancelled() => canceled(),
            () = late => timed_out(),
        }
    }

    /// Whether the statement may go on.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(canceled());
        }
        match self.deadline {
            Some(deadline) if deadline <= Instant::now() => Err(timed_out()),
            _ => Ok(()),
        }
    }

    /// Waits until the statement must have ended, and says why.
    pub async fn overdue(&self) -> Error {
        let cancelled = async {
            self.cancel.cancelled().await;
            sleep(PATIENCE).await;
        };
        let late = async {
            match self.deadline {
                Some(deadline) => sleep_until(deadline + PATIENCE).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = cancelled => canceled(),
            () = late => timed_out(),
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
        done = work => done,
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
    begun: oneshot::Receiver<Result<Begun>>,
    /// What it gives after it has begun with rows.
    pub batches: Batches,
}

impl Started {
    /// Starts a statement. It stops when what this gives is dropped. Refused (53000) when no thread is free.
    pub fn new(
        workers: &Workers,
        session: Arc<Session>,
        prepared: Arc<Prepared>,
        values: Vec<Parameter>,
        leash: &Leash,
    ) -> Result<Started> {
        let (tell, begun) = oneshot::channel();
        let (give, rows) = mpsc::channel(AHEAD);
        if values.is_empty()
            && !session.is_audited()
            && let Command::Run(statement) = &prepared.command
            && let Some(row) = session.known_answer(statement)
        {
            // Both find room: nothing was sent before.
            let _ = tell.send(Ok(Begun::Rows { schema: row.schema(), verb: "SELECT" }));
            let _ = give.try_send(Ok(row));
            return Ok(Started { begun, batches: Batches { rows, task: None, ended: false, turn: None } });
        }
        // What ends a transaction, or a limit that is set, needs no turn.
        let turn = match &prepared.command {
            Command::Run(statement) if !matches!(statement.kind, StatementKind::Session(_)) => session.take_turn()?,
            _ => None,
        };
        let (cancel, ending) = (leash.cancel.clone(), leash.clone());
        let task = workers.spawn(async move {
            let Command::Run(statement) = &prepared.command else { return };
            let (schema, mut stream, verb) =
                match Box::pin(session.run_again(statement, values, cancel, &prepared.memo)).await {
                    Ok(Outcome::Rows { schema, stream, verb }) => (schema, stream, verb),
                    // Whoever started it may be gone.
                    Ok(Outcome::Done { tag }) => return drop(tell.send(Ok(Begun::Done { tag }))),
                    Err(error) => return drop(tell.send(Err(error))),
                };
            if tell.send(Ok(Begun::Rows { schema, verb })).is_err() {
                return;
            }
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
        })?;
        Ok(Started { begun, batches: Batches { rows, task: Some(task), ended: false, turn } })
    }

    /// Waits for how it begins.
    pub async fn begun(&mut self) -> Result<Begun, Failure> {
        let Started { begun, batches } = self;
        let refused = async {
            match &mut batches.task {
                Some(task) => task.refused().await,
                None => pending().await,
            }
        };
        let begun = tokio::select! {
            biased;
            begun = begun => begun,
            refused = refused => return Err(refused),
        };
        if let Ok(begun) = begun {
            return Ok(begun?);
        }
        // It ended without a word, and its end says why.
        match self.batches.next().await {
            Err(failure) => Err(failure),
            Ok(_) => Err(Failure::Statement(Error::internal("the statement gave no answer"))),
        }
    }
}

/// The rows of a statement as it gives them.
pub(super) struct Batches {
    rows: mpsc::Receiver<Result<RecordBatch>>,
    /// None when the rows were there before.
    task: Option<Task<()>>,
    ended: bool,
    /// What it counts as among its role's.
    turn: Option<Turn>,
}

impl Batches {
    /// The next batch; none after the last. Safe to cancel.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, Failure> {
        if self.ended {
            return Ok(None);
        }
        if let Some(batch) = self.rows.recv().await {
            return Ok(Some(batch?));
        }
        let ended = match &mut self.task {
            Some(task) => task.join().await,
            None => Ok(()),
        };
        self.ended = true;
        self.turn = None;
        ended.map(|()| None)
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
