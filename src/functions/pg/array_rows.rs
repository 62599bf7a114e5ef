//! What `ARRAY(SELECT ..)` becomes: `onerow_array_rows(subquery)`, which the analyzer makes
//! `onerow_all_rows((SELECT array_agg(..)))`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, BooleanBufferBuilder, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::filter;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::catalog::types::PgType;
use crate::error::Error;

/// The name of what stands for `ARRAY(SELECT ..)` until its rows are collected.
pub const ARRAY_ROWS: &str = "onerow_array_rows";

/// `onerow_array_rows(subquery)`: an array of what the subquery's rows are. It is never called.
pub(super) fn array_rows() -> ScalarUDF {
    ScalarUDF::new_from_impl(ArrayRows { signature: Signature::any(1, Volatility::Volatile) })
}

/// `onerow_all_rows(array)`: the array, or an empty one for null, as no rows are collected to.
pub(super) fn all_rows() -> ScalarUDF {
    ScalarUDF::new_from_impl(AllRows { signature: Signature::any(1, Volatility::Immutable) })
}

/// The function that [`all_rows`] is.
pub fn of_all_rows() -> Arc<ScalarUDF> {
    Arc::new(all_rows())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayRows {
    signature: Signature,
}

impl ScalarUDFImpl for ArrayRows {
    fn name(&self) -> &str {
        ARRAY_ROWS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> DfResult<DataType> {
        let of = arguments.first().ok_or_else(|| Error::internal("an array of nothing"))?;
        Ok(DataType::List(Arc::new(Field::new_list_field(of.clone(), true))))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let of = args.arg_fields.first().ok_or_else(|| Error::internal("an array of nothing"))?;
        let pg_type = PgType::Array(Box::new(PgType::of_field(of)));
        let data_type = self.return_type(&[of.data_type().clone()])?;
        Ok(Arc::new(pg_type.field(self.name(), false).with_data_type(data_type)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        Err(Error::internal("the rows of an ARRAY were not collected").into())
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct AllRows {
    signature: Signature,
}

impl ScalarUDFImpl for AllRows {
    fn name(&self) -> &str {
        "onerow_all_rows"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> DfResult<DataType> {
        Ok(arguments.first().ok_or_else(|| Error::internal("an array of nothing"))?.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let of = args.arg_fields.first().ok_or_else(|| Error::internal("an array of nothing"))?;
        Ok(Arc::new(of.as_ref().clone().with_name(self.name()).with_nullable(false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let given = args.args.first().ok_or_else(|| Error::internal("an array of nothing"))?;
        // An array that is the same for every row is there once.
        let rows = if matches!(given, ColumnarValue::Scalar(_)) { 1 } else { args.number_rows };
        let lists = given.to_array(rows)?;
        let lists = lists.as_list_opt::<i32>().ok_or_else(|| Error::internal("rows that are no array"))?;
        let lists = without_nulls(lists)?;
        Ok(match given {
            ColumnarValue::Array(_) => ColumnarValue::Array(Arc::new(lists)),
            ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::List(Arc::new(lists))),
        })
    }
}

/// Lists whose nulls are empty. What a null stands over is left out: it need not be nothing.
fn without_nulls(lists: &ListArray) -> DfResult<ListArray> {
    if lists.nulls().is_none() {
        return Ok(lists.clone());
    }
    let (field, offsets, values, nulls) = lists.clone().into_parts();
    let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
    let mut kept = BooleanBufferBuilder::new(values.len());
    kept.append_n(values.len(), false);
    let mut lengths = Vec::with_capacity(offsets.len());
    for (row, bounds) in offsets.windows(2).enumerate() {
        let &[start, end] = bounds else { continue };
        if is_null(row) {
            lengths.push(0);
            continue;
        }
        let (start, end) = (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0));
        (start..end).for_each(|at| kept.set_bit(at, true));
        lengths.push(end - start);
    }
    let kept = BooleanArray::new(kept.finish(), None);
    let values = filter(&values, &kept)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(ListArray::try_new(field, offsets, values, None)?)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn no_rows_are_an_empty_array() {
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(3)]),
        ]);
        let all = without_nulls(&lists).unwrap();
        assert_eq!(all.null_count(), 0);
        assert_eq!((0..4).map(|row| all.value(row).len()).collect::<Vec<_>>(), [2, 0, 0, 1]);
    }
}
