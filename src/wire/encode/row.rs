//! Batches as DataRow messages.

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Schema};

use super::build::{Format, cast};
use super::column::{Column, too_large};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::wire::zone::Zone;

/// Encodes the batches of one result.
pub struct RowEncoder {
    columns: Vec<Plan>,
    zone: Zone,
}

struct Plan {
    kind: PgType,
    format: Format,
    /// The type that the client was told of, where the rows have another.
    cast: Option<DataType>,
}

impl RowEncoder {
    /// An encoder for rows of `schema`. Where `told` (what Describe answered) names other Postgres types, values are
    /// cast to those; another number of columns is an error (0A000). `formats` as Bind has them: none for all text,
    /// one for all columns, or one each.
    pub fn new(schema: &Schema, told: Option<&Schema>, formats: &[Format], zone: Zone) -> Result<RowEncoder> {
        if told.is_some_and(|told| told.fields().len() != schema.fields().len()) {
            return Err(changed());
        }
        let formats = spread(formats, schema.fields().len())?;
        let mut columns = Vec::with_capacity(formats.len());
        for (at, (field, format)) in schema.fields().iter().zip(formats).enumerate() {
            let kind = PgType::of_field(field);
            let promised = told.and_then(|told| told.fields().get(at)).map(|field| (PgType::of_field(field), field));
            columns.push(match promised {
                Some((promised, field)) if promised.oid() != kind.oid() => {
                    Plan { kind: promised, format, cast: Some(field.data_type().clone()) }
                }
                _ => Plan { kind, format, cast: None },
            });
        }
        Ok(RowEncoder { columns, zone })
    }

    /// Downcasts a batch's columns.
    pub fn batch(&self, batch: &RecordBatch) -> Result<EncodedBatch> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (plan, array) in self.columns.iter().zip(batch.columns()) {
            columns.push(plan.column(array, self.zone)?);
        }
        Ok(EncodedBatch { columns, rows: batch.num_rows(), next: 0 })
    }
}

impl Plan {
    fn column(&self, array: &ArrayRef, zone: Zone) -> Result<Column> {
        match &self.cast {
            Some(target) if target != array.data_type() => {
                let array = cast(array, target).map_err(|_| changed())?;
                Column::new(&self.kind, &array, self.format, zone)
            }
            _ => Column::new(&self.kind, array, self.format, zone),
        }
    }
}

/// One format for each of `count` columns.
pub(in crate::wire) fn spread(formats: &[Format], count: usize) -> Result<Vec<Format>> {
    match formats {
        [] => Ok(vec![Format::Text; count]),
        [one] => Ok(vec![*one; count]),
        many if many.len() == count => Ok(many.to_vec()),
        many => Err(Error::new(
            SqlState::PROTOCOL_VIOLATION,
            format!("bind message has {} result formats but query has {count} columns", many.len()),
        )),
    }
}

fn changed() -> Error {
    Error::unsupported("cached plan must not change result type")
}

/// A batch being written.
pub struct EncodedBatch {
    columns: Vec<Column>,
    rows: usize,
    next: usize,
}

impl EncodedBatch {
    /// Rows that are not written yet.
    pub fn remaining(&self) -> usize {
        self.rows - self.next
    }

    /// Writes at most `limit` rows as DataRow messages, and stops once `out` holds `size` bytes. Returns how many
    /// rows were written. After an error `out` holds whole messages only.
    pub fn write(&mut self, limit: usize, size: usize, out: &mut BytesMut) -> Result<usize> {
        let from = self.next;
        let until = from + limit.min(self.remaining());
        while self.next < until && out.len() < size {
            let start = out.len();
            if let Err(error) = self.write_row(start, out) {
                out.truncate(start);
                return Err(error);
            }
            self.next += 1;
        }
        Ok(self.next - from)
    }

    /// Leaves out at most `limit` rows; how many were left out.
    pub fn skip(&mut self, limit: usize) -> usize {
        let rows = limit.min(self.remaining());
        self.next += rows;
        rows
    }

    fn write_row(&self, start: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'D');
        out.put_i32(0);
        out.put_u16(u16::try_from(self.columns.len()).map_err(|_| too_large())?);
        for column in &self.columns {
            column.write_field(self.next, out)?;
        }
        let length = i32::try_from(out.len() - start - 1).map_err(|_| too_large())?;
        if let Some(place) = out.get_mut(start + 1..start + 5) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }

    /// One value as text, whatever the column's format; none for null.
    pub fn text(&self, row: usize, column: usize) -> Result<Option<String>> {
        let Some(column) = self.columns.get(column) else { return Ok(None) };
        if row >= self.rows || column.is_null(row) {
            return Ok(None);
        }
        let mut out = BytesMut::new();
        column.write_text(row, &mut out)?;
        Ok(Some(String::from_utf8_lossy(&out).into_owned()))
    }
}

/// A batch's values as the text that the wire would send, row by row; `timestamptz` in the named zone.
pub fn text_values(batch: &RecordBatch, zone: &str) -> Result<Vec<Vec<Option<String>>>> {
    let zone = Zone::parse(zone).unwrap_or(Zone::UTC);
    let encoded = RowEncoder::new(batch.schema_ref(), None, &[], zone)?.batch(batch)?;
    (0..batch.num_rows())
        .map(|row| (0..batch.num_columns()).map(|column| encoded.text(row, column)).collect())
        .collect()
}
