//! The `files` kind: CSV, JSON and Parquet files in a folder, in an object store or on the web.
//!
//! CSV and JSON are read here, value by value, so that text becomes a typed value by Postgres's rules and an error
//! can name its file, line and column. Parquet goes through DataFusion's reader, which skips what a predicate rules
//! out.

mod adapter;
mod builder;
mod content;
mod convert;
mod counted;
mod csv;
mod datetime;
mod declared;
mod describe;
mod format;
mod import;
mod infer;
mod json_split;
mod json_value;
mod kind;
mod listing;
mod location;
mod numeric;
mod parquet;
mod partitions;
mod pattern;
mod pieces;
mod read;
mod rows;
mod source;

pub use kind::Files;
