//! The only place that sees every module: a session per connection is made here.

mod accepted;
mod access;
mod blocks;
mod check;
mod constant;
mod copy;
mod date_style;
mod define;
mod engine_options;
mod explain;
mod kept_rows;
mod load;
mod local_rows;
mod models;
mod modes;
mod naming;
mod notice;
mod notify;
mod open_sources;
mod order_names;
mod over;
mod parameters;
mod places;
mod planning;
mod populate;
mod raw_queries;
mod refresh;
mod relation_calls;
mod renamed_columns;
mod reuse;
mod roles;
mod rules;
mod run;
mod securing;
mod seen;
mod session;
mod settings;
mod shape;
mod share;
mod shown;
mod sleeping;
mod snapshot;
mod spilling;
mod transaction;
mod turns;
mod undo;
mod write;
mod zone_setting;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use datafusion::catalog::SchemaProvider;
use datafusion::execution::{SessionState, TaskContext};
use parking_lot::{Mutex, RwLock};
use tokio::sync::Mutex as AsyncMutex;

pub use check::{Broken, Check, CheckLine};
pub use copy::{CopyIn, CopyOut, CopyPiece};
pub use kept_rows::KeptRows;
pub use notice::{Level, Notice};
pub use notify::Notification;
pub use parameters::Parameter;
pub use reuse::{Lookup, PlanMemo};
pub use run::{Described, Limits, Outcome};
pub use seen::Seen;
pub use session::{Session, SessionParameters, TransactionState};
pub use turns::Turn;

use crate::catalog::definitions::Definitions;
use crate::catalog::pg;
use crate::catalog::store::{PASSWORD, Store};
use crate::config::EngineConfig;
pub use crate::ddl::statement::Statement;
use crate::error::{Error, Result};
use crate::functions::registry;
use crate::planner::mask::MaskKey;
use crate::planner::{relation_function, remote_query};
use crate::sources::activity::Activity;
use crate::sources::guard::ServerHealth;
use constant::Answers;
use notify::Listeners;
use open_sources::OpenSources;
use refresh::AskedAgain;
use roles::RoleSessions;
use snapshot::{CatalogState, Snapshot};
use transaction::Pending;
use turns::Turns;

/// Everything that is shared among sessions.
#[derive(Debug)]
pub struct Engine {
    this: Weak<Engine>,
    config: EngineConfig,
    store: Store,
    catalog: RwLock<Arc<CatalogState>>,
    sources: OpenSources,
    /// Held while the catalog or a local table changes: for a statement, or from a block's first change to its end.
    changing: Arc<AsyncMutex<()>>,
    /// Held while a server is refreshed.
    refreshing: AsyncMutex<()>,
    /// Held while models of the files are trained behind.
    training: AsyncMutex<()>,
    /// When servers were last to be refreshed because a statement failed.
    asked_again: Mutex<HashMap<String, AskedAgain>>,
    /// Whether the owner has a password that the command line or the environment gives.
    password_configured: AtomicBool,
    /// How many sessions each role has.
    role_sessions: RoleSessions,
    turns: Turns,
    listeners: Arc<Listeners>,
    /// Of statements that need no planning.
    answers: Answers,
    /// What sources were asked.
    activity: Arc<Activity>,
    /// The connections that are open.
    backends: Arc<pg::Backends>,
    /// Functions, planners and settings that every session begins with.
    base: SessionState,
    /// The same without functions, for plans that are there.
    running: SessionState,
    /// What such plans run in where no session says otherwise.
    context: OnceLock<Arc<TaskContext>>,
    /// `pg_catalog` and `information_schema`.
    system_schemas: Vec<(&'static str, Arc<dyn SchemaProvider>)>,
}

impl Engine {
    /// The connections that are open.
    pub fn backends(&self) -> &Arc<pg::Backends> {
        &self.backends
    }

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
        let mut base = planning::base_state(&config, Arc::clone(&view))?;
        let activity = Arc::new(Activity::default());
        base.config_mut().set_extension(Arc::clone(&activity));
        remote_query::register(&mut base, vec![]);
        let running = planning::without_functions(&base);
        let system_schemas = vec![
            ("pg_catalog", pg::pg_catalog_schema(Arc::clone(&view))),
            ("information_schema", pg::information_schema(view)),
        ];
        let engine = Arc::new_cyclic(|this| Engine {
            this: Weak::clone(this),
            config,
            store,
            catalog: RwLock::default(),
            sources: OpenSources::new(),
            changing: Arc::new(AsyncMutex::new(())),
            refreshing: AsyncMutex::new(()),
            training: AsyncMutex::new(()),
            asked_again: Mutex::default(),
            password_configured: AtomicBool::new(false),
            role_sessions: RoleSessions::default(),
            turns: Turns::default(),
            listeners: Arc::default(),
            answers: Answers::default(),
            activity,
            backends: Arc::default(),
            base,
            running,
            context: OnceLock::new(),
            system_schemas,
        });
        engine.sources.watched_by(Arc::new(shape::Watch(Arc::downgrade(&engine))));
        // The first and only time: the cell was made above.
        let _ = shown.engine.set(Arc::downgrade(&engine));
        Ok(engine)
    }

