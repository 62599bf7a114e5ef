//! Operators whose operands DataFusion brings to other types than Postgres, or to none: differences of timestamps,
//! a date and an interval, an interval and a number, a literal in quotes and a number.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::DFSchema;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator, ScalarUDF};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::catalog::types::PgType;
use crate::functions::pg::{interval_scale, time_between, time_span};
use crate::values::{Zone, read_text};

/// How deep a chain of operators may be for its type to be found at each of them: that goes through all of it.
const DEEPEST: usize = 64;

/// Plans `+`, `-`, `*` and `/` of times, intervals and untyped literals.
#[derive(Debug)]
pub struct TimeArithmetic {
    times: Arc<ScalarUDF>,
    over: Arc<ScalarUDF>,
}

impl TimeArithmetic {
    /// The planner.
    pub fn new() -> Self {
        TimeArithmetic { times: Arc::new(interval_scale::times()), over: Arc::new(interval_scale::over()) }
    }
}

impl Default for TimeArithmetic {
    fn default() -> Self {
        TimeArithmetic::new()
    }
}

fn is_moment(of: &DataType) -> bool {
    matches!(of, DataType::Timestamp(..))
}

fn is_date(of: &DataType) -> bool {
    matches!(of, DataType::Date32 | DataType::Date64)
}

fn is_interval(of: &DataType) -> bool {
    matches!(of, DataType::Interval(_) | DataType::Duration(_))
}

pub(super) fn is_time(of: &DataType) -> bool {
    matches!(of, DataType::Time32(_) | DataType::Time64(_))
}

/// A time of day as an interval.
pub(super) fn span(time: Expr) -> Expr {
    time_span().call(vec![time])
}

/// The difference of two timestamps, one of which may be a date; none when they are not.
pub(super) fn difference(left: &Expr, l: &DataType, right: &Expr, r: &DataType) -> Option<Expr> {
    let both = (is_moment(l) && (is_moment(r) || is_date(r))) || (is_date(l) && is_moment(r));
    both.then(|| {
        let args = vec![left.clone(), right.clone()];
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(time_between::udf()), args))
    })
}

/// A date as the timestamp at which it begins.
fn midnight(date: Expr) -> Expr {
    Expr::Cast(Cast::new(Box::new(date), DataType::Timestamp(TimeUnit::Microsecond, None)))
}

/// Whether the type of an expression is found in a few steps.
fn is_shallow(expr: &Expr) -> bool {
    let mut inner = expr;
    for _ in 0..DEEPEST {
        inner = match inner {
            Expr::BinaryExpr(binary) => binary.left.as_ref(),
            Expr::Alias(alias) => alias.expr.as_ref(),
            _ => return true,
        };
    }
    false
}

/// The type that a literal in quotes has beside a number; none beside anything else.
fn type_beside(other: &Expr, of: &DataType) -> Option<DataType> {
    match other {
        // A number that is written is integer where it fits.
        Expr::Literal(ScalarValue::Int64(Some(n)), _) if i32::try_from(*n).is_ok() => Some(DataType::Int32),
        Expr::Literal(ScalarValue::Null, _) | Expr::Placeholder(_) => None,
        _ => of.is_numeric().then(|| of.clone()),
    }
}

/// A literal in quotes as a value of a type; a numeric has the digits that are written.
fn as_type(literal: &Expr, to: DataType) -> Expr {
    if to.is_decimal()
        && let Expr::Literal(value, None) = literal
        && let Some(text) = value.try_as_str().flatten()
        && let Ok(value) = read_text(&PgType::Numeric(None), text, Zone::UTC)
    {
        return Expr::Literal(value, None);
    }
    Expr::Cast(Cast::new(Box::new(literal.clone()), to))
}

/// A literal in quotes beside an interval is one.
fn compared(expr: RawBinaryExpr, schema: &DFSchema) -> PlannerResult<RawBinaryExpr> {
    let beside = |literal: &Expr, other: &Expr| {
        is_quoted(literal) && is_shallow(other) && other.get_type(schema).is_ok_and(|of| is_interval(&of))
    };
    let RawBinaryExpr { op, mut left, mut right } = expr;
    let interval = PgType::Interval.arrow();
    if beside(&left, &right) {
        left = as_type(&left, interval);
    } else if beside(&right, &left) {
        right = as_type(&right, interval);
    }
    PlannerResult::Original(RawBinaryExpr { op, left, right })
}

fn is_quoted(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if value.data_type().is_string() && !value.is_null())
}

impl ExprPlanner for TimeArithmetic {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> DfResult<PlannerResult<RawBinaryExpr>> {
        let op = match &expr.op {
            BinaryOperator::Plus => Operator::Plus,
            BinaryOperator::Minus => Operator::Minus,
            BinaryOperator::Multiply => Operator::Multiply,
            BinaryOperator::Divide => Operator::Divide,
            BinaryOperator::Modulo => Operator::Modulo,
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => return Ok(compared(expr, schema)),
            _ => return Ok(PlannerResult::Original(expr)),
        };
        if !is_shallow(&expr.left) || !is_shallow(&expr.right) {
            return Ok(PlannerResult::Original(expr));
        }
        let (Ok(l), Ok(r)) = (expr.left.get_type(schema), expr.right.get_type(schema)) else {
            return Ok(PlannerResult::Original(expr));
        };
        let binary =
            |left: Expr, right: Expr| Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) });
        let planned = match op {
            _ if is_quoted(&expr.left) && type_beside(&expr.right, &r).is_some() => {
                type_beside(&expr.right, &r).map(|to| binary(as_type(&expr.left, to), expr.right.clone()))
            }
            _ if is_quoted(&expr.right) && type_beside(&expr.left, &l).is_some() => {
                type_beside(&expr.left, &l).map(|to| binary(expr.left.clone(), as_type(&expr.right, to)))
            }
            Operator::Plus if is_date(&l) && is_time(&r) => {
                Some(binary(midnight(expr.left.clone()), span(expr.right.clone())))
            }
            Operator::Plus if is_time(&l) && is_date(&r) => {
                Some(binary(midnight(expr.right.clone()), span(expr.left.clone())))
            }
            Operator::Plus | Operator::Minus if is_moment(&l) && is_time(&r) => {
                Some(binary(expr.left.clone(), span(expr.right.clone())))
            }
            Operator::Plus if is_time(&l) && is_moment(&r) => Some(binary(expr.right.clone(), span(expr.left.clone()))),
            Operator::Minus if is_moment(&l) || is_moment(&r) => difference(&expr.left, &l, &expr.right, &r),
            Operator::Plus | Operator::Minus if is_date(&l) && is_interval(&r) => {
                Some(binary(midnight(expr.left.clone()), expr.right.clone()))
            }
            Operator::Plus if is_interval(&l) && is_date(&r) => {
                Some(binary(midnight(expr.right.clone()), expr.left.clone()))
            }
            Operator::Multiply if is_interval(&l) && r.is_numeric() => {
                Some(self.times.call(vec![expr.left.clone(), expr.right.clone()]))
            }
            Operator::Multiply if l.is_numeric() && is_interval(&r) => {
                Some(self.times.call(vec![expr.right.clone(), expr.left.clone()]))
            }
            Operator::Divide if is_interval(&l) && r.is_numeric() => {
                Some(self.over.call(vec![expr.left.clone(), expr.right.clone()]))
            }
            _ => None,
        };
        Ok(match planned {
            Some(planned) => PlannerResult::Planned(planned),
            None => PlannerResult::Original(expr),
        })
    }
}
