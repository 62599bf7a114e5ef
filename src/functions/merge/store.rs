//! Where one value a group is kept: numbers natively, text and bytes in one buffer, everything else as byte strings of
//! its order.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BinaryViewArray, BinaryViewBuilder, GenericByteArray,
    LargeBinaryArray, LargeStringArray, PrimitiveArray, StringArray, StringViewArray, downcast_primitive,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{
    ArrowNativeType, ArrowNativeTypeOp, BinaryType, ByteArrayType, DataType, IntervalUnit, LargeBinaryType,
    LargeUtf8Type, Utf8Type,
};
use datafusion::arrow::row::Rows;
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;

use super::columns::{primitive, takes_part, unexpected};
use super::order::{Encoder, Zeros, code};
use super::slab::Slab;
use crate::error::{Error, SqlState};

/// Keeps one value a group, and compares a batch's values with them.
pub(super) trait ValueStore: fmt::Debug + Send + Sync {
    /// Makes room for this many groups.
    fn resize(&mut self, groups: usize);
    /// Takes the batch that rows refer to until [`ValueStore::unbind`].
    fn bind(&mut self, column: &ArrayRef) -> Result<()>;
    /// Lets go of the batch.
    fn unbind(&mut self);
    /// Compares two rows of the batch.
    fn compare_rows(&self, row: usize, other: usize) -> Ordering;
    /// Compares a row of the batch with the value kept for a group.
    fn compare_kept(&self, row: usize, group: usize) -> Ordering;
    /// Keeps a row of the batch for a group.
    fn keep(&mut self, group: usize, row: usize);
    /// Takes values out, null where `nulls` says so.
    fn take(&mut self, emit_to: EmitTo, nulls: Option<NullBuffer>) -> Result<ArrayRef>;
    /// Bytes held.
    fn size(&self) -> usize;
}

/// The store for values of a type.
pub(super) fn store_for(data_type: &DataType) -> Result<Box<dyn ValueStore>> {
    macro_rules! native {
        ($t:ty, $data_type:ident) => {
            Ok(Box::new(PrimitiveStore::<$t>::new($data_type.clone())) as Box<dyn ValueStore>)
        };
    }
    match data_type {
        // Their fields' order is not theirs.
        DataType::Interval(IntervalUnit::DayTime | IntervalUnit::MonthDayNano) => {
            Ok(Box::new(BytesStore::try_new(data_type)?))
        }
        _ => downcast_primitive! {
            data_type => (native, data_type),
            _ => Ok(Box::new(BytesStore::try_new(data_type)?) as Box<dyn ValueStore>)
        },
    }
}

/// Numbers, dates and times.
struct PrimitiveStore<T: ArrowPrimitiveType> {
    kept: Vec<T::Native>,
    batch: ScalarBuffer<T::Native>,
    data_type: DataType,
}

impl<T: ArrowPrimitiveType> PrimitiveStore<T> {
    fn new(data_type: DataType) -> Self {
        PrimitiveStore { kept: Vec::new(), batch: ScalarBuffer::from(Vec::new()), data_type }
    }
}

impl<T: ArrowPrimitiveType> fmt::Debug for PrimitiveStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrimitiveStore({}, {} groups)", self.data_type, self.kept.len())
    }
}

fn compare_native<N: ArrowNativeTypeOp>(a: Option<&N>, b: Option<&N>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.compare(*b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    }
}

impl<T: ArrowPrimitiveType> ValueStore for PrimitiveStore<T> {
    fn resize(&mut self, groups: usize) {
        if groups > self.kept.len() {
            self.kept.resize(groups, T::Native::default());
        }
    }

    fn bind(&mut self, column: &ArrayRef) -> Result<()> {
        let column = code(column, Zeros::Kept)?;
        self.batch = primitive::<T>(&column)?.values().clone();
        Ok(())
    }

    fn unbind(&mut self) {
        self.batch = ScalarBuffer::from(Vec::new());
    }

    fn compare_rows(&self, row: usize, other: usize) -> Ordering {
        compare_native(self.batch.get(row), self.batch.get(other))
    }

    fn compare_kept(&self, row: usize, group: usize) -> Ordering {
        compare_native(self.batch.get(row), self.kept.get(group))
    }

    fn keep(&mut self, group: usize, row: usize) {
        if let (Some(kept), Some(value)) = (self.kept.get_mut(group), self.batch.get(row)) {
            *kept = *value;
        }
    }

