//! The statements that DataFusion lacks or says differently from Postgres, parsed with Postgres's grammar.
//!
//! A script is tokenised once; each statement is either one of [`statement::Ddl`] or handed, as its own tokens, to
//! DataFusion's parser. `ddl` knows nothing of the catalog.

pub mod calls;
mod comment;
mod continued;
pub mod copy;
mod cursor;
mod depth;
pub mod dialect;
mod drop;
mod expansion;
pub mod explain;
mod foreign;
mod grant;
mod local;
mod model;
pub mod name;
mod rename;
mod respelled;
pub mod role;
pub mod routine;
mod rule;
pub mod script;
mod security;
mod server;
mod session;
pub mod statement;
mod trims;
mod view;
