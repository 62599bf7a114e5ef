//! Where a view merges: the grouping beneath what is renamed, filtered and joined, and what the view's columns are
//! made of.

use std::collections::HashSet;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, JoinType};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan};

use crate::error::{Error, Result, SqlState};
use crate::functions::merge;

/// A view's merge.
#[derive(Debug)]
pub struct Merged {
    /// The grouping, with an aggregate that is a merge function.
    pub aggregate: Aggregate,
    /// The view's columns, in order.
    pub columns: Vec<Output>,
    /// What the view keeps of the groups, as far as the grouping's own columns say it.
    pub conditions: Vec<Expr>,
    /// Whether the view leaves out groups for another reason: a join, a LIMIT.
    pub restricted: bool,
}

/// One column of a view.
#[derive(Clone, Debug)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// What it is of the grouping's columns. None when it is made of something else too, such as the other side of a
    /// join.
    pub expr: Option<Expr>,
}

impl Merged {
    /// How many columns of the grouping are its keys.
    pub fn key_count(&self) -> usize {
        self.aggregate.group_expr.len()
    }

    /// The key that an expression over the grouping is.
    pub fn key(&self, expr: &Expr) -> Option<usize> {
        let Expr::Column(column) = expr else { return None };
        self.aggregate.schema.maybe_index_of_column(column).filter(|at| *at < self.key_count())
    }

    /// The aggregates that an expression over the grouping holds, in the order in which they are written.
    pub fn aggregates(&self, expr: &Expr) -> Result<Vec<usize>> {
        let mut found: Vec<usize> = vec![];
        expr.apply(|part| {
            if let Expr::Column(column) = part
                && let Some(at) = self.aggregate.schema.maybe_index_of_column(column)
                && let Some(aggregate) = at.checked_sub(self.key_count())
                && !found.contains(&aggregate)
            {
                found.push(aggregate);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(found)
    }

    /// Whether an expression looks at nothing but keys, and gives the same whenever it is asked.
    pub fn is_about_keys(&self, expr: &Expr) -> bool {
        let asks = expr.exists(|part| Ok(is_subquery(part)));
        let keys = expr.column_refs().into_iter().all(|column| self.key(&Expr::Column(column.clone())).is_some());
        keys && !expr.is_volatile() && matches!(asks, Ok(false))
    }
}

/// Finds where a view merges. 42809 for a view that does not; 0A000 for one that merges in several places, or whose
/// groups share rows.
pub fn find(plan: &LogicalPlan, view: &str) -> Result<Merged> {
    let mut walk = Walk {
        outputs: plan
            .schema()
            .columns()
            .into_iter()
            .map(|column| Output { name: column.name.clone(), expr: Some(Expr::Column(column)) })
            .collect(),
        conditions: vec![],
        restricted: false,
    };
    let mut node = plan;
    loop {
        node = match node {
            LogicalPlan::Projection(projection) => {
                walk.substitute(&projection.schema, |at| projection.expr.get(at).map(|e| e.clone().unalias()))?;
                &projection.input
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let columns = alias.input.schema().columns();
                walk.substitute(&alias.schema, |at| columns.get(at).cloned().map(Expr::Column))?;
                &alias.input
            }
            LogicalPlan::Filter(filter) => {
                walk.conditions.extend(split_conjunction(&filter.predicate).into_iter().cloned());
                &filter.input
            }
            LogicalPlan::Sort(sort) => {
                walk.restricted |= sort.fetch.is_some();
                &sort.input
            }
            LogicalPlan::Limit(limit) => {
                walk.restricted = true;
                &limit.input
            }
            LogicalPlan::Distinct(Distinct::All(input)) => input,
            LogicalPlan::Window(window) => {
                walk.keep_only(window.input.schema());
                &window.input
            }
            LogicalPlan::Join(join) => {
                let side = match (merges(&join.left)?, merges(&join.right)?) {
                    (true, false) => &join.left,
                    (false, true) => &join.right,
                    (true, true) => {
                        return Err(Error::unsupported(format!("view \"{view}\" joins rows that are merged apart"))
                            .with_hint("Ask for the lineage of each of the views that it joins."));
                    }
                    (false, false) => return Err(merges_nothing(view)),
                };
                let keeps_all = match join.join_type {
                    JoinType::Left | JoinType::LeftMark => std::ptr::eq(side, &join.left),
                    JoinType::Right | JoinType::RightMark => std::ptr::eq(side, &join.right),
                    JoinType::Full => true,
                    _ => false,
                };
                walk.restricted |= !keeps_all;
                walk.keep_only(side.schema());
                side
            }
            LogicalPlan::Aggregate(aggregate) if is_merge(aggregate) => return walk.end(aggregate, view),
            LogicalPlan::Aggregate(_) if merges(node)? => {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("view \"{view}\" groups what is merged, and merges nothing itself"),
                )
                .with_hint("Ask for the lineage of the view that it reads."));
            }
            LogicalPlan::Union(_) if merges(node)? => {
                return Err(Error::unsupported(format!("view \"{view}\" unites rows that are merged apart"))
                    .with_hint("Ask for the lineage of each of the views that it unites."));
            }
            _ => return Err(merges_nothing(view)),
        };
    }
}

fn merges_nothing(view: &str) -> Error {
    Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{view}\" merges nothing"))
        .with_detail("Lineage is that of views with merge functions, such as newest or most_trusted.")
}

/// Whether an aggregate is a merge function.
pub fn is_merge_function(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_merge_function(&alias.expr),
        Expr::AggregateFunction(call) => merge::rule(call.func.name()).is_some(),
        _ => false,
    }
}

fn is_merge(aggregate: &Aggregate) -> bool {
    aggregate.aggr_expr.iter().any(is_merge_function)
}

/// Whether something is merged beneath, not counting subqueries in expressions.
fn merges(plan: &LogicalPlan) -> Result<bool> {
    Ok(plan.exists(|node| Ok(matches!(node, LogicalPlan::Aggregate(aggregate) if is_merge(aggregate))))?)
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::ScalarSubquery(_)
            | Expr::Exists(_)
            | Expr::InSubquery(_)
            | Expr::SetComparison(_)
            | Expr::OuterReferenceColumn(..)
    )
}

/// What is known on the way down.
struct Walk {
    outputs: Vec<Output>,
    conditions: Vec<Expr>,
    restricted: bool,
}

impl Walk {
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

    fn end(self, aggregate: &Aggregate, view: &str) -> Result<Merged> {
        if aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
            return Err(Error::unsupported(format!("view \"{view}\" merges with GROUPING SETS"))
                .with_detail("A row is then merged more than once."));
        }
        let Walk { outputs, conditions, restricted } = self;
        let mut merged = Merged { aggregate: aggregate.clone(), columns: outputs, conditions: vec![], restricted };
        for condition in conditions {
            if merged.is_about_keys(&condition) {
                merged.conditions.push(condition);
            } else {
                merged.restricted = true;
            }
        }
        Ok(merged)
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
