//! What was done to a value between its source and its merge: repaired, imputed, smoothed, extracted, or nothing.
//!
//! A function with an effect ([`effect`]) is compared with its own argument, row by row, in the place where it is
//! called: in the argument of the merge function itself, or in a view beneath it. There a column is added that says
//! what changed, and carried up beside the value. What is added is an expression over columns that are read anyway.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, DFSchema};
use datafusion::functions::core::expr_fn::nullif;
use datafusion::functions::string::expr_fn::concat_ws;
use datafusion::logical_expr::expr::{
    Alias, Case, Cast, ScalarFunction, TryCast, WindowFunction, WindowFunctionDefinition,
};
use datafusion::logical_expr::{
    BinaryExpr, Distinct, DistinctOn, Expr, ExprSchemable, Join, JoinType, LogicalPlan, Operator, Projection,
    SubqueryAlias, Union, Unnest, lit, when,
};
use datafusion::scalar::ScalarValue;

use crate::error::Result;
use crate::functions::effect::{Effect, effect};
use crate::planner::barrier::SecurityBarrier;
use crate::planner::unnested;

/// What stands between two changes of one value.
pub const BETWEEN: &str = "; ";

/// A plan with what it takes to tell of values whether they were changed, and for each value the expression over the
/// plan that tells it: a text, null where nothing changed. None where nothing can change.
pub fn traced(plan: &LogicalPlan, values: &[Expr]) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
    Tracer { added: 0, over_rows: None }.values(plan, values)
}

/// The same of what windows do alone, and of this effect alone: for each value the name of the function that gave
/// another in its place, or one where there was none; null where none did.
pub fn over_rows(plan: &LogicalPlan, values: &[Expr], wanted: Effect) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
    Tracer { added: 0, over_rows: Some(wanted) }.values(plan, values)
}

struct Tracer {
    /// The one effect of window functions that is told. None where everything is.
    over_rows: Option<Effect>,
    /// How many columns were added.
    added: usize,
}

/// A value's way through one expression.
#[derive(Default)]
struct Step {
    /// What says that the expression's functions changed it, the innermost first.
    changes: Vec<Expr>,
    /// The columns that it comes from; several where it is a struct.
    from: Vec<Column>,
}

