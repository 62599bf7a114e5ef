//! A query's rows as a stream, read on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use rusqlite::types::Value;
use rusqlite::{Connection, InterruptHandle, Statement, params_from_iter};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::connect::Database;
use super::decode::{ColumnReader, append_row};
use super::dialect::SqliteDialect;
use super::{errors, types};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::federation::query::RemoteQuery;
use crate::sources::rows::{BatchBuilder, object};
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::traffic::Traffic;
use crate::sources::worker::{self, BATCHES_AHEAD};

/// How often a query is interrupted until it ends. Once is not enough: an interrupt before it begins is forgotten.
const INTERRUPT_EVERY: Duration = Duration::from_millis(20);

/// One SELECT, ready to be run.
#[derive(Clone, Debug)]
pub(super) struct SqliteRead {
    pub database: Arc<Database>,
    /// The table, for errors.
    pub table: String,
    pub query: RemoteQuery,
    pub schema: SchemaRef,
    pub readers: Arc<[ColumnReader]>,
}

#[async_trait]
impl RemoteRead for SqliteRead {
    fn describe(&self) -> String {
        self.query.describe(&SqliteDialect)
    }

    fn keyed(&self, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(None, column)
    }

    fn keyed_through(&self, function: &str, column: usize) -> Option<Arc<dyn RemoteRead>> {
        self.restricted(Some(function), column)
    }

    async fn open(
        &self,
        _: usize,
        keys: &[Keys],
        _traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let rendered = self.query.render(&SqliteDialect, keys);
        let parameters = rendered
            .parameters
            .iter()
            .map(|p| {
                SqliteDialect::parameter(&p.value).ok_or_else(|| {
                    Error::internal(format!("a literal was taken for \"{}\" that cannot be sent", p.column.name))
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let permit = self.database.permit().await?;
        let query = Query { table: Some(self.table.clone()), sql: rendered.sql, parameters };
        let shape = Shape::Known(Arc::clone(&self.schema), Arc::clone(&self.readers));
        Ok(start(Arc::clone(&self.database), permit, query, shape))
    }
}

impl SqliteRead {
    fn restricted(&self, function: Option<&str>, column: usize) -> Option<Arc<dyn RemoteRead>> {
        let query = self.query.keyed(&SqliteDialect, function, column)?;
        Some(Arc::new(SqliteRead { query, ..self.clone() }))
    }
}

/// Runs a query whose columns only it tells.
pub(super) async fn raw(database: &Arc<Database>, sql: &str, zone: Option<Tz>) -> Result<SendableRecordBatchStream> {
    let permit = database.permit().await?;
    let query = Query { table: None, sql: sql.to_string(), parameters: vec![] };
    let (announce, announced) = oneshot::channel();
    let mut batches = start(Arc::clone(database), permit, query, Shape::Announced(announce, zone));
    match announced.await {
        Ok(schema) => Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.map_err(DataFusionError::from)))),
        // The worker ended before it knew the columns: its error is the stream's only item.
        Err(_) => match batches.try_next().await {
            Err(error) => Err(error),
            Ok(_) => Err(Error::internal(format!("a query of server \"{}\" gave no columns", database.server()))),
        },
    }
}

struct Query {
    table: Option<String>,
    sql: String,
    parameters: Vec<Value>,
}

/// Where a result's columns come from.
enum Shape {
    Known(SchemaRef, Arc<[ColumnReader]>),
    /// From the prepared statement, which tells the schema on.
    Announced(oneshot::Sender<SchemaRef>, Option<Tz>),
}

/// What reader and stream share.
#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    interrupt: OnceLock<InterruptHandle>,
}

/// Ends the reader when its stream is dropped.
struct Guard {
    shared: Arc<Shared>,
    reader: AbortHandle,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // It need not even begin.
        self.reader.abort();
        let (shared, reader) = (Arc::clone(&self.shared), self.reader.clone());
        if reader.is_finished() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                while !reader.is_finished() {
                    shared.interrupt();
                    tokio::time::sleep(INTERRUPT_EVERY).await;
                }
            });
        } else {
            shared.interrupt();
        }
    }
}

impl Shared {
    fn interrupt(&self) {
        if let Some(handle) = self.interrupt.get() {
            handle.interrupt();
        }
    }
}

fn start(
    database: Arc<Database>,
    permit: OwnedSemaphorePermit,
    query: Query,
    shape: Shape,
) -> BoxStream<'static, Result<RecordBatch>> {
    let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
    let shared = Arc::new(Shared::default());
    let of_reader = Arc::clone(&shared);
    let reader = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let conn = database.open()?;
        // It is set here alone, once.
        let _ = of_reader.interrupt.set(conn.get_interrupt_handle());
        if of_reader.stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        pump(&database, &conn, &query, shape, &sender)
    });
    let guard = Guard { shared, reader: reader.abort_handle() };
    worker::stream(batches, reader, guard)
}

/// Sends every row of the query on, as long as there is a reader.
fn pump(
    database: &Database,
    conn: &Connection,
    query: &Query,
    shape: Shape,
    sender: &mpsc::Sender<RecordBatch>,
) -> Result<()> {
    let table = query.table.as_deref();
    let failed = |error: rusqlite::Error| errors::query(database.server(), database.path(), table, &error);
    let mut statement = conn.prepare(&query.sql).map_err(failed)?;
    let (schema, readers) = match shape {
        Shape::Known(schema, readers) => (schema, readers),
        Shape::Announced(announce, zone) => {
            if !statement.readonly() || statement.column_count() == 0 {
                return Err(Error::new(
                    SqlState::READ_ONLY_SQL_TRANSACTION,
                    format!("server \"{}\" is only ever read", database.server()),
                ));
            }
            let (schema, readers) = shape_of(&statement, zone);
            if announce.send(Arc::clone(&schema)).is_err() {
                return Ok(());
            }
            (schema, readers)
        }
    };
    let origin = object(database.server(), table);
    let mut batch = BatchBuilder::new(schema, origin)?;
    let mut rows = statement.query(params_from_iter(query.parameters.iter())).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let size = append_row(&readers, row, batch.columns())
            .map_err(|(column, unfit)| errors::value(database.server(), table.unwrap_or("result"), column, &unfit))?;
        if batch.end_row(size) && sender.blocking_send(batch.finish()?).is_err() {
            return Ok(());
        }
    }
    if !batch.is_empty() {
        // It is the last: whether anybody takes it makes no difference.
        let _ = sender.blocking_send(batch.finish()?);
    }
    Ok(())
}

fn shape_of(statement: &Statement<'_>, zone: Option<Tz>) -> (SchemaRef, Arc<[ColumnReader]>) {
    let columns = statement.columns();
    let mut fields = Vec::with_capacity(columns.len());
    let mut readers = Vec::with_capacity(columns.len());
    for column in &columns {
        let declared = column.decl_type().unwrap_or_default();
        let pg_type = match declared {
            "" => PgType::Text,
            declared => types::pg_type(declared, zone.is_some()),
        };
        fields.push(pg_type.field(column.name(), true));
        readers.push(ColumnReader::new(column.name(), &pg_type, declared, zone));
    }
    (Arc::new(Schema::new(fields)), readers.into())
}
