//! A result on its way to the client, batch by batch and never more than a few at a time.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use tokio_util::sync::CancellationToken;

use super::data_row::{EncodedBatch, RowEncoder};
use super::errors::Failure;
use super::metrics::Metrics;
use super::running::{Batches, Leash, watch};
use super::transport::Transport;
use crate::audit::Entry;
use crate::engine::KeptRows;
use crate::error::{Error, SqlState};
use crate::values::Format;
use crate::values::Zone;

/// How much is written before the socket is asked to take it.
pub(super) const FLUSH_SIZE: usize = 128 << 10;

/// Rows that are being sent.
pub(super) struct Rows {
    schema: SchemaRef,
    batches: Batches,
    encoder: RowEncoder,
    /// A batch of which rows are left, and the same as it is written.
    batch: Option<RecordBatch>,
    pending: Option<EncodedBatch>,
    /// What begins the command tag.
    pub verb: &'static str,
    /// What ends them early.
    pub leash: Leash,
    /// Where they are counted, if they are.
    pub entry: Option<Arc<Entry>>,
    /// Where all rows are counted.
    pub metrics: Option<Arc<Metrics>>,
    /// How many of them the client may have; none for all.
    pub most: Option<u64>,
    /// How many it has.
    total: u64,
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
        batches: Batches,
        verb: &'static str,
        told: Option<&Schema>,
        formats: &[Format],
        zone: Zone,
        leash: Leash,
    ) -> Result<Rows, Error> {
        let encoder = RowEncoder::new(schema, told, formats, zone)?;
        let schema = SchemaRef::clone(schema);
        Ok(Rows {
            schema,
            batches,
            encoder,
            batch: None,
            pending: None,
            verb,
            leash,
            entry: None,
            metrics: None,
            most: None,
            total: 0,
        })
    }

    /// The columns of the rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch as it comes; none after the last. Not for rows of which some were sent.
    pub async fn pull(
        &mut self,
        wire: &mut Transport,
        ending: &CancellationToken,
    ) -> Result<Option<RecordBatch>, Failure> {
        watch(wire, ending, &self.leash, self.batches.next()).await
    }

    /// Writes the rows that are left in other formats.
    pub fn reformat(&mut self, told: Option<&Schema>, formats: &[Format], zone: Zone) -> Result<(), Error> {
        let encoder = RowEncoder::new(&self.schema, told, formats, zone)?;
        if let (Some(pending), Some(batch)) = (self.pending.take(), self.batch.take()) {
            let left = pending.remaining();
            let rest = batch.slice(batch.num_rows().saturating_sub(left), left);
            self.pending = Some(encoder.batch(&rest)?);
            self.batch = Some(rest);
        }
        self.encoder = encoder;
        Ok(())
    }

    /// Leaves rows out, until there are no more or `limit` of them are passed.
    pub async fn skip(
        &mut self,
        wire: &mut Transport,
        ending: &CancellationToken,
        limit: Option<u64>,
    ) -> Result<Sent, Failure> {
        let mut rows = 0;
        loop {
            if let Some(batch) = &mut self.pending {
                let left = limit.map_or(u64::MAX, |limit| limit - rows);
                rows += batch.skip(usize::try_from(left).unwrap_or(usize::MAX)) as u64;
            }
            if limit == Some(rows) {
                return Ok(Sent { rows, complete: false });
            }
            (self.pending, self.batch) = (None, None);
            match watch(wire, ending, &self.leash, self.batches.next()).await? {
                Some(batch) => self.take(batch)?,
                None => return Ok(Sent { rows, complete: true }),
            }
        }
    }

    /// Puts rows by, to be sent later, until there are no more or `limit` of them are.
    pub async fn keep(
        &mut self,
        wire: &mut Transport,
        ending: &CancellationToken,
        limit: Option<u64>,
        kept: &KeptRows,
    ) -> Result<Sent, Failure> {
        let mut rows = 0;
        loop {
            if let (Some(pending), Some(batch)) = (&mut self.pending, &self.batch) {
                let left = pending.remaining();
                let start = batch.num_rows().saturating_sub(left);
                let wanted = limit.map_or(u64::MAX, |limit| limit - rows);
                let taken = pending.skip(usize::try_from(wanted).unwrap_or(usize::MAX));
                kept.add(batch.slice(start, taken)).await?;
                rows += taken as u64;
            }
            if limit == Some(rows) {
                return Ok(Sent { rows, complete: false });
            }
            (self.pending, self.batch) = (None, None);
            match watch(wire, ending, &self.leash, self.batches.next()).await? {
                Some(batch) => self.take(batch)?,
                None => return Ok(Sent { rows, complete: true }),
            }
        }
    }

    fn take(&mut self, batch: RecordBatch) -> Result<(), Error> {
        self.pending = Some(self.encoder.batch(&batch)?);
        self.batch = Some(batch);
        Ok(())
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
                    let allowed = self.most.map_or(u64::MAX, |most| most.saturating_sub(self.total));
                    if allowed == 0 {
                        return Err(Failure::Statement(too_many_rows(self.most.unwrap_or(0))));
                    }
                    let left = usize::try_from(left.min(allowed)).unwrap_or(usize::MAX);
                    let before = wire.output.len();
                    let written = batch.write(left, FLUSH_SIZE, &mut wire.output)? as u64;
                    rows += written;
                    self.total += written;
                    let bytes = (wire.output.len() - before) as u64;
                    if let Some(metrics) = &self.metrics {
                        metrics.sent(written, bytes);
                    }
                    if let Some(entry) = &self.entry {
                        entry.count(written, bytes);
                    }
                    if wire.output.len() >= FLUSH_SIZE {
                        wire.flush_until(ending).await?;
                    }
                }
                (self.pending, self.batch) = (None, None);
            }
            if limit == Some(rows) {
                return Ok(Sent { rows, complete: false });
            }
            match watch(wire, ending, &self.leash, self.batches.next()).await? {
                Some(batch) => self.take(batch)?,
                None => return Ok(Sent { rows, complete: true }),
            }
        }
    }
}

/// What a result with more rows than the session wants is answered (54000).
pub(super) fn too_many_rows(most: u64) -> Error {
    Error::new(SqlState("54000"), format!("the result has more than {most} rows"))
        .with_detail("That is the session's onerow.max_result_rows.")
        .with_hint("Ask for fewer rows with WHERE or LIMIT, or SET onerow.max_result_rows = 0.")
}
