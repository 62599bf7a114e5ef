//! Windows, limits and tables that are queries in subqueries that refer to the row outside.
//!
//! DataFusion joins such a subquery: it computes it for all rows at once and looks for the outer row's afterwards. A
//! window would see the rows of all of them. Where the rows are chosen by columns that are equal to something outside,
//! those of one outer row are a partition: windows are computed in partitions, and LIMIT counts in each of them. Such a
//! column is taken along under a name of its own, which no table in FROM hides, as the join needs it.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, ExprFunctionExt, FetchType, Filter, JoinType, Limit, LogicalPlan,
    LogicalPlanBuilder, Operator, Projection, SkipType, Sort, Subquery, Window, lit,
};

use crate::error::Error;

/// Which limits are counted for each outer row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limits {
    All,
    /// All but that of the subquery itself.
    Within,
}

/// What the columns are called that rows are chosen by, which no user can write.
const KEY: &str = "\u{1}key";

/// A subquery whose windows and limits are of the rows of one outer row.
///
/// # Errors
/// 0A000 for a window over rows that are chosen in another way.
pub(super) fn of_each(subquery: Subquery, limits: Limits) -> DfResult<Subquery> {
    let plan = subquery.subquery.as_ref();
    let (own, rows) = match plan {
        LogicalPlan::Limit(limit) if limits == Limits::Within => (Some(limit), limit.input.as_ref()),
        plan => (None, plan),
    };
    if !needs(rows)? {
        return Ok(subquery);
    }
    let done = match keyed(rows, &mut 0)? {
        Some(keyed) => shown(keyed, rows)?,
        None if has_window(rows)? => {
            let refused = "a window function over rows that are chosen in this way by what is outside is not supported";
            return Err(Error::unsupported(refused).with_hint("Compute it for all rows, and join them.").into());
        }
        None => return Ok(subquery),
    };
    let done = match own {
        Some(limit) => LogicalPlan::Limit(Limit { input: Arc::new(done), ..limit.clone() }),
        None => done,
    };
    Ok(Subquery { subquery: Arc::new(done), ..subquery })
}

/// Whether anything in a plan refers to what is outside of it.
fn refers(plan: &LogicalPlan) -> DfResult<bool> {
    plan.exists(|node| Ok(node.contains_outer_reference()))
}

/// Whether there is a window, a limit or a table that is a query above what refers to the row outside.
fn needs(plan: &LogicalPlan) -> DfResult<bool> {
    plan.exists(|node| match node {
        LogicalPlan::Window(_) | LogicalPlan::Limit(_) | LogicalPlan::SubqueryAlias(_) => refers(node),
        _ => Ok(false),
    })
}

