//! What there is to tell of a merge: the aggregates that a view's columns are made of, each with its value.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema};
use datafusion::functions_aggregate::min_max::min_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, Cast, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable};

use super::changed;
use super::guards::{self, Constant};
use super::merged::Merged;
use crate::error::Result;
use crate::functions::merge::{self, Choice};
use crate::functions::pg::{mode, percentile};

/// An aggregate of a column of the view, with its value.
pub(super) struct Unplaced {
    pub column: String,
    pub call: AggregateFunction,
    pub value: Expr,
    /// The field of the value that the column is: calls of `get_field`, the innermost first. Empty where it is all of
    /// it, or something else.
    pub field: Vec<ScalarFunction>,
    /// The cells that come before it in a coalesce.
    pub after: Vec<usize>,
    /// What the view makes of the value, where that may repair it.
    pub made: Option<Expr>,
    /// What must hold of a group for it to be asked: one of these, or nothing.
    pub guards: Vec<Expr>,
    /// Its name where it is written otherwise than as the aggregate's call.
    pub rule: Option<&'static str>,
    /// Whether it is a constant of the view, and no aggregate.
    pub constant: bool,
}

impl Unplaced {
    /// The value as the view's column shows it: a field of it, or all.
    pub fn shown(&self) -> Expr {
        self.field.iter().fold(self.value.clone(), |value, call| {
            let path = call.args.iter().skip(1).cloned();
            let args = std::iter::once(value).chain(path).collect();
            Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(&call.func), args))
        })
    }
}

/// What a view makes of a merged value, as it makes it of a candidate. None where that is no repair, or where other
/// values take part.
fn made_of(expr: &Expr, merged: &Merged, at: usize, call: &AggregateFunction, value: &Expr) -> Result<Option<Expr>> {
    let returns_input = match merge::rule(call.func.name()) {
        Some(rule) => rule.returns_input(),
        None => matches!(call.func.name(), "min" | "max"),
    };
    let schema = &merged.aggregate.schema;
    let is_it = |column: &Column| schema.maybe_index_of_column(column) == Some(merged.key_count() + at);
    if !returns_input || !expr.column_refs().into_iter().all(is_it) || !changed::has_effect(expr)? {
        return Ok(None);
    }
    let made = expr.clone().unalias().transform(|part| {
        Ok(match &part {
            Expr::Column(_) => Transformed::yes(value.clone()),
            _ => Transformed::no(part),
        })
    });
    Ok(Some(made.data()?))
}

/// The aggregates of the view's columns, those that have candidates.
pub(super) fn cells(merged: &Merged) -> Result<Vec<Unplaced>> {
    let mut cells: Vec<Unplaced> = vec![];
    for column in &merged.columns {
        let Some(expr) = &column.expr else { continue };
        let aggregates = merged.aggregates(expr)?;
        // Whoever has candidates gives a value: nobody needs to compute it to know who was asked.
        let falls_back = falls_back(expr)
            && aggregates.len() == expr.column_refs().len()
            && aggregates.iter().all(|at| always_gives(merged, *at));
        let branches = if falls_back { None } else { Some(Branches::of(expr, merged)?) };
        // Of constants that are chosen by looking at aggregates these are the candidates, as far as they have some.
        let (branches, labels) = match branches {
            Some(branches) if branches.ways.is_empty() => (None, branches.constants),
            other => (other, vec![]),
        };
        let mut before: Vec<usize> = vec![];
        let modes = modes(expr, merged)?;
        let percentiles = percentiles(expr, merged)?;
        for at in aggregates {
            let Some(guards) = branches.as_ref().map_or(Some(vec![]), |branches| branches.guards(at)) else { continue };
            let Some(call) = merged.aggregate.aggr_expr.get(at).and_then(call_of) else { continue };
            let mode = if modes.contains(&at) { as_mode(call) } else { None };
            let call = mode.as_ref().unwrap_or(call);
            let Some(value) = candidate_value(call, merged.aggregate.input.schema())? else { continue };
            let after = if falls_back { before.clone() } else { vec![] };
            before.push(cells.len());
            let field = field_of(expr);
            let made = made_of(expr, merged, at, call, &value)?;
            cells.push(Unplaced {
                column: column.name.clone(),
                call: call.clone(),
                value,
                field,
                after,
                made,
                guards,
                rule: percentiles.iter().find(|(known, _)| *known == at).map(|(_, name)| *name),
                constant: false,
            });
        }
        // Of a constant alone there is nothing to tell.
        if before.is_empty() {
            continue;
        }
        let is_last = falls_back || !labels.is_empty();
        let constants = match branches {
            Some(branches) => branches.constants,
            None if falls_back => constant(expr).into_iter().collect(),
            None => labels,
        };
        for constant in constants {
            let Constant { value, rule, guard } = constant;
            let call = AggregateFunction::new_udf(min_udaf(), vec![value.clone()], false, None, vec![], None);
            cells.push(Unplaced {
                column: column.name.clone(),
                call,
                value,
                field: vec![],
                after: if is_last { before.clone() } else { vec![] },
                made: None,
                guards: guard.into_iter().collect(),
                rule: Some(rule),
                constant: true,
            });
        }
    }
    Ok(cells)
}

/// The constant that a coalesce gives in the end.
fn constant(expr: &Expr) -> Option<Constant> {
    match expr {
        Expr::Alias(alias) => constant(&alias.expr),
        Expr::Cast(cast) => {
            let inner = constant(&cast.expr)?;
            Some(Constant { value: Expr::Cast(Cast { expr: Box::new(inner.value), ..cast.clone() }), ..inner })
        }
        Expr::ScalarFunction(call) if guards::is_coalesce(call) => {
            let value = call.args.iter().find(|argument| guards::is_constant(argument))?.clone();
            Some(Constant { value, rule: "coalesce", guard: None })
        }
        _ => None,
    }
}

