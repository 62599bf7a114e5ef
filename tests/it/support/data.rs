//! Files as other programs write them.

use std::io::Write;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;

/// Batches as one Parquet file.
pub fn parquet(batches: &[RecordBatch]) -> Vec<u8> {
    let schema = batches.first().expect("a batch").schema();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, None).expect("a writer");
    for batch in batches {
        writer.write(batch).expect("a batch that is written");
    }
    writer.into_inner().expect("a file that is whole")
}

/// Text in gzip.
pub fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).expect("text that is packed");
    encoder.finish().expect("a file that is whole")
}
