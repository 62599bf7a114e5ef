//! One load: the files, then the state, then the views over both.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use tracing::{info, warn};

use super::files::{FileStatement, statements};
use super::models::add_models;
use super::rules::add_rules;
use super::state::{merge_roles, merge_state};
use super::views::add_views;
use crate::catalog::definitions::{Definitions, OWNER, Origin, PUBLIC, RelationKind, SchemaDef};
use crate::catalog::store::DRIFTED;
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::engine::define::apply_security;
use crate::engine::roles::role_of_files;
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
    /// Views of the files, with their queries, that have planned: what breaks them now is not their files' mistake.
    pub planned_before: BTreeMap<String, String>,
    /// Those of them that do not plan now.
    pub drifted: BTreeMap<String, String>,
    /// Models of the files are to be trained behind.
    pub untrained: bool,
}

/// What a load comes of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// The program starts, or its files have changed.
    Files,
    /// A source has other tables than before.
    Source,
}

impl Engine {
    /// Loads everything anew. On error the catalog stays as it was.
    pub(in crate::engine) async fn load(&self) -> Result<(), Vec<Error>> {
        self.load_since(Cause::Files).await
    }

    /// The same where a source has changed: a view of the files that no longer plans then fails alone. It is a future
    /// of known type: it starts what may load again.
    pub(in crate::engine) fn load_boxed(&self) -> BoxFuture<'_, Result<(), Vec<Error>>> {
        Box::pin(self.load_since(Cause::Source))
    }

    async fn load_since(&self, cause: Cause) -> Result<(), Vec<Error>> {
        let _changing = self.changing.lock().await;
        let (statements, errors) = match &self.config.sql {
            Some(folder) => statements(folder),
            None => (vec![], vec![]),
        };
        let kept = self.store.load().map_err(|e| vec![e])?;
        let mut loading = Loading { errors, planned_before: self.planned_before(cause), ..Loading::default() };
        let public =
            SchemaDef { name: PUBLIC.into(), owner: OWNER.into(), origin: Origin::State, acl: None, comment: None };
        loading.definitions.schemas.insert(PUBLIC.into(), public);
        self.load_roles(&mut loading, &statements).await;
        merge_roles(&mut loading, &kept);
        self.load_servers(&mut loading, &statements).await;
        self.load_tables(&mut loading, &statements).await;
        add_views(&mut loading, &statements);
        add_models(&mut loading, &statements);
        add_rules(&mut loading, &statements);
        merge_state(&mut loading, kept);
        add_words(&mut loading, &statements);
        self.load_views(&mut loading, &statements).await;
        self.load_rules(&mut loading, &statements).await;
        self.load_security(&mut loading, &statements).await;
        if !loading.errors.is_empty() {
            return Err(loading.errors);
        }
        self.keep_drifted(&loading.drifted);
        self.sources.retain(&loading.definitions);
        let relations = loading.definitions.relations.len();
        let before = self.current();
        self.set_catalog(Arc::new(CatalogState::new(loading.definitions, loading.unreachable, &before.rows)));
        info!(relations, "catalog loaded");
        if loading.stale {
            self.refresh_behind();
        }
        if loading.untrained {
            self.train_behind();
        }
        Ok(())
    }

    /// The views that may fail alone: those that a changed source broke before, and if one has changed now all that
    /// are there. A restart knows of them by the state.
    fn planned_before(&self, cause: Cause) -> BTreeMap<String, String> {
        let mut all = match self.config.start_from_state {
            true => self.drifted(),
            false => BTreeMap::new(),
        };
        if cause == Cause::Source {
            for relation in self.definitions().relations.values() {
                if let RelationKind::View(view) = &relation.kind {
                    all.insert(relation.name.to_string(), view.query.clone());
                }
            }
        }
        all
    }

    fn drifted(&self) -> BTreeMap<String, String> {
        let kept = self.store.setting(DRIFTED).ok().flatten();
        kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default()
    }

    fn keep_drifted(&self, drifted: &BTreeMap<String, String>) {
        if !self.config.start_from_state || *drifted == self.drifted() {
            return;
        }
        let kept = serde_json::to_string(drifted).map_err(|e| Error::internal(e.to_string()));
        if let Err(error) = kept.and_then(|kept| self.store.keep_setting(DRIFTED, &kept)) {
            warn!(error = error.message(), "could not keep which views do not plan");
        }
    }

    async fn load_roles(&self, loading: &mut Loading, statements: &[FileStatement]) {
        for statement in statements.iter().filter(|s| matches!(s.ddl, Ddl::CreateRole { .. })) {
            if let Err(e) = self.apply_from_file(loading, statement).await {
                loading.errors.push(e);
            }
        }
        // From now on nobody is the owner without a password.
        if !loading.definitions.roles.is_empty() && !self.has_password().unwrap_or(false) {
            info!("the files make roles, so the owner needs a password to log in");
        }
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

/// Comments, privileges, policies and masks of the files, once all that they may be about is defined.
fn add_words(loading: &mut Loading, statements: &[FileStatement]) {
    let path = [PUBLIC.to_string()];
    for statement in statements {
        let origin = Origin::File(statement.at.clone());
        let done = match &statement.ddl {
            Ddl::Comment { target, text } => loading.definitions.comment(target, text.clone(), &origin, &path),
            Ddl::Grant(grant) => {
                let added = crate::engine::added_functions();
                loading.definitions.grant(&grant.named(&role_of_files), &origin, &path, OWNER, &added).map(|_| ())
            }
            Ddl::GrantRole(grant) => {
                loading.definitions.grant_roles(&grant.named(&role_of_files), &origin, OWNER).map(|_| ())
            }
            Ddl::Security(security) => {
                let security = security.named(&role_of_files);
                apply_security(&mut loading.definitions, &security, &origin, &path).map(|_| ())
            }
            Ddl::CreateRole { name, options } => {
                loading.definitions.join_new_role(name, &options.named(&role_of_files), &origin, OWNER)
            }
            _ => continue,
        };
        // A table whose source is down, or has it no more, cannot be found; what is said of it waits for the source.
        if let Err(e) = done
            && (!is_missing(&e) || (loading.unreachable.is_empty() && loading.planned_before.is_empty()))
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
