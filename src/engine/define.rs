//! Statements that change the catalog, as typed over the wire.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::sql::parser::Statement as DfStatement;

use super::session::Session;
use super::snapshot::{CatalogState, Snapshot};
use super::{Engine, run, write};
use crate::catalog::change::{change_options, changeable, undefined};
use crate::catalog::definitions::{
    ColumnDef, Definitions, ForeignTableDef, LocalTableDef, OWNER, Origin, RelationDef, RelationKind, RelationName,
    ServerDef, UserMappingDef, ViewDef,
};
use crate::catalog::store::RowChange;
use crate::catalog::types::PgType;
use crate::ddl::script;
use crate::ddl::statement::{Ddl, NameRef, Statement, StatementKind};
use crate::error::{Error, Result, SqlState};
use crate::planner::names::Relations;
use crate::sources::kind::{ImportRequest, ImportTables};
use crate::sources::kinds;
use crate::sources::options::OptionPlace;
use crate::sources::table::TableSpec;

impl Session {
    /// Runs a statement that changes the catalog, giving its command tag.
    pub(super) async fn define(&self, ddl: &Ddl, statement: &Statement) -> Result<String> {
        let _writing = self.start_writing().await;
        let mut definitions = Relations::definitions(self.engine.as_ref()).as_ref().clone();
        let path = self.scope.search_path.read().clone();
        let mut rows: Vec<(RelationName, Vec<datafusion::arrow::array::RecordBatch>)> = vec![];
        let mut notices = vec![];
        let positioned = |e: Error| e.shifted(statement.offset);
        let tag = match ddl {
            Ddl::DropServer { names, if_exists, cascade } => {
                notices = definitions.drop_servers(names, *if_exists, *cascade)?;
                "DROP SERVER"
            }
            Ddl::DropSchema { names, if_exists, cascade } => {
                notices = definitions.drop_schemas(names, *if_exists, *cascade)?;
                "DROP SCHEMA"
            }
            Ddl::Drop { kind, names, if_exists, cascade } => {
                notices = definitions.drop_relations(*kind, names, *if_exists, *cascade, &path)?;
                return self.finish(definitions, &[], notices, &format!("DROP {}", kind.words().to_uppercase()));
            }
            Ddl::Comment { target, text } => {
                definitions.comment(target, text.clone(), &Origin::State, &path).map_err(positioned)?;
                "COMMENT"
            }
            Ddl::CreateView { name, or_replace, columns, query, query_offset } => {
                let view = ViewDef {
                    query: query.clone(),
                    column_names: columns.clone(),
                    columns: vec![],
                    depends_on: vec![],
                    broken: None,
                };
                self.create_view(&mut definitions, name, *or_replace, view)
                    .await
                    .map_err(|e| e.shifted(*query_offset + statement.offset))?;
                "CREATE VIEW"
            }
            Ddl::CreateTable { name, query: Some(query), if_not_exists, .. } => {
                let relation = name.to_create();
                if *if_not_exists && definitions.relations.contains_key(&relation) {
                    notices.push(format!("relation \"{}\" already exists, skipping", name.name));
                    "CREATE TABLE AS"
                } else {
                    let state = self.state();
                    let plan = super::planning::plan_query(&state, query).await?;
                    let batches = run::collect(&state, &plan).await?;
                    let table = LocalTableDef {
                        columns: column_defs(plan.schema().as_arrow(), true),
                        primary_key: vec![],
                        unique_keys: vec![],
                    };
                    let batch = write::conform(&batches, &table)?;
                    let count = batch.num_rows();
                    add(&mut definitions, &relation, RelationKind::Local(table))?;
                    rows.push((relation, vec![batch]));
                    return self.finish(definitions, &rows, notices, &format!("SELECT {count}"));
                }
            }
            Ddl::Truncate { names } => {
                for name in names {
                    let (relation, _) = self.writable_ref(name, "truncate")?;
                    rows.push((relation, vec![]));
                }
                "TRUNCATE TABLE"
            }
            Ddl::AlterRolePassword { role, password } => {
                if role != OWNER && role != "current_user" {
                    return Err(undefined("role", role));
                }
                let kept = password.as_deref().map(crate::wire::password::kept_form).transpose()?;
                self.engine.store.set_setting("password", kept.as_deref())?;
                return Ok("ALTER ROLE".to_string());
            }
            other => {
                let (tag, told) =
                    self.engine.apply(&mut definitions, other, &Origin::State).await.map_err(positioned)?;
                notices = told;
                tag
            }
        };
        self.finish(definitions, &rows, notices, tag)
    }

