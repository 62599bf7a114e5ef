//! Queries over the catalog as psql and drivers write them, brought into what DataFusion plans.
//!
//! Only statements that [`mentions_catalog`] come here. Each file is one kind of change to the syntax tree; the ones
//! that datafusion-pg-catalog has right are taken from it. Its parser as a whole is not: it turns correlated
//! subqueries into NULL and replaces some client queries by text.

mod ast;
mod casts;
mod empty;
mod expanded;
mod mention;
mod naming;
mod parse;
mod scope;
mod spelling;
mod subqueries;

pub use mention::mentions_catalog;
pub use naming::{MARK as NAME_MARK, is_column, name_of as column_name};
pub use parse::{parse_catalog_query, rewrite};
