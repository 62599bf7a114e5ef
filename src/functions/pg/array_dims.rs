//! `array_dims(array)`: the bounds of an array's dimensions, as `[1:2][1:3]`.

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::ScalarUDF;

use super::row_function::{Param, Spec, returns_text, text};

/// `array_dims`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("array_dims", &[Param::Any], returns_text, |call| {
        let Some(value) = call.values.first() else { return Ok(None) };
        let dims = dims(&value.to_array()?);
        Ok(if dims.is_empty() { None } else { text(dims) })
    })
    .udf()
}

/// The bounds of the first of these arrays; nothing where there is none, or it has no elements.
fn dims(arrays: &ArrayRef) -> String {
    if arrays.is_empty() || arrays.is_null(0) {
        return String::new();
    }
    let elements = match arrays.data_type() {
        DataType::List(_) => arrays.as_list::<i32>().value(0),
        DataType::LargeList(_) => arrays.as_list::<i64>().value(0),
        DataType::FixedSizeList(..) => arrays.as_fixed_size_list().value(0),
        _ => return String::new(),
    };
    match elements.len() {
        0 => String::new(),
        count => format!("[1:{count}]{}", dims(&elements)),
    }
}
