//! The only place that sees every module: a session per connection is made here.

mod check;
mod constant;
mod define;
mod explain;
mod load;
mod naming;
mod open_sources;
mod planning;
mod run;
mod session;
mod settings;
mod snapshot;
mod transaction;
mod write;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::execution::SessionState;
use parking_lot::{Mutex, RwLock};
use tokio::sync::Mutex as AsyncMutex;

pub use check::{Check, CheckLine};
pub use run::{Described, Outcome};
pub use session::{Session, SessionParameters, TransactionState};

use crate::catalog::definitions::{Definitions, RelationName};
use crate::catalog::pg;
use crate::catalog::store::{RowChange, Store};
use crate::config::EngineConfig;
pub use crate::ddl::statement::Statement;
use crate::error::{Error, Result};
use crate::functions::registry;
use crate::planner::names::Relations;
use open_sources::OpenSources;
use snapshot::{CatalogState, Snapshot};

/// Everything that is shared among sessions.
#[derive(Debug)]
pub struct Engine {
    this: Weak<Engine>,
    config: EngineConfig,
    store: Store,
    catalog: RwLock<Arc<CatalogState>>,
    sources: OpenSources,
    local_rows: Mutex<HashMap<RelationName, Arc<Vec<RecordBatch>>>>,
    /// Held while the catalog or a local table changes.
    changing: Arc<AsyncMutex<()>>,
    /// Functions, planners and settings that every session begins with.
    base: SessionState,
    /// `pg_catalog` and `information_schema`.
    system_schemas: Vec<(&'static str, Arc<dyn SchemaProvider>)>,
}

impl Engine {
    /// Opens the state, loads the files and plans the views. Sources that are down do not make it fail; mistakes
    /// in the files do, and all of them are given.
    pub async fn open(config: EngineConfig) -> Result<Arc<Engine>, Vec<Error>> {
        let engine = Engine::new(config).map_err(|e| vec![e])?;
        engine.load().await?;
        Ok(engine)
    }

    fn new(config: EngineConfig) -> Result<Arc<Engine>> {
        let store = match &config.state {
            Some(folder) => Store::open(folder)?,
            None => Store::in_memory()?,
        };
        let shown = Arc::new(ShownCatalog::new());
        let view: Arc<dyn pg::CatalogView> = Arc::clone(&shown) as Arc<dyn pg::CatalogView>;
        let base = planning::base_state(&config, Arc::clone(&view))?;
        let system_schemas = vec![
            ("pg_catalog", pg::pg_catalog_schema(Arc::clone(&view))),
            ("information_schema", pg::information_schema(view)),
        ];
        let engine = Arc::new_cyclic(|this| Engine {
            this: Weak::clone(this),
            config,
            store,
            catalog: RwLock::default(),
            sources: OpenSources::default(),
            local_rows: Mutex::default(),
            changing: Arc::new(AsyncMutex::new(())),
            base,
            system_schemas,
        });
        // The first and only time: the cell was made above.
        let _ = shown.engine.set(Arc::downgrade(&engine));
        Ok(engine)
    }

    /// How it was configured.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Reads the files again: all of them, or none if one is wrong.
    pub async fn reload(&self) -> Result<(), Vec<Error>> {
        self.load().await
    }

    /// The owner's password as it is kept, if one was set with ALTER ROLE.
    pub fn stored_password(&self) -> Result<Option<String>> {
        self.store.setting("password")
    }

    /// A session for one connection.
    pub fn session(self: &Arc<Self>, parameters: SessionParameters) -> Result<Session> {
        Session::new(Arc::clone(self), parameters)
    }

    /// Swaps the catalog. Queries that are running keep the state that they were planned in.
    fn set_catalog(&self, state: Arc<CatalogState>) {
        *self.catalog.write() = state;
    }

    /// The catalog as it is now, to plan with.
    fn snapshot(&self) -> Result<Arc<Snapshot>> {
        self.snapshot_of(Arc::clone(&self.catalog.read()))
    }

    fn snapshot_of(&self, state: Arc<CatalogState>) -> Result<Arc<Snapshot>> {
        let engine = self.this.upgrade().ok_or_else(|| Error::internal("the engine is gone"))?;
        Ok(Arc::new(Snapshot::new(engine, state)))
    }

    /// Makes a new state of the catalog durable, then current.
    fn commit(&self, after: Definitions, rows: &[(RelationName, RowChange<'_>)]) -> Result<()> {
        let before = Arc::clone(&self.catalog.read());
        self.store.commit(&before.definitions, &after, rows)?;
        let mut cached = self.local_rows.lock();
        for (relation, _) in rows {
            cached.remove(relation);
        }
        cached.retain(|relation, _| after.relations.contains_key(relation));
        drop(cached);
        self.sources.retain(&after);
        self.set_catalog(Arc::new(CatalogState::new(after, before.unreachable.clone())));
        Ok(())
    }

    /// The rows of a local table.
    fn rows(&self, relation: &RelationName) -> Result<Arc<Vec<RecordBatch>>> {
        if let Some(rows) = self.local_rows.lock().get(relation) {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(self.store.rows(relation)?);
        self.local_rows.lock().insert(relation.clone(), Arc::clone(&rows));
        Ok(rows)
    }
}

#[async_trait]
impl Relations for Engine {
    fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.catalog.read().definitions)
    }

    async fn relation(&self, name: &RelationName, role: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        self.snapshot()?.relation(name, role).await
    }
}

/// The catalog for `pg_catalog`; weak, since the engine holds those schemas.
#[derive(Debug)]
struct ShownCatalog {
    engine: OnceLock<Weak<Engine>>,
    functions: Arc<Vec<pg::FunctionInfo>>,
}

impl ShownCatalog {
    fn new() -> Self {
        let scalars = registry::scalars().into_iter().map(|f| pg::FunctionInfo::scalar(&f)).collect::<Vec<_>>();
        let aggregates = registry::aggregates().into_iter().map(|f| pg::FunctionInfo::aggregate(&f));
        ShownCatalog { engine: OnceLock::new(), functions: Arc::new(scalars.into_iter().chain(aggregates).collect()) }
    }
}

impl pg::CatalogView for ShownCatalog {
    fn definitions(&self) -> Arc<Definitions> {
        let engine = self.engine.get().and_then(Weak::upgrade);
        engine.map(|engine| Relations::definitions(engine.as_ref())).unwrap_or_default()
    }

    fn functions(&self) -> Arc<Vec<pg::FunctionInfo>> {
        Arc::clone(&self.functions)
    }
}
