//! How many statements of a role are under way.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Engine;
use super::session::Session;
use crate::catalog::definitions::OWNER;
use crate::error::{Error, Result, SqlState};

/// How many there are of each role that has a limit.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<String, usize>>);

/// A statement that counts for its role until this is dropped: while it runs, and while a cursor has rows to come.
#[derive(Debug)]
pub struct Turn {
    engine: Arc<Engine>,
    role: String,
}

impl Session {
    /// Counts a statement that is about to run for the role that logged in, whatever SET ROLE says. 53400 above the role's
    /// STATEMENT LIMIT; none where it has no limit, as the owner has none.
    pub fn take_turn(&self) -> Result<Option<Turn>> {
        if self.login == OWNER {
            return Ok(None);
        }
        let definitions = self.engine.definitions();
        let limit = definitions.roles.get(&self.login).map_or(-1, |role| role.statement_limit);
        let Ok(limit) = usize::try_from(limit) else { return Ok(None) };
        let mut turns = self.engine.turns.0.lock();
        let count = turns.get(&self.login).copied().unwrap_or(0);
        if count >= limit {
            let message = format!("too many statements for role \"{}\"", self.login);
            return Err(Error::new(SqlState::CONFIGURATION_LIMIT_EXCEEDED, message)
                .with_detail(format!("It may run {limit} at a time, open cursors among them."))
                .with_hint("Wait for one to end, or close a cursor."));
        }
        turns.insert(self.login.clone(), count + 1);
        Ok(Some(Turn { engine: Arc::clone(&self.engine), role: self.login.clone() }))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.engine.turns.0.lock();
        if let Some(count) = turns.get_mut(&self.role) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                turns.remove(&self.role);
            }
        }
    }
}
