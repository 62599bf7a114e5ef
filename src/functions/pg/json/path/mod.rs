//! Queries of `jsonb` in the language of jsonpath: `jsonb_path_query` and its kin, `@?`, `@@`.
//!
//! Read and meant as in PostgreSQL's `jsonpath_exec.c`, but for what is refused (0A000): arithmetic, `.**`, and the methods
//! that compute (`double`, `datetime`, `keyvalue` and others).

mod evaluate;
mod functions;
mod numbers;
mod parse;
mod tree;

pub(super) use functions::{EXISTS, MATCHES, all};
