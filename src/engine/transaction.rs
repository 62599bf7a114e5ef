//! Transaction blocks: what a block changes in the catalog or in local tables is its own until COMMIT.
//!
//! There is one writer at a time: the first change in a block takes the writers' lock and keeps it to the block's
//! end, so that the state a block began to change is current until it commits, and two blocks never conflict. What
//! is changed is a state of the catalog that only the block's session sees; COMMIT makes it durable in one
//! transaction of the state's file, then current.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::SessionState;
use tokio::sync::OwnedMutexGuard;

use super::Engine;
use super::session::{Session, TransactionState};
use super::snapshot::CatalogState;
use crate::catalog::definitions::{Definitions, RelationName};
use crate::catalog::store::{PASSWORD, RowChange, Store};
use crate::error::Result;

/// A block that has begun to change something.
#[derive(Debug)]
pub(super) struct Block {
    /// Keeps other writers out until the block ends.
    _writing: OwnedMutexGuard<()>,
    pending: Pending,
}

/// Changes that are neither durable nor seen by others yet.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    state: Arc<CatalogState>,
    rows: BTreeMap<RelationName, Written>,
    /// The owner's password, if it changes; none takes it away.
    password: Option<Option<String>>,
    changed: bool,
}

/// What of a table's rows the state folder lacks.
#[derive(Clone, Copy, Debug)]
enum Written {
    /// The batches after this many.
    After(usize),
    /// All of them, in place of what it has.
    All,
}

/// The right to change something: for one statement, or for the block that it is in.
pub(super) enum Writing {
    /// Until the statement ends.
    Statement { _guard: OwnedMutexGuard<()> },
    /// Until the block ends.
    Block,
}

impl Pending {
    /// Nothing yet, on top of the current state.
    fn on(state: Arc<CatalogState>) -> Self {
        Pending { state, rows: BTreeMap::new(), password: None, changed: false }
    }

    /// The catalog with the changes.
    pub fn state(&self) -> &Arc<CatalogState> {
        &self.state
    }

