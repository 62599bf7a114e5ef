//! A source whose scans are guarded.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

use super::read::GuardedRead;
use super::scan::ScanGuard;
use super::server::ServerGuard;
use crate::error::Result;
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
        match plan.downcast_ref::<SourceScanExec>() {
            Some(scan) => Arc::new(scan.with_guard(ScanGuard::new(Arc::clone(&self.server), tables))),
            None => plan,
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
        let plan = self.source.scan(session, table, request).await?;
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
