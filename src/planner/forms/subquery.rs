//! Subqueries in a SELECT list: `EXISTS`, and correlated scalar subqueries of one row.
//!
//! DataFusion joins a correlated scalar subquery when it is an aggregate, and knows `EXISTS` in conditions only. So
//! `EXISTS (..)` becomes a count, `(SELECT .. ORDER BY .. LIMIT 1)` the first value in that order, and any other one
//! the only member of an array of what it gives: an error arises where a row of the outer query has more than one.
//! `ARRAY(SELECT ..)` is such an array itself, wherever it stands.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::count::count;
use datafusion::functions_aggregate::first_last::first_value;
use datafusion::logical_expr::expr::{Exists, InSubquery, Sort as SortExpr};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Expr, FetchType, Filter, Join, LogicalPlan, LogicalPlanBuilder, SkipType, Subquery, Union, Values, lit,
};
use datafusion::optimizer::AnalyzerRule;

use super::partitioned::{self, Limits};
use super::{lateral_rows, outside, set_apart, set_comparisons, single_rows, unknown, within};
use crate::error::Error;
use crate::functions::collected::array_agg;
use crate::functions::pg::{ARRAY_ROWS, of_all_rows, only_row};

/// Brings subqueries in lists to aggregates.
#[derive(Debug, Default)]
pub struct ListedSubqueries;

impl AnalyzerRule for ListedSubqueries {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(rewrite_node)?.data)
    }

    fn name(&self) -> &str {
        "listed_subqueries"
    }
}

/// Rows of VALUES with subqueries as a query each: DataFusion computes VALUES before it runs anything.
fn values_of_queries(values: Values) -> DfResult<LogicalPlan> {
    let Values { schema, values } = values;
    let mut rows = Vec::with_capacity(values.len());
    for row in values {
        let items = row.into_iter().zip(schema.fields()).map(|(value, field)| value.alias(field.name()));
        let row = LogicalPlanBuilder::empty(true).project(items.collect::<Vec<_>>())?.build()?;
        rows.push(Arc::new(rewrite_node(row)?.data));
    }
    Ok(match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => Arc::unwrap_or_clone(row),
        (last, _) => {
            rows.extend(last);
            LogicalPlan::Union(Union { inputs: rows, schema })
        }
    })
}

pub(super) fn has_subquery(expr: &Expr) -> DfResult<bool> {
    expr.exists(|e| Ok(matches!(e, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_))))
}

/// Windows in subqueries of expressions are of the rows of one outer row.
fn windows_apart(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    let names = NamePreserver::new(&plan);
    let plan = plan.map_expressions(|expr| {
        let saved = names.save(&expr);
        let changed = expr.transform_up(|e| {
            Ok(match e {
                Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty() => {
                    Transformed::yes(Expr::ScalarSubquery(partitioned::of_each(subquery, Limits::Within)?))
                }
                Expr::Exists(Exists { subquery, negated }) if !subquery.outer_ref_columns.is_empty() => {
                    Transformed::yes(Expr::Exists(Exists {
                        subquery: within::brought(partitioned::of_each(subquery, Limits::Within)?)?,
                        negated,
                    }))
                }
                Expr::InSubquery(found) if !found.subquery.outer_ref_columns.is_empty() => {
                    let subquery = partitioned::of_each(found.subquery, Limits::All)?;
                    Transformed::yes(Expr::InSubquery(InSubquery { subquery, ..found }))
                }
                other => Transformed::no(other),
            })
        })?;
        Ok(changed.update_data(|e| saved.restore(e)))
    })?;
    Ok(plan.data)
}

/// Comparisons with what a subquery of outside always has one row of.
fn one_row_compared(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    // A join's condition has no such values.
    if matches!(plan, LogicalPlan::Join(_)) {
        return Ok(plan);
    }
    let names = NamePreserver::new(&plan);
    let plan = plan.map_expressions(|expr| {
        let saved = names.save(&expr);
        let changed = expr.transform_up(|e| Ok(single_rows::compared(e)))?;
        Ok(changed.update_data(|e| saved.restore(e)))
    })?;
    Ok(plan.data)
}

