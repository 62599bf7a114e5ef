//! A filter above a grouping of all rows stays there.
//!
//! DataFusion 55.2 moves a condition below a grouping when all its columns are grouped by, and so one that has no
//! columns any more: of `SELECT * FROM (SELECT 'a' AS k, count(*) FROM t) AS q WHERE k = 'b'` a count of no rows is
//! left. But a grouping of all rows has a row, 0, of no rows too.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The name of DataFusion's rule.
const RULE: &str = "push_down_filter";

/// A rule of the logical optimizer.
type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// The rules, with the one that moves filters kept from those that must stay.
pub fn guarded(rules: Vec<Rule>) -> Vec<Rule> {
    let guard = |rule: Rule| -> Rule { if rule.name() == RULE { Arc::new(AboveTotals(rule)) } else { rule } };
    rules.into_iter().map(guard).collect()
}

#[derive(Debug)]
struct AboveTotals(Rule);

impl OptimizerRule for AboveTotals {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        if stays(&plan) { Ok(Transformed::no(plan)) } else { self.0.rewrite(plan, config) }
    }
}

/// Whether a plan is a filter, or several, right above a grouping that has a row for no rows, and one of the conditions
/// has no columns.
fn stays(plan: &LogicalPlan) -> bool {
    let mut constant = false;
    let mut plan = plan;
    while let LogicalPlan::Filter(filter) = plan {
        constant |= split_conjunction(&filter.predicate).into_iter().any(|part| part.column_refs().is_empty());
        plan = filter.input.as_ref();
    }
    let LogicalPlan::Aggregate(aggregate) = plan else { return false };
    let groups = &aggregate.group_expr;
    constant && (groups.is_empty() || groups.iter().any(|group| matches!(group, Expr::GroupingSet(_))))
}
