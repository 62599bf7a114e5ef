//! What an operator makes of rows that are missing from one of its inputs.
//!
//! Let some rows of a scan be missing. On the way up each operator is looked at with one question: is every row that it
//! gives now one that it gave before, but for the values of some columns? Those columns hold what aggregates and windows
//! made of the rows that are there; they are *changed*. A filter, a join, a group or a sort with a limit that looks at a
//! changed column may let rows through that it held back before, and so ends the way; so does whatever keeps rows that
//! have no partner, and whatever counts rows off in an order. Sorting by a changed column only moves rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{JoinSide, JoinType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::buffer::BufferExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::utils::{JoinFilter, JoinOnRef};
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::sorts::partial_sort::PartialSortExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::federation::keys::CandidatesExec;
use crate::lineage::exec::LineageExec;
use crate::planner::forgetful::ForgetConstants;
use crate::quality::exec::RulesExec;

/// The columns that are changed, by index.
pub(super) type Changed = BTreeSet<usize>;

/// How far a scan's missing rows go: to a place where some columns are changed, or not this far, and why.
pub(super) type Way = Result<Changed, String>;

const IN_ORDER: &str = "the first rows of fewer rows are others (ORDER BY with LIMIT)";
const OF_AGGREGATE: &str = "a condition on an aggregate could hold for other rows";
const ANTI: &str = "NOT IN, NOT EXISTS or EXCEPT would keep rows that it leaves out";
const OUTER: &str = "an outer join would give NULLs in its place";

/// The way from input `child` of an operator, of which the columns `changed` are, to its output.
pub(super) fn through(plan: &Arc<dyn ExecutionPlan>, child: usize, changed: &Changed) -> Way {
    if counts_in_order(plan) {
        return Err(IN_ORDER.to_string());
    }
    let passes = plan.is::<CooperativeExec>()
        || plan.is::<ForgetConstants>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<BufferExec>()
        || plan.is::<SortExec>()
        || plan.is::<PartialSortExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<GlobalLimitExec>()
        || plan.is::<LocalLimitExec>()
        || plan.is::<UnionExec>()
        || plan.is::<InterleaveExec>();
    if passes {
        return Ok(changed.clone());
    }
    let rules = plan.downcast_ref::<RulesExec>().and_then(RulesExec::projection);
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>().or(rules) {
        let made = projection.expr().iter().enumerate();
        return Ok(made.filter(|(_, made)| looks_at(&made.expr, changed)).map(|(index, _)| index).collect());
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        if looks_at(filter.predicate(), changed) {
            return Err(OF_AGGREGATE.to_string());
        }
        return Ok(projected(changed, filter.projection().as_deref()));
    }
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        return through_aggregate(aggregate, changed);
    }
    if plan.is::<WindowAggExec>() || plan.is::<BoundedWindowAggExec>() {
        let width = plan.children().first().map_or(0, |input| input.schema().fields().len());
        return Ok(changed.iter().copied().chain(width..plan.schema().fields().len()).collect());
    }
    if plan.is::<UnnestExec>() && changed.is_empty() {
        return Ok(Changed::new());
    }
    if let Some(lineage) = plan.downcast_ref::<LineageExec>() {
        // Fewer candidates are fewer rows, and others may be chosen among them; keys stay.
        return match changed.is_empty() {
            true => Ok((lineage.key_count()..plan.schema().fields().len()).collect()),
            false => Err(format!("{} may give other rows", plan.name())),
        };
    }
    if plan.is::<ScalarSubqueryExec>() {
        // The first input is passed through; the values of the others stand anywhere in it.
        return if child == 0 { Ok(changed.clone()) } else { Err("a subquery would have another value".to_string()) };
    }
    if plan.is::<CandidatesExec>() {
        return if child == 0 {
            Ok(changed.clone())
        } else {
            Err("the search for keys would not be complete".to_string())
        };
    }
    match Join::of(plan) {
        Some(join) => join.through(child, changed),
        None => Err(format!("{} may give other rows", plan.name())),
    }
}

/// Whether an operator keeps the first rows in an order. Of rows in no order any are the first.
fn counts_in_order(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let ordered = plan.children().iter().any(|input| input.output_ordering().is_some());
    if let Some(limit) = plan.downcast_ref::<GlobalLimitExec>() {
        return ordered || limit.required_ordering().is_some();
    }
    if let Some(limit) = plan.downcast_ref::<LocalLimitExec>() {
        return ordered || limit.required_ordering().is_some();
    }
    let sorts = plan.is::<SortExec>() || plan.is::<PartialSortExec>() || plan.is::<SortPreservingMergeExec>();
    plan.fetch().is_some() && (sorts || ordered)
}

