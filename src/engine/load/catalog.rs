//! One load: the files, then the state, then the views over both.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use tracing::info;

use super::files::{FileStatement, statements};
use super::state::merge_state;
use super::views::add_views;
use crate::catalog::definitions::{Definitions, OWNER, Origin, PUBLIC, SchemaDef};
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::engine::snapshot::CatalogState;
use crate::error::{Error, Location, Result, SqlState};

/// What one load builds up.
#[derive(Default)]
pub(super) struct Loading {
    /// What is defined.
    pub definitions: Definitions,
    /// Schemas whose import never reached its source, with why.
    pub unreachable: BTreeMap<String, Error>,
    /// Mistakes in the files.
    pub errors: Vec<Error>,
    /// Imports that were taken from the state, or not had at all: to be asked again behind.
    pub stale: bool,
}

impl Engine {
    /// Loads everything anew. On error the catalog stays as it was.
    pub(in crate::engine) async fn load(&self) -> Result<(), Vec<Error>> {
        let _changing = self.changing.lock().await;
        let (statements, errors) = match &self.config.sql {
            Some(folder) => statements(folder),
            None => (vec![], vec![]),
        };
        let kept = self.store.load().map_err(|e| vec![e])?;
        let mut loading = Loading { errors, ..Loading::default() };
        let public =
            SchemaDef { name: PUBLIC.into(), owner: OWNER.into(), origin: Origin::State, acl: None, comment: None };
        loading.definitions.schemas.insert(PUBLIC.into(), public);
        self.load_servers(&mut loading, &statements).await;
        self.load_tables(&mut loading, &statements).await;
        add_views(&mut loading, &statements);
        merge_state(&mut loading, kept);
        add_words(&mut loading, &statements);
        self.load_views(&mut loading, &statements).await;
        if !loading.errors.is_empty() {
            return Err(loading.errors);
        }
        self.sources.retain(&loading.definitions);
        let relations = loading.definitions.relations.len();
        let before = self.current();
        self.set_catalog(Arc::new(CatalogState::new(loading.definitions, loading.unreachable, &before.rows)));
        info!(relations, "catalog loaded");
        if loading.stale {
            self.refresh_behind();
        }
        Ok(())
    }

    /// The load as a future of known type: it starts what may load again.
    pub(super) fn load_boxed(&self) -> BoxFuture<'_, Result<(), Vec<Error>>> {
        Box::pin(self.load())
    }

    async fn load_servers(&self, loading: &mut Loading, statements: &[FileStatement]) {
        let servers = statements.iter().filter(|s| matches!(s.ddl, Ddl::CreateServer { .. }));
        let others =
            statements.iter().filter(|s| matches!(s.ddl, Ddl::CreateUserMapping { .. } | Ddl::CreateSchema { .. }));
        for statement in servers.chain(others).collect::<Vec<_>>() {
            if let Err(e) = self.apply_from_file(loading, statement).await {
                loading.errors.push(e);
            }
        }
    }

    /// Applies one statement of a file; a name that is defined twice shows both places.
    pub(super) async fn apply_from_file(&self, loading: &mut Loading, statement: &FileStatement) -> Result<()> {
        let origin = Origin::File(statement.at.clone());
        let first = first_place(&loading.definitions, &statement.ddl);
        self.apply(&mut loading.definitions, &statement.ddl, &origin).await.map(|_| ()).map_err(|e| {
            let e = match first {
                Some(first) if e.state() == SqlState::DUPLICATE_OBJECT => {
                    e.with_detail(format!("It is first defined in {}:{}:{}.", first.file, first.line, first.column))
                }
                _ => e,
            };
            statement.locate(e, 0)
        })
    }
}

/// Comments and privileges of the files, once all that they may be about is defined.
fn add_words(loading: &mut Loading, statements: &[FileStatement]) {
    let path = [PUBLIC.to_string()];
    for statement in statements {
        let origin = Origin::File(statement.at.clone());
        let done = match &statement.ddl {
            Ddl::Comment { target, text } => loading.definitions.comment(target, text.clone(), &origin, &path),
            Ddl::Grant(grant) => loading.definitions.grant(grant, &origin, &path),
            _ => continue,
        };
        // A table whose source is down cannot be found; what is said of it waits for the source.
        if let Err(e) = done
            && (!is_missing(&e) || loading.unreachable.is_empty())
        {
            loading.errors.push(statement.locate(e, 0));
        }
    }
}

fn is_missing(error: &Error) -> bool {
    error.state() == SqlState::UNDEFINED_TABLE
}

/// Where something of the same name was defined before.
fn first_place(definitions: &Definitions, ddl: &Ddl) -> Option<Location> {
    let origin = match ddl {
        Ddl::CreateServer { name, .. } => &definitions.servers.get(name)?.origin,
        Ddl::CreateUserMapping { user, server, .. } => {
            let user = user.clone().unwrap_or_else(|| OWNER.to_string());
            &definitions.user_mappings.get(&(server.clone(), user))?.origin
        }
        _ => return None,
    };
    match origin {
        Origin::File(at) => Some(at.clone()),
        Origin::State => None,
    }
}
