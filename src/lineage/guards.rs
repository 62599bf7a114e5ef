//! Which of several aggregates in one expression its result is taken from: of a CASE those of the branch that holds, of
//! a coalesce those of the first argument that is not null, of greatest and least those of the arguments that are the
//! result. A constant may stand in their place.
//!
//! An aggregate in a branch has guards. A guard is an expression over the keys and the aggregates of a group, as a view
//! has them above its grouping; it is 1 in the groups in which the branch is taken. The aggregates that it looks at are
//! computed of the same rows as everything else that is told.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use datafusion::arrow::compute::{SortColumn, SortOptions, filter, lexsort_to_indices, take};
use datafusion::arrow::datatypes::{FieldRef, Int8Type, Schema, SchemaRef, UInt64Type};
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Case, Cast, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator, lit};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use super::merged::Merged;
use super::node::Call;
use super::rank::{Slice, arguments, evaluated};
use super::zeros::alike;
use crate::catalog::types::PgType;
use crate::error::{Error, Result};
use crate::planner::output::written;
use crate::values::Zone;

/// What is asked of each group before anybody is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Guards {
    /// The aggregates that are looked at.
    pub calls: Vec<GuardCall>,
    /// The columns that the guards are over: every key of the grouping, then what each call gives.
    pub fields: Vec<FieldRef>,
    /// The guards: numbers, 1 where a branch is taken.
    pub exprs: Vec<Expr>,
    /// What the view makes of a group's aggregates, where that is to be shown.
    pub shows: Vec<Expr>,
}

/// An aggregate that a guard looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GuardCall {
    /// Its call over the node's input.
    pub call: Call,
    /// The column that its FILTER is.
    pub filter: Option<usize>,
}

/// What an expression may give.
#[derive(Debug, Default)]
pub struct Given {
    /// Its columns, each with its guard: none where it gives the column in any case. Columns that are only looked at,
    /// such as those in conditions, are not among them.
    pub columns: Vec<(Column, Option<Expr>)>,
    /// The constants that may stand in their place.
    pub constants: Vec<Constant>,
}

/// A constant that an expression may give as it is.
#[derive(Debug)]
pub struct Constant {
    /// The constant.
    pub value: Expr,
    /// What gives it: `case`, `coalesce`, `greatest` or `least`.
    pub rule: &'static str,
    /// Where it is given.
    pub guard: Option<Expr>,
}

/// The ways by which an expression comes to what it may give.
pub fn ways(expr: &Expr) -> Result<Given> {
    let mut ways = Ways::default();
    ways.follow(expr)?;
    Ok(ways.found)
}

#[derive(Default)]
struct Ways {
    /// The conditions on the way, in the order in which they are asked, each with whether it must be true or must not.
    asked: Vec<(Expr, bool)>,
    /// What chooses on the way, the outermost first.
    choosers: Vec<&'static str>,
    /// The casts on the way, the outermost first.
    casts: Vec<Cast>,
    /// How many functions there are on the way that compute something else.
    computed: usize,
    found: Given,
}

