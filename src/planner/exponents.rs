//! Text that is cast to numeric may have an exponent: `'1e10'` is 10000000000. The cast itself is DataFusion's, which
//! reads digits alone, so they are written out before.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result};
use crate::values::written_out;

const NAME: &str = "plain_digits";

/// A text that is to be read as numeric, with its digits written out.
pub(super) fn without(text: Expr) -> Expr {
    match &text {
        Expr::Literal(value, _) if !value.try_as_str().flatten().is_some_and(has_letters) => text,
        Expr::ScalarFunction(call) if call.func.name() == NAME => text,
        _ => {
            let function = PlainDigits { signature: Signature::any(1, Volatility::Immutable) };
            let function = Arc::new(ScalarUDF::new_from_impl(function));
            Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![text]))
        }
    }
}

/// Whether a text may have an exponent, or be `NaN` or `Infinity`, which are refused.
fn has_letters(text: &str) -> bool {
    text.contains(['e', 'E', 'n', 'N'])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct PlainDigits {
    signature: Signature,
}

fn plain(texts: &ArrayRef) -> Result<ArrayRef> {
    let texts = cast(texts, &DataType::Utf8View)?;
    let views = texts.as_string_view();
    if !views.iter().flatten().any(has_letters) {
        return Ok(texts);
    }
    let plain = views
        .iter()
        .map(|text| match text {
            Some(text) if has_letters(text) => Ok(Some(written_out(text)?)),
            other => Ok(other.map(str::to_string)),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StringViewArray::from_iter(plain)))
}

impl ScalarUDFImpl for PlainDigits {
    fn name(&self) -> &str {
        NAME
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(ToString::to_string).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|arg| arg.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&plain(&value.to_array()?)?, 0)?))
            }
            Some(ColumnarValue::Array(texts)) => Ok(ColumnarValue::Array(plain(texts)?)),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_written_out() {
        let given: ArrayRef =
            Arc::new(StringViewArray::from(vec![Some("1e3"), Some(" -2.5E-1 "), Some("7"), Some("seven"), None]));
        assert!(plain(&given).is_err());
        let given = given.slice(0, 3);
        let made = plain(&given).unwrap();
        let made: Vec<Option<&str>> = made.as_string_view().iter().collect();
        assert_eq!(made, [Some("1000"), Some("-0.25"), Some("7")]);
    }
}
