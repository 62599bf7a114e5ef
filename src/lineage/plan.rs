//! From a view to the plan of its lineage.
//!
//! Under the view's grouping stands the input that it merges. The same input, with the keys, the arguments of the
//! aggregates and what identifies a row as its columns, goes into a [`LineageNode`] in the grouping's place. Nothing is
//! read twice, and a condition on a key reaches the sources by the way it takes through the view.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, TableReference};
use datafusion::logical_expr::expr::{AggregateFunction, Cast};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, ExprSchemable, Extension, LogicalPlan, LogicalPlanBuilder, when};
use datafusion::scalar::ScalarValue;

use super::cells::{Unplaced, call_of, cells};
use super::changed;
use super::columns::Fixed;
use super::filled::Filled;
use super::guards::{GuardCall, Guards};
use super::merged::{KeyPart, Merged, Merges};
use super::node::{Call, CallArgument, CallOrder, Cell, Gives, Layout, LineageNode};
use super::presence;
use super::walk::is_subquery;
use super::zeros::{has_zeros, one_zero};
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::functions::merge::{self, MergeRule, Role};
use crate::planner::clock_casts::clock_cast;
use crate::planner::coercion::written_name;
use crate::planner::filtered_arguments::only_where;
use crate::quality::on_any_row;

/// The plan of the lineage of the view `view`, whose own plan with everything inlined is `plan`. Of several merges the
/// rows of one follow those of the other.
pub fn plan(view: &str, plan: &LogicalPlan, merges: &Merges, gives: Gives) -> Result<LogicalPlan> {
    let cells = merges.parts.iter().map(cells).collect::<Result<Vec<_>>>()?;
    let mut names: Vec<String> = cells.iter().flatten().map(|cell| cell.column.clone()).collect();
    names.dedup();
    let schemas = merges.parts.iter().map(|part| part.aggregate.input.schema().as_ref());
    let kinds = Kinds::of(&cells.iter().map(Vec::as_slice).zip(schemas).collect::<Vec<_>>())?;
    let hides_keys = merges.parts.iter().any(|part| part.key_count() > 0 && part.hides_keys());
    let asked = Asked { view, plan, keys: &merges.keys, hides_keys, gives, kinds };
    let [only] = merges.parts.as_slice() else {
        let mut all: Option<LogicalPlanBuilder> = None;
        for (part, cells) in merges.parts.iter().zip(cells) {
            let told = asked.aligned(part, asked.told(part, cells)?)?;
            all = Some(match all {
                Some(all) => all.union(told)?,
                None => LogicalPlanBuilder::from(told),
            });
        }
        let all = all.ok_or_else(|| Error::internal(format!("view \"{view}\" lost its merges")))?;
        return asked.with_filled(all.build()?, &names);
    };
    let told = asked.told(only, cells.into_iter().flatten().collect())?;
    asked.with_filled(told, &names)
}

/// What is asked for, of all of a view's merges.
struct Asked<'a> {
    view: &'a str,
    plan: &'a LogicalPlan,
    keys: &'a [String],
    hides_keys: bool,
    gives: Gives,
    kinds: Kinds,
}

