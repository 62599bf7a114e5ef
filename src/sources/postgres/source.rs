//! One server as a source.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;

use super::decode::ColumnPlan;
use super::dialect::{PostgresDialect, remote_name};
use super::errors::Place;
use super::parts;
use super::pool::Pool;
use super::query::{fetch, field};
use super::read::{Parted, PostgresRead};
use super::{catalog, introspect, raw, types};
use crate::error::{Error, Result};
use crate::federation::dialect::RemoteDialect;
use crate::federation::query::{From, RemoteQuery};
use crate::federation::statistics::TableStatistics;
use crate::federation::{estimate, predicate, select};
use crate::sources::kind::{ImportRequest, RawQuery, ScanRequest, ServerSpec, Source};
use crate::sources::known::KnownStatistics;
use crate::sources::options::{Options, invalid};
use crate::sources::scan::SourceScanExec;
use crate::sources::statement::RawQueries;
use crate::sources::table::TableSpec;

/// The most connections that one table is read by.
const MOST_PARTS: usize = 64;

/// A PostgreSQL database, reached as one user.
pub(super) struct PostgresSource {
    pool: Arc<Pool>,
    /// Where the server's local times are, when that was said.
    zone: Option<Tz>,
    /// In how many parts a large table is read at most.
    parallel: usize,
    raw: RawQueries,
    known: Arc<KnownStatistics>,
}

impl PostgresSource {
    /// Reads the options; nothing is connected to.
    pub(super) fn open(spec: &ServerSpec) -> Result<PostgresSource> {
        Ok(PostgresSource {
            pool: Arc::new(Pool::new(spec)?),
            zone: introspect::zone_of(&spec.options)?,
            parallel: parallel_reads(&spec.options)?,
            raw: RawQueries::of(&spec.options, true)?,
            known: Arc::default(),
        })
    }
}

