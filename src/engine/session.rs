//! One connection's session: its settings, its transaction, its names.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use datafusion::common::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionConfig;
use parking_lot::{Mutex, RwLock};

use super::Engine;
use super::access;
use super::blocks::Savepoint;
use super::modes::{ACTIVE_TRANSACTION, NO_TRANSACTION};
use super::notice::Notice;
use super::notify::Ear;
use super::settings::Settings;
use super::shown::ShownSession;
use super::snapshot::CatalogState;
use super::transaction::Block;
use super::undo::Undo;
use super::{engine_options, zone_setting};
use crate::audit::{Entry, Names, Touched};
use crate::catalog::definitions::{DATABASE, OWNER};
use crate::catalog::pg;
use crate::ddl::script;
use crate::ddl::statement::{SessionStatement, Statement};
use crate::error::{Error, Result, SqlState};
use crate::planner::interrupt::Interrupt;
use crate::planner::skipping::SkipsDown;
use crate::sources::guard::{Skipped, Skipping};

/// Who connects, and with what settings.
#[derive(Clone, Debug)]
pub struct SessionParameters {
    /// The user name that the client gave.
    pub user: String,
    /// What the client calls itself.
    pub application_name: Option<String>,
    /// Other start-up parameters, such as `search_path`, `TimeZone`, `DateStyle`.
    pub settings: Vec<(String, String)>,
    /// The number that the client knows the session by.
    pub pid: i32,
    /// Whether any name is let in, as the owner.
    pub trusted: bool,
}

impl SessionParameters {
    /// The owner, with no settings of its own: for the command line.
    pub fn owner() -> Self {
        SessionParameters { user: OWNER.into(), application_name: None, settings: vec![], pid: 0, trusted: false }
    }
}

/// What Postgres tells a client at ReadyForQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionState {
    /// In no transaction block.
    Idle,
    /// In a block.
    InBlock,
    /// In a block that failed: only its end is accepted.
    Failed,
}

/// One connection's session.
#[derive(Debug)]
pub struct Session {
    pub(super) engine: Arc<Engine>,
    pub(super) settings: Arc<Mutex<Settings>>,
    /// What the settings go back to when the transaction ends. Whoever holds the settings, too, takes those first.
    pub(super) undo: Arc<Mutex<Undo>>,
    pub(super) transaction: Arc<Mutex<TransactionState>>,
    /// Whether the block is one that no BEGIN began: the statements of one text.
    pub(super) implicit: AtomicBool,
    /// Whether the block has run a query.
    pub(super) queried: AtomicBool,
    /// What the connection has prepared and declared, where it was asked for.
    opened: Arc<Mutex<pg::Opened>>,
    /// What the block has changed and no one else sees yet.
    pub(super) block: Mutex<Option<Block>>,
    /// Savepoints of the block with what it had changed by then.
    pub(super) savepoints: Mutex<Vec<Savepoint>>,
    /// What it tells other sessions, and hears of them.
    pub(super) ear: Arc<Ear>,
    /// The number that other sessions know it by.
    pub(super) pid: i32,
    /// The role that logged in.
    pub(super) login: String,
    /// Which role of this name that is: another may be made once it is dropped.
    login_id: u64,
    /// Which roles of their names those are that SET ROLE and SET SESSION AUTHORIZATION have named.
    pub(super) became: Mutex<BTreeMap<String, u64>>,
    /// The schemas of names that give none, in order.
    pub(super) search_path: Arc<RwLock<Vec<String>>>,
    /// What statements are planned and run with. The functions are the engine's: a list of them for each session would be
    /// most of what an idle one holds.
    pub(super) config: RwLock<SessionConfig>,
    /// Whether `config` has options of DataFusion's that SET has changed.
    pub(super) own_options: AtomicBool,
    notices: Arc<Mutex<Vec<Notice>>>,
    /// What ends the statement that is being planned.
    interrupt: Mutex<Option<Interrupt>>,
    /// How many transactions have ended.
    pub(super) ended: AtomicU64,
    /// Where the statement that runs next is recorded.
    auditing: Mutex<Option<Arc<Entry>>>,
}

