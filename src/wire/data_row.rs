//! Batches as DataRow messages.

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Schema};

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::encode::{Column, LARGEST, cast, too_large};
use crate::values::{Format, Zone};

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
pub(super) fn spread(formats: &[Format], count: usize) -> Result<Vec<Format>> {
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
            self.write_whole(self.next, start, out)?;
            self.next += 1;
        }
        Ok(self.next - from)
    }

    /// The same from the end: the last row first. What is written is no more among those that remain.
    pub fn write_last(&mut self, limit: usize, size: usize, out: &mut BytesMut) -> Result<usize> {
        let from = self.rows;
        let until = from - limit.min(self.remaining());
        while self.rows > until && out.len() < size {
            self.write_whole(self.rows - 1, out.len(), out)?;
            self.rows -= 1;
        }
        Ok(from - self.rows)
    }

    /// Writes a row, or nothing.
    fn write_whole(&self, row: usize, start: usize, out: &mut BytesMut) -> Result<()> {
        self.write_row(row, start, out).inspect_err(|_| {
            // What the row took is given back: a row may have a gigabyte.
            let whole = BytesMut::from(out.get(..start).unwrap_or_default());
            *out = whole;
        })
    }

    /// Leaves out at most `limit` rows; how many were left out.
    pub fn skip(&mut self, limit: usize) -> usize {
        let rows = limit.min(self.remaining());
        self.next += rows;
        rows
    }

    fn write_row(&self, row: usize, start: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'D');
        out.put_i32(0);
        out.put_u16(u16::try_from(self.columns.len()).map_err(|_| too_large())?);
        for column in &self.columns {
            // Looked at first: memory for a value that is too large would be taken for nothing.
            if (out.len() - start).saturating_add(column.least(row)) > LARGEST {
                return Err(too_large());
            }
            column.write_field(row, out)?;
        }
        if out.len() - start > LARGEST {
            return Err(too_large());
        }
        let length = i32::try_from(out.len() - start - 1).map_err(|_| too_large())?;
        if let Some(place) = out.get_mut(start + 1..start + 5) {
            place.copy_from_slice(&length.to_be_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};
    use datafusion::arrow::datatypes::Field;

    use super::*;

    #[test]
    fn rows_are_messages() {
        let schema = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("name", DataType::Utf8, true),
        ]));
        let batch = RecordBatch::try_new(
            Arc::clone(&schema),
            vec![Arc::new(Int64Array::from(vec![7, 8])), Arc::new(StringArray::from(vec![Some("é"), None]))],
        )
        .unwrap();
        let encoder = RowEncoder::new(&schema, None, &[], Zone::UTC).unwrap();
        let mut rows = encoder.batch(&batch).unwrap();
        let mut out = BytesMut::new();
        assert_eq!(rows.write(1, usize::MAX, &mut out).unwrap(), 1);
        assert_eq!(out[..], *b"D\0\0\0\x11\0\x02\0\0\0\x017\0\0\0\x02\xC3\xA9");
        out.clear();
        assert_eq!(rows.write(10, usize::MAX, &mut out).unwrap(), 1);
        assert_eq!(out[..], *b"D\0\0\0\x0F\0\x02\0\0\0\x018\xFF\xFF\xFF\xFF");
        assert_eq!(rows.remaining(), 0);
        let mut rows = encoder.batch(&batch).unwrap();
        out.clear();
        assert_eq!(rows.write_last(9, 1, &mut out).unwrap(), 1);
        assert_eq!(rows.write_last(9, usize::MAX, &mut out).unwrap(), 1);
        assert_eq!(
            out[..],
            *b"D\0\0\0\x0F\0\x02\0\0\0\x018\xFF\xFF\xFF\xFFD\0\0\0\x11\0\x02\0\0\0\x017\0\0\0\x02\xC3\xA9"
        );
        assert_eq!(rows.remaining(), 0);
        assert!(RowEncoder::new(&schema, None, &[Format::Text, Format::Text, Format::Text], Zone::UTC).is_err());
        // Told to be text, so text it is.
        let told = Schema::new(vec![Field::new("id", DataType::Utf8, true), Field::new("name", DataType::Utf8, true)]);
        let encoder = RowEncoder::new(&schema, Some(&told), &[Format::Binary], Zone::UTC).unwrap();
        out.clear();
        encoder.batch(&batch).unwrap().write(1, usize::MAX, &mut out).unwrap();
        assert_eq!(out[..], *b"D\0\0\0\x11\0\x02\0\0\0\x017\0\0\0\x02\xC3\xA9");
    }
}
