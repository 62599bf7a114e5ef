//! LATERAL subqueries that DataFusion does not join: with a limit, with groups over rows that are chosen by more than
//! equality, and with values that are computed from the row before them.
//!
//! The rows before them are numbered and joined with the subquery's tables by its conditions. What follows is computed
//! for all of them at once, in groups and partitions by that number. Nothing is read twice.

use std::collections::HashMap;

use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, TableReference};
use datafusion::error::Result as DfResult;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprFunctionExt, FetchType, Join, JoinType, Limit, LogicalPlan, LogicalPlanBuilder,
    SkipType, lit, when,
};

use super::outside::{is_beyond_equality, is_beyond_groups, of_matched};
use super::partitioned::in_order;
use super::subquery::has_subquery;
use crate::error::Error;

/// What the columns of the rows before are called on their way, which no user can write.
const LEFT: &str = "\u{1}left";
/// Their numbers, and the mark of a row of the subquery.
const NUMBER: &str = "\u{1}row";
const MATCHED: &str = "\u{1}there";

/// Such a join as a plan without references; none for any other.
pub(super) fn joined(join: &Join) -> DfResult<Option<LogicalPlan>> {
    let Some(plan) = lateral(join) else { return Ok(None) };
    if let Some(done) = without_references(join, plan)? {
        return Ok(Some(done));
    }
    // DataFusion would join these, above what leaves out rows that are there twice.
    if is_distinct_beyond(plan)? {
        let refused =
            Error::unsupported("DISTINCT over rows that are chosen in this way by what is outside is not supported");
        return Err(refused.with_hint("Group the rows, or join them first.").into());
    }
    Ok(None)
}

