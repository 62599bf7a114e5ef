//! Models that are learned from labelled rows: decision trees that say how far a value is to be believed.
//!
//! [`Table`] takes the rows, [`learn`] makes a [`Trained`] tree of them, [`TreeScore`] is the tree as a function, and
//! [`rules`] shows it in words. Nothing here knows the catalog or the engine.

mod exact;
mod feature;
mod grow;
mod learn;
mod options;
mod rules;
mod score;
mod table;
mod tree;

pub use feature::{Feature, FeatureKind};
pub use learn::{Trained, learn};
pub use options::TreeOptions;
pub use rules::rules;
pub use score::{TreeScore, usage};
pub use table::Table;
pub use tree::{Counts, Node, Test, Tree, Value};
