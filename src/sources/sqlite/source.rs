//! One database file as a source.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use parking_lot::Mutex;

use super::connect::Database;
use super::decode::ColumnReader;
use super::dialect::SqliteDialect;
use super::introspect::{self, Found};
use super::raw;
use super::read::SqliteRead;
use crate::error::{Error, Result, SqlState};
use crate::federation::dialect::RemoteDialect;
use crate::federation::query::RemoteQuery;
use crate::federation::statistics::TableStatistics;
use crate::federation::{estimate, predicate, select};
use crate::sources::declared;
use crate::sources::kind::{ImportRequest, ImportTables, RawQuery, ScanRequest, Source};
use crate::sources::known::KnownStatistics;
use crate::sources::scan::SourceScanExec;
use crate::sources::statement::{RawQueries, require_reading};
use crate::sources::table::TableSpec;
use crate::sources::zone::zone_option;

/// Statements that only ever read.
const READING: &[&str] = &["SELECT", "WITH", "VALUES", "EXPLAIN"];

/// One file.
#[derive(Debug)]
pub(super) struct SqliteSource {
    database: Arc<Database>,
    zone: Option<Tz>,
    /// About how many rows tables had, and in which state of the file.
    estimates: Mutex<HashMap<String, (FileState, Option<u64>)>>,
    raw: RawQueries,
    known: Arc<KnownStatistics>,
}

/// Lengths and times of change of the file and of its WAL. What was written in between and changed neither makes an
/// estimate a little older.
type FileState = [Option<(u64, SystemTime)>; 2];

fn file_state(path: &Path) -> FileState {
    let of = |path: &Path| std::fs::metadata(path).ok().and_then(|file| Some((file.len(), file.modified().ok()?)));
    let mut wal = path.as_os_str().to_os_string();
    wal.push("-wal");
    [of(path), of(Path::new(&wal))]
}

impl SqliteSource {
    /// `zone` is that of times which bear none, of tables which name none.
    pub fn new(database: Arc<Database>, zone: Option<Tz>, raw: RawQueries) -> Self {
        SqliteSource { database, zone, estimates: Mutex::default(), raw, known: Arc::default() }
    }

    fn name(&self) -> &str {
        self.database.server()
    }

    fn zone(&self, table: &TableSpec) -> Result<Option<Tz>> {
        Ok(zone_option(&table.options)?.or(self.zone))
    }

    fn missing(&self, table: &str) -> Error {
        Error::new(
            SqlState::FDW_TABLE_NOT_FOUND,
            format!("table \"{table}\" of server \"{}\" does not exist", self.name()),
        )
    }

