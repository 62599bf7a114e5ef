//! Where a view merges: the groupings beneath it, and which of its columns is made by which merge function.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction};
use datafusion::logical_expr::{Aggregate, Distinct, Expr, JoinType, LogicalPlan, ScalarUDF, Window};

use crate::catalog::definitions::{PUBLIC, RelationName};
use crate::error::{Error, Result, SqlState};
use crate::functions::effect::effect;
use crate::functions::merge::{self, MergeRule};
use crate::lineage::{Partitions, merges_rows};
use crate::planner::view::View;

/// One call of a merge function that a view shows.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// The view's column.
    pub name: String,
    /// The call, over the rows that are merged.
    pub call: AggregateFunction,
    /// What the function does.
    pub rule: &'static MergeRule,
    /// The names of the parts of the call's result that the view shows of it, the outermost first: of
    /// `get_field(newest(address), 'city')` the city. None where it shows all, or computes something else.
    pub path: Vec<Expr>,
}

impl Cell {
    /// The part of a value, or of the merged one, that the view shows.
    pub fn part(&self, get_field: &Arc<ScalarUDF>, value: Expr) -> Expr {
        self.path.iter().fold(value, |value, name| {
            Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(get_field), vec![value, name.clone()]))
        })
    }
}

/// The names of the parts of one column that an expression takes; none where it is anything else.
fn path_of(expr: &Expr) -> Option<Vec<Expr>> {
    match expr {
        Expr::Column(_) => Some(vec![]),
        Expr::Alias(alias) => path_of(&alias.expr),
        Expr::ScalarFunction(call) if call.func.name() == "get_field" => {
            let (of, names) = call.args.split_first()?;
            let mut path = path_of(of)?;
            path.extend_from_slice(names);
            Some(path)
        }
        _ => None,
    }
}

/// A grouping that merges, or the partitions of a window that does.
#[derive(Clone, Debug)]
pub(super) struct Merged {
    /// The grouping.
    pub aggregate: Aggregate,
    /// What the view shows of it, in the order of its columns.
    pub cells: Vec<Cell>,
    /// Whether it stands for a window's partitions.
    pub partitioned: bool,
}