    fn finish(
        &self,
        definitions: Definitions,
        rows: &[(RelationName, Vec<datafusion::arrow::array::RecordBatch>)],
        notices: Vec<String>,
        tag: &str,
    ) -> Result<String> {
        let rows: Vec<_> = rows.iter().map(|(name, rows)| (name.clone(), RowChange::Replace(rows))).collect();
        self.commit_change(definitions, &rows)?;
        self.notice(notices);
        Ok(tag.to_string())
    }

    /// CREATE [OR REPLACE] VIEW: the view must plan, and a replaced one must keep its columns.
    async fn create_view(
        &self,
        definitions: &mut Definitions,
        name: &NameRef,
        or_replace: bool,
        mut view: ViewDef,
    ) -> Result<()> {
        let relation = name.to_create();
        let before = match definitions.relations.get(&relation) {
            Some(there) if !or_replace => {
                return Err(Error::new(
                    SqlState::DUPLICATE_TABLE,
                    format!("relation \"{}\" already exists", there.name.name),
                ));
            }
            Some(RelationDef { kind: RelationKind::View(before), origin, .. }) => {
                changeable(origin, &format!("view {relation}"))?;
                Some(before.columns.clone())
            }
            Some(_) => {
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a view", relation.name)));
            }
            None => None,
        };
        let unreachable = self.engine.catalog.read().unreachable.clone();
        view.depends_on = dependencies(&view.query, &[crate::catalog::definitions::PUBLIC.to_string()], definitions)?;
        let comments = definitions.relations.remove(&relation);
        let mut created = RelationDef {
            name: relation.clone(),
            owner: OWNER.into(),
            origin: Origin::State,
            comment: comments.as_ref().and_then(|c| c.comment.clone()),
            column_comments: comments.map(|c| c.column_comments).unwrap_or_default(),
            kind: RelationKind::View(view.clone()),
        };
        let mut next = definitions.clone();
        next.add_relation(created.clone())?;
        if let Some(chain) = cycle_from(&next, &relation) {
            return Err(cycle_error(&chain));
        }
        let snapshot = self.engine.snapshot_of(Arc::new(CatalogState::new(next, unreachable)))?;
        view.columns = planned_columns(&snapshot, &created, &view).await?;
        if let Some(before) = before {
            keeps_columns(&before, &view.columns)?;
        }
        created.kind = RelationKind::View(view);
        definitions.add_relation(created)
    }
}

