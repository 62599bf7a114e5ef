//! From a connection to batches: a task that reads a query's rows and hands them on.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, Params, Value};
use tokio::sync::mpsc;
use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;

use super::decode::{ColumnReader, append_cells, append_row};
use super::direct::{Forms, Link, malformed};
use super::errors;
use super::line::Line;
use super::pool::{Lease, Pool};
use crate::error::{Error, Result};
use crate::sources::rows::{BatchBuilder, Unfit, object};
use crate::sources::traffic::Traffic;
use crate::sources::worker::{self, BATCHES_AHEAD};

/// What is asked.
pub(super) struct Query {
    pub server: String,
    /// For errors.
    pub table: Option<String>,
    pub sql: String,
    pub parameters: Vec<Value>,
    pub traffic: Arc<Traffic>,
}

/// What comes, and how it is read.
pub(super) type Shape = (SchemaRef, Arc<[ColumnReader]>);

/// Why a query's rows did not come to their end.
enum Failure {
    /// The server ended it, or is gone: nothing is left to cancel.
    There(Error),
    /// The rows could not be used, and more may come.
    Here(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Here(error)
    }
}

/// The rows of a query, as a stream that owns its connection.
pub(super) fn start(
    pool: Arc<Pool>,
    mut lease: Lease<Line>,
    query: Query,
    shape: Shape,
) -> BoxStream<'static, Result<RecordBatch>> {
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let cancel = CancellationToken::new();
    let guard = cancel.clone().drop_guard();
    // Each packet counts as much as a whole batch where tasks are made to give way: this one would wait for its turn
    // after every hundred rows. It gives way where it waits, for the server or for whoever takes the batches.
    let worker = tokio::spawn(unconstrained(async move {
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            outcome = pump(&pool, &mut lease.conn, query, shape, sender) => Some(outcome),
        };
        match outcome {
            Some(Ok(true)) => {
                pool.release(lease);
                Ok(())
            }
            // Nobody reads on.
            Some(Ok(false)) | None => {
                pool.abandon(lease);
                Ok(())
            }
            Some(Err(Failure::There(error))) => Err(error),
            Some(Err(Failure::Here(error))) => {
                pool.abandon(lease);
                Err(error)
            }
        }
    }));
    worker::stream(batches, worker, guard)
}

/// Sends every row of the query on. The answer is false when its reader has gone.
async fn pump(
    pool: &Pool,
    line: &mut Line,
    query: Query,
    shape: Shape,
    sender: mpsc::Sender<RecordBatch>,
) -> Result<bool, Failure> {
    let (schema, readers) = shape;
    let Query { server, table, sql, parameters, traffic } = query;
    let batch = BatchBuilder::new(schema, object(&server, table.as_deref()))?;
    let pump = Pump { server, table, traffic, readers, batch, sender };
    match line {
        Line::Direct(link) => pump.direct(link, &sql, &parameters).await,
        Line::Driver(conn) => pump.driver(pool, conn, &sql, parameters).await,
    }
}

/// What both ways of reading share.
struct Pump {
    server: String,
    table: Option<String>,
    traffic: Arc<Traffic>,
    readers: Arc<[ColumnReader]>,
    batch: BatchBuilder,
    sender: mpsc::Sender<RecordBatch>,
}

impl Pump {
    async fn direct(mut self, link: &mut Link, sql: &str, parameters: &[Value]) -> Result<bool, Failure> {
        let (mut rows, was_prepared) = link.execute(sql, parameters).await.map_err(|e| self.failed(&e))?;
        if was_prepared {
            self.traffic.add_round_trip();
        }
        self.traffic.add_round_trip();
        self.check(rows.columns())?;
        let forms = Forms::of(rows.columns());
        loop {
            while let Some(row) = rows.received().map_err(|e| self.failed(&e))? {
                let cells = forms.cells(row).ok_or_else(|| self.failed(&malformed()))?;
                let size = append_cells(&self.readers, cells, self.batch.columns())
                    .map_err(|(column, unfit)| self.unfit(column, &unfit))?;
                if self.batch.end_row(size) && !self.send().await? {
                    return Ok(false);
                }
            }
            if !rows.more().await.map_err(|e| self.failed(&e))? {
                break;
            }
        }
        self.finish().await
    }

    async fn driver(
        mut self,
        pool: &Pool,
        conn: &mut Conn,
        sql: &str,
        parameters: Vec<Value>,
    ) -> Result<bool, Failure> {
        let parameters = if parameters.is_empty() { Params::Empty } else { Params::Positional(parameters) };
        let statement = conn.prep(sql).await.map_err(|e| self.failed(&e))?;
        if pool.is_first(conn.id(), statement.id()) {
            self.traffic.add_round_trip();
        }
        self.traffic.add_round_trip();
        let mut result = conn.exec_iter(&statement, parameters).await.map_err(|e| self.failed(&e))?;
        self.check(result.columns_ref())?;
        while let Some(row) = result.next().await.map_err(|e| self.failed(&e))? {
            let size = append_row(&self.readers, &row, self.batch.columns())
                .map_err(|(column, unfit)| self.unfit(column, &unfit))?;
            if self.batch.end_row(size) && !self.send().await? {
                return Ok(false);
            }
        }
        self.finish().await
    }

    fn failed(&self, error: &mysql_async::Error) -> Failure {
        Failure::There(errors::query(&self.server, self.table.as_deref(), error))
    }

    /// Whether the columns that come are those that were planned.
    fn check(&self, columns: &[Column]) -> Result<()> {
        match self.readers.iter().zip(columns).find(|(reader, column)| reader.is_changed(column)) {
            None => Ok(()),
            Some((reader, _)) => Err(errors::changed(&self.server, self.table.as_deref(), &reader.name)),
        }
    }

    fn unfit(&self, column: &str, unfit: &Unfit) -> Error {
        errors::value(&self.server, self.table.as_deref().unwrap_or("result"), column, unfit)
    }

    /// Hands a full batch on; false when nobody takes it.
    async fn send(&mut self) -> Result<bool> {
        self.traffic.add_bytes(self.batch.received());
        Ok(self.sender.send(self.batch.finish()?).await.is_ok())
    }

    async fn finish(mut self) -> Result<bool, Failure> {
        self.traffic.add_bytes(self.batch.received());
        if !self.batch.is_empty() && self.sender.send(self.batch.finish()?).await.is_err() {
            return Ok(false);
        }
        Ok(true)
    }
}