impl Session {
    pub(super) fn new(engine: Arc<Engine>, parameters: SessionParameters) -> Result<Session> {
        let mut asked = parameters.settings.clone();
        if let Some(name) = parameters.application_name {
            asked.push(("application_name".to_string(), name));
        }
        let role = asked.iter().rposition(|(name, _)| name.eq_ignore_ascii_case("role")).map(|at| asked.remove(at).1);
        let mut settings = Settings::new(&asked)?;
        let login = engine.enter(&parameters.user, parameters.trusted)?;
        settings.begin_as(&login);
        let login_id = engine.definitions().roles.get(&login).map_or(0, |role| role.id);
        let search_path = Arc::new(RwLock::new(settings.search_path()));
        let settings = Arc::new(Mutex::new(settings));
        let mut config = engine.session_config();
        let ear: Arc<Ear> = Arc::default();
        let transaction = Arc::new(Mutex::new(TransactionState::Idle));
        let opened: Arc<Mutex<pg::Opened>> = Arc::default();
        let undo: Arc<Mutex<Undo>> = Arc::default();
        let shown = ShownSession {
            opened: Arc::clone(&opened),
            user: parameters.user,
            login: login.clone(),
            pid: parameters.pid,
            settings: Arc::clone(&settings),
            undo: Arc::clone(&undo),
            activity: Arc::clone(&engine.activity),
            backends: Arc::clone(&engine.backends),
            ear: Arc::clone(&ear),
            listeners: Arc::clone(&engine.listeners),
            transaction: Arc::clone(&transaction),
        };
        config.options_mut().extensions.insert(pg::CatalogSession(Arc::new(shown)));
        let session = Session {
            engine,
            settings,
            undo,
            transaction,
            implicit: AtomicBool::default(),
            queried: AtomicBool::default(),
            opened,
            block: Mutex::default(),
            savepoints: Mutex::default(),
            ear,
            pid: parameters.pid,
            login,
            login_id,
            search_path,
            config: RwLock::new(config),
            own_options: AtomicBool::default(),
            became: Mutex::default(),
            notices: Arc::default(),
            interrupt: Mutex::default(),
            ended: AtomicU64::default(),
            auditing: Mutex::default(),
        };
        session.settle_modes();
        if let Some(role) = role.filter(|role| role != "none") {
            session.set_role(Some(&role), false)?;
        }
        session.apply_settings();
        Ok(session)
    }

    /// Splits and parses a query string. A syntax error carries its position in `sql`.
    pub fn parse(&self, sql: &str) -> Result<Vec<Statement>> {
        script::parse(sql)
    }

