//! The way down a view's plan to its merges, and what the view's columns and conditions become on it.
//!
//! A join or a union of what is merged apart divides the way: each side, each branch is followed by itself, and knows
//! of the others' columns nothing, but for those that the join makes equal to its own.

use std::collections::HashSet;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, Join, LogicalPlan, Union, Unnest, Window, expr};

use super::cells::call_of;
use super::changed;
use super::merged::{Merged, Output, is_merge_function};
use super::partitions::{self, Partitions};
use super::presence;
use super::same::{Same, equal_columns, equal_values, narrowed};
use crate::error::{Error, Result, SqlState};
use crate::functions::effect::effect;
use crate::planner::barrier::SecurityBarrier;
use crate::planner::unnested;

/// The most merges that a view may join or unite: of each the view may have to be read again.
const MOST: usize = 50;

/// Every merge beneath a view's plan. 42809 where there is none, 0A000 where groups share rows.
pub fn merges_of(plan: &LogicalPlan, view: &str) -> Result<Vec<Merged>> {
    let columns = plan.schema().columns().into_iter();
    let mut ends: fn(&LogicalPlan) -> bool = is_plain;
    for merging in [is_merge, merges_windows] {
        if merges(plan, merging)? {
            ends = merging;
            break;
        }
    }
    let walk = Walk {
        outputs: columns.map(of_column).collect(),
        conditions: vec![],
        restricted: false,
        alike_are_one: false,
        ends,
        view,
        plan,
    };
    let found = walk.down(plan)?;
    Ok(found.into_iter().map(|found| Merged { marked: found.marked, ..found.merged }).collect())
}

fn of_column(column: Column) -> Output {
    Output { name: column.name.clone(), expr: Some(Expr::Column(column)), over_rows: false }
}

/// Whether there is such a grouping beneath, not counting subqueries in expressions.
fn merges(plan: &LogicalPlan, ends: fn(&LogicalPlan) -> bool) -> Result<bool> {
    Ok(plan.exists(|node| Ok(ends(node)))?)
}

/// Whether a grouping makes values of several: not where it counts alone, or leaves out rows that are alike.
fn is_plain(node: &LogicalPlan) -> bool {
    let LogicalPlan::Aggregate(aggregate) = node else { return false };
    aggregate.aggr_expr.iter().any(|expr| call_of(expr).is_some_and(|call| call.func.name() != "count"))
}

fn is_merge(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.iter().any(is_merge_function))
}

fn merges_windows(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Window(window) if partitions::merges_partitions(window))
}

/// Whether an expression asks a query, or belongs to one that is asked for each row.
pub fn is_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(..)
    )
}

/// A merge that was found beneath a node.
struct Found {
    merged: Merged,
    /// The node with the column that says in which of its rows the merge has a part.
    marked: Option<LogicalPlan>,
}

/// What is known on the way down.
#[derive(Clone)]
struct Walk<'a> {
    outputs: Vec<Output>,
    conditions: Vec<Expr>,
    restricted: bool,
    /// Whether rows above that are alike are one.
    alike_are_one: bool,
    /// Whether a node is a grouping, or a window, that is looked for.
    ends: fn(&LogicalPlan) -> bool,
    view: &'a str,
    /// The view's own plan.
    plan: &'a LogicalPlan,
}

