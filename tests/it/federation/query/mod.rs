//! Random queries over the tables and views of a population.

mod maker;
mod statement;

pub use statement::{Moved, Query};
