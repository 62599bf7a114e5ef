//! Arithmetic that never wraps and never makes an infinity: an overflow is 22003, a division by zero 22012, as in
//! Postgres.
//!
//! DataFusion plans `+`, `-` and `*` over integers as wrapping, and lets floating point numbers overflow. Once types
//! are settled, an analyzer rule puts checked functions in the place of those operators; they keep the operators'
//! names in results and EXPLAIN.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type};
use datafusion::arrow::error::ArrowError;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;
use datafusion::scalar::ScalarValue;

use super::each;
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// Operators that a function is named by, for EXPLAIN.
const NAMED: usize = 8;

/// Operands of one integer or floating point type with operators between them, computed from left to right.
///
/// A whole chain is one function: names, types and rewrites of nested functions are made of those of their operands
/// at every level, which for hundreds of levels takes minutes.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    name: String,
    /// One less than operands.
    operators: Vec<Operator>,
    of: DataType,
    signature: Signature,
}

impl Checked {
    fn call(operators: Vec<Operator>, of: DataType, operands: Vec<Expr>) -> Expr {
        let words = operators.iter().map(|operator| match operator {
            Operator::Plus => "_plus",
            Operator::Minus => "_minus",
            Operator::Multiply => "_times",
            _ => "_divide",
        });
        let name = if operators.len() > NAMED {
            "checked_chain".to_string()
        } else {
            format!("checked{}", words.collect::<String>())
        };
        let signature = Signature::any(operands.len(), Volatility::Immutable);
        let function = ScalarUDF::new_from_impl(Checked { name, operators, of, signature });
        Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), operands))
    }

    fn infix(&self, operands: &[Expr], show: impl Fn(&Expr) -> String) -> String {
        let mut shown = String::new();
        for (index, operand) in operands.iter().enumerate() {
            if let Some(operator) = index.checked_sub(1).and_then(|before| self.operators.get(before)) {
                shown.push_str(&format!(" {operator} "));
            }
            shown.push_str(&show(operand));
        }
        shown
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        &self.name
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(self.infix(args, |e| e.to_string()))
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(self.infix(args, |e| e.schema_name().to_string()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.of.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let mut operands = args.args.into_iter();
        let Some(mut value) = operands.next() else {
            return Err(Error::internal("an operator without operands").into());
        };
        for (operator, operand) in self.operators.iter().zip(operands) {
            let kernel: fn(
                &dyn datafusion::arrow::array::Datum,
                &dyn datafusion::arrow::array::Datum,
            ) -> Result<ArrayRef, ArrowError> = match operator {
                Operator::Plus => numeric::add,
                Operator::Minus => numeric::sub,
                Operator::Multiply => numeric::mul,
                _ => numeric::div,
            };
            let result = apply(&value, &operand, kernel).map_err(|e| match e {
                DataFusionError::ArrowError(inner, _) if matches!(*inner, ArrowError::ArithmeticOverflow(_)) => {
                    out_of_range(&self.of).into()
                }
                other => other,
            })?;
            if is_float(&self.of) {
                check_floats(*operator, &value, &operand, &result)?;
            }
            value = one_nan(result);
        }
        Ok(value)
    }
}

fn is_float(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Float32 | DataType::Float64)
}

/// Refuses results that Postgres refuses: infinities of finite numbers, zeros of others, quotients by zero.
fn check_floats(op: Operator, left: &ColumnarValue, right: &ColumnarValue, result: &ColumnarValue) -> DfResult<()> {
    let (rows, nulls) = match result {
        ColumnarValue::Array(array) => (array.len(), array.logical_nulls()),
        ColumnarValue::Scalar(value) if value.is_null() => return Ok(()),
        ColumnarValue::Scalar(_) => (1, None),
    };
    for row in 0..rows {
        let value = float_at(result, row);
        if (value.is_finite() && value != 0.0) || nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            continue;
        }
        let (l, r) = (float_at(left, row), float_at(right, row));
        if op == Operator::Divide && r == 0.0 && !l.is_nan() {
            return Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero").into());
        }
        let overflow = match op {
            Operator::Divide => value.is_infinite() && !l.is_infinite(),
            _ => value.is_infinite() && !l.is_infinite() && !r.is_infinite(),
        };
        let underflow = match op {
            Operator::Multiply => value == 0.0 && l != 0.0 && r != 0.0,
            Operator::Divide => value == 0.0 && l != 0.0 && !r.is_infinite(),
            _ => false,
        };
        if overflow || underflow {
            let which = if overflow { "overflow" } else { "underflow" };
            let message = format!("value out of range: {which}");
            return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message).into());
        }
    }
    Ok(())
}

