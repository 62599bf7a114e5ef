//! What a tree is learned with.

use serde::{Deserialize, Serialize};

/// The options of `CREATE MODEL .. FOR tree_choice WITH (..)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreeOptions {
    /// The column that says whether a row's value was right.
    pub label: String,
    /// How many questions may follow one another, at most.
    pub max_depth: u32,
    /// How many rows that were trained on end at each leaf, at least.
    pub min_leaf: u64,
    /// The share of the labelled rows that is held back to score the tree with, from 0 to less than 1.
    pub holdout: f64,
    /// Which rows are held back.
    pub seed: i64,
}

impl TreeOptions {
    /// The name of the label where none is given.
    pub const LABEL: &'static str = "correct";
    /// A deeper tree is no rule that one can read.
    pub const DEEPEST: u32 = 20;
}

impl Default for TreeOptions {
    fn default() -> Self {
        TreeOptions { label: Self::LABEL.to_string(), max_depth: 5, min_leaf: 5, holdout: 0.2, seed: 1 }
    }
}
