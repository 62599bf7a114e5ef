//! Records of customers as several systems have them: some values are missing, most agree, the newest is anywhere.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// About how many bytes the rows have in memory.
pub fn bytes(rows: u64) -> usize {
    rows as usize * 150
}

/// Whose records a file holds.
#[derive(Clone, Copy)]
pub enum Customers {
    /// Each record is anybody's.
    Any,
    /// Each customer has one record in so many.
    Each,
}

/// Writes the records, in no order; files of other seeds say other things of the same customers.
pub fn write(path: &Path, rows: u64, groups: u64, customers: Customers, seed: u64) {
    const BATCH: u64 = 100_000;
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut at = 0;
    while at < rows {
        let batch = batch(&mut random, at, BATCH.min(rows - at), groups.max(1), customers);
        let writer = writer.get_or_insert_with(|| {
            ArrowWriter::try_new(File::create(path).expect("a file"), batch.schema(), None).expect("a writer")
        });
        writer.write(&batch).expect("rows");
        at += BATCH;
    }
    writer.expect("records").close().expect("a whole file");
}

fn batch(random: &mut ChaCha8Rng, first: u64, count: u64, groups: u64, customers: Customers) -> RecordBatch {
    // A prime that no number of customers here is a multiple of: no customer comes twice before all have come.
    const STEP: u64 = 1_000_003;
    let count = count as usize;
    let keys: Vec<u64> = (0..count as u64)
        .map(|nth| match customers {
            Customers::Any => random.next_u64() % groups,
            Customers::Each => (first + nth) * STEP % groups,
        })
        .collect();
    // No moment comes twice, so that both sides have one right answer.
    let at = (0..count).map(|n| (((random.next_u32() >> 4) as i64) << 24) | (first as i64 + n as i64));
    let at = Arc::new(TimestampMicrosecondArray::from_iter_values(at)) as ArrayRef;
    // Of ten values seven are the customer's own, two another's, one is missing.
    let mut said = |text: &dyn Fn(u64) -> String| -> ArrayRef {
        let values: StringArray = keys
            .iter()
            .map(|key| match random.next_u32() % 10 {
                0 => None,
                1 | 2 => Some(text(random.next_u64() % groups)),
                _ => Some(text(*key)),
            })
            .collect();
        Arc::new(values)
    };
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("name", said(&|key| format!("Customer {} of {}", key, key % 97))),
        ("email", said(&|key| format!("customer{key}@example{}.com", key % 13))),
        ("phone", said(&|key| format!("+49{:09}", key * 7 % 1_000_000_000))),
        ("street", said(&|key| format!("{} Long Winding Street", key % 5000))),
        ("city", said(&|key| format!("City {}", key % 2000))),
        ("zip", said(&|key| format!("{:05}", key % 90_000))),
        ("country", said(&|key| ["DE", "TR", "中国", "CH", "FR"][(key % 5) as usize].to_string())),
        ("segment", said(&|key| format!("segment {}", key % 12))),
    ];
    let weights: Int64Array = (0..count).map(|_| Some(i64::from(random.next_u32() % 5))).collect();
    let revenue: Float64Array = (0..count)
        .map(|_| (!random.next_u32().is_multiple_of(10)).then(|| f64::from(random.next_u32() % 80_000) / 8.0))
        .collect();
    let keys: Int64Array = keys.iter().map(|key| Some(*key as i64)).collect();
    let mut all: Vec<(&str, ArrayRef)> = vec![("k", Arc::new(keys)), ("seen", at)];
    all.extend(columns);
    all.push(("revenue", Arc::new(revenue)));
    all.push(("weight", Arc::new(weights)));
    RecordBatch::try_from_iter_with_nullable(all.into_iter().map(|(name, column)| (name, column, true)))
        .expect("a batch")
}
