//! A few connections to one server, each used by one stream at a time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Row, Value};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::errors;
use crate::error::{Error, Result};

/// How long an unused connection is kept.
const IDLE_LIFETIME: Duration = Duration::from_secs(60);

/// What every connection is told first. The empty sql_mode switches off ANSI_QUOTES, NO_BACKSLASH_ESCAPES,
/// PAD_CHAR_TO_FULL_LENGTH and all else that changes what is read; TIMESTAMP reads as UTC; no result is cut short by
/// sql_select_limit; sorts look at as many bytes as `expressions::SORTED_BYTES` says; and a reader that is slow for a
/// while is not disconnected.
const SETUP: &[&str] = &[
    "SET NAMES utf8mb4",
    "SET SESSION sql_mode = '', time_zone = '+00:00', sql_auto_is_null = 0, autocommit = 1, \
     sql_select_limit = 18446744073709551615, max_sort_length = 1024, net_write_timeout = 3600",
    "SET SESSION TRANSACTION READ ONLY",
];

/// How many connections there may be, and how long things may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub max_connections: usize,
    pub connect_timeout: Duration,
    pub acquire_timeout: Duration,
    /// Zero for none.
    pub statement_timeout: Duration,
}

/// The connections of one server and user.
pub(super) struct Pool {
    server: String,
    driver: Opts,
    limits: Limits,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<(Conn, Instant)>>,
    /// The greatest number of a statement that each connection has prepared.
    prepared: Mutex<HashMap<u32, u32>>,
    /// Whether the server has window functions: true once a connection has told that it is new enough.
    windows: Arc<AtomicBool>,
}

/// A connection in use. Dropping it after a query has been read to its end closes it; see also [`Pool::release`] and
/// [`Pool::abandon`].
pub(super) struct Lease {
    pub conn: Conn,
    permit: OwnedSemaphorePermit,
}

impl fmt::Debug for Pool {
    /// The driver's options hold the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("server", &self.server).field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Pool {
    /// A pool without connections.
    pub fn new(server: &str, driver: Opts, limits: Limits) -> Self {
        Pool {
            server: server.to_string(),
            driver,
            limits,
            permits: Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS))),
            idle: Mutex::new(vec![]),
            prepared: Mutex::default(),
            windows: Arc::default(),
        }
    }

    /// What tells whether the server has window functions, once it was reached.
    pub fn windows(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.windows)
    }

    /// The server's name.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A connection that answers: an unused one, or a new one.
    pub async fn acquire(&self) -> Result<Lease> {
        let waiting = Arc::clone(&self.permits).acquire_owned();
        let permit = match timeout(self.limits.acquire_timeout, waiting).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) => return Err(Error::internal(format!("the pool of server \"{}\" is closed", self.server))),
            Err(_) => {
                return Err(errors::busy(&self.server, self.limits.max_connections, self.limits.acquire_timeout));
            }
        };
        self.ready(permit).await
    }

    /// A further connection for a read that has one: only while more than half of them are free, so that others need
    /// not wait, and never waited for, as who has a connection and waits for another may wait for ever.
    pub async fn spare(&self) -> Option<Lease> {
        if self.permits.available_permits() <= self.limits.max_connections / 2 {
            return None;
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.ready(permit).await.ok()
    }

    async fn ready(&self, permit: OwnedSemaphorePermit) -> Result<Lease> {
        while let Some(mut conn) = self.take_idle() {
            // The server may have closed it meanwhile.
            match timeout(self.limits.connect_timeout, conn.ping()).await {
                Ok(Ok(())) => return Ok(Lease { conn, permit }),
                _ => close(conn),
            }
        }
        Ok(Lease { conn: self.connect().await?, permit })
    }

    /// Whether a connection has prepared a statement for the first time, and not found it among those that it had: the
    /// server numbers them in their order.
    pub fn is_first(&self, connection: u32, statement: u32) -> bool {
        const MOST: usize = 10_000;
        let mut prepared = self.prepared.lock();
        if prepared.len() >= MOST {
            prepared.clear();
        }
        let greatest = prepared.entry(connection).or_default();
        let first = statement > *greatest;
        *greatest = statement.max(*greatest);
        first
    }

    /// Takes a connection back whose last query has been read to its end.
    pub fn release(&self, lease: Lease) {
        let now = Instant::now();
        let mut idle = self.idle.lock();
        idle.push((lease.conn, now));
        let (kept, old): (Vec<_>, Vec<_>) =
            idle.drain(..).partition(|(_, since)| now.saturating_duration_since(*since) < IDLE_LIFETIME);
        *idle = kept;
        drop(idle);
        drop(old);
        drop(lease.permit);
    }

    /// Gives a connection up whose query may still run: its socket is closed without reading what is left, and the
    /// server is told to stop. Must be called within the runtime.
    pub fn abandon(self: &Arc<Self>, lease: Lease) {
        let id = lease.conn.id();
        close(lease.conn);
        let pool = Arc::clone(self);
        let permit = lease.permit;
        tokio::spawn(async move {
            if let Err(error) = pool.kill(id).await {
                tracing::warn!(server = %pool.server, connection = id, "could not cancel a query: {error}");
            }
            drop(permit);
        });
    }

    /// Ends another connection with what it works on. The one that says so needs no settings, which would take time.
    async fn kill(&self, id: u32) -> Result<()> {
        let killing = async {
            let mut conn = Conn::new(self.driver.clone()).await?;
            match conn.query_drop(format!("KILL {id}")).await {
                // The connection ended by itself.
                Err(mysql_async::Error::Server(error)) if error.code == 1094 => Ok(()),
                other => other,
            }
        };
        match timeout(self.limits.connect_timeout, killing).await {
            Ok(done) => done.map_err(|e| errors::query(&self.server, None, &e)),
            Err(_) => Err(errors::connect_timeout(&self.server, self.limits.connect_timeout)),
        }
    }

    fn take_idle(&self) -> Option<Conn> {
        let mut idle = self.idle.lock();
        let (conn, since) = idle.pop()?;
        if since.elapsed() < IDLE_LIFETIME {
            return Some(conn);
        }
        // The rest is older still.
        let old = std::mem::take(&mut *idle);
        drop(idle);
        drop((conn, old));
        None
    }

    async fn connect(&self) -> Result<Conn> {
        let connecting = async {
            let mut conn = Conn::new(self.driver.clone()).await?;
            self.windows.store(has_windows(conn.server_version()), Ordering::Relaxed);
            for statement in SETUP {
                conn.query_drop(*statement).await?;
            }
            if !self.limits.statement_timeout.is_zero() {
                let limit = limit_time(&version(&mut conn).await?, self.limits.statement_timeout);
                conn.query_drop(limit).await?;
            }
            Ok::<Conn, mysql_async::Error>(conn)
        };
        match timeout(self.limits.connect_timeout, connecting).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(errors::connect(&self.server, &error)),
            Err(_) => Err(errors::connect_timeout(&self.server, self.limits.connect_timeout)),
        }
    }
}

