//! Arrow columns as Postgres's text and binary values.
//!
//! A batch's columns are downcast once ([`Column`]), then its rows are written straight into the output buffer.

mod build;
mod column;
mod datetime;
mod digits;
mod float;
mod interval;
mod nested;
mod quote;
mod row;
#[cfg(test)]
mod tests;

pub use build::Format;
pub use column::Column;
pub(super) use column::{uuid_bytes, uuid_text};
pub(super) use row::spread;
pub use row::{EncodedBatch, RowEncoder, text_values};