impl Asked<'_> {
    /// What is told of one merge: its keys that the view shows, and the columns that every view has.
    fn told(&self, merged: &Merged, mut cells: Vec<Unplaced>) -> Result<LogicalPlan> {
        let mut values: Vec<Expr> = cells.iter().map(Unplaced::shown).collect();
        values.extend(cells.iter().filter_map(|cell| cell.made.clone()));
        let (input, mut changes) = changed::traced(&merged.aggregate.input, &values)?;
        let mut made_changes = changes.split_off(cells.len()).into_iter();
        let schema = Arc::clone(input.schema());
        let mut slots = Slots::default();
        let names = merged.key_names();
        for (key, name) in merged.key_exprs()?.into_iter().zip(&names) {
            slots.exprs.push(key.alias(name));
            slots.made.push(None);
        }
        let mut layout_cells = vec![];
        let mut guards = Guards::default();
        for (cell, changed) in cells.iter_mut().zip(changes) {
            let mut of_cell = vec![];
            for guard in std::mem::take(&mut cell.guards) {
                let place = guards.add(guard, merged, |at| guard_call(merged, at, &mut slots))?;
                of_cell.push(place);
            }
            let shown = match self.gives == Gives::Cells {
                true => computed(cell, merged),
                false => None,
            };
            let shown = shown.map(|expr| guards.show(expr, merged, |at| guard_call(merged, at, &mut slots)));
            let shown = shown.transpose()?;
            let laid_out = laid_out(cell, changed, &self.kinds, self.gives, &schema, &mut slots)?;
            let made = cell.made.as_ref().and_then(|_| made_changes.next().flatten());
            let changed_after = made.map(|expr| slots.add(expr));
            layout_cells.push(Cell { guards: of_cell, shown, changed_after, ..laid_out });
        }
        let layout = Layout {
            keys: names.len(),
            shown: merged.shown(),
            cells: layout_cells,
            guards,
            time_type: self.kinds.time.clone(),
            trust_type: self.kinds.trust.clone(),
        };
        let mut builder = LogicalPlanBuilder::from(input).project(slots.exprs)?;
        for condition in &merged.conditions {
            builder = builder.filter(over_keys(condition, merged, &names)?)?;
        }
        let node = LineageNode::try_new(builder.build()?, Arc::new(layout), self.gives, self.view.to_string())?;
        let lineage = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        if merged.restricted { self.shown_only(merged, lineage) } else { Ok(lineage) }
    }

    /// The lineage of those groups that the view shows: they are found by their keys.
    fn shown_only(&self, merged: &Merged, lineage: LogicalPlan) -> Result<LogicalPlan> {
        if merged.hides_keys() {
            let view = self.view;
            return Err(Error::unsupported(format!(
                "\"{view}\" leaves out merged rows and does not show all their keys"
            ))
            .with_hint("Add the columns of the GROUP BY to the view."));
        }
        let alias = TableReference::bare("#view");
        let names = merged.key_names();
        let keys: Vec<String> = merged.shown().into_iter().filter_map(|at| names.get(at).cloned()).collect();
        let columns = |relation: Option<&TableReference>| -> Vec<Column> {
            keys.iter().map(|name| Column::new(relation.cloned(), name)).collect()
        };
        let rows = match &merged.marked {
            Some(marked) => {
                LogicalPlanBuilder::from(marked.clone()).filter(presence::column(marked)?.is_not_null())?.build()?
            }
            None => self.plan.clone(),
        };
        let own = rows.schema().columns().into_iter().filter(|column| keys.contains(&column.name)).map(Expr::Column);
        let own: Vec<Expr> = own.collect();
        let kept = LogicalPlanBuilder::from(rows).project(own)?.alias(alias.clone())?.build()?;
        let joined = LogicalPlanBuilder::from(lineage).join_detailed(
            kept,
            JoinType::LeftSemi,
            (columns(None), columns(Some(&alias))),
            None,
            NullEquality::NullEqualsNull,
        )?;
        Ok(joined.build()?)
    }

    /// What is told, and of the cells of these columns that windows fill in.
    fn with_filled(&self, told: LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
        let (time, trust) = (&self.kinds.time, &self.kinds.trust);
        let (view, plan, keys) = (self.view, self.plan, self.keys);
        let filled = Filled { view, plan, keys, hides_keys: self.hides_keys, gives: self.gives, time, trust };
        filled.beside(told, names)
    }

    /// What is told of one of several merges, under the names and types that are the same for all.
    fn aligned(&self, merged: &Merged, told: LogicalPlan) -> Result<LogicalPlan> {
        let names = merged.key_names();
        let own: Vec<String> = merged.shown().into_iter().filter_map(|at| names.get(at).cloned()).collect();
        let mut exprs = vec![];
        for key in self.keys {
            let made = match merged.key_part(key) {
                Some(KeyPart::Key(at)) => names.get(at).map(|name| Expr::Column(Column::new_unqualified(name))),
                Some(KeyPart::Literal(literal)) => Some(literal),
                None => None,
            };
            let field = self.plan.schema().fields().iter().find(|field| field.name() == key);
            let (Some(made), Some(field)) = (made, field) else {
                return Err(Error::internal(format!("view \"{}\" lost its key {key}", self.view)));
            };
            let wanted = field.data_type();
            let is_so = made.get_type(told.schema())? == *wanted;
            let made = if is_so { made } else { Expr::Cast(Cast::new(Box::new(made), wanted.clone())) };
            exprs.push(made.alias(key));
        }
        for fixed in Fixed::of(self.gives) {
            exprs
                .push(Expr::Column(Column::new_unqualified(fixed.name_among(&own))).alias(fixed.name_among(self.keys)));
        }
        Ok(LogicalPlanBuilder::from(told).project(exprs)?.build()?)
    }
}

