//! Foreign tables: as they are declared, and as their source tells of them.

use std::collections::BTreeMap;
use std::path::{PathBuf, absolute};
use std::sync::Arc;

use crate::catalog::change::undefined;
use crate::catalog::definitions::{
    Definitions, ForeignTableDef, OWNER, Origin, RelationDef, RelationKind, RelationName,
};
use crate::catalog::security::Security;
use crate::ddl::statement::Ddl;
use crate::engine::Engine;
use crate::error::{Error, Result, SqlState};
use crate::sources::kind::{ImportRequest, ImportTables};
use crate::sources::kinds;
use crate::sources::options::OptionPlace;
use crate::sources::table::TableSpec;

impl Engine {
    /// The folder that a relative path is relative to: the files' own.
    pub(in crate::engine) fn folder(&self) -> PathBuf {
        let folder = self.config.sql.clone().unwrap_or_default();
        // Absolute, since what is typed over the wire outlives the folder that this process was started in.
        absolute(&folder).unwrap_or(folder)
    }

    /// A foreign table as its statement declares it, with its options checked.
    pub(in crate::engine) fn declared_table(
        &self,
        definitions: &Definitions,
        ddl: &Ddl,
    ) -> Result<(String, TableSpec)> {
        let Ddl::CreateForeignTable { name, columns, server, options, .. } = ddl else {
            return Err(Error::internal("not a foreign table"));
        };
        let there = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?;
        let specs = kinds::find(&there.kind)?.options();
        options.check(specs, OptionPlace::Table)?;
        for column in columns {
            column
                .options
                .check(specs, OptionPlace::Column)
                .map_err(|e| e.with_context(format!("column \"{}\"", column.name)))?;
        }
        let table = TableSpec {
            name: name.name.clone(),
            options: options.clone(),
            columns: columns.clone(),
            folder: self.folder(),
            ..TableSpec::default()
        };
        Ok((server.clone(), table))
    }

    /// Asks a source for the tables of an IMPORT FOREIGN SCHEMA.
    pub(in crate::engine) async fn introspect(&self, definitions: &Definitions, ddl: &Ddl) -> Result<Vec<TableSpec>> {
        let Ddl::Import { remote_schema, tables, server, options, .. } = ddl else {
            return Err(Error::internal("not an import"));
        };
        let request = ImportRequest { schema: remote_schema.clone(), tables: tables.clone(), options: options.clone() };
        self.import(definitions, server, &request).await
    }

    /// Asks a source for the tables of an import.
    pub(in crate::engine) async fn import(
        &self,
        definitions: &Definitions,
        server: &str,
        request: &ImportRequest,
    ) -> Result<Vec<TableSpec>> {
        let there = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?;
        request.options.check(kinds::find(&there.kind)?.options(), OptionPlace::Import)?;
        let source = self.sources.get(definitions, server, OWNER)?;
        let mut found = source.introspect(request).await?;
        let (tables, remote_schema) = (&request.tables, &request.schema);
        found.retain(|table| tables.wants(&table.name));
        if let ImportTables::LimitTo(names) = tables
            && let Some(missing) = names.iter().find(|name| !found.iter().any(|t| t.name == **name))
        {
            return Err(Error::new(
                SqlState::FDW_TABLE_NOT_FOUND,
                format!("server \"{server}\" has no table \"{missing}\" in schema \"{remote_schema}\""),
            )
            .with_hint("Names in LIMIT TO are the source's own; quote one that is not in lower case."));
        }
        Ok(found)
    }
}

/// A foreign table as the catalog holds it.
pub(in crate::engine) fn foreign(server: String, table: TableSpec, imported: bool) -> RelationKind {
    RelationKind::Foreign(ForeignTableDef { server, table: Arc::new(table), imported, request: None, broken: None })
}

/// Adds the tables that an import found; `request` is what it asked for, to be asked again later.
pub(in crate::engine) fn add_imported(
    definitions: &mut Definitions,
    into: &str,
    server: &str,
    tables: Vec<TableSpec>,
    request: Option<&Arc<ImportRequest>>,
    origin: &Origin,
) -> Result<()> {
    for table in tables {
        let name = RelationName::new(into, &table.name);
        let table = ForeignTableDef {
            server: server.to_string(),
            table: Arc::new(table),
            imported: true,
            request: request.cloned(),
            broken: None,
        };
        add_from(definitions, &name, RelationKind::Foreign(table), origin)?;
    }
    Ok(())
}

/// Adds a relation of an origin.
pub(in crate::engine) fn add_from(
    definitions: &mut Definitions,
    name: &RelationName,
    kind: RelationKind,
    origin: &Origin,
) -> Result<()> {
    let comment = match &kind {
        RelationKind::Foreign(foreign) => foreign.table.comment.clone(),
        _ => None,
    };
    let column_comments: BTreeMap<String, String> = match &kind {
        RelationKind::Foreign(foreign) => {
            foreign.table.columns.iter().filter_map(|c| Some((c.name.clone(), c.comment.clone()?))).collect()
        }
        _ => BTreeMap::new(),
    };
    definitions.add_relation(RelationDef {
        name: name.clone(),
        owner: OWNER.into(),
        origin: origin.clone(),
        acl: None,
        column_acls: BTreeMap::new(),
        comment,
        column_comments,
        security: Security::default(),
        kind,
    })
}
