//! Opening the file, for one reader at a time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::errors;
use crate::error::{Error, Result};

/// One file. Every reader opens it anew: that takes little, sees a file that was replaced, and leaves nothing behind.
#[derive(Debug)]
pub(super) struct Database {
    server: String,
    path: PathBuf,
    max_connections: usize,
    busy_timeout: Duration,
    acquire_timeout: Duration,
    permits: Arc<Semaphore>,
}

impl Database {
    /// Nothing is opened yet.
    pub fn new(
        server: String,
        path: PathBuf,
        max_connections: usize,
        busy_timeout: Duration,
        acquire_timeout: Duration,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
        Database { server, path, max_connections, busy_timeout, acquire_timeout, permits }
    }

    /// The server's name.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until one more reader may open the file.
    pub async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        match timeout(self.acquire_timeout, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Error::internal(format!("the readers of server \"{}\" are closed", self.server))),
            Err(_) => Err(errors::busy(&self.server, self.max_connections, self.acquire_timeout)),
        }
    }

    /// Opens the file. Blocks.
    pub fn open(&self) -> Result<Connection> {
        // SQLite's own words for a missing file are of little help.
        let metadata = std::fs::metadata(&self.path).map_err(|e| errors::open(&self.server, &self.path, e))?;
        if !metadata.is_file() {
            return Err(errors::open(&self.server, &self.path, "it is no file"));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(&self.path, flags)
            .and_then(|conn| self.configure(&conn).map(|()| conn))
            .map_err(|e| errors::query(&self.server, &self.path, None, &e))
    }

    fn configure(&self, conn: &Connection) -> rusqlite::Result<()> {
        conn.busy_timeout(self.busy_timeout)?;
        // Queries come from elsewhere: no other file is theirs to read.
        conn.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        // So is the file: its views may call what is harmless only.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        conn.execute_batch("PRAGMA query_only = ON")
    }

    /// Runs `work`, whose errors are ours already, on a connection, on a thread that may block.
    pub async fn run_own<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        let database = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&database.open()?)
        });
        done.await.map_err(|e| Error::internal(format!("a reader failed: {e}")))?
    }

    /// Runs `work` on a connection, on a thread that may block.
    pub async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        table: Option<String>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.permit().await?;
        let database = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let conn = database.open()?;
            work(&conn).map_err(|e| errors::query(&database.server, &database.path, table.as_deref(), &e))
        });
        done.await.map_err(|e| Error::internal(format!("a reader failed: {e}")))?
    }
}
