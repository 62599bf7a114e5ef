//! One MySQL or MariaDB server as a source.

use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;

use super::decode::ColumnReader;
use super::dialect::MysqlDialect;
use super::pool::{Lease, Pool};
use super::read::{MysqlRead, Parted};
use super::session;
use super::types::MysqlType;
use super::{errors, introspect, parts, raw};
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
const READING: &[&str] = &["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"];

/// One server, with its pool.
#[derive(Debug)]
pub(super) struct MysqlSource {
    name: String,
    pool: Arc<Pool>,
    dialect: Arc<MysqlDialect>,
    zone: Option<Tz>,
    /// In how many parts a large table is read at most.
    parallel: usize,
    raw: RawQueries,
    known: Arc<KnownStatistics>,
}

impl MysqlSource {
    /// `zone` is that of DATETIME columns of tables which name none; `parallel` is in how many parts a large table is
    /// read at most.
    pub fn new(
        name: String,
        pool: Arc<Pool>,
        dialect: MysqlDialect,
        zone: Option<Tz>,
        parallel: usize,
        raw: RawQueries,
    ) -> Self {
        MysqlSource { name, pool, dialect: Arc::new(dialect), zone, parallel, raw, known: Arc::default() }
    }

    /// Reads a query's rows.
    fn read(
        &self,
        query: RemoteQuery,
        schema: SchemaRef,
        rows: Option<u64>,
        parted: Option<Parted>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let readers = query
            .columns
            .iter()
            .map(|c| {
                let zone = zone_option(&c.options)?.or(self.zone);
                Ok(ColumnReader::new(&c.name, &c.pg_type, MysqlType::parse(&c.remote_type), zone))
            })
            .collect::<Result<Vec<_>>>()?;
        let table = query.tables.join(", ");
        let read = MysqlRead {
            pool: Arc::clone(&self.pool),
            table: table.clone(),
            dialect: Arc::clone(&self.dialect),
            query,
            zone: self.zone,
            schema: Arc::clone(&schema),
            readers: readers.into(),
            streams: if parted.is_some() { self.parallel } else { 1 },
            parted: parted.map(Arc::new),
        };
        Ok(Arc::new(SourceScanExec::new(&self.name, &table, schema, Arc::new(read), rows)))
    }

    fn zone(&self, table: &TableSpec) -> Result<Option<Tz>> {
        Ok(zone_option(&table.options)?.or(self.zone))
    }

    fn missing(&self, table: &str) -> Error {
        Error::new(
            SqlState::FDW_TABLE_NOT_FOUND,
            format!("table \"{table}\" of server \"{}\" does not exist", self.name),
        )
    }

    /// The table's database and a connection to ask about it with.
    async fn locate(&self, table: &TableSpec) -> Result<(Lease, String)> {
        let mut lease: Lease = self.pool.acquire().await?;
        let database = match self.dialect.database(&table.options) {
            Some(database) => database.to_string(),
            None => introspect::current_database(&mut lease.conn)
                .await
                .map_err(|e| errors::query(&self.name, None, &e))?
                .ok_or_else(|| {
                    Error::new(
                        SqlState::INVALID_SCHEMA_NAME,
                        format!("no database is named for table \"{}\" of server \"{}\"", table.name, self.name),
                    )
                    .with_hint("Set the option dbname of the foreign table or of the server.")
                })?,
        };
        Ok((lease, database))
    }
}

#[async_trait]
impl Source for MysqlSource {
    async fn ping(&self) -> Result<String> {
        let mut lease: Lease = self.pool.acquire().await?;
        let version = session::version(&mut lease.conn).await.map_err(|e| errors::query(&self.name, None, &e))?;
        self.pool.release(lease);
        Ok(if version.contains("MariaDB") { version } else { format!("MySQL {version}") })
    }