impl Ways {
    fn follow(&mut self, expr: &Expr) -> DfResult<()> {
        let before = self.asked.len();
        match expr {
            Expr::Column(column) => self.found.columns.push((column.clone(), self.guard())),
            Expr::Literal(value, _) if !value.is_null() => self.constant(expr),
            Expr::Alias(alias) => self.follow(&alias.expr)?,
            Expr::Cast(cast) => {
                self.casts.push(cast.clone());
                self.follow(&cast.expr)?;
                self.casts.pop();
            }
            Expr::Case(case) => {
                self.choosers.push("case");
                for (when, then) in &case.when_then_expr {
                    let condition = match &case.expr {
                        Some(operand) => operand.as_ref().clone().eq(when.as_ref().clone()),
                        None => when.as_ref().clone(),
                    };
                    self.asked.push((condition.clone(), true));
                    self.follow(then)?;
                    self.asked.pop();
                    self.asked.push((condition, false));
                }
                if let Some(otherwise) = &case.else_expr {
                    self.follow(otherwise)?;
                }
                self.choosers.pop();
            }
            Expr::ScalarFunction(call) if is_coalesce(call) => {
                self.choosers.push("coalesce");
                for argument in &call.args {
                    self.follow(argument)?;
                    if is_constant(argument) {
                        break;
                    }
                    self.asked.push((argument.clone().is_null(), true));
                }
                self.choosers.pop();
            }
            Expr::ScalarFunction(call) if extreme(call).is_some() => {
                self.choosers.extend(extreme(call));
                for argument in &call.args {
                    self.asked.push((alike(argument.clone(), expr.clone()), true));
                    self.follow(argument)?;
                    self.asked.pop();
                }
                self.choosers.pop();
            }
            Expr::ScalarFunction(call) if call.func.name() == "nullif" => {
                if let [value, other] = call.args.as_slice() {
                    let (left, right) = (Box::new(value.clone()), Box::new(other.clone()));
                    let differs = BinaryExpr::new(left, Operator::IsDistinctFrom, right);
                    self.asked.push((Expr::BinaryExpr(differs), true));
                    self.follow(value)?;
                }
            }
            other => {
                self.computed += 1;
                other.apply_children(|child| {
                    self.follow(child)?;
                    Ok(TreeNodeRecursion::Continue)
                })?;
                self.computed -= 1;
            }
        }
        self.asked.truncate(before);
        Ok(())
    }

    fn constant(&mut self, literal: &Expr) {
        if self.computed > 0 {
            return;
        }
        let Some(rule) = self.choosers.last().copied() else { return };
        let cast = |value, cast: &Cast| Expr::Cast(Cast { expr: Box::new(value), ..cast.clone() });
        let value = self.casts.iter().rev().fold(literal.clone(), cast);
        self.found.constants.push(Constant { value, rule, guard: self.guard() });
    }

    /// The conditions as one number. A CASE asks none where one before it has settled the matter: it may fail there.
    fn guard(&self) -> Option<Expr> {
        if self.asked.is_empty() {
            return None;
        }
        let stops = self.asked.iter().map(|(condition, wanted)| {
            let condition = condition.clone();
            let stops = if *wanted { condition.is_not_true() } else { condition.is_true() };
            (Box::new(stops), Box::new(lit(0_i8)))
        });
        Some(Expr::Case(Case { expr: None, when_then_expr: stops.collect(), else_expr: Some(Box::new(lit(1_i8))) }))
    }
}

impl Guards {
    /// Takes a guard in and gives its place; `call` lays an aggregate of the grouping out over the node's input.
    pub fn add(&mut self, guard: Expr, merged: &Merged, call: impl FnMut(usize) -> Result<GuardCall>) -> Result<usize> {
        let guard = self.over_groups(guard, merged, call)?;
        Ok(place(&mut self.exprs, guard))
    }

    /// Takes in what is to be shown of a group and gives its place.
    pub fn show(&mut self, expr: Expr, merged: &Merged, call: impl FnMut(usize) -> Result<GuardCall>) -> Result<usize> {
        let expr = self.over_groups(expr, merged, call)?;
        Ok(place(&mut self.shows, expr))
    }

    /// An expression over the grouping as one over the keys and the calls.
    fn over_groups(
        &mut self,
        expr: Expr,
        merged: &Merged,
        mut call: impl FnMut(usize) -> Result<GuardCall>,
    ) -> Result<Expr> {
        let (keys, schema) = (merged.key_count(), &merged.aggregate.schema);
        if self.fields.is_empty() {
            let fields = schema.fields().iter().take(keys).enumerate();
            self.fields = fields.map(|(at, field)| named(field, format!("#key {at}"))).collect();
        }
        let expr = expr.transform(|part| {
            let Expr::Column(column) = &part else { return Ok(Transformed::no(part)) };
            let found = schema.maybe_index_of_column(column);
            let place = match found.map(|at| (at, at.checked_sub(keys))) {
                Some((at, None)) => at,
                Some((at, Some(aggregate))) => {
                    let call = call(aggregate)?;
                    let nth = self.calls.iter().position(|known| *known == call).unwrap_or(self.calls.len());
                    if nth == self.calls.len() {
                        let Some(field) = schema.fields().get(at) else { return Err(lost().into()) };
                        self.fields.push(named(field, format!("#result {nth}")));
                        self.calls.push(call);
                    }
                    keys + nth
                }
                None => return Err(lost().into()),
            };
            let Some(field) = self.fields.get(place) else { return Err(lost().into()) };
            Ok(Transformed::yes(Expr::Column(Column::new_unqualified(field.name()))))
        });
        Ok(expr.data()?)
    }
}

