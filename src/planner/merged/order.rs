//! The first groups of a merged view by its key are found by their keys.
//!
//! `Sort(key, first n) over Aggregate(key, m(v), ..) over R` becomes the same over the rows of R whose key is among the
//! first n distinct keys of each part that R is the union of. The sort stays where it is.
//!
//! Why the rows are the same. The sort is by all columns of the key, so different groups never tie, and its first n rows
//! are the groups of the n first keys of R. Each of these keys is a key of some part, and among the first n of that part,
//! as a part has no keys that R has not. So the search finds it and all rows of its group are read. Any other group that
//! is read, whole or not, comes after all of these, so it is not among the first n; when R has fewer than n keys, all are
//! found. A null key cannot be asked for among others, so when there is one among the first everything is read.
//!
//! It is done where the key is a plain column of one table in each part, so that the source may sort and stop, and where
//! the rows have more to them than the key. Not where a filter on merged columns stands between, which may need more
//! groups than n.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Extension, LogicalPlan, LogicalPlanBuilder, Projection, Sort, SortExpr,
    SubqueryAlias,
};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::input::is_plain;
use super::node::{Search, SearchNode};
use crate::federation::keys::{KeyOptions, can_be_key};

/// Puts searches for the first keys below the groupings that are sorted by them.
#[derive(Debug, Default)]
pub struct MergedOrder;

impl OptimizerRule for MergedOrder {
    fn name(&self) -> &str {
        "merged_order"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        let LogicalPlan::Sort(sort) = &plan else { return Ok(Transformed::no(plan)) };
        let options = KeyOptions::of(&config.options());
        let (true, true, Some(first)) = (options.merged_order, options.run_time_keys, sort.fetch) else {
            return Ok(Transformed::no(plan));
        };
        if first == 0 || first > options.max_keys {
            return Ok(Transformed::no(plan));
        }
        match searched(&sort.input, &sort.expr, first)? {
            Some(input) => {
                let sort = Sort { expr: sort.expr.clone(), input: Arc::new(input), fetch: sort.fetch };
                Ok(Transformed::yes(LogicalPlan::Sort(sort)))
            }
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// The plan below the sort with a search in it; `order` is over its output.
fn searched(plan: &LogicalPlan, order: &[SortExpr], first: usize) -> DfResult<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let Some(below) = order_below(order, projection)? else { return Ok(None) };
            let Some(input) = searched(&projection.input, &below, first)? else { return Ok(None) };
            let schema = Arc::clone(&projection.schema);
            let projection = Projection::try_new_with_schema(projection.expr.clone(), Arc::new(input), schema)?;
            Ok(Some(LogicalPlan::Projection(projection)))
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let keys: Vec<Expr> = order.iter().map(|member| member.expr.clone()).collect();
            let keys = renamed(&keys, &alias.schema, alias.input.schema())?;
            let below: Vec<SortExpr> =
                order.iter().zip(keys).map(|(member, expr)| SortExpr { expr, ..member.clone() }).collect();
            let Some(input) = searched(&alias.input, &below, first)? else { return Ok(None) };
            let alias = SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?;
            Ok(Some(LogicalPlan::SubqueryAlias(alias)))
        }
        LogicalPlan::Aggregate(aggregate) => search(aggregate, order, first),
        _ => Ok(None),
    }
}

/// The order in terms of what is below a projection; none when it is not by plain columns there.
fn order_below(order: &[SortExpr], projection: &Projection) -> DfResult<Option<Vec<SortExpr>>> {
    let below = order.iter().map(|key| {
        let Expr::Column(column) = &key.expr else { return None };
        let index = projection.schema.maybe_index_of_column(column)?;
        match unaliased(projection.expr.get(index)?) {
            Expr::Column(column) => Some(SortExpr { expr: Expr::Column(column.clone()), ..key.clone() }),
            _ => None,
        }
    });
    Ok(below.collect())
}