impl Tracer {
    /// Traces expressions over a plan's output.
    fn values(&mut self, plan: &LogicalPlan, values: &[Expr]) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
        let steps = values.iter().map(|value| self.step(value, plan.schema())).collect::<Result<Vec<_>>>()?;
        self.steps(plan, steps)
    }

    /// The way of a value through an expression over `schema`.
    fn step(&self, value: &Expr, schema: &DFSchema) -> Result<Step> {
        let mut step = step(value, schema)?;
        if self.over_rows.is_some() {
            step.changes.clear();
        }
        Ok(step)
    }

    /// What says that a window function changed its argument.
    fn fitted(&self, function: &str, result: Expr, argument: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
        let Some(wanted) = self.over_rows else { return change(function, result, argument, schema) };
        let differs = differs(result.clone(), argument, schema)?;
        let told = match (effect(function), wanted) {
            (Some(Effect::Imputes), Effect::Imputes) => differs,
            // What is smoothed where there was nothing is made of others alone.
            (Some(Effect::Smooths), Effect::Imputes) => argument.clone().is_null().and(result.is_not_null()),
            (Some(Effect::Smooths), Effect::Smooths) => argument.clone().is_not_null().and(differs),
            _ => return Ok(None),
        };
        Ok(Some(when(told, text(function)).end()?))
    }

    /// Traces on from expressions over a plan's output.
    fn steps(&mut self, plan: &LogicalPlan, steps: Vec<Step>) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
        let columns: Vec<Option<Column>> = steps.iter().flat_map(|step| step.from.iter().cloned().map(Some)).collect();
        let (plan, below) = self.columns(plan, &columns)?;
        let mut below = below.into_iter();
        let told = steps.into_iter().map(|step| {
            let mut changes: Vec<Expr> = below.by_ref().take(step.from.len()).flatten().collect();
            changes.extend(step.changes);
            joined(changes)
        });
        let told = told.collect();
        Ok((plan, told))
    }

    /// Traces columns of a plan's output.
    fn columns(&mut self, plan: &LogicalPlan, columns: &[Option<Column>]) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
        let nothing = || (plan.clone(), vec![None; columns.len()]);
        let indices: Vec<Option<usize>> = columns
            .iter()
            .map(|column| column.as_ref().and_then(|column| plan.schema().maybe_index_of_column(column)))
            .collect();
        if indices.iter().all(Option::is_none) {
            return Ok(nothing());
        }
        match plan {
            LogicalPlan::Projection(projection) => {
                let wanted: Vec<Option<Expr>> =
                    indices.iter().map(|at| at.and_then(|at| projection.expr.get(at).cloned())).collect();
                let (input, told) = self.some(&projection.input, &wanted)?;
                if told.iter().all(Option::is_none) {
                    return Ok(nothing());
                }
                let mut exprs = projection.expr.clone();
                let told = self.added_to(&mut exprs, told);
                Ok((LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(input))?), told))
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let inner = alias.input.schema().columns();
                let wanted: Vec<Option<Column>> =
                    indices.iter().map(|at| at.and_then(|at| inner.get(at).cloned())).collect();
                let (input, told) = self.columns(&alias.input, &wanted)?;
                if told.iter().all(Option::is_none) {
                    return Ok(nothing());
                }
                let (input, told) = self.kept(input, told)?;
                let told = told.into_iter().map(|told| match told {
                    Some(Expr::Column(column)) => {
                        Some(Expr::Column(Column::new(Some(alias.alias.clone()), column.name)))
                    }
                    other => other,
                });
                let told = told.collect();
                Ok((LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), alias.alias.clone())?), told))
            }
            LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
                let inputs = plan.inputs();
                let Some(input) = inputs.first() else { return Ok(nothing()) };
                let (input, told) = self.columns(input, columns)?;
                Ok((plan.with_new_exprs(plan.expressions(), vec![input])?, told))
            }
            LogicalPlan::Window(window) => {
                let width = window.input.schema().fields().len();
                let mut steps = vec![];
                for (at, column) in indices.iter().zip(columns) {
                    let mut of_column = Step::default();
                    if let (Some(at), Some(column)) = (at, column) {
                        match at.checked_sub(width).and_then(|at| window.window_expr.get(at)) {
                            None => of_column.from.push(column.clone()),
                            Some(computed) => {
                                if let Some((function, argument)) = windowed(computed)
                                    && effect(&function).is_some()
                                {
                                    let result = Expr::Column(column.clone());
                                    of_column = self.step(&argument, window.input.schema())?;
                                    of_column.changes.extend(self.fitted(
                                        &function,
                                        result,
                                        &argument,
                                        plan.schema(),
                                    )?);
                                }
                            }
                        }
                    }
                    steps.push(of_column);
                }
                let (input, told) = self.steps(&window.input, steps)?;
                Ok((plan.with_new_exprs(plan.expressions(), vec![input])?, told))
            }
            LogicalPlan::Join(join) => self.join(plan, join, columns),
            LogicalPlan::Union(union) => self.union(plan, union, &indices),
            // What rows were before they were made one, or chosen, is told of merged rows alone.
            _ if self.over_rows.is_some() => {
                let through = self.through(plan, columns, &indices)?;
                Ok(through.filter(|(_, told)| told.iter().any(Option::is_some)).unwrap_or_else(nothing))
            }
            _ => Ok(nothing()),
        }
    }

    /// Traces columns through what makes one row of those that are alike, chooses some, or takes their lists apart.
    /// None where nobody can follow.
    fn through(
        &mut self,
        plan: &LogicalPlan,
        columns: &[Option<Column>],
        indices: &[Option<usize>],
    ) -> Result<Option<(LogicalPlan, Vec<Option<Expr>>)>> {
        Ok(match plan {
            // Rows with a key of merged rows that are alike are so for the same reason, and stay one.
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let (input, told) = self.columns(input, columns)?;
                let (input, told) = self.kept(input, told)?;
                Some((LogicalPlan::Distinct(Distinct::All(Arc::new(input))), told))
            }
            LogicalPlan::Distinct(Distinct::On(on)) => {
                let wanted: Vec<Option<Expr>> =
                    indices.iter().map(|at| at.and_then(|at| on.select_expr.get(at).cloned())).collect();
                let (input, told) = self.some(&on.input, &wanted)?;
                let mut exprs = on.select_expr.clone();
                let told = self.added_to(&mut exprs, told);
                let on = DistinctOn::try_new(on.on_expr.clone(), exprs, on.sort_expr.clone(), Arc::new(input))?;
                Some((LogicalPlan::Distinct(Distinct::On(on)), told))
            }
            LogicalPlan::Unnest(unnest) => {
                let wanted: Vec<Option<Column>> = indices.iter().map(|at| stays(unnest, (*at)?)).collect();
                let (input, told) = self.columns(&unnest.input, &wanted)?;
                let (input, told) = self.kept(input, told)?;
                Some((plan.with_new_exprs(plan.expressions(), vec![input])?, told))
            }
            LogicalPlan::Extension(_) => {
                let Some(input) = SecurityBarrier::beneath(plan).or_else(|| unnested::beneath(plan)) else {
                    return Ok(None);
                };
                let (input, told) = self.columns(input, columns)?;
                Some((plan.with_new_exprs(plan.expressions(), vec![input])?, told))
            }
            _ => None,
        })
    }

    /// Traces those values that there are.
    fn some(&mut self, plan: &LogicalPlan, values: &[Option<Expr>]) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
        let wanted: Vec<Expr> = values.iter().flatten().cloned().collect();
        let (plan, told) = self.values(plan, &wanted)?;
        let mut told = told.into_iter();
        let spread = values.iter().map(|value| value.as_ref().and_then(|_| told.next().flatten()));
        let spread = spread.collect();
        Ok((plan, spread))
    }

    fn join(
        &mut self,
        plan: &LogicalPlan,
        join: &Join,
        columns: &[Option<Column>],
    ) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
        let of = |side: &LogicalPlan| -> Vec<Option<Column>> {
            columns.iter().map(|column| column.clone().filter(|column| side.schema().has_column(column))).collect()
        };
        let (left, mut told) = self.columns(&join.left, &of(&join.left))?;
        let (right, others) = match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                self.columns(&join.right, &of(&join.right))?
            }
            // Of the right side no columns come up.
            JoinType::LeftSemi | JoinType::LeftAnti => (join.right.as_ref().clone(), vec![]),
            _ => return Ok((plan.clone(), vec![None; columns.len()])),
        };
        for (told, other) in told.iter_mut().zip(others) {
            *told = told.take().or(other);
        }
        // What is told is computed below: an outer join makes it null where it makes the value null.
        let left = self.materialised(left, &mut told)?;
        let right = self.materialised(right, &mut told)?;
        Ok((plan.with_new_exprs(plan.expressions(), vec![left, right])?, told))
    }

    fn union(
        &mut self,
        plan: &LogicalPlan,
        union: &Union,
        indices: &[Option<usize>],
    ) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
        let mut branches: Vec<(LogicalPlan, Vec<Option<Expr>>)> = vec![];
        for input in &union.inputs {
            let inner = input.schema().columns();
            let wanted: Vec<Option<Column>> =
                indices.iter().map(|at| at.and_then(|at| inner.get(at).cloned())).collect();
            branches.push(self.columns(input, &wanted)?);
        }
        let tells: Vec<bool> = (0..indices.len())
            .map(|at| branches.iter().any(|(_, told)| matches!(told.get(at), Some(Some(_)))))
            .collect();
        if !tells.contains(&true) {
            return Ok((plan.clone(), vec![None; indices.len()]));
        }
        let names: Vec<Option<String>> = tells.iter().map(|tells| tells.then(|| self.name())).collect();
        let mut inputs = vec![];
        for ((branch, told), input) in branches.into_iter().zip(&union.inputs) {
            let mut exprs: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
            for (name, told) in names.iter().zip(told) {
                if let Some(name) = name {
                    let told = told.unwrap_or_else(no_text);
                    exprs.push(told.alias(name));
                }
            }
            inputs.push(Arc::new(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(branch))?)));
        }
        // The union's own columns keep their names and qualifiers.
        let mut fields: Vec<_> =
            union.schema.iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
        for name in names.iter().flatten() {
            let field = Field::new(name, DataType::Utf8View, true);
            fields.push((None, Arc::new(field)));
        }
        let schema = DFSchema::new_with_metadata(fields, union.schema.metadata().clone())?;
        let told = names.into_iter().map(|name| name.map(|name| Expr::Column(Column::new_unqualified(name)))).collect();
        Ok((LogicalPlan::Union(Union { inputs, schema: Arc::new(schema) }), told))
    }

    fn name(&mut self) -> String {
        self.added += 1;
        let kind = match self.over_rows {
            Some(Effect::Imputes) => "filled",
            Some(_) => "smoothed",
            None => "changed",
        };
        format!("#{kind} {}", self.added)
    }

    /// Adds what is told to the columns of a projection, and gives the columns.
    fn added_to(&mut self, exprs: &mut Vec<Expr>, told: Vec<Option<Expr>>) -> Vec<Option<Expr>> {
        told.into_iter()
            .map(|told| {
                told.map(|told| {
                    let name = self.name();
                    exprs.push(told.alias(&name));
                    Expr::Column(Column::new_unqualified(name))
                })
            })
            .collect()
    }

    /// A plan in which all that is told is a column.
    fn kept(&mut self, plan: LogicalPlan, mut told: Vec<Option<Expr>>) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
        let plan = self.materialised(plan, &mut told)?;
        Ok((plan, told))
    }

    /// Makes columns of what is told by expressions over this plan.
    fn materialised(&mut self, plan: LogicalPlan, told: &mut [Option<Expr>]) -> Result<LogicalPlan> {
        let schema = Arc::clone(plan.schema());
        let is_own = |expr: &Expr| {
            !matches!(expr, Expr::Column(_)) && expr.column_refs().into_iter().all(|column| schema.has_column(column))
        };
        if !told.iter().flatten().any(is_own) {
            return Ok(plan);
        }
        let mut exprs: Vec<Expr> = schema.columns().into_iter().map(Expr::Column).collect();
        for told in told.iter_mut() {
            if let Some(expr) = told.take_if(|expr| is_own(expr)) {
                let name = self.name();
                exprs.push(expr.alias(&name));
                *told = Some(Expr::Column(Column::new_unqualified(name)));
            }
        }
        Ok(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?))
    }
}

