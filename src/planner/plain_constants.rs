//! Constants that a column is compared with say nothing of themselves.
//!
//! DataFusion makes `a = x AND a = y` false where `x` and `y` differ, and takes `a IN (..) AND a IN (..)` together, within
//! an expression and where filters meet. It compares whole expressions for that, in which a literal holds metadata besides
//! its value. So `'me'` and what
//! `current_user` comes to, which says that it is a `name`, were different, and no row was found. This evaluates such
//! operands before, and leaves their values alone.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

/// Evaluates them. It is to come before the rule that takes comparisons together.
#[derive(Debug)]
pub struct PlainConstants;

impl OptimizerRule for PlainConstants {
    fn name(&self) -> &str {
        "plain_constants"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        let names = NamePreserver::new(&plan);
        // Filters are put together with others.
        let is_filter = matches!(plan, LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::TableScan(_));
        plan.map_expressions(|expr| {
            if !is_filter && !expr.exists(|inner| Ok(is_both(inner)))? {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            let simplifier = simplifier(config);
            Ok(expr.transform_down(|inner| compared(inner, &simplifier))?.update_data(|expr| name.restore(expr)))
        })
    }
}

fn simplifier(config: &dyn OptimizerConfig) -> ExprSimplifier {
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(DFSchema::empty()))
        .with_config_options(config.options())
        .with_query_execution_start_time(config.query_execution_start_time())
        .build();
    ExprSimplifier::new(context)
}

/// Whether an expression may take comparisons together.
fn is_both(expr: &Expr) -> bool {
    matches!(expr, Expr::BinaryExpr(BinaryExpr { op: Operator::And | Operator::Or, .. }))
}

fn compared(expr: Expr, simplifier: &ExprSimplifier) -> DfResult<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Eq | Operator::NotEq), right }) => {
            let (left, right) = match (left.as_ref(), right.as_ref()) {
                (Expr::Column(_), _) => (Transformed::no(*left), plain(*right, simplifier)?),
                (_, Expr::Column(_)) => (plain(*left, simplifier)?, Transformed::no(*right)),
                _ => (Transformed::no(*left), Transformed::no(*right)),
            };
            let changed = left.transformed || right.transformed;
            let expr = Expr::BinaryExpr(BinaryExpr::new(Box::new(left.data), op, Box::new(right.data)));
            Ok(Transformed::new_transformed(expr, changed))
        }
        Expr::InList(InList { expr, list, negated }) if matches!(*expr, Expr::Column(_)) => {
            let mut changed = false;
            let mut items = Vec::with_capacity(list.len());
            for item in list {
                let item = plain(item, simplifier)?;
                changed |= item.transformed;
                items.push(item.data);
            }
            Ok(Transformed::new_transformed(Expr::InList(InList::new(expr, items, negated)), changed))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The value alone of what is a constant.
fn plain(expr: Expr, simplifier: &ExprSimplifier) -> DfResult<Transformed<Expr>> {
    match expr {
        Expr::Literal(value, Some(_)) => Ok(Transformed::yes(Expr::Literal(value, None))),
        Expr::Literal(..) | Expr::Column(_) => Ok(Transformed::no(expr)),
        expr if is_constant(&expr)? => match simplifier.simplify(expr.clone()) {
            Ok(Expr::Literal(value, _)) => Ok(Transformed::yes(Expr::Literal(value, None))),
            // What fails, fails where it is evaluated, if it is.
            _ => Ok(Transformed::no(expr)),
        },
        expr => Ok(Transformed::no(expr)),
    }
}

/// Whether an expression is made of literals and functions that give the same each time.
pub(super) fn is_constant(expr: &Expr) -> DfResult<bool> {
    let from_elsewhere = expr.exists(|inner| {
        Ok(!matches!(
            inner,
            Expr::Literal(..)
                | Expr::Alias(_)
                | Expr::BinaryExpr(_)
                | Expr::Case(_)
                | Expr::Cast(_)
                | Expr::TryCast(_)
                | Expr::Negative(_)
                | Expr::ScalarFunction(_)
        ))
    })?;
    Ok(!from_elsewhere && !expr.is_volatile())
}
