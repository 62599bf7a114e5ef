//! Whole parts of a plan for one server: what can be written as one query, and whether that is worth it.
//!
//! A part is shipped when the source provably gives the rows that would be made here, and when that is expected to
//! move fewer rows than reading its tables one by one would. The rule is in [`cut`]; what stays here says why.

mod aggregate;
pub mod cut;
mod first;
mod join;
mod packed;
mod part;
mod pieces;
mod translate;
mod window;