/// A condition on keys over the projection in which each has its name.
fn over_keys(condition: &Expr, merged: &Merged, names: &[String]) -> Result<Expr> {
    let renamed = condition.clone().transform(|part| {
        Ok(match merged.key(&part).and_then(|key| names.get(key)) {
            Some(name) => Transformed::yes(Expr::Column(Column::new_unqualified(name))),
            None => Transformed::no(part),
        })
    });
    Ok(renamed.data()?)
}

/// What the view makes of a merge function's value beside showing it, or a field of it.
fn computed(cell: &Unplaced, merged: &Merged) -> Option<Expr> {
    if !cell.field.is_empty() || merge::rule(cell.call.func.name()).is_none() {
        return None;
    }
    let expr = merged.columns.iter().find(|column| column.name == cell.column)?.expr.clone()?.unalias();
    let asks = expr.exists(|part| Ok(is_subquery(part) || matches!(part, Expr::Unnest(_))));
    let is_known = !expr.is_volatile() && matches!(asks, Ok(false));
    (is_known && !matches!(expr, Expr::Column(_))).then_some(expr)
}

/// An aggregate that a guard looks at, over the node's input.
fn guard_call(merged: &Merged, at: usize, slots: &mut Slots) -> Result<GuardCall> {
    let Some(call) = merged.aggregate.aggr_expr.get(at).and_then(call_of) else {
        return Err(Error::internal("a branch asks for an aggregate that is none"));
    };
    let mut arguments = vec![];
    for argument in &call.params.args {
        arguments.push(match argument {
            Expr::Literal(literal, _) => CallArgument::Literal(literal.clone()),
            other => CallArgument::Column(slots.add(evaluated(other.clone(), call, merged.aggregate.input.schema())?)),
        });
    }
    let order = ordered(call, slots, merged.aggregate.input.schema())?;
    let filter = call.params.filter.as_deref().map(|filter| slots.add(filter.clone()));
    let call = Call { function: Arc::clone(&call.func), arguments, order, distinct: call.params.distinct };
    Ok(GuardCall { call, filter })
}

/// What a call evaluates for the rows that its FILTER keeps, and not for others, where it may fail.
fn evaluated(expr: Expr, call: &AggregateFunction, schema: &DFSchema) -> Result<Expr> {
    Ok(match call.params.filter.as_deref() {
        // A CASE would lose what a field says of its type.
        Some(filter) if !on_any_row(&expr, schema) && expr.to_field(schema)?.1.metadata().is_empty() => {
            only_where(filter.clone(), expr)?
        }
        _ => expr,
    })
}

/// The keys of a call's ORDER BY.
fn ordered(call: &AggregateFunction, slots: &mut Slots, schema: &DFSchema) -> Result<Vec<CallOrder>> {
    let mut keys = vec![];
    for key in &call.params.order_by {
        let column = slots.add(evaluated(key.expr.clone(), call, schema)?);
        keys.push(CallOrder { column, descending: !key.asc, nulls_first: key.nulls_first });
    }
    Ok(keys)
}

/// The argument of a merge function that has one of these roles, the first role that it has.
fn argument(call: &AggregateFunction, roles: &[Role]) -> Option<Expr> {
    let rule = merge::rule(call.func.name())?;
    let at = roles.iter().find_map(|role| rule.position(*role))?;
    call.params.args.get(at).cloned()
}

