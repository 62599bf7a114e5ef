//! The registry of source kinds: one line a kind.

use super::kind::SourceKind;
use super::{files::Files, mysql::Mysql, postgres::Postgres, sqlite::Sqlite};
use crate::error::{Error, Result, SqlState};

/// Every kind, in order of name.
pub const KINDS: &[&dyn SourceKind] = &[&Files, &Mysql, &Postgres, &Sqlite];

/// The kind of this name, or 42704 with the names there are.
pub fn find(name: &str) -> Result<&'static dyn SourceKind> {
    KINDS.iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name()).collect();
        Error::new(SqlState::UNDEFINED_OBJECT, format!("foreign-data wrapper \"{name}\" does not exist"))
            .with_hint(format!("The foreign-data wrappers are: {}.", names.join(", ")))
    })
}
