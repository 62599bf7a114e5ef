//! `array_remove(array, element)`: without all elements that are equal to it, or without the nulls.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, Scalar};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::kernels::cmp::distinct;
use datafusion::arrow::compute::{concat, filter};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::functions_nested::remove::array_remove_all_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Error;

/// The function.
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(ArrayRemove { signature: Signature::array_and_element(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayRemove {
    signature: Signature,
}

impl ScalarUDFImpl for ArrayRemove {
    fn name(&self) -> &str {
        "array_remove"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        types.first().cloned().ok_or_else(|| Error::internal("an array is missing").into())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let array = args.arg_fields.first().ok_or_else(|| Error::internal("an array is missing"))?;
        Ok(Arc::new(array.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let [arrays, elements] = args.args.as_slice() else {
            return Err(Error::internal("array_remove takes an array and an element").into());
        };
        let arrays = arrays.to_array(args.number_rows)?;
        match arrays.as_list_opt::<i32>() {
            Some(lists) if !lists.value_type().is_nested() => {
                let elements = elements.to_array(args.number_rows)?;
                Ok(ColumnarValue::Array(Arc::new(without(lists, &elements)?)))
            }
            // Arrays of arrays have no kernel that compares them.
            _ => array_remove_all_udf().invoke_with_args(args),
        }
    }
}

/// Each row's array without its element.
fn without(lists: &ListArray, elements: &ArrayRef) -> DfResult<ListArray> {
    let DataType::List(field) = lists.data_type() else {
        return Err(Error::internal("array_remove of something else than an array").into());
    };
    let mut kept: Vec<ArrayRef> = Vec::with_capacity(lists.len());
    for row in 0..lists.len() {
        let values = if lists.is_null(row) { lists.values().slice(0, 0) } else { lists.value(row) };
        let keeps: BooleanArray = distinct(&values, &Scalar::new(elements.slice(row, 1)))?;
        kept.push(filter(&values, &keeps)?);
    }
    let offsets = OffsetBuffer::from_lengths(kept.iter().map(|values| values.len()));
    let parts: Vec<&dyn Array> = kept.iter().map(AsRef::as_ref).collect();
    let values = if parts.is_empty() { lists.values().slice(0, 0) } else { concat(&parts)? };
    Ok(ListArray::try_new(Arc::clone(field), offsets, values, lists.nulls().cloned())?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int32Array;
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn all_that_are_equal_go() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), Some(2), None, Some(1)]),
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
        ]);
        let elements: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(1), Some(1)]));
        let expected = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(2), None]),
            Some(vec![Some(1)]),
            None,
            Some(vec![]),
        ]);
        assert_eq!(without(&lists, &elements).unwrap(), expected);
    }
}
