//! Correlated aggregates whose conditions compare by more than equality: `(SELECT count(*) FROM b WHERE b.t > a.t)`.
//!
//! DataFusion computes a correlated aggregate in groups by the columns that equal something outside, and joins the groups.
//! For any other condition there are no such columns. They are made: the distinct values outside are joined with the
//! subquery's rows by its conditions, and become the groups. Source: T. Neumann, A. Kemper, "Unnesting Arbitrary Queries",
//! BTW 2015. The rows outside are computed twice, for their values and for themselves. Where they are of a source, which may
//! change in between, all values keep a group, and a row whose values have none is an error (40001): never a wrong zero.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator, Projection,
    Subquery, lit, when,
};

use super::subquery::has_subquery;
use crate::functions::pg::found_again;
use crate::planner::foreign::ForeignTable;
use crate::planner::local::LocalTable;

/// How the names of columns begin that hold what is outside; nobody can type it.
const OUTSIDE: &str = "\u{1}outside";

/// Computes such subqueries of a projection or a filter below it, and puts a column in their place.
pub(super) fn joined(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    let input = match &plan {
        LogicalPlan::Projection(projection) => &projection.input,
        LogicalPlan::Filter(filter) => &filter.input,
        _ => return Ok(plan),
    };
    let columns = input.schema().columns();
    let mut outside =
        Outside { rows: input.as_ref().clone(), joined: input.as_ref().clone(), count: 0, next: unused(input)? };
    let names = NamePreserver::new(&plan);
    let exprs = plan
        .expressions()
        .into_iter()
        .map(|expr| {
            let saved = names.save(&expr);
            let replaced = expr.transform_down(|e| match &e {
                Expr::ScalarSubquery(subquery) => Ok(match outside.value_of(subquery)? {
                    Some(value) => Transformed::new(value, true, TreeNodeRecursion::Jump),
                    None => Transformed::no(e),
                }),
                _ => Ok(Transformed::no(e)),
            })?;
            Ok(if replaced.transformed { saved.restore(replaced.data) } else { replaced.data })
        })
        .collect::<DfResult<Vec<Expr>>>()?;
    if outside.count == 0 {
        return Ok(plan);
    }
    let input = Arc::new(outside.joined);
    match plan {
        LogicalPlan::Filter(_) => {
            let Some(predicate) = exprs.into_iter().next() else { return Ok(plan) };
            let filtered = LogicalPlan::Filter(Filter::try_new(predicate, input)?);
            LogicalPlanBuilder::from(filtered).project(columns.into_iter().map(Expr::Column))?.build()
        }
        _ => Ok(LogicalPlan::Projection(Projection::try_new(exprs, input)?)),
    }
}

/// The rows outside of the subqueries.
struct Outside {
    rows: LogicalPlan,
    /// The same, with what was computed for each.
    joined: LogicalPlan,
    /// How many subqueries were joined.
    count: usize,
    /// A number that no column of theirs has.
    next: usize,
}

