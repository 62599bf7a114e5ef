//! From the start-up packet to the first ReadyForQuery: who it is, what it may, and with which settings.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use pgwire::messages::startup::{Authentication, BackendKeyData, NegotiateProtocolVersion, SecretKey};
use tokio::sync::OwnedSemaphorePermit;

use super::cancel::Slot;
use super::door::Door;
use super::errors::Failure;
use super::hba::{Knock, Method};
use super::listener::Shared;
use super::transport::Transport;
use crate::audit::{AuditLog, Trail, Visitor};
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

/// A connection, as far as it is known before a word is said.
pub(super) struct Caller {
    pub peer: SocketAddr,
    /// The address that it connected to.
    pub local: SocketAddr,
    /// Whether it is encrypted.
    pub secure: bool,
    /// The name in the certificate that it has shown.
    pub certificate: Option<String>,
}

/// A client that was let in.
pub(super) struct Welcome {
    pub session: Arc<Session>,
    pub slot: Slot,
    /// The name that the client gave.
    pub user: String,
    pub application: String,
    /// Keeps the connection counted.
    pub permit: OwnedSemaphorePermit,
    /// Where what it does is recorded, if it is.
    pub trail: Option<Arc<Trail>>,
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

/// Somebody who has asked to be let in. One who has had no answer when this is dropped took too long, which is recorded.
struct Newcomer<'a> {
    visitor: Visitor,
    audit: Option<&'a AuditLog>,
    answered: bool,
}

impl Drop for Newcomer<'_> {
    fn drop(&mut self) {
        if let (Some(audit), false) = (self.audit, self.answered) {
            audit.refused(&self.visitor, SqlState::QUERY_CANCELED);
        }
    }
}

/// Authenticates a client, makes its session and tells it so.
pub(super) async fn welcome(
    wire: &mut Transport,
    shared: &Shared,
    door: &Door,
    caller: &Caller,
    minor: u16,
    parameters: Vec<(String, String)>,
) -> Result<Welcome, Failure> {
    let visitor = Visitor { peer: caller.peer.to_string(), tls: caller.secure, ..Visitor::default() };
    let mut newcomer = Newcomer { visitor, audit: shared.audit.as_ref(), answered: false };
    let request = request(parameters).map_err(Failure::Fatal);
    let welcomed = match request {
        Ok(request) => enter(wire, shared, door, caller, minor, request, &mut newcomer.visitor).await,
        Err(failure) => Err(failure),
    };
    newcomer.answered = true;
    if let (Some(audit), Err(Failure::Statement(error) | Failure::Fatal(error))) = (&shared.audit, &welcomed) {
        audit.refused(&newcomer.visitor, error.state());
    }
    // Whoever guesses waits for the answer.
    if let Err(Failure::Fatal(error)) = &welcomed
        && error.state() == SqlState::INVALID_PASSWORD
        && !shared.attempts.failed(caller.peer.ip()).await
    {
        return Err(Failure::Gone);
    }
    welcomed
}

