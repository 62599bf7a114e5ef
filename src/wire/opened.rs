//! What a connection has prepared and declared, for the catalog's tables of it.

use std::sync::atomic::Ordering;

use super::connection::Connection;
use super::script::CursorKind;
use crate::audit::redact;
use crate::catalog::definitions::quote_identifier;
use crate::catalog::pg::{CursorShown, Opened, PreparedShown};
use crate::catalog::types::PgType;

/// The tables.
const TABLES: [&str; 2] = ["pg_prepared_statements", "pg_cursors"];

impl Connection {
    /// Tells the session before a statement that may ask for it. Others cost a look at their text.
    pub(super) fn show_opened(&self, text: &str) {
        if !mentions(text) {
            return;
        }
        let mut opened = Opened::default();
        for (name, prepared) in self.statements.iter().filter(|(name, _)| !name.is_empty()) {
            let types = prepared.parameter_oids().into_iter().map(|oid| match PgType::from_oid(oid) {
                Some(known) => known.to_string(),
                None => oid.to_string(),
            });
            opened.statements.push(PreparedShown {
                name: name.clone(),
                // A password is shown to nobody.
                statement: redact(prepared.by_sql.as_deref().unwrap_or(prepared.text())).into_owned(),
                since: prepared.since,
                parameters: types.collect(),
                from_sql: prepared.by_sql.is_some(),
                runs: prepared.runs.load(Ordering::Relaxed),
            });
        }
        for (name, portal) in &self.portals {
            opened.cursors.push(CursorShown {
                name: name.clone(),
                statement: redact(portal.by_sql.as_deref().unwrap_or(portal.prepared.text())).into_owned(),
                since: portal.since,
                holds: portal.kind.holds,
                binary: portal.kind.binary,
                scrolls: portal.kind.scrolls,
            });
        }
        self.session.show_opened(opened);
    }
}

/// Whether a text may ask for the tables.
fn mentions(text: &str) -> bool {
    let text = text.as_bytes();
    TABLES.iter().any(|table| text.windows(table.len()).any(|part| part.eq_ignore_ascii_case(table.as_bytes())))
}

/// `DECLARE` as it may have been written.
pub(super) fn declare_words(name: &str, kind: CursorKind, query: &str) -> String {
    let word = |said: bool, word: &'static str| if said { word } else { "" };
    format!(
        "DECLARE {}{}{} CURSOR{} FOR {query}",
        quote_identifier(name),
        word(kind.binary, " BINARY"),
        word(kind.scrolls, " SCROLL"),
        word(kind.holds, " WITH HOLD"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_found_by_the_text() {
        assert!(mentions("SELECT name FROM pg_catalog.PG_Cursors"));
        assert!(mentions("TABLE pg_prepared_statements"));
        assert!(!mentions("SELECT pg_cursor"));
    }

    #[test]
    fn a_declaration_is_written_again() {
        let kind = CursorKind { scrolls: true, holds: true, binary: false };
        assert_eq!(declare_words("A", kind, "SELECT 1"), "DECLARE \"A\" SCROLL CURSOR WITH HOLD FOR SELECT 1");
        assert_eq!(declare_words("c", CursorKind::default(), "SELECT 1"), "DECLARE c CURSOR FOR SELECT 1");
    }
}
