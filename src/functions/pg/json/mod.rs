//! `json` and `jsonb`: operators and functions over their text, which is how both are carried.
//!
//! A part of a value is a part of its text, so `json` keeps its spelling, and a part of a `jsonb` is in `jsonb`'s form
//! as the whole is.

mod aggregate;
mod build;
mod combine;
mod contains;
mod convert;
mod elements;
mod get;
mod inspect;
mod object;
mod operators;
mod path;
mod paths;
mod rows;
mod scan;
mod shape;
mod subscripts;

use datafusion::logical_expr::ScalarUDF;

pub use operators::JsonOperators;
pub(crate) use rows::{object_schema, objects, texts};
pub use subscripts::JsonSubscripts;

/// Every function over JSON.
pub(super) fn all() -> Vec<ScalarUDF> {
    [
        get::all(),
        contains::all(),
        combine::all(),
        paths::all(),
        path::all(),
        elements::all(),
        inspect::all(),
        shape::all(),
        build::all(),
        object::all(),
        aggregate::all(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
