//! From the start-up packet to the first ReadyForQuery: who it is, what it may, and with which settings.

use std::sync::Arc;

use bytes::Bytes;
use pgwire::messages::startup::{Authentication, BackendKeyData, NegotiateProtocolVersion, SecretKey};
use tokio::sync::OwnedSemaphorePermit;

use super::cancel::Slot;
use super::errors::Failure;
use super::listener::Shared;
use super::transport::Transport;
use crate::catalog::definitions::{DATABASE, OWNER};
use crate::engine::{Session, SessionParameters, TransactionState};
use crate::error::{Error, Result, SqlState};

/// What clients are told of at the start, and what they are told where the session says nothing.
const REPORTED: [(&str, &str); 13] = [
    ("server_version", "15.0"),
    ("server_encoding", "UTF8"),
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, MDY"),
    ("TimeZone", "UTC"),
    ("IntervalStyle", "postgres"),
    ("integer_datetimes", "on"),
    ("standard_conforming_strings", "on"),
    ("is_superuser", "on"),
    ("session_authorization", OWNER),
    ("application_name", ""),
    ("in_hot_standby", "off"),
    ("default_transaction_read_only", "off"),
];

/// The longest name that Postgres keeps, in bytes.
const NAME_LENGTH: usize = 63;

/// A client that was let in.
pub(super) struct Welcome {
    pub session: Arc<Session>,
    pub slot: Slot,
    /// The name that the client gave.
    pub user: String,
    pub application: String,
    /// Keeps the connection counted.
    pub permit: OwnedSemaphorePermit,
}

/// What the packet asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Request {
    user: String,
    database: Option<String>,
    application: Option<String>,
    settings: Vec<(String, String)>,
    /// Protocol options, of which none is known.
    unknown: Vec<String>,
}

/// Authenticates a client, makes its session and tells it so.
pub(super) async fn welcome(
    wire: &mut Transport,
    shared: &Shared,
    minor: u16,
    parameters: Vec<(String, String)>,
    secure: bool,
) -> Result<Welcome, Failure> {
    let request = request(parameters).map_err(Failure::Fatal)?;
    // Only 3.0 and 3.2 exist; they differ in the length of the secret.
    let agreed: u16 = if minor >= 2 { 2 } else { 0 };
    if minor != agreed || !request.unknown.is_empty() {
        let newest = (3 << 16) | i32::from(agreed);
        wire.put(&NegotiateProtocolVersion::new(newest, request.unknown.clone())).map_err(Failure::Fatal)?;
    }
    if let Some((password, known)) = shared.password(&request.user).map_err(Failure::Fatal)? {
        shared.prover.check(wire, &password, &request.user, known, secure).await?;
    }
    let Ok(permit) = Arc::clone(&shared.sessions).try_acquire_owned() else {
        return Err(Failure::Fatal(Error::new(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already")));
    };
    if let Some(database) = &request.database
        && database != DATABASE
    {
        let error = Error::new(SqlState::INVALID_CATALOG_NAME, format!("database \"{database}\" does not exist"))
            .with_hint(format!("The only database is \"{DATABASE}\"."));
        return Err(Failure::Fatal(error));
    }
    let slot = shared.registry.register(if agreed >= 2 { 32 } else { 4 }).map_err(Failure::Fatal)?;
    let application = request.application.clone().unwrap_or_default();
    let session = shared
        .engine
        .session(SessionParameters {
            user: request.user.clone(),
            application_name: request.application,
            settings: request.settings,
            pid: slot.pid,
        })
        .map_err(Failure::Fatal)?;
    greet(wire, &session, &slot).map_err(Failure::Fatal)?;
    wire.flush().await?;
    Ok(Welcome { session: Arc::new(session), slot, user: request.user, application, permit })
}

fn greet(wire: &mut Transport, session: &Session, slot: &Slot) -> Result<()> {
    wire.put(&Authentication::Ok)?;
    for (name, otherwise) in REPORTED {
        let value = session.setting(name);
        wire.put_setting(name, value.as_deref().unwrap_or(otherwise))?;
    }
    // All of them have just been told.
    drop(session.changed_settings());
    wire.put(&BackendKeyData::new(slot.pid, SecretKey::Bytes(Bytes::copy_from_slice(&slot.secret))))?;
    wire.put_ready(TransactionState::Idle)
}

fn request(parameters: Vec<(String, String)>) -> Result<Request> {
    let mut request = Request::default();
    for (name, value) in parameters {
        match name.as_str() {
            "user" => request.user = value,
            "database" => request.database = Some(value).filter(|name| !name.is_empty()),
            "application_name" => request.application = Some(printable(&value)),
            "options" => request.settings.extend(options(&value)?),
            "replication" => {
                if !["false", "off", "no", "0", "f", "n"].contains(&value.to_ascii_lowercase().as_str()) {
                    return Err(Error::unsupported("replication connections are not supported"));
                }
            }
            other if other.starts_with("_pq_.") => request.unknown.push(name),
            // As Postgres: of an encoding's name only letters and digits count. asyncpg sends it in quotes.
            "client_encoding" => {
                let plain = value.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                request.settings.push((name, plain));
            }
            _ => request.settings.push((name, value)),
        }
    }
    if request.user.is_empty() {
        return Err(Error::new(SqlState::INVALID_AUTHORIZATION, "no PostgreSQL user name specified in startup packet"));
    }
    Ok(request)
}

/// A name for logs and catalogs: printable ASCII, as long as a name may be.
fn printable(text: &str) -> String {
    text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '?' }).take(NAME_LENGTH).collect()
}

/// Reads command-line options: `-c name=value`, `-cname=value` and `--name=value`; a backslash keeps a blank.
fn options(text: &str) -> Result<Vec<(String, String)>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            blank if blank.is_ascii_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);

    let wrong = |word: &str| {
        Error::new(SqlState::SYNTAX_ERROR, format!("invalid command-line argument for server process: {word}"))
            .with_hint("Only -c name=value and --name=value are known.")
    };
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let setting = if word == "-c" {
            words.next().ok_or_else(|| wrong("-c"))?
        } else if let Some(rest) = word.strip_prefix("-c").or_else(|| word.strip_prefix("--")) {
            rest.to_string()
        } else {
            return Err(wrong(&word));
        };
        let (name, value) = setting.split_once('=').ok_or_else(|| wrong(&setting))?;
        settings.push((name.replace('-', "_"), value.to_string()));
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_string(), value.to_string())
    }

    #[test]
    fn requests() {
        let parsed = request(vec![
            pair("user", "ann"),
            pair("database", "onerow"),
            pair("application_name", "a\tb"),
            pair("options", "-c search_path=a,\\ b --statement-timeout=5s -cjit=off"),
            pair("_pq_.later", "1"),
            pair("TimeZone", "Europe/Berlin"),
            pair("client_encoding", "'utf-8'"),
        ])
        .unwrap();
        assert_eq!(parsed.user, "ann");
        assert_eq!(parsed.application.as_deref(), Some("a?b"));
        assert_eq!(parsed.unknown, ["_pq_.later"]);
        assert_eq!(
            parsed.settings,
            [
                pair("search_path", "a, b"),
                pair("statement_timeout", "5s"),
                pair("jit", "off"),
                pair("TimeZone", "Europe/Berlin"),
                pair("client_encoding", "utf8")
            ]
        );
        assert_eq!(request(vec![]).unwrap_err().state(), SqlState::INVALID_AUTHORIZATION);
        assert!(request(vec![pair("user", "a"), pair("options", "-x")]).is_err());
        assert!(request(vec![pair("user", "a"), pair("replication", "database")]).is_err());
    }
}
