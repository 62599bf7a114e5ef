//! Between Arrow columns and the functions over single texts.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringViewArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::scalar::ScalarValue;

use crate::error::Error;

/// A text column of any encoding as string views; cheap, for the bytes are shared.
pub(super) fn text_array(array: &ArrayRef) -> Result<StringViewArray> {
    let views = match array.data_type() {
        DataType::Utf8View => Arc::clone(array),
        _ => cast(array, &DataType::Utf8View)?,
    };
    match views.as_any().downcast_ref::<StringViewArray>() {
        Some(views) => Ok(views.clone()),
        None => Err(Error::internal(format!("a column of type {} is no text", array.data_type())).into()),
    }
}

/// A text literal of any encoding; none for NULL.
pub(super) fn scalar_text(scalar: &ScalarValue) -> Result<Option<&str>> {
    match (scalar, scalar.try_as_str()) {
        (ScalarValue::Null, _) => Ok(None),
        (_, Some(text)) => Ok(text),
        (_, None) => Err(Error::internal(format!("a value of type {} is no text", scalar.data_type())).into()),
    }
}

/// A column of string views with these values, the first error ending it.
pub(super) fn view_column<S: AsRef<str>>(
    rows: usize,
    values: impl Iterator<Item = Result<Option<S>>>,
) -> Result<ArrayRef> {
    let mut column = StringViewBuilder::with_capacity(rows);
    for value in values {
        match value? {
            Some(text) => column.try_append_value(text.as_ref())?,
            None => column.append_null(),
        }
    }
    Ok(Arc::new(column.finish()))
}
