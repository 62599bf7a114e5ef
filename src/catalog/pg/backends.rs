//! The connections that are open: what `pg_stat_activity` shows, and what `pg_cancel_backend` and
//! `pg_terminate_backend` reach.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::rows::{Cell, Rows};
use super::snapshot::{DATABASE_OID, Snapshot};
use super::view::SessionView;
use crate::audit::redact;
use crate::catalog::definitions::{DATABASE, OWNER};
use crate::catalog::rights::Rights;
use crate::error::{Error, Result, SqlState};

/// How many bytes of a statement are shown, as Postgres's `track_activity_query_size`.
const SHOWN: usize = 1023;

/// Every connection, by the number that its client knows.
pub struct Backends {
    all: Mutex<BTreeMap<i32, Arc<Backend>>>,
    /// When the program started, in microseconds.
    since: i64,
}

impl Default for Backends {
    fn default() -> Self {
        Backends { all: Mutex::default(), since: micros() }
    }
}

impl fmt::Debug for Backends {
    /// Its sessions know it, so that nothing of them is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backends").finish_non_exhaustive()
    }
}

/// Between which addresses a connection is, and how it is encrypted.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The client's.
    pub client: SocketAddr,
    /// The server's.
    pub server: SocketAddr,
    /// What it is encrypted with, if it is.
    pub tls: Option<Encryption>,
}

/// How a connection is encrypted, in the words that Postgres has from OpenSSL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The version of TLS.
    pub version: String,
    /// The suite of ciphers.
    pub cipher: String,
    /// How long its keys are.
    pub bits: i64,
}

/// One connection.
#[derive(Debug)]
pub struct Backend {
    session: Arc<dyn SessionView>,
    ends: Option<Ends>,
    /// When it logged in, in microseconds.
    since: i64,
    /// The statement that runs, while one does.
    running: Arc<Mutex<Option<CancellationToken>>>,
    /// Ends the connection.
    end: CancellationToken,
    now: Mutex<Now>,
}

/// What a connection does. Times are in microseconds.
#[derive(Clone, Debug, Default)]
struct Now {
    state: &'static str,
    query: String,
    query_start: Option<i64>,
    block_start: Option<i64>,
    state_change: Option<i64>,
}

/// Whether a connection is in a transaction block, and whether that has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// In no block.
    Idle,
    /// In one.
    InBlock,
    /// In one that failed.
    Failed,
}

/// A connection's place among the others, which it leaves when this is dropped.
#[derive(Debug)]
pub struct Present {
    all: Arc<Backends>,
    backend: Arc<Backend>,
}

impl Backends {
    /// Adds a connection. `running` holds what cancels its statement, and `end` ends it.
    pub fn enter(
        self: &Arc<Self>,
        session: Arc<dyn SessionView>,
        ends: Option<Ends>,
        running: Arc<Mutex<Option<CancellationToken>>>,
        end: CancellationToken,
    ) -> Present {
        let since = micros();
        let now = Now { state: "idle", state_change: Some(since), ..Now::default() };
        let pid = session.pid();
        let backend = Arc::new(Backend { session, ends, since, running, end, now: Mutex::new(now) });
        self.all.lock().insert(pid, Arc::clone(&backend));
        Present { all: Arc::clone(self), backend }
    }

    /// When the program started, in microseconds.
    pub fn since(&self) -> i64 {
        self.since
    }

    /// Between which addresses a connection is; none for one that is not there.
    pub fn ends_of(&self, pid: i32) -> Option<Ends> {
        self.all.lock().get(&pid).and_then(|backend| backend.ends.clone())
    }

    fn listed(&self) -> Vec<Arc<Backend>> {
        self.all.lock().values().cloned().collect()
    }

    /// Cancels what a connection runs, or ends it. Whether there is such a connection; 42501 for a role that may not.
    pub fn signal(&self, pid: i64, ends: bool, rights: &Rights<'_>) -> Result<bool> {
        let found = i32::try_from(pid).ok().and_then(|pid| self.all.lock().get(&pid).cloned());
        let Some(backend) = found else { return Ok(false) };
        let role = backend.session.current_user();
        if role == OWNER && !rights.is_owner() {
            let what = if ends { "terminate superuser process" } else { "cancel superuser query" };
            let message = format!("must be a superuser to {what}");
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        if !rights.has(&role) {
            let whose = if ends { "process is being terminated" } else { "query is being canceled" };
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("must be a member of the role whose {whose} or member of pg_signal_backend"),
            ));
        }
        if ends {
            backend.end.cancel();
        }
        if let Some(running) = &*backend.running.lock() {
            running.cancel();
        }
        Ok(true)
    }
}

impl Present {
    /// Notes that a statement begins.
    pub fn runs(&self, text: &str) {
        let mut end = text.len().min(SHOWN);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut now = self.backend.now.lock();
        let at = micros();
        now.state = "active";
        now.query.clear();
        now.query.push_str(text.get(..end).unwrap_or_default());
        now.query_start = Some(at);
        now.block_start.get_or_insert(at);
        now.state_change = Some(at);
    }