/// The aggregates that a column may show, each with the guards of the branches that it stands in.
struct Branches {
    ways: Vec<(usize, Option<Expr>)>,
    constants: Vec<Constant>,
}

impl Branches {
    /// Without a way where an expression gives no aggregate as it is, but what it makes of looking at some.
    fn of(expr: &Expr, merged: &Merged) -> Result<Branches> {
        let mut found = vec![];
        let given = guards::ways(expr)?;
        for (column, guard) in given.columns {
            let at = merged.aggregate.schema.maybe_index_of_column(&column);
            found.extend(at.and_then(|at| at.checked_sub(merged.key_count())).map(|at| (at, guard)));
        }
        Ok(Branches { ways: found, constants: given.constants })
    }

    /// The guards of an aggregate, nothing where it is shown in any case. None where it is only looked at.
    fn guards(&self, aggregate: usize) -> Option<Vec<Expr>> {
        let of_it: Vec<&Option<Expr>> =
            self.ways.iter().filter(|(at, _)| *at == aggregate).map(|(_, guard)| guard).collect();
        if of_it.is_empty() {
            return None;
        }
        let guards: Option<Vec<Expr>> = of_it.into_iter().cloned().collect();
        Some(guards.unwrap_or_default())
    }
}

/// Whether an aggregate gives a value wherever it has a candidate.
fn always_gives(merged: &Merged, at: usize) -> bool {
    let Some(call) = merged.aggregate.aggr_expr.get(at).and_then(call_of) else { return false };
    match merge::rule(call.func.name()) {
        Some(rule) => rule.returns_input() && rule.choice != Choice::Unanimous,
        None => matches!(call.func.name(), "min" | "max"),
    }
}

/// The aggregates whose arrays an expression takes the most frequent value of.
fn modes(expr: &Expr, merged: &Merged) -> Result<Vec<usize>> {
    let mut found = vec![];
    expr.apply(|part| {
        if let Expr::ScalarFunction(call) = part
            && call.func.name() == mode::OF_ARRAY
            && let Some(array) = call.args.first()
        {
            found.extend(merged.aggregates(array)?);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The aggregates of whose arrays an expression takes a percentile, with its name.
fn percentiles(expr: &Expr, merged: &Merged) -> Result<Vec<(usize, &'static str)>> {
    let mut found = vec![];
    expr.apply(|part| {
        if let Expr::ScalarFunction(call) = part
            && let Some(name) = percentile::of_array(call.func.name())
            && let Some(array) = call.args.first()
        {
            found.extend(merged.aggregates(array)?.into_iter().map(|at| (at, name)));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// `mode()`, in the place of the array that it is taken of.
fn as_mode(call: &AggregateFunction) -> Option<AggregateFunction> {
    let (value, descending) = mode::of_array(call)?;
    let function = Arc::new(mode::aggregate(descending));
    let filter = call.params.filter.clone();
    Some(AggregateFunction::new_udf(function, vec![value.clone()], false, filter, vec![], None))
}

/// The calls of `get_field` by which an expression is a field of a column, the innermost first.
fn field_of(expr: &Expr) -> Vec<ScalarFunction> {
    let mut path = vec![];
    let mut part = expr;
    loop {
        part = match part {
            Expr::Alias(alias) => &alias.expr,
            Expr::ScalarFunction(call) if call.func.name() == "get_field" => match call.args.split_first() {
                Some((of, names)) if names.iter().all(|name| matches!(name, Expr::Literal(..))) => {
                    path.push(call.clone());
                    of
                }
                _ => return vec![],
            },
            Expr::Column(_) => break,
            _ => return vec![],
        };
    }
    path.reverse();
    path
}

/// Whether an expression is the first of some aggregates that is not null.
fn falls_back(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => falls_back(&alias.expr),
        Expr::Cast(cast) => falls_back(&cast.expr),
        Expr::ScalarFunction(call) if guards::is_coalesce(call) => call.args.iter().all(is_bare),
        _ => false,
    }
}

/// Whether an expression is a column or a literal, cast perhaps.
fn is_bare(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_bare(&alias.expr),
        Expr::Cast(cast) => is_bare(&cast.expr),
        other => matches!(other, Expr::Column(_) | Expr::Literal(..)),
    }
}

/// The call that an aggregate expression is.
pub(super) fn call_of(expr: &Expr) -> Option<&AggregateFunction> {
    match expr {
        Expr::Alias(alias) => call_of(&alias.expr),
        Expr::AggregateFunction(call) => Some(call),
        _ => None,
    }
}

/// What an aggregate is made of. None for a count, which has no candidates, and for values without an order.
fn candidate_value(call: &AggregateFunction, schema: &DFSchema) -> Result<Option<Expr>> {
    let Some(value) = call.params.args.first() else { return Ok(None) };
    if merge::rule(call.func.name()).is_some() {
        return Ok(Some(value.clone()));
    }
    if call.func.name() == "count" {
        return Ok(None);
    }
    let Some(by_value) = merge::rule("majority") else { return Ok(None) };
    let given = value.get_type(schema)?;
    let taken = by_value.coerce(std::slice::from_ref(&given));
    if by_value.check(&taken).is_err() {
        return Ok(None);
    }
    let taken = taken.into_iter().next().unwrap_or_else(|| given.clone());
    Ok(Some(if taken == given { value.clone() } else { Expr::Cast(Cast::new(Box::new(value.clone()), taken)) }))
}
