//! A join's build side filters what its probe side reads only where that leaves something out.
//!
//! DataFusion gives a scan of Parquet the whole hash table of a join above it, and each row is looked up there before it
//! is read. For a few keys that saves most of the reading. The keys of a large table mostly find their rows: then each
//! row is looked up twice, which took as long as the join itself.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

use super::filter_names::PhysicalRule;
use crate::federation::keys::rows;

/// About how many rows a build side has at least that is taken to find most of the other side.
const MANY: u64 = 50_000;

/// The rules, of which the one that hands filters to scans leaves out joins whose build sides are all large.
pub fn of_few_keys(rules: Vec<PhysicalRule>) -> Vec<PhysicalRule> {
    let wrap = |rule: PhysicalRule| -> PhysicalRule {
        if rule.name() == "FilterPushdown(Post)" { Arc::new(OfFewKeys { rule }) } else { rule }
    };
    rules.into_iter().map(wrap).collect()
}

#[derive(Debug)]
struct OfFewKeys {
    rule: PhysicalRule,
}

impl PhysicalOptimizerRule for OfFewKeys {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        if !joins_many(&plan)? {
            return self.rule.optimize(plan, config);
        }
        let mut without = config.clone();
        without.optimizer.enable_join_dynamic_filter_pushdown = false;
        self.rule.optimize(plan, &without)
    }

    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }
}

/// Whether a plan has joins, and each of them a large build side.
fn joins_many(plan: &Arc<dyn ExecutionPlan>) -> DfResult<bool> {
    let mut many = false;
    plan.apply(|node| {
        if let Some(join) = node.downcast_ref::<HashJoinExec>() {
            many = rows(join.left()).is_some_and(|rows| rows >= MANY);
            if !many {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(many)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch};
    use datafusion::catalog::memory::MemorySourceConfig;
    use datafusion::common::{JoinType, NullEquality};
    use datafusion::physical_expr::PhysicalExpr;
    use datafusion::physical_expr::expressions::Column;
    use datafusion::physical_plan::joins::PartitionMode;

    use super::*;

    #[test]
    fn only_few_keys_are_looked_for() {
        let table = |rows: i32| -> Arc<dyn ExecutionPlan> {
            let keys: ArrayRef = Arc::new(Int32Array::from_iter_values(0..rows));
            let batch = RecordBatch::try_from_iter([("k", keys)]).unwrap();
            MemorySourceConfig::try_new_exec(&[vec![batch.clone()]], batch.schema(), None).unwrap()
        };
        let join = |left: Arc<dyn ExecutionPlan>, right: Arc<dyn ExecutionPlan>| -> Arc<dyn ExecutionPlan> {
            let key: Arc<dyn PhysicalExpr> = Arc::new(Column::new("k", 0));
            let join = HashJoinExec::try_new(
                left,
                right,
                vec![(Arc::clone(&key), key)],
                None,
                &JoinType::LeftSemi,
                None,
                PartitionMode::CollectLeft,
                NullEquality::NullEqualsNothing,
                false,
            );
            Arc::new(join.unwrap())
        };
        assert!(joins_many(&join(table(60_000), table(10))).unwrap());
        assert!(!joins_many(&join(table(100), table(60_000))).unwrap());
        assert!(!joins_many(&join(join(table(100), table(10)), table(60_000))).unwrap());
        assert!(!joins_many(&table(60_000)).unwrap());
    }
}