    fn take(&mut self, emit_to: EmitTo, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let values = emit_to.take_needed(&mut self.kept);
        Ok(Arc::new(PrimitiveArray::<T>::try_new(values.into(), nulls)?.with_data_type(self.data_type.clone())))
    }

    fn size(&self) -> usize {
        self.kept.capacity() * size_of::<T::Native>()
    }
}

/// A batch's byte strings.
#[derive(Debug)]
enum Batch {
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
    fn get(&self, row: usize) -> &[u8] {
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

/// Text and bytes as they are, other values as byte strings of their order.
#[derive(Debug)]
struct BytesStore {
    kept: Slab,
    batch: Batch,
    data_type: DataType,
    encoder: Option<Encoder>,
}

impl BytesStore {
    fn try_new(data_type: &DataType) -> Result<Self> {
        let encoder = match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => None,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => None,
            other => Some(Encoder::try_new(other)?),
        };
        Ok(BytesStore { kept: Slab::default(), batch: Batch::None, data_type: data_type.clone(), encoder })
    }
}

impl ValueStore for BytesStore {
    fn resize(&mut self, groups: usize) {
        self.kept.resize(groups);
    }

    fn bind(&mut self, column: &ArrayRef) -> Result<()> {
        if let Some(encoder) = &self.encoder {
            self.batch = Batch::Encoded(encoder.encode(column, Zeros::Kept)?);
            return Ok(());
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
        self.batch = batch.ok_or_else(|| unexpected(column.data_type()))?;
        Ok(())
    }

    fn unbind(&mut self) {
        self.batch = Batch::None;
    }

    fn compare_rows(&self, row: usize, other: usize) -> Ordering {
        self.batch.get(row).cmp(self.batch.get(other))
    }

    fn compare_kept(&self, row: usize, group: usize) -> Ordering {
        self.batch.get(row).cmp(self.kept.get(group))
    }

    fn keep(&mut self, group: usize, row: usize) {
        self.kept.set(group, self.batch.get(row));
    }

    fn take(&mut self, emit_to: EmitTo, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let spans = self.kept.detach(emit_to);
        let values = spans.iter().map(|span| self.kept.bytes(*span));
        let column = match (&self.encoder, &self.data_type) {
            (Some(encoder), _) => encoder
                .decode(values.enumerate().map(|(group, value)| takes_part(nulls.as_ref(), group).then_some(value))),
            (None, DataType::Utf8) => byte_column::<Utf8Type>(values, nulls),
            (None, DataType::LargeUtf8) => byte_column::<LargeUtf8Type>(values, nulls),
            (None, DataType::Binary) => byte_column::<BinaryType>(values, nulls),
            (None, DataType::LargeBinary) => byte_column::<LargeBinaryType>(values, nulls),
            (None, DataType::Utf8View) => {
                view_column(values, nulls.as_ref()).and_then(|views| Ok(Arc::new(views.to_string_view()?) as ArrayRef))
            }
            (None, DataType::BinaryView) => {
                view_column(values, nulls.as_ref()).map(|views| Arc::new(views) as ArrayRef)
            }
            (None, other) => Err(unexpected(other)),
        };
        self.kept.release(&spans);
        column
    }

    fn size(&self) -> usize {
        self.kept.size() + self.encoder.as_ref().map_or(0, Encoder::size)
    }
}

/// Text or bytes with offsets.
fn byte_column<'a, T: ByteArrayType>(
    values: impl Iterator<Item = &'a [u8]>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let mut data = Vec::new();
    let mut offsets = vec![T::Offset::default()];
    for value in values {
        data.extend_from_slice(value);
        let end = <T::Offset as ArrowNativeType>::from_usize(data.len()).ok_or_else(|| {
            Error::new(SqlState::OUT_OF_MEMORY, "merged values are too large for one column")
                .with_hint("Merge fewer groups at a time.")
        })?;
        offsets.push(end);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(GenericByteArray::<T>::try_new(offsets, Buffer::from_vec(data), nulls)?))
}

/// Bytes as views.
fn view_column<'a>(values: impl Iterator<Item = &'a [u8]>, nulls: Option<&NullBuffer>) -> Result<BinaryViewArray> {
    let mut builder = BinaryViewBuilder::new();
    for (group, value) in values.enumerate() {
        if takes_part(nulls, group) {
            builder.try_append_value(value)?;
        } else {
            builder.append_null();
        }
    }
    Ok(builder.finish())
}
