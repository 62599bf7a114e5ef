//! A scan under way: rows are pulled as they are wanted, so the source waits for us and memory stays bounded.
//!
//! The driver holds back on its socket when nobody takes rows: between it and the stream there is room for a few
//! socket reads, whatever the size of the answer. No cursor is needed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio_postgres::{RowStream, Statement};

use super::decode::{BatchDecoder, ColumnPlan};
use super::dialect::PostgresDialect;
use super::errors::{self, Place};
use super::parameter::{self, TextParameter};
use super::pool::{Lease, Pool};
use super::query::{self, Started};
use super::types::comes_as;
use crate::error::{Error, Result, SqlState};
use crate::federation::dialect::Parameter;
use crate::federation::query::RemoteQuery;
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::traffic::Traffic;

/// One SELECT, ready to be sent.
#[derive(Clone)]
pub(super) struct PostgresRead {
    pub(super) pool: Arc<Pool>,
    pub(super) place: Arc<Place>,
    pub(super) query: RemoteQuery,
    pub(super) columns: Vec<ColumnPlan>,
    pub(super) schema: SchemaRef,
    pub(super) zone: Tz,
}

impl fmt::Debug for PostgresRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresRead").field("place", &self.place).field("query", &self.query).finish_non_exhaustive()
    }
}

#[async_trait]
impl RemoteRead for PostgresRead {
    fn describe(&self) -> String {
        self.query.describe(&PostgresDialect)
    }

    fn keyed(&self, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(None, column)
    }

    fn keyed_through(&self, function: &str, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(Some(function), column)
    }

    async fn open(
        &self,
        _partition: usize,
        keys: &[Keys],
        _traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let rendered = self.query.render(&PostgresDialect, keys);
        let parameters = rendered.parameters.iter().map(bind).collect::<Result<Vec<_>>>()?;
        let decoder = BatchDecoder::new(Arc::clone(&self.place), Arc::clone(&self.schema), &self.columns, self.zone)?;
        let unchanged = |statement: &Statement| check(statement, &self.columns);
        let started = query::start(&self.pool, &self.place, &rendered.sql, &parameters, &unchanged).await?;
        Ok(batches(started, decoder, Arc::clone(&self.place)))
    }
}

impl PostgresRead {
    fn restricted(&self, function: Option<&str>, column: usize) -> Option<Arc<dyn RemoteRead>> {
        let query = self.query.keyed(&PostgresDialect, function, column)?;
        Some(Arc::new(PostgresRead { query, ..self.clone() }))
    }
}

fn bind(parameter: &Parameter) -> Result<TextParameter> {
    parameter::text(&parameter.value).map(TextParameter).ok_or_else(|| {
        Error::internal(format!("a literal compared with column \"{}\" cannot be sent", parameter.column.name))
    })
}

/// Refuses a statement whose columns no longer have the types that they were imported with: their values would be
/// misread, and predicates may mean something else.
fn check(statement: &Statement, columns: &[ColumnPlan]) -> Result<()> {
    for (plan, column) in columns.iter().zip(statement.columns()) {
        let found = column.type_();
        if !comes_as(&plan.wire, found.oid()) {
            return Err(Error::new(
                SqlState::FDW_INVALID_DATA_TYPE,
                format!(
                    "column \"{}\" has changed at the source: it is now {}, where {} was expected",
                    plan.name,
                    found.name(),
                    plan.wire
                ),
            )
            .with_hint("Import the foreign schema again."));
        }
    }
    Ok(())
}

/// The batches of a started statement. Dropping the stream stops the statement at the source.
pub(super) fn batches(
    started: Started,
    decoder: BatchDecoder,
    place: Arc<Place>,
) -> BoxStream<'static, Result<RecordBatch>> {
    let running = Running { lease: Some(started.lease), rows: Some(started.rows), decoder, place };
    stream::try_unfold(running, |mut running| async move {
        let next = running.next().await;
        next.map(|batch| batch.map(|batch| (batch, running)))
    })
    .boxed()
}

/// A statement whose rows are being read.
struct Running {
    /// With `rows`, there until the last row has come.
    lease: Option<Lease>,
    rows: Option<Pin<Box<RowStream>>>,
    decoder: BatchDecoder,
    place: Arc<Place>,
}

impl Running {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        loop {
            match rows.next().await {
                Some(Ok(row)) => {
                    self.decoder.push(&row)?;
                    if self.decoder.is_full() {
                        return self.decoder.finish();
                    }
                }
                Some(Err(error)) => return Err(self.failed(&error)),
                None => {
                    self.rows = None;
                    if let Some(mut lease) = self.lease.take() {
                        lease.busy = false;
                    }
                    return self.decoder.finish();
                }
            }
        }
    }

    fn failed(&mut self, error: &tokio_postgres::Error) -> Error {
        self.rows = None;
        let mut ended = None;
        if let Some(mut lease) = self.lease.take() {
            ended = lease.connection().ok().and_then(|connection| connection.ended());
            // After an error of its own the source is ready for the next statement; anything else is cut off.
            lease.busy = error.as_db_error().is_none();
        }
        errors::running(&self.place, error, ended)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (Some(lease), Some(rows)) = (self.lease.take(), self.rows.take()) {
            lease.wind_down(rows);
        }
    }
}
