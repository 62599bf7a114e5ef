//! One state of the catalog to plan with: what a query sees does not change while it is planned.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::execution::SessionState;
use parking_lot::{Mutex, RwLock};

use super::local_rows::LocalRows;
use super::reuse::{Asked, DescribedKey, Known, Recent};
use super::run::Described;
use super::{Engine, planning, write};
use crate::catalog::definitions::{Definitions, PUBLIC, RelationDef, RelationKind, RelationName, ViewDef};
use crate::catalog::pg;
use crate::error::{Error, Result, SqlState};
use crate::planner::barrier::SecurityBarrier;
use crate::planner::foreign::ForeignTable;
use crate::planner::local::LocalTable;
use crate::planner::names::{NameScope, Relations};
use crate::planner::origins::Origin;
use crate::planner::secured::{ROWS, Secured};
use crate::planner::view::View;
use crate::planner::{bounds, remote_query};

/// One state of the catalog with the views that were planned in it.
#[derive(Debug, Default)]
pub(super) struct CatalogState {
    /// What is defined.
    pub definitions: Arc<Definitions>,
    /// Schemas whose import never reached its source, with why.
    pub unreachable: BTreeMap<String, Error>,
    /// The rows of the local tables.
    pub rows: LocalRows,
    /// By the role that they are planned for, too: where a source is reached differently by each.
    views: Mutex<HashMap<(RelationName, String), Arc<View>>>,
    /// Relations behind policies and masks, by the role that they are planned for.
    secured: Mutex<HashMap<(RelationName, String), Arc<Secured>>>,
    /// Plans that were made in it.
    pub plans: Recent<Asked, Known>,
    /// What clients were told of queries in it.
    pub described: Recent<DescribedKey, Described>,
    /// The OIDs of its relations, once one was asked for.
    oids: OnceLock<HashMap<RelationName, i32>>,
    /// Whether any view reads with the rights of who asks, once that was looked for.
    invokers: OnceLock<bool>,
}

impl CatalogState {
    /// A state whose local tables have the rows of `rows`, and where it knows none those of the state folder.
    pub fn new(definitions: Definitions, unreachable: BTreeMap<String, Error>, rows: &LocalRows) -> Self {
        let rows = rows.of(&definitions);
        CatalogState { definitions: Arc::new(definitions), unreachable, rows, ..CatalogState::default() }
    }

    fn has_invokers(&self) -> bool {
        *self.invokers.get_or_init(|| self.definitions.has_invokers())
    }

    /// The same with other definitions.
    pub fn with(&self, definitions: Definitions) -> Self {
        CatalogState::new(definitions, self.unreachable.clone(), &self.rows)
    }

    /// The OID of the relation that a column is of, the column's number and, of a time with a
    /// precision, its type modifier; -1 for none.
    pub fn number(&self, origin: &Origin) -> Option<(i32, i16, i32)> {
        let (name, column) = match origin {
            Origin::System(oid, column) => return Some((*oid, *column, -1)),
            Origin::Defined(name, column) => (name, column),
        };
        let columns = self.definitions.relation(name)?.columns();
        let (at, known) = columns.iter().enumerate().find(|(_, known)| known.name == *column)?;
        let oids = self.oids.get_or_init(|| pg::relation_oids(&self.definitions, super::added_functions()));
        Some((*oids.get(name)?, i16::try_from(at).ok()?.checked_add(1)?, known.digits().map_or(-1, |_| known.typmod())))
    }
}

/// A state of the catalog with the engine that it belongs to.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) engine: Arc<Engine>,
    pub(super) state: Arc<CatalogState>,
    /// The relations whose policies are being planned, the outermost first.
    pub(super) securing: Vec<RelationName>,
    /// What the name of a policy's own rows means.
    pub(super) rows: Option<Arc<dyn TableProvider>>,
    /// Who asks, where a view is planned for its owner: views in it that read with the rights of who asks read with his.
    pub(super) asker: Option<String>,
}

impl pg::Sizes for Snapshot {
    fn size(&self, name: &RelationName) -> Result<pg::TableSize> {
        self.state.rows.size(&self.engine.store, name)
    }

    fn known(&self, name: &RelationName) -> Option<pg::TableSize> {
        self.state.rows.known(name)
    }
}

impl Snapshot {
    pub fn new(engine: Arc<Engine>, state: Arc<CatalogState>) -> Self {
        Snapshot { engine, state, securing: vec![], rows: None, asker: None }
    }

    /// The state that a view is planned with: names that give no schema are in `public`.
    pub fn view_state(&self, owner: &str) -> SessionState {
        let engine = Arc::clone(&self.engine);
        let state = Arc::clone(&self.state);
        let (securing, asker) = (self.securing.clone(), self.asker.clone());
        self.state_as(owner, Snapshot { engine, state, securing, rows: None, asker })
    }

    /// The same, with names looked up in a snapshot.
    pub(super) fn state_as(&self, owner: &str, snapshot: Snapshot) -> SessionState {
        let scope = NameScope {
            role: owner.to_string(),
            search_path: Arc::new(RwLock::new(vec![PUBLIC.to_string()])),
            looks_everywhere: true,
        };
        let mut state = self.engine.session_state();
        self.engine.pin_to(&mut state, snapshot, &scope);
        state
    }

