//! Views: planned once for each state of the catalog, inlined by the analyzer and not before.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{TableType, source_as_provider};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableProviderFilterPushDown};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::bounds::Size;
use super::remote_query::{self, Writing};
use super::secured::Secured;
use crate::catalog::definitions::RelationName;
use crate::error::Error;

/// A view in a plan: its name, owner and definition, and its plan. The definition's own names were resolved when
/// it was planned, with its owner's rights.
#[derive(Debug)]
pub struct View {
    /// Its name.
    pub name: RelationName,
    /// Whose rights it runs with.
    pub owner: String,
    /// The query, as written.
    pub query: String,
    /// The plan as it was written, with the views it reads still views.
    pub written: LogicalPlan,
    /// The plan with the views it reads inlined and every type settled.
    analyzed: LogicalPlan,
    schema: SchemaRef,
    /// How large `analyzed` is.
    size: Size,
    /// The raw queries beneath it that may write.
    writing: Vec<Writing>,
    /// What it tells of, where it is a call of a function over relations: their parts may stand in its plan.
    about: Vec<Arc<dyn TableProvider>>,
}

impl View {
    /// A view whose query was planned as `written`, which [`super::bounds`] gave a size, and analysed as `analyzed`.
    pub fn new(
        name: RelationName,
        owner: String,
        query: String,
        written: LogicalPlan,
        analyzed: LogicalPlan,
        size: Size,
    ) -> Self {
        let schema = Arc::new(analyzed.schema().as_arrow().clone());
        let writing = remote_query::writing(&analyzed);
        View { name, owner, query, written, analyzed, schema, size, writing, about: vec![] }
    }

    /// The same, which tells of these relations.
    pub fn telling_of(self, about: Vec<Arc<dyn TableProvider>>) -> Self {
        View { about, ..self }
    }

    /// The relations that it tells of, where it is a call of a function over relations.
    pub fn about(&self) -> &[Arc<dyn TableProvider>] {
        &self.about
    }

    /// The plan with the views it reads inlined and every type settled.
    pub fn analyzed(&self) -> &LogicalPlan {
        &self.analyzed
    }

    /// Whether it, or a view beneath it, reads raw queries.
    pub fn reads_raw_queries(&self) -> bool {
        remote_query::is_in(&self.analyzed)
    }

    /// The raw queries that may write which it, or a view beneath it, reads.
    pub fn writing(&self) -> &[Writing] {
        &self.writing
    }

    /// How large its plan is.
    pub(super) fn size(&self) -> Size {
        self.size
    }
}

#[async_trait]
impl TableProvider for View {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn get_table_definition(&self) -> Option<&str> {
        Some(&self.query)
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
        Err(Error::internal(format!("view \"{}\" was not inlined", self.name)).into())
    }
}

/// Puts the plan of a view, or of what policies and masks leave of a relation, where that is scanned.
#[derive(Debug, Default)]
pub struct InlineViews;

impl AnalyzerRule for InlineViews {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        // A view's own plan has its views inlined already, so what is put in need not be searched.
        Ok(plan.transform_up_with_subqueries(inline)?.data)
    }

    fn name(&self) -> &str {
        "inline_views"
    }
}

fn inline(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let LogicalPlan::TableScan(scan) = &plan else { return Ok(Transformed::no(plan)) };
    let Ok(provider) = source_as_provider(&scan.source) else { return Ok(Transformed::no(plan)) };
    let view = provider.downcast_ref::<View>().map(View::analyzed);
    let Some(analyzed) = view.or_else(|| provider.downcast_ref::<Secured>().map(Secured::analyzed)) else {
        return Ok(Transformed::no(plan));
    };
    let mut builder = LogicalPlanBuilder::from(analyzed.clone()).alias(scan.table_name.clone())?;
    if let Some(projection) = &scan.projection {
        builder = builder.select(projection.iter().copied())?;
    }
    Ok(Transformed::yes(builder.build()?))
}
