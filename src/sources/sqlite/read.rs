//! A query's rows as a stream, read on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use rusqlite::types::Value;
use rusqlite::{Connection, InterruptHandle, params_from_iter};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::AbortHandle;

use super::connect::Database;
use super::decode::{ColumnReader, append_row};
use super::dialect::SqliteDialect;
use super::errors;
use crate::error::{Error, Result};
use crate::federation::query::RemoteQuery;
use crate::sources::activity::Literals;
use crate::sources::rows::{BatchBuilder, object};
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::statement::changed;
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

    fn literals(&self) -> Literals {
        Literals::Written
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
        traffic: &Arc<Traffic>,
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
        let query = Query {
            table: Some(self.table.clone()),
            sql: rendered.sql,
            parameters,
            raw: false,
            traffic: Arc::clone(traffic),
        };
        let shape = (Arc::clone(&self.schema), Arc::clone(&self.readers));
        Ok(start(Arc::clone(&self.database), permit, query, shape))
    }
}

impl SqliteRead {
    fn restricted(&self, function: Option<&str>, column: usize) -> Option<Arc<dyn RemoteRead>> {
        let query = self.query.keyed(&SqliteDialect, function, column)?;
        Some(Arc::new(SqliteRead { query, ..self.clone() }))
    }
}

/// What is run.
pub(super) struct Query {
    /// The table, for errors.
    pub table: Option<String>,
    pub sql: String,
    pub parameters: Vec<Value>,
    /// Whether the statement is a user's own: its errors are told as SQLite has them.
    pub raw: bool,
    pub traffic: Arc<Traffic>,
}

/// What comes, and how it is read.
pub(super) type Shape = (SchemaRef, Arc<[ColumnReader]>);

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

/// Runs a query on a thread of its own. `permit` is its right to open the file.
pub(super) fn start(
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
    let failed = |error: rusqlite::Error| match query.raw {
        true => errors::raw(database.server(), database.path(), &error),
        false => errors::query(database.server(), database.path(), table, &error),
    };
    let mut statement = conn.prepare(&query.sql).map_err(failed)?;
    let (schema, readers) = shape;
    let same = statement.column_names().into_iter().eq(schema.fields().iter().map(|field| field.name().as_str()));
    if query.raw && (!same || !statement.readonly()) {
        return Err(changed(database.server()));
    }
    let origin = object(database.server(), table);
    let mut batch = BatchBuilder::new(schema, origin)?;
    query.traffic.add_round_trip();
    let mut rows = statement.query(params_from_iter(query.parameters.iter())).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let size = append_row(&readers, row, batch.columns())
            .map_err(|(column, unfit)| errors::value(database.server(), table.unwrap_or("result"), column, &unfit))?;
        if batch.end_row(size) {
            query.traffic.add_bytes(batch.received());
            if sender.blocking_send(batch.finish()?).is_err() {
                return Ok(());
            }
        }
    }
    query.traffic.add_bytes(batch.received());
    if !batch.is_empty() {
        // It is the last: whether anybody takes it makes no difference.
        let _ = sender.blocking_send(batch.finish()?);
    }
    Ok(())
}
