//! From the database's catalog to tables here: an import's, and one that was declared.

use std::sync::Arc;

use chrono_tz::Tz;

use super::catalog::{self, CatalogColumn, CatalogTable};
use super::dialect::remote_name;
use super::pool::Pool;
use super::types;
use crate::error::{Error, Result, SqlState};
use crate::federation::cleaning;
use crate::sources::kind::{ImportRequest, ImportTables};
use crate::sources::options::{Options, invalid};
use crate::sources::table::{ColumnSpec, TableSpec};

/// The tables that an import asks for. Partitions come only when they are named: their rows are in the table that
/// they are partitions of.
pub(super) async fn import(pool: &Arc<Pool>, zone: Option<Tz>, request: &ImportRequest) -> Result<Vec<TableSpec>> {
    let named = match &request.tables {
        ImportTables::LimitTo(names) => Some(names.as_slice()),
        ImportTables::All | ImportTables::Except(_) => None,
    };
    let tables = catalog::tables(pool, &request.schema, named).await?;
    if let Some(missing) = named.unwrap_or_default().iter().find(|name| !tables.iter().any(|t| t.name == **name)) {
        return Err(no_table(pool.server(), &request.schema, missing));
    }
    Ok(tables
        .into_iter()
        .filter(|table| request.tables.wants(&table.name) && (named.is_some() || !table.is_partition))
        .map(|table| {
            let options = [("schema_name", request.schema.as_str()), ("table_name", table.name.as_str())];
            let options: Options = options.into_iter().collect();
            let columns = table.columns.iter().map(|column| undeclared(column, zone)).collect();
            assemble(table, options, columns)
        })
        .collect())
}

/// Completes a table as declared: HV00R when there is no such table, 42703 when it lacks a declared column.
pub(super) async fn describe(pool: &Arc<Pool>, zone: Option<Tz>, declared: &TableSpec) -> Result<TableSpec> {
    let (schema, name) = remote_name(&declared.options, &declared.name);
    let zone = zone_of(&declared.options)?.or(zone);
    let named = [name.to_string()];
    let table = catalog::tables(pool, schema, Some(&named))
        .await?
        .into_iter()
        .next()
        .ok_or_else(|| no_table(pool.server(), schema, name))?;
    let columns = if declared.columns.is_empty() {
        table.columns.iter().map(|column| undeclared(column, zone)).collect()
    } else {
        let find = |column: &ColumnSpec| -> Result<ColumnSpec> {
            cleaning::check_option(&column.options)?;
            let remote = column.options.get("column_name").unwrap_or(&column.remote);
            let remote = if remote.is_empty() { column.name.as_str() } else { remote };
            let found = table.columns.iter().find(|c| c.name == remote).ok_or_else(|| {
                Error::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!("server \"{}\", table \"{name}\": column \"{remote}\" does not exist", pool.server()),
                )
            })?;
            Ok(ColumnSpec {
                remote: found.name.clone(),
                remote_type: found.remote_type.clone(),
                collation: found.collation.clone(),
                comment: column.comment.clone().or_else(|| found.comment.clone()),
                ..column.clone()
            })
        };
        declared.columns.iter().map(find).collect::<Result<Vec<_>>>()?
    };
    let described = assemble(table, declared.options.clone(), columns);
    Ok(TableSpec {
        name: declared.name.clone(),
        comment: declared.comment.clone().or(described.comment),
        folder: declared.folder.clone(),
        ..described
    })
}

/// The zone of an option `timezone`; HV00N when there is no such zone.
pub(super) fn zone_of(options: &Options) -> Result<Option<Tz>> {
    options
        .get("timezone")
        .map(|name| {
            name.trim().parse::<Tz>().map_err(|_| {
                invalid("timezone", "is no zone of the IANA database").with_hint("Use a name such as 'Europe/Paris'.")
            })
        })
        .transpose()
}

/// A column as the source has it.
fn undeclared(column: &CatalogColumn, zone: Option<Tz>) -> ColumnSpec {
    ColumnSpec {
        remote_type: column.remote_type.clone(),
        collation: column.collation.clone(),
        nullable: column.nullable,
        comment: column.comment.clone(),
        ..ColumnSpec::new(column.name.clone(), types::local(&column.remote_type, zone.is_some()))
    }
}

/// A table with these columns, and the keys of the source that they cover.
fn assemble(table: CatalogTable, options: Options, columns: Vec<ColumnSpec>) -> TableSpec {
    let local = |key: &Vec<String>| -> Option<Vec<String>> {
        key.iter().map(|remote| columns.iter().find(|c| c.remote == *remote).map(|c| c.name.clone())).collect()
    };
    let primary_key = local(&table.primary_key).unwrap_or_default();
    let unique_keys = table.unique_keys.iter().filter_map(local).filter(|key| !key.is_empty()).collect();
    TableSpec {
        name: table.name,
        options,
        columns,
        primary_key,
        unique_keys,
        is_view: table.is_view,
        comment: table.comment,
        row_estimate: table.row_estimate,
        pages: table.pages,
        ..TableSpec::default()
    }
}

fn no_table(server: &str, schema: &str, table: &str) -> Error {
    Error::new(
        SqlState::FDW_TABLE_NOT_FOUND,
        format!("server \"{server}\": table \"{table}\" does not exist in schema \"{schema}\""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::types::PgType;

    #[test]
    fn keys_bear_local_names_and_are_whole() {
        let table = CatalogTable {
            name: "t".into(),
            primary_key: vec!["ID".into()],
            unique_keys: vec![vec!["ID".into(), "gone".into()]],
            ..CatalogTable::default()
        };
        let column = ColumnSpec { remote: "ID".into(), ..ColumnSpec::new("id", PgType::Int4) };
        let spec = assemble(table, Options::new(), vec![column]);
        assert_eq!(spec.primary_key, ["id"]);
        assert!(spec.unique_keys.is_empty());
    }

    #[test]
    fn local_times_become_instants_in_a_zone() {
        let column = CatalogColumn {
            name: "at".into(),
            remote_type: "timestamp without time zone".into(),
            ..CatalogColumn::default()
        };
        assert_eq!(undeclared(&column, None).pg_type, PgType::Timestamp);
        assert_eq!(undeclared(&column, Some(Tz::Europe__Paris)).pg_type, PgType::TimestampTz);
        assert!(zone_of(&[("timezone", "Mars/North")].into_iter().collect()).is_err());
    }
}
