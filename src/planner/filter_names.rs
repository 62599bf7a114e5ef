//! Filters that move down a physical plan by name do not pass nodes in which two columns share a name.
//!
//! DataFusion 55.2 finds a filter's columns in the node below by their names, and takes the first that has one. Below
//! `a RIGHT JOIN b`, where both have a column `v`, `a.v > 1 OR b.v > 5` then becomes a filter on `b.v` alone: rows are
//! lost, or come that should not. The logical optimizer has moved what can be moved before, with qualified names.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties};

/// A rule of the physical optimizer.
pub type PhysicalRule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The rules, with those that move filters kept from nodes in which they would take one column for another.
pub fn guarded(rules: Vec<PhysicalRule>) -> Vec<PhysicalRule> {
    let guard = |rule: PhysicalRule| -> PhysicalRule {
        if rule.name().starts_with("FilterPushdown") { Arc::new(GuardedFilters { rule }) } else { rule }
    };
    rules.into_iter().map(guard).collect()
}

/// Runs a rule on a plan in which no filter reaches a node whose columns share a name.
#[derive(Debug)]
struct GuardedFilters {
    rule: PhysicalRule,
}

impl PhysicalOptimizerRule for GuardedFilters {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let walled = plan.transform_up(|node| {
            Ok(if shares_names(&node) {
                Transformed::yes(Arc::new(FilterWall { input: node }) as Arc<dyn ExecutionPlan>)
            } else {
                Transformed::no(node)
            })
        })?;
        let moved = self.rule.optimize(walled.data, config)?;
        if !walled.transformed {
            return Ok(moved);
        }
        let open = moved.transform_up(|node| {
            let inner = node.downcast_ref::<FilterWall>().map(|wall| Arc::clone(&wall.input));
            Ok(inner.map_or_else(|| Transformed::no(Arc::clone(&node)), Transformed::yes))
        })?;
        Ok(open.data)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

fn shares_names(node: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = node.schema();
    let mut seen = HashSet::new();
    schema.fields().iter().any(|field| !seen.insert(field.name().as_str()))
}

/// Stands above a node while a rule runs. What it does not say about filters, DataFusion takes for "none may pass".
#[derive(Debug)]
struct FilterWall {
    input: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for FilterWall {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FilterWall")
    }
}

impl ExecutionPlan for FilterWall {
    fn name(&self) -> &str {
        "FilterWall"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(input), true) => Ok(Arc::new(FilterWall { input })),
            _ => internal_err!("a wall has one child"),
        }
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }
}
