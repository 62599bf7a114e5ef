//! ALTER SERVER .. REFRESH: a server's tables are asked for again, and what reads them is planned anew.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::Engine;
use super::define::foreign;
use super::modes::ACTIVE_TRANSACTION;
use super::session::{Session, TransactionState};
use super::shape::{changes, of_server};
use crate::catalog::change::undefined;
use crate::catalog::definitions::{
    Definitions, ForeignTableDef, OWNER, Origin, RelationDef, RelationKind, RelationName, quote_identifier,
};
use crate::error::{Error, Result, SqlState};
use crate::sources::kind::{ImportRequest, ImportTables};
use crate::sources::table::TableSpec;

/// How often a server is asked for its tables at most because statements over them fail.
const AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// How long after the first such failure: others come with it.
const SOON: Duration = Duration::from_millis(200);

/// A refresh behind that statements asked for.
#[derive(Debug)]
pub(super) struct AskedAgain {
    /// When.
    at: Instant,
    /// Whether it is still to begin.
    pending: Arc<AtomicBool>,
}

impl Session {
    /// ALTER SERVER .. REFRESH; the command tag.
    pub(super) async fn refresh_server(&self, server: &str) -> Result<String> {
        if self.transaction_state() != TransactionState::Idle {
            return Err(Error::new(
                ACTIVE_TRANSACTION,
                "ALTER SERVER .. REFRESH cannot run inside a transaction block",
            ));
        }
        let told = self.engine.refresh_server(server).await?;
        self.notice(told);
        Ok("ALTER SERVER".to_string())
    }
}

impl Engine {
    /// Asks a server for its tables, whatever state it was in, and takes over what has changed. Gives in words what
    /// that is.
    pub(super) async fn refresh_server(&self, server: &str) -> Result<Vec<String>> {
        // What was to be asked behind is asked now.
        if let Some(asked) = self.asked_again.lock().remove(server) {
            asked.pending.store(false, Ordering::Release);
        }
        let _alone = self.refreshing.lock().await;
        self.refreshed(server).await
    }

    /// Does what [`Engine::refresh_server`] says, for whoever holds the lock.
    async fn refreshed(&self, server: &str) -> Result<Vec<String>> {
        let before = self.definitions();
        if !before.servers.contains_key(server) {
            return Err(undefined("server", server));
        }
        self.sources.ask_again(server);
        let of_files = self.refresh_imports(Some(server)).await;
        if let Some(down) = of_files.down {
            return Err(down);
        }
        let of_state = self.refresh_typed(server, &before).await?;
        if (of_files.changed || of_state)
            && let Err(errors) = self.load_boxed().await
        {
            let error = errors.into_iter().next();
            return Err(error.unwrap_or_else(|| Error::internal("the files could not be loaded")));
        }
        let mut told = report(&before, &self.definitions(), server);
        told.extend(of_files.kept);
        if told.is_empty() {
            told.push(format!("no table of server \"{server}\" has changed"));
        }
        Ok(told)
    }

    /// Refreshes a server behind, once for all the statements that fail together. A refresh by hand that comes first
    /// takes it back: nobody expects another when that one is done.
    pub(super) fn refresh_soon(&self, server: &str) {
        // A program that answers once and ends asks its sources when it starts.
        if !self.config.start_from_state {
            return;
        }
        let mut asked = self.asked_again.lock();
        if asked.get(server).is_some_and(|asked| asked.at.elapsed() < AT_MOST_EVERY) {
            return;
        }
        let pending = Arc::new(AtomicBool::new(true));
        asked.insert(server.to_string(), AskedAgain { at: Instant::now(), pending: Arc::clone(&pending) });
        drop(asked);
        let (engine, server) = (Weak::clone(&self.this), server.to_string());
        tokio::spawn(async move {
            tokio::time::sleep(SOON).await;
            let Some(engine) = engine.upgrade() else { return };
            let _alone = engine.refreshing.lock().await;
            if !pending.swap(false, Ordering::AcqRel) {
                return;
            }
            match engine.refreshed(&server).await {
                Ok(told) => told.iter().for_each(|what| info!(server = %server, "{what}")),
                Err(error) => warn!(server = %server, error = error.message(), "could not refresh a server"),
            }
        });
    }

    /// Asks again for what was imported over the wire. Tables that were declared stay as they were declared.
    async fn refresh_typed(&self, server: &str, definitions: &Definitions) -> Result<bool> {
        let mut imports: Vec<Import> = vec![];
        for (relation, foreign) in of_server(definitions, server) {
            if relation.origin != Origin::State || !foreign.imported {
                continue;
            }
            let same = |import: &&mut Import| {
                import.into == relation.name.schema && import.request == foreign.request && foreign.request.is_some()
            };
            match imports.iter_mut().find(same) {
                Some(import) => import.known.push(relation.name.clone()),
                None => imports.push(Import {
                    into: relation.name.schema.clone(),
                    request: foreign.request.clone(),
                    known: vec![relation.name.clone()],
                    found: BTreeMap::new(),
                }),
            }
        }
        for import in &mut imports {
            let found = match &import.request {
                Some(request) => self.import_again(definitions, server, request).await?,
                None => self.described_again(definitions, server, &import.known).await?,
            };
            import.found = found.into_iter().map(|table| (table.name.clone(), table)).collect();
        }
        let _changing = self.changing.lock().await;
        let current = self.definitions();
        let mut after = current.as_ref().clone();
        for import in imports {
            import.take_over(server, &mut after)?;
        }
        if after == *current {
            return Ok(false);
        }
        self.redefine(after)?;
        Ok(true)
    }

