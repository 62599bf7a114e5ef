//! Where values of several types meet, Postgres's choice of the common one, before DataFusion makes its own.
//!
//! With floating point numbers among numbers all become double precision: DataFusion would make numeric(30,15) of
//! them, which has no NaN and loses digits. Dates and timestamps meet in microseconds: DataFusion would take
//! nanoseconds, which end in 2262. All else is left to DataFusion. Literals are converted here, so that what a source
//! is asked stays a comparison of a column with a value.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::expr::{
    AggregateFunction, AggregateFunctionParams, Between, Case, Cast, InList, InSubquery, ScalarFunction,
};
use datafusion::logical_expr::expr_rewriter::coerce_plan_expr_for_schema;
use datafusion::logical_expr::expr_schema::cast_subquery;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Join, LogicalPlan, Operator, Union, Values, WindowFrame, WindowFrameBound,
    WindowFrameUnits, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use super::again;
use super::array_operators;
use super::blanks;
use super::each;
use super::number_casts::{decimal_text, exact_float};
use super::one_zero::one_zero;
use super::operators;
use super::set_types;
use super::time_arithmetic::{self, difference};
use crate::catalog::types::PgType;
use crate::functions::clean;
use crate::functions::pg::array_relations::{self, Relation};
use crate::functions::pg::{any_of, date_plus, interval_span, round};
use crate::values::{Zone, read_text};

/// Functions that give one of their arguments, or compare them.
const UNIFYING: &[&str] =
    &["coalesce", "nvl", "ifnull", "greatest", "least", "make_array", "fill_constant", "fill_from"];

/// Brings values that meet to the type that Postgres brings them to.
#[derive(Debug, Default)]
pub struct PostgresCoercion;

impl AnalyzerRule for PostgresCoercion {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(coerce_plan)?.data)
    }

    fn name(&self) -> &str {
        "postgres_coercion"
    }
}

fn coerce_plan(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let plan = each::expression(plan, coerce)?.data;
    let plan = match plan {
        LogicalPlan::Sort(mut sort) => {
            let schema = Arc::clone(sort.input.schema());
            for by in &mut sort.expr {
                by.expr = sorted(std::mem::take(&mut by.expr), &schema)?;
            }
            LogicalPlan::Sort(sort)
        }
        LogicalPlan::Union(union) => coerce_union(union)?,
        LogicalPlan::Join(join) => coerce_join(join)?,
        LogicalPlan::Values(values) => keep_types(values)?,
        plan => plan,
    };
    Ok(Transformed::yes(plan.recompute_schema()?))
}

/// VALUES have the types that were found when they were planned.
fn keep_types(mut values: Values) -> DfResult<LogicalPlan> {
    let nothing = DFSchema::empty();
    for row in &mut values.values {
        for (value, field) in row.iter_mut().zip(values.schema.fields()) {
            if value.get_type(&nothing).is_ok_and(|t| t != *field.data_type()) {
                *value = std::mem::take(value).cast_to(field.data_type(), &nothing)?;
            }
        }
    }
    Ok(LogicalPlan::Values(values))
}

/// The type at which these meet; none leaves them to DataFusion.
fn common<'a>(types: impl IntoIterator<Item = &'a DataType>) -> Option<DataType> {
    let types: Vec<&DataType> = types.into_iter().filter(|t| !t.is_null()).collect();
    let first = types.first()?;
    if types.iter().all(|t| t == first) {
        return None;
    }
    if types.iter().all(|t| t.is_numeric()) {
        return types.iter().any(|t| t.is_floating()).then_some(DataType::Float64);
    }
    let is_text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let is_stamp = |t: &DataType| matches!(t, DataType::Timestamp(..));
    let is_date = |t: &DataType| matches!(t, DataType::Date32 | DataType::Date64);
    if types.iter().any(|t| is_stamp(t)) && types.iter().all(|t| is_stamp(t) || is_date(t) || is_text(t)) {
        let zoned = types.iter().any(|t| matches!(t, DataType::Timestamp(_, Some(_))));
        return Some(DataType::Timestamp(TimeUnit::Microsecond, zoned.then(|| "UTC".into())));
    }
    None
}

/// `expr` as `to`; a number that is written out becomes the value itself.
fn convert(expr: Expr, to: &DataType, schema: &DFSchema) -> DfResult<Expr> {
    if let Expr::Literal(value, metadata) = &expr
        && let Some(value) = exact_float(value, to)?
    {
        return Ok(Expr::Literal(value, metadata.clone()));
    }
    expr.cast_to(to, schema)
}

