//! `||` of texts with Postgres's limit to a value's size (54000); so too functions that the planner knows without their
//! names, such as `overlay(.. PLACING ..)`.
//!
//! DataFusion's operator makes what it is told to: text that is joined with itself in thirty subqueries has a gigabyte
//! for every character, and no account of memory sees it before it is there. Once types are settled, an analyzer rule
//! puts a function in the operator's place; it keeps the operator's name in results and EXPLAIN.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, GenericStringArray, GenericStringBuilder, OffsetSizeTrait, StringViewArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use super::each;
use crate::error::Error;
use crate::functions::limited::{check_size, limit, too_large};

/// The function's name.
pub(crate) const LIMITED: &str = "limited_concatenation";

/// Puts the function in the place of `||`.
#[derive(Debug, Default)]
pub struct LimitedConcatenation;

impl AnalyzerRule for LimitedConcatenation {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(limit_plan)?.data)
    }

    fn name(&self) -> &str {
        "limited_concatenation"
    }
}

fn limit_plan(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    each::expression(plan, |e, schema| Ok(limit_operator(e, schema)))
}

fn limit_operator(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let expr = match expr {
        Expr::ScalarFunction(ScalarFunction { func, args }) => {
            return match limit(&func) {
                Some(func) => Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, args })),
                None => Transformed::no(Expr::ScalarFunction(ScalarFunction { func, args })),
            };
        }
        other => other,
    };
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) = expr else {
        return Transformed::no(expr);
    };
    // A subquery's columns may come from outside: where a type cannot be found the operator stays.
    let of = match (type_of(&left, schema), type_of(&right, schema)) {
        (Some(l), Some(r)) if l == r && is_text(&l) => l,
        _ => {
            return Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }));
        }
    };
    // (a || b) || c is one call: what is made of calls in calls is made of their operands at every level.
    let mut operands = match *left {
        Expr::ScalarFunction(call) if joined(&call).is_some() => call.args,
        first => vec![first],
    };
    operands.push(*right);
    let function = Joined { of, signature: Signature::any(operands.len(), Volatility::Immutable) };
    let function = Arc::new(ScalarUDF::new_from_impl(function));
    Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(function, operands)))
}

fn joined(call: &ScalarFunction) -> Option<&Joined> {
    call.func.inner().downcast_ref::<Joined>()
}

fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    if let Expr::ScalarFunction(call) = expr
        && let Some(joined) = joined(call)
    {
        return Some(joined.of.clone());
    }
    expr.get_type(schema).ok()
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Texts of one type joined; null where one of them is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Joined {
    of: DataType,
    signature: Signature,
}

fn infix(operands: &[Expr], show: impl Fn(&Expr) -> String) -> String {
    operands.iter().map(show).collect::<Vec<_>>().join(" || ")
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &str {
        LIMITED
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(infix(args, |e| e.to_string()))
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(infix(args, |e| e.schema_name().to_string()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.of.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.of.clone(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let is_column = args.args.iter().any(|arg| matches!(arg, ColumnarValue::Array(_)));
        let rows = if is_column { args.number_rows } else { 1 };
        let mut operands = Vec::with_capacity(args.args.len());
        for arg in &args.args {
            // What is the same for every row is one row here.
            operands.push(Operand {
                texts: cast(&arg.to_array(1)?, &DataType::Utf8View)?,
                same: matches!(arg, ColumnarValue::Scalar(_)),
            });
        }
        let bytes = size(&operands, rows)?;
        let values: ArrayRef = match &self.of {
            DataType::Utf8 => Arc::new(written::<i32>(&operands, rows, bytes)?),
            DataType::LargeUtf8 => Arc::new(written::<i64>(&operands, rows, bytes)?),
            // The views are of the same buffer.
            _ => Arc::new(StringViewArray::from(&written::<i32>(&operands, rows, bytes)?)),
        };
        if is_column {
            return Ok(ColumnarValue::Array(values));
        }
        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&values, 0)?))
    }
}

/// One side of `||`.
struct Operand {
    texts: ArrayRef,
    same: bool,
}

impl Operand {
    fn view(&self) -> Option<&StringViewArray> {
        self.texts.as_string_view_opt()
    }

    fn text(&self, row: usize) -> Option<&str> {
        let texts = self.view()?;
        let row = if self.same { 0 } else { row };
        (row < texts.len() && texts.is_valid(row)).then(|| texts.value(row))
    }
}

/// The bytes of all rows' values. More than a value, or a batch of them, may have are an error.
fn size(operands: &[Operand], rows: usize) -> Result<usize, Error> {
    let (mut all, mut largest) = (0_u64, 0);
    for row in 0..rows {
        let bytes = operands.iter().map(|operand| operand.text(row).map(|text| text.len() as u64)).sum::<Option<u64>>();
        let bytes = bytes.unwrap_or(0);
        largest = largest.max(bytes);
        all = all.saturating_add(bytes);
    }
    check_size("What || would give", largest, rows, all)?;
    usize::try_from(all).map_err(|_| too_large("What || would give", all))
}

/// The rows' texts one after another, null where one is: into one buffer that is made at once, as it may be a gigabyte.
fn written<O: OffsetSizeTrait>(operands: &[Operand], rows: usize, bytes: usize) -> DfResult<GenericStringArray<O>> {
    let mut values = GenericStringBuilder::<O>::with_capacity(rows, bytes);
    for row in 0..rows {
        if operands.iter().any(|operand| operand.text(row).is_none()) {
            values.append_null();
            continue;
        }
        for text in operands.iter().filter_map(|operand| operand.text(row)) {
            values.write_str(text).map_err(|error| Error::internal(error.to_string()))?;
        }
        // Ends the value that was written.
        values.append_value("");
    }
    Ok(values.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operands() -> Vec<Operand> {
        let texts = |texts: Vec<Option<&str>>| Arc::new(StringViewArray::from(texts)) as ArrayRef;
        vec![
            Operand { texts: texts(vec![Some("a"), None, Some("ä")]), same: false },
            Operand { texts: texts(vec![Some("-a text longer than a view")]), same: true },
        ]
    }

    #[test]
    fn texts_are_joined_row_by_row() {
        let operands = operands();
        let bytes = size(&operands, 3).unwrap();
        assert_eq!(bytes, 27 + 28);
        let written = written::<i32>(&operands, 3, bytes).unwrap();
        let expected = [Some("a-a text longer than a view"), None, Some("ä-a text longer than a view")];
        assert_eq!(written.iter().collect::<Vec<_>>(), expected);
        assert_eq!(StringViewArray::from(&written).iter().collect::<Vec<_>>(), expected);
    }
}