    async fn introspect(&self, request: &ImportRequest) -> Result<Vec<TableSpec>> {
        let failed = |e: mysql_async::Error| errors::query(&self.name, None, &e);
        let mut lease: Lease = self.pool.acquire().await?;
        let databases = introspect::databases(&mut lease.conn, &request.schema).await.map_err(failed)?;
        if !databases.contains(&request.schema) {
            let error = Error::new(
                SqlState::INVALID_SCHEMA_NAME,
                format!("server \"{}\" has no database \"{}\"", self.name, request.schema),
            );
            return Err(match databases.first() {
                Some(other) => error.with_hint(format!("There is \"{other}\".")),
                None => error.with_hint("A database that the user has no rights in does not show."),
            });
        }
        let all = introspect::tables(&mut lease.conn, &request.schema, None, self.zone).await.map_err(failed)?;
        self.pool.release(lease);
        let mut found: Vec<TableSpec> = all.into_iter().filter(|table| request.tables.wants(&table.name)).collect();
        if let ImportTables::LimitTo(names) = &request.tables {
            for name in names {
                match found.iter().find(|table| table.name == *name) {
                    None => return Err(self.missing(name)),
                    Some(table) if table.columns.is_empty() => {
                        return Err(self.missing(name).with_detail("It is a view over tables that are missing."));
                    }
                    Some(_) => {}
                }
            }
        }
        found.retain(|table| {
            if table.columns.is_empty() {
                tracing::warn!(server = %self.name, view = %table.name, "a view is broken at the server: left out");
            }
            !table.columns.is_empty()
        });
        Ok(found)
    }

    async fn describe(&self, declared: &TableSpec) -> Result<TableSpec> {
        let zone = self.zone(declared)?;
        let (mut lease, database) = self.locate(declared).await?;
        let name = MysqlDialect::table(&declared.options, &declared.name);
        let failed = |e: mysql_async::Error| errors::query(&self.name, Some(name), &e);
        let candidates = introspect::tables(&mut lease.conn, &database, Some(name), zone).await.map_err(failed)?;
        self.pool.release(lease);
        let other = candidates.first().map(|table| table.name.clone());
        let Some(found) = candidates.into_iter().find(|table| table.name == name) else {
            let missing = self.missing(name).with_detail(format!("It was looked for in database \"{database}\"."));
            return Err(match other {
                Some(other) => missing.with_hint(format!("There is \"{other}\".")),
                None => missing,
            });
        };
        if found.columns.is_empty() {
            return Err(self.missing(name).with_detail("It is a view over tables that are missing."));
        }
        declared::complete(declared, found, &self.name)
    }

    fn filter_support(&self, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown {
        predicate::support(self.dialect.as_ref(), table, filter)
    }

    async fn scan(
        &self,
        _: &dyn Session,
        table: &Arc<TableSpec>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let query = select::write(self.dialect.as_ref(), table, &request)?;
        let schema = table
            .schema()
            .project(&request.projection)
            .map_err(|e| Error::internal(format!("projection of table \"{}\": {e}", table.name)))?;
        let known = self.statistics(table);
        let rows = estimate::scan(table, &request.filters, request.limit, known.as_deref());
        // A LIMIT is counted off by one statement.
        let cut = match request.limit {
            None if self.parallel > 1 => parts::cut(&self.dialect, table, rows),
            _ => None,
        };
        self.read(query, Arc::new(schema), rows, cut.map(Parted::new))
    }

    fn dialect(&self) -> Option<&dyn RemoteDialect> {
        Some(self.dialect.as_ref())
    }

    async fn query(&self, query: RemoteQuery, schema: SchemaRef, rows: Option<u64>) -> Result<Arc<dyn ExecutionPlan>> {
        self.read(query, schema, rows, None)
    }

    fn statistics(&self, table: &TableSpec) -> Option<Arc<TableStatistics>> {
        // Of a table whose database is that of the connection nothing more is asked.
        let database = self.dialect.database(&table.options)?.to_string();
        let name = MysqlDialect::table(&table.options, &table.name).to_string();
        let pool = Arc::clone(&self.pool);
        self.known.of(&format!("{database}.{name}"), || {
            async move {
                let mut lease: Lease = pool.acquire().await?;
                let known = introspect::statistics(&mut lease.conn, &database, &name).await;
                let known = known.map_err(|e| errors::query(pool.server(), Some(&name), &e))?;
                pool.release(lease);
                Ok::<TableStatistics, Error>(known)
            }
            .boxed()
        })
    }

    async fn row_estimate(&self, table: &TableSpec) -> Result<Option<u64>> {
        let (mut lease, database) = self.locate(table).await?;
        let name = MysqlDialect::table(&table.options, &table.name);
        let rows = introspect::row_estimate(&mut lease.conn, &database, name)
            .await
            .map_err(|e| errors::query(&self.name, Some(name), &e))?;
        self.pool.release(lease);
        Ok(rows)
    }

    async fn raw_query(&self, query: &str) -> Result<RawQuery> {
        self.raw.check(&self.name)?;
        require_reading(query, READING)?;
        raw::prepare(&self.pool, query, self.zone).await
    }
}
