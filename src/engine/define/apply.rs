//! Statements that files may hold too.

use std::sync::Arc;

use super::foreign::{add_from, add_imported, foreign};
use super::servers::apply_mapping;
use crate::catalog::definitions::{Definitions, LocalTableDef, OWNER, Origin, RelationKind};
use crate::ddl::statement::Ddl;
use crate::engine::{Engine, write};
use crate::error::{Error, Result, SqlState};
use crate::sources::kind::ImportRequest;

impl Engine {
    /// Applies a statement that files may hold too; gives its command tag and notices.
    pub(in crate::engine) async fn apply(
        &self,
        definitions: &mut Definitions,
        ddl: &Ddl,
        origin: &Origin,
    ) -> Result<(&'static str, Vec<String>)> {
        let mut notices = vec![];
        let tag = match ddl {
            Ddl::CreateServer { .. } | Ddl::AlterServer { .. } => {
                return self.apply_server(definitions, ddl, origin);
            }
            Ddl::CreateUserMapping { .. } | Ddl::AlterUserMapping { .. } | Ddl::DropUserMapping { .. } => {
                return apply_mapping(definitions, ddl, origin);
            }
            Ddl::CreateRole { name, options } => {
                self.make_role(definitions, name, options, origin)?;
                "CREATE ROLE"
            }
            Ddl::CreateSchema { name, if_not_exists } => {
                if let Some(there) = definitions.schemas.get_mut(name) {
                    // A schema that something in the files made by naming it may still be declared.
                    if matches!(origin, Origin::File(_)) {
                        there.origin = origin.clone();
                    } else if !if_not_exists {
                        return Err(Error::new(
                            SqlState::DUPLICATE_SCHEMA,
                            format!("schema \"{name}\" already exists"),
                        ));
                    } else {
                        notices.push(format!("schema \"{name}\" already exists, skipping"));
                    }
                } else {
                    definitions.ensure_schema(name, origin);
                }
                "CREATE SCHEMA"
            }
            Ddl::CreateTable { name, if_not_exists, columns, primary_key, unique_keys, .. } => {
                let relation = name.to_create();
                if *if_not_exists && definitions.relations.contains_key(&relation) {
                    notices.push(format!("relation \"{}\" already exists, skipping", name.name));
                } else {
                    let table = LocalTableDef {
                        columns: columns.clone(),
                        primary_key: primary_key.clone(),
                        unique_keys: unique_keys.clone(),
                    };
                    write::defaults(&table, &self.base)?;
                    add_from(definitions, &relation, RelationKind::Local(table), origin)?;
                }
                "CREATE TABLE"
            }
            Ddl::CreateForeignTable { name, if_not_exists, .. } => {
                let relation = name.to_create();
                if *if_not_exists && definitions.relations.contains_key(&relation) {
                    notices.push(format!("relation \"{}\" already exists, skipping", name.name));
                } else {
                    let (server, declared) = self.declared_table(definitions, ddl)?;
                    let source = self.sources.get(definitions, &server, OWNER)?;
                    let table = source.describe(&declared).await?;
                    add_from(definitions, &relation, foreign(server, table, false), origin)?;
                }
                "CREATE FOREIGN TABLE"
            }
            Ddl::Import { into, server, remote_schema, tables, options } => {
                let request = Arc::new(ImportRequest {
                    schema: remote_schema.clone(),
                    tables: tables.clone(),
                    options: options.clone(),
                });
                let found = self.import(definitions, server, &request).await?;
                definitions.ensure_schema(into, origin);
                add_imported(definitions, into, server, found, Some(&request), origin)?;
                "IMPORT FOREIGN SCHEMA"
            }
            _ => return Err(Error::internal("a statement came where it is not handled")),
        };
        Ok((tag, notices))
    }
}
