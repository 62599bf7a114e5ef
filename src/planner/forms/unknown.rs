//! `x IN (SELECT ..)` where it matters whether it is false or not known.
//!
//! DataFusion joins `x IN (SELECT y ..)` inside of an expression as true or false. Where x or a y is null it may be
//! neither, and what is made of it, by NOT, `coalesce` or IS NULL, is another thing then. A condition that is joined by
//! AND and OR alone lets no row through either way, and `x NOT IN (..)` as a condition by itself is known to DataFusion.
//! That one knows of nulls among all rows, but not among those for one row outside: there it is NOT EXISTS.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::count::count;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit, when,
};
use datafusion::scalar::ScalarValue;

use super::subquery::{has_subquery, is_plain};
use crate::error::Error;

/// A filter whose IN keeps what is not known; any other node as it is.
pub(super) fn of_conditions(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    let LogicalPlan::Filter(mut filter) = plan else { return Ok(plan) };
    if filter.predicate.exists(|e| Ok(matches!(e, Expr::InSubquery(_))))? {
        let schema = Arc::clone(filter.input.schema());
        let mut conditions = vec![];
        take_apart(std::mem::take(&mut filter.predicate), &mut conditions);
        let conditions = conditions
            .into_iter()
            .map(|condition| match none_is(&condition, &schema)? {
                Some(none) => Ok(none),
                None if is_known(&condition) => Ok(condition),
                None => in_condition(condition, &schema),
            })
            .collect::<DfResult<Vec<_>>>()?;
        filter.predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
    }
    Ok(LogicalPlan::Filter(filter))
}

/// The conditions that are joined by AND; `NOT (a OR b)` is NOT a AND NOT b, as the optimizer would have it.
fn take_apart(condition: Expr, into: &mut Vec<Expr>) {
    for condition in split_conjunction_owned(condition) {
        match condition {
            Expr::Not(inner) => match *inner {
                Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                    take_apart(Expr::Not(left), into);
                    take_apart(Expr::Not(right), into);
                }
                inner => into.push(Expr::Not(Box::new(inner))),
            },
            condition => into.push(condition),
        }
    }
}

/// `x NOT IN (SELECT y ..)` with columns of outside in the subquery: no row has a y that is x, or of which that is not
/// known. None for any other condition.
fn none_is(condition: &Expr, schema: &DFSchema) -> DfResult<Option<Expr>> {
    let found = match condition {
        Expr::InSubquery(found) if found.negated => found,
        Expr::Not(inner) => match inner.as_ref() {
            Expr::InSubquery(found) if !found.negated => found,
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let InSubquery { expr, subquery, .. } = found;
    if subquery.outer_ref_columns.is_empty() || has_subquery(expr)? || expr.contains_outer() {
        return Ok(None);
    }
    let Some((qualifier, field)) = subquery.subquery.schema().iter().next() else { return Ok(None) };
    let sought = from_within(expr, schema)?;
    let may_be_null = field.is_nullable() || expr.nullable(schema).unwrap_or(true);
    let equal = Expr::Column((qualifier, field).into()).eq(sought);
    let equal = if may_be_null { Expr::IsNotFalse(Box::new(equal)) } else { equal };
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).filter(equal)?.build()?;
    let outer_ref_columns = plan.all_out_ref_exprs();
    let spans = subquery.spans.clone();
    let subquery = Subquery { subquery: Arc::new(plan), outer_ref_columns, spans };
    Ok(Some(Expr::Exists(Exists { subquery, negated: true })))
}

/// An expression of the query around a subquery, as it is called within the subquery.
fn from_within(expr: &Expr, schema: &DFSchema) -> DfResult<Expr> {
    let sought = expr.clone().transform_up(|e| match e {
        Expr::Column(column) => {
            let (_, field) = schema.qualified_field_from_column(&column)?;
            Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::clone(field), column)))
        }
        e => Ok(Transformed::no(e)),
    })?;
    Ok(sought.data)
}

/// `x NOT IN (SELECT ..)` with a column in x: it becomes a join that knows of nulls.
fn is_known(condition: &Expr) -> bool {
    match condition {
        Expr::InSubquery(InSubquery { expr, negated: true, .. }) => expr.any_column_refs(),
        Expr::Not(inner) => match inner.as_ref() {
            Expr::InSubquery(InSubquery { expr, negated: false, .. }) => expr.any_column_refs(),
            _ => false,
        },
        _ => false,
    }
}

fn in_condition(condition: Expr, schema: &DFSchema) -> DfResult<Expr> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (in_condition(*left, schema)?, in_condition(*right, schema)?);
            Ok(Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) }))
        }
        Expr::InSubquery(found) if !found.negated => Ok(Expr::InSubquery(found)),
        other => other
            .transform_up(|e| match e {
                Expr::InSubquery(found) => three_valued(found, schema).map(Transformed::yes),
                e => Ok(Transformed::no(e)),
            })
            .map(|changed| changed.data),
    }
}

