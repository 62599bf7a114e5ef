//! Local tables, foreign tables and imports of the files.

use std::sync::Arc;

use futures::future::join_all;
use tracing::warn;

use super::catalog::Loading;
use super::files::{FileStatement, place};
use crate::catalog::change::undefined;
use crate::catalog::definitions::{Definitions, ForeignTableDef, OWNER, Origin, RelationKind};
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::engine::define::{add_from, add_imported, foreign};
use crate::error::{Error, Result, SqlState};
use crate::sources::table::TableSpec;

impl Engine {
    /// Foreign tables, imports and local tables. Sources are asked side by side.
    pub(super) async fn load_tables(&self, loading: &mut Loading, statements: &[FileStatement]) {
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

    pub(super) async fn ask_source(&self, definitions: &Definitions, ddl: &Ddl) -> Result<Vec<TableSpec>> {
        if let Ddl::Import { .. } = ddl {
            return self.introspect(definitions, ddl).await;
        }
        let (server, declared) = self.declared_table(definitions, ddl)?;
        let source = self.sources.get(definitions, &server, OWNER)?;
        Ok(vec![source.describe(&declared).await?])
    }

    /// What an import is known by in the state: a change of the statement or of its server makes another.
    pub(super) fn import_key(&self, definitions: &Definitions, ddl: &Ddl) -> Result<String> {
        let (server, statement) = match ddl {
            Ddl::Import { server, remote_schema, tables, options, .. } => {
                (server, format!("{remote_schema:?} {tables:?} {:?}", options.iter().collect::<Vec<_>>()))
            }
            Ddl::CreateForeignTable { server, name, columns, options, .. } => {
                (server, format!("{} {columns:?} {:?}", name.name, options.iter().collect::<Vec<_>>()))
            }
            _ => return Err(Error::internal("not an import")),
        };
        let there = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?;
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
                let table =
                    ForeignTableDef { server, table: Arc::new(declared), imported: false, request: None, broken };
                add_from(&mut loading.definitions, &name.to_create(), RelationKind::Foreign(table), origin)
            }
            _ => Ok(()),
        }
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

fn add_answer(definitions: &mut Definitions, ddl: &Ddl, tables: Vec<TableSpec>, origin: &Origin) -> Result<()> {
    match ddl {
        Ddl::Import { into, server, .. } => {
            definitions.ensure_schema(into, origin);
            add_imported(definitions, into, server, tables, None, origin)
        }
        Ddl::CreateForeignTable { name, server, .. } => {
            let table = tables.into_iter().next().unwrap_or_default();
            add_from(definitions, &name.to_create(), foreign(server.clone(), table, false), origin)
        }
        _ => Ok(()),
    }
}
