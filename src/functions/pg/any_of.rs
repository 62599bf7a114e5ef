//! `onerow_any(found, array)`: `x = ANY(array)`, which is not known where nothing was found and the array has a null.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

use crate::error::Error;

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(AnyOf { signature: Signature::any(2, Volatility::Immutable) })
}

/// `array_has(array, x)` of an array with nulls that is a value, as one that was bound to a parameter: what is not in it is
/// not known. None for all else.
pub(crate) fn marked(func: &Arc<ScalarUDF>, args: &[Expr]) -> Option<Expr> {
    let [Expr::Literal(array, _), _] = args else { return None };
    if func.name() != "array_has" || !has_null(&array.to_array().ok()?, 0) {
        return None;
    }
    let found = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(func), args.to_vec()));
    Some(udf().call(vec![found, Expr::Literal(array.clone(), None)]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AnyOf {
    signature: Signature,
}

/// The elements of each row's array; none for a row without one, or for what is no array.
fn elements(arrays: &ArrayRef, row: usize) -> Option<ArrayRef> {
    if arrays.is_null(row) {
        return None;
    }
    match arrays.data_type() {
        DataType::List(_) => Some(arrays.as_list::<i32>().value(row)),
        DataType::LargeList(_) => Some(arrays.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => Some(arrays.as_fixed_size_list().value(row)),
        _ => None,
    }
}

fn has_null(arrays: &ArrayRef, row: usize) -> bool {
    elements(arrays, row).is_some_and(|elements| elements.logical_null_count() > 0)
}

fn is_without_elements(arrays: &ArrayRef, row: usize) -> bool {
    elements(arrays, row).is_some_and(|elements| elements.is_empty())
}

impl ScalarUDFImpl for AnyOf {
    fn name(&self) -> &str {
        "onerow_any"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Boolean)
    }

    /// An array that is written out and has no null changes nothing: a source can be sent the rest. Nothing is in one
    /// without elements.
    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> DfResult<ExprSimplifyResult> {
        match <[Expr; 2]>::try_from(args) {
            Ok([found, Expr::Literal(array, metadata)]) => {
                let arrays = array.to_array()?;
                if is_without_elements(&arrays, 0) {
                    return Ok(ExprSimplifyResult::Simplified(lit(false)));
                }
                Ok(match has_null(&arrays, 0) {
                    true => ExprSimplifyResult::Original(vec![found, Expr::Literal(array, metadata)]),
                    false => ExprSimplifyResult::Simplified(found),
                })
            }
            Ok(args) => Ok(ExprSimplifyResult::Original(args.into())),
            Err(args) => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let [found, arrays] = args.args.as_slice() else {
            return Err(Error::internal("ANY of something else than an array").into());
        };
        let found = found.cast_to(&DataType::Boolean, None)?.into_array(args.number_rows)?;
        let arrays = arrays.to_array(args.number_rows)?;
        let known: BooleanArray = found
            .as_boolean()
            .iter()
            .enumerate()
            .map(|(row, found)| match found {
                _ if is_without_elements(&arrays, row) => Some(false),
                found => found.filter(|found| *found || !has_null(&arrays, row)),
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(known)))
    }
}
