//! Questions about few rows are planned for one thread.
//!
//! DataFusion plans for as many partitions as there are threads. For a handful of rows that costs more than it can
//! save: each exchange of rows between partitions is a task and channels to plan, to start and to end. The sources are
//! still read side by side, as each of them is a partition of its own.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProviderList, Session};
use datafusion::common::DFSchema;
use datafusion::common::config::TableOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::execution::TaskContext;
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::registry::ExtensionTypeRegistryRef;
use datafusion::logical_expr::{
    AggregateUDF, BinaryExpr, Expr, HigherOrderUDF, LogicalPlan, Operator, ScalarUDF, WindowUDF,
};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::operator_statistics::StatisticsRegistry;
use datafusion::prelude::SessionConfig;

use super::foreign::ForeignTable;
use super::skipping::SkipsDown;
use crate::federation::estimate;
use crate::federation::ship::cut::Shipped;
use crate::lineage::node::LineageNode;

/// About how many rows are few. One thread merges them in a millisecond or two.
const FEW: u64 = 16_384;

/// How many rows of a table of unknown size are taken to have one value.
const LOOKED_UP: u64 = 2_000;

fn looks_up(filter: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = filter else { return false };
    matches!(
        (left.as_ref(), right.as_ref()),
        (Expr::Column(_), Expr::Literal(..)) | (Expr::Literal(..), Expr::Column(_))
    )
}

/// Whether a plan is expected to read few rows, and makes no more of them.
pub(super) fn is_narrow(plan: &LogicalPlan) -> DfResult<bool> {
    let mut rows: Option<u64> = Some(0);
    plan.apply_with_subqueries(|node| {
        let read = match node {
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source)?;
                let table = provider.downcast_ref::<ForeignTable>();
                table.and_then(|table| {
                    let known = estimate::scan(
                        table.spec(),
                        &scan.filters,
                        scan.fetch,
                        table.source().statistics(table.spec()).as_deref(),
                    );
                    known.or_else(|| scan.filters.iter().any(looks_up).then_some(LOOKED_UP))
                })
            }
            LogicalPlan::Extension(extension) => match extension.node.as_any().downcast_ref::<Shipped>() {
                Some(shipped) => shipped.rows,
                // A row of lineage is one that was read, once for each column that is merged.
                None => extension.node.as_any().is::<LineageNode>().then_some(0),
            },
            LogicalPlan::Join(join) if join.on.is_empty() => None,
            LogicalPlan::Unnest(_) | LogicalPlan::RecursiveQuery(_) => None,
            _ => Some(0),
        };
        rows = rows.zip(read).map(|(all, read)| all.saturating_add(read)).filter(|all| *all <= FEW);
        Ok(if rows.is_none() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(rows.is_some())
}

/// Whether a plan does no more with the rows of one leaf than choose and compute, each row by itself. There is nothing
/// that a physical rule could do for it: no order, no distribution, no exchange and no operator that does not give way.
fn is_straight(plan: &LogicalPlan) -> bool {
    let asks = |expr: &Expr| {
        expr.exists(|inner| {
            Ok(matches!(
                inner,
                Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
            ))
        })
        .unwrap_or(true)
    };
    match plan {
        LogicalPlan::TableScan(scan) => {
            source_as_provider(&scan.source).is_ok_and(|provider| provider.downcast_ref::<ForeignTable>().is_some())
        }
        LogicalPlan::Extension(extension) => extension.node.as_any().is::<Shipped>(),
        LogicalPlan::Projection(projection) => !projection.expr.iter().any(asks) && is_straight(&projection.input),
        LogicalPlan::Filter(filter) => !asks(&filter.predicate) && is_straight(&filter.input),
        LogicalPlan::SubqueryAlias(alias) => is_straight(&alias.input),
        _ => false,
    }
}

/// A session that plans for one partition, and is another in all else.
pub(super) struct Narrow<'a> {
    session: &'a dyn Session,
    /// None for a plan that they could do nothing for.
    rules: &'a [Arc<dyn PhysicalOptimizerRule + Send + Sync>],
    config: SessionConfig,
    /// Once they were changed.
    table_options: Option<TableOptions>,
}

impl<'a> Narrow<'a> {
    /// For this plan, which reads few rows.
    pub fn new(session: &'a dyn Session, plan: &LogicalPlan) -> Self {
        let config = session.config().clone().with_target_partitions(1);
        // What may be skipped is found by a rule.
        let skips = session.config_options().extensions.get::<SkipsDown>().is_some();
        let rules = if is_straight(plan) && !skips { &[] } else { session.physical_optimizers() };
        Narrow { session, rules, config, table_options: None }
    }
}

#[async_trait]
impl Session for Narrow<'_> {
    fn session_id(&self) -> &str {
        self.session.session_id()
    }

    fn config(&self) -> &SessionConfig {
        &self.config
    }

    fn catalog_list(&self) -> Arc<dyn CatalogProviderList> {
        self.session.catalog_list()
    }

    fn query_planner(&self) -> Arc<dyn QueryPlanner + Send + Sync> {
        self.session.query_planner()
    }

    fn optimize(&self, plan: &LogicalPlan) -> DfResult<LogicalPlan> {
        self.session.optimize(plan)
    }

    fn physical_optimizers(&self) -> &[Arc<dyn PhysicalOptimizerRule + Send + Sync>] {
        self.rules
    }

    fn statistics_registry(&self) -> Option<&StatisticsRegistry> {
        self.session.statistics_registry()
    }

    async fn create_physical_plan(&self, plan: &LogicalPlan) -> DfResult<Arc<dyn ExecutionPlan>> {
        self.session.create_physical_plan(plan).await
    }

    fn create_physical_expr(&self, expr: Expr, schema: &DFSchema) -> DfResult<Arc<dyn PhysicalExpr>> {
        self.session.create_physical_expr(expr, schema)
    }

    fn scalar_functions(&self) -> &HashMap<String, Arc<ScalarUDF>> {
        self.session.scalar_functions()
    }

    fn higher_order_functions(&self) -> &HashMap<String, Arc<HigherOrderUDF>> {
        self.session.higher_order_functions()
    }

    fn aggregate_functions(&self) -> &HashMap<String, Arc<AggregateUDF>> {
        self.session.aggregate_functions()
    }

    fn window_functions(&self) -> &HashMap<String, Arc<WindowUDF>> {
        self.session.window_functions()
    }

    fn extension_type_registry(&self) -> &ExtensionTypeRegistryRef {
        self.session.extension_type_registry()
    }

    fn runtime_env(&self) -> &Arc<RuntimeEnv> {
        self.session.runtime_env()
    }

    fn execution_props(&self) -> &ExecutionProps {
        self.session.execution_props()
    }

    fn as_any(&self) -> &dyn Any {
        self.session.as_any()
    }

    fn table_options(&self) -> &TableOptions {
        self.table_options.as_ref().unwrap_or_else(|| self.session.table_options())
    }

    fn table_options_mut(&mut self) -> &mut TableOptions {
        self.table_options.get_or_insert_with(|| self.session.table_options().clone())
    }

    fn task_ctx(&self) -> Arc<TaskContext> {
        self.session.task_ctx()
    }
}