fn convert_all(exprs: Vec<Expr>, to: &DataType, schema: &DFSchema) -> DfResult<Vec<Expr>> {
    exprs.into_iter().map(|e| convert(e, to, schema)).collect()
}

/// The type at which expressions meet; none where a type cannot be found, as in a subquery with columns of outside.
fn meeting<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> Option<DataType> {
    let types = exprs.into_iter().map(|e| e.get_type(schema)).collect::<DfResult<Vec<_>>>().ok()?;
    common(&types)
}

/// A text in quotes beside booleans, as in `active = 't'`, is one, beside uuids it is a uuid, in whichever spelling, and
/// beside arrays an array; 22P02 when it is not.
fn read_literals<'a>(exprs: impl IntoIterator<Item = &'a mut Expr>, schema: &DFSchema) -> DfResult<()> {
    let mut exprs: Vec<&mut Expr> = exprs.into_iter().collect();
    if !exprs.iter().any(|expr| matches!(expr, Expr::Literal(..))) {
        return Ok(());
    }
    let kind = |expr: &Expr| match expr {
        Expr::Literal(value, _) => matches!(value, ScalarValue::Boolean(_)).then_some(PgType::Bool),
        // A uuid is carried as the text that it is cast to.
        Expr::Cast(cast) if cast.field.data_type().is_string() && cast.field.metadata().is_empty() => None,
        expr => {
            let (_, field) = expr.to_field(schema).ok()?;
            match PgType::of_field(&field) {
                kind @ (PgType::Bool | PgType::Uuid | PgType::Array(_)) => Some(kind),
                _ => None,
            }
        }
    };
    let Some(kind) = exprs.iter().find_map(|expr| kind(expr)) else { return Ok(()) };
    for expr in &mut exprs {
        let read = match &**expr {
            Expr::Literal(value, _) => match value.try_as_str().flatten() {
                Some(text) => Expr::Literal(read_text(&kind, text, Zone::UTC)?, None),
                None => continue,
            },
            _ => continue,
        };
        **expr = read;
    }
    Ok(())
}

