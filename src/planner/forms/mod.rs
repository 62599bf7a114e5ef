//! Forms of Postgres's SQL that DataFusion's planner does not know, written as forms that it does.
//!
//! They are changed in the syntax tree, after result columns have their names: those come from what was typed.

mod aggregate;
mod any_of;
mod call;
mod day_words;
mod elements;
mod fetch;
mod interval_fields;
mod interval_parts;
mod json_records;
mod json_sets;
mod lateral_rows;
mod like;
mod one_list;
mod outside;
mod overlaps;
mod partitioned;
mod precision;
mod prefixes;
mod repeated_keys;
mod rewrite;
mod row_comparisons;
mod rows;
mod scalar_rows;
mod series;
mod set_apart;
mod set_comparisons;
mod sets;
mod single_rows;
pub mod subquery;
mod substring;
mod ties;
mod unknown;
mod using;
mod values;
pub mod whole_rows;
mod windows;
mod within;

pub use json_records::unfold as unfold_records;
pub use rewrite::rewrite;
pub use scalar_rows::as_queries as scalars_as_queries;
