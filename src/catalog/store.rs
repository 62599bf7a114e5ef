//! What was typed over the wire, kept in the state folder: definitions, imported schemas, rows of local tables.
//!
//! One SQLite file with full durability: when a statement has answered, it is there after `kill -9`. The file is
//! readable by its owner alone, since a password that was typed over the wire must be kept in it.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::arrow::record_batch::RecordBatch;
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::definitions::{
    DATABASE, Definitions, Origin, RelationDef, RelationName, SchemaDef, ServerDef, UserMappingDef,
};
use super::model::ModelDef;
use super::role::{DatabaseDef, RoleDef};
use super::rule::RuleDef;
use crate::error::{Error, Result, SqlState};
use crate::sources::table::TableSpec;

/// The schema of the file, to which an older one is migrated.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE definition (kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, name)) STRICT;
CREATE TABLE import (key TEXT NOT NULL PRIMARY KEY, tables TEXT NOT NULL) STRICT;
CREATE TABLE local_rows (relation TEXT NOT NULL, seq INTEGER NOT NULL, batches BLOB NOT NULL,
  PRIMARY KEY (relation, seq)) STRICT;
CREATE TABLE setting (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT;
";

/// The setting that holds the owner's password, in the form in which it is kept.
pub const PASSWORD: &str = "password";

/// The setting that holds the views of the files that a changed source has broken, with their queries.
pub const DRIFTED: &str = "drifted_views";

/// Rows are kept in parts of about this size: a blob may have a gigabyte.
const LARGE_BLOB: usize = 64 << 20;

/// The setting that holds what the models of the files have learned, with their statements.
pub const TRAINED: &str = "trained_models";

/// How the rows of a local table change.
#[derive(Debug)]
pub enum RowChange<'a> {
    /// Rows are added.
    Append(&'a [RecordBatch]),
    /// These are all the rows there are now.
    Replace(&'a [RecordBatch]),
}

/// The state folder's file.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
}

impl Store {
    /// Opens the file in `folder`, making both where they do not exist.
    pub fn open(folder: &Path) -> Result<Store> {
        let fail = |what: &str, e: &dyn std::fmt::Display| {
            Error::new(SqlState::IO_ERROR, format!("could not {what} the state folder \"{}\"", folder.display()))
                .with_detail(e.to_string())
                .with_hint("Name a folder that this program may write with --state.")
        };
        std::fs::create_dir_all(folder).map_err(|e| fail("make", &e))?;
        let path = folder.join("catalog.db");
        let connection = Connection::open(&path).map_err(|e| fail("open", &e))?;
        restrict(&path).map_err(|e| fail("protect", &e))?;
        let store = Store { connection: Mutex::new(connection) };
        store.prepare().map_err(|e| fail("use", &e))?;
        Ok(store)
    }

    /// A store that lives as long as the process.
    pub fn in_memory() -> Result<Store> {
        let store = Store { connection: Mutex::new(Connection::open_in_memory().map_err(failed)?) };
        store.prepare().map_err(failed)?;
        Ok(store)
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        let mut connection = self.connection.lock();
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let transaction = connection.transaction()?;
        let version: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 0 {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        } else if version > SCHEMA_VERSION {
            return Err(rusqlite::Error::ToSqlConversionFailure(
                format!("it was written by a newer version of this program: schema {version}").into(),
            ));
        }
        transaction.commit()
    }

    /// Everything that is kept.
    pub fn load(&self) -> Result<Definitions> {
        let connection = self.connection.lock();
        let mut definitions = Definitions::default();
        for server in read::<ServerDef>(&connection, "server")? {
            definitions.servers.insert(server.name.clone(), server);
        }
        for mapping in read::<UserMappingDef>(&connection, "user_mapping")? {
            definitions.user_mappings.insert((mapping.server.clone(), mapping.user.clone()), mapping);
        }
        for schema in read::<SchemaDef>(&connection, "schema")? {
            definitions.schemas.insert(schema.name.clone(), schema);
        }
        for relation in read::<RelationDef>(&connection, "relation")? {
            definitions.relations.insert(relation.name.clone(), relation);
        }
        for rule in read::<RuleDef>(&connection, "rule")? {
            definitions.rules.insert(rule.key(), rule);
        }
        for model in read::<ModelDef>(&connection, "model")? {
            definitions.models.insert(model.name.clone(), model);
        }
        for role in read::<RoleDef>(&connection, "role")? {
            definitions.roles.insert(role.name.clone(), role);
        }
        if let Some(database) = read::<DatabaseDef>(&connection, "database")?.pop() {
            definitions.database = database;
        }
        Ok(definitions)
    }

    /// Makes durable what differs between two states of the catalog, with the rows and the setting that change with
    /// it: all of it or nothing. What files define is not kept.
    pub fn commit(
        &self,
        before: &Definitions,
        after: &Definitions,
        rows: &[(RelationName, RowChange<'_>)],
        setting: Option<(&str, Option<&str>)>,
    ) -> Result<()> {
        let (old, new) = (kept(before)?, kept(after)?);
        let mut connection = self.connection.lock();
        let transaction = connection.transaction().map_err(failed)?;
        for (kind, name) in old.keys().filter(|key| !new.contains_key(*key)) {
            transaction
                .execute("DELETE FROM definition WHERE kind = ?1 AND name = ?2", params![kind, name])
                .map_err(failed)?;
            if *kind == "relation" {
                transaction.execute("DELETE FROM local_rows WHERE relation = ?1", params![name]).map_err(failed)?;
            }
        }
        for ((kind, name), body) in new.iter().filter(|(key, body)| old.get(*key) != Some(*body)) {
            transaction
                .execute(
                    "INSERT INTO definition (kind, name, body) VALUES (?1, ?2, ?3)
                     ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body",
                    params![kind, name, body],
                )
                .map_err(failed)?;
        }
        for (relation, change) in rows {
            write_rows(&transaction, &relation_key(relation), change)?;
        }
        if let Some((name, value)) = setting {
            write_setting(&transaction, name, value)?;
        }
        transaction.commit().map_err(failed)
    }

    /// The rows of a local table.
    pub fn rows(&self, relation: &RelationName) -> Result<Vec<RecordBatch>> {
        let connection = self.connection.lock();
        let mut statement =
            connection.prepare("SELECT batches FROM local_rows WHERE relation = ?1 ORDER BY seq").map_err(failed)?;
        let blobs: Vec<Vec<u8>> = statement
            .query_map(params![relation_key(relation)], |row| row.get(0))
            .and_then(Iterator::collect)
            .map_err(failed)?;
        let mut batches = vec![];
        for blob in blobs {
            for batch in StreamReader::try_new(Cursor::new(blob), None)? {
                batches.push(batch?);
            }
        }
        Ok(batches)
    }

    /// The tables that an import found when it last reached its source.
    pub fn imported(&self, key: &str) -> Result<Option<Vec<TableSpec>>> {
        let body: Option<String> = self
            .connection
            .lock()
            .query_row("SELECT tables FROM import WHERE key = ?1", params![key], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        // A body of an older form is as good as none: the source is asked again.
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
    }

    /// Keeps the tables that an import found.
    pub fn keep_imported(&self, key: &str, tables: &[TableSpec]) -> Result<()> {
        let body = serde_json::to_string(tables).map_err(|e| Error::internal(e.to_string()))?;
        self.connection
            .lock()
            .execute(
                "INSERT INTO import (key, tables) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET tables = excluded.tables",
                params![key, body],
            )
            .map_err(failed)?;
        Ok(())
    }

    /// A setting of the server itself.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        self.connection
            .lock()
            .query_row("SELECT value FROM setting WHERE name = ?1", params![name], |row| row.get(0))
            .optional()
            .map_err(failed)
    }

    /// Keeps a setting of the server itself.
    pub fn keep_setting(&self, name: &str, value: &str) -> Result<()> {
        let mut connection = self.connection.lock();
        let transaction = connection.transaction().map_err(failed)?;
        write_setting(&transaction, name, Some(value))?;
        transaction.commit().map_err(failed)
    }
}

/// The file is for its owner alone.
#[cfg(unix)]
fn restrict(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn failed(error: rusqlite::Error) -> Error {
    Error::new(SqlState::IO_ERROR, "could not use the state folder's catalog").with_detail(error.to_string())
}

fn relation_key(name: &RelationName) -> String {
    // JSON keeps apart what a dot would not: schema "a.b" and schema "a".
    serde_json::json!([name.schema, name.name]).to_string()
}

type Kept = BTreeMap<(&'static str, String), String>;

/// What of a catalog is kept, as bodies by kind and name.
fn kept(definitions: &Definitions) -> Result<Kept> {
    let mut kept = Kept::new();
    for server in definitions.servers.values().filter(|s| s.origin == Origin::State) {
        kept.insert(("server", server.name.clone()), body(server)?);
    }
    for mapping in definitions.user_mappings.values().filter(|m| m.origin == Origin::State) {
        let name = serde_json::json!([mapping.server, mapping.user]).to_string();
        kept.insert(("user_mapping", name), body(mapping)?);
    }
    for schema in definitions.schemas.values().filter(|s| s.origin == Origin::State) {
        kept.insert(("schema", schema.name.clone()), body(schema)?);
    }
    for relation in definitions.relations.values().filter(|r| r.origin == Origin::State) {
        kept.insert(("relation", relation_key(&relation.name)), body(relation)?);
    }
    for rule in definitions.rules.values().filter(|r| r.origin == Origin::State) {
        let name = serde_json::json!([rule.relation.schema, rule.relation.name, rule.name]).to_string();
        kept.insert(("rule", name), body(rule)?);
    }
    for model in definitions.models.values().filter(|m| m.origin == Origin::State) {
        kept.insert(("model", relation_key(&model.name)), body(model)?);
    }
    for role in definitions.roles.values().filter(|r| r.origin == Origin::State) {
        kept.insert(("role", role.name.clone()), body(role)?);
    }
    if definitions.database != DatabaseDef::default() {
        kept.insert(("database", DATABASE.to_string()), body(&definitions.database)?);
    }
    Ok(kept)
}

fn body(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| Error::internal(format!("could not write a definition: {e}")))
}

fn read<T: DeserializeOwned>(connection: &Connection, kind: &str) -> Result<Vec<T>> {
    let mut statement =
        connection.prepare("SELECT name, body FROM definition WHERE kind = ?1 ORDER BY name").map_err(failed)?;
    let rows: Vec<(String, String)> = statement
        .query_map(params![kind], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .map_err(failed)?;
    rows.into_iter()
        .map(|(name, body)| {
            serde_json::from_str(&body).map_err(|e| {
                Error::new(SqlState::IO_ERROR, format!("the state folder holds a {kind} that cannot be read: {name}"))
                    .with_detail(e.to_string())
            })
        })
        .collect()
}

fn write_rows(transaction: &Transaction<'_>, relation: &str, change: &RowChange<'_>) -> Result<()> {
    let batches = match change {
        RowChange::Append(batches) => batches,
        RowChange::Replace(batches) => {
            transaction.execute("DELETE FROM local_rows WHERE relation = ?1", params![relation]).map_err(failed)?;
            batches
        }
    };
    let mut rest = *batches;
    while let Some(first) = rest.first() {
        let mut size = 0;
        let more = rest.iter().skip(1).take_while(|batch| {
            size += batch.get_array_memory_size();
            size < LARGE_BLOB
        });
        let (part, left) = rest.split_at(1 + more.count());
        rest = left;
        let mut blob = vec![];
        let mut writer = StreamWriter::try_new(&mut blob, &first.schema())?;
        for batch in part {
            writer.write(batch)?;
        }
        writer.finish()?;
        transaction
            .execute(
                "INSERT INTO local_rows (relation, seq, batches)
                 SELECT ?1, coalesce(max(seq), 0) + 1, ?2 FROM local_rows WHERE relation = ?1",
                params![relation, blob],
            )
            .map_err(failed)?;
    }
    Ok(())
}

/// Sets a setting of the server itself, or takes it away.
fn write_setting(transaction: &Transaction<'_>, name: &str, value: Option<&str>) -> Result<()> {
    match value {
        Some(value) => transaction.execute(
            "INSERT INTO setting (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        ),
        None => transaction.execute("DELETE FROM setting WHERE name = ?1", params![name]),
    }
    .map_err(failed)?;
    Ok(())
}
