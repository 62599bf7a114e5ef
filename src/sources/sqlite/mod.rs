//! SQLite database files, only ever read.

mod connect;
mod datetime;
mod decode;
mod dialect;
mod errors;
mod expressions;
mod introspect;
mod kind;
mod raw;
mod read;
mod source;
mod types;

pub use kind::Sqlite;
