//! Imports that were taken from the state are asked for again once the server runs, and when a server is refreshed.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::files::{place, statements};
use super::tables::is_down;
use crate::catalog::definitions::{Definitions, RelationDef, RelationKind, RelationName};
use crate::ddl::statement::Ddl;
use crate::engine::{Engine, refresh};
use crate::error::{Error, Result};
use crate::sources::kind::ImportRequest;
use crate::sources::table::TableSpec;

/// What asking the sources of the files again came to.
#[derive(Default)]
pub(in crate::engine) struct Refreshed {
    /// Whether a table is another than before.
    pub changed: bool,
    /// A source that could not be reached.
    pub down: Option<Error>,
    /// What stays as it was since it cannot be had as it is declared, in words.
    pub kept: Vec<String>,
}

/// Whether the tables that a statement gives are defined as they are.
fn holds(definitions: &Definitions, ddl: &Ddl, tables: &[TableSpec]) -> bool {
    tables.iter().all(|table| {
        let name = match ddl {
            Ddl::Import { into, .. } => RelationName::new(into, &table.name),
            Ddl::CreateForeignTable { name, .. } => name.to_create(),
            _ => return true,
        };
        match definitions.relation(&name) {
            Some(RelationDef { kind: RelationKind::Foreign(foreign), .. }) => *foreign.table == *table,
            _ => false,
        }
    })
}

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
                let refreshed = engine.refresh_imports(None).await;
                if refreshed.changed
                    && let Err(errors) = engine.load_boxed().await
                {
                    for error in errors {
                        warn!(error = error.message(), "a changed source breaks the files");
                    }
                }
                if refreshed.down.is_none() || refreshed.changed {
                    return;
                }
                wait = (wait * 4).min(Duration::from_secs(30));
            }
        });
    }

    /// Asks the sources of the files for their tables, or one `server` alone, and keeps what they say.
    pub(in crate::engine) async fn refresh_imports(&self, server: Option<&str>) -> Refreshed {
        let mut refreshed = Refreshed::default();
        let Some(folder) = &self.config.sql else { return refreshed };
        let (statements, _) = statements(folder);
        let definitions = self.definitions();
        for statement in &statements {
            let (Ddl::Import { server: of, .. } | Ddl::CreateForeignTable { server: of, .. }) = &statement.ddl else {
                continue;
            };
            if server.is_some_and(|server| server != of) {
                continue;
            }
            let Ok(key) = self.import_key(&definitions, &statement.ddl) else { continue };
            match self.ask_again(&definitions, &statement.ddl).await {
                Ok(tables) => {
                    let before = self.store.imported(&key).ok().flatten();
                    if before.as_ref() != Some(&tables) && self.store.keep_imported(&key, &tables).is_ok() {
                        info!(at = %place(&statement.at), "tables at the source changed");
                        refreshed.changed = true;
                    }
                    // What was kept and then not loaded is loaded now.
                    refreshed.changed |= !holds(&definitions, &statement.ddl, &tables);
                }
                Err(error) if is_down(&error) => {
                    warn!(error = error.message(), at = %place(&statement.at), "source is down");
                    refreshed.down.get_or_insert(error);
                }
                Err(error) => {
                    warn!(error = error.message(), at = %place(&statement.at), "could not be asked for again");
                    refreshed.kept.push(refresh::kept(of, &error));
                }
            }
        }
        refreshed
    }

    async fn ask_again(&self, definitions: &Definitions, ddl: &Ddl) -> Result<Vec<TableSpec>> {
        let Ddl::Import { remote_schema, tables, server, options, .. } = ddl else {
            return self.ask_source(definitions, ddl).await;
        };
        let request = ImportRequest { schema: remote_schema.clone(), tables: tables.clone(), options: options.clone() };
        self.import_again(definitions, server, &request).await
    }
}
