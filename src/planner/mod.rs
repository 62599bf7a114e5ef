//! How names, types and views mean what they mean in Postgres while DataFusion plans.
//!
//! A view stays a scan of [`view::View`] until the analyzer; until then its boundary (name, owner, definition) can
//! be found by policy, lineage and merge rules.

mod again;
pub mod arithmetic;
pub mod avg;
pub mod barrier;
mod blanks;
pub mod bounds;
pub mod cast_names;
pub mod clock_casts;
pub mod coercion;
pub mod concatenation;
pub mod cooperative;
pub mod distinct_sums;
mod each;
pub mod filter_names;
pub mod foreign;
pub mod forgetful;
pub mod forms;
pub mod guarded_cases;
pub mod input;
pub mod interrupt;
mod interval_sums;
pub mod join_filters;
pub mod join_keys;
pub mod lateral;
pub mod literals;
pub mod local;
pub mod mask;
pub mod merged;
pub mod names;
mod narrow;
pub mod number_casts;
pub mod one_step;
mod operators;
pub mod origins;
pub mod output;
pub mod plain_constants;
pub mod relation_function;
pub mod remote_query;
pub mod result_types;
pub mod sample;
pub mod secured;
mod set_types;
pub mod shipping;
pub mod skipping;
mod stars;
pub mod sum;
mod sum_widened;
pub mod time_arithmetic;
pub mod try_casts;
pub mod types;
pub mod unnested;
pub mod view;
pub mod whole_groups;
pub mod written;