fn through_aggregate(aggregate: &AggregateExec, changed: &Changed) -> Way {
    if aggregate.limit_options().is_some_and(|limit| limit.descending().is_some()) {
        return Err(IN_ORDER.to_string());
    }
    if aggregate.group_expr().expr().iter().any(|(group, _)| looks_at(group, changed)) {
        return Err("groups by an aggregate would be others".to_string());
    }
    let groups = aggregate.output_group_expr().len();
    Ok((groups..aggregate.schema().fields().len()).collect())
}

/// Whether an expression looks at a column that is changed.
fn looks_at(expr: &Arc<dyn PhysicalExpr>, changed: &Changed) -> bool {
    !changed.is_empty() && collect_columns(expr).iter().any(|column| changed.contains(&column.index()))
}

/// The columns after a projection that an operator makes itself.
fn projected(changed: &Changed, projection: Option<&[usize]>) -> Changed {
    match projection {
        Some(kept) => {
            kept.iter().enumerate().filter(|(_, from)| changed.contains(from)).map(|(index, _)| index).collect()
        }
        None => changed.clone(),
    }
}

/// A join, whichever way it is made.
struct Join<'a> {
    join_type: JoinType,
    /// What must be equal, left and right.
    on: JoinOnRef<'a>,
    filter: Option<&'a JoinFilter>,
    projection: Option<&'a [usize]>,
    left: &'a Arc<dyn ExecutionPlan>,
    right: &'a Arc<dyn ExecutionPlan>,
}

impl<'a> Join<'a> {
    fn of(plan: &'a Arc<dyn ExecutionPlan>) -> Option<Join<'a>> {
        if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            return Some(Join {
                join_type: join.join_type,
                on: join.on(),
                filter: join.filter(),
                projection: join.projection.as_deref(),
                left: join.left(),
                right: join.right(),
            });
        }
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            return Some(Join {
                join_type: *join.join_type(),
                on: &[],
                filter: join.filter(),
                projection: join.projection().as_deref(),
                left: join.left(),
                right: join.right(),
            });
        }
        if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
            return Some(Join {
                join_type: join.join_type(),
                on: join.on(),
                filter: join.filter().as_ref(),
                projection: None,
                left: join.left(),
                right: join.right(),
            });
        }
        let join = plan.downcast_ref::<CrossJoinExec>()?;
        Some(Join {
            join_type: JoinType::Inner,
            on: &[],
            filter: None,
            projection: None,
            left: join.left(),
            right: join.right(),
        })
    }

    fn through(&self, child: usize, changed: &Changed) -> Way {
        let side = if child == 0 { JoinSide::Left } else { JoinSide::Right };
        match (self.join_type, side) {
            (JoinType::Left, JoinSide::Right) | (JoinType::Right, JoinSide::Left) | (JoinType::Full, _) => {
                return Err(OUTER.to_string());
            }
            (JoinType::LeftAnti, JoinSide::Right) | (JoinType::RightAnti, JoinSide::Left) => {
                return Err(ANTI.to_string());
            }
            _ => {}
        }
        let of_key = self.on.iter().any(|(left, right)| looks_at(if child == 0 { left } else { right }, changed));
        let of_filter = self.filter.is_some_and(|filter| {
            filter.column_indices().iter().any(|column| column.side == side && changed.contains(&column.index))
        });
        if of_key || of_filter {
            return Err(OF_AGGREGATE.to_string());
        }
        let (left, right) = (self.left.schema().fields().len(), self.right.schema().fields().len());
        let after: Changed = match (self.join_type, side) {
            // Whether a row has a partner is a column.
            (JoinType::LeftMark, JoinSide::Right) => [left].into(),
            (JoinType::RightMark, JoinSide::Left) => [right].into(),
            // Of this side nothing comes out.
            (JoinType::LeftSemi | JoinType::LeftAnti, JoinSide::Right)
            | (JoinType::RightSemi | JoinType::RightAnti, JoinSide::Left) => Changed::new(),
            (JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full, JoinSide::Right) => {
                changed.iter().map(|column| column + left).collect()
            }
            _ => changed.clone(),
        };
        Ok(projected(&after, self.projection))
    }
}