/// Finds the groupings of a view that merge, through other views and what only filters, names or computes; several
/// where it joins what is merged apart, or unites it. 42809 for a view that has none, 0A000 for one whose rows nobody
/// can follow to them.
pub(super) fn find(view: &View) -> Result<Vec<Merged>> {
    let names = view.written.schema().fields().iter().map(|field| field.name().clone());
    let columns = view.written.schema().columns().into_iter().map(Expr::Column);
    let shown: Vec<(String, Expr)> = names.zip(columns).collect();
    let found = beneath(&view.written, shown)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let name = view.name.shown();
    let mut merges = false;
    view.analyzed().apply_with_subqueries(|node| {
        merges = merges
            || match node {
                LogicalPlan::Aggregate(aggregate) => aggregate.aggr_expr.iter().any(is_merge),
                LogicalPlan::Window(window) => merges_rows(window),
                _ => false,
            };
        Ok(if merges { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Err(match merges {
        true => {
            Error::unsupported(format!("quality cannot follow the rows of view \"{name}\" to where they are merged"))
                .with_hint("Ask for the quality of the view that it reads, or merge with a GROUP BY of plain columns.")
        }
        false => Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{name}\" is not a view that merges rows"))
            .with_hint("Name a view with merge functions, such as newest(..), and a GROUP BY."),
    })
}

fn is_merge(expr: &Expr) -> bool {
    matches!(expr.clone().unalias(), Expr::AggregateFunction(call) if merge::rule(call.func.name()).is_some())
}

/// Of what is shown that which looks at the columns of one plan alone.
fn of_side(side: &LogicalPlan, shown: &[(String, Expr)]) -> Vec<(String, Expr)> {
    let is_own = |expr: &Expr| expr.column_refs().into_iter().all(|column| side.schema().has_column(column));
    shown.iter().filter(|(_, expr)| is_own(expr)).cloned().collect()
}

/// Follows what a view shows down to the groupings that it comes of.
fn beneath(plan: &LogicalPlan, shown: Vec<(String, Expr)>) -> Result<Vec<Merged>> {
    match plan {
        LogicalPlan::Projection(projection) => {
            let shown = replaced(plan, shown, |at| projection.expr.get(at).map(|expr| expr.clone().unalias()))?;
            beneath(&projection.input, shown)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let columns = alias.input.schema().columns();
            let shown = replaced(plan, shown, |at| columns.get(at).cloned().map(Expr::Column))?;
            beneath(&alias.input, shown)
        }
        LogicalPlan::Filter(filter) => beneath(&filter.input, shown),
        LogicalPlan::Sort(sort) => beneath(&sort.input, shown),
        LogicalPlan::Limit(limit) => beneath(&limit.input, shown),
        LogicalPlan::Distinct(Distinct::All(input)) => beneath(input, shown),
        // What is filled in, or smoothed, is made of what was merged. What else is computed over rows is no value of a
        // source's.
        LogicalPlan::Window(window) => {
            let width = window.input.schema().fields().len();
            let beneath_it = |at: usize| window.window_expr.get(at.checked_sub(width)?).and_then(cleaned);
            let cleaned = of_side(&window.input, &replaced(plan, shown.clone(), beneath_it)?);
            let mut found = beneath(&window.input, cleaned)?;
            // Beside a grouping that merges the quality is that of the groups.
            if found.iter().all(|merged| merged.partitioned) {
                found.extend(partitioned(window, &shown)?);
            }
            Ok(found)
        }
        LogicalPlan::Join(join) => {
            use JoinType::{LeftAnti, LeftMark, LeftSemi, RightAnti, RightMark, RightSemi};
            let mut found = vec![];
            if !matches!(join.join_type, RightSemi | RightAnti | RightMark) {
                found.extend(beneath(&join.left, of_side(&join.left, &shown))?);
            }
            if !matches!(join.join_type, LeftSemi | LeftAnti | LeftMark) {
                found.extend(beneath(&join.right, of_side(&join.right, &shown))?);
            }
            Ok(found)
        }
        LogicalPlan::Union(union) => {
            let mut found = vec![];
            for branch in &union.inputs {
                let columns = branch.schema().columns();
                let shown = replaced(plan, shown.clone(), |at| columns.get(at).cloned().map(Expr::Column))?;
                found.extend(beneath(branch, shown)?);
            }
            Ok(found)
        }
        LogicalPlan::TableScan(scan) => {
            let Ok(provider) = source_as_provider(&scan.source) else { return Ok(vec![]) };
            let Some(view) = provider.downcast_ref::<View>() else { return Ok(vec![]) };
            let columns = view.written.schema().columns();
            let of = |at: usize| match &scan.projection {
                Some(projection) => projection.get(at).and_then(|at| columns.get(*at)),
                None => columns.get(at),
            };
            let shown = replaced(plan, shown, |at| of(at).cloned().map(Expr::Column))?;
            beneath(&view.written, shown)
        }
        LogicalPlan::Aggregate(aggregate) => {
            if aggregate.group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_))) {
                return Ok(vec![]);
            }
            Ok(grouped(aggregate, shown)?.into_iter().collect())
        }
        _ => Ok(vec![]),
    }
}

