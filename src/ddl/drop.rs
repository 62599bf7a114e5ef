//! DROP of relations and schemas.

use super::cursor::Cursor;
use super::statement::{Ddl, DropKind};
use crate::error::Result;

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["DROP", "SCHEMA"]) {
        let if_exists = cursor.if_exists();
        let names = cursor.identifiers()?;
        return Ok(Some(Ddl::DropSchema { names, if_exists, cascade: cursor.cascade() }));
    }
    let kinds: [(&[&str], DropKind); 3] = [
        (&["DROP", "FOREIGN", "TABLE"], DropKind::ForeignTable),
        (&["DROP", "VIEW"], DropKind::View),
        (&["DROP", "TABLE"], DropKind::Table),
    ];
    for (words, kind) in kinds {
        if cursor.take(words) {
            let if_exists = cursor.if_exists();
            let names = cursor.names()?;
            return Ok(Some(Ddl::Drop { kind, names, if_exists, cascade: cursor.cascade() }));
        }
    }
    Ok(None)
}
