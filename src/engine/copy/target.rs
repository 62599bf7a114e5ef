//! What a COPY reads or fills, looked up and checked.

use std::collections::HashSet;

use crate::catalog::definitions::{LocalTableDef, RelationKind, RelationName, quote_identifier};
use crate::ddl::copy::{Copy, CopyWhat};
use crate::ddl::script;
use crate::ddl::statement::{NameRef, Statement};
use crate::engine::session::Session;
use crate::error::{Error, Result, SqlState};
use crate::values::copy::{CopyFormat, ForceQuote};

/// COPY .. TO.
#[derive(Debug)]
pub struct CopyOut {
    /// What gives the rows.
    pub query: Statement,
    /// Whether the client wrote the query, so that it knows its places.
    pub written: bool,
    /// How they are written.
    pub format: CopyFormat,
}

/// COPY .. FROM.
#[derive(Debug)]
pub struct CopyIn {
    /// The table as it was written.
    pub(super) name: NameRef,
    /// The same, found.
    pub(super) relation: RelationName,
    pub(super) table: LocalTableDef,
    /// The columns that come, in their order, as indexes of the table's.
    pub(super) columns: Vec<usize>,
    /// How the rows are written.
    pub format: CopyFormat,
}

impl CopyIn {
    /// The table with its columns, as SQL.
    pub fn shown(&self) -> String {
        let columns = (0..self.width()).filter_map(|at| self.column_name(at)).map(quote_identifier);
        let (schema, table) = (quote_identifier(&self.relation.schema), quote_identifier(&self.relation.name));
        format!("{schema}.{table} ({})", columns.collect::<Vec<_>>().join(", "))
    }

    /// How many columns each row has.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The name of a column by its place among those that come.
    pub(super) fn column_name(&self, at: usize) -> Option<&str> {
        let column = self.columns.get(at).and_then(|column| self.table.columns.get(*column))?;
        Some(&column.name)
    }
}

impl Session {
    /// What COPY .. TO sends. Only local tables are copied by their names, as in Postgres; of others a query is
    /// (42809).
    pub fn copy_out(&self, copy: &Copy) -> Result<CopyOut> {
        let (name, columns) = match &copy.what {
            CopyWhat::Query(query) => {
                refuse_server(copy)?;
                refuse_write(query)?;
                return Ok(CopyOut { query: query.as_ref().clone(), written: true, format: copy.format()? });
            }
            CopyWhat::Relation { name, columns } => (name, columns),
        };
        refuse_server(copy)?;
        let catalog = self.catalog();
        let path = self.path();
        let found = catalog.definitions.find(name, &path);
        let (relation, there) = match found {
            Some(relation) => {
                let kind = match &relation.kind {
                    RelationKind::Local(_) => None,
                    RelationKind::View(_) => Some("view"),
                    RelationKind::Foreign(_) => Some("foreign table"),
                };
                if let Some(kind) = kind {
                    return Err(only_by_query(kind, &name.name));
                }
                (relation.name.clone(), relation.columns().into_iter().map(|column| column.name).collect::<Vec<_>>())
            }
            // Of the catalog's own relations only the query knows.
            None if is_of_catalog(name) => {
                let schema = name.schema.clone().unwrap_or_else(|| "pg_catalog".to_string());
                if schema == "information_schema" {
                    return Err(only_by_query("view", &name.name));
                }
                (RelationName::new(schema, &name.name), vec![])
            }
            None => return Err(missing(name, catalog.definitions.schemas.contains_key(name_schema(name)))),
        };
        let format = copy.format()?;
        if !there.is_empty() {
            let chosen = chosen(columns, &there, &relation)?;
            if let ForceQuote::Columns(quoted) = &format.force_quote {
                check_forced("FORCE_QUOTE", quoted, &chosen, &there, &relation)?;
            }
        }
        let items = if columns.is_empty() {
            "*".to_string()
        } else {
            columns.iter().map(|column| quote_identifier(column)).collect::<Vec<_>>().join(", ")
        };
        let (schema, table) = (quote_identifier(&relation.schema), quote_identifier(&relation.name));
        let text = format!("SELECT {items} FROM {schema}.{table}");
        let query = script::parse(&text)?.pop().ok_or_else(|| Error::internal("the query of a COPY did not parse"))?;
        Ok(CopyOut { query, written: false, format })
    }