impl Engine {
    /// Applies a statement that files may hold too; gives its command tag and notices.
    pub(super) async fn apply(
        &self,
        definitions: &mut Definitions,
        ddl: &Ddl,
        origin: &Origin,
    ) -> Result<(&'static str, Vec<String>)> {
        let mut notices = vec![];
        let tag = match ddl {
            Ddl::CreateServer { name, if_not_exists, kind, server_type, version, options } => {
                if definitions.servers.contains_key(name) {
                    if !if_not_exists {
                        return Err(Error::new(
                            SqlState::DUPLICATE_OBJECT,
                            format!("server \"{name}\" already exists"),
                        ));
                    }
                    notices.push(format!("server \"{name}\" already exists, skipping"));
                    return Ok(("CREATE SERVER", notices));
                }
                options.check(kinds::find(kind)?.options(), OptionPlace::Server)?;
                let server = ServerDef {
                    name: name.clone(),
                    kind: kind.clone(),
                    server_type: server_type.clone(),
                    version: version.clone(),
                    options: options.clone(),
                    folder: self.folder(),
                    owner: OWNER.into(),
                    origin: origin.clone(),
                    comment: None,
                };
                definitions.servers.insert(name.clone(), server);
                self.sources.get(definitions, name, OWNER)?;
                "CREATE SERVER"
            }
            Ddl::AlterServer { name, version, changes } => {
                let server = definitions.servers.get_mut(name).ok_or_else(|| undefined("server", name))?;
                changeable(&server.origin, &format!("server {name}"))?;
                change_options(&mut server.options, changes)?;
                server.options.check(kinds::find(&server.kind)?.options(), OptionPlace::Server)?;
                if let Some(version) = version {
                    server.version = Some(version.clone());
                }
                self.sources.get(definitions, name, OWNER)?;
                "ALTER SERVER"
            }
            Ddl::CreateUserMapping { user, server, if_not_exists, options } => {
                let kind = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?.kind.clone();
                let user = mapping_user(user)?;
                let key = (server.clone(), user.clone());
                if definitions.user_mappings.contains_key(&key) {
                    let said = format!("user mapping for \"{user}\" already exists for server \"{server}\"");
                    if !if_not_exists {
                        return Err(Error::new(SqlState::DUPLICATE_OBJECT, said));
                    }
                    notices.push(format!("{said}, skipping"));
                    return Ok(("CREATE USER MAPPING", notices));
                }
                options.check(kinds::find(&kind)?.options(), OptionPlace::UserMapping)?;
                let mapping =
                    UserMappingDef { server: server.clone(), user, options: options.clone(), origin: origin.clone() };
                definitions.user_mappings.insert(key, mapping);
                "CREATE USER MAPPING"
            }
            Ddl::AlterUserMapping { user, server, changes } => {
                let kind = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?.kind.clone();
                let user = mapping_user(user)?;
                let mapping = definitions
                    .user_mappings
                    .get_mut(&(server.clone(), user.clone()))
                    .ok_or_else(|| no_mapping(&user, server))?;
                changeable(&mapping.origin, &format!("user mapping for {user}"))?;
                change_options(&mut mapping.options, changes)?;
                mapping.options.check(kinds::find(&kind)?.options(), OptionPlace::UserMapping)?;
                "ALTER USER MAPPING"
            }
            Ddl::DropUserMapping { user, server, if_exists } => {
                let user = mapping_user(user)?;
                let there = definitions.servers.contains_key(server);
                match definitions.user_mappings.get(&(server.clone(), user.clone())) {
                    Some(mapping) => {
                        changeable(&mapping.origin, &format!("user mapping for {user}"))?;
                        definitions.user_mappings.remove(&(server.clone(), user));
                    }
                    None if *if_exists => notices.push(if there {
                        format!("user mapping for \"{user}\" does not exist for server \"{server}\", skipping")
                    } else {
                        format!("server \"{server}\" does not exist, skipping")
                    }),
                    None if !there => return Err(undefined("server", server)),
                    None => return Err(no_mapping(&user, server)),
                }
                "DROP USER MAPPING"
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
            Ddl::Import { into, server, .. } => {
                let tables = self.introspect(definitions, ddl).await?;
                definitions.ensure_schema(into, origin);
                add_imported(definitions, into, server, tables, origin)?;
                "IMPORT FOREIGN SCHEMA"
            }
            _ => return Err(Error::internal("a statement came where it is not handled")),
        };
        Ok((tag, notices))
    }

    /// The folder that a relative path is relative to: the files' own.
    pub(super) fn folder(&self) -> std::path::PathBuf {
        let folder = self.config.sql.clone().unwrap_or_default();
        // Absolute, since what is typed over the wire outlives the folder that this process was started in.
        std::path::absolute(&folder).unwrap_or(folder)
    }

    /// A foreign table as its statement declares it, with its options checked.
    pub(super) fn declared_table(&self, definitions: &Definitions, ddl: &Ddl) -> Result<(String, TableSpec)> {
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
    pub(super) async fn introspect(&self, definitions: &Definitions, ddl: &Ddl) -> Result<Vec<TableSpec>> {
        let Ddl::Import { remote_schema, tables, server, options, .. } = ddl else {
            return Err(Error::internal("not an import"));
        };
        let there = definitions.servers.get(server).ok_or_else(|| undefined("server", server))?;
        options.check(kinds::find(&there.kind)?.options(), OptionPlace::Import)?;
        let source = self.sources.get(definitions, server, OWNER)?;
        let request = ImportRequest { schema: remote_schema.clone(), tables: tables.clone(), options: options.clone() };
        let mut found = source.introspect(&request).await?;
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
pub(super) fn foreign(server: String, table: TableSpec, imported: bool) -> RelationKind {
    RelationKind::Foreign(ForeignTableDef { server, table: Arc::new(table), imported, broken: None })
}

/// Adds the tables that an import found.
pub(super) fn add_imported(
    definitions: &mut Definitions,
    into: &str,
    server: &str,
    tables: Vec<TableSpec>,
    origin: &Origin,
) -> Result<()> {
    for table in tables {
        let name = RelationName::new(into, &table.name);
        add_from(definitions, &name, foreign(server.to_string(), table, true), origin)?;
    }
    Ok(())
}

fn add(definitions: &mut Definitions, name: &RelationName, kind: RelationKind) -> Result<()> {
    add_from(definitions, name, kind, &Origin::State)
}

/// Adds a relation of an origin.
pub(super) fn add_from(
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
        comment,
        column_comments,
        kind,
    })
}

fn mapping_user(user: &Option<String>) -> Result<String> {
    match user.as_deref() {
        None => Ok(OWNER.to_string()),
        Some(known @ (OWNER | "public")) => Ok(known.to_string()),
        Some(other) => Err(undefined("role", other)),
    }
}

fn no_mapping(user: &str, server: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("user mapping for \"{user}\" does not exist for server \"{server}\""),
    )
}

/// A schema's columns as the catalog shows them.
pub(super) fn column_defs(schema: &Schema, all_nullable: bool) -> Vec<ColumnDef> {
    schema
        .fields()
        .iter()
        .map(|field| ColumnDef {
            name: field.name().clone(),
            pg_type: PgType::of_field(field).to_string(),
            nullable: all_nullable || field.is_nullable(),
            default: None,
        })
        .collect()
}

/// A view's columns; it must plan.
pub(super) async fn planned_columns(
    snapshot: &Snapshot,
    relation: &RelationDef,
    view: &ViewDef,
) -> Result<Vec<ColumnDef>> {
    use datafusion::catalog::TableProvider;
    let planned = snapshot.plan_view(relation, view).await?;
    Ok(column_defs(&planned.schema(), true))
}

/// The relations that a query reads, resolved; 42P01 for one that is not there is left to planning.
pub(super) fn dependencies(query: &str, path: &[String], definitions: &Definitions) -> Result<Vec<RelationName>> {
    let mut found: Vec<RelationName> = references(query)?
        .into_iter()
        .map(|name| match definitions.find(&name, path) {
            Some(relation) => relation.name.clone(),
            None => name.to_create(),
        })
        .filter(|name| name.schema != "pg_catalog" && name.schema != "information_schema")
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// The relations that a query names, as it names them.
pub(super) fn references(query: &str) -> Result<Vec<NameRef>> {
    let Some(Statement { kind: StatementKind::Plan(parsed), .. }) = script::parse(query)?.pop() else {
        return Err(Error::syntax("a view must be a query", Some(1)));
    };
    let parsed: DfStatement = *parsed;
    let (tables, _) = datafusion::sql::resolve::resolve_table_references(&parsed, true)?;
    Ok(tables
        .into_iter()
        .map(|table| NameRef {
            schema: table.schema().map(str::to_string),
            name: table.table().to_string(),
            position: 1,
        })
        .collect())
}

/// The chain of views by which a relation reads itself, if it does.
pub(super) fn cycle_from(definitions: &Definitions, start: &RelationName) -> Option<Vec<RelationName>> {
    fn walk(definitions: &Definitions, start: &RelationName, chain: &mut Vec<RelationName>) -> bool {
        let Some(RelationDef { kind: RelationKind::View(view), .. }) =
            chain.last().and_then(|n| definitions.relation(n))
        else {
            return false;
        };
        for next in &view.depends_on {
            if next == start {
                chain.push(next.clone());
                return true;
            }
            // A cycle that does not pass through `start` is found from one of its own members.
            if chain.contains(next) {
                continue;
            }
            chain.push(next.clone());
            if walk(definitions, start, chain) {
                return true;
            }
            chain.pop();
        }
        false
    }
    let mut chain = vec![start.clone()];
    walk(definitions, start, &mut chain).then_some(chain)
}

/// 42P17 with the chain.
pub(super) fn cycle_error(chain: &[RelationName]) -> Error {
    let names: Vec<String> = chain.iter().map(ToString::to_string).collect();
    let first = names.first().map(String::as_str).unwrap_or_default();
    Error::new(SqlState::INVALID_OBJECT_DEFINITION, format!("view \"{first}\" depends on itself"))
        .with_detail(format!("The chain is: {}.", names.join(" -> ")))
}

/// CREATE OR REPLACE VIEW may only add columns at the end.
fn keeps_columns(before: &[ColumnDef], after: &[ColumnDef]) -> Result<()> {
    let refused = |message: String| Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    for (index, old) in before.iter().enumerate() {
        let Some(new) = after.get(index) else { return refused("cannot drop columns from view".into()) };
        if new.name != old.name {
            return refused(format!("cannot change name of view column \"{}\" to \"{}\"", old.name, new.name));
        }
        if new.pg_type != old.pg_type {
            return refused(format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                old.name, old.pg_type, new.pg_type
            ));
        }
    }
    Ok(())
}