/// What is shown of a grouping's merge functions; none where that is nothing.
fn grouped(aggregate: &Aggregate, shown: Vec<(String, Expr)>) -> Result<Option<Merged>> {
    let mut cells = vec![];
    // What GROUP BY names twice is one column.
    let keys = aggregate.schema.fields().len().saturating_sub(aggregate.aggr_expr.len());
    for (name, expr) in shown {
        let mut found = vec![];
        expr.apply(|part| {
            if let Expr::Column(column) = part
                && let Some(at) = aggregate.schema.maybe_index_of_column(column)
                && !found.contains(&at)
            {
                found.push(at);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let calls = found.into_iter().filter_map(|at| at.checked_sub(keys));
        for call in calls.filter_map(|at| aggregate.aggr_expr.get(at)) {
            let Expr::AggregateFunction(call) = call.clone().unalias() else { continue };
            if let Some(rule) = merge::rule(call.func.name()) {
                cells.push(Cell { name: name.clone(), call, rule, path: path_of(&expr).unwrap_or_default() });
            }
        }
    }
    let merged = Merged { aggregate: aggregate.clone(), cells, partitioned: false };
    Ok(Some(merged).filter(|merged| !merged.cells.is_empty()))
}

/// What is shown of merge functions over whole partitions, each PARTITION BY by itself.
fn partitioned(window: &Window, shown: &[(String, Expr)]) -> Result<Vec<Merged>> {
    let mut found = vec![];
    for partitions in Partitions::of(window)? {
        let mut of_it = vec![];
        for (name, expr) in shown {
            if let Some(expr) = partitions.over(expr.clone(), window)? {
                of_it.push((name.clone(), expr));
            }
        }
        let merged = grouped(&partitions.grouping, of_it)?;
        found.extend(merged.map(|merged| Merged { partitioned: true, ..merged }));
    }
    Ok(found)
}

/// The argument of a window function that cleans.
fn cleaned(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Alias(alias) => cleaned(&alias.expr),
        Expr::WindowFunction(call) => effect(call.fun.name()).and_then(|_| call.params.args.first().cloned()),
        _ => None,
    }
}

/// The place of a column in a plan's schema.
fn place(plan: &LogicalPlan, column: &Column) -> Option<usize> {
    plan.schema().maybe_index_of_column(column)
}

/// What is shown, with each column of `plan` as what stands in its place beneath.
fn replaced(
    plan: &LogicalPlan,
    shown: Vec<(String, Expr)>,
    beneath: impl Fn(usize) -> Option<Expr>,
) -> Result<Vec<(String, Expr)>> {
    let mut out = Vec::with_capacity(shown.len());
    for (name, expr) in shown {
        let expr = expr.transform_up(|part| {
            let found = match &part {
                Expr::Column(column) => place(plan, column).and_then(&beneath),
                _ => None,
            };
            Ok(found.map_or_else(|| Transformed::no(part), Transformed::yes))
        })?;
        out.push((name, expr.data));
    }
    Ok(out)
}

/// The one relation whose rows these are, with the columns that are still its own under their names; none where rows
/// are joined, grouped or of several relations.
pub(super) fn relation_of(rows: &LogicalPlan) -> Option<(RelationName, Vec<String>)> {
    match rows {
        LogicalPlan::Filter(filter) => relation_of(&filter.input),
        LogicalPlan::SubqueryAlias(alias) => relation_of(&alias.input),
        LogicalPlan::Extension(extension) => match extension.node.inputs().as_slice() {
            [input] => relation_of(input),
            _ => None,
        },
        LogicalPlan::Projection(projection) => {
            let (relation, mut names) = relation_of(&projection.input)?;
            names.retain(|name| {
                let shown = projection.expr.iter().zip(projection.schema.fields());
                shown
                    .filter(|(_, field)| field.name() == name)
                    .any(|(expr, _)| matches!(expr.clone().unalias(), Expr::Column(column) if column.name == *name))
            });
            Some((relation, names))
        }
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok()?;
            // A function over a relation stands for it.
            if let Some(view) = provider.downcast_ref::<View>()
                && view.name.schema == "pg_catalog"
            {
                return relation_of(&view.written);
            }
            let names = scan.projected_schema.fields().iter().map(|field| field.name().clone()).collect();
            // A view's names without a schema are in `public`.
            let schema = scan.table_name.schema().unwrap_or(PUBLIC);
            Some((RelationName::new(schema, scan.table_name.table()), names))
        }
        _ => None,
    }
}