/// The column that an unnesting leaves as it is; none for an element.
fn stays(unnest: &Unnest, at: usize) -> Option<Column> {
    let from = *unnest.dependency_indices.get(at)?;
    let is_element =
        unnest.struct_type_columns.contains(&from) || unnest.list_type_columns.iter().any(|(list, _)| *list == from);
    if is_element { None } else { unnest.input.schema().columns().get(from).cloned() }
}

/// The way of a value through an expression over `schema`.
fn step(value: &Expr, schema: &DFSchema) -> Result<Step> {
    let mut step = Step::default();
    step.follow(value, schema)?;
    Ok(step)
}

impl Step {
    fn follow(&mut self, value: &Expr, schema: &DFSchema) -> Result<()> {
        match value {
            // A cast reads a value in its plain form, which changes none; one that fails leaves no candidate.
            Expr::Alias(Alias { expr, .. }) | Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. }) => {
                self.follow(expr, schema)
            }
            Expr::Column(column) => {
                if !self.from.contains(column) {
                    self.from.push(column.clone());
                }
                Ok(())
            }
            Expr::ScalarFunction(call) => {
                let name = call.func.name();
                if let Some(field) = field_made(call) {
                    return self.follow(field, schema);
                }
                if STRUCTS.contains(&name) {
                    return call.args.iter().try_for_each(|argument| self.follow(argument, schema));
                }
                if effect(name).is_none() {
                    // Another value of one column is made of that column's.
                    return only_column(&call.args).map_or(Ok(()), |argument| self.follow(argument, schema));
                }
                let Some(argument) = call.args.first() else { return Ok(()) };
                self.follow(argument, schema)?;
                self.changes.extend(change(name, value.clone(), argument, schema)?);
                Ok(())
            }
            Expr::BinaryExpr(BinaryExpr { left, right, .. }) => {
                only_column([left.as_ref(), right.as_ref()]).map_or(Ok(()), |side| self.follow(side, schema))
            }
            Expr::Case(case) => self.branches(case, schema),
            _ => Ok(()),
        }
    }

    /// The branches of a CASE that gives one column, changed in this or that way, or a constant.
    fn branches(&mut self, case: &Case, schema: &DFSchema) -> Result<()> {
        let thens = case.when_then_expr.iter().map(|(_, then)| then);
        let steps = thens.chain(&case.else_expr).map(|branch| step(branch, schema)).collect::<Result<Vec<_>>>()?;
        let mut from: Vec<Column> = vec![];
        for step in &steps {
            from.extend(step.from.iter().filter(|column| !from.contains(column)).cloned().collect::<Vec<_>>());
        }
        if from.len() > 1 {
            return Ok(());
        }
        let changes = steps.iter().any(|step| !step.changes.is_empty());
        if changes {
            let mut told = steps.into_iter().map(|step| Box::new(joined(step.changes).unwrap_or_else(no_text)));
            let whens = case.when_then_expr.iter().map(|(when, _)| when.clone());
            let when_then_expr: Vec<_> = whens.zip(told.by_ref()).collect();
            self.changes.push(Expr::Case(Case { expr: case.expr.clone(), when_then_expr, else_expr: told.next() }));
        }
        self.from.extend(from.into_iter().filter(|column| !self.from.contains(column)).collect::<Vec<_>>());
        Ok(())
    }
}

