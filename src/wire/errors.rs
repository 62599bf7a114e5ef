//! How errors reach the client, and what ends a connection.

use datafusion::error::DataFusionError;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};

use super::transport::ReadError;
use crate::engine::Notice;
use crate::error::{Error, SqlState};

/// Why a message was not answered as it should have been.
#[derive(Debug)]
pub(super) enum Failure {
    /// The statement failed: the client is told, and the connection goes on.
    Statement(Error),
    /// The client is told, and the connection ends.
    Fatal(Error),
    /// There is no one left to tell.
    Gone,
    /// The server is stopping.
    Shutdown,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Statement(error)
    }
}

impl From<DataFusionError> for Failure {
    fn from(error: DataFusionError) -> Self {
        Failure::Statement(Error::from(error))
    }
}

impl From<std::io::Error> for Failure {
    fn from(_: std::io::Error) -> Self {
        Failure::Gone
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Gone => Failure::Gone,
            ReadError::Protocol(error) => Failure::Fatal(error),
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Severity {
    /// The statement, or the transaction, is lost.
    Error,
    /// The connection is lost.
    Fatal,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Fatal => "FATAL",
        }
    }
}

/// What a connection that must end hears while the server stops.
pub(super) fn shutdown() -> Error {
    Error::new(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
}

/// What a statement that a client asked to end is answered.
pub(super) fn canceled() -> Error {
    Error::new(SqlState::QUERY_CANCELED, "canceling statement due to user request")
}

/// What a statement that took longer than it may is answered.
pub(super) fn timed_out() -> Error {
    Error::new(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout")
}

/// The message that tells a client of an error, with every field that the error has.
pub(super) fn response(error: &Error, severity: Severity) -> ErrorResponse {
    let mut fields = vec![
        (b'S', severity.name().to_string()),
        (b'V', severity.name().to_string()),
        (b'C', error.state().to_string()),
        (b'M', clean(error.message())),
    ];
    let more = [
        (b'D', error.detail().map(clean)),
        (b'H', error.hint().map(clean)),
        (b'P', error.position().map(|position| position.to_string())),
        (b'W', error.context().map(clean)),
        (b's', error.subject().map(|subject| clean(&subject.schema))),
        (b't', error.subject().map(|subject| clean(&subject.table))),
        (b'c', error.subject().and_then(|subject| subject.column.as_deref()).map(clean)),
        (b'n', error.subject().and_then(|subject| subject.constraint.as_deref()).map(clean)),
    ];
    fields.extend(more.into_iter().filter_map(|(code, text)| text.map(|text| (code, text))));
    ErrorResponse::new(fields)
}

/// The message that tells a client of something that is not an error.
pub(super) fn notice(notice: &Notice) -> NoticeResponse {
    let mut fields = vec![
        (b'S', notice.level.name().to_string()),
        (b'V', notice.level.name().to_string()),
        (b'C', notice.state.to_string()),
        (b'M', clean(&notice.message)),
    ];
    fields.extend(notice.detail.as_deref().map(|detail| (b'D', clean(detail))));
    NoticeResponse::new(fields)
}

/// A zero byte ends a text on the wire.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
