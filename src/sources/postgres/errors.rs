//! What the driver's errors mean here. No message holds a password or a connection string.

use std::fmt;

use tokio_postgres::error::{DbError, ErrorPosition};

use crate::error::{Error, Fault, SqlState};

/// What a query was about, for errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The server's name here.
    pub(super) server: String,
    /// The foreign table, as it is known at the source; none for catalog and raw queries.
    pub(super) table: Option<String>,
    /// Whether the statement is a user's own: its errors are told as the server has them.
    pub(super) raw: bool,
}

impl Place {
    /// A query about the server alone.
    pub(super) fn server(name: &str) -> Place {
        Place { server: name.to_string(), table: None, raw: false }
    }

    /// A query about one table.
    pub(super) fn table(server: &str, table: &str) -> Place {
        Place { server: server.to_string(), table: Some(table.to_string()), raw: false }
    }

    /// A statement in the source's own language.
    pub(super) fn raw(server: &str) -> Place {
        Place { raw: true, ..Place::server(server) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server \"{}\"", self.server)?;
        match &self.table {
            Some(table) => write!(f, ", table \"{table}\""),
            None => Ok(()),
        }
    }
}

/// A connection that could not be made, or not be logged in on.
pub(super) fn connecting(server: &str, address: &str, error: &tokio_postgres::Error) -> Error {
    let code = error.code().map(|code| code.code());
    let failed = match code {
        // It runs, and has room for nobody.
        Some("53300") => Error::new(
            SqlState::TOO_MANY_CONNECTIONS,
            format!("server \"{server}\": could not connect: {}", reason(error)),
        )
        .with_detail(format!("The server is at {address}."))
        .with_fault(Fault::Full),
        // Starting, stopping, or out of reach.
        None | Some("57P01" | "57P02" | "57P03") => unreachable(server, address, &reason(error)),
        Some(code) if code.starts_with("08") => unreachable(server, address, &reason(error)),
        // The name, the password, the database.
        Some(_) => unreachable(server, address, &reason(error)).with_fault(Fault::Refused),
    };
    match error.as_db_error().and_then(DbError::hint) {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

/// A connection that could not be made, with the reason in our own words.
pub(super) fn unreachable(server: &str, address: &str, why: &str) -> Error {
    Error::new(SqlState::CONNECTION_FAILURE, format!("server \"{server}\": could not connect: {why}"))
        .with_detail(format!("The server is at {address}."))
}

/// A statement that failed. `ended` says why the connection ended, if it did.
pub(super) fn running(place: &Place, error: &tokio_postgres::Error, ended: Option<String>) -> Error {
    let failed = match error.as_db_error() {
        Some(remote) => answered(place, remote),
        None if is_lost(error) => Error::new(
            SqlState::CONNECTION_FAILURE,
            format!("server \"{}\": connection lost: {}", place.server, ended.unwrap_or_else(|| reason(error))),
        ),
        None => Error::new(SqlState::FDW_ERROR, format!("server \"{}\": {}", place.server, reason(error))),
    };
    // The message names the server already.
    match &place.table {
        Some(table) => failed.with_context(format!("table \"{table}\"")),
        None => failed,
    }
}

/// An error that the server itself reported.
fn answered(place: &Place, remote: &DbError) -> Error {
    let code = remote.code().code();
    let message = format!("server \"{}\": {}", place.server, remote.message());
    let state = match code {
        "57014" => SqlState::QUERY_CANCELED,
        "42501" => SqlState::INSUFFICIENT_PRIVILEGE,
        "42P01" if !place.raw => SqlState::FDW_TABLE_NOT_FOUND,
        // What an expression comes to does not depend on who computes it.
        "22003" => SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "22012" => SqlState::DIVISION_BY_ZERO,
        code if is_about_connection(code) => SqlState::CONNECTION_FAILURE,
        code if place.raw => return as_told(&message, code, remote),
        _ => SqlState::FDW_ERROR,
    };
    let mut detail = format!("The source reported {code}: {}", remote.message());
    if !detail.ends_with('.') {
        detail.push('.');
    }
    if let Some(more) = remote.detail() {
        detail.push(' ');
        detail.push_str(more);
    }
    let mut failed = Error::new(state, message).with_detail(detail);
    if changes_tell(code) {
        failed = failed.with_fault(Fault::Shape);
    }
    match remote.hint() {
        Some(hint) => failed.with_hint(hint),
        None if code == "42703" => failed.with_hint("Its columns may have changed: import or define the table again."),
        None => failed,
    }
}

/// The error of a statement that is not ours, with its place in it.
fn as_told(message: &str, code: &str, remote: &DbError) -> Error {
    let position = match remote.position() {
        Some(ErrorPosition::Original(position)) => usize::try_from(*position).ok(),
        _ => None,
    };
    let mut failed = Error::new(SqlState::of_source(code), message).with_position(position);
    if let Some(detail) = remote.detail() {
        failed = failed.with_detail(detail);
    }
    match remote.hint() {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

/// Whether a table that is no longer what it was gives such an error: of statements that were written for it, nothing
/// else does.
fn changes_tell(code: &str) -> bool {
    // No such column, table, schema; no such operator or function for these types, or no types that go together; and
    // a value that is none of the type.
    matches!(code, "42703" | "42P01" | "3F000" | "42883" | "42804" | "42P18" | "22P02" | "0A000")
}

/// Whether the connection is gone, so that the same statement may do on another.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    // What fails on the socket ends the driver's own task: its callers see a closed connection.
    error.is_closed() || error.code().is_some_and(|code| is_about_connection(code.code()))
}

/// 08xxx, and the shutdowns: the server ends the connection itself.
fn is_about_connection(code: &str) -> bool {
    code.starts_with("08") || matches!(code, "57P01" | "57P02" | "57P03" | "57P05")
}

/// The innermost cause, as our messages are written.
pub(super) fn reason(error: &tokio_postgres::Error) -> String {
    if let Some(remote) = error.as_db_error() {
        return remote.message().to_string();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    plain(&cause.to_string())
}

/// Lower case at the start, without the operating system's number.
pub(super) fn plain(text: &str) -> String {
    if text == "bytes remaining on stream" {
        // So says the driver's decoder of a connection that ended in the middle of a message.
        return "the server closed the connection in the middle of a message".to_string();
    }
    let text = text.split(" (os error").next().unwrap_or(text).trim_end_matches('.');
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        // An acronym stays as it is.
        (Some(first), Some(second)) if second.is_uppercase() => format!("{first}{}", &text[first.len_utf8()..]),
        (Some(first), _) => format!("{}{}", first.to_lowercase(), &text[first.len_utf8()..]),
        (None, _) => "no reason was given".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_read_as_our_messages_do() {
        assert_eq!(plain("Connection refused (os error 111)"), "connection refused");
        assert_eq!(plain("TLS is off"), "TLS is off");
        assert!(plain("bytes remaining on stream").starts_with("the server closed"));
        assert_eq!(plain(""), "no reason was given");
        assert_eq!(Place::table("erp", "customer").to_string(), "server \"erp\", table \"customer\"");
    }
}