fn coerce(mut expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    blanks::settle(&mut expr, schema);
    match &mut expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if operators::compares(*op) => {
            read_literals([left.as_mut(), right.as_mut()], schema)?;
        }
        Expr::InList(InList { expr, list, .. }) => {
            read_literals(std::iter::once(expr.as_mut()).chain(list.iter_mut()), schema)?;
        }
        Expr::Case(Case { expr: Some(operand), when_then_expr, .. }) => {
            let whens = when_then_expr.iter_mut().map(|(when, _)| when.as_mut());
            read_literals(std::iter::once(operand.as_mut()).chain(whens), schema)?;
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if UNIFYING.contains(&func.name()) => {
            read_literals(args.iter_mut(), schema)?;
        }
        _ => {}
    }
    Ok(match expr {
        Expr::BinaryExpr(binary) => coerce_binary(binary, schema)?,
        Expr::Between(Between { expr, negated, low, high }) if intervals([&*expr, &*low, &*high], schema) => {
            Transformed::yes(Expr::Between(Between {
                expr: Box::new(span(*expr, schema)?),
                negated,
                low: Box::new(span(*low, schema)?),
                high: Box::new(span(*high, schema)?),
            }))
        }
        Expr::InList(InList { expr, list, negated })
            if intervals(std::iter::once(expr.as_ref()).chain(&list), schema) =>
        {
            let list = list.into_iter().map(|member| span(member, schema)).collect::<DfResult<Vec<_>>>()?;
            Transformed::yes(Expr::InList(InList { expr: Box::new(span(*expr, schema)?), list, negated }))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            match meeting([expr.as_ref(), low.as_ref(), high.as_ref()], schema) {
                Some(to) => Transformed::yes(Expr::Between(Between {
                    expr: Box::new(convert(*expr, &to, schema)?),
                    negated,
                    low: Box::new(convert(*low, &to, schema)?),
                    high: Box::new(convert(*high, &to, schema)?),
                })),
                None => Transformed::no(Expr::Between(Between { expr, negated, low, high })),
            }
        }
        Expr::InList(InList { expr, list, negated }) => {
            match meeting(std::iter::once(expr.as_ref()).chain(&list), schema) {
                Some(to) => {
                    let list = convert_all(list, &to, schema)?;
                    Transformed::yes(Expr::InList(InList {
                        expr: Box::new(convert(*expr, &to, schema)?),
                        list,
                        negated,
                    }))
                }
                None => Transformed::no(Expr::InList(InList { expr, list, negated })),
            }
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let inner = subquery.subquery.schema().fields().first().map(|f| f.data_type().clone());
            let to = match (expr.get_type(schema), inner) {
                (Ok(outer), Some(inner)) => common([&outer, &inner]),
                _ => None,
            };
            match to {
                Some(to) => Transformed::yes(Expr::InSubquery(InSubquery {
                    expr: Box::new(convert(*expr, &to, schema)?),
                    subquery: cast_subquery(subquery, &to)?,
                    negated,
                })),
                None => Transformed::no(Expr::InSubquery(InSubquery { expr, subquery, negated })),
            }
        }
        Expr::Case(case) => coerce_case(case, schema)?,
        Expr::Cast(Cast { expr, field })
            if matches!(field.data_type(), DataType::Interval(_))
                && expr.get_type(schema).is_ok_and(|of| time_arithmetic::is_time(&of)) =>
        {
            Transformed::yes(time_arithmetic::span(*expr))
        }
        Expr::WindowFunction(mut window) => {
            clean::check_window(&window)?;
            for by in &mut window.params.order_by {
                by.expr = sorted(std::mem::take(&mut by.expr), schema)?;
            }
            for by in &mut window.params.partition_by {
                *by = sorted(std::mem::take(by), schema)?;
            }
            let first = window.params.order_by.first().and_then(|by| by.expr.get_type(schema).ok());
            if first.is_some_and(|of| !has_ranges(&of)) {
                window.params.window_frame = of_peers(window.params.window_frame);
            }
            Transformed::yes(Expr::WindowFunction(window))
        }
        // The shortest and the longest interval, not the one with the least months.
        Expr::AggregateFunction(call)
            if matches!(call.func.name(), "min" | "max") && intervals(&call.params.args, schema) =>
        {
            let ascending = call.func.name() == "min";
            let AggregateFunctionParams { args, filter, .. } = call.params;
            // Of those that are as long the one with most months, or least: the order of rows decides nothing.
            let mut by = vec![];
            for arg in &args {
                by.push(span(arg.clone(), schema)?.sort(ascending, false));
                by.push(arg.clone().sort(ascending, false));
            }
            Transformed::yes(Expr::AggregateFunction(AggregateFunction::new_udf(
                first_value_udaf(),
                args,
                false,
                filter,
                by,
                None,
            )))
        }
        // What must differ is sorted, as in Postgres.
        Expr::AggregateFunction(mut call)
            if call.params.distinct
                && call.params.order_by.is_empty()
                && matches!(call.func.name(), "array_agg" | "string_agg") =>
        {
            let is_float = |arg: &&mut Expr| arg.get_type(schema).is_ok_and(|of| of.is_floating());
            for arg in call.params.args.iter_mut().filter(is_float) {
                *arg = sorted(std::mem::take(arg), schema)?;
            }
            call.params.order_by = call.params.args.iter().take(1).map(|arg| arg.clone().sort(true, false)).collect();
            Transformed::yes(Expr::AggregateFunction(call))
        }
        Expr::AggregateFunction(mut call) if call.params.distinct && call.func.name() == "count" => {
            for arg in &mut call.params.args {
                *arg = sorted(std::mem::take(arg), schema)?;
            }
            Transformed::yes(Expr::AggregateFunction(call))
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) if func.name() == "nullif" && args.len() == 2 => {
            first_unless_equal(ScalarFunction { func, args }, schema)?
        }
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            if let Some(func) = round::settled(&func, &args) {
                return Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })));
            }
            if let Some(known) = any_of::marked(&func, &args) {
                return Ok(Transformed::yes(known));
            }
            if UNIFYING.contains(&func.name())
                && let Some(to) = meeting(&args, schema)
            {
                let args = convert_all(args, &to, schema)?;
                return Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })));
            }
            // Of columns that are nothing but nulls DataFusion makes one array for all rows. A null is text, as in
            // Postgres.
            let null = |e: &Expr| matches!(e.get_type(schema), Ok(DataType::Null));
            let literal = |e: &Expr| matches!(e, Expr::Literal(..));
            if func.name() == "make_array" && args.iter().all(null) && !args.iter().all(literal) {
                let args = convert_all(args, &DataType::Utf8View, schema)?;
                return Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })));
            }
            Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args }))
        }
        other => Transformed::no(other),
    })
}