    /// 42704 once the role that logged in, or that it has become, was dropped, also where there is another of its name.
    pub(super) fn check_login(&self) -> Result<()> {
        let role = self.role();
        if self.login == OWNER && role == OWNER {
            return Ok(());
        }
        let catalog = self.catalog();
        let id = |role: &str| catalog.definitions.roles.get(role).map(|role| role.id);
        let dropped = |role: &str| {
            Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("role \"{role}\" was dropped"))
                .with_hint("RESET ROLE to go on as another, or connect again."))
        };
        if self.login != OWNER && id(&self.login) != Some(self.login_id) {
            return dropped(&self.login);
        }
        let became = self.became.lock().get(&role).copied();
        match became {
            Some(then) if role != self.login && id(&role) != Some(then) => dropped(&role),
            _ => Ok(()),
        }
    }

    /// What the catalog says of the session.
    pub fn shown(&self) -> Arc<dyn pg::SessionView> {
        pg::CatalogSession::of(self.config.read().options())
    }

    /// What ReadyForQuery says.
    pub fn transaction_state(&self) -> TransactionState {
        *self.transaction.lock()
    }

    /// Settings that a client must be told of when they change (name, value), since last asked.
    pub fn changed_settings(&self) -> Vec<(String, String)> {
        self.settings.lock().take_changed()
    }

    /// A setting's value, as SHOW gives it.
    pub fn setting(&self, name: &str) -> Option<String> {
        if name.starts_with("datafusion.") {
            return engine_option(self.config.read().options(), name);
        }
        self.settings.lock().get(name).map(str::to_string)
    }

    /// Notices since last asked, such as that a thing to be dropped did not exist.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut *self.notices.lock())
    }

    /// How many transactions have ended: a portal does not outlive the one that it was made in.
    pub fn transactions_ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// What the catalog is to show as prepared and declared.
    pub fn show_opened(&self, opened: pg::Opened) {
        *self.opened.lock() = opened;
    }

    /// Has the statement that runs next recorded before it has an effect.
    pub fn audit(&self, entry: Option<Arc<Entry>>) {
        *self.auditing.lock() = entry;
    }

    /// Whether the statement that runs is recorded.
    pub fn is_audited(&self) -> bool {
        self.auditing.lock().is_some()
    }

    /// Records what the statement is about to read and change. An error (58030) means that it must not.
    pub(super) async fn before(&self, touched: impl FnOnce(&Names) -> Touched) -> Result<()> {
        let Some(entry) = self.auditing.lock().clone() else { return Ok(()) };
        let definitions = Arc::clone(&self.catalog().definitions);
        let names = Names { definitions, path: self.path() };
        let mut touched = touched(&names);
        let role = self.role();
        touched.role = (role != self.login).then_some(role);
        entry.begin(touched).await
    }

    /// Notices of a definition.
    pub(super) fn notice(&self, notices: Vec<String>) {
        self.notices.lock().extend(notices.into_iter().map(Notice::from));
    }

    pub(super) fn tell(&self, notice: Notice) {
        self.notices.lock().push(notice);
    }

    /// What ends the statement that is planned from now on.
    pub(super) fn plan_until(&self, interrupt: Interrupt) {
        *self.interrupt.lock() = Some(interrupt);
    }

    /// Whether the statement that is being planned should end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupt.lock().as_ref().is_some_and(|interrupt| interrupt.check().is_err())
    }

    /// Whether SET has changed what DataFusion plans by.
    pub(super) fn has_own_options(&self) -> bool {
        self.own_options.load(Ordering::Relaxed)
    }

    /// The state to plan and run a statement with, as the settings are now.
    pub(super) fn state(&self) -> SessionState {
        self.state_in(self.catalog())
    }

    /// The same in a given state of the catalog.
    pub(super) fn state_in(&self, catalog: Arc<CatalogState>) -> SessionState {
        self.settled(self.engine.session_state(), catalog)
    }

    /// The same for a query whose rows are only shown: it may leave out what cannot be reached, where the session wants
    /// that. What is written somewhere never lacks rows.
    pub(super) fn state_to_answer(&self, catalog: Arc<CatalogState>) -> SessionState {
        self.skipping(self.state_in(catalog))
    }

    /// The same for a query whose plan is there: a plan holds its functions, and this knows none by name.
    pub(super) fn state_to_run(&self, catalog: Arc<CatalogState>) -> SessionState {
        self.skipping(self.settled(self.engine.running_state(), catalog))
    }

    /// A state of the engine's with what the session says, and all names in a state of the catalog.
    fn settled(&self, mut state: SessionState, catalog: Arc<CatalogState>) -> SessionState {
        // `set_config` changes a setting from within a statement: the next one must see it.
        self.apply_settings();
        *state.config_mut() = self.config.read().clone();
        self.engine.pin(&mut state, catalog, &self.scope());
        if let Some(interrupt) = self.interrupt.lock().clone() {
            state.config_mut().options_mut().extensions.insert(interrupt);
        }
        // `now()` is when the statement began.
        state.mark_start_execution();
        state
    }

    fn skipping(&self, mut state: SessionState) -> SessionState {
        if self.settings.lock().skips_down() {
            let notices = Arc::clone(&self.notices);
            let is_owner = self.role() == OWNER;
            let tell = move |skipped: Skipped| notices.lock().push(told(&skipped, is_owner));
            let config = state.config_mut();
            config.set_extension(Arc::new(Skipping::new(tell)));
            config.options_mut().extensions.insert(SkipsDown);
        }
        state
    }

    /// Lets the planner see what the settings say.
    pub(super) fn apply_settings(&self) {
        let settings = self.settings.lock();
        *self.search_path.write() = settings.search_path();
        let zone = zone_setting::name(settings.get("timezone").unwrap_or("UTC"));
        let push_down = settings.push_down();
        let mut config = self.config.write();
        config.set_extension(Arc::new(push_down));
        config.set_extension(Arc::new(access::RowSecurity(settings.get("row_security") != Some("off"))));
        let options = config.options_mut();
        options.execution.time_zone = Some(zone);
        options.extensions.insert(settings.keys());
    }

    /// Runs a statement about the session; gives rows for SHOW, else the command tag.
    pub(super) fn run_session_statement(&self, statement: &SessionStatement) -> Result<SessionAnswer> {
        let answer = match statement {
            SessionStatement::Set { name, value, local } => {
                if *local && self.transaction_state() == TransactionState::Idle {
                    self.tell(Notice::warning(NO_TRANSACTION, "SET LOCAL can only be used in transaction blocks"));
                } else {
                    self.check_mode_setting(name, value.as_deref())?;
                    self.save_settings();
                    // A name of somebody's own is empty when it was not set.
                    let before = self.setting(name).or_else(|| name.contains('.').then(String::new));
                    match before {
                        Some(before) if *local => self.undo.lock().note_local(name, before),
                        _ => self.undo.lock().note_kept(name),
                    }
                    self.set(name, value.as_deref())?;
                }
                SessionAnswer::Tag("SET")
            }
            SessionStatement::Reset(name) => {
                self.check_mode_setting(name, None)?;
                self.save_settings();
                if name == "all" {
                    self.undo.lock().note_all_kept();
                    self.settings.lock().reset_all();
                    self.reset_engine_options();
                } else {
                    self.undo.lock().note_kept(name);
                    self.set(name, None)?;
                }
                SessionAnswer::Tag("RESET")
            }
            SessionStatement::SetRole { role, local, reset } => {
                self.set_role(role.as_deref(), *local)?;
                SessionAnswer::Tag(if *reset { "RESET" } else { "SET" })
            }
            SessionStatement::SetAuthorization { role, local, reset } => {
                self.set_authorization(role.as_deref(), *local)?;
                SessionAnswer::Tag(if *reset { "RESET" } else { "SET" })
            }
            SessionStatement::Show(name) if name == "all" => {
                let settings = self.settings.lock();
                SessionAnswer::All(settings.all().map(|(n, v)| (n.to_string(), v.to_string())).collect())
            }
            SessionStatement::Show(name) => {
                let value = self.setting(name).ok_or_else(|| {
                    Error::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
                })?;
                SessionAnswer::One(show_name(name), value)
            }
            SessionStatement::Begin(tag, modes) => {
                if self.transaction_state() == TransactionState::Idle {
                    self.queried.store(false, Ordering::Relaxed);
                    *self.transaction.lock() = TransactionState::InBlock;
                } else if !self.implicit.swap(false, Ordering::Relaxed) {
                    self.tell(Notice::warning(ACTIVE_TRANSACTION, "there is already a transaction in progress"));
                }
                self.take_modes(modes);
                SessionAnswer::Tag(tag)
            }
            SessionStatement::SetTransaction(modes) => {
                self.set_transaction(modes)?;
                SessionAnswer::Tag("SET")
            }
            SessionStatement::SetCharacteristics(modes) => {
                self.save_settings();
                self.set_characteristics(modes)?;
                SessionAnswer::Tag("SET")
            }
            SessionStatement::Commit { chain } => SessionAnswer::Tag(self.end_transaction(true, *chain, true)?),
            SessionStatement::Rollback { chain } => SessionAnswer::Tag(self.end_transaction(false, *chain, true)?),
            SessionStatement::Savepoint(name) => {
                self.set_savepoint(name)?;
                SessionAnswer::Tag("SAVEPOINT")
            }
            SessionStatement::Release(name) => {
                self.release_savepoint(name)?;
                SessionAnswer::Tag("RELEASE")
            }
            SessionStatement::RollbackTo(name) => {
                self.go_back_to(name)?;
                SessionAnswer::Tag("ROLLBACK")
            }
            SessionStatement::Discard(tag) => {
                if *tag == "DISCARD ALL" {
                    if self.transaction_state() != TransactionState::Idle {
                        return Err(Error::new(
                            ACTIVE_TRANSACTION,
                            "DISCARD ALL cannot run inside a transaction block",
                        ));
                    }
                    self.undo.lock().note_all_kept();
                    self.settings.lock().reset_all();
                    self.reset_engine_options();
                    self.set_authorization(None, false)?;
                    self.ear.unlisten(None);
                }
                SessionAnswer::Tag(tag)
            }
            SessionStatement::Listen(channel) => {
                self.ear.listen(channel);
                SessionAnswer::Tag("LISTEN")
            }
            SessionStatement::Unlisten(channel) => {
                self.ear.unlisten(channel.as_deref());
                SessionAnswer::Tag("UNLISTEN")
            }
            SessionStatement::Notify { channel, payload } => {
                self.ear.notify(channel, payload)?;
                SessionAnswer::Tag("NOTIFY")
            }
            SessionStatement::Accepted(tag) => SessionAnswer::Tag(tag),
        };
        if self.transaction_state() == TransactionState::Idle {
            self.settle_said(true);
            self.settle_modes();
        }
        self.apply_settings();
        Ok(answer)
    }

    fn set(&self, name: &str, value: Option<&str>) -> Result<()> {
        if let Some(option) = name.strip_prefix("datafusion.") {
            return self.set_engine_option(name, option, value);
        }
        self.settings.lock().set(name, value)
    }

    /// SET datafusion.x = y; what would change the whole server is refused.
    fn set_engine_option(&self, name: &str, option: &str, value: Option<&str>) -> Result<()> {
        if !engine_options::is_of_session(option) {
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied to set parameter \"{name}\""),
            ));
        }
        let first = || engine_option(self.engine.session_config().options(), name);
        let Some(value) = value.map(str::to_string).or_else(first) else {
            return Err(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("unrecognized configuration parameter \"{name}\""),
            ));
        };
        engine_options::check(option, &value)?;
        self.own_options.store(true, Ordering::Relaxed);
        self.config.write().options_mut().set(name, &value)?;
        Ok(())
    }

    /// The database's name, which is the only one there is.
    pub fn database(&self) -> &'static str {
        DATABASE
    }
}