fn rewrite_node(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    if let LogicalPlan::Values(values) = plan {
        let mut reads = false;
        for value in values.values.iter().flatten() {
            reads = reads || has_subquery(value)?;
        }
        return Ok(if reads {
            Transformed::yes(values_of_queries(values)?)
        } else {
            Transformed::no(LogicalPlan::Values(values))
        });
    }
    // A row of FROM, for the row before it.
    if let LogicalPlan::Subquery(subquery) = plan {
        return Ok(Transformed::yes(LogicalPlan::Subquery(partitioned::of_each(subquery, Limits::All)?)));
    }
    if let LogicalPlan::Join(join) = plan {
        if let Some(done) = lateral_rows::joined(&join)? {
            return Ok(Transformed::yes(done));
        }
        let (join, condition) = set_apart::above(join)?;
        return match condition {
            Some(condition) => {
                let input = Arc::new(rewrite_other(LogicalPlan::Join(join))?.data);
                let filter = LogicalPlan::Filter(Filter::try_new(condition, input)?);
                Ok(Transformed::yes(rewrite_other(filter)?.data))
            }
            None => rewrite_other(LogicalPlan::Join(counted_beside(join)?))?.map_data(set_apart::in_condition),
        };
    }
    rewrite_other(plan)
}

/// The correlated subqueries in the condition of an outer join as values, which can be columns of one of its sides.
fn counted_beside(mut join: Join) -> DfResult<Join> {
    if !matches!(join.join_type, JoinType::Left | JoinType::Right | JoinType::Full) {
        return Ok(join);
    }
    let Some(filter) = join.filter.take() else { return Ok(join) };
    let filter = set_comparisons::counted(filter, &join.schema, false)?;
    // DataFusion joins IN with the side whose rows may be left out.
    let kept = |expr: &Expr| match join.join_type {
        JoinType::Left => expr.column_refs().into_iter().any(|column| join.left.schema().has_column(column)),
        JoinType::Right => expr.column_refs().into_iter().any(|column| join.right.schema().has_column(column)),
        _ => true,
    };
    let filter = filter.transform_down(|e| match e {
        Expr::InSubquery(found) if kept(&found.expr) || !found.subquery.outer_ref_columns.is_empty() => {
            Ok(match unknown::listed(&found, &join.schema)? {
                Some(answer) => Transformed::yes(answer),
                None => Transformed::no(Expr::InSubquery(found)),
            })
        }
        Expr::Exists(Exists { subquery, negated }) if !subquery.outer_ref_columns.is_empty() => {
            match single_rows::is_there(&subquery, negated)? {
                Some(there) => Ok(Transformed::yes(there)),
                None => exists(subquery, negated),
            }
        }
        e => Ok(Transformed::no(e)),
    })?;
    join.filter = Some(filter.data);
    Ok(join)
}

fn rewrite_other(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let plan = one_row_compared(windows_apart(plan)?)?;
    let plan = unknown::of_conditions(plan)?;
    // Conditions have semi joins for EXISTS.
    let lists = !matches!(plan, LogicalPlan::Filter(_) | LogicalPlan::Join(_));
    // Those of outer joins have none: there it is a column of one side.
    let is_outer = matches!(&plan, LogicalPlan::Join(join) if set_apart::is_outer(join));
    let names = NamePreserver::new(&plan);
    let schema = merge_schema(&plan.inputs());
    // A join's condition and an order are joined by nobody.
    let compares = matches!(
        plan,
        LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Window(_)
            | LogicalPlan::Sort(_)
    );
    plan.map_expressions(|expr| {
        let saved = names.save(&expr);
        let expr = if compares { set_comparisons::counted(expr, &schema, !lists)? } else { expr };
        let expr = expr.transform_down(collected)?.data;
        let changed = expr.transform_up(|e| match e {
            Expr::ScalarSubquery(subquery) if !subquery.outer_ref_columns.is_empty() => {
                match single_rows::value_of(&subquery, &schema)? {
                    Some(value) => Ok(Transformed::yes(value)),
                    None => scalar(single_rows::conditional(subquery)?),
                }
            }
            Expr::ScalarSubquery(subquery) => {
                let subquery = single_rows::nullable(single_rows::conditional(subquery)?)?;
                Ok(Transformed::yes(Expr::ScalarSubquery(subquery)))
            }
            Expr::Exists(Exists { subquery, negated }) if !subquery.outer_ref_columns.is_empty() => {
                match single_rows::is_there(&subquery, negated)? {
                    Some(there) => Ok(Transformed::yes(there)),
                    None if lists || is_outer => exists(subquery, negated),
                    None => Ok(Transformed::no(Expr::Exists(Exists { subquery, negated }))),
                }
            }
            Expr::Exists(Exists { subquery, negated }) if lists => exists(subquery, negated),
            Expr::InSubquery(found) if lists => Ok(match unknown::listed(&found, &schema)? {
                Some(answer) => Transformed::yes(answer),
                None => Transformed::no(Expr::InSubquery(found)),
            }),
            other => Ok(Transformed::no(other)),
        })?;
        Ok(changed.update_data(|e| saved.restore(e)))
    })?
    .map_data(set_apart::below)?
    .map_data(outside::joined)
}

