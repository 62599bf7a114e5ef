//! Groups that hardly repeat are made in one step.
//!
//! DataFusion groups twice: each partition its own rows, and then, by key, what came of that. Where nearly every row of
//! a source is a group of its own, as customers are by their e-mail address, the first step makes nothing smaller. It
//! notices that after a hundred thousand rows of each partition, and has cost as much as the second until then. Where
//! the sources say how many values they hold it is left out from the beginning: rows go to their group at once. Nothing
//! but time depends on whether they are right.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::physical_expr::{Partitioning, PhysicalExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use crate::federation::keys::{rows, values};

/// With fewer rows it makes no difference.
const MANY: u64 = 10_000;

/// Into how many times as many parts as there are threads the rows of a grouping are dealt out.
const FINER: usize = 4;

/// With fewer rows its groups are near each other anyway.
pub(super) const MANY_GROUPED: u64 = 500_000;

/// The rule.
#[derive(Debug)]
pub struct OneStep;

impl PhysicalOptimizerRule for OneStep {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> DfResult<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|node| {
            Ok(match in_one_step(&node)? {
                Some(one) => Transformed::yes(one),
                None => Transformed::no(node),
            })
        });
        finer(rewritten?.data, true)
    }

    fn name(&self) -> &str {
        "one_step"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The grouping in one step that gives what this one gives in two, where that pays.
fn in_one_step(plan: &Arc<dyn ExecutionPlan>) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
    let Some(last) = plan.downcast_ref::<AggregateExec>() else { return Ok(None) };
    let Some(exchange) = last.input().downcast_ref::<RepartitionExec>() else { return Ok(None) };
    let Some(first) = exchange.input().downcast_ref::<AggregateExec>() else { return Ok(None) };
    let Partitioning::Hash(_, count) = exchange.partitioning() else { return Ok(None) };
    let plain = *last.mode() == AggregateMode::FinalPartitioned
        && *first.mode() == AggregateMode::Partial
        && first.group_expr().is_single()
        && last.limit_options().is_none()
        && first.limit_options().is_none()
        // In what order rows come is kept by no exchange.
        && *first.input_order_mode() == InputOrderMode::Linear
        && first.aggr_expr().iter().all(|call| call.order_bys().is_empty());
    let keys = first.group_expr().input_exprs();
    if !plain || !keys.iter().any(|key| hardly_repeats(first.input(), key)) {
        return Ok(None);
    }
    let exchange = RepartitionExec::try_new(Arc::clone(first.input()), Partitioning::Hash(keys, *count))?;
    let one = AggregateExec::try_new(
        AggregateMode::SinglePartitioned,
        first.group_expr().clone(),
        first.aggr_expr().to_vec(),
        first.filter_expr().to_vec(),
        Arc::new(exchange),
        first.input_schema(),
    )?;
    // What is above knows the columns by their names and types.
    Ok((one.schema() == last.schema()).then(|| Arc::new(one) as Arc<dyn ExecutionPlan>))
}

/// The plan with groups made in more parts than there are threads. A part's groups are then near each other
/// in memory, and at the end no thread waits for another that still has the half of all rows before it. `free`: what is
/// above takes any number of parts.
fn finer(plan: Arc<dyn ExecutionPlan>, free: bool) -> DfResult<Arc<dyn ExecutionPlan>> {
    let is_exchange =
        plan.is::<RepartitionExec>() || plan.is::<CoalescePartitionsExec>() || plan.is::<SortPreservingMergeExec>();
    let children = plan.children();
    // The inputs of a join, and what is put side by side, have as many parts as each other.
    let below = is_exchange || (free && children.len() == 1);
    let deals = plan.downcast_ref::<AggregateExec>().is_some_and(|node| match node.mode() {
        AggregateMode::SinglePartitioned => true,
        AggregateMode::FinalPartitioned => rows(node.input()).is_some_and(|rows| rows >= MANY_GROUPED),
        _ => false,
    });
    let mut made = Vec::with_capacity(children.len());
    for child in children {
        let dealt = child.downcast_ref::<RepartitionExec>().filter(|_| deals && free);
        let new = match dealt.map(|exchange| (exchange, exchange.partitioning())) {
            Some((exchange, Partitioning::Hash(keys, count))) => {
                let input = finer(Arc::clone(exchange.input()), true)?;
                let parts = Partitioning::Hash(keys.clone(), count.saturating_mul(FINER));
                Arc::new(RepartitionExec::try_new(input, parts)?)
            }
            _ => finer(Arc::clone(child), below)?,
        };
        made.push(new);
    }
    replace_children_if_necessary(plan, made)
}

/// Whether four of five rows have a value of their own.
fn hardly_repeats(plan: &Arc<dyn ExecutionPlan>, key: &Arc<dyn PhysicalExpr>) -> bool {
    let known = values(plan, key);
    known.is_some_and(|known| known.rows >= MANY && known.values.saturating_mul(5) >= known.rows.saturating_mul(4))
}