    /// Adds the changes of one statement, all or none. A table that is new begins without rows.
    fn change(&mut self, store: &Store, after: Definitions, rows: &[(RelationName, RowChange<'_>)]) -> Result<()> {
        let mut state = self.state.with(after);
        let mut written = self.rows.clone();
        written.retain(|name, _| state.rows.contains(name));
        let new: Vec<RelationName> =
            state.rows.names().filter(|name| !self.state.rows.contains(name)).cloned().collect();
        for name in new {
            state.rows.set(&name, vec![]);
            written.insert(name, Written::All);
        }
        for (name, change) in rows {
            match change {
                RowChange::Append(batches) => {
                    let there = state.rows.read(store, name)?;
                    written.entry(name.clone()).or_insert(Written::After(there.len()));
                    state.rows.set(name, there.iter().chain(*batches).cloned().collect());
                }
                RowChange::Replace(batches) => {
                    written.insert(name.clone(), Written::All);
                    state.rows.set(name, batches.to_vec());
                }
            }
        }
        *self = Pending { state: Arc::new(state), rows: written, password: self.password.take(), changed: true };
        Ok(())
    }

    /// Makes the changes durable: what differs from `before`, the current state, in one transaction of the file.
    pub fn keep(&self, store: &Store, before: &CatalogState) -> Result<()> {
        // Statements that began earlier find their rows in memory: soon the file has others.
        let others = |name: &&RelationName| self.rows.contains_key(*name) || !self.state.rows.contains(name);
        for name in before.rows.names().filter(others) {
            before.rows.read(store, name)?;
        }
        let rows = self.rows.iter().map(|(name, written)| Ok((name, *written, self.state.rows.read(store, name)?)));
        let rows = rows.collect::<Result<Vec<(&RelationName, Written, Arc<Vec<RecordBatch>>)>>>()?;
        let changes: Vec<(RelationName, RowChange<'_>)> = rows
            .iter()
            .map(|(name, written, rows)| {
                let change = match written {
                    Written::After(known) => RowChange::Append(rows.get(*known..).unwrap_or_default()),
                    Written::All => RowChange::Replace(rows),
                };
                ((*name).clone(), change)
            })
            .collect();
        let password = self.password.as_ref().map(|password| (PASSWORD, password.as_deref()));
        store.commit(&before.definitions, &self.state.definitions, &changes, password)
    }
}

impl Engine {
    /// Makes other definitions durable and current. Whoever calls it keeps other writers out.
    pub(super) fn redefine(&self, after: Definitions) -> Result<()> {
        let mut pending = Pending::on(self.current());
        pending.change(&self.store, after, &[])?;
        self.publish(&pending)
    }
}

impl Session {
    /// The catalog as this session sees it: the current one, or with what its block has changed.
    pub(super) fn catalog(&self) -> Arc<CatalogState> {
        match self.block.lock().as_ref() {
            Some(block) => Arc::clone(&block.pending.state),
            None => self.engine.current(),
        }
    }

    /// Waits until nobody else changes anything.
    pub(super) async fn start_writing(&self) -> Writing {
        if self.block.lock().is_some() {
            return Writing::Block;
        }
        let guard = Arc::clone(&self.engine.changing).lock_owned().await;
        if self.transaction_state() == TransactionState::Idle {
            return Writing::Statement { _guard: guard };
        }
        *self.block.lock() = Some(Block { _writing: guard, pending: Pending::on(self.engine.current()) });
        Writing::Block
    }

    /// The same, with the state to read what is changed with: what others changed meanwhile is in it.
    pub(super) async fn start_changing(&self) -> (Writing, SessionState) {
        let writing = self.start_writing().await;
        (writing, self.state())
    }

    /// Makes a change: for the block that the session is in, else for good and for all.
    pub(super) fn commit_change(&self, after: Definitions, rows: &[(RelationName, RowChange<'_>)]) -> Result<()> {
        self.change(|engine, pending| pending.change(&engine.store, after, rows))
    }

    /// Changes the owner's password to the form that is kept; none takes it away.
    pub(super) fn change_password(&self, kept: Option<String>) -> Result<()> {
        self.change(|_, pending| {
            pending.password = Some(kept);
            pending.changed = true;
            Ok(())
        })
    }

    /// Whether the owner has a password, as this session sees it.
    pub(super) fn owner_has_password(&self) -> Result<bool> {
        let changed = self.block.lock().as_ref().and_then(|block| block.pending.password.clone());
        match changed {
            Some(kept) => Ok(kept.is_some() || self.engine.has_configured_password()),
            None => self.engine.has_password(),
        }
    }

    fn change(&self, change: impl FnOnce(&Engine, &mut Pending) -> Result<()>) -> Result<()> {
        let engine = self.engine.as_ref();
        if let Some(block) = self.block.lock().as_mut() {
            return change(engine, &mut block.pending);
        }
        let mut pending = Pending::on(engine.current());
        change(engine, &mut pending)?;
        engine.publish(&pending)
    }

    /// Ends the block's changes: makes them durable and current, or drops them. On error none is made.
    pub(super) fn end_writing(&self, keep: bool) -> Result<()> {
        let Some(block) = self.block.lock().take() else { return Ok(()) };
        let ended = if keep && block.pending.changed { self.engine.publish(&block.pending) } else { Ok(()) };
        if !keep || ended.is_err() {
            self.engine.forget_sources();
        }
        ended
    }

    /// What the block has changed so far, for a savepoint; none when it has changed nothing.
    pub(super) fn changed(&self) -> Option<Pending> {
        self.block.lock().as_ref().map(|block| block.pending.clone())
    }

    /// Undoes what the block has changed since a savepoint. Where that is all, others may write again.
    pub(super) fn go_back(&self, changed: Option<Pending>) {
        let mut block = self.block.lock();
        let Some(there) = block.as_mut() else { return };
        if let Some(changed) = changed {
            there.pending = changed;
            return;
        }
        *block = None;
        drop(block);
        self.engine.forget_sources();
    }

    /// The block has failed: what it changed since its last savepoint can only be undone, and is.
    pub(super) fn abort(&self) {
        let changed = self.savepoints.lock().last().and_then(|savepoint| savepoint.changed.clone());
        self.go_back(changed);
    }
}

impl Drop for Session {
    /// A client that goes away in a block has rolled it back.
    fn drop(&mut self) {
        if let Err(error) = self.end_writing(false) {
            tracing::error!(error = error.message(), "could not roll back");
        }
        self.engine.role_sessions.leave(&self.login);
    }
}