/// Functions that put values into one, each with its own way.
const STRUCTS: &[&str] = &["make_array", "named_struct", "struct"];

/// The value of the field that is taken out of a struct where it is made.
fn field_made(call: &ScalarFunction) -> Option<&Expr> {
    let [Expr::ScalarFunction(made), Expr::Literal(wanted, _)] = call.args.as_slice() else { return None };
    if call.func.name() != "get_field" || made.func.name() != "named_struct" {
        return None;
    }
    let wanted = wanted.try_as_str().flatten()?;
    made.args.chunks_exact(2).find_map(|pair| match pair {
        [Expr::Literal(name, _), value] if name.try_as_str().flatten() == Some(wanted) => Some(value),
        _ => None,
    })
}

/// What is told of a constant that stands in the place of a merged value.
pub fn filled_in(rule: &str) -> Expr {
    text(&format!("imputed: {rule}"))
}

/// Whether a window function gives another value than it was given.
pub fn is_over_rows(expr: &Expr) -> bool {
    windowed(expr).and_then(|(name, _)| effect(&name)).is_some()
}

/// What is told of a value that a function of this name changed, with the word for what it does.
pub fn done_by(word: &str, name: Expr) -> Expr {
    as_view(concat_ws(text(": "), vec![text(word), name]))
}

