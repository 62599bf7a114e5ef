//! The last step of planning: parts of the plan that a source can run are cut out and become one leaf each.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::Session;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableScanBuilder, UserDefinedLogicalNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::barrier::BarrierPlanner;
use super::foreign::ForeignTable;
use super::join_keys;
use super::merged::SearchPlanner;
use super::narrow::{Narrow, is_narrow};
use super::unnested;
use crate::error::Result;
use crate::federation::kept::Kept;
use crate::federation::ship::cut::{Shipped, cut};
use crate::lineage::planner::LineagePlanner;
use crate::quality::RulePlanner;

/// How much is sent to sources: the setting `onerow.push_down`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PushDown {
    /// Whole tables are read, and everything is computed here.
    Off,
    /// Tables are read with the columns, filters and limits that they need.
    Filters,
    /// Joins, groups and the like too.
    #[default]
    On,
    /// All of these that a source can run, whether or not it is expected to be quicker.
    Always,
}

impl PushDown {
    /// Reads the setting's value.
    pub fn parse(text: &str) -> Option<PushDown> {
        match text.to_ascii_lowercase().as_str() {
            "always" => Some(PushDown::Always),
            "on" | "true" | "yes" | "1" => Some(PushDown::On),
            "filters" => Some(PushDown::Filters),
            "off" | "false" | "no" | "0" => Some(PushDown::Off),
            _ => None,
        }
    }

    /// The setting's value.
    pub fn name(self) -> &'static str {
        match self {
            PushDown::Off => "off",
            PushDown::Filters => "filters",
            PushDown::On => "on",
            PushDown::Always => "always",
        }
    }
}

/// Plans with sources that run parts of the plan.
#[derive(Debug, Default)]
pub struct ShippingPlanner;

#[async_trait]
impl QueryPlanner for ShippingPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let mode = session.config().get_extension::<PushDown>().map_or(PushDown::On, |mode| *mode);
        let kept = session.config().get_extension::<Kept>();
        let plan = unnested::bare(plan)?;
        let plan = match mode {
            PushDown::On => cut(plan, false, kept.as_deref())?,
            PushDown::Always => cut(plan, true, kept.as_deref())?,
            PushDown::Filters => plan,
            PushDown::Off => plan.transform_up_with_subqueries(unfiltered)?.data,
        };
        let plan = join_keys::named(plan)?;
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![
            Arc::new(ShippedPlanner),
            Arc::new(SearchPlanner),
            Arc::new(RulePlanner),
            Arc::new(LineagePlanner),
            Arc::new(BarrierPlanner),
        ]);
        if is_narrow(&plan)? {
            return planner.create_physical_plan(&plan, &Narrow::new(session, &plan)).await;
        }
        planner.create_physical_plan(&plan, session).await
    }
}

/// Takes a foreign table's filters and limit back from its scan.
fn unfiltered(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let LogicalPlan::TableScan(scan) = &plan else { return Ok(Transformed::no(plan)) };
    let is_foreign = datafusion::datasource::source_as_provider(&scan.source)
        .is_ok_and(|provider| provider.downcast_ref::<ForeignTable>().is_some());
    if !is_foreign || (scan.filters.is_empty() && scan.fetch.is_none() && scan.projection.is_none()) {
        return Ok(Transformed::no(plan));
    }
    let all = TableScanBuilder::new(scan.table_name.clone(), Arc::clone(&scan.source)).build()?;
    let mut builder = LogicalPlanBuilder::from(LogicalPlan::TableScan(all));
    if let Some(filter) = conjunction(scan.filters.clone()) {
        builder = builder.filter(filter)?;
    }
    let columns: Vec<Expr> = scan.projected_schema.columns().into_iter().map(Expr::Column).collect();
    let mut plan = builder.project(columns)?.build()?;
    if let Some(fetch) = scan.fetch {
        plan = LogicalPlanBuilder::from(plan).limit(0, Some(fetch))?.build()?;
    }
    Ok(Transformed::yes(plan))
}

/// Plans the leaves.
#[derive(Debug, Default)]
struct ShippedPlanner;

#[async_trait]
impl ExtensionPlanner for ShippedPlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        _: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let Some(shipped) = node.as_any().downcast_ref::<Shipped>() else { return Ok(None) };
        Ok(Some(leaf(shipped, node.schema().as_arrow()).await?))
    }
}

/// The leaf gives text as views; where the plan has text in another form it is brought into that.
async fn leaf(shipped: &Shipped, wanted: &Schema) -> Result<Arc<dyn ExecutionPlan>> {
    let fields: Vec<Field> = wanted
        .fields()
        .iter()
        .map(|field| match field.data_type() {
            text if text.is_string() => field.as_ref().clone().with_data_type(DataType::Utf8View),
            _ => field.as_ref().clone(),
        })
        .collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, wanted.metadata().clone()));
    let read = shipped.source.query(shipped.query.clone(), Arc::clone(&schema), shipped.rows).await?;
    if schema.fields() == wanted.fields() {
        return Ok(read);
    }
    let columns = wanted.fields().iter().enumerate().map(|(index, field)| {
        let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), index));
        let expr: Arc<dyn PhysicalExpr> = match schema.field(index).data_type() == field.data_type() {
            true => column,
            false => Arc::new(CastExpr::new(column, field.data_type().clone(), None)),
        };
        (expr, field.name().clone())
    });
    Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), read)?))
}
