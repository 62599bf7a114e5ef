//! What rows are to be and what they are: rules of validation and the functions that apply them, profiles of relations,
//! scores of sources.

pub mod accepted;
mod checked;
pub mod exec;
mod infallible;
mod likely;
mod merged;
mod node;
mod outcome;
pub mod profile;
pub mod rejected;
pub mod rule;
pub mod scores;
mod share;
pub mod trusted;
pub mod values;
pub mod violations;

pub(crate) use infallible::on_any_row;
pub use node::{RuleNode, RulePlanner};
