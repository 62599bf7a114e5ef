//! What the catalog's functions see of a session.

use std::sync::Arc;

use parking_lot::Mutex;

use super::notify::{Ear, Listeners};
use super::session::TransactionState;
use super::settings::Settings;
use crate::catalog::pg;
use crate::error::{Error, Result};
use crate::sources::activity::Activity;

/// What the catalog's functions answer in this session.
#[derive(Debug)]
pub(super) struct ShownSession {
    /// The name that the client gave; a trusted one acts as the owner whatever it is.
    pub user: String,
    /// The role that it logged in as.
    pub login: String,
    pub pid: i32,
    pub settings: Arc<Mutex<Settings>>,
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

    fn notify(&self, channel: &str, payload: &str) -> Result<()> {
        self.ear.notify(channel, payload)?;
        // Outside of a block it counts at once.
        if *self.transaction.lock() == TransactionState::Idle {
            self.ear.settle(true, &self.listeners, self.pid);
        }
        Ok(())
    }

    fn set(&self, name: &str, value: &str) -> Result<String> {
        if name == "role" || name == "session_authorization" {
            return Err(Error::unsupported(format!("parameter \"{name}\" cannot be set by a function"))
                .with_hint("Use SET ROLE or SET SESSION AUTHORIZATION."));
        }
        let mut settings = self.settings.lock();
        settings.set(name, Some(value))?;
        Ok(settings.get(name).unwrap_or_default().to_string())
    }
}
