//! What the models of the files have learned, kept in the state folder: no start trains again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::definitions::RelationName;
use crate::catalog::store::TRAINED;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::models::Trained;

/// What a model has learned, with the statement that it was learned by: another one learns anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::engine) struct Kept {
    /// The statement, as written.
    pub statement: String,
    /// What was learned.
    pub trained: Arc<Trained>,
}

impl Engine {
    /// What is kept, by the models' names as they are shown. What cannot be read is as good as none: it is learned
    /// again.
    pub(in crate::engine) fn kept_models(&self) -> BTreeMap<String, Kept> {
        let kept = self.store.setting(TRAINED).ok().flatten();
        kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default()
    }

    /// Keeps what a model of the files has learned.
    pub(in crate::engine) fn keep_model(&self, name: &RelationName, kept: Kept) -> Result<()> {
        let mut all = self.kept_models();
        all.insert(name.to_string(), kept);
        let all = serde_json::to_string(&all).map_err(|error| Error::internal(error.to_string()))?;
        self.store.keep_setting(TRAINED, &all)
    }
}