/// A correlated scalar subquery as an aggregate; as it is when it is one, or when it cannot be made one.
fn scalar(subquery: Subquery) -> DfResult<Transformed<Expr>> {
    let plan = Arc::clone(&subquery.subquery);
    if is_aggregate(&plan) {
        return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
    }
    if let LogicalPlan::Limit(limit) = plan.as_ref() {
        let one = matches!(limit.get_skip_type()?, SkipType::Literal(0))
            && matches!(limit.get_fetch_type()?, FetchType::Literal(Some(1)));
        return match first_of(&limit.input)? {
            Some((value, order, input)) if one && is_plain(&input)? => {
                let first = first_value(value, order).alias("first");
                let plan = LogicalPlanBuilder::from(input.as_ref().clone())
                    .aggregate(Vec::<Expr>::new(), vec![first])?
                    .build()?;
                Ok(Transformed::yes(Expr::ScalarSubquery(Subquery { subquery: Arc::new(plan), ..subquery })))
            }
            _ => Ok(Transformed::no(Expr::ScalarSubquery(subquery))),
        };
    }
    let (Some(column), Some(field)) = (first_column(&plan), plan.schema().fields().first().cloned()) else {
        return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
    };
    if !is_plain(&plan)? {
        return Ok(Transformed::no(Expr::ScalarSubquery(subquery)));
    }
    let rows = array_agg(Expr::Column(column)).alias("rows");
    let collected =
        LogicalPlanBuilder::from(plan.as_ref().clone()).aggregate(Vec::<Expr>::new(), vec![rows])?.build()?;
    let collected = Expr::ScalarSubquery(Subquery { subquery: Arc::new(collected), ..subquery });
    Ok(Transformed::yes(only_row(field).call(vec![collected])))
}

/// `ARRAY(SELECT ..)` as an aggregate, with the order of its rows.
fn collected(expr: Expr) -> DfResult<Transformed<Expr>> {
    let subquery = match &expr {
        Expr::ScalarFunction(call) if call.name() == ARRAY_ROWS => match call.args.as_slice() {
            [Expr::ScalarSubquery(subquery)] => subquery.clone(),
            _ => return Ok(Transformed::no(expr)),
        },
        _ => return Ok(Transformed::no(expr)),
    };
    let (limit, rows) = match subquery.subquery.as_ref() {
        LogicalPlan::Limit(limit) => (Some(limit), &limit.input),
        _ => (None, &subquery.subquery),
    };
    let refused = || {
        Error::unsupported("ARRAY with this subquery is not supported")
            .with_hint("Join the rows, and collect them with array_agg.")
    };
    let (value, order, input) = first_of(rows)?.ok_or_else(refused)?;
    // A condition on the query around it would stand below what counts its rows.
    if !subquery.outer_ref_columns.is_empty() && (limit.is_some() || !is_plain(&input)?) {
        return Err(refused().into());
    }
    let mut rows = LogicalPlanBuilder::from(input.as_ref().clone());
    if let Some(limit) = limit {
        if !order.is_empty() {
            rows = rows.sort(order.clone())?;
        }
        rows = rows.limit_by_expr(limit.skip.as_deref().cloned(), limit.fetch.as_deref().cloned())?;
    }
    let mut all = array_agg(value);
    if let Expr::AggregateFunction(call) = &mut all {
        call.params.order_by = order;
    }
    let plan = rows.aggregate(Vec::<Expr>::new(), vec![all.alias("rows")])?.build()?;
    let subquery = Subquery { subquery: Arc::new(plan), ..subquery };
    Ok(Transformed::yes(of_all_rows().call(vec![Expr::ScalarSubquery(subquery)])))
}

