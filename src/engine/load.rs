//! Loads the SQL files and the state: all of it, or none if a file is wrong.
//!
//! Objects may be used before they are defined: servers come first, then what they hold, then views in the order
//! of what they read. A source that is down never makes loading fail: what it would have told is taken from the
//! state, and where there is nothing there its schema answers with the source's error.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::join_all;
use tracing::{info, warn};

use super::Engine;
use super::define::{
    add_from, add_imported, cycle_error, cycle_from, dependencies, foreign, planned_columns, references,
};
use super::snapshot::CatalogState;
use crate::catalog::definitions::{
    Definitions, ForeignTableDef, OWNER, Origin, PUBLIC, RelationDef, RelationKind, RelationName, SchemaDef, ViewDef,
};
use crate::ddl::script;
use crate::ddl::statement::{Ddl, StatementKind};
use crate::error::{Error, Location, Result, SqlState};
use crate::planner::names::Relations;
use crate::sources::table::TableSpec;

/// One statement of a file.
pub(super) struct FileStatement {
    /// What it says.
    pub ddl: Ddl,
    /// Where it begins.
    pub at: Location,
    /// The whole file, for the place of an error inside the statement.
    file: Arc<SourceFile>,
    offset: usize,
}

struct SourceFile {
    name: String,
    text: String,
}

impl SourceFile {
    /// The place that stands `offset` characters after the file's start.
    fn location(&self, offset: usize) -> Location {
        let before: String = self.text.chars().take(offset).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let text = self.text.lines().nth(line - 1).unwrap_or_default().to_string();
        Location { file: self.name.clone(), line, column, text }
    }
}

impl FileStatement {
    /// Puts an error at its place in the file: `inner` characters into the statement plus the error's position.
    fn locate(&self, error: Error, inner: usize) -> Error {
        if error.location().is_some() {
            return error;
        }
        let place = match error.position() {
            Some(position) => self.file.location(self.offset + inner + position - 1),
            None => self.at.clone(),
        };
        error.with_location(place)
    }
}

/// The *.sql files of a folder in name order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e: std::io::Error| {
        Error::new(SqlState::UNDEFINED_FILE, format!("could not read the folder \"{}\"", folder.display()))
            .with_detail(e.to_string())
    };
    let mut paths = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|e| e == "sql") && path.is_file() && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Every statement of the files, and every mistake in them.
pub(super) fn statements(folder: &Path) -> (Vec<FileStatement>, Vec<Error>) {
    let mut found = vec![];
    let mut errors = vec![];
    let paths = match files(folder) {
        Ok(paths) => paths,
        Err(error) => return (found, vec![error]),
    };
    for path in paths {
        let name = path.display().to_string();
        let text = match std::fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => {
                let error = Error::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, format!("\"{name}\" is not UTF-8"));
                errors.push(error.with_hint("Save the file as UTF-8."));
                continue;
            }
            Err(e) => {
                let error = Error::new(SqlState::UNDEFINED_FILE, format!("could not read \"{name}\""));
                errors.push(error.with_detail(e.to_string()));
                continue;
            }
        };
        let file = Arc::new(SourceFile { name, text });
        let parsed = match script::parse_each(&file.text) {
            Ok(parsed) => parsed,
            Err(e) => {
                let at = file.location(e.position().unwrap_or(1) - 1);
                errors.push(e.with_location(at));
                continue;
            }
        };
        for (offset, statement) in parsed {
            let at = file.location(offset);
            match statement.map(|s| s.kind) {
                Ok(StatementKind::Ddl(ddl)) if allowed_in_files(&ddl) => {
                    found.push(FileStatement { ddl: *ddl, at, file: Arc::clone(&file), offset });
                }
                Ok(_) => errors.push(
                    Error::unsupported("this statement may not stand in the SQL files")
                        .with_hint("Files hold CREATE, IMPORT and COMMENT; type the others over the wire.")
                        .with_location(at),
                ),
                Err(e) => {
                    let at = file.location(e.position().unwrap_or(offset + 1) - 1);
                    errors.push(e.with_location(at));
                }
            }
        }
    }
    (found, errors)
}

fn allowed_in_files(ddl: &Ddl) -> bool {
    matches!(
        ddl,
        Ddl::CreateServer { .. }
            | Ddl::CreateUserMapping { .. }
            | Ddl::Import { .. }
            | Ddl::CreateForeignTable { .. }
            | Ddl::CreateSchema { .. }
            | Ddl::CreateView { .. }
            | Ddl::CreateTable { query: None, .. }
            | Ddl::Comment { .. }
    )
}

