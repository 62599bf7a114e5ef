//! What was done to a value between its source and its merge: repaired, imputed, or nothing.
//!
//! A function with an effect ([`effect`]) is compared with its own argument, row by row, in the place where it is
//! called: in the argument of the merge function itself, or in a view beneath it. There a column is added that says
//! what changed, and carried up beside the value. What is added is an expression over columns that are read anyway.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, DFSchema};
use datafusion::functions::core::expr_fn::nullif;
use datafusion::functions::string::expr_fn::concat_ws;
use datafusion::logical_expr::expr::{Alias, Cast, TryCast, WindowFunction, WindowFunctionDefinition};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Join, JoinType, LogicalPlan, Operator, Projection, SubqueryAlias, Union, lit, when,
};
use datafusion::scalar::ScalarValue;

use crate::error::Result;
use crate::functions::effect::{Effect, effect};

/// What stands between two changes of one value.
const BETWEEN: &str = "; ";

/// A plan with what it takes to tell of values whether they were changed, and for each value the expression over the
/// plan that tells it: a text, null where nothing changed. None where nothing can change.
pub fn traced(plan: &LogicalPlan, values: &[Expr]) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
    Tracer { added: 0 }.values(plan, values)
}

struct Tracer {
    /// How many columns were added.
    added: usize,
}

/// A value's way through one expression.
struct Step {
    /// What says that the expression's functions changed it, the innermost first.
    changes: Vec<Expr>,
    /// The column that it comes from.
    from: Option<Column>,
}

impl Tracer {
    /// Traces expressions over a plan's output.
    fn values(&mut self, plan: &LogicalPlan, values: &[Expr]) -> Result<(LogicalPlan, Vec<Option<Expr>>)> {
        let steps = values.iter().map(|value| step(value, plan.schema())).collect::<Result<Vec<_>>>()?;
        let columns: Vec<Option<Column>> = steps.iter().map(|step| step.from.clone()).collect();
        let (plan, below) = self.columns(plan, &columns)?;
        let told = steps.into_iter().zip(below).map(|(step, below)| {
            let changes: Vec<Expr> = below.into_iter().chain(step.changes).collect();
            joined(changes)
        });
        Ok((plan, told.collect()))
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
                let mut own: Vec<Vec<Expr>> = vec![vec![]; columns.len()];
                let mut wanted: Vec<Option<Column>> = vec![None; columns.len()];
                for ((at, column), (own, wanted)) in
                    indices.iter().zip(columns).zip(own.iter_mut().zip(wanted.iter_mut()))
                {
                    let (Some(at), Some(column)) = (at, column) else { continue };
                    match at.checked_sub(width).and_then(|at| window.window_expr.get(at)) {
                        None => *wanted = Some(column.clone()),
                        Some(computed) => {
                            if let Some((function, argument)) = windowed(computed)
                                && let Some(changed) =
                                    change(&function, Expr::Column(column.clone()), argument.clone(), plan.schema())?
                            {
                                let inner = step(&argument, window.input.schema())?;
                                *wanted = inner.from;
                                own.extend(inner.changes);
                                own.push(changed);
                            }
                        }
                    }
                }
                let (input, below) = self.columns(&window.input, &wanted)?;
                let told =
                    below.into_iter().zip(own).map(|(below, own)| joined(below.into_iter().chain(own).collect()));
                let told = told.collect();
                Ok((plan.with_new_exprs(plan.expressions(), vec![input])?, told))
            }
            LogicalPlan::Join(join) => self.join(plan, join, columns),
            LogicalPlan::Union(union) => self.union(plan, union, &indices),
            _ => Ok(nothing()),
        }
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
                    let told = told.unwrap_or_else(|| Expr::Literal(ScalarValue::Utf8View(None), None));
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
        format!("#changed {}", self.added)
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

/// The way of a value through an expression over `schema`.
fn step(value: &Expr, schema: &DFSchema) -> Result<Step> {
    let mut changes = vec![];
    let mut at = value;
    loop {
        at = match at {
            Expr::Alias(Alias { expr, .. }) | Expr::Cast(Cast { expr, .. }) => expr.as_ref(),
            Expr::Column(column) => {
                changes.reverse();
                return Ok(Step { changes, from: Some(column.clone()) });
            }
            Expr::ScalarFunction(call) => {
                let known = effect(call.func.name());
                let argument = match known {
                    Some(_) => call.args.first(),
                    // Another value of one column is made of that column's.
                    None => only_column(&call.args),
                };
                let Some(argument) = argument else { break };
                if known.is_some() {
                    changes.extend(change(call.func.name(), at.clone(), argument.clone(), schema)?);
                }
                argument
            }
            _ => break,
        };
    }
    changes.reverse();
    Ok(Step { changes, from: None })
}

/// The one argument that has columns.
fn only_column(args: &[Expr]) -> Option<&Expr> {
    let mut with = args.iter().filter(|argument| !argument.column_refs().is_empty());
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
fn change(function: &str, result: Expr, argument: Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let words = match effect(function) {
        Some(Effect::Repairs) => format!("repaired: {function}"),
        Some(Effect::Imputes) => format!("imputed: {function}"),
        None => return Ok(None),
    };
    let (made, given) = (result.get_type(schema)?, argument.get_type(schema)?);
    // A text that is no value of that type in its plain form was read, which is a repair.
    let argument = if made == given { argument } else { Expr::TryCast(TryCast::new(Box::new(argument), made)) };
    let differs = Expr::BinaryExpr(BinaryExpr::new(Box::new(result), Operator::IsDistinctFrom, Box::new(argument)));
    Ok(Some(when(differs, text(&words)).end()?))
}

/// Several changes as one text, null where there is none.
fn joined(changes: Vec<Expr>) -> Option<Expr> {
    match changes.len() {
        0 | 1 => changes.into_iter().next(),
        _ => {
            let all = concat_ws(text(BETWEEN), changes);
            let all = Expr::Cast(Cast::new(Box::new(all), DataType::Utf8View));
            Some(nullif(all, text("")))
        }
    }
}

fn text(value: &str) -> Expr {
    lit(ScalarValue::Utf8View(Some(value.to_string())))
}