    /// The tables of an import as they are now. Of those that it is limited to some may be gone.
    pub(super) async fn import_again(
        &self,
        definitions: &Definitions,
        server: &str,
        request: &ImportRequest,
    ) -> Result<Vec<TableSpec>> {
        match self.import(definitions, server, request).await {
            Err(error)
                if error.state() == SqlState::FDW_TABLE_NOT_FOUND
                    && matches!(request.tables, ImportTables::LimitTo(_)) =>
            {
                let all = ImportRequest { tables: ImportTables::All, ..request.clone() };
                let mut found = self.import(definitions, server, &all).await?;
                found.retain(|table| request.tables.wants(&table.name));
                Ok(found)
            }
            other => other,
        }
    }

    /// Tables whose import was typed when what it asked for was not kept yet.
    async fn described_again(
        &self,
        definitions: &Definitions,
        server: &str,
        names: &[RelationName],
    ) -> Result<Vec<TableSpec>> {
        let source = self.sources.get(definitions, server, OWNER)?;
        let mut found = vec![];
        for name in names {
            let Some(RelationDef { kind: RelationKind::Foreign(known), .. }) = definitions.relation(name) else {
                continue;
            };
            let asked = TableSpec { columns: vec![], ..known.table.as_ref().clone() };
            match source.describe(&asked).await {
                Ok(table) => found.push(table),
                Err(error) if error.state() == SqlState::FDW_TABLE_NOT_FOUND => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// One import that was typed over the wire.
struct Import {
    /// The schema here.
    into: String,
    /// None where it was not kept.
    request: Option<Arc<ImportRequest>>,
    /// The tables it made.
    known: Vec<RelationName>,
    /// The tables that are there now.
    found: BTreeMap<String, TableSpec>,
}

impl Import {
    fn take_over(mut self, server: &str, definitions: &mut Definitions) -> Result<()> {
        for name in &self.known {
            let now = self.found.remove(&name.name);
            let Some(relation) = definitions.relations.get_mut(name) else {
                // Dropped here meanwhile.
                continue;
            };
            // Who may see what of it is not forgotten while a source lacks it: it may be there again.
            let is_kept = relation.is_protected()
                || !relation.security.policies.is_empty()
                || relation.acl.is_some()
                || !relation.column_acls.is_empty();
            let RelationKind::Foreign(foreign) = &mut relation.kind else { continue };
            match now {
                Some(table) => {
                    foreign.broken = None;
                    if *foreign.table != table {
                        foreign.table = Arc::new(table);
                    }
                }
                None if is_kept => foreign.broken = Some(lacking(server, name)),
                None => drop(definitions.relations.remove(name)),
            }
        }
        for (name, table) in self.found {
            let name = RelationName::new(&self.into, name);
            if definitions.relations.contains_key(&name) || self.request.is_none() {
                continue;
            }
            let kind = match foreign(server.to_string(), table, true) {
                RelationKind::Foreign(foreign) => {
                    RelationKind::Foreign(ForeignTableDef { request: self.request.clone(), ..foreign })
                }
                other => other,
            };
            super::define::add_from(definitions, &name, kind, &Origin::State)?;
        }
        Ok(())
    }
}

/// Why a foreign table that is kept for its policies, masks or privileges has no rows.
fn lacking(server: &str, name: &RelationName) -> Error {
    let message = format!("server \"{server}\" has no table of foreign table \"{name}\" any more");
    Error::new(SqlState::FDW_TABLE_NOT_FOUND, message).with_hint(
        "Drop it, with its policies, masks and privileges, or refresh the server once the table is there again.",
    )
}

/// What has changed of a server's tables, and which views that broke or mended.
fn report(before: &Definitions, after: &Definitions, server: &str) -> Vec<String> {
    let mut told = vec![];
    for (relation, known) in of_server(before, server) {
        let Some(RelationDef { kind: RelationKind::Foreign(now), .. }) = after.relation(&relation.name) else {
            told.push(format!("foreign table {} is gone: its source has it no more", relation.name));
            continue;
        };
        if now.broken.is_some() {
            let why = "its source has it no more, but it has policies, masks or privileges";
            told.push(format!("foreign table {} stays without rows: {why}", relation.name));
        }
        told.extend(
            changes(&known.table, &now.table, true).iter().map(|change| format!("{}: {change}", relation.name)),
        );
    }
    for (relation, _) in of_server(after, server) {
        if before.relation(&relation.name).is_none() {
            told.push(format!("foreign table {} was added", relation.name));
        }
    }
    let broken = |definitions: &Definitions, name: &RelationName| match definitions.relation(name) {
        Some(RelationDef { kind: RelationKind::View(view), .. }) => view.broken.clone(),
        _ => None,
    };
    for relation in after.relations.values() {
        match (broken(before, &relation.name), broken(after, &relation.name)) {
            (None, Some(error)) => {
                told.push(format!("view {} no longer plans: {}", relation.name, error.message()));
            }
            (Some(_), None) => told.push(format!("view {} plans again", relation.name)),
            _ => {}
        }
    }
    told
}

/// What a statement of a file that could not be asked again keeps.
pub(super) fn kept(server: &str, error: &Error) -> String {
    format!("something of server {} stays as it was: {}", quote_identifier(server), error.message())
}
