//! Parameters: what type each `$1` of a statement has, and how their values enter a plan.

mod infer;
mod mark;
mod typed;
mod value;

pub(super) use typed::{count, is_write, typed, unwrapped};
pub use value::Parameter;
pub(super) use value::{bind, bind_typed};
