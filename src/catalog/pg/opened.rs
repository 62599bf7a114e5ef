//! What a session has prepared and declared: `pg_prepared_statements` and `pg_cursors`.

use std::sync::Arc;

use super::rows::{Cell, Rows};
use super::view::SessionView;

/// A session's prepared statements and cursors. Times are in microseconds.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// The prepared statements.
    pub statements: Vec<PreparedShown>,
    /// The cursors.
    pub cursors: Vec<CursorShown>,
}

/// A prepared statement.
#[derive(Clone, Debug)]
pub struct PreparedShown {
    /// Its name.
    pub name: String,
    /// What prepared it.
    pub statement: String,
    /// When.
    pub since: i64,
    /// The types of its parameters, by name.
    pub parameters: Vec<String>,
    /// Whether that was PREPARE, and not the protocol.
    pub from_sql: bool,
    /// How often it was run.
    pub runs: i64,
}

/// A cursor.
#[derive(Clone, Debug)]
pub struct CursorShown {
    /// Its name.
    pub name: String,
    /// What declared it.
    pub statement: String,
    /// When.
    pub since: i64,
    /// WITH HOLD
    pub holds: bool,
    /// BINARY
    pub binary: bool,
    /// SCROLL
    pub scrolls: bool,
}

/// `pg_prepared_statements`. A statement without parameters has one plan, one with parameters has one for each run as far
/// as this table goes.
pub fn pg_prepared_statements(session: &Arc<dyn SessionView>, rows: &mut Rows) {
    for shown in session.opened().statements {
        let of_all = shown.parameters.is_empty();
        rows.push([
            ("name", shown.name.into()),
            ("statement", shown.statement.into()),
            ("prepare_time", shown.since.into()),
            ("parameter_types", Cell::Texts(shown.parameters)),
            ("from_sql", shown.from_sql.into()),
            ("generic_plans", if of_all { shown.runs } else { 0 }.into()),
            ("custom_plans", if of_all { 0 } else { shown.runs }.into()),
        ]);
    }
}

/// `pg_cursors`
pub fn pg_cursors(session: &Arc<dyn SessionView>, rows: &mut Rows) {
    for shown in session.opened().cursors {
        rows.push([
            ("name", shown.name.into()),
            ("statement", shown.statement.into()),
            ("is_holdable", shown.holds.into()),
            ("is_binary", shown.binary.into()),
            ("is_scrollable", shown.scrolls.into()),
            ("creation_time", shown.since.into()),
        ]);
    }
}
