//! Source kinds, one folder each: connect, introspect, map types, scan.
//!
//! What a kind must provide is [`kind::SourceKind`] and [`kind::Source`]; `docs/sources/adding-a-kind.md` walks
//! through them. A kind never sees another kind, nor the engine, nor the wire.

pub mod kind;
pub mod options;
pub mod scan;
pub mod split;
pub mod table;
pub mod tls;

pub mod activity;
pub mod decimal;
pub mod declared;
pub mod float;
pub mod guard;
pub mod known;
pub mod rows;
pub mod statement;
pub mod traffic;
pub mod worker;
pub mod zone;

pub mod files;
pub mod mysql;
pub mod postgres;
pub mod sqlite;

pub mod kinds;
