//! `ARRAY(SELECT ..)` gives an empty array where `array_agg` gives NULL.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, StringViewArray, new_empty_array};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};

/// The function's name. Catalog queries are rewritten to it.
pub const OR_EMPTY: &str = "onerow_or_empty";

/// `onerow_or_empty(array)`: the array, or an empty one for NULL. NULL of no type is an empty array of text, and of
/// text it is the text that an empty array has.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OrEmpty {
    signature: Signature,
}

impl OrEmpty {
    /// The function.
    pub fn new() -> Self {
        OrEmpty { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for OrEmpty {
    fn name(&self) -> &str {
        OR_EMPTY
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(match arg_types.first() {
            Some(list @ DataType::List(_)) => list.clone(),
            Some(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => DataType::Utf8View,
            _ => DataType::List(Arc::new(Field::new("item", DataType::Utf8View, true))),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let given = match args.args.first() {
            Some(value) => value.to_array(rows)?,
            None => return Err(DataFusionError::Internal(format!("{OR_EMPTY} takes an array"))),
        };
        let DataType::List(item) = args.return_field.data_type() else {
            let texts = cast(&given, &DataType::Utf8View)?;
            let Some(texts) = texts.as_string_view_opt() else {
                return Err(DataFusionError::Internal(format!("{OR_EMPTY} gives an array")));
            };
            let filled: StringViewArray = texts.iter().map(|text| Some(text.unwrap_or("{}"))).collect();
            return Ok(ColumnarValue::Array(Arc::new(filled)));
        };
        let Some(lists) = given.as_list_opt::<i32>() else {
            let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(0, rows));
            let empty = ListArray::try_new(Arc::clone(item), offsets, new_empty_array(item.data_type()), None)?;
            return Ok(ColumnarValue::Array(Arc::new(empty)));
        };
        if lists.null_count() == 0 {
            return Ok(ColumnarValue::Array(given));
        }
        let kept: Vec<ArrayRef> = (0..lists.len())
            .map(|row| if lists.is_null(row) { new_empty_array(item.data_type()) } else { lists.value(row) })
            .collect();
        let offsets = OffsetBuffer::from_lengths(kept.iter().map(|values| values.len()));
        let parts: Vec<&dyn Array> = kept.iter().map(|values| values.as_ref()).collect();
        let values = concat(&parts)?;
        Ok(ColumnarValue::Array(Arc::new(ListArray::try_new(Arc::clone(item), offsets, values, None)?)))
    }
}
