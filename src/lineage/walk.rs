//! The way down a view's plan to its merges, and what the view's columns and conditions become on it.
//!
//! A join or a union of what is merged apart divides the way: each side, each branch is followed by itself, and knows
//! of the others' columns nothing, but for those that the join makes equal to its own.

use std::collections::HashSet;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, BinaryExpr, Distinct, Expr, Join, LogicalPlan, Operator, Union};

use super::merged::{Merged, Output, is_merge_function};
use super::presence;
use crate::error::{Error, Result, SqlState};
use crate::planner::barrier::SecurityBarrier;

/// The most merges that a view may join or unite: of each the view may have to be read again.
const MOST: usize = 50;

/// Every merge beneath a view's plan. 42809 where there is none, 0A000 where groups share rows.
pub fn merges_of(plan: &LogicalPlan, view: &str) -> Result<Vec<Merged>> {
    let columns = plan.schema().columns().into_iter();
    let walk = Walk {
        outputs: columns.map(|column| Output { name: column.name.clone(), expr: Some(Expr::Column(column)) }).collect(),
        conditions: vec![],
        restricted: false,
        alike_are_one: false,
        view,
    };
    let found = walk.down(plan)?;
    Ok(found.into_iter().map(|found| Merged { marked: found.marked, ..found.merged }).collect())
}

/// Whether something is merged beneath, not counting subqueries in expressions.
fn merges(plan: &LogicalPlan) -> Result<bool> {
    Ok(plan.exists(|node| Ok(matches!(node, LogicalPlan::Aggregate(aggregate) if is_merge(aggregate))))?)
}

fn is_merge(aggregate: &Aggregate) -> bool {
    aggregate.aggr_expr.iter().any(is_merge_function)
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
    view: &'a str,
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
            LogicalPlan::Window(window) => {
                self.keep_only(window.input.schema());
                &window.input
            }
            LogicalPlan::Extension(_) => match SecurityBarrier::beneath(node) {
                Some(input) => return self.down(input),
                None => return Err(self.merges_nothing()),
            },
            LogicalPlan::Join(join) => return self.join(join),
            LogicalPlan::Union(union) => return self.union(union),
            LogicalPlan::Aggregate(aggregate) if is_merge(aggregate) => return Ok(vec![self.end(aggregate)?]),
            LogicalPlan::Aggregate(_) if merges(node)? => {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("view \"{}\" groups what is merged, and merges nothing itself", self.view),
                )
                .with_hint("Ask for the lineage of the view that it reads."));
            }
            _ => return Err(self.merges_nothing()),
        };
        let mut found = self.down(input)?;
        for found in &mut found {
            found.marked = found.marked.take().map(|input| presence::above(node, input)).transpose()?;
        }
        Ok(found)
    }

    fn merges_nothing(&self) -> Error {
        Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" merges nothing", self.view))
            .with_detail("Lineage is that of views with merge functions, such as newest or most_trusted.")
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
            if !is_shown || !merges(side)? {
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
        if all.is_empty() { Err(self.merges_nothing()) } else { Ok(all) }
    }

    fn union(self, union: &Union) -> Result<Vec<Found>> {
        let mut all = vec![];
        for (at, branch) in union.inputs.iter().enumerate() {
            if !merges(branch)? {
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
        if all.is_empty() { Err(self.merges_nothing()) } else { Ok(all) }
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
        let settled = |expr: Expr| -> DfResult<Expr> {
            let settled = expr.transform_up(|part| {
                Ok(match &part {
                    // Of a row that has a part of this side: where the column is null, so is what it is equal to.
                    Expr::ScalarFunction(call) if call.func.name() == "coalesce" => {
                        let owns = call.args.iter().map(|argument| match argument {
                            Expr::Column(column) if known.contains(column) => Some(column.clone()),
                            Expr::Column(column) => own_of(column),
                            _ => None,
                        });
                        match owns.collect::<Option<Vec<_>>>().as_deref() {
                            Some([first, others @ ..]) if others.iter().all(|other| other == first) => {
                                Transformed::yes(Expr::Column(first.clone()))
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
            let matched = settled.data()?.transform(|part| {
                Ok(match &part {
                    Expr::Column(column) => match own_of(column) {
                        Some(own) => Transformed::yes(Expr::Column(own)),
                        None => Transformed::no(part),
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

/// The columns that a join makes equal, those of the left side first. Only such as are one value where they are equal:
/// of doubles 0 is equal to -0, of intervals a month to thirty days.
fn equal_columns(join: &Join) -> Vec<(Column, Column)> {
    let of = |side: &LogicalPlan, expr: &Expr| match expr {
        Expr::Column(column) => {
            let at = side.schema().columns().iter().position(|own| own == column)?;
            Some((column.clone(), side.schema().fields().get(at)?.data_type().clone()))
        }
        _ => None,
    };
    let filters = join.filter.as_ref().map(split_conjunction).unwrap_or_default();
    let compared = filters.into_iter().filter_map(|condition| match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => Some((left.as_ref(), right.as_ref())),
        _ => None,
    });
    let pairs = join.on.iter().map(|(left, right)| (left, right)).chain(compared);
    let equal = pairs.filter_map(|(one, other)| {
        let (left, right) = of(&join.left, one)
            .zip(of(&join.right, other))
            .or_else(|| of(&join.left, other).zip(of(&join.right, one)))?;
        let is_one = left.1 == right.1
            && !left.1.is_floating()
            && !left.1.is_nested()
            && !matches!(left.1, DataType::Interval(_));
        is_one.then_some((left.0, right.0))
    });
    equal.collect()
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
