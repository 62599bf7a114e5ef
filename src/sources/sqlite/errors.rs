//! What went wrong with a file, in this program's words and SQLSTATEs.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Error as DriverError, ErrorCode};

use crate::error::{Error, Fault, SqlState};
use crate::sources::rows::{Unfit, object};

/// The file is not there, or is none that can be read.
pub(super) fn open(server: &str, path: &Path, why: impl std::fmt::Display) -> Error {
    Error::new(SqlState::CONNECTION_FAILURE, format!("could not open the database of server \"{server}\""))
        .with_detail(format!("{}: {why}.", path.display()))
        .with_hint("Check the option database of the server, and the rights on the file.")
}

/// Too many tables of the file are being read.
pub(super) fn busy(server: &str, connections: usize, after: Duration) -> Error {
    Error::new(SqlState::TOO_MANY_CONNECTIONS, format!("no free connection to server \"{server}\""))
        .with_detail(format!("All {connections} connections were in use for {after:?}."))
        .with_hint("Raise max_connections or acquire_timeout of the server.")
}

/// Reading failed, before or while there were rows.
pub(super) fn query(server: &str, path: &Path, table: Option<&str>, error: &DriverError) -> Error {
    let object = object(server, table);
    let text = error.to_string();
    let failed = |state, message: String| Error::new(state, message).with_detail(format!("{text}."));
    match error.sqlite_error_code() {
        // Without the right to write beside it, a file that a writer has left in the middle of its work, or that is
        // in WAL mode, cannot be read.
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => open(server, path, &text)
            .with_hint(
                "If it is in WAL mode, or was left by a writer that crashed, its folder must be writable, or a writer \
                 must open it once.",
            ),
        Some(
            ErrorCode::NotADatabase
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::SystemIoFailure
            | ErrorCode::NoLargeFileSupport
            | ErrorCode::FileLockingProtocolFailed,
        ) => open(server, path, &text),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            failed(SqlState::CONNECTION_FAILURE, format!("{object} is locked by a writer"))
                .with_hint("Raise busy_timeout of the server.")
                .with_fault(Fault::Silent)
        }
        Some(ErrorCode::OperationInterrupted) => {
            failed(SqlState::QUERY_CANCELED, format!("reading {object} was cancelled"))
        }
        _ if message(error).starts_with("no such table") => {
            failed(SqlState::FDW_TABLE_NOT_FOUND, format!("{object} does not exist")).with_fault(Fault::Shape)
        }
        _ if message(error).starts_with("no such column") => {
            failed(SqlState::FDW_ERROR, format!("could not read {object}"))
                .with_fault(Fault::Shape)
                .with_hint("Its columns may have changed: import or define the table again.")
        }
        _ => failed(SqlState::FDW_ERROR, format!("could not read {object}")),
    }
}

/// A statement that is not ours failed: in SQLite's own words, with the SQLSTATE that they mean.
pub(super) fn raw(server: &str, path: &Path, error: &DriverError) -> Error {
    let told = query(server, path, None, error);
    let words = message(error);
    let several = matches!(error, DriverError::MultipleStatement);
    let state = match told.state() {
        _ if several => SqlState::SYNTAX_ERROR,
        SqlState::FDW_ERROR | SqlState::FDW_TABLE_NOT_FOUND => match words {
            _ if words.starts_with("no such table") => SqlState::UNDEFINED_TABLE,
            _ if words.starts_with("no such column") => SqlState::UNDEFINED_COLUMN,
            _ if words.starts_with("no such function") => SqlState::UNDEFINED_FUNCTION,
            _ if words.starts_with("ambiguous column") => SqlState::AMBIGUOUS_COLUMN,
            _ if words.ends_with("syntax error") || words.starts_with("incomplete input") => SqlState::SYNTAX_ERROR,
            _ => SqlState::FDW_ERROR,
        },
        _ => return told,
    };
    let position = match error {
        DriverError::SqlInputError { sql, offset, .. } => {
            usize::try_from(*offset).ok().and_then(|offset| Some(sql.get(..offset)?.chars().count() + 1))
        }
        _ => None,
    };
    let words = if several { "a raw query is one statement".to_string() } else { error_words(error) };
    Error::new(state, format!("server \"{server}\": {words}")).with_position(position)
}

fn error_words(error: &DriverError) -> String {
    match message(error) {
        "" => error.to_string(),
        words => words.to_string(),
    }
}

/// A value does not fit its column.
pub(super) fn value(server: &str, table: &str, column: &str, unfit: &Unfit) -> Error {
    Error::new(
        SqlState::FDW_INVALID_DATA_TYPE,
        format!("column \"{column}\" of table \"{table}\" of server \"{server}\": {}", unfit.0),
    )
    .with_hint(if unfit.0.starts_with("a blob") {
        "Declare the column as bytea."
    } else {
        "Declare the column as text."
    })
}

fn message(error: &DriverError) -> &str {
    match error {
        DriverError::SqliteFailure(_, Some(message)) => message,
        DriverError::SqlInputError { msg, .. } => msg,
        _ => "",
    }
}