/// Whether a window is above what refers to the row outside. Items of FROM that refer to each other are looked at by
/// themselves.
fn has_window(plan: &LogicalPlan) -> DfResult<bool> {
    let mut found = false;
    plan.apply(|node| {
        if matches!(node, LogicalPlan::Subquery(_)) {
            return Ok(TreeNodeRecursion::Jump);
        }
        found = found || (matches!(node, LogicalPlan::Window(_)) && refers(node)?);
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// A plan with its own columns alone.
fn shown(keyed: Keyed, before: &LogicalPlan) -> DfResult<LogicalPlan> {
    if keyed.plan.schema().fields().len() == before.schema().fields().len() {
        return Ok(keyed.plan);
    }
    let columns: Vec<Expr> = before.schema().columns().into_iter().map(Expr::Column).collect();
    LogicalPlanBuilder::from(keyed.plan).project(columns)?.build()
}

/// A plan that shows the columns by which its rows are chosen.
struct Keyed {
    plan: LogicalPlan,
    /// They, as they are called there.
    keys: Vec<Expr>,
    /// Whether they are gone, in one row that was made of all.
    merged: bool,
}

impl Keyed {
    fn new(plan: LogicalPlan, keys: Vec<Expr>) -> Option<Self> {
        Some(Keyed { plan, keys, merged: false })
    }
}

/// A plan with its keys; none where its rows are chosen in another way, or the keys cannot be shown. `count` is how many
/// there are.
fn keyed(plan: &LogicalPlan, count: &mut usize) -> DfResult<Option<Keyed>> {
    if !refers(plan)? {
        return Ok(Keyed::new(plan.clone(), vec![]));
    }
    if !matches!(plan, LogicalPlan::Filter(_)) && plan.contains_outer_reference() {
        return Ok(None);
    }
    if let LogicalPlan::Join(join) = plan {
        let (Some(left), Some(right)) = (keyed(&join.left, count)?, keyed(&join.right, count)?) else {
            return Ok(None);
        };
        let plain = right.keys.is_empty() || join.join_type == JoinType::Inner;
        let kept = matches!(join.join_type, JoinType::Inner | JoinType::Left);
        if !plain || !kept || left.merged || right.merged {
            return Ok(None);
        }
        let plan = plan.with_new_exprs(plan.expressions(), vec![left.plan, right.plan])?;
        return Ok(Keyed::new(plan, left.keys.into_iter().chain(right.keys).collect()));
    }
    // The limit's own order is found below it.
    if let LogicalPlan::Limit(limit) = plan {
        return limited(limit, count);
    }
    let inputs = plan.inputs();
    let [below] = inputs.as_slice() else { return Ok(None) };
    let Some(Keyed { plan: input, mut keys, merged }) = keyed(below, count)? else { return Ok(None) };
    let input = Arc::new(input);
    Ok(match plan {
        LogicalPlan::Filter(filter) => chosen(filter, input, &mut keys, count)?.map(|filter| Keyed {
            plan: LogicalPlan::Filter(filter),
            keys,
            merged,
        }),
        LogicalPlan::Sort(sort) => {
            Some(Keyed { plan: LogicalPlan::Sort(Sort { input, ..sort.clone() }), keys, merged })
        }
        LogicalPlan::Projection(projection) => {
            let exprs = projection.expr.iter().chain(&keys).cloned().collect();
            let projection = Projection::try_new(exprs, input)?;
            Some(Keyed { plan: LogicalPlan::Projection(projection), keys, merged })
        }
        // A new name for all columns would be one for the keys too.
        LogicalPlan::SubqueryAlias(alias) => {
            let renamed = below.schema().iter().map(|(qualifier, field)| {
                let column = Expr::Column(Column::from((qualifier, field)));
                column.alias_qualified(Some(alias.alias.clone()), field.name())
            });
            let exprs = renamed.chain(keys.iter().cloned()).collect();
            let projection = Projection::try_new(exprs, input)?;
            Some(Keyed { plan: LogicalPlan::Projection(projection), keys, merged })
        }
        LogicalPlan::Distinct(Distinct::All(_)) if !merged => {
            Keyed::new(LogicalPlan::Distinct(Distinct::All(input)), keys)
        }
        LogicalPlan::Aggregate(aggregate) if !merged => {
            let of_all = aggregate.group_expr.is_empty();
            if aggregate.group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_))) {
                return Ok(None);
            }
            let own = aggregate.group_expr.iter();
            let groups = if of_all { vec![] } else { own.chain(&keys).cloned().collect() };
            let plan = LogicalPlan::Aggregate(Aggregate::try_new(input, groups, aggregate.aggr_expr.clone())?);
            match of_all {
                true => Some(Keyed { plan, keys: vec![], merged: true }),
                false => Keyed::new(plan, keys),
            }
        }
        LogicalPlan::Window(window) if !merged => {
            let exprs = in_partitions(plan, window.window_expr.clone(), &keys)?;
            Keyed::new(LogicalPlan::Window(Window::try_new(exprs, input)?), keys)
        }
        _ => None,
    })
}

/// A filter whose rows are chosen by columns that get names of their own; none for one that chooses in another way.
fn chosen(
    filter: &Filter,
    input: Arc<LogicalPlan>,
    keys: &mut Vec<Expr>,
    count: &mut usize,
) -> DfResult<Option<Filter>> {
    let mut named = vec![];
    let mut conditions = vec![];
    for condition in split_conjunction(&filter.predicate) {
        if !condition.contains_outer() {
            conditions.push(condition.clone());
            continue;
        }
        let Some((key, outside)) = key(condition) else { return Ok(None) };
        // Those of a subquery within this one must be others.
        let name = format!("{KEY}{count} {key}");
        *count += 1;
        named.push(key.clone().alias(&name));
        let column = Expr::Column(Column::new_unqualified(name));
        conditions.push(column.clone().eq(outside.clone()));
        keys.push(column);
    }
    if named.is_empty() {
        return Filter::try_new(filter.predicate.clone(), input).map(Some);
    }
    let exprs = input.schema().columns().into_iter().map(Expr::Column).chain(named).collect();
    let input = LogicalPlan::Projection(Projection::try_new(exprs, input)?);
    let Some(condition) = conjunction(conditions) else { return Ok(None) };
    Filter::try_new(condition, Arc::new(input)).map(Some)
}

