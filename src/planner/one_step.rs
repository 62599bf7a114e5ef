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
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_expr::{Partitioning, PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use crate::sources::scan::SourceScanExec;

/// With fewer rows it makes no difference.
const MANY: u64 = 10_000;

/// Functions that give different texts for most different texts.
const KEEPS_APART: [&str; 6] = ["normalize_email", "normalize_phone", "blank_to_null", "lower", "upper", "btrim"];

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
        rewritten.map(|rewritten| rewritten.data)
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

/// Whether four of five rows have a value of their own.
fn hardly_repeats(plan: &Arc<dyn ExecutionPlan>, key: &Arc<dyn PhysicalExpr>) -> bool {
    let found = column(key).and_then(|column| values(plan, column));
    found.is_some_and(|found| found.rows >= MANY && found.values.saturating_mul(5) >= found.rows.saturating_mul(4))
}

/// How many rows there are, and how many values of a column among them, in each partition by itself.
struct Found {
    rows: u64,
    values: u64,
}

/// What is known of a column of a plan.
fn values(plan: &Arc<dyn ExecutionPlan>, index: usize) -> Option<Found> {
    if let Some(scan) = plan.downcast_ref::<SourceScanExec>() {
        let rows = scan.rows()?;
        return Some(Found { rows, values: scan.values(index)?.min(rows) });
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return values(projection.input(), column(&projection.expr().get(index)?.expr)?);
    }
    if plan.downcast_ref::<UnionExec>().is_some() {
        // Each side has partitions of its own. What is known of some is taken for all.
        let known = plan.children().into_iter().filter_map(|side| values(side, index));
        return known.reduce(|all, one| Found {
            rows: all.rows.saturating_add(one.rows),
            values: all.values.saturating_add(one.values),
        });
    }
    if plan.downcast_ref::<RepartitionExec>().is_some() || plan.downcast_ref::<CooperativeExec>().is_some() {
        return values(plan.children().into_iter().next()?, index);
    }
    None
}

/// The column whose values an expression keeps apart.
fn column(expr: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    if let Some(column) = expr.downcast_ref::<Column>() {
        return Some(column.index());
    }
    if let Some(cast) = expr.downcast_ref::<CastExpr>() {
        return column(cast.expr());
    }
    let call = expr.downcast_ref::<ScalarFunctionExpr>()?;
    if KEEPS_APART.contains(&call.name()) { column(call.args().first()?) } else { None }
}
