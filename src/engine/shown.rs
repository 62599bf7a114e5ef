//! What the catalog's functions see of a session.

use std::sync::Arc;

use parking_lot::Mutex;

use super::modes::{ACTIVE_TRANSACTION, says_yes};
use super::notify::{Ear, Listeners};
use super::session::TransactionState;
use super::settings::Settings;
use super::undo::Undo;
use crate::catalog::pg;
use crate::error::{Error, Result};
use crate::sources::activity::Activity;

/// What the catalog's functions answer in this session.
#[derive(Debug)]
pub(super) struct ShownSession {
    /// What the connection has prepared and declared.
    pub opened: Arc<Mutex<pg::Opened>>,
    /// The name that the client gave; a trusted one acts as the owner whatever it is.
    pub user: String,
    /// The role that it logged in as.
    pub login: String,
    pub pid: i32,
    pub settings: Arc<Mutex<Settings>>,
    pub undo: Arc<Mutex<Undo>>,
    pub activity: Arc<Activity>,
    pub backends: Arc<pg::Backends>,
    pub ear: Arc<Ear>,
    pub listeners: Arc<Listeners>,
    pub transaction: Arc<Mutex<TransactionState>>,
}

impl pg::SessionView for ShownSession {
    fn current_user(&self) -> String {
        self.settings.lock().role().to_string()
    }

    fn session_user(&self) -> String {
        let settings = self.settings.lock();
        if settings.session_role() == self.login { self.user.clone() } else { settings.session_role().to_string() }
    }

    fn search_path(&self) -> Vec<String> {
        self.settings.lock().search_path()
    }

    fn pid(&self) -> i32 {
        self.pid
    }

    fn setting(&self, name: &str) -> Option<String> {
        self.settings.lock().get(name).map(str::to_string)
    }

    fn settings(&self) -> Vec<(String, String)> {
        self.settings.lock().all().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn source_activity(&self) -> Option<Arc<Activity>> {
        Some(Arc::clone(&self.activity))
    }

    fn backends(&self) -> Option<Arc<pg::Backends>> {
        Some(Arc::clone(&self.backends))
    }

    fn opened(&self) -> pg::Opened {
        self.opened.lock().clone()
    }

    fn notify(&self, channel: &str, payload: &str) -> Result<()> {
        self.ear.notify(channel, payload)?;
        // Outside of a block it counts at once.
        if *self.transaction.lock() == TransactionState::Idle {
            self.ear.settle(true, &self.listeners, self.pid);
        }
        Ok(())
    }

    fn set(&self, name: &str, value: Option<&str>, local: bool) -> Result<String> {
        if name == "role" || name == "session_authorization" {
            return Err(Error::unsupported(format!("parameter \"{name}\" cannot be set by a function"))
                .with_hint("Use SET ROLE or SET SESSION AUTHORIZATION."));
        }
        let mut settings = self.settings.lock();
        // The query that calls this has begun: the modes of its block are settled, but that it may write no more.
        let now = settings.get(name).unwrap_or_default();
        let loosens = match name {
            "transaction_read_only" => now == "on" && !value.is_some_and(|value| says_yes(&value.to_lowercase())),
            "transaction_isolation" => !value.is_some_and(|value| now.eq_ignore_ascii_case(value)),
            _ => false,
        };
        if loosens && *self.transaction.lock() != TransactionState::Idle {
            return Err(Error::new(
                ACTIVE_TRANSACTION,
                match name {
                    "transaction_read_only" => "transaction read-write mode must be set before any query",
                    _ => "SET TRANSACTION ISOLATION LEVEL must be called before any query",
                },
            ));
        }
        let before = now.to_string();
        // Where there is no block the statement is a transaction of its own.
        self.undo.lock().save(&settings);
        settings.set(name, value)?;
        match local {
            true => self.undo.lock().note_local(name, before),
            false => self.undo.lock().note_kept(name),
        }
        Ok(settings.get(name).unwrap_or_default().to_string())
    }
}
