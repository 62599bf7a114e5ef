//! Correlated subqueries in what is grouped, aggregated, sorted by or looked at through a window: DataFusion joins those
//! of a projection alone, so they are computed in one below. Those in the condition of an inner join are one above it.
//! Those of an outer join are columns of the side that they refer to.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{Aggregate, Expr, Join, LogicalPlan, LogicalPlanBuilder, Sort, Subquery, Window};

use super::outside;

/// An inner join without the conditions that have correlated subqueries, and these.
pub(super) fn above(mut join: Join) -> DfResult<(Join, Option<Expr>)> {
    let refers = |condition: &Expr| {
        condition.exists(|e| {
            Ok(is_correlated(e)
                || matches!(e, Expr::Exists(found) if !found.subquery.outer_ref_columns.is_empty())
                || matches!(e, Expr::InSubquery(found) if !found.subquery.outer_ref_columns.is_empty())
                || matches!(e, Expr::SetComparison(_)))
        })
    };
    if join.join_type != JoinType::Inner {
        return Ok((join, None));
    }
    let Some(filter) = join.filter.take() else { return Ok((join, None)) };
    let (mut kept, mut apart) = (vec![], vec![]);
    for condition in split_conjunction_owned(filter) {
        if refers(&condition)? { apart.push(condition) } else { kept.push(condition) }
    }
    join.filter = conjunction(kept);
    Ok((join, conjunction(apart)))
}

