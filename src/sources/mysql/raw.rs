//! Queries in the source's own SQL.

use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, Params, Statement};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::decode::{ColumnReader, append_row};
use super::errors;
use super::pool::{Lease, Pool};
use super::types::MysqlType;
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::sources::activity::Literals;
use crate::sources::kind::RawQuery;
use crate::sources::rows::{BatchBuilder, object};
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::statement;
use crate::sources::traffic::Traffic;
use crate::sources::worker::{self, BATCHES_AHEAD};

/// Prepares a query, to learn its columns. Nothing is run. `zone` is that of DATETIME columns.
pub(super) async fn prepare(pool: &Arc<Pool>, sql: &str, zone: Option<Tz>) -> Result<RawQuery> {
    let mut lease: Lease = pool.acquire().await?;
    let failed = |error: mysql_async::Error| errors::raw(pool.server(), &error);
    let prepared = lease.conn.prep(sql).await.map_err(failed)?;
    // One connection in the pool need not keep what may never be sent again.
    let schema = schema_of(&prepared, zone, pool.server());
    lease.conn.close(prepared).await.map_err(failed)?;
    pool.release(lease);
    let schema = schema?;
    let read = MysqlRaw { pool: Arc::clone(pool), sql: sql.to_string(), zone, schema: Arc::clone(&schema) };
    Ok(RawQuery { schema, read: Arc::new(read), writes: false })
}

/// What a prepared query gives.
fn schema_of(prepared: &Statement, zone: Option<Tz>, server: &str) -> Result<SchemaRef> {
    if prepared.num_params() > 0 {
        return Err(statement::with_parameters(server));
    }
    let columns = prepared.columns();
    if columns.is_empty() {
        return Err(statement::without_columns(server));
    }
    let field = |column: &Column| MysqlType::of_result(column).pg_type(zone.is_some()).field(&column.name_str(), true);
    Ok(Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>())))
}

/// One raw query.
#[derive(Debug)]
struct MysqlRaw {
    pool: Arc<Pool>,
    sql: String,
    zone: Option<Tz>,
    schema: SchemaRef,
}

#[async_trait]
impl RemoteRead for MysqlRaw {
    fn describe(&self) -> String {
        self.sql.clone()
    }

    /// Only who wrote it knows whether it may be sent again.
    fn is_repeatable(&self) -> bool {
        false
    }

    fn literals(&self) -> Literals {
        Literals::Mysql
    }

    /// The query's connection is not used again: the query may have changed its settings.
    async fn open(
        &self,
        _: usize,
        _: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let mut lease: Lease = self.pool.acquire().await?;
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let cancel = CancellationToken::new();
        let guard = cancel.clone().drop_guard();
        let pool = Arc::clone(&self.pool);
        let work = Work {
            server: self.pool.server().to_string(),
            sql: self.sql.clone(),
            zone: self.zone,
            schema: Arc::clone(&self.schema),
            traffic: Arc::clone(traffic),
        };
        let reader = tokio::spawn(async move {
            let outcome = tokio::select! {
                biased;
                () = cancel.cancelled() => None,
                outcome = work.pump(&mut lease.conn, sender) => Some(outcome),
            };
            match outcome {
                Some(Ok(true)) => Ok(()),
                // Nobody reads on: what it did is undone with its connection.
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
        });
        Ok(worker::stream(batches, reader, guard))
    }
}

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

/// What the reading task needs.
struct Work {
    server: String,
    sql: String,
    zone: Option<Tz>,
    schema: SchemaRef,
    traffic: Arc<Traffic>,
}

impl Work {
    /// Sends every row on. The answer is false when nobody takes them.
    async fn pump(&self, conn: &mut Conn, sender: mpsc::Sender<RecordBatch>) -> Result<bool, Failure> {
        let failed = |error: mysql_async::Error| Failure::There(errors::raw(&self.server, &error));
        self.traffic.add_round_trip();
        conn.query_drop("START TRANSACTION READ ONLY").await.map_err(failed)?;
        self.traffic.add_round_trip();
        let prepared = conn.prep(self.sql.as_str()).await.map_err(failed)?;
        self.traffic.add_round_trip();
        let mut result = conn.exec_iter(&prepared, Params::Empty).await.map_err(failed)?;
        let readers = self.readers(result.columns_ref())?;
        let origin = object(&self.server, None);
        let mut batch = BatchBuilder::new(Arc::clone(&self.schema), origin)?;
        while let Some(row) = result.next().await.map_err(failed)? {
            let size = append_row(&readers, &row, batch.columns())
                .map_err(|(column, unfit)| errors::value(&self.server, "result", column, &unfit))?;
            if batch.end_row(size) {
                self.traffic.add_bytes(batch.received());
                if sender.send(batch.finish()?).await.is_err() {
                    return Ok(false);
                }
            }
        }
        drop(result);
        self.traffic.add_bytes(batch.received());
        if !batch.is_empty() && sender.send(batch.finish()?).await.is_err() {
            return Ok(false);
        }
        Ok(true)
    }

    /// How the columns that come become those that were planned. When it is run the server may know of a type more
    /// than when it was prepared; names and number must be the same.
    fn readers(&self, columns: &[Column]) -> Result<Vec<ColumnReader>> {
        let fields = self.schema.fields();
        let same = columns.len() == fields.len()
            && columns.iter().zip(fields).all(|(column, field)| column.name_str() == field.name().as_str());
        if !same {
            return Err(statement::changed(&self.server));
        }
        let reader = |(column, field): (&Column, &FieldRef)| {
            ColumnReader::new(field.name(), &PgType::of_field(field), Some(MysqlType::of_result(column)), self.zone)
        };
        Ok(columns.iter().zip(fields).map(reader).collect())
    }
}
