//! A relation as a role sees it whom policies or masks concern: planned once, inlined by the analyzer as a view is.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, LogicalPlan, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

use super::barrier::SecurityBarrier;
use super::bounds::Size;
use super::remote_query::{self, Writing};
use crate::catalog::definitions::RelationName;
use crate::error::Error;

/// The name under which the relation itself stands in the query of [`Secured`]; no user can type it.
pub const ROWS: &str = "\u{1}rows";

/// What protects a relation from one role, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// Whether policies decide which rows are seen.
    pub by_policies: bool,
    /// Those that do, by name; none where no row is seen.
    pub policies: Vec<String>,
    /// The columns that are masked.
    pub masked: Vec<String>,
}

/// A relation behind its policies and masks.
#[derive(Debug)]
pub struct Secured {
    /// Its name.
    pub name: RelationName,
    /// The relation as it is.
    pub inner: Arc<dyn TableProvider>,
    /// What is between.
    pub protection: Protection,
    /// The query for what is left of it, as it was written, in which it is a scan of `inner`.
    pub written: LogicalPlan,
    /// The same with types settled, and behind a barrier.
    analyzed: LogicalPlan,
    schema: SchemaRef,
    size: Size,
    /// The raw queries beneath it that may write.
    writing: Vec<Writing>,
}

impl Secured {
    /// A relation of which `written` leaves what is seen, which [`super::bounds`] gave a size; `analyzed` is the same
    /// analysed.
    pub fn new(
        name: RelationName,
        inner: Arc<dyn TableProvider>,
        protection: Protection,
        written: LogicalPlan,
        analyzed: LogicalPlan,
        size: Size,
    ) -> Self {
        let schema = Arc::new(analyzed.schema().as_arrow().clone());
        let writing = remote_query::writing(&analyzed);
        Secured { name, inner, protection, written, analyzed: SecurityBarrier::around(analyzed), schema, size, writing }
    }

    /// The plan that stands for it.
    pub fn analyzed(&self) -> &LogicalPlan {
        &self.analyzed
    }

    /// The raw queries that may write which are read beneath it.
    pub fn writing(&self) -> &[Writing] {
        &self.writing
    }

    /// How large its plan is.
    pub(super) fn size(&self) -> Size {
        self.size
    }
}

#[async_trait]
impl TableProvider for Secured {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        self.inner.table_type()
    }

    fn get_table_definition(&self) -> Option<&str> {
        self.inner.get_table_definition()
    }

    fn get_column_default(&self, column: &str) -> Option<&Expr> {
        self.inner.get_column_default(column)
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Unsupported; filters.len()])
    }

    async fn scan(
        &self,
        _: &dyn Session,
        _: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        Err(Error::internal(format!("relation \"{}\" was not secured", self.name)).into())
    }

    // What is written is written by the engine itself; these plan what EXPLAIN shows.

    async fn insert_into(
        &self,
        session: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        op: InsertOp,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.inner.insert_into(session, input, op).await
    }

    async fn delete_from(&self, _: &dyn Session, _: Vec<Expr>) -> DfResult<Arc<dyn ExecutionPlan>> {
        Err(unexplained().into())
    }

    async fn update(&self, _: &dyn Session, _: Vec<(String, Expr)>, _: Vec<Expr>) -> DfResult<Arc<dyn ExecutionPlan>> {
        Err(unexplained().into())
    }
}

/// 0A000: the plan would be one over rows that are not to be seen.
fn unexplained() -> Error {
    Error::unsupported("EXPLAIN of UPDATE and DELETE is not supported under row level security and masks")
}