impl Outside {
    /// What stands for a subquery above the joined rows; none where it stays as it is.
    fn value_of(&mut self, subquery: &Subquery) -> DfResult<Option<Expr>> {
        if subquery.outer_ref_columns.is_empty() {
            return Ok(None);
        }
        let plan = subquery.subquery.as_ref();
        let (value, below) = match plan {
            LogicalPlan::Projection(projection) => match projection.expr.as_slice() {
                [value] => (value.clone().unalias(), projection.input.as_ref()),
                _ => return Ok(None),
            },
            plan => match plan.schema().columns().as_slice() {
                [column] => (Expr::Column(column.clone()), plan),
                _ => return Ok(None),
            },
        };
        let LogicalPlan::Aggregate(aggregate) = below else { return Ok(None) };
        if !aggregate.group_expr.is_empty() || has_subquery(&value)? || !is_beyond_groups(aggregate)? {
            return Ok(None);
        }
        self.next = self.next.max(unused(plan)?);
        let Some(values) = self.distinct_values(plan)? else { return Ok(None) };
        // Of local tables all is read in one state.
        let in_one_state = !self.rows.exists(is_of_source)?;
        let rows = match in_one_state {
            true => values.joined_with(&aggregate.input)?.map(|rows| (rows, None)),
            false => values.beside_all(&aggregate.input, self.next)?,
        };
        let Some((rows, matched)) = rows else { return Ok(None) };
        let aggregates =
            aggregate.aggr_expr.iter().map(|call| values.within(of_matched(call.clone(), matched.as_ref())));
        let names = NamePreserver::new(below);
        let aggregates = aggregates
            .zip(&aggregate.aggr_expr)
            .map(|(call, before)| Ok(names.save(before).restore(call?)))
            .collect::<DfResult<Vec<Expr>>>()?;
        let (found, result) = (format!("\u{1}found{}", self.next), format!("\u{1}result{}", self.next));
        let mut items = values.columns();
        items.push(values.within(value.clone())?.alias(&result));
        items.push(lit(true).alias(&found));
        let answers =
            LogicalPlanBuilder::from(rows).aggregate(values.columns(), aggregates)?.project(items)?.build()?;
        let keys = values.keys();
        self.joined = LogicalPlanBuilder::from(self.joined.clone())
            .join_detailed(answers, JoinType::Left, keys, None, NullEquality::NullEqualsNull)?
            .build()?;
        self.count += 1;
        self.next += 1;
        let column = |name: String| Expr::Column(Column::new_unqualified(name));
        if !in_one_state {
            return Ok(Some(found_again().call(vec![column(found), column(result)])));
        }
        let empty = of_nothing(aggregate, value)?;
        if matches!(&empty, Expr::Literal(value, _) if value.is_null()) {
            return Ok(Some(column(result)));
        }
        when(column(found).is_null(), empty).otherwise(column(result)).map(Some)
    }

    /// The distinct values of what a subquery refers to; none where they are not of these rows, or differ each time.
    fn distinct_values(&self, subquery: &LogicalPlan) -> DfResult<Option<Values>> {
        let mut names = HashMap::new();
        let mut columns = vec![];
        for reference in subquery.all_out_ref_exprs() {
            let Expr::OuterReferenceColumn(_, column) = reference else { continue };
            if !self.rows.schema().has_column(&column) {
                return Ok(None);
            }
            if !names.contains_key(&column) {
                names.insert(column.clone(), format!("{OUTSIDE}{}_{}", self.next, columns.len()));
                columns.push(column);
            }
        }
        if columns.is_empty() || self.rows.exists(may_differ)? {
            return Ok(None);
        }
        let named: Vec<Expr> =
            columns.iter().filter_map(|column| Some(Expr::Column(column.clone()).alias(names.get(column)?))).collect();
        let rows = LogicalPlanBuilder::from(self.rows.clone())
            .aggregate(columns.iter().cloned().map(Expr::Column), Vec::<Expr>::new())?
            .project(named)?
            .build()?;
        Ok(Some(Values { columns, names, rows }))
    }
}

/// Distinct values outside, under names that nobody can type.
struct Values {
    columns: Vec<Column>,
    names: HashMap<Column, String>,
    rows: LogicalPlan,
}

impl Values {
    fn columns(&self) -> Vec<Expr> {
        self.names_in_order().map(|name| Expr::Column(Column::new_unqualified(name))).collect()
    }

    fn names_in_order(&self) -> impl Iterator<Item = &String> {
        self.columns.iter().filter_map(|column| self.names.get(column))
    }

    /// The columns outside, and those of the same values here.
    fn keys(&self) -> (Vec<Column>, Vec<Column>) {
        (self.columns.clone(), self.names_in_order().map(Column::new_unqualified).collect())
    }

    /// An expression of the subquery, with these values in the place of what is outside.
    fn within(&self, expr: Expr) -> DfResult<Expr> {
        let replaced = expr.transform(|e| {
            Ok(match &e {
                Expr::OuterReferenceColumn(_, column) => match self.names.get(column) {
                    Some(name) => Transformed::yes(Expr::Column(Column::new_unqualified(name))),
                    None => Transformed::no(e),
                },
                _ => Transformed::no(e),
            })
        })?;
        Ok(replaced.data)
    }

