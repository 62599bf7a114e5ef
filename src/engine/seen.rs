//! What a prepared statement was described by: whether its rows may have other columns now.

use std::sync::{Arc, Weak};

use super::session::Session;
use super::snapshot::CatalogState;

/// What the columns of a statement's rows depend on besides its text: definitions, and settings.
#[derive(Clone, Debug)]
pub struct Seen {
    /// It is not kept for this, and its place in memory is not another's as long as this is there.
    catalog: Weak<CatalogState>,
    settings: u64,
}

impl PartialEq for Seen {
    fn eq(&self, other: &Seen) -> bool {
        Weak::ptr_eq(&self.catalog, &other.catalog) && self.settings == other.settings
    }
}

impl Session {
    /// What a statement is described by, as it is now.
    pub fn seen(&self) -> Seen {
        Seen { catalog: Arc::downgrade(&self.catalog()), settings: self.settings.lock().version() }
    }
}