/// What one load builds up.
#[derive(Default)]
struct Loading {
    definitions: Definitions,
    unreachable: BTreeMap<String, Error>,
    errors: Vec<Error>,
    /// Imports that were taken from the state, or not had at all: to be asked again behind.
    stale: bool,
}

impl Engine {
    /// Loads everything anew. On error the catalog stays as it was.
    pub(super) async fn load(&self) -> Result<(), Vec<Error>> {
        let _changing = self.changing.lock().await;
        let (statements, errors) = match &self.config.sql {
            Some(folder) => statements(folder),
            None => (vec![], vec![]),
        };
        let kept = self.store.load().map_err(|e| vec![e])?;
        let mut loading = Loading { errors, ..Loading::default() };
        let public = SchemaDef { name: PUBLIC.into(), owner: OWNER.into(), origin: Origin::State, comment: None };
        loading.definitions.schemas.insert(PUBLIC.into(), public);
        self.load_servers(&mut loading, &statements).await;
        self.load_tables(&mut loading, &statements).await;
        add_views(&mut loading, &statements);
        merge_state(&mut loading, kept);
        for statement in &statements {
            if let Ddl::Comment { target, text } = &statement.ddl {
                let origin = Origin::File(statement.at.clone());
                let path = [PUBLIC.to_string()];
                let done = loading.definitions.comment(target, text.clone(), &origin, &path);
                // A table whose source is down cannot be found; its comment waits for the source.
                if let Err(e) = done
                    && loading.unreachable.is_empty()
                {
                    loading.errors.push(statement.locate(e, 0));
                }
            }
        }
        self.load_views(&mut loading, &statements).await;
        if !loading.errors.is_empty() {
            return Err(loading.errors);
        }
        self.sources.retain(&loading.definitions);
        self.local_rows.lock().clear();
        let relations = loading.definitions.relations.len();
        self.set_catalog(Arc::new(CatalogState::new(loading.definitions, loading.unreachable)));
        info!(relations, "catalog loaded");
        if loading.stale {
            self.refresh_behind();
        }
        Ok(())
    }

