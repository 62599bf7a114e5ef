//! `onerow_found_again(found, value)`: the value of a row that was found when it was read once more; 40001 where it was not.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, SqlState};

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(FoundAgain { signature: Signature::any(2, Volatility::Stable) })
}

/// The function, to call it.
pub fn found_again() -> Arc<ScalarUDF> {
    Arc::new(udf())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FoundAgain {
    signature: Signature,
}

impl ScalarUDFImpl for FoundAgain {
    fn name(&self) -> &str {
        "onerow_found_again"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        types.get(1).cloned().ok_or_else(|| Error::internal("a value is missing").into())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let of = args.arg_fields.get(1).ok_or_else(|| Error::internal("a value is missing"))?;
        Ok(Arc::new(of.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let rows = args.number_rows;
        let [found, value] = <[ColumnarValue; 2]>::try_from(args.args)
            .map_err(|_| Error::internal("a row that is found again has a mark and a value"))?;
        if found.into_array(rows)?.null_count() > 0 {
            let message = "the rows that a subquery refers to changed while they were read";
            return Err(Error::new(SqlState("40001"), message)
                .with_hint("Ask again, or join what the subquery reads, and group.")
                .into());
        }
        Ok(value)
    }
}
