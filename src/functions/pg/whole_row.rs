//! A row of a table as one value: what `t` is in `to_jsonb(t)`; see `planner::forms::whole_rows`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StructArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Error;

/// The field metadata key that says that a row's fields have the names that they are called by: those that `row(..)`
/// gives, `c0` and on, may be a table's own.
const NAMED: &str = "onerow.named_fields";

/// Whether a struct's fields are the columns of a table.
pub(super) fn is_whole(fields: &Fields) -> bool {
    fields.iter().any(|field| field.metadata().contains_key(NAMED))
}

/// The function that makes rows of these columns, given in this order. Their types, as Postgres knows them, stay.
pub(crate) fn of_columns(names: Vec<String>) -> ScalarUDF {
    let signature = Signature::any(names.len(), Volatility::Immutable);
    ScalarUDF::new_from_impl(WholeRow { names, signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct WholeRow {
    names: Vec<String>,
    signature: Signature,
}

impl WholeRow {
    fn fields(&self, columns: &[FieldRef]) -> Fields {
        let named = self.names.iter().zip(columns).map(|(name, column)| {
            let mut metadata = column.metadata().clone();
            metadata.insert(NAMED.to_string(), String::new());
            Field::new(name, column.data_type().clone(), true).with_metadata(metadata)
        });
        named.collect()
    }
}

impl ScalarUDFImpl for WholeRow {
    fn name(&self) -> &str {
        "onerow_whole_row"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        let columns: Vec<FieldRef> =
            arg_types.iter().map(|data_type| Arc::new(Field::new("", data_type.clone(), true)) as FieldRef).collect();
        Ok(DataType::Struct(self.fields(&columns)))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        Ok(Arc::new(Field::new(self.name(), DataType::Struct(self.fields(args.arg_fields)), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let DataType::Struct(fields) = args.return_field.data_type() else {
            return Err(Error::internal("a row that is none").into());
        };
        let columns = args.args.iter().zip(fields).map(|(arg, field)| {
            let column = arg.to_array(args.number_rows)?;
            Ok(if column.data_type() == field.data_type() { column } else { cast(&column, field.data_type())? })
        });
        let columns = columns.collect::<DfResult<Vec<ArrayRef>>>()?;
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(fields.clone(), columns, None)?)))
    }
}
