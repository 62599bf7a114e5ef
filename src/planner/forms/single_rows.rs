//! Subqueries in expressions that have one row or none: aggregates without groups, and rows without a table.
//!
//! A condition on the one row of an aggregate stands above its groups once DataFusion has joined it, where a row that does
//! not meet it is as good as one that was not found. Within the value it makes NULL of it, as in Postgres.

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Case, InSubquery};
use datafusion::logical_expr::{Aggregate, BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit};

use super::subquery::has_subquery;
use crate::functions::pg::maybe;

/// An aggregate without groups, the condition on its row, and the value that it gives.
struct OneRow<'a> {
    aggregate: &'a LogicalPlan,
    condition: Option<&'a Expr>,
    value: Option<&'a Expr>,
}

fn one_row(plan: &LogicalPlan) -> Option<OneRow<'_>> {
    let (value, below) = match plan {
        LogicalPlan::Projection(projection) => (projection.expr.first(), projection.input.as_ref()),
        plan => (None, plan),
    };
    let (condition, below) = match below {
        LogicalPlan::Filter(filter) => (Some(&filter.predicate), filter.input.as_ref()),
        plan => (None, plan),
    };
    match below {
        LogicalPlan::Aggregate(Aggregate { group_expr, .. }) if group_expr.is_empty() => {
            Some(OneRow { aggregate: below, condition, value })
        }
        _ => None,
    }
}

/// `x IN (SELECT max(y) ..)` with columns of outside: a comparison with the one value that is always there, also where no
/// row of outside has been found. Any other expression as it is.
pub(super) fn compared(expr: Expr) -> Transformed<Expr> {
    let always = |plan: &LogicalPlan| {
        matches!(one_row(plan), Some(OneRow { condition: None, .. })) && plan.schema().fields().len() == 1
    };
    let (left, op, subquery) = match expr {
        Expr::InSubquery(InSubquery { expr, subquery, negated })
            if !subquery.outer_ref_columns.is_empty() && always(&subquery.subquery) =>
        {
            (expr, if negated { Operator::NotEq } else { Operator::Eq }, subquery)
        }
        expr => return Transformed::no(expr),
    };
    let right = Box::new(Expr::ScalarSubquery(subquery));
    Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
}

/// `CASE WHEN condition THEN value ELSE other END`
fn where_so(condition: Expr, value: Expr, other: Option<Expr>) -> Expr {
    Expr::Case(Case {
        expr: None,
        when_then_expr: vec![(Box::new(condition), Box::new(value))],
        else_expr: other.map(Box::new),
    })
}

/// `(SELECT f FROM .. HAVING c)` as `(SELECT CASE WHEN c THEN f END FROM ..)`. A condition with columns of the query
/// around it, or with a subquery, stays.
pub(super) fn conditional(subquery: Subquery) -> DfResult<Subquery> {
    let plan = {
        let Some(OneRow { aggregate, condition: Some(condition), value: Some(value) }) = one_row(&subquery.subquery)
        else {
            return Ok(subquery);
        };
        if condition.contains_outer() || has_subquery(condition)? || value.contains_outer() || has_subquery(value)? {
            return Ok(subquery);
        }
        let name = value.schema_name().to_string();
        let value = where_so(condition.clone(), value.clone().unalias(), None).alias(name);
        LogicalPlanBuilder::from(aggregate.clone()).project(vec![value])?.build()?
    };
    Ok(Subquery { subquery: Arc::new(plan), ..subquery })
}

/// Whether the row of an aggregate is there, as a value of the query around it; none for other subqueries. Without a
/// condition the row is always there.
pub(super) fn is_there(subquery: &Subquery, negated: bool) -> DfResult<Option<Expr>> {
    let Some(OneRow { aggregate, condition, .. }) = one_row(&subquery.subquery) else { return Ok(None) };
    let Some(condition) = condition else { return Ok(Some(lit(!negated))) };
    if condition.contains_outer() || has_subquery(condition)? {
        return Ok(None);
    }
    let answer = where_so(condition.clone(), lit(!negated), Some(lit(negated))).alias("exists");
    let plan = LogicalPlanBuilder::from(aggregate.clone()).project(vec![answer])?.build()?;
    Ok(Some(Expr::ScalarSubquery(Subquery { subquery: Arc::new(plan), ..subquery.clone() })))
}

/// A subquery that may have no row gives NULL then, whatever its column says of itself.
pub(super) fn nullable(subquery: Subquery) -> DfResult<Subquery> {
    let Some((qualifier, field)) = subquery.subquery.schema().iter().next() else { return Ok(subquery) };
    if field.is_nullable() || has_a_row(&subquery.subquery) {
        return Ok(subquery);
    }
    let column = Expr::Column((qualifier, field).into());
    let value = maybe().call(vec![column]).alias(field.name());
    let plan = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone()).project(vec![value])?.build()?;
    Ok(Subquery { subquery: Arc::new(plan), ..subquery })
}

fn has_a_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::EmptyRelation(nothing) => nothing.produce_one_row,
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => has_a_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_a_row(&alias.input),
        LogicalPlan::Sort(sort) => sort.fetch.is_none() && has_a_row(&sort.input),
        _ => false,
    }
}

/// `(SELECT t.a + 1 WHERE t.b)` as the value itself, where all its columns are in `schema`; none for what reads a table.
pub(super) fn value_of(subquery: &Subquery, schema: &DFSchema) -> DfResult<Option<Expr>> {
    let LogicalPlan::Projection(projection) = subquery.subquery.as_ref() else { return Ok(None) };
    let (condition, below) = match projection.input.as_ref() {
        LogicalPlan::Filter(filter) => (Some(&filter.predicate), filter.input.as_ref()),
        plan => (None, plan),
    };
    let ([value], LogicalPlan::EmptyRelation(nothing)) = (projection.expr.as_slice(), below) else { return Ok(None) };
    if !nothing.produce_one_row || has_subquery(value)? {
        return Ok(None);
    }
    let Some(value) = outside(value.clone().unalias(), schema)? else { return Ok(None) };
    match condition {
        None => Ok(Some(value)),
        Some(condition) if has_subquery(condition)? => Ok(None),
        Some(condition) => Ok(outside(condition.clone(), schema)?.map(|condition| where_so(condition, value, None))),
    }
}

/// An expression of a subquery as one of the query around it; none where a column comes from further outside.
fn outside(expr: Expr, schema: &DFSchema) -> DfResult<Option<Expr>> {
    let mut found = true;
    let expr = expr.transform_up(|e| match e {
        Expr::OuterReferenceColumn(field, column) => {
            if schema.has_column(&column) {
                return Ok(Transformed::yes(Expr::Column(column)));
            }
            found = false;
            Ok(Transformed::no(Expr::OuterReferenceColumn(field, column)))
        }
        Expr::AggregateFunction(_) | Expr::WindowFunction(_) => {
            found = false;
            Ok(Transformed::no(e))
        }
        e => Ok(Transformed::no(e)),
    })?;
    Ok(found.then_some(expr.data))
}