/// `x IN S OR CASE WHEN S has a null, or x is null and S has a row THEN NULL ELSE false END`
fn three_valued(found: InSubquery, schema: &DFSchema) -> DfResult<Expr> {
    let InSubquery { expr, subquery, negated } = found;
    let rows = &subquery.subquery;
    let (value, input) = value_of(rows)?;
    let mut unknown: Vec<Expr> = vec![];
    if rows.schema().fields().first().is_none_or(|field| field.is_nullable()) {
        unknown.push(counted(&subquery, &input, Some(value.is_null()))?);
    }
    if expr.nullable(schema).unwrap_or(true) {
        unknown.push(expr.as_ref().clone().is_null().and(counted(&subquery, &input, None)?));
    }
    let correlated = !subquery.outer_ref_columns.is_empty();
    let within = Expr::InSubquery(InSubquery { expr, subquery, negated: false });
    if correlated {
        // NOT of an OR would be taken apart, and its IN be a condition by itself.
        let mut answer = when(within, lit(!negated));
        if let Some(unknown) = unknown.into_iter().reduce(Expr::or) {
            answer = answer.when(unknown, lit(ScalarValue::Boolean(None)));
        }
        return answer.otherwise(lit(negated));
    }
    let answer = match unknown.into_iter().reduce(Expr::or) {
        Some(unknown) => within.or(when(unknown, lit(ScalarValue::Boolean(None))).otherwise(lit(false))?),
        None => within,
    };
    Ok(if negated { Expr::Not(Box::new(answer)) } else { answer })
}

/// `x IN (SELECT y ..)` in a SELECT list, where DataFusion knows no such thing: whether any row is equal, and whether one
/// may be. None where x reads more than columns.
pub(super) fn listed(found: &InSubquery, schema: &DFSchema) -> DfResult<Option<Expr>> {
    let InSubquery { expr, subquery, negated } = found;
    if has_subquery(expr)? || expr.contains_outer() {
        return Ok(None);
    }
    let rows = &subquery.subquery;
    let Some(column) = rows.schema().columns().into_iter().next() else { return Ok(None) };
    let (value, input) = value_of(rows)?;
    let mut outside = vec![];
    let sought = expr.as_ref().clone().transform_up(|e| match e {
        Expr::Column(column) => {
            let (_, field) = schema.qualified_field_from_column(&column)?;
            let field = Arc::clone(field);
            let reference = Expr::OuterReferenceColumn(field, column);
            if !outside.contains(&reference) {
                outside.push(reference.clone());
            }
            Ok(Transformed::yes(reference))
        }
        e => Ok(Transformed::no(e)),
    })?;
    let mut within = subquery.clone();
    outside.retain(|reference| !within.outer_ref_columns.contains(reference));
    within.outer_ref_columns.extend(outside);
    let correlated = !subquery.outer_ref_columns.is_empty();
    if correlated && !is_plain(rows)? {
        return Ok(None);
    }
    let equal = Expr::Column(column).eq(sought.data);
    let found = any(&within, rows, Some(equal))?;
    let mut unknown: Vec<Expr> = vec![];
    if rows.schema().fields().first().is_none_or(|field| field.is_nullable()) {
        unknown.push(counted(subquery, &input, Some(value.is_null()))?);
    }
    if expr.nullable(schema).unwrap_or(true) {
        unknown.push(expr.as_ref().clone().is_null().and(counted(subquery, &input, None)?));
    }
    let mut answer = when(found, lit(!negated));
    if let Some(unknown) = unknown.into_iter().reduce(Expr::or) {
        answer = answer.when(unknown, lit(ScalarValue::Boolean(None)));
    }
    answer.otherwise(lit(*negated)).map(Some)
}

/// What a subquery gives, and the rows that it is computed from.
fn value_of(rows: &Arc<LogicalPlan>) -> DfResult<(Expr, Arc<LogicalPlan>)> {
    if let LogicalPlan::Projection(projection) = rows.as_ref()
        && let Some(value) = projection.expr.first()
    {
        return Ok((value.clone().unalias(), Arc::clone(&projection.input)));
    }
    match rows.schema().columns().into_iter().next() {
        Some(column) => Ok((Expr::Column(column), Arc::clone(rows))),
        None => Err(Error::internal("a subquery of IN has no column").into()),
    }
}

/// Whether any of the rows is so. A condition on the query around them can only be moved where they are plain.
fn counted(subquery: &Subquery, rows: &Arc<LogicalPlan>, condition: Option<Expr>) -> DfResult<Expr> {
    if !subquery.outer_ref_columns.is_empty() && !is_plain(rows)? {
        let refused = Error::unsupported("IN with this subquery is not supported where it may be unknown");
        return Err(refused.with_hint("Use EXISTS or NOT EXISTS.").into());
    }
    any(subquery, rows, condition)
}

fn any(subquery: &Subquery, rows: &Arc<LogicalPlan>, condition: Option<Expr>) -> DfResult<Expr> {
    let mut rows = LogicalPlanBuilder::from(rows.as_ref().clone());
    if let Some(condition) = condition {
        rows = rows.filter(condition)?;
    }
    let plan = rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("rows")])?.build()?;
    let counted = Subquery { subquery: Arc::new(plan), ..subquery.clone() };
    Ok(Expr::ScalarSubquery(counted).gt(lit(0i64)))
}