/// A value, an order, and the rows of which the first in that order gives the value.
type First = (Expr, Vec<SortExpr>, Arc<LogicalPlan>);

/// What the first row of a plan gives.
fn first_of(plan: &Arc<LogicalPlan>) -> DfResult<Option<First>> {
    Ok(match plan.as_ref() {
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => {
            first_column(&sort.input).map(|column| (Expr::Column(column), sort.expr.clone(), Arc::clone(&sort.input)))
        }
        LogicalPlan::Projection(projection) => match (projection.input.as_ref(), projection.expr.first()) {
            (LogicalPlan::Sort(sort), Some(value)) if sort.fetch.is_none() => {
                Some((value.clone().unalias(), sort.expr.clone(), Arc::clone(&sort.input)))
            }
            (LogicalPlan::Sort(_), _) => None,
            _ => first_column(plan).map(|column| (Expr::Column(column), vec![], Arc::clone(plan))),
        },
        _ => first_column(plan).map(|column| (Expr::Column(column), vec![], Arc::clone(plan))),
    })
}

/// `EXISTS` as a count that is not zero.
fn exists(subquery: Subquery, negated: bool) -> DfResult<Transformed<Expr>> {
    let correlated = !subquery.outer_ref_columns.is_empty();
    let mut plan = Arc::clone(&subquery.subquery);
    if correlated {
        // Its columns do not matter, nor does their order.
        while let LogicalPlan::Projection(_) | LogicalPlan::Sort(_) = plan.as_ref() {
            let Some(input) = plan.inputs().first().map(|input| (*input).clone()) else { break };
            plan = Arc::new(input);
        }
        if !is_plain(&plan)? {
            return Ok(Transformed::no(Expr::Exists(Exists { subquery, negated })));
        }
    }
    let rows = LogicalPlanBuilder::from(plan.as_ref().clone());
    let rows = if correlated { rows } else { rows.limit(0, Some(1))? };
    let counted = rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1i64)).alias("rows")])?.build()?;
    let Some(number) = first_column(&counted).map(Expr::Column) else {
        return Ok(Transformed::no(Expr::Exists(Exists { subquery, negated })));
    };
    let answer = if negated { number.eq(lit(0i64)) } else { number.gt(lit(0i64)) };
    let plan = LogicalPlanBuilder::from(counted).project(vec![answer.alias("exists")])?.build()?;
    Ok(Transformed::yes(Expr::ScalarSubquery(Subquery { subquery: Arc::new(plan), ..subquery })))
}

/// Whether a plan is an aggregate whose groups DataFusion checks itself.
fn is_aggregate(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(_) => true,
        LogicalPlan::Projection(projection) => is_aggregate(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_aggregate(&alias.input),
        LogicalPlan::Filter(filter) => is_aggregate(&filter.input),
        _ => false,
    }
}

/// Whether a plan's rows are those of tables, filtered and joined: a correlated condition below an aggregate or a
/// limit would change what that one sees. Windows are in partitions by now.
pub(super) fn is_plain(plan: &LogicalPlan) -> DfResult<bool> {
    let mut plain = true;
    plan.apply(|node| {
        plain &= matches!(
            node,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::Join(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::TableScan(_)
                | LogicalPlan::Window(_)
        ) || matches!(node, LogicalPlan::Values(_)) && !node.contains_outer_reference();
        Ok(if plain { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    })?;
    Ok(plain)
}

fn first_column(plan: &LogicalPlan) -> Option<Column> {
    plan.schema().columns().into_iter().next()
}