/// The place of an expression among others, of which it becomes one.
fn place(exprs: &mut Vec<Expr>, expr: Expr) -> usize {
    exprs.iter().position(|known| *known == expr).unwrap_or_else(|| {
        exprs.push(expr);
        exprs.len() - 1
    })
}

fn named(field: &FieldRef, name: String) -> FieldRef {
    Arc::new(field.as_ref().clone().with_name(name).with_nullable(true))
}

fn lost() -> Error {
    Error::internal("a branch asks for what its grouping has not")
}

/// Guards that can be asked.
#[derive(Debug)]
pub struct Judge {
    guards: Guards,
    functions: Vec<AggregateFunctionExpr>,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    shows: Vec<(PgType, Arc<dyn PhysicalExpr>)>,
    schema: SchemaRef,
}

impl Judge {
    /// `functions` are those of the calls, `exprs` the guards and `shows` what is shown with its type, all in their
    /// order.
    pub fn new(
        guards: Guards,
        functions: Vec<AggregateFunctionExpr>,
        exprs: Vec<Arc<dyn PhysicalExpr>>,
        shows: Vec<(PgType, Arc<dyn PhysicalExpr>)>,
    ) -> Self {
        let schema = Arc::new(Schema::new(guards.fields.clone()));
        Judge { guards, functions, exprs, shows, schema }
    }

    /// The groups of a slice as the guards look at them. None where nobody does.
    pub(super) fn groups(&self, slice: &Slice) -> DfResult<Option<RecordBatch>> {
        if self.exprs.is_empty() && self.shows.is_empty() {
            return Ok(None);
        }
        let keys = self.guards.fields.len().saturating_sub(self.guards.calls.len());
        let firsts = UInt64Array::from_iter_values(slice.starts.iter().take(slice.len()).map(|at| *at as u64));
        let mut columns: Vec<ArrayRef> = vec![];
        for at in 0..keys {
            columns.push(take(slice.column(at)?, &firsts, None)?);
        }
        for (call, function) in self.guards.calls.iter().zip(&self.functions) {
            columns.push(call.result(function, slice)?);
        }
        let options = RecordBatchOptions::new().with_match_field_names(false).with_row_count(Some(slice.len()));
        Ok(Some(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?))
    }

    /// What is shown of each group, as text.
    pub(super) fn shown(&self, groups: Option<&RecordBatch>, zone: Zone) -> DfResult<Vec<ArrayRef>> {
        let Some(groups) = groups else { return Ok(vec![]) };
        let shown = self.shows.iter().map(|(kind, expr)| {
            let values = expr.evaluate(groups)?.into_array(groups.num_rows())?;
            Ok(written(kind, &values, zone)?)
        });
        shown.collect()
    }

    /// In which groups each guard holds.
    pub(super) fn judged(&self, groups: Option<&RecordBatch>) -> DfResult<Vec<BooleanArray>> {
        let Some(groups) = groups else { return Ok(vec![]) };
        let judged = self.exprs.iter().map(|guard| {
            let taken = guard.evaluate(groups)?.into_array(groups.num_rows())?;
            let taken = taken.as_primitive_opt::<Int8Type>().ok_or_else(|| Error::internal("a guard is no number"))?;
            Ok(taken.iter().map(|taken| Some(taken == Some(1))).collect())
        });
        judged.collect()
    }
}