/// What is told of several, those that are not null.
pub fn one_text(between: &str, parts: Vec<Expr>) -> Expr {
    as_view(concat_ws(text(between), parts))
}

fn as_view(expr: Expr) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), DataType::Utf8View))
}

/// The one column that an expression makes another value of, where nothing is chosen on the way but a constant in the
/// place of NULL.
pub fn made_of_one(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(Alias { expr, .. }) | Expr::Cast(Cast { expr, .. }) | Expr::TryCast(TryCast { expr, .. }) => {
            made_of_one(expr)
        }
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => made_of_one(only_column([left.as_ref(), right.as_ref()])?),
        Expr::ScalarFunction(call) => {
            let name = call.func.name();
            let argument = only_column(&call.args)?;
            let cleans_another = effect(name).is_some() && call.args.first() != Some(argument);
            if CHOOSERS.contains(&name) || cleans_another {
                return None;
            }
            made_of_one(argument)
        }
        _ => None,
    }
}

/// Functions whose result is one of their arguments, or none of them, as the values are.
const CHOOSERS: &[&str] = &["greatest", "least", "nullif"];

/// Whether an expression has a function that may change a value.
pub fn has_effect(expr: &Expr) -> Result<bool> {
    Ok(expr.exists(|part| {
        Ok(matches!(part, Expr::ScalarFunction(call) if call.func.name() != "coalesce" && effect(call.func.name()).is_some()))
    })?)
}

