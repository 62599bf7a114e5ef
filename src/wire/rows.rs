//! A result on its way to the client, batch by batch and never more than a few at a time.

use std::panic::AssertUnwindSafe;
use std::pin::pin;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use futures::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;

use super::encode::{EncodedBatch, Format, RowEncoder};
use super::errors::Failure;
use super::transport::Transport;
use super::zone::Zone;
use crate::error::Error;

/// How much is written before the socket is asked to take it.
const FLUSH_SIZE: usize = 128 << 10;

/// Waits for a piece of work, and ends it when the client goes or the server's grace is over. A panic in it is the
/// statement's error, and the connection lives.
pub(super) async fn watch<T>(
    wire: &mut Transport,
    ending: &CancellationToken,
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
    tokio::select! {
        biased;
        done = &mut work => done.map_err(|_| {
            tracing::error!("a statement failed by a mistake in this program");
            Failure::Statement(Error::internal("the statement failed by a mistake in this program"))
        }),
        () = wire.gone() => {
            cancel.cancel();
            Err(Failure::Gone)
        }
        () = ending.cancelled() => {
            cancel.cancel();
            Err(Failure::Shutdown)
        }
    }
}

/// Rows that are being sent.
pub(super) struct Rows {
    stream: SendableRecordBatchStream,
    encoder: RowEncoder,
    pending: Option<EncodedBatch>,
    /// What begins the command tag.
    pub verb: &'static str,
    /// Ends the stream.
    pub cancel: CancellationToken,
}

/// How far it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub rows: u64,
    /// Whether that was all; false when the limit was reached first.
    pub complete: bool,
}

impl Rows {
    /// Rows of `schema` for a client that was told of `told`, in the formats that it asked for.
    pub fn new(
        schema: &SchemaRef,
        stream: SendableRecordBatchStream,
        verb: &'static str,
        told: Option<&Schema>,
        formats: &[Format],
        zone: Zone,
        cancel: CancellationToken,
    ) -> Result<Rows, Error> {
        let encoder = RowEncoder::new(schema, told, formats, zone)?;
        Ok(Rows { stream, encoder, pending: None, verb, cancel })
    }

    /// Sends rows until there are no more, or `limit` of them are sent. As in Postgres, reaching the limit counts as
    /// suspended even if no row is left.
    pub async fn send(
        &mut self,
        wire: &mut Transport,
        ending: &CancellationToken,
        limit: Option<u64>,
    ) -> Result<Sent, Failure> {
        let mut rows = 0;
        loop {
            if let Some(batch) = &mut self.pending {
                while batch.remaining() > 0 {
                    let left = limit.map_or(u64::MAX, |limit| limit - rows);
                    if left == 0 {
                        return Ok(Sent { rows, complete: false });
                    }
                    let left = usize::try_from(left).unwrap_or(usize::MAX);
                    rows += batch.write(left, FLUSH_SIZE, &mut wire.output)? as u64;
                    if wire.output.len() >= FLUSH_SIZE {
                        wire.flush_until(ending).await?;
                    }
                }
                self.pending = None;
            }
            if limit == Some(rows) {
                return Ok(Sent { rows, complete: false });
            }
            match watch(wire, ending, &self.cancel, self.stream.next()).await? {
                Some(batch) => self.pending = Some(self.encoder.batch(&batch?)?),
                None => return Ok(Sent { rows, complete: true }),
            }
        }
    }
}