    /// What COPY .. FROM fills: a local table, in a transaction that may write.
    pub fn copy_in(&self, copy: &Copy) -> Result<CopyIn> {
        let CopyWhat::Relation { name, columns } = &copy.what else {
            return Err(Error::internal("COPY FROM has no table"));
        };
        refuse_server(copy)?;
        let catalog = self.catalog();
        let path = self.path();
        if catalog.definitions.find(name, &path).is_none() {
            if is_of_catalog(name) {
                let message = format!("permission denied: \"{}\" is a system catalog", name.name);
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
            return Err(missing(name, catalog.definitions.schemas.contains_key(name_schema(name))));
        }
        self.check_writable("COPY FROM")?;
        let (relation, table) = self.writable_ref(name, "copy to")?;
        if copy.filter.is_some() {
            return Err(Error::unsupported("COPY FROM .. WHERE is not supported")
                .with_position(copy.filter)
                .with_hint("Copy into another table, and INSERT .. SELECT what is wanted from it."));
        }
        let format = copy.format()?;
        let there: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
        let columns = chosen(columns, &there, &relation)?;
        let named: Vec<String> = columns.iter().filter_map(|index| there.get(*index).cloned()).collect();
        self.check_columns(&relation, &named, "a")?;
        self.refuse_copy(&relation)?;
        for (option, forced) in [("FORCE_NOT_NULL", &format.force_not_null), ("FORCE_NULL", &format.force_null)] {
            check_forced(option, forced, &columns, &there, &relation)?;
        }
        Ok(CopyIn { name: name.clone(), relation, table, columns, format })
    }
}

/// Only what gives rows can be copied.
fn refuse_write(query: &Statement) -> Result<()> {
    let verb = query.text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    if ["INSERT", "UPDATE", "DELETE"].iter().any(|write| verb.eq_ignore_ascii_case(write)) {
        return Err(Error::unsupported("COPY query must have a RETURNING clause")
            .with_detail("RETURNING is not supported either."));
    }
    Ok(())
}

fn refuse_server(copy: &Copy) -> Result<()> {
    if !copy.at_server {
        return Ok(());
    }
    let (words, instead) = if copy.from { ("from", "FROM STDIN") } else { ("to", "TO STDOUT") };
    Err(Error::unsupported(format!("COPY {words} a file or a program of the server is not supported"))
        .with_hint(format!("Use COPY .. {instead}; psql's \\copy reads and writes files of the client.")))
}

fn only_by_query(kind: &str, name: &str) -> Error {
    Error::new(SqlState::WRONG_OBJECT_TYPE, format!("cannot copy from {kind} \"{name}\""))
        .with_hint("Try the COPY (SELECT ...) TO variant.")
}

fn is_of_catalog(name: &NameRef) -> bool {
    match &name.schema {
        Some(schema) => schema == "pg_catalog" || schema == "information_schema",
        None => name.name.starts_with("pg_"),
    }
}

fn name_schema(name: &NameRef) -> &str {
    name.schema.as_deref().unwrap_or(crate::catalog::definitions::PUBLIC)
}

fn missing(name: &NameRef, schema_exists: bool) -> Error {
    match &name.schema {
        Some(schema) if !schema_exists => {
            Error::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist"))
        }
        _ => Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.shown())),
    }
}

/// The columns that a list names, all when it is empty, as indexes of those that are there.
fn chosen(columns: &[String], there: &[String], relation: &RelationName) -> Result<Vec<usize>> {
    if columns.is_empty() {
        return Ok((0..there.len()).collect());
    }
    let mut seen = HashSet::new();
    let index = |name: &String| {
        let index = there.iter().position(|column| column == name).ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{name}\" of relation \"{}\" does not exist", relation.name),
            )
        })?;
        if !seen.insert(index) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        Ok(index)
    };
    columns.iter().map(index).collect()
}

/// The columns of FORCE_QUOTE and the like must be among those that are copied.
fn check_forced(
    option: &str,
    forced: &[String],
    copied: &[usize],
    there: &[String],
    relation: &RelationName,
) -> Result<()> {
    if forced.is_empty() {
        return Ok(());
    }
    let columns = chosen(forced, there, relation)?;
    match columns.iter().zip(forced).find(|(index, _)| !copied.contains(index)) {
        Some((_, name)) => {
            let message = format!("{option} column \"{name}\" not referenced by COPY");
            Err(Error::new(SqlState::INVALID_COLUMN_REFERENCE, message))
        }
        None => Ok(()),
    }
}
