//! Transaction blocks: what a block changed in the catalog or in local tables is undone when it is rolled back.
//!
//! There is one writer at a time: the first change in a block takes the writers' lock and keeps it to the block's
//! end. Changes are made at once and undone on ROLLBACK, so others may see them before COMMIT
//! (docs/differences.md).

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use tokio::sync::OwnedMutexGuard;

use super::session::{Session, TransactionState};
use crate::catalog::definitions::{Definitions, RelationKind, RelationName};
use crate::catalog::store::RowChange;
use crate::error::{Error, Result, SqlState};
use crate::planner::names::Relations;

/// What the catalog and the local tables were before a block changed them.
#[derive(Debug)]
pub(super) struct Undo {
    /// Keeps other writers out until the block ends.
    _writing: OwnedMutexGuard<()>,
    definitions: Arc<Definitions>,
    rows: BTreeMap<RelationName, Arc<Vec<RecordBatch>>>,
    /// How many statements have changed something.
    changes: usize,
}

/// The right to change something: for one statement, or for the block that it is in.
pub(super) enum Writing {
    /// Until the statement ends.
    Statement { _guard: OwnedMutexGuard<()> },
    /// Until the block ends.
    Block,
}

impl Session {
    /// Waits until nobody else changes anything.
    pub(super) async fn start_writing(&self) -> Writing {
        if self.undo.lock().is_some() {
            return Writing::Block;
        }
        let guard = Arc::clone(&self.engine.changing).lock_owned().await;
        if self.transaction_state() == TransactionState::Idle {
            return Writing::Statement { _guard: guard };
        }
        let definitions = Relations::definitions(self.engine.as_ref());
        *self.undo.lock() = Some(Undo { _writing: guard, definitions, rows: BTreeMap::new(), changes: 0 });
        Writing::Block
    }

    /// Makes a change durable and current, remembering what a rollback needs.
    pub(super) fn commit_change(&self, after: Definitions, rows: &[(RelationName, RowChange<'_>)]) -> Result<()> {
        if let Some(undo) = self.undo.lock().as_mut() {
            let before = Relations::definitions(self.engine.as_ref());
            let gone = before
                .relations
                .values()
                .filter(|r| matches!(r.kind, RelationKind::Local(_)) && !after.relations.contains_key(&r.name))
                .map(|r| &r.name);
            for name in rows.iter().map(|(name, _)| name).chain(gone) {
                if undo.definitions.relations.contains_key(name) && !undo.rows.contains_key(name) {
                    undo.rows.insert(name.clone(), self.engine.rows(name)?);
                }
            }
            undo.changes += 1;
        }
        self.engine.commit(after, rows)
    }

    /// Ends the block's changes: keeps them, or puts back what was before.
    pub(super) fn end_writing(&self, keep: bool) -> Result<()> {
        let undo = self.undo.lock().take();
        match undo {
            Some(undo) if !keep && undo.changes > 0 => {
                let rows: Vec<_> =
                    undo.rows.iter().map(|(name, rows)| (name.clone(), RowChange::Replace(rows.as_slice()))).collect();
                self.engine.commit(undo.definitions.as_ref().clone(), &rows)
            }
            _ => Ok(()),
        }
    }

    /// How many changes the block has made so far, for a savepoint.
    pub(super) fn changes(&self) -> usize {
        self.undo.lock().as_ref().map_or(0, |undo| undo.changes)
    }

    /// Going back to a savepoint undoes settings and errors; changes made since then cannot be undone alone.
    pub(super) fn check_savepoint(&self, changes_then: usize) -> Result<()> {
        if self.changes() == changes_then {
            return Ok(());
        }
        Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "changes made since a savepoint cannot be rolled back alone")
            .with_hint("Roll back the whole transaction."))
    }
}

impl Drop for Session {
    /// A client that goes away in a block has rolled it back.
    fn drop(&mut self) {
        if let Err(error) = self.end_writing(false) {
            tracing::error!(error = error.message(), "could not roll back");
        }
    }
}