    /// The secret of masks with hash(), if there is one.
    pub(crate) fn mask_key(&self) -> Option<MaskKey> {
        self.config.mask_key.clone()
    }

    /// How it was configured.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Reads the files again: all of them, or none if one is wrong.
    pub async fn reload(&self) -> Result<(), Vec<Error>> {
        self.load().await
    }

    /// How the servers are that have been asked, in order of name: whether they are left alone, and why.
    pub fn source_health(&self) -> Vec<ServerHealth> {
        self.sources.health()
    }

    /// Bytes that queries hold now.
    pub fn memory_held(&self) -> usize {
        self.base.runtime_env().memory_pool.reserved()
    }

    /// The owner's password as it is kept, if one was set with ALTER ROLE.
    pub fn stored_password(&self) -> Result<Option<String>> {
        self.store.setting(PASSWORD)
    }

    /// Says that the owner has a password that is not kept in the state: the command line or the environment has it.
    pub fn password_is_configured(&self) {
        self.password_configured.store(true, Ordering::Relaxed);
    }

    fn has_configured_password(&self) -> bool {
        self.password_configured.load(Ordering::Relaxed)
    }

    /// Whether the owner has a password, from wherever.
    fn has_password(&self) -> Result<bool> {
        Ok(self.has_configured_password() || self.stored_password()?.is_some())
    }

    /// A session for one connection.
    pub fn session(self: &Arc<Self>, parameters: SessionParameters) -> Result<Session> {
        Session::new(Arc::clone(self), parameters)
    }

    /// Swaps the catalog. Queries that are running keep the state that they were planned in.
    fn set_catalog(&self, state: Arc<CatalogState>) {
        *self.catalog.write() = state;
    }

    /// The catalog as it is for everyone who has changed nothing.
    fn current(&self) -> Arc<CatalogState> {
        Arc::clone(&self.catalog.read())
    }

    /// What is defined now.
    fn definitions(&self) -> Arc<Definitions> {
        Arc::clone(&self.catalog.read().definitions)
    }

    fn snapshot_of(&self, state: Arc<CatalogState>) -> Result<Arc<Snapshot>> {
        let engine = self.this.upgrade().ok_or_else(|| Error::internal("the engine is gone"))?;
        Ok(Arc::new(Snapshot::new(engine, state)))
    }

    /// Makes changes durable, all of them or none, then current. Whoever calls it keeps other writers out.
    fn publish(&self, pending: &Pending) -> Result<()> {
        pending.keep(&self.store, &self.current())?;
        self.sources.retain(&pending.state().definitions);
        self.set_catalog(Arc::clone(pending.state()));
        Ok(())
    }

    /// Closes the sources of servers that were made by changes which are undone.
    fn forget_sources(&self) {
        self.sources.retain(&self.definitions());
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
        ShownCatalog { engine: OnceLock::new(), functions: added_functions() }
    }
}

/// The functions that this program adds, as the catalog shows them.
fn added_functions() -> Arc<Vec<pg::FunctionInfo>> {
    static ADDED: OnceLock<Arc<Vec<pg::FunctionInfo>>> = OnceLock::new();
    let added = ADDED.get_or_init(|| {
        let scalars = registry::scalars().into_iter().map(|f| pg::FunctionInfo::scalar(&f)).collect::<Vec<_>>();
        let aggregates = registry::aggregates().into_iter().map(|f| pg::FunctionInfo::aggregate(&f));
        let windows = registry::windows().into_iter().map(|f| pg::FunctionInfo::window(&f));
        let over_relations = relation_calls::functions().iter().map(|f| relation_function::described(*f));
        let in_from = [remote_query::described()].into_iter().chain(over_relations);
        Arc::new(scalars.into_iter().chain(aggregates).chain(windows).chain(in_from).collect())
    });
    Arc::clone(added)
}

impl pg::CatalogView for ShownCatalog {
    fn definitions(&self) -> Arc<Definitions> {
        let engine = self.engine.get().and_then(Weak::upgrade);
        engine.map(|engine| engine.definitions()).unwrap_or_default()
    }

    fn functions(&self) -> Arc<Vec<pg::FunctionInfo>> {
        Arc::clone(&self.functions)
    }
}
