//! The connections of one server and user: never more than `max_connections`, each owned by what it works for.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::RowStream;

use super::connect::Connector;
use super::connection::Connection;
use crate::error::{Error, Result, SqlState};
use crate::sources::kind::ServerSpec;
use crate::sources::options::invalid;

/// How long an idle connection is still worth trying.
const MAX_IDLE: Duration = Duration::from_secs(600);

/// How long a stream that nobody reads any more may take to end by itself, which saves its connection.
const DRAIN: Duration = Duration::from_millis(10);

/// How long a cancelled connection may take to end before it is cut off.
const CANCEL: Duration = Duration::from_secs(5);

/// The connections of one server and user.
pub(super) struct Pool {
    connector: Connector,
    size: usize,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    acquire_timeout: Duration,
}

impl Pool {
    /// A pool without connections, by the server's options.
    pub(super) fn new(spec: &ServerSpec) -> Result<Pool> {
        let size = spec.options.parsed("max_connections", 8usize)?;
        if !(1..=10_000).contains(&size) {
            return Err(invalid("max_connections", "is not a number from 1 to 10000"));
        }
        Ok(Pool {
            connector: Connector::new(spec)?,
            size,
            permits: Arc::new(Semaphore::new(size)),
            idle: Mutex::new(vec![]),
            acquire_timeout: spec.options.duration("acquire_timeout", Duration::from_secs(30))?,
        })
    }

    /// The server's name here.
    pub(super) fn server(&self) -> &str {
        self.connector.server()
    }

    /// A connection, idle or new, as soon as there may be one more.
    pub(super) async fn acquire(self: &Arc<Self>) -> Result<Lease> {
        let permit = self.permit().await?;
        match self.take_idle() {
            Some(connection) => Ok(self.lease(connection, permit, true)),
            None => Ok(self.lease(self.connector.connect().await?, permit, false)),
        }
    }

    /// A connection of one's own, which is closed after use: what runs on it may change the session.
    pub(super) async fn acquire_own(self: &Arc<Self>) -> Result<Lease> {
        let permit = self.permit().await?;
        // The server's limit holds for idle connections too.
        drop(self.take_idle());
        let mut lease = self.lease(self.connector.connect().await?, permit, false);
        lease.keep = false;
        Ok(lease)
    }

    fn lease(self: &Arc<Self>, connection: Connection, permit: OwnedSemaphorePermit, reused: bool) -> Lease {
        Lease { pool: Arc::clone(self), held: Some(Held { connection, permit }), reused, busy: false, keep: true }
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let waited = tokio::time::timeout(self.acquire_timeout, Arc::clone(&self.permits).acquire_owned()).await;
        match waited {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Error::internal(format!("the connections of server \"{}\" are closed", self.server()))),
            Err(_) => Err(Error::new(
                SqlState::TOO_MANY_CONNECTIONS,
                format!("server \"{}\": no connection became free", self.server()),
            )
            .with_detail(format!(
                "All {} connections were in use for {} ms.",
                self.size,
                self.acquire_timeout.as_millis()
            ))
            .with_hint("Raise the server's options max_connections or acquire_timeout.")),
        }
    }

    /// The connection that was used last, if it still lives.
    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        while let Some(connection) = idle.pop() {
            if !connection.client.is_closed() && connection.idle_since.elapsed() < MAX_IDLE {
                return Some(connection);
            }
        }
        None
    }

    fn give_back(&self, held: Held) {
        let Held { mut connection, permit } = held;
        if !connection.client.is_closed() {
            connection.idle_since = Instant::now();
            let mut idle = self.idle.lock();
            // The first ones wait longest; what nobody has needed for long goes.
            idle.retain(|other| other.idle_since.elapsed() < MAX_IDLE);
            idle.push(connection);
        }
        drop(permit);
    }

    /// Stops what the connection works on and closes it. Its permit is held until then, so that the source never
    /// sees more connections than it should.
    async fn cancel(&self, held: Held) {
        let Held { connection, permit } = held;
        let Connection { client, mut driver, .. } = connection;
        let token = client.cancel_token();
        // A cancel that cannot be sent leaves only cutting the connection off, below.
        let _ = tokio::time::timeout(CANCEL, token.cancel_query(self.connector.tls())).await;
        drop(client);
        if tokio::time::timeout(CANCEL, &mut driver).await.is_err() {
            driver.abort();
        }
        drop(permit);
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("server", &self.server()).field("size", &self.size).finish_non_exhaustive()
    }
}

struct Held {
    connection: Connection,
    permit: OwnedSemaphorePermit,
}

/// A connection in use. Dropped while it works, it is cancelled at the source and closed; else it goes back.
pub(super) struct Lease {
    pool: Arc<Pool>,
    /// Always there until the lease ends.
    held: Option<Held>,
    /// Whether it was idle before, and so may have died unseen.
    pub(super) reused: bool,
    /// Whether a statement is under way.
    pub(super) busy: bool,
    keep: bool,
}

impl Lease {
    /// The connection.
    pub(super) fn connection(&mut self) -> Result<&mut Connection> {
        match &mut self.held {
            Some(held) => Ok(&mut held.connection),
            None => Err(Error::internal(format!("a connection to server \"{}\" was given back", self.pool.server()))),
        }
    }

    /// Puts a new connection in the place of one that has died.
    pub(super) async fn reconnect(&mut self) -> Result<()> {
        let fresh = self.pool.connector.connect().await?;
        *self.connection()? = fresh;
        self.reused = false;
        self.busy = false;
        Ok(())
    }

    /// Ends a statement whose rows are no longer wanted: what is nearly done may finish, else it is cancelled.
    pub(super) fn wind_down(mut self, mut rows: Pin<Box<RowStream>>) {
        let Some(held) = self.held.take() else { return };
        let (pool, keep) = (Arc::clone(&self.pool), self.keep);
        let runtime = held.connection.runtime.clone();
        runtime.spawn(async move {
            let rest = async {
                while let Some(row) = rows.next().await {
                    if row.is_err() {
                        return false;
                    }
                }
                true
            };
            let drained = tokio::time::timeout(DRAIN, rest).await;
            drop(rows);
            match drained {
                Ok(true) if keep => pool.give_back(held),
                Ok(true) => drop(held),
                _ => pool.cancel(held).await,
            }
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        if self.busy {
            let pool = Arc::clone(&self.pool);
            let runtime = held.connection.runtime.clone();
            runtime.spawn(async move { pool.cancel(held).await });
        } else if self.keep {
            self.pool.give_back(held);
        }
    }
}
