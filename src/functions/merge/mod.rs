//! Merge functions: aggregates that make one value of the values several sources have for it.
//!
//! Null values are no candidates, null timestamps and null trust rank last, and no result depends on the order of
//! rows or partitions: ties go by rule, then trust, then timestamp, then the greater value in its type's order. Each
//! function is a [`MergeRule`], read by the accumulators and by lineage alike. State is plain Arrow and needs no
//! engine.

mod all_values;
mod longest;
mod majority;
mod median;
mod most_complete;
mod most_trusted;
mod newest;
mod oldest;
mod shortest;
mod survivor;
mod tree_choice;
mod trust_decay;
mod unanimous;
mod weighted_avg;
mod weighted_majority;

mod ballot;
mod bytes;
mod columns;
mod first;
mod function;
mod length;
mod list;
mod mean;
mod middle;
mod numbers;
mod order;
mod rank;
mod rule;
mod single;
mod slab;
mod sort_keys;
mod store;
mod total;
mod votes;
mod winner;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod spilling;

pub use function::MergeFunction;
pub use list::{all, rule, rules, scalars};
pub use order::one_zero;
pub use rank::{Level, RowRanking};
pub use rule::{Argument, Choice, Key, MergeRule, Role};
