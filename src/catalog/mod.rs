//! What is defined, its dependencies and its order; kept durably; shown as `pg_catalog`.

pub mod acl;
pub(crate) mod blanks;
pub(crate) mod carried;
pub mod change;
pub mod definitions;
pub mod grant;
pub mod mask;
pub mod model;
pub mod owned;
pub mod pg;
pub mod policy_reads;
pub mod renamed;
pub(crate) mod reserved;
pub mod rights;
pub mod role;
pub mod rule;
pub mod security;
pub mod store;
pub mod time_precision;
pub mod types;
