//! Whether the rows of a view that have one key agree in what a window above the merge gave them.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::one_row::several_rows;
use crate::error::Error;

/// True, where `differ`, a boolean, is not true. Where it is, rows of the view `view` that have one key have different
/// values in the column whose name `column` is, as text: 21000, since a cell of a key has one value.
pub fn one_value(view: &str, differ: Expr, column: Expr) -> Expr {
    let signature = Signature::exact(vec![DataType::Boolean, DataType::Utf8View], Volatility::Immutable);
    ScalarUDF::new_from_impl(OneValue { view: view.to_string(), signature }).call(vec![differ, column])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OneValue {
    view: String,
    signature: Signature,
}

impl ScalarUDFImpl for OneValue {
    fn name(&self) -> &str {
        "onerow_one_value"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let given = ColumnarValue::values_to_arrays(&args.args)?;
        let [differ, columns] = given.as_slice() else { return Err(lost().into()) };
        let differ = differ.as_boolean_opt().ok_or_else(lost)?;
        if let Some(at) = differ.iter().position(|differ| differ == Some(true)) {
            let named = columns.as_string_view_opt().filter(|names| names.is_valid(at)).map(|names| names.value(at));
            return Err(several_rows(&self.view)
                .with_detail(format!(
                    "Windows above what is merged give them different values in column \"{}\".",
                    named.unwrap_or_default()
                ))
                .with_hint("Ask for the lineage of the view that it reads, or show one row for each key.")
                .into());
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(vec![true; differ.len()]))))
    }
}

fn lost() -> Error {
    Error::internal("the rows of a key were not compared")
}