/// `nullif(a, b)` has the type of a, whatever the two are compared as.
fn first_unless_equal(call: ScalarFunction, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    let ScalarFunction { func, args } = call;
    let [first, second] = match <[Expr; 2]>::try_from(args) {
        Ok(both) => both,
        Err(args) => return Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args }))),
    };
    match (first.get_type(schema), second.get_type(schema)) {
        (Ok(one), Ok(other)) if one != other && !one.is_string() && !one.is_null() && !other.is_null() => {
            let equal = BinaryExpr { left: Box::new(first.clone()), op: Operator::Eq, right: Box::new(second) };
            let equal = coerce(Expr::BinaryExpr(equal), schema)?.data;
            let null = Expr::Literal(ScalarValue::try_from(&one)?, None);
            Ok(Transformed::yes(Expr::Case(Case {
                expr: None,
                when_then_expr: vec![(Box::new(equal), Box::new(null))],
                else_expr: Some(Box::new(first)),
            })))
        }
        _ => Ok(Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args: vec![first, second] }))),
    }
}

fn coerce_binary(binary: BinaryExpr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    let unchanged = |binary| Ok(Transformed::no(Expr::BinaryExpr(binary)));
    let BinaryExpr { left, op, right } = binary;
    let (Ok(l), Ok(r)) = (left.get_type(schema), right.get_type(schema)) else {
        return unchanged(BinaryExpr { left, op, right });
    };
    let is_date = |t: &DataType| *t == DataType::Date32;
    let to = match op {
        Operator::Minus if is_date(&l) && is_date(&r) => {
            let days = Expr::BinaryExpr(BinaryExpr { left, op, right });
            return Ok(Transformed::yes(Expr::Cast(Cast::new(Box::new(days), DataType::Int32))));
        }
        Operator::Minus if difference(&left, &l, &right, &r).is_some() => {
            return match difference(&left, &l, &right, &r) {
                Some(difference) => Ok(Transformed::yes(difference)),
                None => unchanged(BinaryExpr { left, op, right }),
            };
        }
        Operator::Plus if is_date(&l) && r.is_integer() => {
            return Ok(Transformed::yes(date_plus::plus().call(vec![*left, *right])));
        }
        Operator::Plus if l.is_integer() && is_date(&r) => {
            return Ok(Transformed::yes(date_plus::plus().call(vec![*right, *left])));
        }
        Operator::Minus if is_date(&l) && r.is_integer() => {
            return Ok(Transformed::yes(date_plus::minus().call(vec![*left, *right])));
        }
        op if operators::compares(op) && are_intervals([&l, &r]) => {
            let (left, right) = (Box::new(span(*left, schema)?), Box::new(span(*right, schema)?));
            return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })));
        }
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq if array_operators::alike(&l, &r) => {
            let order = array_relations::of(Relation::Order).call(vec![*left, *right]);
            let (left, right) = (Box::new(order), Box::new(lit(0i32)));
            return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })));
        }
        Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide => {
            // A text that stands beside a timestamp may be an interval.
            if l.is_string() || r.is_string() { None } else { common([&l, &r]) }
        }
        op if operators::compares(op) => {
            real_literal(&left, &r).or_else(|| real_literal(&right, &l)).or_else(|| common([&l, &r]))
        }
        _ => None,
    };
    let Some(to) = to else { return unchanged(BinaryExpr { left, op, right }) };
    let left = Box::new(convert(*left, &to, schema)?);
    let right = Box::new(convert(*right, &to, schema)?);
    Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right })))
}

/// Whether these are intervals, or texts beside one.
fn are_intervals<'a>(types: impl IntoIterator<Item = &'a DataType>) -> bool {
    let mut interval = false;
    types.into_iter().all(|of| {
        let is_interval = matches!(of, DataType::Interval(_) | DataType::Duration(_));
        interval |= is_interval;
        is_interval || of.is_string() || of.is_null()
    }) && interval
}

