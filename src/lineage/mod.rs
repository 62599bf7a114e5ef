//! From a merged view to where each value came from.
//!
//! [`merged`] finds in a view's own plan where it merges, [`plan`] puts a [`node::LineageNode`] in the grouping's
//! place, and [`exec`] ranks the rows of each group with the merge functions' own order ([`crate::functions::merge`]),
//! so that lineage cannot disagree with the view. [`changed`] carries up what was done to a value in the views beneath.

mod cells;
mod changed;
mod columns;
pub mod exec;
mod filled;
mod guards;
mod held;
pub mod merged;
pub mod node;
mod one_row;
mod one_value;
mod origins;
mod output;
mod partitions;
pub mod plan;
pub mod planner;
mod presence;
mod rank;
mod same;
mod spelled;
mod walk;
mod zeros;

mod candidates;
mod conflicts;
mod diff_views;

pub use candidates::{Lineage, hidden};
pub use conflicts::Conflicts;
pub use diff_views::DiffViews;
pub use origins::origins;
pub use partitions::{Partitions, merges_rows};
pub use zeros::alike;
