//! `onerow_ordinals(lists)`: 1, 2, 3 and on to the length of the longest of the lists, beside which it is unnested.
//!
//! It numbers rows for `WITH ORDINALITY`, and tells rows of a lateral function from the one that an outer join makes up.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Builder, ListBuilder};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, SqlState};

/// The name that forms of SQL are rewritten to.
pub(crate) const ORDINALS: &str = "onerow_ordinals";

/// `onerow_ordinals`. It is NULL where all the lists are.
pub(crate) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(Ordinals { signature: Signature::variadic_any(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Ordinals {
    signature: Signature,
}

impl ScalarUDFImpl for Ordinals {
    fn name(&self) -> &str {
        ORDINALS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        for given in arg_types {
            if !matches!(
                given,
                DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::Null
            ) {
                return Err(
                    Error::new(SqlState::UNDEFINED_FUNCTION, "only the rows of an array can be numbered").into()
                );
            }
        }
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true))))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let lists = ColumnarValue::values_to_arrays(&args.args)?;
        let rows = lists.first().map_or(args.number_rows, |list| list.len());
        let mut numbers = ListBuilder::new(Int64Builder::new());
        for row in 0..rows {
            let longest = lists.iter().filter_map(|list| length(list.as_ref(), row)).max();
            for number in 1..=longest.unwrap_or(0) {
                numbers.values().append_value(number);
            }
            numbers.append(longest.is_some());
        }
        let numbers = numbers.finish();
        if args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_))) {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&numbers, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(numbers)))
    }
}

/// How many elements the list of a row has; none for NULL.
fn length(list: &dyn Array, row: usize) -> Option<i64> {
    if list.is_null(row) {
        return None;
    }
    let length = match list.data_type() {
        DataType::List(_) => i64::from(list.as_list::<i32>().value_length(row)),
        DataType::LargeList(_) => list.as_list::<i64>().value_length(row),
        DataType::FixedSizeList(_, size) => i64::from(*size),
        _ => return None,
    };
    Some(length)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, ListArray};
    use datafusion::arrow::datatypes::Int32Type;
    use datafusion::config::ConfigOptions;

    use super::*;

    #[test]
    fn the_longest_list_of_a_row_counts() {
        let lists = |rows: Vec<Option<Vec<Option<i32>>>>| {
            ColumnarValue::Array(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows)) as ArrayRef)
        };
        let left = lists(vec![Some(vec![Some(7), None]), Some(vec![]), None, None]);
        let right = lists(vec![Some(vec![Some(1)]), None, None, Some(vec![None, Some(2), Some(3)])]);
        let data_type = DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)));
        let args = ScalarFunctionArgs {
            args: vec![left, right],
            arg_fields: vec![],
            number_rows: 4,
            return_field: Arc::new(Field::new("", data_type, true)),
            config_options: Arc::new(ConfigOptions::new()),
        };
        let Ok(ColumnarValue::Array(numbers)) = udf().invoke_with_args(args) else { panic!("no array") };
        let numbers = numbers.as_list::<i32>();
        assert_eq!([0, 1, 3].map(|row| numbers.value_length(row)), [2, 0, 3]);
        assert_eq!([numbers.is_null(1), numbers.is_null(2)], [false, true]);
    }
}
