//! `length`, `octet_length` and `bit_length`, of `bytea` too; of texts they are DataFusion's.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as DfResult;
use datafusion::functions::{string, unicode};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// All three.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    [(unicode::character_length(), 1), (string::octet_length(), 1), (string::bit_length(), 8)]
        .map(|(of_text, a_byte)| {
            let signature = Signature::user_defined(Volatility::Immutable);
            ScalarUDF::new_from_impl(ByteLength { of_text, a_byte, signature })
        })
        .into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ByteLength {
    /// DataFusion's function of the name.
    of_text: Arc<ScalarUDF>,
    /// How much a byte counts.
    a_byte: i32,
    signature: Signature,
}

pub(super) fn is_bytes(of: &DataType) -> bool {
    matches!(of, DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_))
}

impl ByteLength {
    fn lengths(&self, values: &ArrayRef) -> DfResult<ArrayRef> {
        let values = cast(values, &DataType::Binary)?;
        let bytes = values.as_binary::<i32>();
        let lengths =
            bytes.iter().map(|value| value.and_then(|v| i32::try_from(v.len()).ok()?.checked_mul(self.a_byte)));
        Ok(Arc::new(lengths.collect::<Int32Array>()))
    }
}

impl ScalarUDFImpl for ByteLength {
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
            [of] if is_bytes(of) => Ok(vec![DataType::Binary]),
            [of] if of.is_string() => Ok(vec![of.clone()]),
            [of] if of.is_numeric() || of.is_temporal() || *of == DataType::Boolean => {
                let message = format!("function {}({}) does not exist", self.name(), PgType::of_arrow(of));
                Err(Error::new(SqlState::UNDEFINED_FUNCTION, message)
                    .with_hint("You might need to add an explicit type cast.")
                    .into())
            }
            [_] => Ok(vec![DataType::Utf8View]),
            types => {
                let message = format!("function {} does not take {} arguments", self.name(), types.len());
                Err(Error::new(SqlState::UNDEFINED_FUNCTION, message).into())
            }
        }
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        if types.first().is_some_and(is_bytes) {
            return Ok(DataType::Int32);
        }
        self.of_text.return_type(types)
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

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            Some(value) if is_bytes(&value.data_type()) => {
                Ok(ColumnarValue::Array(self.lengths(&value.to_array(args.number_rows)?)?))
            }
            _ => self.of_text.invoke_with_args(args),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.of_text.documentation()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::BinaryArray;
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn bytes_are_counted() {
        let values: ArrayRef = Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), Some(&b""[..]), None]));
        let bits = ByteLength {
            of_text: string::bit_length(),
            a_byte: 8,
            signature: Signature::user_defined(Volatility::Immutable),
        };
        let lengths = bits.lengths(&values).unwrap();
        assert_eq!(lengths.as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(16), Some(0), None]);
    }
}
