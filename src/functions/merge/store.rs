//! Where one value a group is kept: numbers natively, text and bytes in one buffer, everything else as byte strings of
//! its order.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, ArrowPrimitiveType, PrimitiveArray, downcast_primitive};
use datafusion::arrow::buffer::{NullBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{ArrowNativeTypeOp, DataType, IntervalUnit};
use datafusion::common::Result;
use datafusion::logical_expr::EmitTo;

use super::bytes::{Batch, Coder};
use super::columns::{primitive, takes_part};
use super::order::{Zeros, code};
use super::slab::Slab;

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
    /// Keeps rows of the batch for groups.
    fn keep(&mut self, won: &[(usize, u32)]);
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

    fn keep(&mut self, won: &[(usize, u32)]) {
        for &(group, row) in won {
            if let (Some(kept), Some(value)) = (self.kept.get_mut(group), self.batch.get(row as usize)) {
                *kept = *value;
            }
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

/// Text and bytes as they are, other values as byte strings of their order.
#[derive(Debug)]
struct BytesStore {
    kept: Slab,
    batch: Batch,
    coder: Coder,
}

impl BytesStore {
    fn try_new(data_type: &DataType) -> Result<Self> {
        Ok(BytesStore { kept: Slab::default(), batch: Batch::None, coder: Coder::try_new(data_type)? })
    }
}

impl ValueStore for BytesStore {
    fn resize(&mut self, groups: usize) {
        self.kept.resize(groups);
    }

    fn bind(&mut self, column: &ArrayRef) -> Result<()> {
        self.batch = self.coder.bytes(column, Zeros::Kept)?;
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

    fn keep(&mut self, won: &[(usize, u32)]) {
        self.kept.touch(won);
        match &self.batch {
            // The usual one, without asking at every row which it is.
            Batch::Utf8View(array) => {
                for &(group, row) in won {
                    self.kept.set(group, array.value(row as usize).as_bytes());
                }
            }
            batch => {
                for &(group, row) in won {
                    self.kept.set(group, batch.get(row as usize));
                }
            }
        }
    }

    fn take(&mut self, emit_to: EmitTo, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let spans = self.kept.detach(emit_to);
        let values = spans.iter().enumerate();
        let values = values.map(|(at, span)| takes_part(nulls.as_ref(), at).then(|| self.kept.bytes(*span)));
        let column = self.coder.column(values);
        self.kept.release(&spans);
        column
    }

    fn size(&self) -> usize {
        self.kept.size() + self.coder.size()
    }
}
