//! PostgreSQL as a source: pooled connections, binary results straight into Arrow, predicates as bound parameters.

mod answer;
mod catalog;
mod connect;
mod connection;
mod decode;
mod dialect;
mod diversion;
mod errors;
mod expressions;
mod forms;
mod introspect;
mod kind;
mod lookup;
mod parameter;
mod parts;
mod pool;
mod query;
mod ranges;
mod raw;
mod read;
mod socket;
mod source;
mod tls;
mod types;

pub use kind::Postgres;
