//! Two expressions that differ by a cast alone, such as `sum(v)` and `sum(v::integer)`, have two names.
//!
//! DataFusion's names leave casts out, and it finds groups, aggregates and windows by name: two of one name are an
//! error. A statement that fails for that is planned once more with every cast named, as an alias within the
//! expression. Other statements are planned as they are, since an alias hides a cast from what looks for one.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNode;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr as SqlExpr, Query, Select, Value, Visit, VisitMut, Visitor, VisitorMut,
};

use super::own_level;
use crate::catalog::types::PgType;

/// The operator that stands between a cast and nothing, where the cast is to have a name; no user can type it.
const NAMED: &str = "\u{1}named";

/// Whether an error says that two expressions have one name.
pub fn is_clash(error: &DataFusionError) -> bool {
    let text = error.strip_backtrace();
    [
        "unique expression names",
        "duplicate unqualified field name",
        "duplicate qualified field name",
        "Ambiguous reference",
    ]
    .iter()
    .any(|part| text.contains(part))
}

/// Whether a plan groups by two expressions of one name, which the optimizer would refuse.
pub fn groups_clash(plan: &LogicalPlan) -> DfResult<bool> {
    plan.exists(|node| {
        let LogicalPlan::Aggregate(aggregate) = node else { return Ok(false) };
        let mut names = HashSet::new();
        Ok(aggregate.group_expr.iter().any(|group| !names.insert(group.schema_name().to_string())))
    })
}

/// Whether a statement has casts.
pub fn has_casts(statement: &DfStatement) -> bool {
    match statement {
        DfStatement::Statement(sql) => Visit::visit(sql.as_ref(), &mut Finding).is_break(),
        DfStatement::Explain(explain) => has_casts(&explain.statement),
        _ => false,
    }
}

/// Marks every cast that is part of a select list, GROUP BY, HAVING, WINDOW or ORDER BY, for [`CastNames`].
pub fn mark(statement: &mut DfStatement) {
    match statement {
        DfStatement::Statement(sql) => {
            let _ = VisitMut::visit(sql.as_mut(), &mut Selects);
        }
        DfStatement::Explain(explain) => mark(&mut explain.statement),
        _ => {}
    }
}

fn is_cast(expr: &SqlExpr) -> bool {
    matches!(expr, SqlExpr::Cast { .. } | SqlExpr::TypedString(_))
}

struct Finding;

impl Visitor for Finding {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &SqlExpr) -> ControlFlow<()> {
        if is_cast(expr) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Finds what names columns; a WHERE does not, and a source must see its casts.
struct Selects;

impl VisitorMut for Selects {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        mark_casts(&mut query.order_by)
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        mark_casts(&mut select.distinct)?;
        mark_casts(&mut select.projection)?;
        mark_casts(&mut select.group_by)?;
        mark_casts(&mut select.having)?;
        mark_casts(&mut select.named_window)
    }
}

/// Marks casts, but not those of subqueries, which [`Selects`] comes to by itself.
fn mark_casts(part: &mut impl VisitMut) -> ControlFlow<()> {
    own_level::replace(part, |expr| {
        if is_cast(expr) {
            let cast = std::mem::replace(expr, SqlExpr::value(Value::Null));
            *expr = SqlExpr::BinaryOp {
                left: Box::new(cast),
                op: BinaryOperator::Custom(NAMED.to_string()),
                right: Box::new(SqlExpr::value(Value::Null)),
            };
        }
        ControlFlow::Continue(())
    })
}

/// Gives the casts that [`mark`] found their names.
#[derive(Debug, Default)]
pub struct CastNames;

impl ExprPlanner for CastNames {
    fn plan_binary_op(&self, expr: RawBinaryExpr, _: &DFSchema) -> DfResult<PlannerResult<RawBinaryExpr>> {
        if !matches!(&expr.op, BinaryOperator::Custom(name) if name == NAMED) {
            return Ok(PlannerResult::Original(expr));
        }
        let name = match &expr.left {
            Expr::Cast(Cast { expr: inner, field }) => {
                format!("CAST({} AS {})", inner.schema_name(), PgType::of_field(field))
            }
            _ => return Ok(PlannerResult::Planned(expr.left)),
        };
        Ok(PlannerResult::Planned(expr.left.alias(name)))
    }
}
