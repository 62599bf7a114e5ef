//! Functions that PostgreSQL has and DataFusion lacks or means otherwise, with Postgres's results and errors.
//!
//! What begins with `onerow_` is what a form of SQL is rewritten to; see `planner::forms`.

mod age;
mod any_of;
mod array_of;
mod array_remove;
mod array_rows;
mod clock_timestamp;
pub(crate) mod coalesce;
mod date_bin;
mod date_parse;
pub mod date_part;
mod date_template;
mod date_text;
mod date_trunc;
mod date_units;
mod div;
mod gen_random_uuid;
pub(crate) mod interval_scale;
pub(crate) mod interval_span;
mod isfinite;
pub mod json;
mod justify;
mod levenshtein;
mod list;
pub(crate) mod mode;
mod one_row;
pub(crate) mod ordinals;
mod pattern;
pub mod ranking;
mod regexp_split;
pub(crate) mod round;
mod row_function;
mod sign;
mod similar;
mod soundex;
mod string_parts;
mod substring;
pub(crate) mod time_between;
mod timezone;
pub(crate) mod whole_row;
mod width_bucket;

pub use array_rows::{ARRAY_ROWS, of_all_rows};
pub use list::all;
pub use one_row::only_row;
