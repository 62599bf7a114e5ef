//! DataFusion computes `count(DISTINCT a), sum(b)` as sums of the sums for each `a`. A sum has another type than what
//! it is of here (`sum(integer)` is bigint, `sum(bigint)` numeric), so a sum of sums would not be the sum.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

/// The name of DataFusion's rule.
const RULE: &str = "single_distinct_aggregation_to_group_by";

/// DataFusion's rules, with that one left out where it would add sums up.
pub fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let rules = Optimizer::new().rules.into_iter();
    rules
        .map(|rule| {
            if rule.name() == RULE { Arc::new(WithoutSums(rule)) as Arc<dyn OptimizerRule + Send + Sync> } else { rule }
        })
        .collect()
}

#[derive(Debug)]
struct WithoutSums(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for WithoutSums {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        match &plan {
            LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.iter().any(is_plain_sum) => {
                Ok(Transformed::no(plan))
            }
            _ => self.0.rewrite(plan, config),
        }
    }
}

fn is_plain_sum(expr: &Expr) -> bool {
    matches!(expr, Expr::AggregateFunction(call) if call.func.name() == "sum" && !call.params.distinct)
}
