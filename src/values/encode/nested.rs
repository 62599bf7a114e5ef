//! Arrays and records: values made of values.

use std::ops::Range;

use bytes::{BufMut, BytesMut};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};

use super::column::{Column, LARGEST, Values, too_large};
use super::quote::{Style, quote};
use crate::error::{Error, Result};

/// Where each list of a column begins and ends among its elements.
pub(super) enum Spans {
    Small(OffsetBuffer<i32>),
    Large(OffsetBuffer<i64>),
    SmallViews(ScalarBuffer<i32>, ScalarBuffer<i32>),
    LargeViews(ScalarBuffer<i64>, ScalarBuffer<i64>),
    /// As many elements in each.
    Fixed(usize),
}

impl Spans {
    /// Arrow guarantees that offsets are neither negative nor beyond the elements.
    fn of(&self, row: usize) -> Range<usize> {
        match self {
            Spans::Small(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Spans::Large(offsets) => offsets[row] as usize..offsets[row + 1] as usize,
            Spans::SmallViews(offsets, sizes) => {
                let from = offsets[row] as usize;
                from..from + sizes[row] as usize
            }
            Spans::LargeViews(offsets, sizes) => {
                let from = offsets[row] as usize;
                from..from + sizes[row] as usize
            }
            Spans::Fixed(size) => row * size..(row + 1) * size,
        }
    }
}

/// A column of arrays.
pub(super) struct ListColumn {
    pub spans: Spans,
    pub elements: Column,
    /// The type of the innermost elements.
    pub element_oid: u32,
    /// Whether it is an `int2vector` or `oidvector`.
    pub is_vector: bool,
}

impl ListColumn {
    pub fn write_text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let plain = self.elements.is_plain();
        let begin = out.len();
        if !self.is_vector {
            out.put_u8(b'{');
        }
        for (at, element) in self.spans.of(row).enumerate() {
            if at > 0 {
                out.put_u8(if self.is_vector { b' ' } else { b',' });
            }
            if self.elements.is_null(element) {
                out.extend_from_slice(b"NULL");
                continue;
            }
            let start = out.len();
            self.elements.write_text(element, out)?;
            if out.len() - begin > LARGEST {
                return Err(too_large());
            }
            if !plain {
                quote(Style::Array, start, out);
            }
        }
        if !self.is_vector {
            out.put_u8(b'}');
        }
        Ok(())
    }

    pub fn write_binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        let mut shape = Vec::new();
        self.shape(row, 0, &mut shape)?;
        if shape.contains(&0) {
            shape.clear();
        }
        out.put_i32(shape.len() as i32);
        let flags = out.len();
        out.put_i32(0);
        out.put_u32(self.element_oid);
        for length in &shape {
            out.put_i32(i32::try_from(*length).map_err(|_| too_large())?);
            out.put_i32(if self.is_vector { 0 } else { 1 });
        }
        if shape.is_empty() {
            return Ok(());
        }
        let nulls = self.leaves(row, out)?;
        if nulls && let Some(place) = out.get_mut(flags..flags + 4) {
            place.copy_from_slice(&1i32.to_be_bytes());
        }
        Ok(())
    }

    /// Finds the length of each dimension; Postgres knows only arrays whose parts are all as long.
    fn shape(&self, row: usize, depth: usize, shape: &mut Vec<usize>) -> Result<()> {
        let span = self.spans.of(row);
        match shape.get(depth) {
            None => shape.push(span.len()),
            Some(length) if *length == span.len() => {}
            Some(_) => return Err(ragged()),
        }
        if let Values::List(inner) = &self.elements.values {
            for element in span {
                if self.elements.is_null(element) {
                    return Err(ragged());
                }
                inner.shape(element, depth + 1, shape)?;
            }
        }
        Ok(())
    }

    /// Writes the innermost elements in order; true when one is null.
    fn leaves(&self, row: usize, out: &mut BytesMut) -> Result<bool> {
        let mut nulls = false;
        for element in self.spans.of(row) {
            if let Values::List(inner) = &self.elements.values {
                nulls |= inner.leaves(element, out)?;
            } else {
                nulls |= self.elements.is_null(element);
                write_sized(&self.elements, element, out)?;
            }
        }
        Ok(nulls)
    }
}

/// A column of records.
pub(super) struct RecordColumn {
    /// Each field's type and values.
    pub fields: Vec<(u32, Column)>,
}

impl RecordColumn {
    pub fn write_text(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_u8(b'(');
        for (at, (_, column)) in self.fields.iter().enumerate() {
            if at > 0 {
                out.put_u8(b',');
            }
            if !column.is_null(row) {
                let start = out.len();
                column.write_text(row, out)?;
                quote(Style::Record, start, out);
            }
        }
        out.put_u8(b')');
        Ok(())
    }

    pub fn write_binary(&self, row: usize, out: &mut BytesMut) -> Result<()> {
        out.put_i32(i32::try_from(self.fields.len()).map_err(|_| too_large())?);
        for (oid, column) in &self.fields {
            out.put_u32(*oid);
            write_sized(column, row, out)?;
        }
        Ok(())
    }
}

/// Writes a value in binary after its length, or -1 for null. What stands in a binary array or record is binary.
fn write_sized(column: &Column, row: usize, out: &mut BytesMut) -> Result<()> {
    if column.is_null(row) {
        out.put_i32(-1);
        return Ok(());
    }
    let start = out.len();
    out.put_i32(0);
    column.write_binary(row, out)?;
    let length = i32::try_from(out.len() - start - 4).map_err(|_| too_large())?;
    if let Some(place) = out.get_mut(start..start + 4) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}

fn ragged() -> Error {
    Error::unsupported("a nested list whose parts differ in length cannot be sent in binary")
        .with_hint("Ask for the column as text, or unnest it.")
}
