//! Postgres's binary values straight into Arrow builders; a column's way is chosen once, not per value.

mod batch;
mod column;
mod fault;
mod list;
mod numeric;
mod numeric_text;
mod temporal;
mod values;

pub(super) use batch::{BatchDecoder, ColumnPlan};
