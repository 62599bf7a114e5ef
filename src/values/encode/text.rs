//! Batches as text, for those who print.

use bytes::BytesMut;
use datafusion::arrow::array::RecordBatch;

use super::{Column, Format};
use crate::catalog::types::PgType;
use crate::error::Result;
use crate::values::Zone;

/// A batch's values as the text that the wire would send, row by row; `timestamptz` in the named zone.
pub fn text_values(batch: &RecordBatch, zone: &str) -> Result<Vec<Vec<Option<String>>>> {
    let zone = Zone::parse(zone).unwrap_or(Zone::UTC);
    let schema = batch.schema();
    let columns: Vec<Column> = schema
        .fields()
        .iter()
        .zip(batch.columns())
        .map(|(field, array)| Column::new(&PgType::of_field(field), array, Format::Text, zone))
        .collect::<Result<_>>()?;
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| text(column, row)).collect()).collect()
}

/// One value; none for null.
fn text(column: &Column, row: usize) -> Result<Option<String>> {
    if column.is_null(row) {
        return Ok(None);
    }
    let mut out = BytesMut::new();
    column.write_text(row, &mut out)?;
    Ok(Some(String::from_utf8_lossy(&out).into_owned()))
}
