//! What went wrong at the server, in this program's words and SQLSTATEs.

use std::time::Duration;

use mysql_async::{Error as DriverError, ServerError};

use crate::error::{Error, Fault, SqlState};
use crate::sources::rows::{Unfit, object};

/// No connection could be made.
pub(super) fn connect(server: &str, error: &DriverError) -> Error {
    // Too many connections: in all, of this user, in this hour.
    let full = matches!(error, DriverError::Server(ServerError { code: 1040 | 1203 | 1226, .. }));
    let state = if full { SqlState::TOO_MANY_CONNECTIONS } else { SqlState::CONNECTION_FAILURE };
    let failed = Error::new(state, format!("could not connect to server \"{server}\"")).with_detail(detail(error));
    match error {
        _ if full => failed.with_fault(Fault::Full),
        // Shutting down.
        DriverError::Server(ServerError { code: 1053, .. }) => failed,
        DriverError::Server(ServerError { code: 1044 | 1045 | 1698, .. }) => failed
            .with_fault(Fault::Refused)
            .with_hint("Check username and password of the user mapping, and from which hosts that user may come."),
        DriverError::Server(_) => failed.with_fault(Fault::Refused),
        _ => failed.with_hint("Check that the server runs, and the options host, port and ssl_mode."),
    }
}

/// Making a connection took too long.
pub(super) fn connect_timeout(server: &str, after: Duration) -> Error {
    Error::new(SqlState::CONNECTION_FAILURE, format!("could not connect to server \"{server}\""))
        .with_detail(format!("There was no answer within {after:?}."))
        .with_hint("Check that the server runs, and the options host and port; connect_timeout sets how long to wait.")
        .with_fault(Fault::Silent)
}

/// Every connection was in use for too long.
pub(super) fn busy(server: &str, connections: usize, after: Duration) -> Error {
    Error::new(SqlState::TOO_MANY_CONNECTIONS, format!("no free connection to server \"{server}\""))
        .with_detail(format!("All {connections} connections were in use for {after:?}."))
        .with_hint("Raise max_connections or acquire_timeout of the server.")
}

/// A query failed, before or while it gave rows.
pub(super) fn query(server: &str, table: Option<&str>, error: &DriverError) -> Error {
    let object = object(server, table);
    match error {
        DriverError::Server(ServerError { code, .. }) => {
            let (state, message) = match *code {
                1146 | 1051 => (SqlState::FDW_TABLE_NOT_FOUND, format!("{object} does not exist")),
                1049 => (SqlState::INVALID_SCHEMA_NAME, format!("a database is missing for {object}")),
                // Aborted by the server's own limits on time: MySQL, MariaDB.
                3024 | 1969 => (SqlState::QUERY_CANCELED, format!("{object} took longer than statement_timeout")),
                1792 | 1290 => (SqlState::READ_ONLY_SQL_TRANSACTION, format!("{object} is only ever read")),
                // Shutdown, and connections killed from outside.
                1053 | 1077 | 1079 | 1927 | 3169 => {
                    (SqlState::CONNECTION_FAILURE, format!("lost the connection while reading {object}"))
                }
                // What an expression comes to does not depend on who computes it.
                1690 => (SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("value out of range while reading {object}")),
                _ => (SqlState::FDW_ERROR, format!("could not read {object}")),
            };
            let mut failed = Error::new(state, message).with_detail(detail(error));
            if matches!(*code, 1054 | 1146 | 1051 | 1049 | 1356) {
                failed = failed.with_fault(Fault::Shape);
            }
            match *code {
                1054 => failed.with_hint("Its columns may have changed: import or define the table again."),
                _ => failed,
            }
        }
        _ => Error::new(SqlState::CONNECTION_FAILURE, format!("lost the connection while reading {object}"))
            .with_detail(detail(error)),
    }
}

/// A statement that is not ours failed: with the server's own SQLSTATE and words.
pub(super) fn raw(server: &str, error: &DriverError) -> Error {
    match error {
        DriverError::Server(told) => match query(server, None, error) {
            // These mean the same whoever wrote the statement.
            known if matches!(known.state(), SqlState::CONNECTION_FAILURE | SqlState::QUERY_CANCELED) => known,
            _ => Error::new(
                SqlState::of_source(&told.state),
                format!("server \"{server}\": {}", told.message.trim_end().trim_end_matches('.')),
            ),
        },
        _ => query(server, None, error),
    }
}

/// A value does not fit its column.
pub(super) fn value(server: &str, table: &str, column: &str, unfit: &Unfit) -> Error {
    Error::new(
        SqlState::FDW_INVALID_DATA_TYPE,
        format!("column \"{column}\" of table \"{table}\" of server \"{server}\": {}", unfit.0),
    )
    .with_hint("Declare the column with another type, such as text.")
}

/// A column has another type than it was imported with.
pub(super) fn changed(server: &str, table: Option<&str>, column: &str) -> Error {
    let object = object(server, table);
    Error::new(SqlState::FDW_INVALID_DATA_TYPE, format!("column \"{column}\" of {object} has changed its type"))
        .with_hint("Its columns may have changed: import or define the table again.")
        .with_fault(Fault::Shape)
}

fn detail(error: &DriverError) -> String {
    match error {
        DriverError::Server(error) => {
            format!("The server's error {} ({}): {}.", error.code, error.state, error.message.trim_end_matches('.'))
        }
        other => {
            // The driver's own words say of which kind it is, once a layer.
            let mut cause: &dyn std::error::Error = other;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            match cause.to_string().trim_end_matches('.') {
                // So says the driver's decoder.
                "bytes remaining on stream" => "The connection ended in the middle of a message.".to_string(),
                text => format!("{text}."),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        let server =
            |code| DriverError::Server(ServerError { code, message: "Something. ".into(), state: "HY000".into() });
        assert_eq!(query("s", Some("t"), &server(1146)).state(), SqlState::FDW_TABLE_NOT_FOUND);
        assert_eq!(query("s", None, &server(1927)).state(), SqlState::CONNECTION_FAILURE);
        assert_eq!(query("s", None, &server(1064)).state(), SqlState::FDW_ERROR);
        assert_eq!(connect("s", &server(1045)).state(), SqlState::CONNECTION_FAILURE);
    }
}
