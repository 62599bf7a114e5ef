//! `onerow_array_of(like, text)`: a literal as an array of what the first argument is; `x = ANY('{1,2}')` needs it.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::catalog::types::PgType;
use crate::error::Error;
use crate::values::{Zone, read_text};

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(ArrayOf { signature: Signature::any(2, Volatility::Stable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayOf {
    signature: Signature,
}

/// The array type of a value's type; a value without a type is text.
fn array_of(data_type: &DataType, field: Option<&FieldRef>) -> PgType {
    let element = match field {
        _ if matches!(data_type, DataType::Null) => PgType::Text,
        Some(field) => PgType::of_field(field),
        None => PgType::of_arrow(data_type),
    };
    PgType::Array(Box::new(element))
}

fn session_zone(options: &ConfigOptions) -> Zone {
    options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC)
}

fn read(kind: &PgType, written: &ScalarValue, zone: Zone) -> DfResult<ScalarValue> {
    match written.try_as_str().flatten() {
        Some(text) => Ok(read_text(kind, text, zone)?),
        None => ScalarValue::try_from(&kind.arrow()),
    }
}

impl ScalarUDFImpl for ArrayOf {
    fn name(&self) -> &str {
        "onerow_array_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        let like = arg_types.first().ok_or_else(|| Error::internal("an array of nothing"))?;
        Ok(array_of(like, None).arrow())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let like = args.arg_fields.first().ok_or_else(|| Error::internal("an array of nothing"))?;
        Ok(Arc::new(array_of(like.data_type(), Some(like)).field(self.name(), true)))
    }

    /// Gives the array as a literal, so that a source can be sent it.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> DfResult<ExprSimplifyResult> {
        let [like, Expr::Literal(written, _)] = args.as_slice() else {
            return Ok(ExprSimplifyResult::Original(args));
        };
        let field = like.to_field(info.schema().as_ref())?.1;
        let zone = session_zone(info.config_options());
        let value = read(&array_of(field.data_type(), Some(&field)), written, zone)?;
        Ok(ExprSimplifyResult::Simplified(Expr::Literal(value, None)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let like = args.arg_fields.first().ok_or_else(|| Error::internal("an array of nothing"))?;
        let Some(ColumnarValue::Scalar(written)) = args.args.get(1) else {
            return Err(Error::unsupported("ANY and ALL take an array").into());
        };
        let kind = array_of(like.data_type(), Some(like));
        let value = read(&kind, written, session_zone(&args.config_options))?;
        Ok(ColumnarValue::Scalar(value))
    }
}
