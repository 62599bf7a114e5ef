//! From a column of an operator's output down to the scans that it comes from.
//!
//! A step down is taken only where keeping of the operator's input the rows whose key is in a set, and perhaps more,
//! keeps of its output all rows whose key is in the set, unchanged. Nulls are never in the set.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{JoinSide, JoinType};
use datafusion::error::Result as DfResult;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::buffer::BufferExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};

use super::candidates::CandidatesExec;
use super::collect::KeyCollectExec;
use super::restriction::{Function, is_injective};
use crate::lineage::exec::LineageExec;
use crate::planner::barrier::BarrierExec;
use crate::planner::forgetful::ForgetConstants;
use crate::planner::hash_groups::HashGroupsExec;
use crate::planner::large_constants::FewRowsExec;
use crate::quality::exec::RulesExec;
use crate::sources::scan::SourceScanExec;

/// A key on its way down.
#[derive(Clone, Debug)]
pub struct Key {
    /// The column of the operator's output.
    pub column: usize,
    /// The types that it was cast from above, the topmost first.
    pub casts: Vec<DataType>,
    /// The function of the column that was met above.
    function: Option<Arc<dyn PhysicalExpr>>,
}

impl Key {
    /// The key that an expression over `plan`'s output is, where it is a column, a cast that loses nothing, or a
    /// function that a source may know.
    pub fn of(expression: &Arc<dyn PhysicalExpr>, plan: &Arc<dyn ExecutionPlan>) -> Option<Key> {
        Key { column: 0, casts: vec![], function: None }.through(expression, plan)
    }

    /// The key below an expression, of which this key is the value.
    fn through(&self, expression: &Arc<dyn PhysicalExpr>, input: &Arc<dyn ExecutionPlan>) -> Option<Key> {
        if let Some(column) = expression.downcast_ref::<Column>() {
            return Some(Key { column: column.index(), ..self.clone() });
        }
        if self.function.is_some() {
            return None;
        }
        if let Some(cast) = expression.downcast_ref::<CastExpr>() {
            let from = cast.expr().data_type(&input.schema()).ok()?;
            if !is_injective(&from, cast.cast_type()) {
                return None;
            }
            let mut key = self.clone();
            if from != *cast.cast_type() {
                key.casts.push(from);
            }
            return key.through(cast.expr(), input);
        }
        let call = expression.downcast_ref::<ScalarFunctionExpr>()?;
        let [argument] = call.args() else { return None };
        let column = argument.downcast_ref::<Column>()?;
        Some(Key { column: column.index(), function: Some(Arc::clone(expression)), casts: self.casts.clone() })
    }

    fn at(&self, column: usize) -> Key {
        Key { column, ..self.clone() }
    }

    /// The name of the function of the column, if the key is the value of one.
    pub fn function_name(&self) -> Option<&str> {
        self.function.as_ref()?.downcast_ref::<ScalarFunctionExpr>().map(ScalarFunctionExpr::name)
    }

    /// The function over a scan's output.
    pub fn function(&self, scan: &SourceScanExec) -> DfResult<Option<Function>> {
        let (Some(call), Some(name)) = (&self.function, self.function_name()) else { return Ok(None) };
        let column = Column::new(scan.schema().field(self.column).name(), self.column);
        let call = Arc::clone(call).with_new_children(vec![Arc::new(column)])?;
        Ok(Some(Function { name: name.to_string(), call }))
    }
}

/// What is put in the place of a scan that takes the key; none leaves it.
pub type Replace<'a> = &'a mut dyn FnMut(&SourceScanExec, &Key) -> DfResult<Option<Arc<dyn ExecutionPlan>>>;

/// Follows the key down and replaces the scans that it reaches; none when nothing was replaced.
pub fn trace(
    plan: &Arc<dyn ExecutionPlan>,
    key: &Key,
    replace: Replace<'_>,
) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(scan) = plan.downcast_ref::<SourceScanExec>() {
        return if scan.takes_keys(key.function_name(), key.column) { replace(scan, key) } else { Ok(None) };
    }
    // The first rows of fewer rows are others.
    if plan.fetch().is_some() {
        return Ok(None);
    }
    let steps = steps(plan, key);
    if steps.is_empty() {
        return Ok(None);
    }
    let mut children: Vec<Arc<dyn ExecutionPlan>> = plan.children().into_iter().map(Arc::clone).collect();
    let mut replaced = false;
    for (index, key) in steps {
        let Some(child) = children.get_mut(index) else { continue };
        if let Some(new) = trace(child, &key, replace)? {
            *child = new;
            replaced = true;
        }
    }
    if replaced { replace_children_if_necessary(Arc::clone(plan), children).map(Some) } else { Ok(None) }
}