    /// The rows of a plan for each of these values, with the values beside them. None for a plan whose rows for one value
    /// are not those for all of them with that value, such as the first ten.
    fn joined_with(&self, plan: &LogicalPlan) -> DfResult<Option<LogicalPlan>> {
        for expr in plan.expressions() {
            if has_subquery(&expr)? {
                return Ok(None);
            }
        }
        if plan.all_out_ref_exprs().is_empty() {
            return LogicalPlanBuilder::from(self.rows.clone()).cross_join(plan.clone())?.build().map(Some);
        }
        let below = |input: &LogicalPlan| {
            Ok::<_, datafusion::error::DataFusionError>(self.joined_with(input)?.map(LogicalPlanBuilder::from))
        };
        let built = match plan {
            LogicalPlan::Filter(filter) => match below(&filter.input)? {
                Some(input) => input.filter(self.within(filter.predicate.clone())?)?,
                None => return Ok(None),
            },
            LogicalPlan::Projection(projection) => match below(&projection.input)? {
                Some(input) => {
                    let names = NamePreserver::new(plan);
                    let shown = projection.expr.iter().map(|expr| {
                        let saved = names.save(expr);
                        Ok(saved.restore(self.within(expr.clone())?))
                    });
                    let shown = shown.collect::<DfResult<Vec<Expr>>>()?;
                    input.project(self.columns().into_iter().chain(shown))?
                }
                None => return Ok(None),
            },
            LogicalPlan::SubqueryAlias(alias) => match below(&alias.input)? {
                Some(input) => {
                    let renamed = alias.input.schema().columns().into_iter().map(|column| {
                        let name = column.name.clone();
                        Expr::Column(column).alias_qualified(Some(alias.alias.clone()), name)
                    });
                    input.project(self.columns().into_iter().chain(renamed))?
                }
                None => return Ok(None),
            },
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => match below(&sort.input)? {
                Some(input) => input,
                None => return Ok(None),
            },
            LogicalPlan::Distinct(Distinct::All(rows)) => match below(rows)? {
                Some(input) => input.distinct()?,
                None => return Ok(None),
            },
            LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) if !group_expr.is_empty() => {
                if group_expr.iter().any(|group| matches!(group, Expr::GroupingSet(_))) {
                    return Ok(None);
                }
                let Some(input) = below(input)? else { return Ok(None) };
                let within = |exprs: &[Expr]| {
                    let names = NamePreserver::new(plan);
                    let within = exprs.iter().map(|expr| {
                        let saved = names.save(expr);
                        Ok(saved.restore(self.within(expr.clone())?))
                    });
                    within.collect::<DfResult<Vec<Expr>>>()
                };
                input.aggregate(self.columns().into_iter().chain(within(group_expr)?), within(aggr_expr)?)?
            }
            LogicalPlan::Join(join) => match self.beside(join)? {
                Some(joined) => LogicalPlanBuilder::from(joined),
                None => return Ok(None),
            },
            _ => return Ok(None),
        };
        built.build().map(Some)
    }

    /// All of these values, each beside the rows of a plan that meets its conditions, and the column that says that there
    /// is one. None for a plan that is no more than rows with conditions.
    fn beside_all(&self, plan: &LogicalPlan, number: usize) -> DfResult<Option<(LogicalPlan, Option<Expr>)>> {
        let Some((plan, mut conditions)) = self.set_apart(plan, &format!("\u{1}beneath{number}_"))? else {
            return Ok(None);
        };
        if conditions.is_empty() {
            conditions.push(lit(true));
        }
        let matched = format!("\u{1}matched{number}");
        let mut columns: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
        columns.push(lit(true).alias(&matched));
        let rows = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        let joined = LogicalPlanBuilder::from(self.rows.clone()).join_on(rows, JoinType::Left, conditions)?.build()?;
        Ok(Some((joined, Some(Expr::Column(Column::new_unqualified(matched))))))
    }

    /// The rows of a plan without the conditions that refer to what is outside, and these conditions. What they read and
    /// the plan does not show is shown under names that begin with `name`. None for what is more than columns of rows.
    fn set_apart(&self, plan: &LogicalPlan, name: &str) -> DfResult<Option<(LogicalPlan, Vec<Expr>)>> {
        if plan.all_out_ref_exprs().is_empty() {
            return Ok(Some((plan.clone(), vec![])));
        }
        let below = |input: &LogicalPlan| self.set_apart(input, &format!("{name}_"));
        match plan {
            LogicalPlan::Filter(filter) if !has_subquery(&filter.predicate)? => {
                let Some((rows, mut conditions)) = below(&filter.input)? else { return Ok(None) };
                conditions.push(self.within(filter.predicate.clone())?);
                Ok(Some((rows, conditions)))
            }
            LogicalPlan::Projection(projection) => {
                for expr in &projection.expr {
                    if has_subquery(expr)? || expr.contains_outer() || expr.is_volatile() {
                        return Ok(None);
                    }
                }
                let Some((rows, conditions)) = below(&projection.input)? else { return Ok(None) };
                let mut shown = projection.expr.clone();
                let mut names: HashMap<Column, String> = HashMap::new();
                let conditions = renamed(conditions, |column| {
                    if !rows.schema().has_column(&column) {
                        return column;
                    }
                    let next = names.len();
                    let name = names.entry(column.clone()).or_insert_with(|| {
                        let name = format!("{name}{next}");
                        shown.push(Expr::Column(column).alias(&name));
                        name
                    });
                    Column::new_unqualified(name.clone())
                })?;
                let rows = LogicalPlan::Projection(Projection::try_new(shown, Arc::new(rows))?);
                Ok(Some((rows, conditions)))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let Some((rows, conditions)) = below(&alias.input)? else { return Ok(None) };
                let conditions = renamed(conditions, |column| match rows.schema().has_column(&column) {
                    true => Column::new(Some(alias.alias.clone()), column.name),
                    false => column,
                })?;
                let rows = LogicalPlanBuilder::from(rows).alias(alias.alias.clone())?.build()?;
                Ok(Some((rows, conditions)))
            }
            _ => Ok(None),
        }
    }

    /// A join of which one side alone, or the condition, refers to what is outside.
    fn beside(&self, join: &Join) -> DfResult<Option<LogicalPlan>> {
        let (left, right) = (join.left.as_ref(), join.right.as_ref());
        let refers = |plan: &LogicalPlan| !plan.all_out_ref_exprs().is_empty();
        let (left, right) = match join.join_type {
            JoinType::Inner if refers(left) && refers(right) => return Ok(None),
            JoinType::Inner if refers(right) => (Some(left.clone()), self.joined_with(right)?),
            JoinType::Inner => (self.joined_with(left)?, Some(right.clone())),
            JoinType::Left | JoinType::LeftSemi | JoinType::LeftAnti if !refers(right) => {
                (self.joined_with(left)?, Some(right.clone()))
            }
            _ => return Ok(None),
        };
        let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
        let on = join.on.iter().map(|(left, right)| Ok((self.within(left.clone())?, self.within(right.clone())?)));
        let on = on.collect::<DfResult<Vec<_>>>()?;
        let filter = join.filter.clone().map(|filter| self.within(filter)).transpose()?;
        let joined = Join::try_new(
            Arc::new(left),
            Arc::new(right),
            on,
            filter,
            join.join_type,
            join.join_constraint,
            join.null_equality,
            join.null_aware,
        )?;
        Ok(Some(LogicalPlan::Join(joined)))
    }
}

