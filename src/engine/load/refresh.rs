//! Imports that were taken from the state are asked for again once the server runs.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::files::{place, statements};
use crate::ddl::statement::Ddl;
use crate::engine::Engine;

impl Engine {
    /// Asks the sources again, some time after the server has started, and loads when something changed.
    pub(super) fn refresh_behind(&self) {
        let Some(engine) = self.this.upgrade() else { return };
        if !engine.config.start_from_state {
            return;
        }
        let weak = Arc::downgrade(&engine);
        drop(engine);
        tokio::spawn(async move {
            let mut wait = Duration::from_millis(100);
            loop {
                tokio::time::sleep(wait).await;
                let Some(engine) = weak.upgrade() else { return };
                let (changed, complete) = engine.refresh_imports().await;
                if changed && let Err(errors) = engine.load_boxed().await {
                    for error in errors {
                        warn!(error = error.message(), "a changed source breaks the files");
                    }
                }
                if complete || changed {
                    return;
                }
                wait = (wait * 4).min(Duration::from_secs(30));
            }
        });
    }

    /// Asks every source of the files for its tables; says whether any changed and whether all answered.
    async fn refresh_imports(&self) -> (bool, bool) {
        let Some(folder) = &self.config.sql else { return (false, true) };
        let (statements, _) = statements(folder);
        let definitions = self.definitions();
        let (mut changed, mut complete) = (false, true);
        for statement in &statements {
            if !matches!(statement.ddl, Ddl::Import { .. } | Ddl::CreateForeignTable { .. }) {
                continue;
            }
            let Ok(key) = self.import_key(&definitions, &statement.ddl) else { continue };
            match self.ask_source(&definitions, &statement.ddl).await {
                Ok(tables) => {
                    let before = self.store.imported(&key).ok().flatten();
                    if before.as_ref() != Some(&tables) && self.store.keep_imported(&key, &tables).is_ok() {
                        info!(at = %place(&statement.at), "tables at the source changed");
                        changed = true;
                    }
                }
                Err(error) => {
                    warn!(error = error.message(), at = %place(&statement.at), "source is down");
                    complete = false;
                }
            }
        }
        (changed, complete)
    }
}
