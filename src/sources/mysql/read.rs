//! A query's rows as a stream that owns its connection.

use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, Params, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::decode::{ColumnReader, append_row};
use super::dialect::MysqlDialect;
use super::pool::{Lease, Pool};
use super::types::MysqlType;
use super::{bind, errors};
use crate::error::{Error, Result};
use crate::federation::dialect::{Parameter, RemoteDialect};
use crate::federation::query::RemoteQuery;
use crate::sources::rows::{BatchBuilder, object};
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::traffic::Traffic;
use crate::sources::worker::{self, BATCHES_AHEAD};
use crate::sources::zone::zone_option;

/// One SELECT, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct MysqlRead {
    pub pool: Arc<Pool>,
    /// The table, for errors.
    pub table: String,
    pub dialect: Arc<MysqlDialect>,
    pub query: RemoteQuery,
    /// Where DATETIME columns are whose table says nothing else.
    pub zone: Option<Tz>,
    pub schema: SchemaRef,
    pub readers: Arc<[ColumnReader]>,
}

#[async_trait]
impl RemoteRead for MysqlRead {
    fn describe(&self) -> String {
        self.query.describe(self.dialect.as_ref())
    }

    fn keyed(&self, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(None, column)
    }

    fn keyed_through(&self, function: &str, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(Some(function), column)
    }

    fn keys_at_once(&self) -> usize {
        self.dialect.keys_at_once()
    }

    async fn open(
        &self,
        _: usize,
        keys: &[Keys],
        _traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let rendered = self.query.render(self.dialect.as_ref(), keys);
        let parameters = rendered.parameters.iter().map(|p| self.bind(p)).collect::<Result<Vec<_>>>()?;
        let lease = self.pool.acquire().await?;
        let query = Query {
            server: self.pool.server().to_string(),
            table: Some(self.table.clone()),
            sql: rendered.sql,
            parameters,
        };
        let shape = Shape::Known(Arc::clone(&self.schema), Arc::clone(&self.readers));
        Ok(start(Arc::clone(&self.pool), lease, query, shape))
    }
}

impl MysqlRead {
    fn restricted(&self, function: Option<&str>, column: usize) -> Option<Arc<dyn RemoteRead>> {
        let query = self.query.keyed(self.dialect.as_ref(), function, column)?;
        Some(Arc::new(MysqlRead { query, ..self.clone() }))
    }

    fn bind(&self, parameter: &Parameter) -> Result<Value> {
        let zone = zone_option(&parameter.column.options)?.or(self.zone);
        MysqlType::parse(&parameter.column.remote_type)
            .and_then(|remote| bind::parameter(remote, &parameter.value, zone))
            .ok_or_else(|| {
                Error::internal(format!("a literal was taken for \"{}\" that cannot be sent", parameter.column.name))
            })
    }
}

/// Runs a query whose columns only its answer tells. Its connection is not used again: the query may have changed
/// its settings.
pub(super) async fn raw(pool: &Arc<Pool>, sql: &str, zone: Option<Tz>) -> Result<SendableRecordBatchStream> {
    let lease = pool.acquire().await?;
    let query = Query { server: pool.server().to_string(), table: None, sql: sql.to_string(), parameters: vec![] };
    let (announce, announced) = oneshot::channel();
    let mut batches = start(Arc::clone(pool), lease, query, Shape::Announced(announce, zone));
    match announced.await {
        Ok(schema) => Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.map_err(DataFusionError::from)))),
        // The worker ended before it knew the columns: its error is the stream's only item.
        Err(_) => match batches.try_next().await {
            Err(error) => Err(error),
            Ok(_) => Err(Error::internal(format!("a query of server \"{}\" gave no columns", pool.server()))),
        },
    }
}

struct Query {
    server: String,
    table: Option<String>,
    sql: String,
    parameters: Vec<Value>,
}

/// Where a result's columns come from.
enum Shape {
    Known(SchemaRef, Arc<[ColumnReader]>),
    /// From the answer, which tells the schema on.
    Announced(oneshot::Sender<SchemaRef>, Option<Tz>),
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

fn start(pool: Arc<Pool>, mut lease: Lease, query: Query, shape: Shape) -> BoxStream<'static, Result<RecordBatch>> {
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let cancel = CancellationToken::new();
    let guard = cancel.clone().drop_guard();
    let reusable = matches!(shape, Shape::Known(..));
    let worker = tokio::spawn(async move {
        let outcome = tokio::select! {
            biased;
            () = cancel.cancelled() => None,
            outcome = pump(&mut lease.conn, query, shape, sender) => Some(outcome),
        };
        match outcome {
            Some(Ok(true)) if reusable => {
                pool.release(lease);
                Ok(())
            }
            Some(Ok(true)) => Ok(()),
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
    });
    worker::stream(batches, worker, guard)
}

/// Sends every row of the query on. The answer is false when its reader has gone.
async fn pump(conn: &mut Conn, query: Query, shape: Shape, sender: mpsc::Sender<RecordBatch>) -> Result<bool, Failure> {
    let Query { server, table, sql, parameters } = query;
    let table = table.as_deref();
    let failed = |error: mysql_async::Error| Failure::There(errors::query(&server, table, &error));
    let parameters = if parameters.is_empty() { Params::Empty } else { Params::Positional(parameters) };
    let mut result = conn.exec_iter(sql.as_str(), parameters).await.map_err(failed)?;
    let (schema, readers) = match shape {
        Shape::Known(schema, readers) => (schema, readers),
        Shape::Announced(announce, zone) => {
            let (schema, readers) = shape_of(result.columns_ref(), zone);
            if announce.send(Arc::clone(&schema)).is_err() {
                return Ok(false);
            }
            (schema, readers)
        }
    };
    let origin = object(&server, table);
    let mut batch = BatchBuilder::new(schema, origin)?;
    while let Some(row) = result.next().await.map_err(failed)? {
        let size = append_row(&readers, &row, batch.columns())
            .map_err(|(column, unfit)| errors::value(&server, table.unwrap_or("result"), column, &unfit))?;
        if batch.end_row(size) && sender.send(batch.finish()?).await.is_err() {
            return Ok(false);
        }
    }
    if !batch.is_empty() && sender.send(batch.finish()?).await.is_err() {
        return Ok(false);
    }
    Ok(true)
}

fn shape_of(columns: &[Column], zone: Option<Tz>) -> (SchemaRef, Arc<[ColumnReader]>) {
    let mut fields = Vec::with_capacity(columns.len());
    let mut readers = Vec::with_capacity(columns.len());
    for column in columns {
        let name = column.name_str();
        let remote = MysqlType::of_result(column);
        let pg_type = remote.pg_type(zone.is_some());
        fields.push(pg_type.field(&name, true));
        readers.push(ColumnReader::new(&name, &pg_type, Some(remote), zone));
    }
    (Arc::new(Schema::new(fields)), readers.into())
}