/// What the server says it is, such as `8.0.36` or `10.11.6-MariaDB-0+deb12u1`.
pub(super) async fn version(conn: &mut Conn) -> mysql_async::Result<String> {
    let row: Option<Row> = conn.query_first("SELECT VERSION()").await?;
    Ok(match row.as_ref().and_then(|row| row.as_ref(0)) {
        Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    })
}

/// Whether a server of this version has window functions: MySQL since 8.0, MariaDB since 10.2.
fn has_windows(version: (u16, u16, u16)) -> bool {
    matches!(version, (8 | 9, ..) | (10, 2.., _) | (11.., ..))
}

/// MariaDB counts seconds with a fraction, MySQL milliseconds.
fn limit_time(version: &str, limit: Duration) -> String {
    if version.contains("MariaDB") {
        format!("SET SESSION max_statement_time = {}", limit.as_secs_f64())
    } else {
        format!("SET SESSION max_execution_time = {}", limit.as_millis())
    }
}

/// Closes a connection at once. Dropped within a runtime the driver would first read all that is left of the
/// result; it does not on a thread that has none.
fn close(conn: Conn) {
    let closing = std::thread::Builder::new().name("mysql-close".to_string()).spawn(move || drop(conn));
    if let Err(error) = closing {
        tracing::warn!("could not start a thread to close a connection: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_came_late() {
        assert!(
            has_windows((8, 0, 36)) && has_windows((9, 1, 0)) && has_windows((10, 11, 6)) && has_windows((11, 4, 2))
        );
        assert!(!has_windows((5, 7, 44)) && !has_windows((10, 1, 48)) && !has_windows((0, 0, 0)));
    }

    #[test]
    fn both_servers_limit_time() {
        let limit = Duration::from_millis(1500);
        assert_eq!(limit_time("8.0.36", limit), "SET SESSION max_execution_time = 1500");
        assert_eq!(limit_time("10.11.6-MariaDB", limit), "SET SESSION max_statement_time = 1.5");
    }
}
