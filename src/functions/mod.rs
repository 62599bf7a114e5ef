//! SQL functions: cleaning and merging, and Postgres's that DataFusion lacks, one file a function, one registry list;
//! and limits to some of DataFusion's.
//!
//! Functions register without an engine and keep plain Arrow state, so they can run on other machines too.

pub mod clean;
pub mod collected;
mod delegated;
pub mod distinct_count;
pub mod domains;
pub mod effect;
pub mod extremes;
pub mod limited;
pub mod merge;
pub mod pg;
pub mod registry;
