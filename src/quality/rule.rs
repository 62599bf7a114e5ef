//! A rule whose expression is planned over the rows of its relation.

use std::sync::Arc;

use datafusion::common::DFSchemaRef;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::infallible;
use crate::catalog::rule::RuleDef;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// What stands before the expression in the query that it is planned in.
const BEFORE: &str = "SELECT (";

/// The query that a rule is planned in: its expression alone, over its relation.
pub fn query(rule: &RuleDef) -> String {
    format!("{BEFORE}{}\n) FROM {}", rule.expression, rule.relation.quoted())
}

/// An error of that query with its position counted from the start of the expression.
pub fn placed(error: Error) -> Error {
    let before = BEFORE.chars().count();
    let position = error.position().and_then(|position| position.checked_sub(before)).filter(|at| *at > 0);
    error.with_position(position)
}

/// A rule and its expression, as a plan over its relation has it before it is analysed.
#[derive(Clone, Debug)]
pub struct PlannedRule {
    /// The rule.
    pub rule: RuleDef,
    /// The expression, over the relation's columns.
    pub expr: Expr,
    /// Whether it can be evaluated on any row without an error.
    pub infallible: bool,
}

impl PlannedRule {
    /// Takes the expression out of its [`query`] as it was planned. What no rule can say is refused as in a CHECK
    /// constraint: another type than boolean (42804), aggregates (42803), subqueries (0A000).
    pub fn new(rule: RuleDef, written: &LogicalPlan, state: &SessionState) -> Result<Self> {
        let LogicalPlan::Projection(projection) = written else { return Err(not_alone()) };
        let Some(expr) = projection.expr.first() else { return Err(not_alone()) };
        match projection.input.as_ref() {
            LogicalPlan::TableScan(_) | LogicalPlan::SubqueryAlias(_) => {}
            LogicalPlan::Aggregate(_) => {
                return Err(Error::new(SqlState::GROUPING_ERROR, "aggregate functions are not allowed in rules"));
            }
            LogicalPlan::Window(_) => {
                return Err(Error::new(SqlState("42P20"), "window functions are not allowed in rules"));
            }
            _ => return Err(not_alone()),
        }
        check_parts(expr)?;
        let analyzed = state.analyzer().execute_and_check(written.clone(), state.config_options(), |_, _| {})?;
        let given = analyzed.schema().fields().first().map(|field| PgType::of_field(field));
        if given != Some(PgType::Bool) {
            let given = given.map_or_else(|| "unknown".to_string(), |given| given.to_string());
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("argument of CHECK must be type boolean, not type {given}"),
            )
            .with_position(Some(1)));
        }
        let infallible = match &analyzed {
            LogicalPlan::Projection(analyzed) => {
                let schema = analyzed.input.schema();
                let simplified = analyzed.expr.first().and_then(|expr| simplified(expr, schema, state));
                simplified.is_some_and(|expr| infallible::on_any_row(&expr, schema))
            }
            _ => false,
        };
        Ok(PlannedRule { rule, expr: expr.clone().unalias(), infallible })
    }
}

/// The expression as the optimizer will have it: what is constant is computed. None where that fails.
fn simplified(expr: &Expr, schema: &DFSchemaRef, state: &SessionState) -> Option<Expr> {
    let context = SimplifyContext::builder()
        .with_schema(Arc::clone(schema))
        .with_config_options(Arc::clone(state.config_options()))
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    ExprSimplifier::new(context).simplify(expr.clone().unalias()).ok()
}

fn check_parts(expr: &Expr) -> Result<()> {
    let mut refused = None;
    expr.apply(|part| {
        refused = match part {
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_) => {
                Some(Error::unsupported("cannot use subquery in a rule"))
            }
            Expr::Placeholder(place) => {
                Some(Error::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter {}", place.id)))
            }
            Expr::OuterReferenceColumn(..) | Expr::Unnest(_) => Some(not_alone()),
            _ => None,
        };
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if refused.is_none() && expr.is_volatile() {
        refused = Some(
            Error::new(SqlState::INVALID_OBJECT_DEFINITION, "functions in a rule must not be volatile")
                .with_detail("A row would be accepted and rejected by the same rule."),
        );
    }
    refused.map_or(Ok(()), Err)
}

fn not_alone() -> Error {
    Error::unsupported("a rule is one expression over the columns of a row")
}
