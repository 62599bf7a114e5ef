//! Values as the functions that count them give them: the two zeros of floating point, also those in structs and arrays,
//! are one. And whether values are equal as these functions see it.

use std::sync::Arc;

use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Error;
use crate::functions::merge::{self, RowRanking};

/// A value with one zero.
pub fn one_zero(value: Expr) -> Expr {
    ScalarUDF::new_from_impl(OneZero { signature: Signature::any(1, Volatility::Immutable) }).call(vec![value])
}

/// Whether two values are equal and not null, however they are written: zeros, and intervals of one length.
pub fn alike(one: Expr, other: Expr) -> Expr {
    ScalarUDF::new_from_impl(Alike { signature: Signature::any(2, Volatility::Immutable) }).call(vec![one, other])
}

/// Whether a value of the type may hold a zero that is written in two ways.
pub fn has_zeros(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => fields.iter().any(|field| has_zeros(field.data_type())),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            has_zeros(item.data_type())
        }
        other => other.is_floating(),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OneZero {
    signature: Signature,
}

impl OneZero {
    fn lost() -> Error {
        Error::internal("a value to be told of was lost")
    }
}

impl ScalarUDFImpl for OneZero {
    fn name(&self) -> &str {
        "onerow_one_zero"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        types.first().cloned().ok_or_else(|| OneZero::lost().into())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        args.arg_fields.first().cloned().ok_or_else(|| OneZero::lost().into())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let value = arrays.first().ok_or_else(OneZero::lost)?;
        Ok(ColumnarValue::Array(merge::one_zero(value)?))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Alike {
    signature: Signature,
}

impl ScalarUDFImpl for Alike {
    fn name(&self) -> &str {
        "onerow_alike"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [one, other] = arrays.as_slice() else { return Err(OneZero::lost().into()) };
        let other = cast(other, one.data_type())?;
        let Some(by_value) = merge::rule("majority") else { return Err(OneZero::lost().into()) };
        let both = RowRanking::try_new(by_value, &[concat(&[one.as_ref(), other.as_ref()])?])?;
        let rows = one.len();
        let alike = (0..rows).map(|at| {
            let held = both.is_candidate(at) && both.is_candidate(rows + at);
            Some(held && both.compare_values(at, rows + at).is_eq())
        });
        Ok(ColumnarValue::Array(Arc::new(alike.collect::<BooleanArray>())))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, StructArray};
    use datafusion::arrow::datatypes::{Field, Fields, Float64Type};

    use super::*;

    #[test]
    fn zeros_in_structs_are_one() {
        let zeros: ArrayRef = Arc::new(Float64Array::from(vec![Some(-0.0), Some(0.0), None]));
        let fields = Fields::from(vec![Field::new("x", DataType::Float64, true)]);
        let records: ArrayRef = Arc::new(StructArray::new(fields, vec![zeros], None));
        assert!(has_zeros(records.data_type()));
        let one = merge::one_zero(&records).unwrap();
        let inner = Arc::clone(one.as_struct().column(0));
        let inner = inner.as_primitive::<Float64Type>();
        assert!(inner.value(0).is_sign_positive() && inner.value(1).is_sign_positive());
        assert_eq!(one.data_type(), records.data_type());
    }
}
