//! A query's rows as a stream that owns its connection.

use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Value};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::unconstrained;
use tokio_util::sync::CancellationToken;

use super::decode::{ColumnReader, append_row};
use super::dialect::MysqlDialect;
use super::parts::{self, Cut, Part};
use super::pool::{Lease, Pool};
use super::types::MysqlType;
use super::{bind, errors};
use crate::error::{Error, Result};
use crate::federation::dialect::{Parameter, RemoteDialect};
use crate::federation::query::RemoteQuery;
use crate::sources::activity::Literals;
use crate::sources::rows::{BatchBuilder, object};
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::split::Split;
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
    /// How many streams it has.
    pub streams: usize,
    /// What the streams read in parts share; none when the first one reads everything.
    pub parted: Option<Arc<Parted>>,
}

/// What the streams of one read share.
#[derive(Debug)]
pub(super) struct Parted {
    cut: Cut,
    split: Split<Part>,
    /// Why there are fewer parts than planned.
    why_fewer: Mutex<Option<String>>,
}

impl Parted {
    /// A table to read in parts.
    pub fn new(cut: Cut) -> Self {
        Parted { cut, split: Split::default(), why_fewer: Mutex::default() }
    }
}

#[async_trait]
impl RemoteRead for MysqlRead {
    fn describe(&self) -> String {
        self.query.describe(self.dialect.as_ref())
    }

    fn how(&self) -> Option<String> {
        let why = self.parted.as_ref()?.why_fewer.lock();
        let fewer = why.as_ref().map(|why| format!("; there were fewer: {why}")).unwrap_or_default();
        Some(format!("in {} parts by primary key, not one snapshot{fewer}", self.streams))
    }

    fn partitions(&self) -> usize {
        self.streams
    }

    fn again(&self) -> Option<Arc<dyn RemoteRead>> {
        let parted = self.parted.as_ref()?;
        Some(Arc::new(MysqlRead { parted: Some(Arc::new(Parted::new(parted.cut.clone()))), ..self.clone() }))
    }

    fn literals(&self) -> Literals {
        Literals::Written
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
        partition: usize,
        keys: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let part = match &self.parted {
            Some(parted) => {
                let shared = Arc::clone(parted);
                let (pool, table, most) = (Arc::clone(&self.pool), self.table.clone(), self.streams);
                let prepare = move || {
                    let cut = shared.cut.clone();
                    parts::prepare(pool, table, cut, most, move |why| *shared.why_fewer.lock() = Some(why)).boxed()
                };
                match parted.split.take(partition, prepare).await? {
                    Some(part) => Some(part),
                    None => return Ok(stream::empty().boxed()),
                }
            }
            // With keys, or few rows, the first stream has everything.
            None if partition > 0 => return Ok(stream::empty().boxed()),
            None => None,
        };
        let mut query = self.query.clone();
        query.select.filters.extend(part.as_ref().and_then(|part| part.range.clone()));
        let rendered = query.render(self.dialect.as_ref(), keys);
        let parameters = rendered.parameters.iter().map(|p| self.bind(p)).collect::<Result<Vec<_>>>()?;
        let lease = match part {
            Some(part) => part.lease,
            None => self.pool.acquire().await?,
        };
        let query = Query {
            server: self.pool.server().to_string(),
            table: Some(self.table.clone()),
            sql: rendered.sql,
            parameters,
            traffic: Arc::clone(traffic),
        };
        let shape = (Arc::clone(&self.schema), Arc::clone(&self.readers));
        Ok(start(Arc::clone(&self.pool), lease, query, shape))
    }
}

impl MysqlRead {
    fn restricted(&self, function: Option<&str>, column: usize) -> Option<Arc<dyn RemoteRead>> {
        let query = self.query.keyed(self.dialect.as_ref(), function, column)?;
        Some(Arc::new(MysqlRead { query, parted: None, ..self.clone() }))
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

struct Query {
    server: String,
    table: Option<String>,
    sql: String,
    parameters: Vec<Value>,
    traffic: Arc<Traffic>,
}

/// What comes, and how it is read.
type Shape = (SchemaRef, Arc<[ColumnReader]>);

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
    conn: &mut Conn,
    query: Query,
    shape: Shape,
    sender: mpsc::Sender<RecordBatch>,
) -> Result<bool, Failure> {
    let Query { server, table, sql, parameters, traffic } = query;
    let table = table.as_deref();
    let failed = |error: mysql_async::Error| Failure::There(errors::query(&server, table, &error));
    let parameters = if parameters.is_empty() { Params::Empty } else { Params::Positional(parameters) };
    let statement = conn.prep(sql.as_str()).await.map_err(failed)?;
    if pool.is_first(conn.id(), statement.id()) {
        traffic.add_round_trip();
    }
    traffic.add_round_trip();
    let mut result = conn.exec_iter(&statement, parameters).await.map_err(failed)?;
    let (schema, readers) = shape;
    let changed = readers.iter().zip(result.columns_ref()).find(|(reader, column)| reader.is_changed(column));
    if let Some((reader, _)) = changed {
        return Err(errors::changed(&server, table, &reader.name).into());
    }
    let origin = object(&server, table);
    let mut batch = BatchBuilder::new(schema, origin)?;
    while let Some(row) = result.next().await.map_err(failed)? {
        let size = append_row(&readers, &row, batch.columns())
            .map_err(|(column, unfit)| errors::value(&server, table.unwrap_or("result"), column, &unfit))?;
        if batch.end_row(size) {
            traffic.add_bytes(batch.received());
            if sender.send(batch.finish()?).await.is_err() {
                return Ok(false);
            }
        }
    }
    traffic.add_bytes(batch.received());
    if !batch.is_empty() && sender.send(batch.finish()?).await.is_err() {
        return Ok(false);
    }
    Ok(true)
}
