//! MySQL and MariaDB.

mod bind;
mod connect;
mod decode;
mod dialect;
mod errors;
mod expressions;
mod introspect;
mod kind;
mod parts;
mod pool;
mod raw;
mod read;
mod source;
mod types;

pub use kind::Mysql;
