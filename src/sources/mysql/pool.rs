//! A few connections to one server, each used by one stream at a time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::direct::Login;
use super::line::Line;
use super::{errors, session};
use crate::error::{Error, Result};

/// How long an unused connection is kept.
const IDLE_LIFETIME: Duration = Duration::from_secs(60);

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
    /// Unused connections of the driver, and since when.
    conns: Mutex<Idle<Conn>>,
    /// Unused connections for reading.
    lines: Mutex<Idle<Line>>,
    /// The greatest number of a statement that each connection has prepared.
    prepared: Mutex<HashMap<u32, u32>>,
    /// Whether the server has window functions: true once a connection has told that it is new enough.
    windows: Arc<AtomicBool>,
    /// Whether the server wants what only the driver knows: true once it has said so.
    driver_reads: AtomicBool,
}

/// Connections that nobody uses.
type Idle<C> = Vec<(C, Instant)>;

/// What a pool holds: the driver's connections, and those that rows are read by.
pub(super) trait Connection: Sized + Send + 'static {
    /// Those of this kind that nobody uses.
    fn idle(pool: &Pool) -> &Mutex<Idle<Self>>;
    /// Makes one that is ready for use.
    fn open(pool: &Pool) -> impl Future<Output = mysql_async::Result<Self>> + Send;
    /// Whether the server still answers.
    fn answers(&mut self) -> impl Future<Output = mysql_async::Result<()>> + Send;
    /// Its number at the server.
    fn id(&self) -> u32;
    /// Closes it at once, whatever may still come.
    fn close(self);
}

/// A connection in use. Dropping it after a query has been read to its end closes it; see also [`Pool::release`] and
/// [`Pool::abandon`].
pub(super) struct Lease<C = Conn> {
    pub conn: C,
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
            conns: Mutex::default(),
            lines: Mutex::default(),
            prepared: Mutex::default(),
            windows: Arc::default(),
            driver_reads: AtomicBool::new(false),
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
    pub async fn acquire<C: Connection>(&self) -> Result<Lease<C>> {
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
    pub async fn spare<C: Connection>(&self) -> Option<Lease<C>> {
        if self.permits.available_permits() <= self.limits.max_connections / 2 {
            return None;
        }
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        self.ready(permit).await.ok()
    }

    async fn ready<C: Connection>(&self, permit: OwnedSemaphorePermit) -> Result<Lease<C>> {
        while let Some(mut conn) = self.take_idle::<C>() {
            // The server may have closed it meanwhile.
            match timeout(self.limits.connect_timeout, conn.answers()).await {
                Ok(Ok(())) => return Ok(Lease { conn, permit }),
                _ => conn.close(),
            }
        }
        self.make_room();
        match timeout(self.limits.connect_timeout, C::open(self)).await {
            Ok(Ok(conn)) => Ok(Lease { conn, permit }),
            Ok(Err(error)) => Err(errors::connect(&self.server, &error)),
            Err(_) => Err(errors::connect_timeout(&self.server, self.limits.connect_timeout)),
        }
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
    pub fn release<C: Connection>(&self, lease: Lease<C>) {
        let now = Instant::now();
        let mut idle = C::idle(self).lock();
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
    pub fn abandon<C: Connection>(self: &Arc<Self>, lease: Lease<C>) {
        let id = lease.conn.id();
        lease.conn.close();
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

    fn take_idle<C: Connection>(&self) -> Option<C> {
        let mut idle = C::idle(self).lock();
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

    /// Before one more connection is made: closes unused ones of either kind, those that the server would not have.
    fn make_room(&self) {
        let used = self.limits.max_connections.saturating_sub(self.permits.available_permits());
        let (mut conns, mut lines) = (self.conns.lock(), self.lines.lock());
        while used + conns.len() + lines.len() > self.limits.max_connections {
            if !conns.is_empty() {
                conns.remove(0).0.close();
            } else if !lines.is_empty() {
                lines.remove(0).0.close();
            } else {
                break;
            }
        }
    }

    /// What a connection to a server of this version is told first.
    fn setup(&self, version: &str) -> Vec<Arc<str>> {
        session::setup(version, self.limits.statement_timeout)
    }
}

impl Connection for Conn {
    fn idle(pool: &Pool) -> &Mutex<Idle<Self>> {
        &pool.conns
    }

    async fn open(pool: &Pool) -> mysql_async::Result<Self> {
        let mut conn = Conn::new(pool.driver.clone()).await?;
        pool.windows.store(session::has_windows(conn.server_version()), Ordering::Relaxed);
        // What stands in the greeting may be what something between here and there says.
        let version =
            if pool.limits.statement_timeout.is_zero() { String::new() } else { session::version(&mut conn).await? };
        for statement in pool.setup(&version) {
            conn.query_drop(&*statement).await?;
        }
        Ok(conn)
    }

    async fn answers(&mut self) -> mysql_async::Result<()> {
        self.ping().await
    }

    fn id(&self) -> u32 {
        Conn::id(self)
    }

    /// Dropped within a runtime the driver would first read all that is left of the result; it does not on a thread that
    /// has none.
    fn close(self) {
        let closing = std::thread::Builder::new().name("mysql-close".to_string()).spawn(move || drop(self));
        if let Err(error) = closing {
            tracing::warn!("could not start a thread to close a connection: {error}");
        }
    }
}

impl Connection for Line {
    fn idle(pool: &Pool) -> &Mutex<Idle<Self>> {
        &pool.lines
    }

    async fn open(pool: &Pool) -> mysql_async::Result<Self> {
        if !pool.driver_reads.load(Ordering::Relaxed) {
            match Login::make(&pool.driver, |version| pool.setup(version)).await? {
                Login::Made(link, version) => {
                    pool.windows.store(session::has_windows(version), Ordering::Relaxed);
                    return Ok(Line::Direct(link));
                }
                Login::Declined => pool.driver_reads.store(true, Ordering::Relaxed),
            }
        }
        Ok(Line::Driver(<Conn as Connection>::open(pool).await?))
    }

    async fn answers(&mut self) -> mysql_async::Result<()> {
        match self {
            Line::Direct(link) => link.ping().await,
            Line::Driver(conn) => conn.ping().await,
        }
    }

    fn id(&self) -> u32 {
        match self {
            Line::Direct(link) => link.id(),
            Line::Driver(conn) => Conn::id(conn),
        }
    }

    fn close(self) {
        match self {
            Line::Direct(link) => drop(link),
            Line::Driver(conn) => Connection::close(conn),
        }
    }
}
