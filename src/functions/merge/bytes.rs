//! Values as byte strings whose order is theirs: text and bytes as they are, everything else by the encoder.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BinaryViewBuilder, BooleanBufferBuilder, GenericByteArray,
    LargeBinaryArray, LargeStringArray, StringArray, StringViewArray,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{
    ArrowNativeType, BinaryType, ByteArrayType, DataType, LargeBinaryType, LargeUtf8Type, Utf8Type,
};
use datafusion::arrow::row::Rows;
use datafusion::common::Result;

use super::columns::unexpected;
use super::order::{Encoder, Zeros};
use crate::error::{Error, SqlState};

/// A batch's byte strings.
#[derive(Debug)]
pub(super) enum Batch {
    None,
    Utf8(StringArray),
    LargeUtf8(LargeStringArray),
    Utf8View(StringViewArray),
    Binary(BinaryArray),
    LargeBinary(LargeBinaryArray),
    BinaryView(BinaryViewArray),
    Encoded(Rows),
}

impl Batch {
    /// The row's bytes.
    #[inline]
    pub(super) fn get(&self, row: usize) -> &[u8] {
        match self {
            Batch::None => &[],
            Batch::Utf8(array) => array.value(row).as_bytes(),
            Batch::LargeUtf8(array) => array.value(row).as_bytes(),
            Batch::Utf8View(array) => array.value(row).as_bytes(),
            Batch::Binary(array) => array.value(row),
            Batch::LargeBinary(array) => array.value(row),
            Batch::BinaryView(array) => array.value(row),
            Batch::Encoded(rows) => rows.row(row).data(),
        }
    }
}

/// Between a column and its byte strings.
#[derive(Debug)]
pub(super) struct Coder {
    data_type: DataType,
    /// None where values are byte strings themselves.
    encoder: Option<Encoder>,
}

impl Coder {
    /// For values of one type.
    pub(super) fn try_new(data_type: &DataType) -> Result<Self> {
        let encoder = match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => None,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => None,
            other => Some(Encoder::try_new(other)?),
        };
        Ok(Coder { data_type: data_type.clone(), encoder })
    }

    /// A column's byte strings; what stands for null means nothing.
    pub(super) fn bytes(&self, column: &ArrayRef, zeros: Zeros) -> Result<Batch> {
        if let Some(encoder) = &self.encoder {
            return Ok(Batch::Encoded(encoder.encode(column, zeros)?));
        }
        let batch = match column.data_type() {
            DataType::Utf8 => column.as_string_opt::<i32>().cloned().map(Batch::Utf8),
            DataType::LargeUtf8 => column.as_string_opt::<i64>().cloned().map(Batch::LargeUtf8),
            DataType::Utf8View => column.as_string_view_opt().cloned().map(Batch::Utf8View),
            DataType::Binary => column.as_binary_opt::<i32>().cloned().map(Batch::Binary),
            DataType::LargeBinary => column.as_binary_opt::<i64>().cloned().map(Batch::LargeBinary),
            DataType::BinaryView => column.as_binary_view_opt().cloned().map(Batch::BinaryView),
            _ => None,
        };
        batch.ok_or_else(|| unexpected(column.data_type()))
    }

    /// The column of these byte strings; none is null.
    pub(super) fn column<'a>(&self, values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef> {
        match (&self.encoder, &self.data_type) {
            (Some(encoder), _) => encoder.decode(values),
            (None, DataType::Utf8) => byte_column::<Utf8Type>(values),
            (None, DataType::LargeUtf8) => byte_column::<LargeUtf8Type>(values),
            (None, DataType::Binary) => byte_column::<BinaryType>(values),
            (None, DataType::LargeBinary) => byte_column::<LargeBinaryType>(values),
            (None, DataType::Utf8View) => Ok(Arc::new(view_column(values)?.to_string_view()?)),
            (None, DataType::BinaryView) => Ok(Arc::new(view_column(values)?)),
            (None, other) => Err(unexpected(other)),
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.encoder.as_ref().map_or(0, Encoder::size)
    }
}

/// Text or bytes with offsets.
fn byte_column<'a, T: ByteArrayType>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef> {
    let mut data = Vec::new();
    let mut offsets = vec![T::Offset::default()];
    let mut valid = BooleanBufferBuilder::new(values.size_hint().0);
    for value in values {
        data.extend_from_slice(value.unwrap_or_default());
        valid.append(value.is_some());
        let end = <T::Offset as ArrowNativeType>::from_usize(data.len()).ok_or_else(|| {
            Error::new(SqlState::OUT_OF_MEMORY, "merged values are too large for one column")
                .with_hint("Merge fewer groups at a time.")
        })?;
        offsets.push(end);
    }
    let nulls = NullBuffer::new(valid.finish());
    let nulls = (nulls.null_count() > 0).then_some(nulls);
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, Buffer::from_vec(data), nulls)?))
}

/// Bytes as views.
fn view_column<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<BinaryViewArray> {
    let mut builder = BinaryViewBuilder::with_capacity(values.size_hint().0);
    for value in values {
        match value {
            Some(value) => builder.try_append_value(value)?,
            None => builder.append_null(),
        }
    }
    Ok(builder.finish())
}