/// The columns of the node's input.
#[derive(Debug, Default)]
struct Slots {
    exprs: Vec<Expr>,
    /// Each as it was asked for; keys are not shared.
    made: Vec<Option<Expr>>,
}

impl Slots {
    fn add(&mut self, expr: Expr) -> usize {
        if let Some(at) = self.made.iter().position(|made| made.as_ref() == Some(&expr)) {
            return at;
        }
        let at = self.exprs.len();
        self.exprs.push(expr.clone().alias(format!("#{at}")));
        self.made.push(Some(expr));
        at
    }
}

/// The types of the columns that cells of several types share.
struct Kinds {
    time: DataType,
    trust: DataType,
}

impl Kinds {
    /// Those of all cells, each with the columns of its own rows.
    fn of(parts: &[(&[Unplaced], &DFSchema)]) -> Result<Kinds> {
        let types = |roles: &[Role]| -> Result<Vec<DataType>> {
            let cells = parts.iter().flat_map(|(cells, schema)| cells.iter().map(move |cell| (cell, *schema)));
            let given = cells.filter_map(|(cell, schema)| Some((argument(&cell.call, roles)?, schema)));
            given.map(|(expr, schema)| Ok(expr.get_type(schema)?)).collect()
        };
        Ok(Kinds {
            time: time_type(&types(&[Role::Time])?),
            trust: trust_type(&types(&[Role::Trust, Role::Weight, Role::Score])?),
        })
    }
}

/// The one type of all; else the one that holds all, where all are dates and times; else text.
fn time_type(types: &[DataType]) -> DataType {
    let same = types.first().filter(|first| types.iter().all(|other| other == *first));
    if let Some(same) = same {
        return same.clone();
    }
    let is = |kind: fn(&PgType) -> bool| types.iter().map(PgType::of_arrow).any(|t| kind(&t));
    let dated =
        types.iter().map(PgType::of_arrow).all(|t| matches!(t, PgType::Date | PgType::Timestamp | PgType::TimestampTz));
    let zoned = types.iter().find(|data_type| matches!(data_type, DataType::Timestamp(_, Some(_))));
    match zoned {
        Some(zoned) if dated => zoned.clone(),
        None if types.is_empty() => PgType::TimestampTz.arrow(),
        None if dated && is(|t| matches!(t, PgType::Timestamp)) => PgType::Timestamp.arrow(),
        _ => DataType::Utf8View,
    }
}

fn trust_type(types: &[DataType]) -> DataType {
    match types.first() {
        Some(first) if types.iter().all(|other| other == first) => first.clone(),
        _ => DataType::Float64,
    }
}

