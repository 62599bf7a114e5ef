//! What a session's settings go back to: at the end of a transaction, and where there is no block, of a statement.

use std::sync::Arc;

use super::engine_options::EngineOptions;
use super::session::{Session, TransactionState};
use super::settings::Settings;

/// What was there before a transaction changed settings.
#[derive(Debug, Default)]
pub(super) struct Undo {
    /// All settings, to put back if the transaction is rolled back.
    settings: Option<Settings>,
    /// DataFusion's options, likewise.
    options: Option<Option<Arc<EngineOptions>>>,
    /// What was changed for the transaction alone, with the value before; without one, it was then changed for good.
    locals: Vec<(String, Option<String>)>,
}

impl Undo {
    /// Remembers the settings as they are before they are first changed.
    pub fn save(&mut self, settings: &Settings) {
        if self.settings.is_none() {
            self.settings = Some(settings.clone());
        }
    }

    /// A setting is about to be changed for the transaction alone.
    pub fn note_local(&mut self, name: &str, before: String) {
        self.locals.push((name.to_string(), Some(before)));
    }

    /// A setting is changed for good: what was done for the transaction alone before that is not undone.
    pub fn note_kept(&mut self, name: &str) {
        if self.locals.iter().any(|(local, _)| local == name) {
            self.locals.push((name.to_string(), None));
        }
    }

    /// All settings are changed for good.
    pub fn note_all_kept(&mut self) {
        let mut names: Vec<String> = self.locals.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names.dedup();
        self.locals.extend(names.into_iter().map(|name| (name, None)));
    }

    /// How many changes for the transaction alone there were, for a savepoint.
    pub fn noted(&self) -> usize {
        self.locals.len()
    }

    /// Forgets the changes since a savepoint.
    pub fn go_back(&mut self, noted: usize) {
        self.locals.truncate(noted);
    }

    fn is_empty(&self) -> bool {
        self.settings.is_none() && self.options.is_none() && self.locals.is_empty()
    }

    /// What to put back at the end of a transaction that is committed, by name: the value before the first change for
    /// the transaction alone, of those since the last change for good.
    fn put_back(self) -> Vec<(String, String)> {
        let mut before: Vec<(String, String)> = vec![];
        for (name, value) in self.locals {
            match value {
                Some(value) if !before.iter().any(|(known, _)| *known == name) => before.push((name, value)),
                Some(_) => {}
                None => before.retain(|(known, _)| *known != name),
            }
        }
        before
    }
}

impl Session {
    /// Remembers the settings as they are when a transaction first changes one.
    pub(super) fn save_settings(&self) {
        if self.transaction_state() != TransactionState::InBlock {
            return;
        }
        let options = self.engine_options();
        let settings = self.settings.lock();
        let mut undo = self.undo.lock();
        undo.save(&settings);
        if undo.options.is_none() {
            undo.options = Some(options);
        }
    }

    /// Puts back what the settings were before the transaction, or what was changed for the transaction alone.
    pub(super) fn settle_settings(&self, committed: bool) {
        let undo = std::mem::take(&mut *self.undo.lock());
        if committed {
            let before = undo.put_back();
            let mut settings = self.settings.lock();
            for (name, value) in before {
                match name.starts_with("datafusion.") {
                    true => self.put_back_option(&name, &value),
                    false => settings.put_back(&name, &value),
                }
            }
            return;
        }
        if let Some(settings) = undo.settings {
            self.settings.lock().restore(settings);
        }
        if let Some(options) = undo.options {
            self.put_engine_options(options.as_deref());
        }
    }

    /// Outside of a block, ends what `set_config` has done for its statement alone, and all that it has done where the
    /// statement failed. What a client sends before it waits for an answer is one transaction: it ends there.
    pub fn end_statement(&self, succeeded: bool) {
        if self.transaction_state() != TransactionState::Idle || self.undo.lock().is_empty() {
            return;
        }
        self.settle_settings(succeeded);
        self.apply_settings();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put_back(undo: Undo) -> Vec<(String, String)> {
        undo.put_back()
    }

    #[test]
    fn a_change_for_good_ends_those_for_the_transaction_alone() {
        let mut undo = Undo::default();
        undo.note_kept("a");
        assert!(undo.is_empty());
        undo.note_local("a", "1".into());
        undo.note_local("a", "2".into());
        undo.note_local("b", "3".into());
        let noted = undo.noted();
        undo.note_kept("a");
        undo.note_local("b", "4".into());
        assert_eq!(undo.noted(), noted + 2);
        undo.go_back(noted);
        undo.note_kept("b");
        undo.note_local("b", "5".into());
        assert_eq!(put_back(undo), [("a".to_string(), "1".to_string()), ("b".to_string(), "5".to_string())]);
    }

    #[test]
    fn all_are_kept() {
        let mut undo = Undo::default();
        undo.note_local("a", "1".into());
        undo.note_local("b", "2".into());
        undo.note_all_kept();
        assert_eq!(put_back(undo), []);
    }
}