/// The column of the subquery that is equal to something outside, and that.
fn key(condition: &Expr) -> Option<(&Expr, &Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return None };
    let inside = |expr: &Expr| matches!(expr, Expr::Column(_));
    let outside = |expr: &Expr| expr.contains_outer() && !expr.any_column_refs();
    match (left.as_ref(), right.as_ref()) {
        (key, other) | (other, key) if inside(key) && outside(other) => Some((key, other)),
        _ => None,
    }
}

/// Window functions in the partitions of the keys, under their names.
fn in_partitions(node: &LogicalPlan, exprs: Vec<Expr>, keys: &[Expr]) -> DfResult<Vec<Expr>> {
    let names = NamePreserver::new(node);
    let exprs = exprs.into_iter().map(|expr| {
        let saved = names.save(&expr);
        let expr = expr.transform_up(|e| {
            let Expr::WindowFunction(mut function) = e else { return Ok(Transformed::no(e)) };
            for key in keys {
                if !function.params.partition_by.contains(key) {
                    function.params.partition_by.push(key.clone());
                }
            }
            Ok(Transformed::yes(Expr::WindowFunction(function)))
        })?;
        Ok(saved.restore(expr.data))
    });
    exprs.collect()
}

/// LIMIT as a condition on the number of a row among those of its outer row.
fn limited(limit: &Limit, count: &mut usize) -> DfResult<Option<Keyed>> {
    let (SkipType::Literal(skip), FetchType::Literal(Some(fetch))) = (limit.get_skip_type()?, limit.get_fetch_type()?)
    else {
        return Ok(None);
    };
    let Some((rows, order, mut columns)) = in_order(&limit.input) else { return Ok(None) };
    let Some(Keyed { plan: rows, keys, merged }) = keyed(rows, count)? else { return Ok(None) };
    if merged {
        // Of one row there is nothing to leave out.
        let whole = skip == 0 && fetch > 0 && order.is_empty();
        return Ok(whole.then_some(Keyed { plan: rows, keys, merged }));
    }
    let number = row_number().partition_by(keys.clone());
    let number = if order.is_empty() { number.build()? } else { number.order_by(order.to_vec()).build()? };
    let counted = Expr::Column(Column::new_unqualified(number.schema_name().to_string()));
    let (skip, fetch) = (u64::try_from(skip).unwrap_or(u64::MAX), u64::try_from(fetch).unwrap_or(u64::MAX));
    let within = counted.clone().gt(lit(skip)).and(counted.lt_eq(lit(skip.saturating_add(fetch))));
    columns.extend(keys.iter().cloned());
    let plan = LogicalPlanBuilder::from(rows).window(vec![number])?.filter(within)?.project(columns)?.build()?;
    Ok(Keyed::new(plan, keys))
}

/// The rows below a Sort, its order, and what of them is shown; none where the Sort is further down.
pub(super) fn in_order(plan: &LogicalPlan) -> Option<(&LogicalPlan, &[SortExpr], Vec<Expr>)> {
    let all = |plan: &LogicalPlan| -> Vec<Expr> { plan.schema().columns().into_iter().map(Expr::Column).collect() };
    let (list, below) = match plan {
        LogicalPlan::Projection(projection) => (Some(&projection.expr), projection.input.as_ref()),
        plan => (None, plan),
    };
    if let LogicalPlan::Sort(sort) = below {
        let columns = list.cloned().unwrap_or_else(|| all(&sort.input));
        return sort.fetch.is_none().then(|| (sort.input.as_ref(), sort.expr.as_slice(), columns));
    }
    let mut node = below;
    loop {
        node = match node {
            LogicalPlan::Projection(inner) => &inner.input,
            LogicalPlan::SubqueryAlias(inner) => &inner.input,
            LogicalPlan::Filter(inner) => &inner.input,
            LogicalPlan::Sort(_) => return None,
            _ => return Some((plan, &[], all(plan))),
        };
    }
}
