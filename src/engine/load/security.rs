//! Row level security and masks in the files: looked at once the relations are there.

use std::sync::Arc;

use tracing::warn;

use super::catalog::Loading;
use super::files::FileStatement;
use super::rules::is_broken;
use super::tables::is_down;
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::engine::define::check_security;
use crate::engine::roles::role_of_files;
use crate::engine::snapshot::CatalogState;

impl Engine {
    /// Plans what the files say of policies and masks. A mistake is an error of the load, unless the relation cannot be
    /// read now.
    pub(super) async fn load_security(&self, loading: &mut Loading, statements: &[FileStatement]) {
        if !statements.iter().any(|statement| matches!(statement.ddl, Ddl::Security(_))) {
            return;
        }
        let current = self.current();
        let state = CatalogState::new(loading.definitions.clone(), loading.unreachable.clone(), &current.rows);
        let snapshot = match self.snapshot_of(Arc::new(state)) {
            Ok(snapshot) => snapshot,
            Err(error) => return loading.errors.push(error),
        };
        for statement in statements {
            let Ddl::Security(security) = &statement.ddl else { continue };
            let name = security.relation.to_create();
            // What is not there, or cannot be read, has been told.
            if is_broken(&loading.definitions, &name) != Some(false) {
                continue;
            }
            let Some(relation) = loading.definitions.relation(&name) else { continue };
            let security = security.named(&role_of_files);
            let Err(error) = check_security(&snapshot, relation, &security.change).await else { continue };
            if is_down(&error) || !loading.planned_before.is_empty() {
                // Nobody whom it concerns can read the relation until it does.
                warn!(relation = %relation.name, error = error.message(), "a policy does not plan");
            } else {
                loading.errors.push(statement.locate(error, 0));
            }
        }
    }
}