/// An option of DataFusion's as it is; none for a name that is none, or that has no value.
fn engine_option(options: &ConfigOptions, name: &str) -> Option<String> {
    options.entries().into_iter().find(|entry| entry.key == name).and_then(|entry| entry.value)
}

/// What a client is told of a source that was left out.
fn told(skipped: &Skipped, is_owner: bool) -> Notice {
    let error = skipped.error.clone();
    let error = if is_owner { error } else { error.without_whereabouts() };
    let message = format!("server \"{}\" was skipped: \"{}\" gave no rows", skipped.server, skipped.tables);
    let detail = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.message()),
        None => format!("{}.", error.message()),
    };
    Notice { detail: Some(detail), ..Notice::warning(SqlState("01000"), message) }
}

/// What a statement about the session gives.
pub(super) enum SessionAnswer {
    /// The command tag.
    Tag(&'static str),
    /// SHOW name
    One(String, String),
    /// SHOW ALL
    All(Vec<(String, String)>),
}

/// The column name that SHOW gives its answer.
fn show_name(name: &str) -> String {
    match name {
        "timezone" => "TimeZone".to_string(),
        "datestyle" => "DateStyle".to_string(),
        "intervalstyle" => "IntervalStyle".to_string(),
        other => other.to_string(),
    }
}