/// The plan of a LATERAL subquery.
fn lateral(join: &Join) -> Option<&LogicalPlan> {
    match join.right.as_ref() {
        LogicalPlan::Subquery(subquery) => Some(subquery.subquery.as_ref()),
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::Subquery(subquery) => Some(subquery.subquery.as_ref()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether rows are chosen by more than equality below a DISTINCT.
fn is_distinct_beyond(plan: &LogicalPlan) -> DfResult<bool> {
    plan.exists(|node| match node {
        LogicalPlan::Distinct(Distinct::All(rows)) => Ok(refers(rows)? && is_beyond_equality(rows)?),
        _ => Ok(false),
    })
}

fn without_references(join: &Join, plan: &LogicalPlan) -> DfResult<Option<LogicalPlan>> {
    let keep = match join.join_type {
        JoinType::Inner => false,
        JoinType::Left => true,
        _ => return Ok(None),
    };
    if !is_beyond(plan)? {
        return Ok(None);
    }
    let mut conditions: Vec<Expr> = join.on.iter().map(|(left, right)| left.clone().eq(right.clone())).collect();
    conditions.extend(join.filter.clone().filter(|condition| *condition != lit(true)));
    if keep && !conditions.is_empty() {
        return Ok(None);
    }
    for condition in &conditions {
        if has_subquery(condition)? {
            return Ok(None);
        }
    }
    let left = Left::of(join)?;
    let Some(built) = left.beside(plan, keep)? else { return Ok(None) };
    let marked = column(MATCHED);
    let has_mark = built.schema().has_column(&marked);
    let mut shown: Vec<Expr> = left.shown();
    for (own, (qualifier, field)) in plan.schema().columns().into_iter().zip(join.right.schema().iter()) {
        let own = match has_mark && keep {
            true => when(Expr::Column(marked.clone()).is_not_null(), Expr::Column(own)).end()?,
            false => Expr::Column(own),
        };
        let types = (!field.metadata().is_empty()).then(|| FieldMetadata::new_from_field(field));
        shown.push(own.alias_qualified_with_metadata(qualifier.cloned(), field.name(), types));
    }
    let mut done = LogicalPlanBuilder::from(built).project(shown)?;
    for condition in conditions {
        done = done.filter(condition)?;
    }
    done.build().map(Some)
}

fn column(name: &str) -> Column {
    Column::new_unqualified(name)
}

/// Whether anything in a plan refers to what is outside of it.
fn refers(plan: &LogicalPlan) -> DfResult<bool> {
    plan.exists(|node| Ok(node.contains_outer_reference()))
}

/// Whether DataFusion would not join such a subquery.
fn is_beyond(plan: &LogicalPlan) -> DfResult<bool> {
    plan.exists(|node| match node {
        LogicalPlan::Limit(limit) => refers(&limit.input),
        LogicalPlan::Distinct(Distinct::All(rows)) => Ok(refers(rows)? && is_beyond_equality(rows)?),
        LogicalPlan::Aggregate(aggregate) => Ok(refers(node)? && is_beyond_groups(aggregate)?),
        // A condition on the one row of an aggregate, which DataFusion takes for a group that is not there.
        LogicalPlan::Filter(filter) => Ok(is_of_all(&filter.input) && refers(&filter.input)?),
        LogicalPlan::Subquery(_) => Ok(false),
        node => Ok(node.expressions().iter().any(Expr::contains_outer)),
    })
}

/// Whether a plan is the one row of an aggregate without groups, which a condition may leave out.
fn is_of_all(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        LogicalPlan::Projection(projection) => is_of_all(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => is_of_all(&alias.input),
        LogicalPlan::Filter(filter) => is_of_all(&filter.input),
        _ => false,
    }
}

/// The rows before the subquery, numbered, under names that nobody can type.
struct Left {
    rows: LogicalPlan,
    columns: Vec<(Option<TableReference>, String)>,
    names: HashMap<Column, Column>,
}

impl Left {
    fn of(join: &Join) -> DfResult<Left> {
        let number = row_number();
        let counted = Expr::Column(column(&number.schema_name().to_string()));
        let (mut named, mut columns, mut names) = (vec![], vec![], HashMap::new());
        for (at, (qualifier, field)) in join.left.schema().iter().enumerate() {
            let name = format!("{LEFT}{at}");
            let own = Column::new(qualifier.cloned(), field.name());
            named.push(Expr::Column(own.clone()).alias(&name));
            columns.push((qualifier.cloned(), field.name().clone()));
            names.insert(own, column(&name));
        }
        named.push(counted.alias(NUMBER));
        let rows =
            LogicalPlanBuilder::from(join.left.as_ref().clone()).window(vec![number])?.project(named)?.build()?;
        Ok(Left { rows, columns, names })
    }

    /// The columns under their own names again.
    fn shown(&self) -> Vec<Expr> {
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(at, (qualifier, name))| {
                Expr::Column(column(&format!("{LEFT}{at}"))).alias_qualified(qualifier.clone(), name)
            })
            .collect()
    }

    /// The hidden columns that a plan has.
    fn hidden(&self, plan: &LogicalPlan) -> Vec<Expr> {
        let mut hidden: Vec<Expr> =
            (0..self.columns.len()).map(|at| Expr::Column(column(&format!("{LEFT}{at}")))).collect();
        hidden.push(Expr::Column(column(NUMBER)));
        if plan.schema().has_column(&column(MATCHED)) {
            hidden.push(Expr::Column(column(MATCHED)));
        }
        hidden
    }

    /// An expression of the subquery; none where it refers further outside, or has a subquery itself.
    fn within(&self, expr: &Expr) -> DfResult<Option<Expr>> {
        if has_subquery(expr)? {
            return Ok(None);
        }
        let mut known = true;
        let replaced = expr.clone().transform(|e| {
            Ok(match &e {
                Expr::OuterReferenceColumn(_, outer) => match self.names.get(outer) {
                    Some(name) => Transformed::yes(Expr::Column(name.clone())),
                    None => {
                        known = false;
                        Transformed::no(e)
                    }
                },
                _ => Transformed::no(e),
            })
        })?;
        Ok(known.then_some(replaced.data))
    }

    /// The same for all expressions of a node, which keep their names.
    fn all_within(&self, node: &LogicalPlan, exprs: &[Expr]) -> DfResult<Option<Vec<Expr>>> {
        let names = NamePreserver::new(node);
        let mut within = Vec::with_capacity(exprs.len());
        for expr in exprs {
            let saved = names.save(expr);
            match self.within(expr)? {
                Some(expr) => within.push(saved.restore(expr)),
                None => return Ok(None),
            }
        }
        Ok(Some(within))
    }

    /// The rows before the subquery, each beside the rows that the plan has for it. With `keep` one without any is there
    /// once, without a mark.
    fn beside(&self, plan: &LogicalPlan, keep: bool) -> DfResult<Option<LogicalPlan>> {
        let mut conditions = vec![];
        let mut base = plan;
        while let LogicalPlan::Filter(filter) = base {
            match self.within(&filter.predicate)? {
                Some(condition) => conditions.push(condition),
                None => return Ok(None),
            }
            base = filter.input.as_ref();
        }
        if !refers(base)? {
            return self.based(base, conditions, keep).map(Some);
        }
        if !std::ptr::eq(base, plan) {
            if keep && !is_of_all(base) {
                return Ok(None);
            }
            let Some(below) = self.beside(base, keep)? else { return Ok(None) };
            if keep {
                return self.marked(below, conditions).map(Some);
            }
            let mut filtered = LogicalPlanBuilder::from(below);
            for condition in conditions {
                filtered = filtered.filter(condition)?;
            }
            return filtered.build().map(Some);
        }
        match plan {
            LogicalPlan::Projection(projection) => {
                let Some(below) = self.beside(&projection.input, keep)? else { return Ok(None) };
                let Some(own) = self.all_within(plan, &projection.expr)? else { return Ok(None) };
                let shown: Vec<Expr> = self.hidden(&below).into_iter().chain(own).collect();
                LogicalPlanBuilder::from(below).project(shown)?.build().map(Some)
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let Some(below) = self.beside(&alias.input, keep)? else { return Ok(None) };
                let renamed = alias.input.schema().columns().into_iter().map(|column| {
                    let name = column.name.clone();
                    Expr::Column(column).alias_qualified(Some(alias.alias.clone()), name)
                });
                let shown: Vec<Expr> = self.hidden(&below).into_iter().chain(renamed).collect();
                LogicalPlanBuilder::from(below).project(shown)?.build().map(Some)
            }
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => self.beside(&sort.input, keep),
            LogicalPlan::Distinct(Distinct::All(rows)) => match self.beside(rows, keep)? {
                Some(below) => LogicalPlanBuilder::from(below).distinct()?.build().map(Some),
                None => Ok(None),
            },
            LogicalPlan::Limit(limit) => self.limited(limit, keep),
            LogicalPlan::Aggregate(aggregate) => self.grouped(plan, aggregate, keep),
            _ => Ok(None),
        }
    }

    /// The rows before the subquery, each beside one row, without the mark of those that do not meet the conditions.
    fn marked(&self, below: LogicalPlan, conditions: Vec<Expr>) -> DfResult<LogicalPlan> {
        let mark = column(MATCHED);
        let mut shown: Vec<Expr> =
            below.schema().columns().into_iter().filter(|column| *column != mark).map(Expr::Column).collect();
        let met = conditions.into_iter().fold(Expr::Column(mark).is_not_null(), Expr::and);
        shown.push(when(met, lit(true)).end()?.alias(MATCHED));
        LogicalPlanBuilder::from(below).project(shown)?.build()
    }

    /// The rows before the subquery, joined with a plan that refers to none of them.
    fn based(&self, plan: &LogicalPlan, conditions: Vec<Expr>, keep: bool) -> DfResult<LogicalPlan> {
        let left = LogicalPlanBuilder::from(self.rows.clone());
        if !keep {
            let joined = match conditions.is_empty() {
                true => left.cross_join(plan.clone())?,
                false => left.join_on(plan.clone(), JoinType::Inner, conditions)?,
            };
            return joined.build();
        }
        let mut columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
        columns.push(lit(true).alias(MATCHED));
        let rows = LogicalPlanBuilder::from(plan.clone()).project(columns)?.build()?;
        let conditions = if conditions.is_empty() { vec![lit(true)] } else { conditions };
        left.join_on(rows, JoinType::Left, conditions)?.build()
    }

    /// LIMIT as a condition on the number of a row among those of one row before it.
    fn limited(&self, limit: &Limit, keep: bool) -> DfResult<Option<LogicalPlan>> {
        let (SkipType::Literal(skip), FetchType::Literal(Some(fetch))) =
            (limit.get_skip_type()?, limit.get_fetch_type()?)
        else {
            return Ok(None);
        };
        // A row that is kept has a number too.
        if keep && (skip > 0 || fetch == 0) {
            return Ok(None);
        }
        let Some((rows, order, columns)) = in_order(&limit.input) else { return Ok(None) };
        let Some(below) = self.beside(rows, keep)? else { return Ok(None) };
        let Some(columns) = self.all_within(&limit.input, &columns)? else { return Ok(None) };
        let mut by = Vec::with_capacity(order.len());
        for SortExpr { expr, asc, nulls_first } in order {
            match self.within(expr)? {
                Some(expr) => by.push(SortExpr::new(expr, *asc, *nulls_first)),
                None => return Ok(None),
            }
        }
        let number = row_number().partition_by(vec![Expr::Column(column(NUMBER))]);
        let number = if by.is_empty() { number.build()? } else { number.order_by(by).build()? };
        let shown: Vec<Expr> = self.hidden(&below).into_iter().chain(columns).collect();
        let counted = LogicalPlanBuilder::from(below).window(vec![number])?.build()?;
        let Some(number) = counted.schema().columns().pop().map(Expr::Column) else { return Ok(None) };
        let (skip, fetch) = (u64::try_from(skip).unwrap_or(u64::MAX), u64::try_from(fetch).unwrap_or(u64::MAX));
        let within = number.clone().gt(lit(skip)).and(number.lt_eq(lit(skip.saturating_add(fetch))));
        LogicalPlanBuilder::from(counted).filter(within)?.project(shown)?.build().map(Some)
    }

    /// Groups within each row before them. Without GROUP BY there is one group for every such row.
    fn grouped(&self, node: &LogicalPlan, aggregate: &Aggregate, keep: bool) -> DfResult<Option<LogicalPlan>> {
        let Aggregate { input, group_expr, aggr_expr, .. } = aggregate;
        if group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_))) {
            return Ok(None);
        }
        let of_all = group_expr.is_empty();
        let Some(below) = self.beside(input, keep || of_all)? else { return Ok(None) };
        let mark = below.schema().has_column(&column(MATCHED)).then(|| Expr::Column(column(MATCHED)));
        let Some(groups) = self.all_within(node, group_expr)? else { return Ok(None) };
        // The mark would change the names of the calls.
        let names = NamePreserver::new(node);
        let mut calls = Vec::with_capacity(aggr_expr.len());
        for before in aggr_expr {
            match self.within(&of_matched(before.clone(), mark.as_ref()))? {
                Some(call) => calls.push(names.save(before).restore(call)),
                None => return Ok(None),
            }
        }
        let mut keys = self.hidden(&below);
        if of_all {
            keys.retain(|key| mark.as_ref() != Some(key));
        }
        let keys: Vec<Expr> = keys.into_iter().chain(groups).collect();
        let grouped = LogicalPlanBuilder::from(below).aggregate(keys, calls)?;
        if !(of_all && keep) {
            return grouped.build().map(Some);
        }
        // There is always a row, so that nothing of it is left out.
        let grouped = grouped.build()?;
        let mut shown: Vec<Expr> = grouped.schema().columns().into_iter().map(Expr::Column).collect();
        shown.push(lit(true).alias(MATCHED));
        LogicalPlanBuilder::from(grouped).project(shown)?.build().map(Some)
    }
}