/// There is one NaN: one with a sign, as processors make of infinities, would not be equal to another.
fn one_nan(numbers: ColumnarValue) -> ColumnarValue {
    let signed = |value: f64| value.is_nan() && value.is_sign_negative();
    match numbers {
        ColumnarValue::Scalar(ScalarValue::Float64(Some(value))) if signed(value) => {
            ColumnarValue::Scalar(ScalarValue::Float64(Some(f64::NAN)))
        }
        ColumnarValue::Scalar(ScalarValue::Float32(Some(value))) if signed(f64::from(value)) => {
            ColumnarValue::Scalar(ScalarValue::Float32(Some(f32::NAN)))
        }
        ColumnarValue::Array(array) => ColumnarValue::Array(match array.data_type() {
            DataType::Float64 if array.as_primitive::<Float64Type>().values().iter().any(|v| signed(*v)) => Arc::new(
                array.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| if v.is_nan() { f64::NAN } else { v }),
            ),
            DataType::Float32 if array.as_primitive::<Float32Type>().values().iter().any(|v| signed(f64::from(*v))) => {
                Arc::new(
                    array.as_primitive::<Float32Type>().unary::<_, Float32Type>(
                        |v| {
                            if v.is_nan() { f32::NAN } else { v }
                        },
                    ),
                )
            }
            _ => array,
        }),
        numbers => numbers,
    }
}

/// The number in a row; NaN where there is none.
fn float_at(value: &ColumnarValue, row: usize) -> f64 {
    match value {
        ColumnarValue::Array(array) => match array.data_type() {
            DataType::Float32 => {
                array.as_primitive::<Float32Type>().values().get(row).map_or(f64::NAN, |v| f64::from(*v))
            }
            DataType::Float64 => array.as_primitive::<Float64Type>().values().get(row).copied().unwrap_or(f64::NAN),
            _ => f64::NAN,
        },
        ColumnarValue::Scalar(ScalarValue::Float32(Some(v))) => f64::from(*v),
        ColumnarValue::Scalar(ScalarValue::Float64(Some(v))) => *v,
        ColumnarValue::Scalar(_) => f64::NAN,
    }
}

fn out_of_range(data_type: &DataType) -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{} out of range", PgType::of_arrow(data_type)))
}

/// Puts checked functions in the place of `+`, `-` and `*` over integers and floating point numbers, and of `/` over
/// the latter. Arrow checks quotients of integers itself.
#[derive(Debug, Default)]
pub struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(check_plan)?.data)
    }

    fn name(&self) -> &str {
        "checked_arithmetic"
    }
}

fn check_plan(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    each::expression(plan, check_operator)
}

fn check_operator(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    if let Expr::Negative(number) = &expr {
        return Ok(match negated(number, schema) {
            Some(product) => Transformed::yes(product),
            None => Transformed::no(expr),
        });
    }
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return Ok(Transformed::no(expr)) };
    if !matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide) {
        return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
    }
    // A subquery's columns may come from outside: where a type cannot be found the operator stays.
    let of = match (type_of(&left, schema), type_of(&right, schema)) {
        (Some(l), Some(r)) if l == r && (is_float(&l) || (l.is_integer() && op != Operator::Divide)) => l,
        _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
    };
    // What is computed first goes on to be: (a + b) - c is a + b - c.
    let (mut operators, mut operands) = match *left {
        Expr::ScalarFunction(call) => match chain_of(&call) {
            Some(chain) => (chain.operators.clone(), call.args),
            None => (vec![], vec![Expr::ScalarFunction(call)]),
        },
        first => (vec![], vec![first]),
    };
    operators.push(op);
    operands.push(*right);
    Ok(Transformed::yes(Checked::call(operators, of, operands)))
}