fn search(aggregate: &Aggregate, order: &[SortExpr], first: usize) -> DfResult<Option<LogicalPlan>> {
    let keys = &aggregate.group_expr;
    let width = aggregate.input.schema().fields().len();
    if aggregate.aggr_expr.is_empty() || width <= keys.len() || !is_plain(aggregate)? {
        return Ok(None);
    }
    // For each member of the order, the key that it is; every key must be one.
    let mut members = vec![];
    for member in order {
        let Expr::Column(column) = &member.expr else { return Ok(None) };
        match aggregate.schema.maybe_index_of_column(column) {
            Some(index) if index < keys.len() => members.push((index, member.asc, member.nulls_first)),
            _ => return Ok(None),
        }
    }
    let all = (0..keys.len()).all(|key| members.iter().any(|(index, ..)| *index == key));
    for key in keys {
        if !all || !can_be_key(&key.get_type(aggregate.input.schema())?) {
            return Ok(None);
        }
    }
    let Some(parts) = parts(&aggregate.input, keys)? else { return Ok(None) };
    let mut union: Option<LogicalPlanBuilder> = None;
    for (part, keys) in parts {
        let named = keys.into_iter().enumerate().map(|(index, key)| key.alias(format!("key{index}")));
        let order = members.iter().map(|(index, asc, nulls_first)| {
            Expr::Column(Column::new_unqualified(format!("key{index}"))).sort(*asc, *nulls_first)
        });
        let firsts = LogicalPlanBuilder::from(part)
            .project(named)?
            .distinct()?
            .sort_with_limit(order.collect::<Vec<_>>(), Some(first))?;
        union = Some(match union {
            Some(union) => union.union(firsts.build()?)?,
            None => firsts,
        });
    }
    let Some(union) = union else { return Ok(None) };
    let by: Vec<String> = order.iter().map(|member| member.expr.human_display().to_string()).collect();
    let words = format!("first {first} by {}", by.join(", "));
    let node = SearchNode {
        input: aggregate.input.as_ref().clone(),
        keys: keys.clone(),
        searches: vec![Search { words, plan: union.build()? }],
    };
    let input = Arc::new(LogicalPlan::Extension(Extension { node: Arc::new(node) }));
    let schema = Arc::clone(&aggregate.schema);
    let searched = Aggregate::try_new_with_schema(input, keys.clone(), aggregate.aggr_expr.clone(), schema)?;
    Ok(Some(LogicalPlan::Aggregate(searched)))
}

/// One of the plans of a union, with the keys in its own terms.
type Part = (LogicalPlan, Vec<Expr>);

/// The parts that a plan's rows are the union of; none when a key of one is no plain column of a table.
fn parts(plan: &LogicalPlan, keys: &[Expr]) -> DfResult<Option<Vec<Part>>> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let below = keys.iter().map(|key| {
                in_terms_of(key, &projection.schema, |index| {
                    projection.expr.get(index).map(|expr| unaliased(expr).clone())
                })
            });
            parts(&projection.input, &below.collect::<DfResult<Vec<_>>>()?)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let below = renamed(keys, &alias.schema, alias.input.schema())?;
            parts(&alias.input, &below)
        }
        LogicalPlan::Union(union) => {
            let mut all = vec![];
            for input in &union.inputs {
                let below = renamed(keys, &union.schema, input.schema())?;
                match parts(input, &below)? {
                    Some(parts) => all.extend(parts),
                    None => return Ok(None),
                }
            }
            Ok(Some(all))
        }
        leaf => {
            let plain = is_table(leaf) && keys.iter().all(|key| matches!(key, Expr::Column(_)));
            Ok(plain.then(|| vec![(leaf.clone(), keys.to_vec())]))
        }
    }
}

fn is_table(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::Filter(filter) => is_table(&filter.input),
        _ => false,
    }
}

/// Keys over one schema as keys over another with the same columns under other names.
fn renamed(keys: &[Expr], from: &DFSchema, to: &DFSchema) -> DfResult<Vec<Expr>> {
    let column = |index| (index < to.fields().len()).then(|| Expr::Column(Column::from(to.qualified_field(index))));
    keys.iter().map(|key| in_terms_of(key, from, column)).collect()
}

/// A key with its columns replaced.
fn in_terms_of(key: &Expr, schema: &DFSchema, column: impl Fn(usize) -> Option<Expr>) -> DfResult<Expr> {
    let replaced = key.clone().transform(|expr| match &expr {
        Expr::Column(found) => match schema.maybe_index_of_column(found).and_then(&column) {
            Some(other) => Ok(Transformed::yes(other)),
            None => Ok(Transformed::no(expr)),
        },
        _ => Ok(Transformed::no(expr)),
    });
    replaced.data()
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}
