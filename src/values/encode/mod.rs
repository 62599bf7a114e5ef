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
#[cfg(test)]
mod tests;
mod text;

pub use build::Format;
pub(crate) use build::cast;
pub use column::Column;
pub(crate) use column::{LARGEST, too_large};
pub(super) use column::{uuid_bytes, uuid_text};
pub use text::text_values;