fn intervals<'a>(exprs: impl IntoIterator<Item = &'a Expr>, schema: &DFSchema) -> bool {
    let types = exprs.into_iter().map(|e| e.get_type(schema)).collect::<DfResult<Vec<_>>>();
    types.is_ok_and(|types| are_intervals(&types))
}

/// An aggregate's name as it was written: `min` or `max` of intervals is another aggregate once it is planned.
pub(crate) fn written_name(call: &AggregateFunction) -> &str {
    let AggregateFunctionParams { args, order_by, .. } = &call.params;
    if let ("first_value", [arg], [length, interval]) = (call.func.name(), args.as_slice(), order_by.as_slice())
        && matches!(&length.expr, Expr::ScalarFunction(by) if by.func.inner().is::<interval_span::IntervalSpan>())
        && interval.expr == *arg
        && length.asc == interval.asc
    {
        return if length.asc { "min" } else { "max" };
    }
    call.func.name()
}

/// How long an interval is: a month has 30 days, a day 24 hours.
fn span(interval: Expr, schema: &DFSchema) -> DfResult<Expr> {
    let interval = interval.cast_to(&PgType::Interval.arrow(), schema)?;
    let span = Arc::new(interval_span::udf());
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(span, vec![interval])))
}

/// Whether DataFusion finds the ends of a RANGE frame over an order by this type.
fn has_ranges(of: &DataType) -> bool {
    !matches!(
        of,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Time32(_) | DataType::Time64(_)
    )
}

/// A RANGE frame that ends with peers or with all rows is one of GROUPS as well; any other stays.
fn of_peers(frame: WindowFrame) -> WindowFrame {
    let is_distance = |bound: &WindowFrameBound| match bound {
        WindowFrameBound::Preceding(value) | WindowFrameBound::Following(value) => !value.is_null(),
        WindowFrameBound::CurrentRow => false,
    };
    if frame.units != WindowFrameUnits::Range || is_distance(&frame.start_bound) || is_distance(&frame.end_bound) {
        return frame;
    }
    // How many groups there are has another type than how far values are.
    let of_groups = |bound: WindowFrameBound| match bound {
        WindowFrameBound::Preceding(_) => WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        WindowFrameBound::Following(_) => WindowFrameBound::Following(ScalarValue::UInt64(None)),
        WindowFrameBound::CurrentRow => WindowFrameBound::CurrentRow,
    };
    WindowFrame::new_bounds(WindowFrameUnits::Groups, of_groups(frame.start_bound), of_groups(frame.end_bound))
}

/// What is sorted by in the place of an expression: intervals by their length, and the two zeros are one.
fn sorted(by: Expr, schema: &DFSchema) -> DfResult<Expr> {
    match by.get_type(schema) {
        Ok(DataType::Interval(_) | DataType::Duration(_)) => span(by, schema),
        Ok(of @ (DataType::Float32 | DataType::Float64)) if !matches!(by, Expr::Literal(..)) => one_zero(by, &of),
        _ => Ok(by),
    }
}

/// A number beside a real compares as double precision. One that real holds exactly may as well compare as real,
/// and the column stays without a cast.
fn real_literal(literal: &Expr, beside: &DataType) -> Option<DataType> {
    let Expr::Literal(value, _) = literal else { return None };
    let number: f64 = match value {
        ScalarValue::Int16(Some(n)) => f64::from(*n),
        ScalarValue::Int32(Some(n)) => f64::from(*n),
        ScalarValue::Float64(Some(n)) => *n,
        value => decimal_text(value)?.parse::<f64>().ok()?,
    };
    let held = f64::from(number as f32) == number;
    // Digits beyond those of double precision would be lost on the way.
    let short = decimal_text(value).is_none_or(|text| text.len() <= 16);
    (*beside == DataType::Float32 && held && short).then_some(DataType::Float32)
}

fn coerce_case(case: Case, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    let tested = case.expr.as_deref().and_then(|operand| {
        meeting(std::iter::once(operand).chain(case.when_then_expr.iter().map(|(when, _)| when.as_ref())), schema)
    });
    let given =
        meeting(case.when_then_expr.iter().map(|(_, then)| then.as_ref()).chain(case.else_expr.as_deref()), schema);
    if tested.is_none() && given.is_none() {
        return Ok(Transformed::no(Expr::Case(case)));
    }
    let convert = |e: Box<Expr>, to: &Option<DataType>| -> DfResult<Box<Expr>> {
        Ok(match to {
            Some(to) => Box::new(convert(*e, to, schema)?),
            None => e,
        })
    };
    let expr = case.expr.map(|e| convert(e, &tested)).transpose()?;
    let mut when_then_expr = Vec::with_capacity(case.when_then_expr.len());
    for (when, then) in case.when_then_expr {
        when_then_expr.push((convert(when, &tested)?, convert(then, &given)?));
    }
    let else_expr = case.else_expr.map(|e| convert(e, &given)).transpose()?;
    Ok(Transformed::yes(Expr::Case(Case { expr, when_then_expr, else_expr })))
}

