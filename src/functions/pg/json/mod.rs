//! `json` and `jsonb`: operators and functions over their text, which is how both are carried.
//!
//! A part of a value is a part of its text, so `json` keeps its spelling, and a part of a `jsonb` is in `jsonb`'s form
//! as the whole is.

mod aggregate;
mod build;
mod contains;
mod convert;
mod elements;
mod get;
mod inspect;
mod operators;
mod scan;

use datafusion::logical_expr::ScalarUDF;

pub use operators::JsonOperators;

/// Every function over JSON.
pub(super) fn all() -> Vec<ScalarUDF> {
    [get::all(), contains::all(), elements::all(), inspect::all(), build::all(), aggregate::all()]
        .into_iter()
        .flatten()
        .collect()
}