/// The one argument that has columns.
fn only_column<'a>(args: impl IntoIterator<Item = &'a Expr>) -> Option<&'a Expr> {
    let mut with = args.into_iter().filter(|argument| !argument.column_refs().is_empty());
    let first = with.next()?;
    with.next().is_none().then_some(first)
}

/// A window function's name and first argument.
fn windowed(expr: &Expr) -> Option<(String, Expr)> {
    match expr {
        Expr::Alias(alias) => windowed(&alias.expr),
        Expr::WindowFunction(call) => {
            let WindowFunction { fun, params } = call.as_ref();
            let name = match fun {
                WindowFunctionDefinition::AggregateUDF(function) => function.name().to_string(),
                WindowFunctionDefinition::WindowUDF(function) => function.name().to_string(),
            };
            Some((name, params.args.first()?.clone()))
        }
        _ => None,
    }
}

/// What says that a function changed its argument; none for one without an effect.
fn change(function: &str, result: Expr, argument: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let Some(effect) = effect(function) else { return Ok(None) };
    let words = match effect {
        Effect::Repairs => format!("repaired: {function}"),
        Effect::Imputes => format!("imputed: {function}"),
        Effect::Smooths => format!("smoothed: {function}"),
        Effect::Extracts => format!("extracted: {function}"),
    };
    let (made, given) = (result.get_type(schema)?, argument.get_type(schema)?);
    if made.is_nested() && made != given {
        // Parts of a value are always others than it.
        return Ok(Some(when(result.is_not_null(), text(&words)).end()?));
    }
    Ok(Some(when(differs(result, argument, schema)?, text(&words)).end()?))
}

/// Whether a result is another than the argument that it was made of.
fn differs(result: Expr, argument: &Expr, schema: &DFSchema) -> Result<Expr> {
    let (made, given) = (result.get_type(schema)?, argument.get_type(schema)?);
    let argument = argument.clone();
    // A text that is no value of that type in its plain form was read, which is a repair.
    let argument = if made == given { argument } else { Expr::TryCast(TryCast::new(Box::new(argument), made)) };
    Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(result), Operator::IsDistinctFrom, Box::new(argument))))
}

/// Several changes as one text, null where there is none.
fn joined(changes: Vec<Expr>) -> Option<Expr> {
    match changes.len() {
        0 | 1 => changes.into_iter().next(),
        _ => Some(nullif(one_text(BETWEEN, changes), text(""))),
    }
}

fn no_text() -> Expr {
    Expr::Literal(ScalarValue::Utf8View(None), None)
}

fn text(value: &str) -> Expr {
    lit(ScalarValue::Utf8View(Some(value.to_string())))
}

#[cfg(test)]
mod tests {
    use datafusion::functions::expr_fn::{coalesce, upper};
    use datafusion::logical_expr::{cast, col, lit, when};

    use super::*;

    #[test]
    fn a_value_is_made_of_one_column_where_nothing_is_chosen() {
        let of = |expr: &Expr| made_of_one(expr).map(|column| column.name.clone());
        assert_eq!(of(&upper(cast(col("a"), DataType::Utf8View))), Some("a".into()));
        assert_eq!(of(&(lit(2) * col("a"))), Some("a".into()));
        assert_eq!(of(&(col("a") + col("b"))), None);
        assert_eq!(of(&coalesce(vec![col("a"), lit(1)])), Some("a".into()));
        assert_eq!(of(&coalesce(vec![col("a"), col("b")])), None);
        assert_eq!(of(&coalesce(vec![lit(1), col("a")])), None);
        assert_eq!(of(&when(col("a").gt(lit(1)), col("a")).end().unwrap()), None);
    }
}