fn coerce_join(join: Join) -> DfResult<LogicalPlan> {
    let mut join = set_types::settle(join, |left, right| common([left, right]))?;
    let (left, right) = (Arc::clone(join.left.schema()), Arc::clone(join.right.schema()));
    join.on = join
        .on
        .into_iter()
        .map(|(l, r)| -> DfResult<(Expr, Expr)> {
            let to = match (l.get_type(&left), r.get_type(&right)) {
                (Ok(l), Ok(r)) => common([&l, &r]),
                _ => None,
            };
            Ok(match to {
                Some(to) => (convert(l, &to, &left)?, convert(r, &to, &right)?),
                None => (l, r),
            })
        })
        .collect::<DfResult<Vec<_>>>()?;
    Ok(LogicalPlan::Join(join))
}

fn coerce_union(mut union: Union) -> DfResult<LogicalPlan> {
    union.inputs = again::apart(blanks::unite(union.inputs)?)?;
    let width = union.schema.fields().len();
    let schemas: Vec<DFSchemaRef> = union.inputs.iter().map(|input| Arc::clone(input.schema())).collect();
    if schemas.iter().any(|schema| schema.fields().len() != width) {
        return Ok(LogicalPlan::Union(union));
    }
    let wanted: Vec<Option<DataType>> =
        (0..width).map(|column| common(schemas.iter().map(|schema| schema.field(column).data_type()))).collect();
    if wanted.iter().all(Option::is_none) {
        return Ok(LogicalPlan::Union(union));
    }
    let inputs = union
        .inputs
        .into_iter()
        .zip(schemas)
        .map(|(input, schema)| {
            let fields = schema
                .iter()
                .zip(&wanted)
                .map(|((qualifier, field), to)| {
                    let field = match to {
                        Some(to) => Arc::new(field.as_ref().clone().with_data_type(to.clone())),
                        None => Arc::clone(field),
                    };
                    (qualifier.cloned(), field)
                })
                .collect();
            let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
            Ok(Arc::new(coerce_plan_expr_for_schema(Arc::unwrap_or_clone(input), &schema)?))
        })
        .collect::<DfResult<Vec<_>>>()?;
    Ok(LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floating_point_wins_over_numeric() {
        let (double, real, numeric) = (DataType::Float64, DataType::Float32, DataType::Decimal128(2, 1));
        assert_eq!(common([&double, &numeric]), Some(DataType::Float64));
        assert_eq!(common([&real, &numeric]), Some(DataType::Float64));
        assert_eq!(common([&real, &DataType::Int32]), Some(DataType::Float64));
        assert_eq!(common([&real, &real]), None);
        assert_eq!(common([&numeric, &DataType::Int32]), None);
        assert_eq!(common([&double, &DataType::Null]), None);
        assert_eq!(common([&double, &DataType::Utf8]), None);
    }

    #[test]
    fn dates_and_timestamps_meet_in_microseconds() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()));
        assert_eq!(common([&DataType::Date32, &micros]), Some(micros.clone()));
        assert_eq!(common([&DataType::Utf8, &micros]), Some(micros.clone()));
        assert_eq!(common([&DataType::Date32, &DataType::Utf8]), None);
        assert_eq!(common([&micros, &nanos]), Some(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))));
    }

    #[test]
    fn a_literal_that_real_holds_compares_as_real() {
        let literal =
            |digits, precision, scale| Expr::Literal(ScalarValue::Decimal128(Some(digits), precision, scale), None);
        assert_eq!(real_literal(&literal(5, 1, 1), &DataType::Float32), Some(DataType::Float32));
        assert_eq!(real_literal(&literal(1, 1, 1), &DataType::Float32), None);
        assert_eq!(real_literal(&literal(5, 1, 1), &DataType::Float64), None);
    }
}