    /// Plans a view's query with its owner's rights, or with those of who asks, where it says so: `role` is that one.
    pub async fn plan_view(&self, relation: &RelationDef, view: &ViewDef, role: &str) -> Result<View> {
        let asker = self.asker.as_deref().unwrap_or(role);
        let asked = Snapshot {
            asker: Some(asker.to_string()),
            ..Snapshot::new(Arc::clone(&self.engine), Arc::clone(&self.state))
        };
        let asked = Snapshot { securing: self.securing.clone(), ..asked };
        let state = self.state_as(if view.security_invoker { asker } else { &relation.owner }, asked);
        let written = planning::plan_query(&state, &view.query).await?;
        let written = planning::rename(written, &view.column_names)?;
        planning::check_columns(&written, &relation.name)?;
        let size = bounds::check_view(&written)?;
        let mut analyzed = state.analyzer().execute_and_check(written.clone(), state.config_options(), |_, _| {})?;
        if view.security_barrier {
            analyzed = SecurityBarrier::around(analyzed);
        }
        Ok(View::new(relation.name.clone(), relation.owner.clone(), view.query.clone(), written, analyzed, size))
    }

    /// For whom what a role reads is kept: also for who asks, where views may read with his rights.
    fn known_as(&self, reader: &str, role: &str) -> String {
        let asker = self.asker.as_deref().unwrap_or(role);
        match asker != reader && self.state.has_invokers() {
            true => format!("{reader}\u{1}{asker}"),
            false => reader.to_string(),
        }
    }

    /// A relation as a role sees it: behind policies and masks that concern it.
    async fn provider(&self, relation: &RelationDef, role: &str) -> Result<Arc<dyn TableProvider>> {
        let definitions = &self.state.definitions;
        if !definitions.is_secured(relation, role) {
            return self.plain(relation, role).await;
        }
        let key = (relation.name.clone(), self.known_as(role, role));
        if let Some(known) = self.state.secured.lock().get(&key) {
            return Ok(Arc::clone(known) as Arc<dyn TableProvider>);
        }
        let plain = self.plain(relation, role).await?;
        let secured = Arc::new(Box::pin(self.secured(relation, plain, role)).await?);
        // The columns of a raw query are what its server says each time.
        if !remote_query::is_in(secured.analyzed()) {
            self.state.secured.lock().insert(key, Arc::clone(&secured));
        }
        Ok(secured)
    }

    /// A relation as it is.
    pub(super) async fn plain(&self, relation: &RelationDef, role: &str) -> Result<Arc<dyn TableProvider>> {
        match &relation.kind {
            RelationKind::Foreign(foreign) => {
                if let Some(error) = &foreign.broken {
                    return Err(error.clone());
                }
                let source = self.engine.sources.get(&self.state.definitions, &foreign.server, role)?;
                Ok(Arc::new(ForeignTable::new(relation.name.clone(), Arc::clone(&foreign.table), source)))
            }
            RelationKind::Local(table) => {
                let rows = self.state.rows.read(&self.engine.store, &relation.name)?;
                let memory = MemTable::try_new(write::schema(table), vec![rows.as_ref().clone()])?
                    .with_column_defaults(write::defaults(table, &self.engine.base)?);
                Ok(Arc::new(LocalTable::new(relation.name.clone(), memory)))
            }
            RelationKind::View(view) => {
                // A view whose source was down, or whose model was not trained, is tried again: it may do by now.
                let passing = [SqlState::CONNECTION_FAILURE, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE];
                if let Some(error) = view.broken.as_ref().filter(|error| !passing.contains(&error.state())) {
                    return Err(error.clone());
                }
                let asker = self.asker.as_deref().unwrap_or(role);
                let planned_for = if view.security_invoker { asker } else { relation.owner.as_str() };
                let key = (relation.name.clone(), self.known_as(planned_for, role));
                if let Some(planned) = self.state.views.lock().get(&key) {
                    return Ok(Arc::clone(planned) as Arc<dyn TableProvider>);
                }
                let planned = Arc::new(Box::pin(self.plan_view(relation, view, role)).await?);
                // The columns of a raw query are what its server says each time.
                if !planned.reads_raw_queries() {
                    self.state.views.lock().insert(key, Arc::clone(&planned));
                }
                Ok(planned)
            }
        }
    }
}

#[async_trait]
impl Relations for Snapshot {
    fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.state.definitions)
    }

    async fn relation(&self, name: &RelationName, role: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if name.name == ROWS
            && let Some(rows) = &self.rows
        {
            return Ok(Some(Arc::clone(rows)));
        }
        match self.state.definitions.relations.get(name) {
            Some(relation) => match self.provider(relation, role).await {
                Ok(provider) => Ok(Some(provider)),
                // The view's own text is not the statement's: its position would mislead.
                Err(e) if matches!(relation.kind, RelationKind::View(_)) => {
                    Err(e.with_position(None).with_context(format!("view \"{}\"", relation.name)))
                }
                Err(e) => Err(e),
            },
            None => match self.state.unreachable.get(&name.schema) {
                Some(error) => Err(error.clone()),
                None => Ok(None),
            },
        }
    }
}
