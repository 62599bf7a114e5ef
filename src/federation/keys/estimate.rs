//! About how many rows an operator gives. A guess: it decides what is read first, never what comes out.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};

use crate::sources::scan::SourceScanExec;

/// What a filter is taken to keep: one row of so many.
const FILTER_KEEPS: u64 = 5;

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
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
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