/// An outer join whose condition has correlated subqueries: each becomes a column of the side that it refers to.
pub(super) fn in_condition(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    let LogicalPlan::Join(join) = plan else { return Ok(plan) };
    let Some(filter) = join.filter.clone().filter(|_| is_outer(&join)) else { return Ok(LogicalPlan::Join(join)) };
    let (mut left, mut right) = (vec![], vec![]);
    let replaced = filter.transform_down(|e| {
        let Expr::ScalarSubquery(subquery) = &e else { return Ok(Transformed::no(e)) };
        if !is_correlated(&e) {
            return Ok(Transformed::no(e));
        }
        let (apart, side) = if is_of(subquery, &join.left) {
            (&mut left, "left")
        } else if is_of(subquery, &join.right) {
            (&mut right, "right")
        } else {
            return Ok(Transformed::no(e));
        };
        let name = format!("{}{side}", name_of(apart.len()));
        apart.push(e.alias(&name));
        let column = Expr::Column(Column::new_unqualified(name));
        Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
    })?;
    if !replaced.transformed {
        return Ok(LogicalPlan::Join(join));
    }
    let shown: Vec<Expr> = join.schema.columns().into_iter().map(Expr::Column).collect();
    let beside = |rows: Arc<LogicalPlan>, apart: Vec<Expr>| match apart.is_empty() {
        true => Ok(rows),
        false => with(rows, apart).map(Arc::new),
    };
    let joined = Join::try_new(
        beside(join.left, left)?,
        beside(join.right, right)?,
        join.on,
        Some(replaced.data),
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    LogicalPlanBuilder::from(LogicalPlan::Join(joined)).project(shown)?.build()
}

/// Whether a join keeps rows of a side that find no partner.
pub(super) fn is_outer(join: &Join) -> bool {
    matches!(join.join_type, JoinType::Left | JoinType::Right | JoinType::Full)
}

/// Whether all that a subquery refers to outside is of these rows.
fn is_of(subquery: &Subquery, rows: &LogicalPlan) -> bool {
    subquery.outer_ref_columns.iter().all(|outer| match outer {
        Expr::OuterReferenceColumn(_, column) => rows.schema().has_column(column),
        _ => false,
    })
}

/// A sort by columns that a projection below it computes, without these columns above.
fn sorted(sort: Sort) -> DfResult<LogicalPlan> {
    let mut apart = vec![];
    let mut by = Vec::with_capacity(sort.expr.len());
    for SortExpr { expr, asc, nulls_first } in &sort.expr {
        let replaced = expr.clone().transform_down(|e| Ok(set_apart(e, &mut apart)))?;
        by.push(SortExpr::new(replaced.data.unalias(), *asc, *nulls_first));
    }
    if apart.is_empty() {
        return Ok(LogicalPlan::Sort(sort));
    }
    let shown: Vec<Expr> = sort.input.schema().columns().into_iter().map(Expr::Column).collect();
    let has = |plan: &LogicalPlan| {
        apart.iter().all(|value| match value.clone().unalias() {
            Expr::ScalarSubquery(subquery) => is_of(&subquery, plan),
            _ => false,
        })
    };
    let input = match sort.input.as_ref() {
        // What the subquery refers to need not be shown.
        LogicalPlan::Projection(projection) if !has(&sort.input) && has(&projection.input) => {
            let names: Vec<Expr> =
                (0..apart.len()).map(|at| Expr::Column(Column::new_unqualified(name_of(at)))).collect();
            let below = with(Arc::clone(&projection.input), apart)?;
            let exprs: Vec<Expr> = projection.expr.iter().cloned().chain(names).collect();
            LogicalPlanBuilder::from(below).project(exprs)?.build()?
        }
        _ => with(Arc::clone(&sort.input), apart)?,
    };
    let sorted = LogicalPlan::Sort(Sort { expr: by, input: Arc::new(input), fetch: sort.fetch });
    LogicalPlanBuilder::from(sorted).project(shown)?.build()
}

/// Moves the subqueries of an Aggregate, a Sort or a Window into a projection below it.
pub(super) fn below(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    if let LogicalPlan::Sort(sort) = plan {
        return sorted(sort);
    }
    let exprs = match &plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.iter().chain(&aggregate.aggr_expr),
        LogicalPlan::Window(window) => window.window_expr.iter().chain(&[]),
        _ => return Ok(plan),
    };
    let mut found = false;
    for expr in exprs {
        let has = expr.exists(|e| Ok(is_correlated(e)))?;
        // Sets of groups have no name to keep.
        if has && matches!(expr, Expr::GroupingSet(_)) {
            return Ok(plan);
        }
        found |= has;
    }
    if !found {
        return Ok(plan);
    }
    let names = NamePreserver::new(&plan);
    let mut apart = vec![];
    let mut replaced = |exprs: Vec<Expr>| {
        let replaced = exprs.into_iter().map(|expr| {
            let saved = names.save(&expr);
            let done = expr.transform_down(|e| Ok(set_apart(e, &mut apart)))?;
            Ok(if done.transformed { saved.restore(done.data) } else { done.data })
        });
        replaced.collect::<DfResult<Vec<Expr>>>()
    };
    match plan {
        LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) => {
            let (group_expr, aggr_expr) = (replaced(group_expr)?, replaced(aggr_expr)?);
            let input = Arc::new(with(input, apart)?);
            Ok(LogicalPlan::Aggregate(Aggregate::try_new(input, group_expr, aggr_expr)?))
        }
        LogicalPlan::Window(Window { input, window_expr, .. }) => {
            let window_expr = replaced(window_expr)?;
            let input = Arc::new(with(input, apart)?);
            Ok(LogicalPlan::Window(Window::try_new(window_expr, input)?))
        }
        plan => Ok(plan),
    }
}

fn is_correlated(expr: &Expr) -> bool {
    matches!(expr, Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty())
}

/// A subquery becomes a column, under a name that nobody can type.
fn set_apart(expr: Expr, apart: &mut Vec<Expr>) -> Transformed<Expr> {
    if !is_correlated(&expr) {
        return Transformed::no(expr);
    }
    let name = name_of(apart.len());
    apart.push(expr.alias(&name));
    Transformed::new(Expr::Column(Column::new_unqualified(name)), true, TreeNodeRecursion::Jump)
}

fn name_of(at: usize) -> String {
    format!("\u{1}subquery{at}")
}

fn with(input: Arc<LogicalPlan>, apart: Vec<Expr>) -> DfResult<LogicalPlan> {
    let mut columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    columns.extend(apart);
    outside::joined(LogicalPlanBuilder::from(Arc::unwrap_or_clone(input)).project(columns)?.build()?)
}