/// Conditions with other columns.
fn renamed(conditions: Vec<Expr>, mut other: impl FnMut(Column) -> Column) -> DfResult<Vec<Expr>> {
    let renamed = conditions.into_iter().map(|condition| {
        let renamed = condition.transform_up(|e| match e {
            Expr::Column(column) => Ok(Transformed::yes(Expr::Column(other(column)))),
            e => Ok(Transformed::no(e)),
        })?;
        Ok(renamed.data)
    });
    renamed.collect()
}

/// An aggregate of the rows that have the mark alone.
pub(super) fn of_matched(call: Expr, mark: Option<&Expr>) -> Expr {
    match (call, mark) {
        (Expr::Alias(alias), mark) => of_matched(*alias.expr, mark).alias(alias.name),
        (Expr::AggregateFunction(mut call), Some(mark)) => {
            let mark = mark.clone().is_not_null();
            call.params.filter = Some(Box::new(match call.params.filter.take() {
                Some(filter) => mark.and(*filter),
                None => mark,
            }));
            Expr::AggregateFunction(call)
        }
        (call, _) => call,
    }
}

/// Whether a node is a table at a source, which may have changed when it is read again.
fn is_of_source(node: &LogicalPlan) -> DfResult<bool> {
    let LogicalPlan::TableScan(scan) = node else { return Ok(false) };
    Ok(!source_as_provider(&scan.source)?.is::<LocalTable>())
}