/// `-x` as `x * -1`, which does not wrap and keeps NaN without a sign. What is written with its sign stays.
fn negated(number: &Expr, schema: &DFSchema) -> Option<Expr> {
    if matches!(number, Expr::Literal(..)) {
        return None;
    }
    let of = type_of(number, schema)?;
    let minus_one = match of {
        DataType::Int16 => ScalarValue::Int16(Some(-1)),
        DataType::Int32 => ScalarValue::Int32(Some(-1)),
        DataType::Int64 => ScalarValue::Int64(Some(-1)),
        DataType::Float32 => ScalarValue::Float32(Some(-1.0)),
        DataType::Float64 => ScalarValue::Float64(Some(-1.0)),
        _ => return None,
    };
    Some(Checked::call(vec![Operator::Multiply], of, vec![number.clone(), Expr::Literal(minus_one, None)]))
}

/// The function that a call is of, if it is one of these.
fn chain_of(call: &ScalarFunction) -> Option<&Checked> {
    call.func.inner().downcast_ref::<Checked>()
}

/// The operators between the operands of a call of one of these functions, which are computed from left to right.
pub(crate) fn operators(call: &ScalarFunction) -> Option<&[Operator]> {
    chain_of(call).map(|chain| chain.operators.as_slice())
}

/// A call of one of these functions without its last operand; none for any other function.
pub(super) fn without_last(call: &ScalarFunction) -> Option<Expr> {
    let chain = chain_of(call)?;
    let (_, operands) = call.args.split_last()?;
    let (_, operators) = chain.operators.split_last()?;
    Some(match operands {
        [only] => only.clone(),
        several => Checked::call(operators.to_vec(), chain.of.clone(), several.to_vec()),
    })
}

fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    if let Expr::ScalarFunction(call) = expr
        && let Some(chain) = chain_of(call)
    {
        return Some(chain.of.clone());
    }
    expr.get_type(schema).ok()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Float64Array;

    use super::*;

    fn divided(left: Vec<Option<f64>>, by: f64) -> Result<(), SqlState> {
        let left = ColumnarValue::Array(Arc::new(Float64Array::from(left)));
        let right = ColumnarValue::Scalar(ScalarValue::Float64(Some(by)));
        let result = apply(&left, &right, numeric::div).unwrap();
        check_floats(Operator::Divide, &left, &right, &result).map_err(|e| Error::from(e).state())
    }

    #[test]
    fn quotients_by_zero_are_refused_and_those_of_null_and_nan_are_not() {
        assert!(divided(vec![Some(1.0)], 0.0).is_err_and(|state| state == SqlState::DIVISION_BY_ZERO));
        assert!(divided(vec![Some(0.0)], 0.0).is_err_and(|state| state == SqlState::DIVISION_BY_ZERO));
        assert!(divided(vec![None, Some(f64::NAN)], 0.0).is_ok());
        assert!(divided(vec![Some(0.0), Some(5.0)], 2.0).is_ok());
    }

    #[test]
    fn there_is_one_nan() {
        let signed: ArrayRef = Arc::new(Float64Array::from(vec![Some(-f64::NAN), None, Some(-0.0)]));
        let ColumnarValue::Array(one) = one_nan(ColumnarValue::Array(signed)) else { panic!("no column") };
        let one = one.as_primitive::<Float64Type>();
        assert_eq!(one.value(0).to_bits(), f64::NAN.to_bits());
        assert!(one.is_null(1) && one.value(2).is_sign_negative());
    }

    #[test]
    fn infinities_and_zeros_that_come_of_other_numbers_are_refused() {
        assert!(divided(vec![Some(1e308)], 1e-10).is_err_and(|state| state == SqlState::NUMERIC_VALUE_OUT_OF_RANGE));
        assert!(divided(vec![Some(1e-308)], 1e100).is_err_and(|state| state == SqlState::NUMERIC_VALUE_OUT_OF_RANGE));
        assert!(divided(vec![Some(f64::INFINITY)], 2.0).is_ok());
        assert!(divided(vec![Some(1.0)], f64::INFINITY).is_ok());
    }
}