/// The children in which the key is a column too, with that column.
fn steps(plan: &Arc<dyn ExecutionPlan>, key: &Key) -> Vec<(usize, Key)> {
    let passes = plan.is::<CooperativeExec>()
        || plan.is::<ForgetConstants>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<BufferExec>()
        || plan.is::<SortExec>()
        || plan.is::<SortPreservingMergeExec>()
        || plan.is::<KeyCollectExec>()
        || plan.is::<CandidatesExec>()
        || plan.is::<FewRowsExec>()
        // A key is compared and no more; the value of a function is not asked for below.
        || (plan.is::<BarrierExec>() && key.function.is_none());
    if passes {
        return vec![(0, key.clone())];
    }
    if plan.is::<UnionExec>() || plan.is::<InterleaveExec>() {
        return (0..plan.children().len()).map(|child| (child, key.clone())).collect();
    }
    // What rules say of a row depends on no other row; a key that is what one says is not traced, as it is computed.
    let rules = plan.downcast_ref::<RulesExec>().and_then(RulesExec::projection);
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>().or(rules) {
        let below = projection.expr().get(key.column).and_then(|e| key.through(&e.expr, projection.input()));
        return below.map(|key| (0, key)).into_iter().collect();
    }
    if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        let column = match filter.projection() {
            Some(projection) => projection.get(key.column).copied(),
            None => Some(key.column),
        };
        return column.map(|column| (0, key.at(column))).into_iter().collect();
    }
    let near = plan.downcast_ref::<HashGroupsExec>().map(HashGroupsExec::aggregate);
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>().or(near) {
        let groups = aggregate.group_expr();
        // With a bound on groups, fewer rows make other groups the first ones.
        if groups.has_grouping_set() || aggregate.limit_options().is_some() {
            return vec![];
        }
        let group = groups.expr().get(key.column).and_then(|(e, _)| key.through(e, aggregate.input()));
        return group.map(|key| (0, key)).into_iter().collect();
    }
    // A row of lineage is one of its input, of a group that is whole or has none of the keys.
    if let Some(lineage) = plan.downcast_ref::<LineageExec>() {
        return lineage.key(key.column).map(|column| (0, key.at(column))).into_iter().collect();
    }
    of_join(plan, key).into_iter().collect()
}

/// The side of a join that the key is a column of, where fewer rows of it are fewer rows of the join and nothing else.
fn of_join(plan: &Arc<dyn ExecutionPlan>, key: &Key) -> Option<(usize, Key)> {
    let (join_type, projection, left) = if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
        // Of NOT IN a missing row may be the null that makes everything unknown.
        if join.null_aware {
            return None;
        }
        (join.join_type, join.projection.as_deref(), join.left())
    } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
        (*join.join_type(), join.projection().as_deref(), join.left())
    } else if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
        (join.join_type(), None, join.left())
    } else if let Some(join) = plan.downcast_ref::<CrossJoinExec>() {
        (JoinType::Inner, None, join.left())
    } else {
        return None;
    };
    let column = match projection {
        Some(projection) => *projection.get(key.column)?,
        None => key.column,
    };
    let width = left.schema().fields().len();
    let (side, column) = match join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => (JoinSide::Left, column),
        JoinType::RightSemi | JoinType::RightAnti => (JoinSide::Right, column),
        JoinType::Inner | JoinType::Left if column < width => (JoinSide::Left, column),
        JoinType::Inner | JoinType::Right if column >= width => (JoinSide::Right, column - width),
        _ => return None,
    };
    match side {
        JoinSide::Left => Some((0, key.at(column))),
        JoinSide::Right => Some((1, key.at(column))),
        JoinSide::None => None,
    }
}
