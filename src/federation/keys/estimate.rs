//! About how many rows an operator gives, and how many values. A guess: it decides what is read first, never what comes out.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};

use crate::planner::forgetful::ForgetConstants;
use crate::planner::hash_groups::HashGroupsExec;
use crate::sources::scan::SourceScanExec;

/// What a filter is taken to keep: one row of so many.
const FILTER_KEEPS: u64 = 5;

/// Functions that give different texts for most different texts.
const KEEPS_APART: [&str; 6] = ["normalize_email", "normalize_phone", "blank_to_null", "lower", "upper", "btrim"];

/// The number of rows, where something is known about it. Unlike the engine's statistics it sees through joins: of two
/// sides that are joined by keys, the smaller one says how many rows match.
pub fn rows(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    let estimate = unbounded(plan);
    match (estimate, plan.fetch()) {
        (estimate, Some(fetch)) => {
            let fetch = u64::try_from(fetch).unwrap_or(u64::MAX);
            Some(estimate.map_or(fetch, |rows| rows.min(fetch)))
        }
        (estimate, None) => estimate,
    }
}

fn unbounded(plan: &Arc<dyn ExecutionPlan>) -> Option<u64> {
    if let Some(scan) = plan.downcast_ref::<SourceScanExec>() {
        return scan.rows();
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        return Some((rows(filter.input())? / FILTER_KEEPS).max(1));
    }
    let near = plan.downcast_ref::<HashGroupsExec>().map(HashGroupsExec::aggregate);
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>().or(near) {
        return if aggregate.group_expr().is_empty() { Some(1) } else { rows(aggregate.input()) };
    }
    if plan.is::<UnionExec>() || plan.is::<InterleaveExec>() {
        return plan.children().into_iter().map(rows).try_fold(0u64, |sum, rows| Some(sum.saturating_add(rows?)));
    }
    if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        let (left, right) = (rows(join.left()), rows(join.right()));
        let smaller = match (left, right) {
            (Some(left), Some(right)) => Some(left.min(right)),
            (one, other) => one.or(other),
        };
        return match join.join_type {
            JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi => smaller,
            JoinType::Left | JoinType::LeftAnti | JoinType::LeftMark => left,
            JoinType::Right | JoinType::RightAnti | JoinType::RightMark => right,
            JoinType::Full => Some(left?.max(right?)),
        };
    }
    if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
        return Some(rows(join.left())?.saturating_mul(rows(join.right())?));
    }
    if let [child] = plan.children().as_slice() {
        // Sorts, projections and the like; what makes more rows of one is taken to make about as many.
        return rows(child);
    }
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new()).ok()?;
    statistics.num_rows.get_value().and_then(|rows| u64::try_from(*rows).ok())
}

/// About how many rows there are, and how many different values of something among them.
pub struct Values {
    pub rows: u64,
    pub values: u64,
}

/// How many values an expression has among an operator's rows, where the sources say so of its column. What the sides of
/// a union have in common is counted for each of them.
pub fn values(plan: &Arc<dyn ExecutionPlan>, expr: &Arc<dyn PhysicalExpr>) -> Option<Values> {
    of_column(plan, column(expr)?)
}

fn of_column(plan: &Arc<dyn ExecutionPlan>, index: usize) -> Option<Values> {
    if let Some(scan) = plan.downcast_ref::<SourceScanExec>() {
        let rows = scan.rows()?;
        return Some(Values { rows, values: scan.values(index)?.min(rows) });
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return of_column(projection.input(), column(&projection.expr().get(index)?.expr)?);
    }
    if plan.is::<UnionExec>() {
        // What is known of some sides is taken for all.
        let known = plan.children().into_iter().filter_map(|side| of_column(side, index));
        return known.reduce(|all, one| Values {
            rows: all.rows.saturating_add(one.rows),
            values: all.values.saturating_add(one.values),
        });
    }
    let passes = plan.is::<RepartitionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<ForgetConstants>();
    if passes {
        return of_column(plan.children().into_iter().next()?, index);
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
