//! Functions that PostgreSQL has and DataFusion lacks or means otherwise, with Postgres's results and errors.
//!
//! What begins with `onerow_` is what a form of SQL is rewritten to; see `planner::forms`.

mod age;
mod array_of;
mod clock_timestamp;
mod date_parse;
mod date_template;
mod date_text;
mod div;
mod gen_random_uuid;
mod isfinite;
pub mod json;
mod justify;
mod levenshtein;
mod list;
mod mode;
mod one_row;
mod pattern;
mod regexp_split;
mod row_function;
mod sign;
mod similar;
mod soundex;
mod substring;
mod timezone;
mod width_bucket;

pub use list::all;
pub use one_row::only_row;