    /// Notes that the next statement may come.
    pub fn rests(&self, rest: Rest) {
        let mut now = self.backend.now.lock();
        now.state = match rest {
            Rest::Idle => "idle",
            Rest::InBlock => "idle in transaction",
            Rest::Failed => "idle in transaction (aborted)",
        };
        now.state_change = Some(micros());
        if rest == Rest::Idle {
            now.block_start = None;
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut all = self.all.all.lock();
        let pid = self.backend.session.pid();
        // The number may be another's by now.
        if all.get(&pid).is_some_and(|there| Arc::ptr_eq(there, &self.backend)) {
            all.remove(&pid);
        }
    }
}

/// Microseconds since 1970.
pub fn micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// `pg_stat_activity`: every connection. What one does is told to its own role and those who have its privileges.
pub fn pg_stat_activity(snapshot: &Snapshot, asking: &Arc<dyn SessionView>, rows: &mut Rows) {
    let own = asking.current_user();
    let rights = snapshot.definitions.rights(&own);
    let listed = asking.backends().map(|all| all.listed()).unwrap_or_default();
    if listed.is_empty() {
        // The command line has no connection, and asks for itself.
        push(snapshot, asking, None, true, rows);
    }
    for backend in listed {
        let role = backend.session.current_user();
        push(snapshot, &backend.session, Some(&backend), role == own || rights.has(&role), rows);
    }
}

fn push(
    snapshot: &Snapshot,
    session: &Arc<dyn SessionView>,
    backend: Option<&Arc<Backend>>,
    told: bool,
    rows: &mut Rows,
) {
    let role = session.current_user();
    let mut cells: Vec<(&'static str, Cell)> = vec![
        ("datid", DATABASE_OID.into()),
        ("datname", DATABASE.into()),
        ("pid", session.pid().into()),
        ("usesysid", snapshot.role_oid(&role).unwrap_or_default().into()),
        ("usename", role.into()),
        ("application_name", session.setting("application_name").unwrap_or_default().into()),
    ];
    match backend {
        _ if !told => cells.push(("query", "<insufficient privilege>".into())),
        None => cells.extend([("state", "active".into()), ("backend_type", "client backend".into())]),
        Some(backend) => {
            let now = backend.now.lock().clone();
            let active = now.state == "active";
            cells.extend([
                ("client_addr", backend.ends.as_ref().map(|ends| ends.client.ip().to_string()).into()),
                ("client_port", backend.ends.as_ref().map(|ends| i64::from(ends.client.port())).into()),
                ("backend_start", backend.since.into()),
                ("xact_start", now.block_start.into()),
                ("query_start", now.query_start.into()),
                ("state_change", now.state_change.into()),
                ("wait_event_type", (!active).then_some("Client").into()),
                ("wait_event", (!active).then_some("ClientRead").into()),
                ("state", now.state.into()),
                // A password is shown to nobody.
                ("query", redact(&now.query).into_owned().into()),
                ("backend_type", "client backend".into()),
            ]);
        }
    }
    rows.push_all(cells);
}

/// `pg_stat_ssl`: every connection that has a client, and how it is encrypted, for those who are told what it does.
pub fn pg_stat_ssl(snapshot: &Snapshot, asking: &Arc<dyn SessionView>, rows: &mut Rows) {
    let own = asking.current_user();
    let rights = snapshot.definitions.rights(&own);
    for backend in asking.backends().map(|all| all.listed()).unwrap_or_default() {
        let role = backend.session.current_user();
        let Some(ends) = backend.ends.as_ref().filter(|_| role == own || rights.has(&role)) else { continue };
        let tls = ends.tls.as_ref();
        rows.push_all(vec![
            ("pid", backend.session.pid().into()),
            ("ssl", tls.is_some().into()),
            ("version", tls.map(|tls| tls.version.clone()).into()),
            ("cipher", tls.map(|tls| tls.cipher.clone()).into()),
            ("bits", tls.map(|tls| tls.bits).into()),
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::definitions::Definitions;
    use crate::catalog::pg::view::DefaultSession;

    #[test]
    fn a_connection_is_there_until_it_leaves() {
        let all = Arc::new(Backends::default());
        let (running, end) = (Arc::new(Mutex::new(Some(CancellationToken::new()))), CancellationToken::new());
        let present = all.enter(Arc::new(DefaultSession), None, Arc::clone(&running), end.clone());
        present.runs(&"ü".repeat(600));
        assert_eq!(all.listed().first().map(|backend| backend.now.lock().query.len()), Some(1022));
        present.rests(Rest::Failed);
        let definitions = Definitions::default();
        assert_eq!(all.signal(0, false, &definitions.rights("ann")).map_err(|e| e.state().0), Err("42501"));
        assert_eq!(all.signal(1, false, &definitions.rights(OWNER)).ok(), Some(false));
        assert_eq!(all.signal(0, false, &definitions.rights(OWNER)).ok(), Some(true));
        assert!(running.lock().as_ref().is_some_and(CancellationToken::is_cancelled) && !end.is_cancelled());
        assert_eq!(all.signal(0, true, &definitions.rights(OWNER)).ok(), Some(true));
        assert!(end.is_cancelled());
        drop(present);
        assert!(all.listed().is_empty());
    }
}
