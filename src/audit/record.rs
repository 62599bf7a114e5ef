//! What a record says.

use chrono::{SecondsFormat, Utc};
use serde::Serialize;

use super::touched::Touched;
use crate::error::{Error, Result};

/// The moment, in UTC, to the microsecond.
pub(super) fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A record as the JSON object that is chained.
pub(super) fn body(record: &Record<'_>) -> Result<String> {
    let at = now();
    serde_json::to_string(&Dated { at: &at, record })
        .map_err(|error| Error::internal(format!("a record of the audit log could not be written: {error}")))
}

#[derive(Serialize)]
struct Dated<'a> {
    at: &'a str,
    #[serde(flatten)]
    record: &'a Record<'a>,
}

/// One record. What has no value is left out.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Record<'a> {
    /// The program begins to write this file.
    Start {
        version: &'static str,
        pid: u32,
        /// The first record of a file that goes on with the chain of the one before.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        continues: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        torn: Option<Torn>,
    },
    /// The program ends.
    Stop,
    /// So many records could not be written before this one.
    Lost { records: u64 },
    /// A client was let in.
    SessionBegin {
        session: &'a str,
        #[serde(flatten)]
        visitor: Who<'a>,
    },
    /// A client was not let in.
    SessionRefused {
        #[serde(flatten)]
        visitor: Who<'a>,
        outcome: &'a str,
    },
    /// A client has left, or had to.
    SessionEnd {
        session: &'a str,
        user: &'a str,
        statements: u64,
        rows: u64,
        bytes: u64,
        seconds: f64,
        outcome: &'a str,
    },
    /// A statement is about to have an effect, or to answer.
    StatementBegin {
        session: &'a str,
        number: u64,
        user: &'a str,
        peer: &'a str,
        #[serde(flatten)]
        said: Said<'a>,
        #[serde(flatten)]
        touched: &'a Touched,
    },
    /// A statement has ended.
    StatementEnd {
        session: &'a str,
        number: u64,
        user: &'a str,
        /// Where the statement failed before it was known what it reads, there is no other record.
        #[serde(flatten)]
        said: Option<Said<'a>>,
        outcome: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<&'a str>,
        rows: u64,
        bytes: u64,
        seconds: f64,
    },
}

/// A record that was cut off by a crash, and stands before this one.
#[derive(Serialize)]
pub(super) struct Torn {
    pub bytes: usize,
    pub sha256: String,
}

/// Who knocks.
#[derive(Serialize)]
pub(super) struct Who<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<&'a str>,
    pub peer: &'a str,
    pub tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<&'a str>,
}

/// What a client said.
#[derive(Serialize)]
pub(super) struct Said<'a> {
    /// How the statement came, where not by itself: `EXECUTE p`, `FETCH 10 FROM c`, `COPY TO STDOUT`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<&'a str>,
    pub statement: &'a str,
    /// How long the text is, where that was too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<&'a [Option<String>]>,
}
