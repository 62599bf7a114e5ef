//! What became of a key between two views: `added`, `removed` or `changed`, from how many rows each has with it.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::{Error, SqlState};

/// What became of a key that stands in `before` rows of one view and `after` rows of another; both are bigint. Rows of
/// one view that its key does not tell apart are 21000: it is not known which of them to compare. `views` are their
/// names.
pub fn change(views: [String; 2], before: Expr, after: Expr) -> Expr {
    let signature = Signature::exact(vec![DataType::Int64, DataType::Int64], Volatility::Immutable);
    ScalarUDF::new_from_impl(Change { views, signature }).call(vec![before, after])
}

/// The error where a view's key does not tell its rows apart.
pub(super) fn several_rows(view: &str) -> Error {
    Error::new(SqlState::CARDINALITY_VIOLATION, format!("view \"{view}\" has several rows with the same key"))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Change {
    views: [String; 2],
    signature: Signature,
}

impl ScalarUDFImpl for Change {
    fn name(&self) -> &str {
        "onerow_key_change"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let given = ColumnarValue::values_to_arrays(&args.args)?;
        let counts: Vec<_> = given.iter().filter_map(|array| array.as_primitive_opt::<Int64Type>()).collect();
        let [before, after] = counts.as_slice() else {
            return Err(Error::internal("the rows of two views were not counted").into());
        };
        for (counts, view) in [before, after].into_iter().zip(&self.views) {
            if counts.iter().flatten().any(|count| count > 1) {
                return Err(several_rows(view)
                    .with_hint("Rows are compared by the keys of what is merged: compare views with one row for each.")
                    .into());
            }
        }
        let words = before.iter().zip(after.iter()).map(|(before, after)| match (before, after) {
            (Some(0) | None, _) => "added",
            (_, Some(0) | None) => "removed",
            _ => "changed",
        });
        Ok(ColumnarValue::Array(Arc::new(StringViewArray::from_iter_values(words))))
    }
}