async fn enter(
    wire: &mut Transport,
    shared: &Shared,
    door: &Door,
    caller: &Caller,
    minor: u16,
    request: Request,
    visitor: &mut Visitor,
) -> Result<Welcome, Failure> {
    visitor.user = Some(request.user.clone());
    visitor.database = Some(request.database.clone().unwrap_or_else(|| DATABASE.to_string()));
    visitor.application = request.application.clone();
    // Only 3.0 and 3.2 exist; they differ in the length of the secret.
    let agreed: u16 = if minor >= 2 { 2 } else { 0 };
    if minor != agreed || !request.unknown.is_empty() {
        let newest = (3 << 16) | i32::from(agreed);
        wire.put(&NegotiateProtocolVersion::new(newest, request.unknown.clone())).map_err(Failure::Fatal)?;
    }
    let trusted = authenticate(wire, shared, door, caller, &request, visitor).await?;
    let Ok(permit) = Arc::clone(&shared.sessions).try_acquire_owned() else {
        return Err(Failure::Fatal(Error::new(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already")));
    };
    if request.user != OWNER && shared.sessions.available_permits() < shared.reserved {
        let message = "remaining connection slots are reserved for the owner";
        return Err(Failure::Fatal(Error::new(SqlState::TOO_MANY_CONNECTIONS, message)));
    }
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
            trusted,
        })
        .map_err(Failure::Fatal)?;
    let trail = match &shared.audit {
        Some(audit) => Some(Trail::begin(audit, visitor, slot.pid).await.map_err(Failure::Fatal)?),
        None => None,
    };
    greet(wire, &session, &slot).map_err(Failure::Fatal)?;
    wire.flush().await?;
    Ok(Welcome { session: Arc::new(session), slot, user: request.user, application, permit, trail })
}

/// Has a client prove who it is, as the rules say; without rules by the password, if there is one. The answer is whether
/// any name will do.
async fn authenticate(
    wire: &mut Transport,
    shared: &Shared,
    door: &Door,
    caller: &Caller,
    request: &Request,
    visitor: &mut Visitor,
) -> Result<bool, Failure> {
    let user = request.user.as_str();
    let roles = shared.engine.roles_of(user);
    let knock = Knock {
        user,
        roles: &roles,
        database: request.database.as_deref().unwrap_or(DATABASE),
        peer: caller.peer.ip(),
        local: caller.local.ip(),
        encrypted: caller.secure,
    };
    let known = user == OWNER || shared.engine.has_role(user);
    let method = door.decide(&knock).map_err(Failure::Fatal)?;
    let nobody =
        || Failure::Fatal(Error::new(SqlState::INVALID_AUTHORIZATION, format!("role \"{user}\" does not exist")));
    let unproved = |message: String| Failure::Fatal(Error::new(SqlState::INVALID_AUTHORIZATION, message));
    let method = match method {
        Some(method) => method,
        // Without rules trust means that any name will do.
        None => match shared.password(user).map_err(Failure::Fatal)? {
            Some(_) => Method::Scram,
            None => {
                visitor.method = Some("trust");
                return Ok(true);
            }
        },
    };
    let password = || match shared.password(user) {
        Ok(Some(password)) => Ok(password),
        Ok(None) => Err(unproved("the owner has no password".to_string())),
        Err(error) => Err(Failure::Fatal(error)),
    };
    match method {
        Method::Trust => {
            visitor.method = Some("trust");
            if known { Ok(false) } else { Err(nobody()) }
        }
        // The rules have refused it.
        Method::Reject => Err(unproved("pg_hba.conf rejects connection".to_string())),
        Method::Scram => {
            visitor.method = Some("scram-sha-256");
            let (password, known) = password()?;
            door.prover.check(wire, &password, user, known, caller.secure).await?;
            shared.attempts.succeeded(caller.peer.ip());
            Ok(false)
        }
        Method::Password => {
            visitor.method = Some("password");
            if !caller.secure {
                return Err(unproved(format!("password authentication of user \"{user}\" needs encryption")));
            }
            let (password, known) = password()?;
            door.prover.ask(wire, &password, user, known).await?;
            shared.attempts.succeeded(caller.peer.ip());
            Ok(false)
        }
        Method::Certificate => {
            visitor.method = Some("cert");
            match &caller.certificate {
                None => Err(unproved("connection requires a valid client certificate".to_string())),
                Some(name) if name == user => {
                    if known {
                        Ok(false)
                    } else {
                        Err(nobody())
                    }
                }
                Some(_) => Err(unproved(format!("certificate authentication failed for user \"{user}\""))),
            }
        }
    }
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
    use crate::config::AuditConfig;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_string(), value.to_string())
    }

    #[tokio::test]
    async fn a_login_that_takes_too_long_is_recorded() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("audit.log");
        let config = AuditConfig { file: file.clone(), key: b"0123456789abcdef".to_vec(), parameters: false };
        let log = AuditLog::open(&config).unwrap();
        let knock = |user: &str, answered| {
            let visitor = Visitor { user: Some(user.to_string()), peer: "here".to_string(), ..Visitor::default() };
            drop(Newcomer { visitor, audit: Some(&log), answered });
        };
        knock("slow", false);
        knock("quick", true);
        log.stop().await;
        let records = std::fs::read_to_string(&file).unwrap();
        assert!(
            records.contains("\"session_refused\"") && records.contains("\"57014\"") && records.contains("\"slow\"")
        );
        assert!(!records.contains("\"quick\""));
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