impl GuardCall {
    /// What the aggregate gives for each group of a slice.
    fn result(&self, function: &AggregateFunctionExpr, slice: &Slice) -> DfResult<ArrayRef> {
        let mut given = arguments(&self.call, function, slice)?;
        let mut groups: ArrayRef = Arc::new(UInt64Array::from_iter_values(slice.groups.iter().map(|at| *at as u64)));
        let mut keys = vec![];
        for key in &self.call.order {
            keys.push(Arc::clone(slice.column(key.column)?));
        }
        if let Some(at) = self.filter {
            let kept = slice.column(at)?;
            let kept = kept.as_boolean_opt().ok_or_else(|| Error::internal("a FILTER is no condition"))?;
            for column in given.iter_mut().chain(&mut keys).chain(std::iter::once(&mut groups)) {
                *column = filter(column.as_ref(), kept)?;
            }
        }
        if !keys.is_empty() {
            // Some aggregates take their rows as they come. The groups stay where they are.
            let options = self.call.order.iter();
            let options = options.map(|key| SortOptions { descending: key.descending, nulls_first: key.nulls_first });
            let by = std::iter::once(SortColumn { values: Arc::clone(&groups), options: None });
            let by = by.chain(
                keys.into_iter().zip(options).map(|(values, options)| SortColumn { values, options: Some(options) }),
            );
            let order = lexsort_to_indices(&by.collect::<Vec<_>>(), None)?;
            for column in &mut given {
                *column = take(column.as_ref(), &order, None)?;
            }
        }
        // A group may have lost all of its rows.
        let mut starts = vec![0_usize; slice.len() + 1];
        let mut of_rows = Vec::with_capacity(groups.len());
        let groups =
            groups.as_primitive_opt::<UInt64Type>().ok_or_else(|| Error::internal("groups without numbers"))?;
        for group in groups.values() {
            let group = usize::try_from(*group).unwrap_or(usize::MAX);
            of_rows.push(group);
            if let Some(size) = starts.get_mut(group + 1) {
                *size += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        evaluated(function, &given, &starts, &of_rows)
    }
}

/// Whether an expression is a literal that is not null, cast perhaps.
pub(super) fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Alias(alias) => is_constant(&alias.expr),
        Expr::Cast(cast) => is_constant(&cast.expr),
        Expr::Literal(value, _) => !value.is_null(),
        _ => false,
    }
}

/// The function that gives the greatest or the least of its arguments.
fn extreme(call: &ScalarFunction) -> Option<&'static str> {
    ["greatest", "least"].into_iter().find(|name| *name == call.func.name())
}

/// Whether a function gives the first of its arguments that is not null.
pub(super) fn is_coalesce(call: &ScalarFunction) -> bool {
    matches!(call.func.name(), "coalesce" | "fill_constant" | "fill_from")
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, when};

    use super::*;

    fn guards(expr: &Expr) -> Vec<String> {
        let shown = |(column, guard): (Column, Option<Expr>)| match guard {
            Some(guard) => format!("{column}: {guard}"),
            None => column.to_string(),
        };
        ways(expr).unwrap().columns.into_iter().map(shown).collect()
    }

    #[test]
    fn a_branch_is_taken_where_its_condition_is_the_first_that_holds() {
        let case = when(col("n").gt(lit(1)), col("a")).otherwise(col("b")).unwrap();
        assert_eq!(
            guards(&case),
            [
                "a: CASE WHEN n > Int32(1) IS NOT TRUE THEN Int8(0) ELSE Int8(1) END",
                "b: CASE WHEN n > Int32(1) IS TRUE THEN Int8(0) ELSE Int8(1) END"
            ]
        );
    }

    #[test]
    fn what_is_only_looked_at_is_not_given() {
        let case = when(col("a").is_null(), lit("none")).end().unwrap();
        assert_eq!(guards(&case), Vec::<String>::new());
        assert_eq!(guards(&(col("a") + col("b"))), ["a", "b"]);
    }

    #[test]
    fn constants_are_given_by_what_chooses_them() {
        let case = when(col("n").gt(lit(1)), col("a")).otherwise(lit("none")).unwrap();
        let given = ways(&case).unwrap();
        assert_eq!(given.constants.len(), 1);
        let constant = &given.constants[0];
        assert_eq!((constant.rule, constant.value.clone()), ("case", lit("none")));
        assert!(constant.guard.is_some());
        assert!(ways(&(col("a") + lit(1))).unwrap().constants.is_empty());
    }
}
