//! A cursor whose rows can be had again: what has come is kept, and rows are sent from there, forward and backward.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, UInt64Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use tokio_util::sync::CancellationToken;

use super::data_row::RowEncoder;
use super::errors::Failure;
use super::metrics::Metrics;
use super::rows::{FLUSH_SIZE, Rows, too_many_rows};
use super::running::Leash;
use super::transport::Transport;
use crate::audit::Entry;
use crate::engine::KeptRows;
use crate::error::Error;

/// The rows of a cursor that can go back, or that outlives its transaction.
pub(super) struct Scroll {
    /// What has not come yet; none when all is kept.
    rows: Option<Box<Rows>>,
    kept: KeptRows,
    pub schema: SchemaRef,
    /// The statement that declared it, where that is recorded.
    pub entry: Option<Arc<Entry>>,
    /// What begins the command tag.
    pub verb: &'static str,
    metrics: Option<Arc<Metrics>>,
    /// How many rows the client may have; none for all.
    most: Option<u64>,
    /// How many it has.
    total: u64,
}

/// Where rows go that are fetched.
pub(super) struct Outlet<'a> {
    pub wire: &'a mut Transport,
    pub ending: &'a CancellationToken,
    /// What ends the fetch early.
    pub leash: &'a Leash,
    /// How rows are written; none where they are only passed.
    pub encoder: Option<RowEncoder>,
    /// Where they are counted, if they are.
    pub entry: Option<Arc<Entry>>,
    /// Where they are put by instead of being sent.
    pub kept: Option<&'a KeptRows>,
}

impl Scroll {
    /// Keeps what a query gives from now on.
    pub fn new(rows: Box<Rows>, kept: KeptRows) -> Scroll {
        Scroll {
            schema: SchemaRef::clone(rows.schema()),
            entry: rows.entry.clone(),
            verb: "SELECT",
            metrics: rows.metrics.clone(),
            most: rows.most,
            total: 0,
            rows: Some(rows),
            kept,
        }
    }

    /// The rows that a FETCH has taken from a cursor, which are sent in parts.
    pub fn fetched(
        schema: SchemaRef,
        kept: KeptRows,
        entry: Option<Arc<Entry>>,
        metrics: Arc<Metrics>,
        most: Option<u64>,
    ) -> Scroll {
        Scroll { rows: None, kept, schema, entry, verb: "FETCH", metrics: Some(metrics), most, total: 0 }
    }

    /// What ends the query, as long as it runs.
    pub fn leash(&self) -> Option<&Leash> {
        self.rows.as_ref().map(|rows| &rows.leash)
    }

    /// Reads on until so many rows are kept, or all that there are.
    pub async fn reach(
        &mut self,
        wire: &mut Transport,
        ending: &CancellationToken,
        wanted: u64,
    ) -> Result<(), Failure> {
        while self.kept.len() < wanted
            && let Some(rows) = &mut self.rows
        {
            match rows.pull(wire, ending).await? {
                Some(batch) => self.kept.add(batch).await?,
                None => self.rows = None,
            }
        }
        Ok(())
    }

    /// The next rows behind the first `from`, up to `count` of them; how many there were.
    pub async fn forward(&mut self, out: &mut Outlet<'_>, from: u64, count: Option<u64>) -> Result<u64, Failure> {
        let until = count.map_or(u64::MAX, |count| from.saturating_add(count));
        let mut at = from;
        if out.encoder.is_none() {
            self.reach(out.wire, out.ending, until).await?;
            return Ok(self.kept.len().min(until).saturating_sub(from));
        }
        while at < until {
            out.leash.check()?;
            self.reach(out.wire, out.ending, at + 1).await?;
            let Some((start, batch)) = self.kept.batch_of(at).await? else { break };
            let offset = size(at - start);
            let rows = batch.num_rows().saturating_sub(offset).min(size(until - at));
            self.send(out, &batch.slice(offset, rows), false).await?;
            at += rows as u64;
        }
        Ok(at - from)
    }

    /// The last `count` of the first `from` rows, the last one first; how many there were.
    pub async fn backward(&mut self, out: &mut Outlet<'_>, from: u64, count: Option<u64>) -> Result<u64, Failure> {
        let until = count.map_or(0, |count| from.saturating_sub(count));
        if out.encoder.is_none() {
            return Ok(from - until);
        }
        let mut at = from;
        while at > until {
            out.leash.check()?;
            let Some((start, batch)) = self.kept.batch_of(at - 1).await? else { break };
            let first = start.max(until);
            self.send(out, &batch.slice(size(first - start), size(at - first)), true).await?;
            at = first;
        }
        Ok(from - at)
    }

    async fn send(&mut self, out: &mut Outlet<'_>, rows: &RecordBatch, reversed: bool) -> Result<(), Failure> {
        let Some(encoder) = &out.encoder else { return Ok(()) };
        if let Some(kept) = out.kept {
            let rows = if reversed { turned(rows)? } else { rows.clone() };
            return Ok(kept.add(rows).await?);
        }
        let mut batch = encoder.batch(rows)?;
        while batch.remaining() > 0 {
            let allowed = self.most.map_or(u64::MAX, |most| most.saturating_sub(self.total));
            if allowed == 0 {
                return Err(Failure::Statement(too_many_rows(self.most.unwrap_or(0))));
            }
            let before = out.wire.output.len();
            let written = if reversed {
                batch.write_last(size(allowed), FLUSH_SIZE, &mut out.wire.output)?
            } else {
                batch.write(size(allowed), FLUSH_SIZE, &mut out.wire.output)?
            } as u64;
            self.total += written;
            let bytes = (out.wire.output.len() - before) as u64;
            if let Some(metrics) = &self.metrics {
                metrics.sent(written, bytes);
            }
            if let Some(entry) = &out.entry {
                entry.count(written, bytes);
            }
            if out.wire.output.len() >= FLUSH_SIZE {
                out.wire.flush_until(out.ending).await?;
            }
        }
        Ok(())
    }
}

/// The rows, the last one first.
fn turned(rows: &RecordBatch) -> Result<RecordBatch, Error> {
    let order = UInt64Array::from_iter_values((0..rows.num_rows() as u64).rev());
    Ok(take_record_batch(rows, &order)?)
}

fn size(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn rows_are_turned() {
        let numbers: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3]));
        let rows = RecordBatch::try_from_iter([("a", numbers)]).unwrap();
        let turned = turned(&rows).unwrap();
        assert_eq!(turned.column(0).as_primitive::<Int32Type>().values(), &[3, 2, 1]);
    }
}
