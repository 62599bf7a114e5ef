//! `substr(bytea, from [, count])`, and `substring`; of texts they are DataFusion's.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::error::Result as DfResult;
use datafusion::functions::unicode;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::scalar::ScalarValue;

use super::byte_length::is_bytes;
use crate::error::{Error, Result, SqlState};

/// Both of them.
pub(super) fn udf() -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::new_from_impl(Substr { of_text: unicode::substr(), signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Substr {
    /// DataFusion's function of the name.
    of_text: Arc<ScalarUDF>,
    signature: Signature,
}

/// The bytes from a place on, which counts from 1: all of them, or those before `from + count`. 22011 for a count below 0.
fn part(bytes: &[u8], from: i64, count: Option<i64>) -> Result<&[u8]> {
    let last = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    let end = match count {
        Some(count) if count < 0 => {
            return Err(Error::new(SqlState("22011"), "negative substring length not allowed"));
        }
        Some(count) => from.saturating_add(count).saturating_sub(1).min(last),
        None => last,
    };
    let start = from.saturating_sub(1).max(0);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    Ok(range.and_then(|(start, end)| bytes.get(start..end)).unwrap_or_default())
}

fn parts(arrays: &[ArrayRef]) -> DfResult<ArrayRef> {
    let [values, numbers @ ..] = arrays else { return Err(Error::internal("substr of nothing").into()) };
    let values = cast(values, &DataType::Binary)?;
    let bytes = values.as_binary::<i32>();
    let mut columns = Vec::with_capacity(numbers.len());
    for column in numbers {
        let wrong = || Error::internal("substr counts by whole numbers");
        columns.push(column.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?);
    }
    let mut found: Vec<Option<&[u8]>> = Vec::with_capacity(bytes.len());
    for row in 0..bytes.len() {
        if bytes.is_null(row) || columns.iter().any(|column| column.is_null(row)) {
            found.push(None);
            continue;
        }
        let number = |at: usize| columns.get(at).map(|column| column.value(row));
        found.push(Some(part(bytes.value(row), number(0).unwrap_or(1), number(1))?));
    }
    Ok(Arc::new(BinaryArray::from_iter(found)))
}

impl ScalarUDFImpl for Substr {
    fn name(&self) -> &str {
        self.of_text.name()
    }

    fn aliases(&self) -> &[String] {
        self.of_text.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        match types {
            [of, numbers @ ..] if is_bytes(of) && (1..=2).contains(&numbers.len()) => {
                let mut coerced = vec![DataType::Binary];
                coerced.resize(types.len(), DataType::Int64);
                Ok(coerced)
            }
            types => {
                let fields: Vec<FieldRef> =
                    types.iter().map(|of| Arc::new(Field::new("text", of.clone(), true))).collect();
                let coerced = fields_with_udf(&fields, self.of_text.as_ref())?;
                Ok(coerced.iter().map(|field| field.data_type().clone()).collect())
            }
        }
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        match types.first() {
            Some(of) if is_bytes(of) => Ok(DataType::Binary),
            _ => self.of_text.return_type(types),
        }
    }

    /// Of a text it is the function that sources know.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> DfResult<ExprSimplifyResult> {
        let of_text = match args.first() {
            Some(arg) => arg.get_type(info.schema().as_ref())?.is_string(),
            None => false,
        };
        Ok(match of_text {
            true => ExprSimplifyResult::Simplified(self.of_text.call(args)),
            false => ExprSimplifyResult::Original(args),
        })
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.of_text.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            Some(of) if is_bytes(&of.data_type()) => {
                let is_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
                let arrays = ColumnarValue::values_to_arrays(&args.args)?;
                let found = parts(&arrays)?;
                Ok(match is_scalar {
                    true => ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?),
                    false => ColumnarValue::Array(found),
                })
            }
            _ => self.of_text.invoke_with_args(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_one() {
        let bytes: [u8; 3] = [1, 2, 3];
        for (from, count, found) in [
            (2, None, &bytes[1..]),
            (2, Some(1), &bytes[1..2]),
            (0, Some(2), &bytes[..1]),
            (2, Some(5), &bytes[1..]),
            (-5, None, &bytes[..]),
            (-5, Some(2), &bytes[..0]),
            (9, None, &bytes[..0]),
            (2, Some(0), &bytes[..0]),
            (i64::MAX, Some(i64::MAX), &bytes[..0]),
            (i64::MIN, Some(3), &bytes[..0]),
        ] {
            assert_eq!(part(&bytes, from, count).unwrap(), found, "{from} {count:?}");
        }
        assert_eq!(part(&bytes, 1, Some(-1)).unwrap_err().state(), SqlState("22011"));
    }
}
