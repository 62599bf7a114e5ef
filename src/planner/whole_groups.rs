//! DataFusion's rule for filters, kept from aggregates that give a row for no rows.
//!
//! By itself it moves a condition without columns, as the `'a' = 'b'` that is left of a union's branch, below
//! `count(*)`, which then counts none and gives that as a row. An aggregate without groups, or with grouping sets, of
//! which one may be empty, lets no condition through.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The rule's name.
const RULE: &str = "push_down_filter";

/// The rules, of which that one is guarded.
pub fn guarded(rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>) -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let guard = |rule: Arc<dyn OptimizerRule + Send + Sync>| match rule.name() == RULE {
        true => Arc::new(Guarded(rule)) as Arc<dyn OptimizerRule + Send + Sync>,
        false => rule,
    };
    rules.into_iter().map(guard).collect()
}

#[derive(Debug)]
struct Guarded(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for Guarded {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        match &plan {
            LogicalPlan::Filter(filter) if gives_a_row_for_none(&filter.input) => Ok(Transformed::no(plan)),
            _ => self.0.rewrite(plan, config),
        }
    }
}

/// Whether a plan is such an aggregate, perhaps below filters: the rule makes one of several.
fn gives_a_row_for_none(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Filter(filter) => gives_a_row_for_none(&filter.input),
        LogicalPlan::Aggregate(aggregate) => {
            aggregate.group_expr.iter().all(|group| matches!(group, Expr::GroupingSet(_)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::functions_aggregate::expr_fn::count;
    use datafusion::logical_expr::{LogicalPlanBuilder, lit};
    use datafusion::optimizer::optimizer::{Optimizer, OptimizerContext};

    use super::*;

    #[test]
    fn no_condition_goes_below_an_aggregate_of_all_rows() {
        let values = LogicalPlanBuilder::values(vec![vec![lit(1)], vec![lit(2)]]).unwrap();
        let one = values.aggregate(Vec::<Expr>::new(), vec![count(lit(1))]).unwrap();
        let plan = one.filter(lit("a").eq(lit("b"))).unwrap().filter(lit(1).eq(lit(2))).unwrap().build().unwrap();
        for rule in guarded(Optimizer::new().rules).iter().filter(|rule| rule.name() == RULE) {
            let kept = rule.rewrite(plan.clone(), &OptimizerContext::new()).unwrap();
            assert!(!kept.transformed, "{}", kept.data.display_indent());
        }
    }
}
