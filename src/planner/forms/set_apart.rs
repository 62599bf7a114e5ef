//! Correlated subqueries in what is grouped, aggregated or looked at through a window: DataFusion joins those of a
//! projection alone, so they are computed in one below.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, Window};

use super::outside;

/// Moves the subqueries of an Aggregate or a Window into a projection below it.
pub(super) fn below(plan: LogicalPlan) -> DfResult<LogicalPlan> {
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
    let name = format!("\u{1}subquery{}", apart.len());
    apart.push(expr.alias(&name));
    Transformed::new(Expr::Column(Column::new_unqualified(name)), true, TreeNodeRecursion::Jump)
}

fn with(input: Arc<LogicalPlan>, apart: Vec<Expr>) -> DfResult<LogicalPlan> {
    let mut columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    columns.extend(apart);
    outside::joined(LogicalPlanBuilder::from(Arc::unwrap_or_clone(input)).project(columns)?.build()?)
}