    fn broken(&self, table: &str) -> Error {
        self.missing(table).with_detail("It is a view over what is missing, or a table that needs an extension.")
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn ping(&self) -> Result<String> {
        // Counting reads the file, which opening it does not.
        self.database
            .run(None, |conn| conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0)))
            .await?;
        Ok(format!("SQLite {}", rusqlite::version()))
    }

    async fn introspect(&self, request: &ImportRequest) -> Result<Vec<TableSpec>> {
        if request.schema != "main" {
            return Err(Error::new(
                SqlState::INVALID_SCHEMA_NAME,
                format!("server \"{}\" has no schema \"{}\"", self.name(), request.schema),
            )
            .with_hint("The schema of a database file is \"main\"."));
        }
        let zone = self.zone;
        let wanted = request.tables.clone();
        let found =
            self.database.run(None, move |conn| introspect::tables(conn, zone, |name| wanted.wants(name))).await?;
        if let ImportTables::LimitTo(names) = &request.tables {
            for name in names {
                match found.iter().find(|found| found.name == *name) {
                    None => return Err(self.missing(name)),
                    Some(Found { table: None, .. }) => return Err(self.broken(name)),
                    Some(_) => {}
                }
            }
        }
        Ok(found
            .into_iter()
            .filter_map(|found| {
                if found.table.is_none() {
                    tracing::warn!(server = %self.name(), table = %found.name, "cannot be read: left out");
                }
                found.table
            })
            .collect())
    }

    async fn describe(&self, declared: &TableSpec) -> Result<TableSpec> {
        let zone = self.zone(declared)?;
        let name = SqliteDialect::table(&declared.options, &declared.name).to_string();
        let wanted = name.clone();
        let found = self
            .database
            .run(Some(name.clone()), move |conn| {
                // SQLite does not tell the case of names apart.
                introspect::tables(conn, zone, |table| table.eq_ignore_ascii_case(&wanted))
            })
            .await?;
        match found.into_iter().next() {
            None => Err(self.missing(&name)),
            Some(Found { table: None, .. }) => Err(self.broken(&name)),
            Some(Found { table: Some(table), .. }) => declared::complete(declared, table, self.name()),
        }
    }

    fn filter_support(&self, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown {
        predicate::support(&SqliteDialect, table, filter)
    }

    async fn scan(
        &self,
        _: &dyn Session,
        table: &Arc<TableSpec>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let query = select::write(&SqliteDialect, table, &request)?;
        let schema = table
            .schema()
            .project(&request.projection)
            .map_err(|e| Error::internal(format!("projection of table \"{}\": {e}", table.name)))?;
        // The file is at hand: what it says is newer than what was kept, and a failure is the scan's to tell.
        let mut known = self.statistics(table).map(|known| known.as_ref().clone()).unwrap_or_default();
        known.rows = self.row_estimate(table).await.ok().flatten().or(known.rows);
        let rows = estimate::scan(table, &request.filters, request.limit, Some(&known));
        self.query(query, Arc::new(schema), rows).await
    }

    fn dialect(&self) -> Option<&dyn RemoteDialect> {
        Some(&SqliteDialect)
    }

    async fn query(&self, query: RemoteQuery, schema: SchemaRef, rows: Option<u64>) -> Result<Arc<dyn ExecutionPlan>> {
        let readers = query
            .columns
            .iter()
            .map(|column| {
                let zone = zone_option(&column.options)?.or(self.zone);
                Ok(ColumnReader::new(&column.name, &column.pg_type, &column.remote_type, zone))
            })
            .collect::<Result<Vec<_>>>()?;
        let table = query.tables.join(", ");
        let read = SqliteRead {
            database: Arc::clone(&self.database),
            table: table.clone(),
            query,
            schema: Arc::clone(&schema),
            readers: readers.into(),
        };
        Ok(Arc::new(SourceScanExec::new(self.name(), &table, schema, Arc::new(read), rows)))
    }

    fn statistics(&self, table: &TableSpec) -> Option<Arc<TableStatistics>> {
        let name = SqliteDialect::table(&table.options, &table.name).to_string();
        let database = Arc::clone(&self.database);
        self.known.of(&name.clone(), || {
            async move { database.run(Some(name.clone()), move |conn| introspect::statistics(conn, &name)).await }
                .boxed()
        })
    }

    async fn row_estimate(&self, table: &TableSpec) -> Result<Option<u64>> {
        if table.is_view {
            return Ok(None);
        }
        let (options, name) = (table.options.clone(), table.name.clone());
        let state = file_state(self.database.path());
        let own_name = options.get("table").unwrap_or(&name).to_string();
        if let Some((of, rows)) = self.estimates.lock().get(&own_name)
            && *of == state
        {
            return Ok(*rows);
        }
        let size = state[0].map_or(u64::MAX, |(length, _)| length);
        let rows = self
            .database
            .run(Some(table.name.clone()), move |conn| {
                introspect::row_estimate(conn, &SqliteDialect, &options, &name, size)
            })
            .await?;
        self.estimates.lock().insert(own_name, (state, rows));
        Ok(rows)
    }

    async fn raw_query(&self, query: &str) -> Result<RawQuery> {
        self.raw.check(self.name())?;
        require_reading(query, READING)?;
        raw::prepare(&self.database, query, self.zone).await
    }
}
