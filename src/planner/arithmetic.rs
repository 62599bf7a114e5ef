//! Integer arithmetic that never wraps: an overflow is 22003, as in Postgres.
//!
//! DataFusion plans `+`, `-` and `*` as wrapping. Once types are settled, an analyzer rule puts checked functions
//! in the place of those operators over integers; they keep the operators' names in results and EXPLAIN.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result as DfResult};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// `left + right` over integers of one type, or one of its siblings.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    op: Operator,
    name: &'static str,
    signature: Signature,
}

impl Checked {
    fn function(op: Operator, name: &'static str) -> Arc<ScalarUDF> {
        let signature = Signature::any(2, Volatility::Immutable);
        Arc::new(ScalarUDF::new_from_impl(Checked { op, name, signature }))
    }

    fn infix(&self, args: &[Expr], show: impl Fn(&Expr) -> String) -> String {
        args.iter().map(show).collect::<Vec<_>>().join(&format!(" {} ", self.op))
    }
}

static PLUS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function(Operator::Plus, "int_plus"));
static MINUS: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function(Operator::Minus, "int_minus"));
static TIMES: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::function(Operator::Multiply, "int_times"));

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.name
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

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        types.first().cloned().ok_or_else(|| Error::internal("an operator without operands").into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return Err(Error::internal("an operator takes two operands").into());
        };
        let kernel: fn(
            &dyn datafusion::arrow::array::Datum,
            &dyn datafusion::arrow::array::Datum,
        ) -> Result<ArrayRef, ArrowError> = match self.op {
            Operator::Plus => numeric::add,
            Operator::Minus => numeric::sub,
            _ => numeric::mul,
        };
        let of = left.data_type();
        apply(left, right, kernel).map_err(|e| match e {
            DataFusionError::ArrowError(inner, _) if matches!(*inner, ArrowError::ArithmeticOverflow(_)) => {
                out_of_range(&of).into()
            }
            other => other,
        })
    }
}

fn out_of_range(data_type: &DataType) -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{} out of range", PgType::of_arrow(data_type)))
}

/// Puts checked functions in the place of `+`, `-` and `*` over integers.
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
    let schema: DFSchemaRef = match &plan {
        LogicalPlan::TableScan(scan) => {
            let schema = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?;
            Arc::new(schema)
        }
        plan => Arc::new(merge_schema(&plan.inputs())),
    };
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let saved = names.save(&expr);
        Ok(expr.transform_up(|e| check_operator(e, &schema))?.update_data(|e| saved.restore(e)))
    })
}

fn check_operator(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else { return Ok(Transformed::no(expr)) };
    let function = match op {
        Operator::Plus => &PLUS,
        Operator::Minus => &MINUS,
        Operator::Multiply => &TIMES,
        _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
    };
    // A subquery's columns may come from outside: where a type cannot be found the operator stays.
    let types = (left.get_type(schema), right.get_type(schema));
    match types {
        (Ok(l), Ok(r)) if l.is_integer() && l == r => Ok(Transformed::yes(Expr::ScalarFunction(
            ScalarFunction::new_udf(Arc::clone(function), vec![*left, *right]),
        ))),
        _ => Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
    }
}
