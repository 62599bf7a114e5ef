//! One connection: the driver's client, the task that moves its bytes, and the statements prepared on it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Statement};

use super::diversion::Diversion;
use super::errors;

/// How many statements one connection keeps prepared.
const MAX_STATEMENTS: usize = 64;

/// What a prepared statement's plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plans {
    /// For the values at hand: the same statement may ask for one customer or for all.
    OfValues,
    /// For any values, where the server finds that as good: it need not plan each time.
    Kept,
}

impl Plans {
    /// The statement that has a server plan so. Those before version 12 have no such setting.
    pub(super) fn setting(self) -> &'static str {
        match self {
            Plans::OfValues => {
                "SELECT pg_catalog.set_config('plan_cache_mode', 'force_custom_plan', false) \
                 WHERE pg_catalog.current_setting('server_version_num')::int >= 120000"
            }
            Plans::Kept => {
                "SELECT pg_catalog.set_config('plan_cache_mode', 'auto', false) \
                 WHERE pg_catalog.current_setting('server_version_num')::int >= 120000"
            }
        }
    }
}

/// A connection that has logged in.
pub(super) struct Connection {
    pub(super) client: Client,
    /// The task that reads and writes the socket; it ends when the connection does.
    pub(super) driver: JoinHandle<()>,
    /// Where to run what must still be done when a stream is dropped.
    pub(super) runtime: Handle,
    /// Since when it has been idle.
    pub(super) idle_since: Instant,
    /// Whether it may be in a transaction block, which must end before it is used again.
    pub(super) in_block: bool,
    /// How its statements are planned now.
    pub(super) plans: Plans,
    /// Where the rows of large answers go; none where they come by way of the driver.
    pub(super) diversion: Option<Diversion>,
    ended: Arc<Mutex<Option<String>>>,
    statements: HashMap<String, Statement>,
    /// The statements' texts, the oldest first.
    order: VecDeque<String>,
}

impl Connection {
    /// Starts the task that drives a new connection. It must be called on a runtime.
    pub(super) fn start<S, T>(
        client: Client,
        driver: tokio_postgres::Connection<S, T>,
        diversion: Option<Diversion>,
    ) -> Connection
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let ended = Arc::new(Mutex::new(None));
        let reason = Arc::clone(&ended);
        let driver = tokio::spawn(async move {
            if let Err(error) = driver.await {
                *reason.lock() = Some(errors::reason(&error));
            }
        });
        Connection {
            client,
            driver,
            runtime: Handle::current(),
            idle_since: Instant::now(),
            in_block: false,
            plans: Plans::OfValues,
            diversion,
            ended,
            statements: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    /// Why the connection ended, where it did.
    pub(super) fn ended(&self) -> Option<String> {
        self.ended.lock().clone()
    }

    /// A statement prepared here before.
    pub(super) fn prepared(&self, sql: &str) -> Option<Statement> {
        self.statements.get(sql).cloned()
    }

    /// Prepares a statement and keeps it; the oldest one goes when there are too many.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<Statement, tokio_postgres::Error> {
        let statement = self.client.prepare(sql).await?;
        if self.order.len() >= MAX_STATEMENTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.statements.remove(&oldest);
        }
        if self.statements.insert(sql.to_string(), statement.clone()).is_none() {
            self.order.push_back(sql.to_string());
        }
        Ok(statement)
    }

    /// Drops a prepared statement, so that it is prepared anew.
    pub(super) fn forget(&mut self, sql: &str) {
        self.statements.remove(sql);
        self.order.retain(|known| known != sql);
    }
}
