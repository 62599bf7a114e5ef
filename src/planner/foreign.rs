//! A foreign table as DataFusion plans with it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

use super::sample;
use crate::catalog::definitions::RelationName;
use crate::federation::estimate;
use crate::sources::kind::{ScanRequest, Source};
use crate::sources::scan::SourceScanExec;
use crate::sources::table::TableSpec;

/// One foreign table with the source that holds its rows. Its keys are shown in the catalog and not to the
/// planner: nothing here enforces them, and a DISTINCT dropped for a key that does not hold would be wrong.
#[derive(Clone, Debug)]
pub struct ForeignTable {
    name: RelationName,
    spec: Arc<TableSpec>,
    source: Arc<dyn Source>,
    schema: SchemaRef,
}

impl ForeignTable {
    /// The table `name`, whose rows `source` holds.
    pub fn new(name: RelationName, spec: Arc<TableSpec>, source: Arc<dyn Source>) -> Self {
        let schema = spec.schema();
        ForeignTable { name, spec, source, schema }
    }

    /// Its name.
    pub fn name(&self) -> &RelationName {
        &self.name
    }

    /// What is known of it.
    pub fn spec(&self) -> &Arc<TableSpec> {
        &self.spec
    }

    /// About how many different values some of its columns have, where that is known.
    fn values(&self, columns: &[usize]) -> Vec<Option<u64>> {
        let Some(known) = self.source.statistics(&self.spec) else { return vec![] };
        let rows = estimate::size(&self.spec, Some(known.as_ref()));
        let of = |index: &usize| known.groups(&self.spec.columns.get(*index)?.remote, rows?);
        columns.iter().map(of).collect()
    }

    /// The source that holds its rows.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }
}

#[async_trait]
impl TableProvider for ForeignTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        filters
            .iter()
            .map(|filter| match sample::filled(filter)? {
                None => Ok(self.source.filter_support(&self.spec, filter)),
                // What the source does with one value need not be what it does with another.
                Some(filled) => Ok(match self.source.filter_support(&self.spec, &filled) {
                    TableProviderFilterPushDown::Unsupported => TableProviderFilterPushDown::Unsupported,
                    _ => TableProviderFilterPushDown::Inexact,
                }),
            })
            .collect()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let projection = projection.cloned().unwrap_or_else(|| (0..self.spec.columns.len()).collect());
        let values = self.values(&projection);
        let request = ScanRequest { projection, filters: filters.to_vec(), limit };
        let plan = self.source.scan(session, &self.spec, request).await?;
        Ok(match plan.downcast_ref::<SourceScanExec>() {
            Some(scan) => Arc::new(scan.with_values(values)),
            None => plan,
        })
    }
}
