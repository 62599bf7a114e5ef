//! Which groupings can be searched: those whose rows are the same when they are read twice, as far as the sources hold
//! still.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan};

use super::node::SearchNode;
use crate::planner::barrier::SecurityBarrier;
use crate::quality::RuleNode;

/// Whether a grouping is by keys alone, over rows that can be asked for twice, and is not searched yet.
pub(super) fn is_plain(aggregate: &Aggregate) -> DfResult<bool> {
    let keys = &aggregate.group_expr;
    let by_keys = !keys.is_empty() && keys.iter().all(|key| !matches!(key, Expr::GroupingSet(_)) && !key.is_volatile());
    Ok(by_keys && !is_searched(&aggregate.input) && is_repeatable(&aggregate.input)?)
}

/// Whether a plan only keeps, combines and computes rows: no LIMIT, which may take other rows the second time, no
/// window, no grouping but for distinct rows, nothing volatile, no subquery in an expression.
fn is_repeatable(plan: &LogicalPlan) -> DfResult<bool> {
    let mut repeatable = true;
    plan.apply(|node| {
        let known = match node {
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Union(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Values(_) => true,
            LogicalPlan::TableScan(scan) => scan.fetch.is_none(),
            LogicalPlan::Aggregate(aggregate) => aggregate.aggr_expr.is_empty(),
            // What rules say of a row depends on no other row, and is the same the second time.
            LogicalPlan::Extension(extension) => {
                extension.node.as_any().is::<RuleNode>() || extension.node.as_any().is::<SecurityBarrier>()
            }
            _ => false,
        };
        if !known {
            repeatable = false;
            return Ok(TreeNodeRecursion::Stop);
        }
        node.apply_expressions(|expr| {
            if expr.is_volatile() || has_subquery(expr)? {
                repeatable = false;
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(repeatable)
}

fn has_subquery(expr: &Expr) -> DfResult<bool> {
    expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
        ))
    })
}

/// Whether a search is already there.
fn is_searched(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().is::<SearchNode>(),
        LogicalPlan::Projection(projection) => is_searched(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_searched(&alias.input),
        LogicalPlan::Filter(filter) => is_searched(&filter.input),
        _ => false,
    }
}

/// How many predicates the scans of a plan have taken.
pub(super) fn taken_filters(plan: &LogicalPlan) -> DfResult<usize> {
    let mut taken = 0;
    plan.apply(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            taken += scan.filters.len();
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(taken)
}
