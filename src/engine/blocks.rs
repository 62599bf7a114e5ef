//! A transaction block from its beginning to its end: BEGIN, savepoints, COMMIT and ROLLBACK, and the block that the
//! statements of one text make. What it changes in the catalog and in tables is in `transaction.rs`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::engine_options::EngineOptions;
use super::modes::NO_TRANSACTION;
use super::notice::Notice;
use super::session::{Session, TransactionState};
use super::settings::Settings;
use super::transaction::Pending;
use crate::error::{Error, Result, SqlState};

/// What a block goes back to.
#[derive(Clone, Debug)]
pub(super) struct Savepoint {
    name: String,
    /// What the block had changed.
    pub changed: Option<Pending>,
    settings: Settings,
    options: Option<Arc<EngineOptions>>,
    /// How many changes of settings for the transaction alone there were.
    locals: usize,
}

impl Session {
    /// Begins a block for the statements of one text, unless there is one. As in Postgres they are done together or not
    /// at all; a BEGIN among them makes the block one like any other, a COMMIT ends it.
    pub fn begin_text(&self) {
        let mut transaction = self.transaction.lock();
        if *transaction == TransactionState::Idle {
            *transaction = TransactionState::InBlock;
            self.queried.store(false, Ordering::Relaxed);
            self.implicit.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the session is in the block of a text.
    pub fn is_in_text(&self) -> bool {
        self.implicit.load(Ordering::Relaxed)
    }

    /// Ends the block of a text, if that is what the session is in.
    pub fn end_text(&self, commit: bool) -> Result<()> {
        if !self.is_in_text() {
            return Ok(());
        }
        let ended = self.end_transaction(commit, false, false);
        self.settle_modes();
        self.apply_settings();
        ended.map(|_| ())
    }

    /// Ends the block, because a statement says so (`told`) or a text is at its end; with `chain`, another one like it
    /// begins.
    pub(super) fn end_transaction(&self, commit: bool, chain: bool, told: bool) -> Result<&'static str> {
        if chain {
            self.need_block(if commit { "COMMIT AND CHAIN" } else { "ROLLBACK AND CHAIN" })?;
        }
        let modes = self.modes();
        let before = std::mem::replace(&mut *self.transaction.lock(), TransactionState::Idle);
        let implicit = self.implicit.swap(false, Ordering::Relaxed);
        self.queried.store(false, Ordering::Relaxed);
        if before == TransactionState::Idle || (implicit && told) {
            self.tell(Notice::warning(NO_TRANSACTION, "there is no transaction in progress"));
        }
        self.ended.fetch_add(1, Ordering::Relaxed);
        let committed = commit && before != TransactionState::Failed;
        self.savepoints.lock().clear();
        let ended = self.end_writing(committed);
        let committed = committed && ended.is_ok();
        self.settle_said(committed);
        self.settle_settings(committed);
        ended?;
        if chain {
            *self.transaction.lock() = TransactionState::InBlock;
            if before == TransactionState::Failed {
                // As in Postgres, where what failed has already put its modes back.
                self.settle_modes();
            } else {
                self.take_modes(&modes);
            }
        }
        Ok(if committed { "COMMIT" } else { "ROLLBACK" })
    }

    /// Where a savepoint stands among the block's, and what there was by then.
    fn savepoint(&self, name: &str) -> Result<(usize, Savepoint)> {
        let savepoints = self.savepoints.lock();
        let found = savepoints.iter().enumerate().rev().find(|(_, savepoint)| savepoint.name == name);
        found
            .map(|(at, savepoint)| (at, savepoint.clone()))
            .ok_or_else(|| Error::new(SqlState("3B001"), format!("savepoint \"{name}\" does not exist")))
    }

    /// How many savepoints the block has.
    pub fn savepoint_count(&self) -> usize {
        self.savepoints.lock().len()
    }

    fn need_block(&self, what: &str) -> Result<()> {
        if self.transaction_state() == TransactionState::Idle || self.is_in_text() {
            return Err(Error::new(NO_TRANSACTION, format!("{what} can only be used in transaction blocks")));
        }
        Ok(())
    }

    /// SAVEPOINT name
    pub(super) fn set_savepoint(&self, name: &str) -> Result<()> {
        self.need_block("SAVEPOINT")?;
        let (settings, locals) = (self.settings.lock().clone(), self.undo.lock().noted());
        let options = self.engine_options();
        let savepoint = Savepoint { name: name.to_string(), changed: self.changed(), settings, options, locals };
        self.savepoints.lock().push(savepoint);
        self.ear.mark();
        Ok(())
    }

    /// RELEASE SAVEPOINT name
    pub(super) fn release_savepoint(&self, name: &str) -> Result<()> {
        self.need_block("RELEASE SAVEPOINT")?;
        let (at, _) = self.savepoint(name)?;
        self.savepoints.lock().truncate(at);
        self.ear.release(at);
        Ok(())
    }

    /// ROLLBACK TO SAVEPOINT name
    pub(super) fn go_back_to(&self, name: &str) -> Result<()> {
        self.need_block("ROLLBACK TO SAVEPOINT")?;
        let (at, savepoint) = self.savepoint(name)?;
        self.go_back(savepoint.changed);
        self.settings.lock().restore(savepoint.settings);
        self.put_engine_options(savepoint.options.as_deref());
        self.undo.lock().go_back(savepoint.locals);
        self.savepoints.lock().truncate(at + 1);
        self.ear.go_back(at);
        *self.transaction.lock() = TransactionState::InBlock;
        Ok(())
    }
}