/// Whether a node may not be computed again: a statement that is sent to a source may write, and a random number is
/// another one.
fn may_differ(node: &LogicalPlan) -> DfResult<bool> {
    if let LogicalPlan::TableScan(scan) = node {
        let table = source_as_provider(&scan.source)?;
        return Ok(!(table.is::<LocalTable>() || table.is::<ForeignTable>()));
    }
    Ok(matches!(node, LogicalPlan::Extension(_)) || node.expressions().iter().any(Expr::is_volatile))
}

/// A number that no such column in a plan has.
fn unused(plan: &LogicalPlan) -> DfResult<usize> {
    let mut unused = 0;
    plan.apply(|node| {
        for field in node.schema().fields() {
            let number =
                field.name().strip_prefix(OUTSIDE).and_then(|rest| rest.split('_').next()?.parse::<usize>().ok());
            unused = unused.max(number.map_or(0, |number| number + 1));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(unused)
}

/// Whether an aggregate refers to what is outside otherwise than by `column = outside`.
pub(super) fn is_beyond_groups(aggregate: &Aggregate) -> DfResult<bool> {
    Ok(aggregate.aggr_expr.iter().any(Expr::contains_outer) || is_beyond_equality(&aggregate.input)?)
}

/// Whether the rows of a plan are chosen, or made, by more of what is outside than `column = outside`.
pub(super) fn is_beyond_equality(plan: &LogicalPlan) -> DfResult<bool> {
    plan.exists(|node| {
        Ok(match node {
            LogicalPlan::Filter(filter) => {
                let refers = |expr: &&Expr| expr.contains_outer();
                split_conjunction(&filter.predicate).into_iter().filter(refers).any(|condition| !is_group(condition))
            }
            node => node.expressions().iter().any(Expr::contains_outer),
        })
    })
}

fn is_group(condition: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else { return false };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(_), outside) | (outside, Expr::Column(_)) => !outside.any_column_refs(),
        _ => false,
    }
}

/// What an aggregate's value is where it has no rows.
fn of_nothing(aggregate: &Aggregate, value: Expr) -> DfResult<Expr> {
    let empty = aggregate
        .aggr_expr
        .iter()
        .zip(aggregate.schema.iter())
        .map(|(call, (qualifier, field))| {
            let value = match call.clone().unalias() {
                Expr::AggregateFunction(call) => call.func.default_value(field.data_type())?,
                _ => datafusion::scalar::ScalarValue::try_from(field.data_type())?,
            };
            Ok((Column::new(qualifier.cloned(), field.name()), value))
        })
        .collect::<DfResult<HashMap<_, _>>>()?;
    let replaced = value.transform(|e| {
        Ok(match &e {
            Expr::Column(column) => match empty.get(column) {
                Some(value) => Transformed::yes(lit(value.clone())),
                None => Transformed::no(e),
            },
            Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column.clone())),
            _ => Transformed::no(e),
        })
    })?;
    Ok(replaced.data)
}