impl Walk<'_> {
    fn down(mut self, node: &LogicalPlan) -> Result<Vec<Found>> {
        let input = match node {
            LogicalPlan::Projection(projection) => {
                self.substitute(&projection.schema, |at| projection.expr.get(at).map(|e| e.clone().unalias()))?;
                &projection.input
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let columns = alias.input.schema().columns();
                self.substitute(&alias.schema, |at| columns.get(at).cloned().map(Expr::Column))?;
                &alias.input
            }
            LogicalPlan::Filter(filter) => {
                self.conditions.extend(split_conjunction(&filter.predicate).into_iter().cloned());
                &filter.input
            }
            LogicalPlan::Sort(sort) => {
                self.restricted |= sort.fetch.is_some();
                &sort.input
            }
            LogicalPlan::Limit(limit) => {
                self.restricted = true;
                &limit.input
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                self.alike_are_one = true;
                input
            }
            // Some rows are chosen, of which the list is computed.
            LogicalPlan::Distinct(Distinct::On(on)) => {
                self.restricted = true;
                self.substitute(&on.schema, |at| on.select_expr.get(at).map(|e| e.clone().unalias()))?;
                &on.input
            }
            LogicalPlan::Unnest(unnest) => {
                self.taken_apart(unnest)?;
                &unnest.input
            }
            LogicalPlan::Window(window) if (self.ends)(node) => return self.window(node, window),
            LogicalPlan::Window(window) => {
                self.beneath_window(window)?;
                &window.input
            }
            LogicalPlan::Extension(_) => match SecurityBarrier::beneath(node).or_else(|| unnested::beneath(node)) {
                Some(input) => return self.down(input),
                None => return Err(self.ends_at(node)?),
            },
            LogicalPlan::Join(join) => return self.join(join),
            LogicalPlan::Union(union) => return self.union(union),
            LogicalPlan::Aggregate(aggregate) if (self.ends)(node) => return Ok(vec![self.end(aggregate)?]),
            LogicalPlan::Aggregate(_) if merges(node, self.ends)? => {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("view \"{}\" groups what is merged, and merges nothing itself", self.view),
                )
                .with_hint("Ask for the lineage of the view that it reads."));
            }
            _ => return Err(self.ends_at(node)?),
        };
        self.beneath(node, input)
    }

    fn beneath(self, node: &LogicalPlan, input: &LogicalPlan) -> Result<Vec<Found>> {
        let mut found = self.down(input)?;
        for found in &mut found {
            found.marked = found.marked.take().map(|input| presence::above(node, input)).transpose()?;
        }
        Ok(found)
    }

    /// What merges over partitions keeps all rows: each partition has its own.
    fn window(self, node: &LogicalPlan, window: &Window) -> Result<Vec<Found>> {
        let mut all = vec![];
        for partitions in Partitions::of(window)? {
            let mut walk = self.clone();
            for output in &mut walk.outputs {
                output.expr = output.expr.take().map(|expr| partitions.over(expr, window)).transpose()?.flatten();
            }
            for condition in std::mem::take(&mut walk.conditions) {
                match partitions.over(condition, window)? {
                    Some(condition) => walk.conditions.push(condition),
                    None => walk.restricted = true,
                }
            }
            let found = walk.end(&partitions.grouping)?;
            self.add(&mut all, found)?;
        }
        if merges(&window.input, self.ends)? {
            let mut walk = self.clone();
            walk.beneath_window(window)?;
            for found in walk.beneath(node, &window.input)? {
                self.add(&mut all, found)?;
            }
        }
        Ok(all)
    }

    /// The error where the way ends: at a table, or at a step that nobody can follow.
    fn ends_at(&self, node: &LogicalPlan) -> Result<Error> {
        if !merges(node, self.ends)? {
            return self.merges_nothing();
        }
        let step = match node {
            LogicalPlan::RecursiveQuery(_) => "a recursive query",
            LogicalPlan::Subquery(_) => "a LATERAL subquery",
            _ => "one of its steps",
        };
        Ok(Error::unsupported(format!("lineage cannot follow the rows of view \"{}\" through {step}", self.view))
            .with_hint("Ask for the lineage of the view that it reads, or join that view by its keys."))
    }

    fn merges_nothing(&self) -> Result<Error> {
        let over_windows = self
            .plan
            .exists(|node| Ok(matches!(node, LogicalPlan::Window(window) if partitions::merges_rows(window))))?;
        if over_windows {
            return Ok(Error::unsupported(format!(
                "view \"{}\" merges over windows that grow from row to row, which have no lineage",
                self.view
            ))
            .with_hint("Leave ORDER BY out of OVER, or write the merge functions with GROUP BY."));
        }
        let mut asks = false;
        self.plan.apply_with_subqueries(|node| {
            asks = asks || is_merge(node);
            Ok(if asks { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if asks {
            return Ok(Error::unsupported(format!(
                "view \"{}\" merges in a subquery, which has no lineage",
                self.view
            ))
            .with_hint("Join what the subquery merges, by the columns of its GROUP BY."));
        }
        let error = Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" merges nothing", self.view));
        let chooses = self.plan.exists(|node| Ok(matches!(node, LogicalPlan::Distinct(Distinct::On(_)))))?;
        Ok(if chooses {
            error.with_detail("DISTINCT ON keeps whole rows, and nothing of the others.").with_hint(
                "Write newest(..), or survivor(.. ORDER BY ..), for each column, and the columns of DISTINCT ON as \
                 GROUP BY.",
            )
        } else {
            error.with_detail("Lineage is that of views with merge functions, such as newest or most_trusted, or avg.")
        })
    }

    /// A value that is filled in, or made to fit the others, over the rows of a window is made of its argument. Whatever
    /// else is computed over rows is forgotten.
    fn beneath_window(&mut self, window: &Window) -> Result<()> {
        let given = window.input.schema().columns();
        let known: HashSet<Column> = given.iter().cloned().collect();
        let looks_on = |expr: &Expr| !expr.column_refs().into_iter().all(|column| known.contains(column));
        for output in &mut self.outputs {
            // Where something is chosen by what a window gives, nobody knows what.
            output.over_rows |= output.expr.as_ref().is_some_and(looks_on);
            output.expr = output.expr.take().filter(|expr| changed::made_of_one(expr).is_some() || !looks_on(expr));
        }
        let before = self.conditions.len();
        self.conditions.retain(|condition| !looks_on(condition));
        self.restricted |= self.conditions.len() < before;
        self.substitute(&window.schema, |at| match at.checked_sub(given.len()) {
            None => given.get(at).cloned().map(Expr::Column),
            Some(at) => window.window_expr.get(at).and_then(fitted),
        })
    }

    /// Lists that a row is made of for each of their elements. An element is made of its list, which is told by the
    /// wrapping: so no element is taken for a key, or for a value of its list's type.
    fn taken_apart(&mut self, unnest: &Unnest) -> Result<()> {
        self.restricted = true;
        let given = unnest.input.schema().columns();
        let is_element = |from: usize| {
            unnest.struct_type_columns.contains(&from) || unnest.list_type_columns.iter().any(|(list, _)| *list == from)
        };
        let from = |at: usize| unnest.dependency_indices.get(at).copied();
        let element = |column: &Column| {
            let at = unnest.schema.maybe_index_of_column(column);
            at.and_then(from).is_some_and(is_element)
        };
        // What is compared or computed with an element is not known of its list.
        let looks_at = |expr: &Expr| expr.column_refs().into_iter().any(element);
        for output in &mut self.outputs {
            output.expr = output.expr.take().filter(|expr| is_column(expr) || !looks_at(expr));
        }
        self.conditions.retain(|condition| !looks_at(condition));
        self.substitute(&unnest.schema, |at| {
            let from = from(at)?;
            let column = Expr::Column(given.get(from)?.clone());
            Some(if is_element(from) { Expr::Unnest(expr::Unnest::new(column)) } else { column })
        })
    }

    fn join(self, join: &Join) -> Result<Vec<Found>> {
        use JoinType::{Full, Inner, Left, LeftAnti, LeftMark, LeftSemi, Right, RightAnti, RightMark, RightSemi};
        let kind = join.join_type;
        let mut all = vec![];
        for (side, is_left) in [(&join.left, true), (&join.right, false)] {
            let is_shown = match kind {
                LeftSemi | LeftAnti | LeftMark => is_left,
                RightSemi | RightAnti | RightMark => !is_left,
                Inner | Left | Right | Full => true,
            };
            if !is_shown || !merges(side, self.ends)? {
                continue;
            }
            let keeps_all = match kind {
                Left | LeftMark => is_left,
                Right | RightMark => !is_left,
                Full => true,
                _ => false,
            };
            let may_lack = matches!((kind, is_left), (Left, false) | (Right, true) | (Full, _));
            // Whether each row that has a part of this side has one of the other side.
            let is_matched = matches!((kind, is_left), (Inner, _) | (Left, false) | (Right, true));
            let mut walk = self.clone();
            walk.restricted |= !keeps_all;
            walk.on_side(join, is_left, is_matched)?;
            for mut found in walk.down(side)? {
                // Where all groups are shown, nobody asks which.
                if may_lack && found.merged.restricted && found.marked.is_none() {
                    found.marked = Some(presence::of_all(side)?);
                }
                found.marked = found.marked.map(|side| presence::in_join(join, side, is_left)).transpose()?;
                self.add(&mut all, found)?;
            }
        }
        if all.is_empty() { Err(self.merges_nothing()?) } else { Ok(all) }
    }

    fn union(self, union: &Union) -> Result<Vec<Found>> {
        let mut all = vec![];
        for (at, branch) in union.inputs.iter().enumerate() {
            if !merges(branch, self.ends)? {
                continue;
            }
            if self.alike_are_one {
                return Err(Error::unsupported(format!(
                    "view \"{}\" makes one row of merged rows that are alike",
                    self.view
                ))
                .with_hint("Unite them with UNION ALL."));
            }
            let columns = branch.schema().columns();
            let mut walk = self.clone();
            walk.substitute(&union.schema, |at| columns.get(at).cloned().map(Expr::Column))?;
            for mut found in walk.down(branch)? {
                if found.merged.restricted {
                    let own = match found.marked.take() {
                        Some(marked) => marked,
                        None => presence::of_all(branch)?,
                    };
                    found.marked = Some(presence::in_union(union, own, at)?);
                }
                self.add(&mut all, found)?;
            }
        }
        if all.is_empty() { Err(self.merges_nothing()?) } else { Ok(all) }
    }

    fn add(&self, all: &mut Vec<Found>, found: Found) -> Result<()> {
        all.push(found);
        if all.len() > MOST {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                format!("view \"{}\" reads more than {MOST} merges", self.view),
            )
            .with_hint("Ask for the lineage of each of the views that it reads."));
        }
        Ok(())
    }

    /// Puts what a node's columns are in the place of the columns.
    fn substitute(&mut self, schema: &DFSchema, of: impl Fn(usize) -> Option<Expr>) -> Result<()> {
        for output in &mut self.outputs {
            output.expr = match output.expr.take() {
                Some(expr) => substituted(expr, schema, &of)?,
                None => None,
            };
        }
        for condition in std::mem::take(&mut self.conditions) {
            match substituted(condition, schema, &of)? {
                Some(condition) => self.conditions.push(condition),
                None => self.restricted = true,
            }
        }
        Ok(())
    }

    /// Goes on with one side of a join: what is equal to a column of this side is that column, whatever else looks at
    /// the other side is forgotten.
    fn on_side(&mut self, join: &Join, is_left: bool, is_matched: bool) -> Result<()> {
        let side = if is_left { &join.left } else { &join.right };
        let known: HashSet<Column> = side.schema().columns().into_iter().collect();
        let equal: Vec<(Column, Column)> =
            equal_columns(join).into_iter().map(|(l, r)| if is_left { (l, r) } else { (r, l) }).collect();
        let own_of = |column: &Column| equal.iter().find(|(_, other)| other == column).map(|(own, _)| own.clone());
        let holding = if is_matched { self.conditions.clone() } else { vec![] };
        let values: Vec<(Expr, Expr)> =
            equal_values(join, &holding).into_iter().map(|(l, r)| if is_left { (l, r) } else { (r, l) }).collect();
        let own_value = |expr: &Expr| values.iter().find(|(_, other)| other == expr).map(|(own, _)| own.clone());
        let other_side = if is_left { &join.right } else { &join.left };
        let narrow: Vec<(Column, Expr)> =
            values.iter().filter_map(|(own, other)| narrowed(own, other, other_side)).collect();
        let is_own = |expr: &Expr| {
            let columns = expr.column_refs();
            !columns.is_empty() && columns.into_iter().all(|column| known.contains(column))
        };
        // Of a row that has a part of both sides, more is known.
        let same = if is_matched { Same::known(join, &self.conditions) } else { Same::default() };
        let own_of_both = |column: &Column| own_of(column).or_else(|| same.of(column, &known));
        let settled = |expr: Expr| -> DfResult<Expr> {
            let settled = expr.transform_up(|part| {
                Ok(match &part {
                    // Of a row that has a part of this side: where the column is null, so is what it is equal to.
                    Expr::ScalarFunction(call) if call.func.name() == "coalesce" => {
                        let owns = call.args.iter().map(|argument| {
                            if is_own(argument) { Some(argument.clone()) } else { own_value(argument) }
                        });
                        match owns.collect::<Option<Vec<_>>>().as_deref() {
                            Some([first, others @ ..]) if others.iter().all(|other| other == first) => {
                                Transformed::yes(first.clone())
                            }
                            _ => Transformed::no(part),
                        }
                    }
                    _ => Transformed::no(part),
                })
            });
            if !is_matched {
                return settled.data();
            }
            let matched = settled.data()?.transform_down(|part| {
                if let Some(own) = own_value(&part).filter(|_| !is_own(&part)) {
                    return Ok(Transformed::new(own, true, TreeNodeRecursion::Jump));
                }
                Ok(match &part {
                    Expr::Column(column) if !known.contains(column) => match own_of_both(column) {
                        Some(own) => Transformed::yes(Expr::Column(own)),
                        None => match narrow.iter().find(|(of, _)| of == column) {
                            Some((_, own)) => Transformed::new(own.clone(), true, TreeNodeRecursion::Jump),
                            None => Transformed::no(part),
                        },
                    },
                    _ => Transformed::no(part),
                })
            });
            matched.data()
        };
        for output in &mut self.outputs {
            output.expr = output.expr.take().map(&settled).transpose()?;
        }
        let conditions = std::mem::take(&mut self.conditions).into_iter().map(&settled);
        self.conditions = conditions.collect::<DfResult<Vec<_>>>()?;
        self.keep_only(side.schema());
        Ok(())
    }

    /// Forgets what looks at other columns than these.
    fn keep_only(&mut self, schema: &DFSchema) {
        let known: HashSet<Column> = schema.columns().into_iter().collect();
        let kept = |expr: &Expr| expr.column_refs().into_iter().all(|column| known.contains(column));
        for output in &mut self.outputs {
            output.expr = output.expr.take().filter(&kept);
        }
        let before = self.conditions.len();
        self.conditions.retain(&kept);
        self.restricted |= self.conditions.len() < before;
    }

    fn end(self, aggregate: &Aggregate) -> Result<Found> {
        if aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
            return Err(Error::unsupported(format!("view \"{}\" merges with GROUPING SETS", self.view))
                .with_detail("A row is then merged more than once."));
        }
        let Walk { outputs, conditions, restricted, .. } = self;
        let aggregate = aggregate.clone();
        let mut merged = Merged { aggregate, columns: outputs, conditions: vec![], restricted, marked: None };
        // A key that is filled in does not say which group a row is.
        let filled: Vec<bool> = merged
            .columns
            .iter()
            .map(|column| column.over_rows && column.expr.as_ref().is_some_and(|expr| merged.is_about_keys(expr)))
            .collect();
        for (column, is_filled) in merged.columns.iter_mut().zip(filled) {
            column.expr = column.expr.take().filter(|_| !is_filled);
        }
        for condition in conditions {
            if merged.is_about_keys(&condition) {
                merged.conditions.push(condition);
            } else {
                merged.restricted = true;
            }
        }
        Ok(Found { merged, marked: None })
    }
}

