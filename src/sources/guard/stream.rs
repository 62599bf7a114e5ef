//! A statement's rows on their way, within its limits.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use datafusion::arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::limits;
use super::server::{ServerGuard, is_down};
use crate::error::{Error, Result};

/// What a statement holds of its source: its stream and its turn. Gone when it has ended, from whichever side.
type Held = Arc<Mutex<Option<(BoxStream<'static, Result<RecordBatch>>, Option<OwnedSemaphorePermit>)>>>;

/// The rows of one statement.
pub(super) struct GuardedStream {
    server: Arc<ServerGuard>,
    tables: Arc<[String]>,
    held: Held,
    timer: Option<Timer>,
    rows: u64,
    bytes: u64,
    /// Whether its first rows, or its end, have come: until then errors are for whoever opened it.
    begun: bool,
    /// An error that is being looked into.
    failing: Option<BoxFuture<'static, Error>>,
}

/// Ends the statement in time, also when nobody takes rows from it.
struct Timer {
    sleep: Pin<Box<Sleep>>,
    watcher: AbortHandle,
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}

impl Timer {
    fn new(deadline: Instant, held: &Held) -> Timer {
        let held = Arc::clone(held);
        let watcher = tokio::spawn(async move {
            sleep_until(deadline).await;
            let ended = held.lock().take();
            // Outside of the lock: dropping a stream cancels at the source.
            drop(ended);
        });
        Timer { sleep: Box::pin(sleep_until(deadline)), watcher: watcher.abort_handle() }
    }
}

impl GuardedStream {
    /// The rows of a statement over `tables` that was opened, with its turn; it must end by `deadline`. Must be called
    /// on a runtime.
    pub fn new(
        server: Arc<ServerGuard>,
        tables: Arc<[String]>,
        stream: BoxStream<'static, Result<RecordBatch>>,
        turn: Option<OwnedSemaphorePermit>,
        deadline: Option<Instant>,
    ) -> GuardedStream {
        let held = Arc::new(Mutex::new(Some((stream, turn))));
        let timer = deadline.map(|deadline| Timer::new(deadline, &held));
        GuardedStream { server, tables, held, timer, rows: 0, bytes: 0, begun: false, failing: None }
    }

    /// From now on errors are explained here.
    pub fn begin(&mut self) {
        self.begun = true;
    }

    /// Takes the turn back, for the next try.
    pub fn give_up(self) -> Option<OwnedSemaphorePermit> {
        self.held.lock().take().and_then(|(_, turn)| turn)
    }

    fn end(&mut self) {
        let ended = self.held.lock().take();
        drop(ended);
        self.timer = None;
    }

    fn poll_inner(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<RecordBatch>>> {
        match self.held.lock().as_mut() {
            Some((stream, _)) => stream.poll_next_unpin(context),
            None => {
                self.timer = None;
                Poll::Ready(Some(Err(self.too_long())))
            }
        }
    }

    fn too_long(&self) -> Error {
        self.server.limits().too_long(self.server.name(), &self.tables.join(", "))
    }

    fn count(&mut self, batch: &RecordBatch) -> Result<()> {
        let limits = self.server.limits();
        self.rows = self.rows.saturating_add(batch.num_rows() as u64);
        if limits.bytes.is_some() {
            self.bytes = self.bytes.saturating_add(limits::bytes(batch));
        }
        if limits.rows.is_none() && limits.bytes.is_none() {
            return Ok(());
        }
        limits.check(self.server.name(), &self.tables.join(", "), self.rows, self.bytes)
    }
}

impl Stream for GuardedStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(failing) = &mut this.failing {
            let error = ready!(failing.as_mut().poll(context));
            this.failing = None;
            return Poll::Ready(Some(Err(error)));
        }
        if this.timer.is_none() && this.held.lock().is_none() {
            return Poll::Ready(None);
        }
        if let Some(timer) = &mut this.timer
            && timer.sleep.as_mut().poll(context).is_ready()
        {
            this.end();
            return Poll::Ready(Some(Err(this.too_long())));
        }
        match ready!(this.poll_inner(context)) {
            Some(Ok(batch)) => {
                if let Err(error) = this.count(&batch) {
                    this.end();
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(Some(Ok(batch)))
            }
            Some(Err(error)) if this.begun => {
                this.end();
                if is_down(&error) {
                    this.server.breaker().failed(&error);
                }
                match this.server.explanation(&this.tables, &error) {
                    Some(failing) => {
                        this.failing = Some(failing);
                        Pin::new(this).poll_next(context)
                    }
                    None => Poll::Ready(Some(Err(error))),
                }
            }
            Some(Err(error)) => Poll::Ready(Some(Err(error))),
            None => {
                this.end();
                Poll::Ready(None)
            }
        }
    }
}
