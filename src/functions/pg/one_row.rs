//! `onerow_only_row(array)`: the one value of a scalar subquery, which was collected into an array. More are 21000.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, new_empty_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, SqlState};

/// The function for values of a field: an array does not say all about its elements.
pub fn only_row(field: FieldRef) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(OnlyRow { field, signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq)]
struct OnlyRow {
    field: FieldRef,
    signature: Signature,
}

impl Hash for OnlyRow {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.field.name().hash(state);
        self.field.data_type().hash(state);
    }
}

impl ScalarUDFImpl for OnlyRow {
    fn name(&self) -> &str {
        "onerow_only_row"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new(self.field.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let given = match args.args.first() {
            Some(given) => given.to_array(args.number_rows)?,
            None => return Err(Error::internal("no rows were collected").into()),
        };
        let lists = given.as_list_opt::<i32>().ok_or_else(|| Error::internal("rows that are no array"))?;
        let null = ScalarValue::try_from(self.field.data_type())?;
        let mut values = Vec::with_capacity(lists.len());
        for row in 0..lists.len() {
            if lists.is_null(row) || lists.value_length(row) == 0 {
                values.push(null.clone());
                continue;
            }
            if lists.value_length(row) > 1 {
                return Err(Error::new(
                    SqlState::CARDINALITY_VIOLATION,
                    "more than one row returned by a subquery used as an expression",
                )
                .into());
            }
            values.push(ScalarValue::try_from_array(&lists.value(row), 0)?);
        }
        if values.is_empty() {
            return Ok(ColumnarValue::Array(new_empty_array(self.field.data_type())));
        }
        let array = ScalarValue::iter_to_array(values)?;
        let wanted = self.field.data_type();
        Ok(ColumnarValue::Array(if array.data_type() == wanted { array } else { cast(&array, wanted)? }))
    }
}