impl PostgresSource {
    /// Reads a query's rows in so many parts, or in one for a reason.
    fn read(
        &self,
        place: Place,
        query: RemoteQuery,
        schema: SchemaRef,
        rows: Option<u64>,
        parts: Result<usize, String>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = query
            .columns
            .iter()
            .map(|column| {
                let zone = introspect::zone_of(&column.options);
                Ok(ColumnPlan {
                    name: column.name.clone(),
                    wire: types::access(column).wire,
                    target: column.pg_type.clone(),
                    nullable: column.nullable,
                    zone: zone.map_err(|error| error.with_context(place.to_string()))?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let tables = query.tables.join(", ");
        let (parts, why_whole) = match parts {
            Ok(parts) => (parts, None),
            Err(why) => (1, Some(why)),
        };
        let likely = query.likely.as_ref().and_then(|likely| likely.pieces.as_ref());
        let table = match (query.pieces.as_ref().or(likely), &query.select.from) {
            (Some(pieces), _) => Some(pieces.table.clone()),
            (None, From::Table(table)) => Some(table.render(&PostgresDialect, None).sql),
            (None, _) => None,
        };
        let parted = table.filter(|_| parts > 1).map(|table| Arc::new(Parted::new(table, parts)));
        // What is likely is known to be all only when all of it has come.
        let streams = if query.likely.is_some() { 1 } else { parts };
        // A piece is one row.
        let come = rows.filter(|_| query.pieces.is_none());
        let read = PostgresRead {
            pool: Arc::clone(&self.pool),
            place: Arc::new(place),
            query: Arc::new(query),
            columns: columns.into(),
            schema: Arc::clone(&schema),
            zone: self.zone.unwrap_or(Tz::UTC),
            rows: come,
            streams,
            parted,
            why_whole,
            template: Arc::default(),
        };
        Ok(Arc::new(SourceScanExec::new(self.pool.server(), &tables, schema, Arc::new(read), rows)))
    }
}

/// The option `parallel_reads`; as many as there are cores when it is left out.
fn parallel_reads(options: &Options) -> Result<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let parts = options.parsed("parallel_reads", cores.min(MOST_PARTS))?;
    if (1..=MOST_PARTS).contains(&parts) {
        Ok(parts)
    } else {
        Err(invalid("parallel_reads", &format!("is not a number from 1 to {MOST_PARTS}")))
    }
}

impl fmt::Debug for PostgresSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSource").field("pool", &self.pool).finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for PostgresSource {
    async fn ping(&self) -> Result<String> {
        let place = Place::server(self.pool.server());
        let rows = fetch(&self.pool, &place, "SELECT pg_catalog.version()", &[]).await?;
        let row = rows.first().ok_or_else(|| Error::internal("a catalog query gave no row"))?;
        let version: String = field(row, 0)?;
        // PostgreSQL 16.3 (..) on x86_64 ..
        Ok(version.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    }

    async fn introspect(&self, request: &ImportRequest) -> Result<Vec<TableSpec>> {
        introspect::import(&self.pool, self.zone, request).await
    }

    async fn describe(&self, declared: &TableSpec) -> Result<TableSpec> {
        introspect::describe(&self.pool, self.zone, declared).await
    }

    fn filter_support(&self, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown {
        predicate::support(&PostgresDialect, table, filter)
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        table: &Arc<TableSpec>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (_, name) = remote_name(&table.options, &table.name);
        let place = Place::table(self.pool.server(), name);
        let schema = table
            .schema()
            .project(&request.projection)
            .map_err(|_| Error::internal(format!("projection out of range on table \"{}\"", table.name)))?;
        let query = select::write(&PostgresDialect, table, &request)?;
        let known = self.statistics(table);
        let rows = estimate::scan(table, &request.filters, request.limit, known.as_deref());
        // A LIMIT is counted off by one statement.
        let parts = if request.limit.is_none() {
            parts::count(table, rows, self.parallel.min(self.pool.most_for_one()))
        } else {
            1
        };
        let refused = self.pool.refusal().reason().filter(|_| parts > 1);
        self.read(place, query, Arc::new(schema), rows, refused.map_or(Ok(parts), Err))
    }

    fn gives_way(&self) -> bool {
        true
    }

    fn is_near(&self) -> bool {
        self.pool.is_near()
    }

    fn dialect(&self) -> Option<&dyn RemoteDialect> {
        Some(&PostgresDialect)
    }

    async fn query(&self, query: RemoteQuery, schema: SchemaRef, rows: Option<u64>) -> Result<Arc<dyn ExecutionPlan>> {
        let place = Place::table(self.pool.server(), &query.tables.join(", "));
        // Where the first rows of a sort are likely to be a server looks with workers of its own. These have to be
        // started, which takes longer than all else where it has no more processors than there are connections here.
        let near = query.likely.as_ref().filter(|_| self.pool.is_near());
        let parts = match query.pieces.as_ref().or_else(|| near?.pieces.as_ref()) {
            Some(pieces) => parts::of_pages(pieces.pages, self.parallel.min(self.pool.most_for_one())),
            None => 1,
        };
        let refused = self.pool.refusal().reason().filter(|_| parts > 1);
        self.read(place, query, schema, rows, refused.map_or(Ok(parts), Err))
    }

    fn statistics(&self, table: &TableSpec) -> Option<Arc<TableStatistics>> {
        let (schema, name) = remote_name(&table.options, &table.name);
        let (pool, schema, name) = (Arc::clone(&self.pool), schema.to_string(), name.to_string());
        self.known
            .of(&format!("{schema}.{name}"), || async move { catalog::statistics(&pool, &schema, &name).await }.boxed())
    }

    async fn row_estimate(&self, table: &TableSpec) -> Result<Option<u64>> {
        let (schema, name) = remote_name(&table.options, &table.name);
        catalog::row_estimate(&self.pool, schema, name).await
    }

    async fn raw_query(&self, query: &str) -> Result<RawQuery> {
        raw::prepare(&self.pool, query, self.raw).await
    }
}
