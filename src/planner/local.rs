//! A local table as DataFusion plans with it.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::dml::InsertOp;
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

    // What is written is written by the engine itself. These plan what EXPLAIN shows, over a copy of the rows.

    async fn insert_into(
        &self,
        session: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        op: InsertOp,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.rows.insert_into(session, input, op).await
    }

    async fn delete_from(&self, session: &dyn Session, filters: Vec<Expr>) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.rows.delete_from(session, filters).await
    }

    async fn update(
        &self,
        session: &dyn Session,
        assignments: Vec<(String, Expr)>,
        filters: Vec<Expr>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.rows.update(session, assignments, filters).await
    }
}
