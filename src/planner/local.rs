//! A local table as DataFusion plans with it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use crate::catalog::definitions::RelationName;

/// One local table with its rows, which knows its name: by that a plan tells what it reads.
#[derive(Debug)]
pub struct LocalTable {
    name: RelationName,
    rows: MemTable,
}

impl LocalTable {
    /// The table `name` with these rows.
    pub fn new(name: RelationName, rows: MemTable) -> Self {
        LocalTable { name, rows }
    }

    /// Its name.
    pub fn name(&self) -> &RelationName {
        &self.name
    }
}

#[async_trait]
impl TableProvider for LocalTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.rows.get_column_default(column)
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.rows.scan(session, projection, filters, limit).await
    }
}
