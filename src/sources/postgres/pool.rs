//! The connections of one server and user: never more than `max_connections`, each owned by what it works for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::answer::Answer;
use super::connect::Connector;
use super::connection::Connection;
use super::parts::Refusal;
use super::query::Failure;
use crate::error::{Error, Result, SqlState};
use crate::sources::kind::ServerSpec;
use crate::sources::options::invalid;

/// How long an idle connection is still worth trying.
const MAX_IDLE: Duration = Duration::from_secs(600);

/// How long a stream that nobody reads any more may take to end by itself, which saves its connection.
const DRAIN: Duration = Duration::from_millis(10);

/// How long a cancel may take to have an effect before it is sent again; twice as long each time.
const CANCEL_AGAIN: Duration = Duration::from_millis(10);

/// How long a cancelled connection may take to end before it is cut off.
const CANCEL: Duration = Duration::from_secs(5);

/// The connections of one server and user.
pub(super) struct Pool {
    connector: Connector,
    /// Where connections live; where they are asked for when there is none.
    sockets: Option<Handle>,
    size: usize,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
    acquire_timeout: Duration,
    refusal: Refusal,
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
            sockets: spec.sockets.clone(),
            size,
            permits: Arc::new(Semaphore::new(size)),
            idle: Mutex::new(vec![]),
            acquire_timeout: spec.options.duration("acquire_timeout", Duration::from_secs(30))?,
            refusal: Refusal::default(),
        })
    }

    /// The server's name here.
    pub(super) fn server(&self) -> &str {
        self.connector.server()
    }

    /// Whether its server runs on this machine.
    pub(super) fn is_near(&self) -> bool {
        self.connector.is_near()
    }

    /// Why its tables are not read in parts, where that was found out.
    pub(super) fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// How many connections one read may have, as [`Pool::spare`] gives them.
    pub(super) fn most_for_one(&self) -> usize {
        self.size - self.size / 2
    }

    /// The permit for a further connection of a read that has one: only while more than half of them are free, so that
    /// others need not wait, and never waited for, as who has a connection and waits for another may wait for ever.
    pub(super) fn spare(&self) -> Option<OwnedSemaphorePermit> {
        if self.permits.available_permits() <= self.size / 2 {
            return None;
        }
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// The permit for the first connection of a read whose rows are not wanted yet: only while more than half of them
    /// are free, and one besides, so that whatever is wanted before finds one. Who reads early never keeps others from
    /// what they need to come to an end.
    pub(super) fn unneeded(&self) -> Option<OwnedSemaphorePermit> {
        if self.permits.available_permits() <= self.size / 2 + 1 {
            return None;
        }
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// A connection by the permit of [`Pool::spare`] or [`Pool::unneeded`].
    pub(super) async fn acquire_spare(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Result<Lease> {
        match self.take_idle() {
            Some(connection) => Ok(self.lease(connection, permit, true)),
            None => Ok(self.lease(self.connect().await?, permit, false)),
        }
    }

    /// A connection, idle or new, as soon as there may be one more.
    pub(super) async fn acquire(self: &Arc<Self>) -> Result<Lease> {
        let permit = self.permit().await?;
        match self.take_idle() {
            Some(connection) => Ok(self.lease(connection, permit, true)),
            None => Ok(self.lease(self.connect().await?, permit, false)),
        }
    }

    /// A connection of one's own, which is closed after use: what runs on it may change the session.
    pub(super) async fn acquire_own(self: &Arc<Self>) -> Result<Lease> {
        let permit = self.permit().await?;
        // The server's limit holds for idle connections too.
        drop(self.take_idle());
        let mut lease = self.lease(self.connect().await?, permit, false);
        lease.keep = false;
        Ok(lease)
    }

    fn lease(self: &Arc<Self>, connection: Connection, permit: OwnedSemaphorePermit, reused: bool) -> Lease {
        Lease { pool: Arc::clone(self), held: Some(Held { connection, permit }), reused, busy: false, keep: true }
    }

    /// A new connection. It is not asked for by a statement's own thread: it may outlive those.
    async fn connect(self: &Arc<Self>) -> Result<Connection> {
        let Some(sockets) = self.sockets.as_ref().filter(|sockets| sockets.id() != Handle::current().id()) else {
            return self.connector.connect().await;
        };
        let pool = Arc::clone(self);
        // It ends when nobody waits for it any more.
        let mut connecting = JoinSet::new();
        connecting.spawn_on(async move { pool.connector.connect().await }, sockets);
        match connecting.join_next().await {
            Some(Ok(connected)) => connected,
            _ => Err(Error::internal(format!("server \"{}\": no connection was made", self.server()))),
        }
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

    fn give_back(self: &Arc<Self>, held: Held) {
        if held.connection.in_block && !held.connection.client.is_closed() {
            let (pool, runtime) = (Arc::clone(self), held.connection.runtime.clone());
            runtime.spawn(async move { pool.end_block(held).await });
            return;
        }
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

    /// Ends the transaction block that a connection is in, and gives it back; one that does not answer is closed.
    async fn end_block(self: &Arc<Self>, mut held: Held) {
        let ending = held.connection.client.batch_execute("ROLLBACK");
        if matches!(tokio::time::timeout(CANCEL, ending).await, Ok(Ok(()))) {
            held.connection.in_block = false;
            self.give_back(held);
        } else {
            self.cancel(held).await;
        }
    }

    /// Stops what the connection works on and closes it. Its permit is held until then, so that the source never
    /// sees more connections than it should.
    async fn cancel(&self, held: Held) {
        let Held { connection, permit } = held;
        let Connection { client, mut driver, .. } = connection;
        let token = client.cancel_token();
        drop(client);
        let since = Instant::now();
        let mut wait = CANCEL_AGAIN;
        // Once is not enough: a cancel that comes before its statement begins is forgotten, and the statement would go
        // on after the connection is gone.
        while since.elapsed() < CANCEL {
            let _ = tokio::time::timeout(CANCEL, self.connector.cancel(&token)).await;
            if tokio::time::timeout(wait, &mut driver).await.is_ok() {
                break;
            }
            wait *= 2;
        }
        // Nothing happens to one that has ended.
        driver.abort();
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
    /// Whether it goes back to the pool.
    pub(super) keep: bool,
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
        let fresh = self.pool.connect().await?;
        *self.connection()? = fresh;
        self.reused = false;
        self.busy = false;
        Ok(())
    }

    /// Begins a transaction block by the statements `begin` and asks for one row in it, in one round trip. The
    /// parameters and the row must be of built-in types.
    pub(super) async fn begin(
        &mut self,
        begin: &str,
        query: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Row, Failure> {
        self.busy = true;
        let connection = self.connection()?;
        connection.in_block = true;
        let client = &connection.client;
        let (begun, row) = futures::join!(client.batch_execute(begin), client.query_typed_one(query, parameters));
        let row = begun.and(row);
        // What was answered or refused leaves the connection ready; a lost one is found closed.
        self.busy = false;
        Ok(row?)
    }

    /// Leaves the transaction block that it is in.
    pub(super) async fn leave_block(&mut self) -> Result<(), Failure> {
        self.busy = true;
        let connection = self.connection()?;
        connection.client.batch_execute("ROLLBACK").await?;
        connection.in_block = false;
        self.busy = false;
        Ok(())
    }

    /// Ends a statement whose rows are no longer wanted: what is nearly done may finish, else it is cancelled.
    pub(super) fn wind_down(mut self, mut rows: Answer) {
        let Some(held) = self.held.take() else { return };
        let (pool, keep) = (Arc::clone(&self.pool), self.keep);
        let runtime = held.connection.runtime.clone();
        runtime.spawn(async move {
            let drained = tokio::time::timeout(DRAIN, rows.drain()).await;
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
