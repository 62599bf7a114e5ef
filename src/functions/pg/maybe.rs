//! `onerow_maybe(value)`: the value itself, which may be NULL; what stands for the one row of a subquery may find none.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Error;

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(Maybe { signature: Signature::any(1, Volatility::Immutable) })
}

/// The function, to call it.
pub fn maybe() -> Arc<ScalarUDF> {
    Arc::new(udf())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Maybe {
    signature: Signature,
}

impl ScalarUDFImpl for Maybe {
    fn name(&self) -> &str {
        "onerow_maybe"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        types.first().cloned().ok_or_else(|| Error::internal("a value is missing").into())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let of = args.arg_fields.first().ok_or_else(|| Error::internal("a value is missing"))?;
        Ok(Arc::new(of.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        args.args.into_iter().next().ok_or_else(|| Error::internal("a value is missing").into())
    }
}
