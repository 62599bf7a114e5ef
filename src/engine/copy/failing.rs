//! A row that may not be in its table, and the error that shows it.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::scalar::ScalarValue;

use super::target::CopyIn;
use crate::engine::write;
use crate::error::{Error, Result};
use crate::values::text_values;

/// How much of each value is shown, in bytes.
const SHOWN: usize = 64;

/// The error for a null in a row that may have none there, with the row as Postgres shows it.
pub(super) fn null(into: &CopyIn, row: Vec<ScalarValue>, zone: &str) -> Result<Error> {
    let schema = write::schema(&into.table);
    let mut columns = Vec::with_capacity(row.len());
    for (value, field) in row.into_iter().zip(schema.fields()) {
        let value = if value.is_null() { ScalarValue::try_from(field.data_type())? } else { value };
        columns.push(value.to_array_of_size(1)?);
    }
    let row = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let Err(error) = write::check_nulls(&row, &into.relation, &into.table) else {
        return Err(Error::internal("a row without a null was taken for one with"));
    };
    let shown: Vec<String> = text_values(&row, zone)?
        .into_iter()
        .flatten()
        .map(|value| value.map_or_else(|| "null".to_string(), |value| beginning(&value)))
        .collect();
    Ok(error.with_detail(format!("Failing row contains ({}).", shown.join(", "))))
}

fn beginning(value: &str) -> String {
    if value.len() <= SHOWN {
        return value.to_string();
    }
    let ends = value.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|end| *end <= SHOWN).last().unwrap_or(0);
    format!("{}...", value.get(..end).unwrap_or_default())
}
