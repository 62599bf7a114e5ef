//! MySQL and MariaDB.

mod bind;
mod connect;
mod decode;
mod dialect;
mod direct;
mod errors;
mod expressions;
mod introspect;
mod kind;
mod line;
mod parts;
mod pool;
mod pump;
mod raw;
mod read;
mod session;
mod source;
mod types;

pub use kind::Mysql;
