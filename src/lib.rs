//! Each customer as one row, live, from all a company's systems, to anything that speaks PostgreSQL.
//!
//! The modules stand in the order in which data flows through them.

/// What was done, by whom and from where, in a file that shows whether it was changed.
pub mod audit;
/// What is defined, its dependencies and its order; kept durably; shown as `pg_catalog`.
pub mod catalog;
/// The command line's own answers: `query`, `check`, `serve`, `demo`.
pub mod cli;
/// What the command line and environment mean, resolved and validated once.
pub mod config;
/// The statements that DataFusion lacks, parsed with Postgres's grammar.
pub mod ddl;
/// The built-in example: a company's five systems and how well they are merged.
pub mod demo;
/// The only place that sees every module: a session per connection is made here.
pub mod engine;
/// One error type: what failed, on which object, SQLSTATE, detail, hint.
pub mod error;
/// What a source may run: the gate, and the SQL it is sent.
pub mod federation;
/// Cleaning and merge functions, one a file.
pub mod functions;
/// From a merged view to where each value came from.
pub mod lineage;
/// Models that are learned from labelled rows.
pub mod models;
/// Names, types and views while DataFusion plans.
pub mod planner;
/// What rows are to be and what they are: rules of validation, profiles, scores.
pub mod quality;
/// The reference pages, rendered from the code.
pub mod reference;
/// Source kinds: connect, introspect, map types, scan.
pub mod sources;
/// Values as Postgres writes and reads them, text and binary.
pub mod values;
/// Listener, authentication, queries, messages, errors.
pub mod wire;
