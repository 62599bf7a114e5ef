//! A source whose scans are guarded.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::plan::{LimitedExec, Unreachable};
use super::read::GuardedRead;
use super::scan::ScanGuard;
use super::server::{ServerGuard, is_down};
use crate::error::{Error, Result};
use crate::federation::dialect::RemoteDialect;
use crate::federation::query::RemoteQuery;
use crate::federation::statistics::TableStatistics;
use crate::sources::kind::{ImportRequest, RawQuery, ScanRequest, Source};
use crate::sources::scan::SourceScanExec;
use crate::sources::table::TableSpec;

/// What a kind opened, with the guard of its server. What asks for tables and not for rows is let through whatever
/// state the server is in, and tells when it is back.
pub struct GuardedSource {
    source: Arc<dyn Source>,
    server: Arc<ServerGuard>,
}

impl GuardedSource {
    /// Guards a source.
    pub fn new(source: Arc<dyn Source>, server: Arc<ServerGuard>) -> GuardedSource {
        GuardedSource { source, server }
    }

    fn guarded(&self, plan: Arc<dyn ExecutionPlan>, tables: Vec<String>) -> Arc<dyn ExecutionPlan> {
        let guard = ScanGuard::new(Arc::clone(&self.server), tables);
        match plan.downcast_ref::<SourceScanExec>() {
            Some(scan) => Arc::new(scan.with_guard(guard)),
            None if plan.is::<EmptyExec>() || !self.server.limits().any() => plan,
            None => Arc::new(LimitedExec { input: plan, guard }),
        }
    }

    /// Plans a scan of a source that is asked for its files while that is done. Where it cannot be reached the scan says
    /// so when it runs, as one of any other source does.
    async fn listed(
        &self,
        session: &dyn Session,
        table: &Arc<TableSpec>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = table
            .schema()
            .project(&request.projection)
            .map_err(|e| Error::internal(format!("projection of table \"{}\": {e}", table.name)))?;
        let planned = match self.server.breaker().check() {
            Ok(()) => self.reached(self.source.scan(session, table, request).await),
            Err(left_alone) => Err(left_alone),
        };
        match planned {
            Err(error) if is_down(&error) => {
                let what = format!("table \"{}\"", table.name);
                let read = Arc::new(Unreachable { what, error });
                Ok(Arc::new(SourceScanExec::new(self.server.name(), &table.name, Arc::new(schema), read, None)))
            }
            planned => planned,
        }
    }

    fn reached<T>(&self, answer: Result<T>) -> Result<T> {
        if answer.is_ok() {
            self.server.breaker().succeeded();
        }
        answer
    }
}

impl fmt::Debug for GuardedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

#[async_trait]
impl Source for GuardedSource {
    async fn ping(&self) -> Result<String> {
        self.reached(self.source.ping().await)
    }

    async fn introspect(&self, request: &ImportRequest) -> Result<Vec<TableSpec>> {
        self.reached(self.source.introspect(request).await)
    }

    async fn describe(&self, declared: &TableSpec) -> Result<TableSpec> {
        self.reached(self.source.describe(declared).await)
    }

    fn filter_support(&self, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown {
        self.source.filter_support(table, filter)
    }

    async fn scan(
        &self,
        session: &dyn Session,
        table: &Arc<TableSpec>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = match self.source.dialect() {
            Some(_) => self.source.scan(session, table, request).await?,
            None => self.listed(session, table, request).await?,
        };
        Ok(self.guarded(plan, vec![table.name.clone()]))
    }

    fn dialect(&self) -> Option<&dyn RemoteDialect> {
        self.source.dialect()
    }

    async fn query(&self, query: RemoteQuery, schema: SchemaRef, rows: Option<u64>) -> Result<Arc<dyn ExecutionPlan>> {
        let mut tables = query.tables.clone();
        tables.sort();
        tables.dedup();
        let plan = self.source.query(query, schema, rows).await?;
        Ok(self.guarded(plan, tables))
    }

    async fn row_estimate(&self, table: &TableSpec) -> Result<Option<u64>> {
        self.source.row_estimate(table).await
    }

    fn gives_way(&self) -> bool {
        self.source.gives_way()
    }

    fn is_near(&self) -> bool {
        self.source.is_near()
    }

    fn statistics(&self, table: &TableSpec) -> Option<Arc<TableStatistics>> {
        self.source.statistics(table)
    }

    /// What a user sends is sent once: only they know whether it may be sent again.
    async fn raw_query(&self, query: &str) -> Result<RawQuery> {
        let raw = self.reached(self.source.raw_query(query).await)?;
        let guard = ScanGuard::new(Arc::clone(&self.server), vec![]);
        Ok(RawQuery { read: Arc::new(GuardedRead { read: raw.read, guard, skipping: None, activity: None }), ..raw })
    }
}