fn laid_out(
    cell: &mut Unplaced,
    changed: Option<Expr>,
    kinds: &Kinds,
    gives: Gives,
    schema: &DFSchema,
    slots: &mut Slots,
) -> Result<Cell> {
    // Of a mean, a row without a weight is no part.
    let collects = merge::rule(cell.call.func.name()).is_some_and(|rule| !rule.returns_input());
    let weight = argument(&cell.call, &[Role::Weight]).filter(|_| collects);
    let filter = cell.call.params.filter.as_deref().cloned();
    let value = match conjunction(filter.into_iter().chain(weight.map(Expr::is_not_null))) {
        Some(kept) => when(kept, cell.value.clone())
            .otherwise(Expr::Literal(ScalarValue::try_from(cell.value.get_type(schema)?)?, None))?,
        None => cell.value.clone(),
    };
    let value = slots.add(value);
    let mut arguments = vec![CallArgument::Column(value)];
    for argument in cell.call.params.args.iter().skip(1) {
        arguments.push(match argument {
            Expr::Literal(literal, _) => CallArgument::Literal(literal.clone()),
            other => CallArgument::Column(slots.add(evaluated(other.clone(), &cell.call, schema)?)),
        });
    }
    let order = ordered(&cell.call, slots, schema)?;
    let beside = |name: &str| named(schema, name, &cell.value).filter(|_| !cell.constant);
    let source = beside("source").map(|expr| as_text(expr, schema)).transpose()?;
    let record = beside("record_id").map(|expr| as_text(expr, schema)).transpose()?;
    let changed = match cell.rule.filter(|_| cell.constant) {
        Some(rule) => Some(changed::filled_in(rule)),
        None => changed,
    };
    let mut shown = |expr: Option<Expr>, kind: &DataType| -> Result<Option<usize>> {
        let Some(expr) = expr else { return Ok(None) };
        let expr = match expr.get_type(schema)? {
            given if given == *kind => expr,
            _ if *kind == DataType::Utf8View => as_text(expr, schema)?,
            DataType::Date32 if matches!(kind, DataType::Timestamp(..)) => clock_cast(expr, kind.clone()),
            _ => Expr::Cast(Cast::new(Box::new(expr), kind.clone())),
        };
        Ok(Some(slots.add(evaluated(expr, &cell.call, schema)?)))
    };
    // A reason is one text.
    let time = if gives == Gives::Reasons { &DataType::Utf8View } else { &kinds.time };
    let time = shown(argument(&cell.call, &[Role::Time]), time)?;
    let trust = shown(argument(&cell.call, &[Role::Trust, Role::Weight, Role::Score]), &kinds.trust)?;
    let text = slots.add(evaluated(as_text(written_once(cell, schema)?, schema)?, &cell.call, schema)?);
    let field = match cell.shown() {
        _ if cell.field.is_empty() => None,
        // One value may be written in several ways.
        field if has_ways(&field.get_type(schema)?) => Some(slots.add(evaluated(field, &cell.call, schema)?)),
        _ => Some(text),
    };
    Ok(Cell {
        column: std::mem::take(&mut cell.column),
        rule: cell.rule.unwrap_or_else(|| written_name(&cell.call)).to_string(),
        call: Call { function: Arc::clone(&cell.call.func), arguments, order, distinct: cell.call.params.distinct },
        value,
        text,
        field,
        source: source.map(|expr| slots.add(expr)),
        record: record.map(|expr| slots.add(expr)),
        time,
        trust,
        changed: changed.map(|expr| slots.add(expr)),
        changed_after: None,
        after: std::mem::take(&mut cell.after),
        constant: cell.constant,
        shown: None,
        guards: vec![],
    })
}

/// The value as it is shown. Where values are counted the two zeros are one, which the view shows as 0.
fn written_once(cell: &Unplaced, schema: &DFSchema) -> Result<Expr> {
    let shown = cell.shown();
    let counts = merge::rule(cell.call.func.name()).is_some_and(MergeRule::counts_values);
    Ok(if counts && has_zeros(&shown.get_type(schema)?) { one_zero(shown) } else { shown })
}

/// Whether values of the type that are equal may be written otherwise: zeros, and intervals.
fn has_ways(data_type: &DataType) -> bool {
    has_zeros(data_type) || matches!(data_type, DataType::Interval(_))
}

/// An expression's value as it is shown.
pub(super) fn as_text(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let (_, field) = expr.to_field(schema)?;
    Ok(match PgType::of_field(&field) {
        PgType::Text | PgType::Varchar(_) if *field.data_type() == DataType::Utf8View => expr,
        _ => Expr::Cast(Cast::new(Box::new(expr), DataType::Utf8View)),
    })
}

/// The column of this name among the rows that are merged; where several have it, that beside the value.
fn named(schema: &DFSchema, name: &str, value: &Expr) -> Option<Expr> {
    let columns: Vec<Column> = schema.columns().into_iter().filter(|column| column.name == name).collect();
    if let [only] = columns.as_slice() {
        return Some(Expr::Column(only.clone()));
    }
    let beside: Vec<&Option<TableReference>> = value.column_refs().into_iter().map(|column| &column.relation).collect();
    let mut near = columns.into_iter().filter(|column| beside.contains(&&column.relation));
    let first = near.next()?;
    near.next().is_none().then(|| Expr::Column(first))
}
