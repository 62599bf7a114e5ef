//! Merged views are searched, not built: rewrites of a grouping over the rows of several sources, so that a question
//! about a few of its groups reads those groups' rows and no others.
//!
//! Each rewrite is a rule of its own with its proof. They put a [`SearchNode`] below the grouping, which finds the keys
//! of the groups that can be wanted and, through the operator that carries it out, restricts what is read to them.
//! The operator changes no row by itself: what keeps the answer right is above the grouping, and stays there.

mod conjunct;
mod filter;
mod input;
mod node;
mod order;
mod planner;
#[cfg(test)]
mod properties;

pub use filter::MergedFilter;
pub use node::{Search, SearchNode};
pub use order::MergedOrder;
pub use planner::SearchPlanner;