/// Whether an expression is a column, cast perhaps.
fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_column(&alias.expr),
        Expr::Cast(cast) => is_column(&cast.expr),
        other => matches!(other, Expr::Column(_)),
    }
}

/// The argument of a window function that cleans.
fn fitted(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Alias(alias) => fitted(&alias.expr),
        Expr::WindowFunction(call) => effect(call.fun.name()).and_then(|_| call.params.args.first().cloned()),
        _ => None,
    }
}

/// An expression over a node's output as one over what it is made of. None when a column cannot be found, or when it
/// holds a query.
fn substituted(expr: Expr, schema: &DFSchema, of: impl Fn(usize) -> Option<Expr>) -> Result<Option<Expr>> {
    let mut lost = false;
    let replaced: DfResult<Expr> = expr
        .transform_down(|part| {
            if is_subquery(&part) {
                lost = true;
                return Ok(Transformed::new(part, false, TreeNodeRecursion::Stop));
            }
            let Expr::Column(column) = &part else { return Ok(Transformed::no(part)) };
            match schema.maybe_index_of_column(column).and_then(&of) {
                Some(made) => Ok(Transformed::new(made, true, TreeNodeRecursion::Jump)),
                None => {
                    lost = true;
                    Ok(Transformed::new(part, false, TreeNodeRecursion::Stop))
                }
            }
        })
        .data();
    let replaced = replaced?;
    Ok((!lost).then_some(replaced))
}
