//! Two columns of a UNION's branch that are one expression are told apart.
//!
//! DataFusion sorts such a branch by one of them alone, and then finds that what it has is not sorted by both.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Alias, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, Projection, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

use crate::error::Error;

/// Gives its argument.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Again {
    signature: Signature,
}

fn nothing() -> Error {
    Error::internal("there is nothing to give again")
}

impl ScalarUDFImpl for Again {
    fn name(&self) -> &str {
        "again"
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        Ok(types.first().cloned().ok_or_else(nothing)?)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(args.arg_fields.first().map(Arc::clone).ok_or_else(nothing)?)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        Ok(args.args.into_iter().next().ok_or_else(nothing)?)
    }
}

/// The branches with what stands twice in a list given again the second time.
pub(super) fn apart(inputs: Vec<Arc<LogicalPlan>>) -> DfResult<Vec<Arc<LogicalPlan>>> {
    inputs.into_iter().map(branch).collect()
}

fn branch(input: Arc<LogicalPlan>) -> DfResult<Arc<LogicalPlan>> {
    let LogicalPlan::Projection(projection) = input.as_ref() else { return Ok(input) };
    let mut seen: Vec<&Expr> = vec![];
    let mut twice = false;
    let mut items = Vec::with_capacity(projection.expr.len());
    for expr in &projection.expr {
        let value = match expr {
            Expr::Alias(alias) => alias.expr.as_ref(),
            expr => expr,
        };
        match expr {
            Expr::Alias(alias) if !matches!(value, Expr::Literal(..)) && seen.contains(&value) => {
                twice = true;
                items.push(Expr::Alias(Alias { expr: Box::new(again(value.clone())), ..alias.clone() }));
            }
            expr => items.push(expr.clone()),
        }
        seen.push(value);
    }
    if !twice {
        return Ok(input);
    }
    let input = Arc::clone(&projection.input);
    Ok(Arc::new(LogicalPlan::Projection(Projection::try_new(items, input)?)))
}

fn again(expr: Expr) -> Expr {
    let function = Again { signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![expr]))
}
