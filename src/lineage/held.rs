//! How many bytes batches hold: a buffer that several of them share counts once.
//!
//! Columns of texts that were cut from one another, or read from one file, are views into the same buffers. Each batch
//! tells the size of all of them.

use std::collections::HashSet;

use datafusion::arrow::array::{Array, ArrayData, RecordBatch};
use datafusion::arrow::buffer::Buffer;

/// What is held so far.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The bytes of all batches.
    pub bytes: usize,
    /// Where the buffers are that count already. They stay there: the batches hold them.
    known: HashSet<usize>,
}

impl Held {
    /// Adds a batch that is kept, and says how many bytes it adds.
    pub fn add(&mut self, batch: &RecordBatch) -> usize {
        let before = self.bytes;
        for column in batch.columns() {
            self.data(&column.to_data());
        }
        self.bytes - before
    }

    fn data(&mut self, data: &ArrayData) {
        for buffer in data.buffers() {
            self.buffer(buffer);
        }
        if let Some(nulls) = data.nulls() {
            self.buffer(nulls.buffer());
        }
        for child in data.child_data() {
            self.data(child);
        }
        self.bytes += size_of::<ArrayData>();
    }

    fn buffer(&mut self, buffer: &Buffer) {
        if self.known.insert(buffer.data_ptr().addr().get()) {
            self.bytes += buffer.capacity();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, StringViewArray};

    use super::*;

    #[test]
    fn a_buffer_that_is_shared_counts_once() {
        let texts: ArrayRef =
            Arc::new(StringViewArray::from_iter_values((0..1000).map(|n| format!("a long text {n:>9}"))));
        let all = RecordBatch::try_from_iter([("t", texts)]).unwrap();
        let mut whole = Held::default();
        let size = whole.add(&all);
        assert!(size > 1000 * 21);
        let mut pieces = Held::default();
        for at in 0..10 {
            pieces.add(&all.slice(at * 100, 100));
        }
        assert!(pieces.bytes < size + 10 * 1024, "{} of {size}", pieces.bytes);
    }
}
