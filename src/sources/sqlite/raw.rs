//! Queries in SQLite's own SQL.

use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::BoxStream;
use rusqlite::{Connection, Statement};

use super::connect::Database;
use super::decode::ColumnReader;
use super::read::{self, Query, Shape};
use super::{errors, types};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::sources::activity::Literals;
use crate::sources::kind::RawQuery;
use crate::sources::scan::{Keys, RemoteRead};
use crate::sources::statement;
use crate::sources::traffic::Traffic;

/// Prepares a query, to learn its columns: a column's type is that of the table's column that it is; what is computed
/// is text, as SQLite does not say what it will be. Nothing is run.
pub(super) async fn prepare(database: &Arc<Database>, sql: &str, zone: Option<Tz>) -> Result<RawQuery> {
    let (text, of_task) = (sql.to_string(), Arc::clone(database));
    let (schema, readers) =
        database.run_own(move |conn| shape_of(&prepared(&of_task, conn, &text)?, of_task.server(), zone)).await?;
    let read = SqliteRaw { database: Arc::clone(database), sql: sql.to_string(), schema: Arc::clone(&schema), readers };
    Ok(RawQuery { schema, read: Arc::new(read), writes: false })
}

/// One raw query.
#[derive(Debug)]
struct SqliteRaw {
    database: Arc<Database>,
    sql: String,
    schema: SchemaRef,
    readers: Arc<[ColumnReader]>,
}

#[async_trait]
impl RemoteRead for SqliteRaw {
    fn describe(&self) -> String {
        self.sql.clone()
    }

    /// Only who wrote it knows whether it may be sent again.
    fn is_repeatable(&self) -> bool {
        false
    }

    fn literals(&self) -> Literals {
        Literals::Sqlite
    }

    async fn open(
        &self,
        _: usize,
        _: &[Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let permit = self.database.permit().await?;
        let query =
            Query { table: None, sql: self.sql.clone(), parameters: vec![], raw: true, traffic: Arc::clone(traffic) };
        let shape: Shape = (Arc::clone(&self.schema), Arc::clone(&self.readers));
        Ok(read::start(Arc::clone(&self.database), permit, query, shape))
    }
}

/// Prepares a statement that only reads and has no parameters.
fn prepared<'a>(database: &Database, conn: &'a Connection, sql: &str) -> Result<Statement<'a>> {
    let prepared = conn.prepare(sql).map_err(|error| errors::raw(database.server(), database.path(), &error))?;
    if !prepared.readonly() {
        return Err(Error::new(
            SqlState::READ_ONLY_SQL_TRANSACTION,
            format!("server \"{}\" is only ever read", database.server()),
        ));
    }
    if prepared.parameter_count() > 0 {
        return Err(statement::with_parameters(database.server()));
    }
    Ok(prepared)
}

fn shape_of(prepared: &Statement<'_>, server: &str, zone: Option<Tz>) -> Result<Shape> {
    let columns = prepared.columns();
    if columns.is_empty() {
        return Err(statement::without_columns(server));
    }
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
    Ok((Arc::new(Schema::new(fields)), readers.into()))
}