    /// The load as a future of known type: it starts what may load again.
    fn load_boxed(&self) -> futures::future::BoxFuture<'_, Result<(), Vec<Error>>> {
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
    async fn apply_from_file(&self, loading: &mut Loading, statement: &FileStatement) -> Result<()> {
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

    /// Foreign tables, imports and local tables. Sources are asked side by side.
    async fn load_tables(&self, loading: &mut Loading, statements: &[FileStatement]) {
        for statement in statements.iter().filter(|s| matches!(s.ddl, Ddl::CreateTable { .. })) {
            if let Err(e) = self.apply_from_file(loading, statement).await {
                loading.errors.push(e);
            }
        }
        let asking: Vec<&FileStatement> = statements
            .iter()
            .filter(|s| matches!(s.ddl, Ddl::Import { .. } | Ddl::CreateForeignTable { .. }))
            .collect();
        let definitions = &loading.definitions;
        let answers = join_all(asking.iter().map(|s| self.tables_of_statement(definitions, s))).await;
        for (statement, answer) in asking.into_iter().zip(answers) {
            let origin = Origin::File(statement.at.clone());
            let done = match answer {
                Answer::Tables { tables, stale } => {
                    loading.stale |= stale;
                    add_answer(&mut loading.definitions, &statement.ddl, tables, &origin)
                }
                Answer::Down(error) => {
                    loading.stale = true;
                    warn!(error = error.message(), at = %place(&statement.at), "source is down");
                    self.add_unreachable(loading, &statement.ddl, error, &origin)
                }
                Answer::Wrong(error) => Err(error),
            };
            if let Err(e) = done {
                loading.errors.push(statement.locate(e, 0));
            }
        }
    }

    async fn tables_of_statement(&self, definitions: &Definitions, statement: &FileStatement) -> Answer {
        let key = match self.import_key(definitions, &statement.ddl) {
            Ok(key) => key,
            Err(error) => return Answer::Wrong(error),
        };
        if self.config.start_from_state
            && let Ok(Some(tables)) = self.store.imported(&key)
        {
            return Answer::Tables { tables, stale: true };
        }
        match self.ask_source(definitions, &statement.ddl).await {
            Ok(tables) => {
                if let Err(error) = self.store.keep_imported(&key, &tables) {
                    warn!(error = error.message(), "could not keep an imported schema");
                }
                Answer::Tables { tables, stale: false }
            }
            Err(error) if is_down(&error) => match self.store.imported(&key) {
                Ok(Some(tables)) => Answer::Tables { tables, stale: true },
                _ => Answer::Down(error),
            },
            Err(error) => Answer::Wrong(error),
        }
    }

    async fn ask_source(&self, definitions: &Definitions, ddl: &Ddl) -> Result<Vec<TableSpec>> {
        if let Ddl::Import { .. } = ddl {
            return self.introspect(definitions, ddl).await;
        }
        let (server, declared) = self.declared_table(definitions, ddl)?;
        let source = self.sources.get(definitions, &server, OWNER)?;
        Ok(vec![source.describe(&declared).await?])
    }

    /// What an import is known by in the state: a change of the statement or of its server makes another.
    fn import_key(&self, definitions: &Definitions, ddl: &Ddl) -> Result<String> {
        let (server, statement) = match ddl {
            Ddl::Import { server, remote_schema, tables, options, .. } => {
                (server, format!("{remote_schema:?} {tables:?} {:?}", options.iter().collect::<Vec<_>>()))
            }
            Ddl::CreateForeignTable { server, name, columns, options, .. } => {
                (server, format!("{} {columns:?} {:?}", name.name, options.iter().collect::<Vec<_>>()))
            }
            _ => return Err(Error::internal("not an import")),
        };
        let there =
            definitions.servers.get(server).ok_or_else(|| crate::catalog::change::undefined("server", server))?;
        let options: Vec<_> = there.options.iter().collect();
        Ok(format!("{} {} {options:?} {statement}", there.kind, there.name))
    }

    /// Puts something in the place of what a source that is down would have told.
    fn add_unreachable(&self, loading: &mut Loading, ddl: &Ddl, error: Error, origin: &Origin) -> Result<()> {
        match ddl {
            Ddl::Import { into, .. } => {
                loading.definitions.ensure_schema(into, origin);
                loading.unreachable.insert(into.clone(), error);
                Ok(())
            }
            Ddl::CreateForeignTable { name, .. } => {
                let (server, declared) = self.declared_table(&loading.definitions, ddl)?;
                // A table with declared columns can be planned with; its queries fail when they reach the source.
                let broken = declared.columns.is_empty().then_some(error);
                let table = ForeignTableDef { server, table: Arc::new(declared), imported: false, broken };
                add_from(&mut loading.definitions, &name.to_create(), RelationKind::Foreign(table), origin)
            }
            _ => Ok(()),
        }
    }

    /// Plans the views in the order of what they read, so that each error is reported where it arises.
    async fn load_views(&self, loading: &mut Loading, statements: &[FileStatement]) {
        let path = [PUBLIC.to_string()];
        let names: Vec<RelationName> = views(&loading.definitions);
        for name in &names {
            let Some(query) = view_query(&loading.definitions, name) else { continue };
            let found = dependencies(&query, &path, &loading.definitions);
            match found {
                Ok(found) => set_dependencies(&mut loading.definitions, name, found),
                Err(e) => self.view_failed(loading, statements, name, e),
            }
        }
        for name in &names {
            if let Some(chain) = cycle_from(&loading.definitions, name) {
                // Each member of a cycle would report it: the first in name order does.
                if chain.iter().min() == Some(name) {
                    self.view_failed(loading, statements, name, cycle_error(&chain));
                }
                break_view(&mut loading.definitions, name, cycle_error(&chain));
            }
        }
        for name in &names {
            if let Some(missing) = self.missing(loading, name) {
                self.view_failed(loading, statements, name, missing);
            }
        }
        for name in in_order(&loading.definitions, &names) {
            let Some(RelationDef { kind: RelationKind::View(view), .. }) = loading.definitions.relation(&name) else {
                continue;
            };
            if view.broken.is_some() {
                continue;
            }
            // What is wrong with a view beneath is reported once, there.
            if let Some(error) = broken_beneath(&loading.definitions, view) {
                break_view(&mut loading.definitions, &name, error);
                continue;
            }
            let (view, relation) = (view.clone(), loading.definitions.relation(&name).cloned());
            let Some(relation) = relation else { continue };
            let state = CatalogState::new(loading.definitions.clone(), loading.unreachable.clone());
            let planned = match self.snapshot_of(Arc::new(state)) {
                Ok(snapshot) => planned_columns(&snapshot, &relation, &view).await,
                Err(e) => Err(e),
            };
            match planned {
                Ok(columns) => {
                    if let Some(RelationDef { kind: RelationKind::View(view), .. }) =
                        loading.definitions.relations.get_mut(&name)
                    {
                        view.columns = columns;
                    }
                }
                Err(e) => self.view_failed(loading, statements, &name, e),
            }
        }
    }

    /// What a view reads that is not there, with the chain that leads to it from the views above.
    fn missing(&self, loading: &Loading, name: &RelationName) -> Option<Error> {
        let RelationKind::View(view) = &loading.definitions.relation(name)?.kind else { return None };
        let gone = view.depends_on.iter().find(|read| !loading.definitions.relations.contains_key(*read))?;
        if let Some(error) = loading.unreachable.get(&gone.schema) {
            return Some(error.clone());
        }
        let mut chain = vec![name.to_string()];
        let mut at = name.clone();
        loop {
            let reader = loading.definitions.readers(&at).next().map(|r| r.name.clone());
            match reader {
                Some(reader) if !chain.contains(&reader.to_string()) => {
                    chain.insert(0, reader.to_string());
                    at = reader;
                }
                _ => break,
            }
        }
        chain.push(gone.to_string());
        let position = references(&view.query).ok().and_then(|_| position_of(&view.query, gone));
        let error = Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{gone}\" does not exist"))
            .with_detail(format!("The chain is: {}.", chain.join(" -> ")))
            .with_position(position);
        Some(match closest(&loading.definitions, gone) {
            Some(near) => error.with_hint(format!("Perhaps you meant \"{near}\".")),
            None if !loading.definitions.schemas.contains_key(&gone.schema) => error
                .with_hint(format!("There is no schema \"{}\": import it with IMPORT FOREIGN SCHEMA.", gone.schema)),
            None => error,
        })
    }

    /// A view that does not plan: a mistake in a file is an error of the load, unless a source that is down is to
    /// blame; a view of the state fails alone.
    fn view_failed(&self, loading: &mut Loading, statements: &[FileStatement], name: &RelationName, error: Error) {
        let from_file = statements.iter().find_map(|s| match &s.ddl {
            Ddl::CreateView { name: created, query_offset, .. } if created.to_create() == *name => {
                Some((s, *query_offset))
            }
            _ => None,
        });
        let in_state = loading.definitions.relation(name).is_none_or(|r| r.origin == Origin::State);
        match from_file {
            Some((statement, inner)) if !in_state && !is_down(&error) => {
                loading.errors.push(statement.locate(error.clone(), inner));
            }
            _ => warn!(view = %name, error = error.message(), "view does not plan"),
        }
        break_view(&mut loading.definitions, name, error);
    }

    /// Asks the sources again, some time after the server has started, and loads when something changed.
    fn refresh_behind(&self) {
        let Some(engine) = self.this.upgrade() else { return };
        if !engine.config.start_from_state {
            return;
        }
        let weak = Arc::downgrade(&engine);
        drop(engine);
        tokio::spawn(async move {
            let mut wait = std::time::Duration::from_millis(100);
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
                wait = (wait * 4).min(std::time::Duration::from_secs(30));
            }
        });
    }

    /// Asks every source of the files for its tables; says whether any changed and whether all answered.
    async fn refresh_imports(&self) -> (bool, bool) {
        let Some(folder) = &self.config.sql else { return (false, true) };
        let (statements, _) = statements(folder);
        let definitions = Relations::definitions(self);
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

enum Answer {
    Tables { tables: Vec<TableSpec>, stale: bool },
    Down(Error),
    Wrong(Error),
}

/// Whether an error says that a source cannot be reached, and not that a statement is wrong.
pub(super) fn is_down(error: &Error) -> bool {
    [SqlState::CONNECTION_FAILURE, SqlState::TOO_MANY_CONNECTIONS, SqlState::UNDEFINED_FILE].contains(&error.state())
}

fn place(at: &Location) -> String {
    format!("{}:{}", at.file, at.line)
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

fn add_answer(definitions: &mut Definitions, ddl: &Ddl, tables: Vec<TableSpec>, origin: &Origin) -> Result<()> {
    match ddl {
        Ddl::Import { into, server, .. } => {
            definitions.ensure_schema(into, origin);
            add_imported(definitions, into, server, tables, origin)
        }
        Ddl::CreateForeignTable { name, server, .. } => {
            let table = tables.into_iter().next().unwrap_or_default();
            add_from(definitions, &name.to_create(), foreign(server.clone(), table, false), origin)
        }
        _ => Ok(()),
    }
}

fn add_views(loading: &mut Loading, statements: &[FileStatement]) {
    for statement in statements {
        let Ddl::CreateView { name, columns, query, .. } = &statement.ddl else { continue };
        let view = ViewDef {
            query: query.clone(),
            column_names: columns.clone(),
            columns: vec![],
            depends_on: vec![],
            broken: None,
        };
        let origin = Origin::File(statement.at.clone());
        let added = add_from(&mut loading.definitions, &name.to_create(), RelationKind::View(view), &origin);
        if let Err(e) = added {
            loading.errors.push(statement.locate(e, 0));
        }
    }
}

/// Adds what was typed over the wire; where a file defines the same name, the file wins.
fn merge_state(loading: &mut Loading, kept: Definitions) {
    let definitions = &mut loading.definitions;
    let shadowed = |what: &str, name: &str| {
        warn!("{what} {name} of the state folder is hidden by the one that the files define");
    };
    for (name, server) in kept.servers {
        match definitions.servers.contains_key(&name) {
            true => shadowed("server", &name),
            false => drop(definitions.servers.insert(name, server)),
        }
    }
    for (key, mapping) in kept.user_mappings {
        match definitions.user_mappings.contains_key(&key) {
            true => shadowed("user mapping", &key.1),
            false => drop(definitions.user_mappings.insert(key, mapping)),
        }
    }
    for (name, schema) in kept.schemas {
        definitions.schemas.entry(name).or_insert(schema);
    }
    for (name, relation) in kept.relations {
        match definitions.relations.contains_key(&name) {
            true => shadowed(relation.kind_name(), &name.to_string()),
            false => {
                definitions.ensure_schema(&name.schema, &Origin::State);
                definitions.relations.insert(name, relation);
            }
        }
    }
}

fn views(definitions: &Definitions) -> Vec<RelationName> {
    let is_view = |r: &&RelationDef| matches!(r.kind, RelationKind::View(_));
    definitions.relations.values().filter(is_view).map(|r| r.name.clone()).collect()
}

fn view_query(definitions: &Definitions, name: &RelationName) -> Option<String> {
    match &definitions.relation(name)?.kind {
        RelationKind::View(view) => Some(view.query.clone()),
        _ => None,
    }
}

fn broken_beneath(definitions: &Definitions, view: &ViewDef) -> Option<Error> {
    view.depends_on.iter().find_map(|read| match &definitions.relation(read)?.kind {
        RelationKind::View(beneath) => beneath.broken.clone(),
        _ => None,
    })
}

fn set_dependencies(definitions: &mut Definitions, name: &RelationName, found: Vec<RelationName>) {
    if let Some(RelationDef { kind: RelationKind::View(view), .. }) = definitions.relations.get_mut(name) {
        view.depends_on = found;
    }
}

fn break_view(definitions: &mut Definitions, name: &RelationName, error: Error) {
    if let Some(RelationDef { kind: RelationKind::View(view), .. }) = definitions.relations.get_mut(name) {
        view.broken.get_or_insert(error);
    }
}

/// The views with what each reads before it.
fn in_order(definitions: &Definitions, names: &[RelationName]) -> Vec<RelationName> {
    fn visit(
        definitions: &Definitions,
        name: &RelationName,
        seen: &mut BTreeSet<RelationName>,
        out: &mut Vec<RelationName>,
    ) {
        if !seen.insert(name.clone()) {
            return;
        }
        if let Some(RelationDef { kind: RelationKind::View(view), .. }) = definitions.relation(name) {
            for read in &view.depends_on {
                visit(definitions, read, seen, out);
            }
            out.push(name.clone());
        }
    }
    let (mut seen, mut out) = (BTreeSet::new(), vec![]);
    for name in names {
        visit(definitions, name, &mut seen, &mut out);
    }
    out
}

/// Where a query names a relation: characters from 1.
fn position_of(query: &str, name: &RelationName) -> Option<usize> {
    let lower = query.to_lowercase();
    let full = format!("{}.{}", name.schema, name.name).to_lowercase();
    let at = lower.find(&full).or_else(|| lower.find(&name.name.to_lowercase()))?;
    Some(lower[..at].chars().count() + 1)
}

/// A relation whose name is a slip of the fingers away.
fn closest(definitions: &Definitions, wanted: &RelationName) -> Option<String> {
    let wanted = wanted.to_string();
    let limit = (wanted.chars().count() / 4).max(1);
    definitions
        .relations
        .keys()
        .map(|name| name.to_string())
        .map(|name| (datafusion::common::utils::datafusion_strsim::levenshtein(&wanted, &name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}
