//! The catalog as clients ask for it: `pg_catalog` and `information_schema` of PostgreSQL 15.
//!
//! Everything is made from [`crate::catalog::definitions::Definitions`] alone, so no source is asked and none that is
//! down breaks a `\d`. The unchanging rows (types, built-in functions, operators) are datafusion-pg-catalog's.
//!
//! `schema` gives the two schemas, `functions` what is called, `query` rewrites what clients send, and `view` is what
//! the engine implements.

mod backends;
pub mod callable;
mod cluster;
mod column_lineage;
mod functions;
mod indexes;
mod information;
mod models;
mod opened;
mod query;
mod relations;
mod rows;
mod schema;
mod security;
mod settings;
mod shapes;
mod snapshot;
mod statics;
#[cfg(test)]
mod tests;
mod view;

pub use backends::{Backends, Encryption, Ends, Present, Rest, micros};
pub use functions::{register_functions, scalar_functions};
pub use opened::{CursorShown, Opened, PreparedShown};
pub use query::{
    NAME_MARK, column_name, is_column, mentions_catalog, parse_catalog_query, rewrite as rewrite_catalog_statement,
};
pub use schema::{information_schema, pg_catalog_schema, system_column};
pub use snapshot::relation_oids;
pub use view::{
    CatalogMoment, CatalogSession, CatalogSizes, CatalogView, DefaultSession, FunctionInfo, SERVER_VERSION,
    SessionView, Sizes, TableSize, version,
};
