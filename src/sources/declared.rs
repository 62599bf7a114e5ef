//! A foreign table as it was declared, completed with what its source knows of it.

use super::rows::ColumnBuilder;
use super::table::{ColumnSpec, TableSpec};
use crate::error::{Error, Result, SqlState};
use crate::federation::cleaning;

/// What was declared, with types, collations, keys and comments of `found`, which is the table as the source knows
/// it, its columns under their own names. Without any declared column it has those of `found`. For sources that do
/// not tell the case of column names apart, and whose values go through [`ColumnBuilder`].
pub fn complete(declared: &TableSpec, found: TableSpec, server: &str) -> Result<TableSpec> {
    let columns = if declared.columns.is_empty() {
        found.columns.clone()
    } else {
        declared.columns.iter().map(|column| complete_column(column, &found, server)).collect::<Result<Vec<_>>>()?
    };
    let primary_key = local_key(&columns, &found.primary_key).unwrap_or_default();
    let unique_keys = found.unique_keys.iter().filter_map(|key| local_key(&columns, key)).collect();
    Ok(TableSpec {
        primary_key,
        unique_keys,
        is_view: found.is_view,
        comment: declared.comment.clone().or(found.comment),
        row_estimate: found.row_estimate,
        columns,
        ..declared.clone()
    })
}

/// The key under the names here; none when a column of it was not declared.
fn local_key(columns: &[ColumnSpec], key: &[String]) -> Option<Vec<String>> {
    key.iter().map(|remote| columns.iter().find(|c| c.remote == *remote).map(|c| c.name.clone())).collect()
}

fn complete_column(declared: &ColumnSpec, found: &TableSpec, server: &str) -> Result<ColumnSpec> {
    cleaning::check_option(&declared.options)?;
    let remote = declared.options.get("column_name").unwrap_or(&declared.remote);
    let known = found
        .columns
        .iter()
        .find(|column| column.remote == remote)
        .or_else(|| found.columns.iter().find(|column| column.remote.eq_ignore_ascii_case(remote)))
        .ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("table \"{}\" of server \"{server}\" has no column \"{remote}\"", found.name),
            )
        })?;
    if ColumnBuilder::new(&declared.pg_type).is_none() {
        return Err(Error::unsupported(format!(
            "column \"{}\" of server \"{server}\" cannot be read as type {}",
            declared.name, declared.pg_type
        )));
    }
    Ok(ColumnSpec {
        remote: known.remote.clone(),
        remote_type: known.remote_type.clone(),
        collation: known.collation.clone(),
        comment: declared.comment.clone().or_else(|| known.comment.clone()),
        ..declared.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::types::PgType;

    #[test]
    fn names_and_types_stay_as_declared() {
        let mut id = ColumnSpec::new("ID", PgType::Int8);
        id.remote_type = "int".into();
        let found = TableSpec {
            name: "t".into(),
            columns: vec![id, ColumnSpec::new("Other", PgType::Text)],
            primary_key: vec!["ID".into()],
            unique_keys: vec![vec!["ID".into(), "Other".into()]],
            ..TableSpec::default()
        };
        let mut column = ColumnSpec::new("key", PgType::Text);
        column.options.set("column_name", "id");
        let mut declared = TableSpec { name: "mine".into(), columns: vec![column], ..TableSpec::default() };
        let table = complete(&declared, found.clone(), "s").unwrap();
        assert_eq!((table.columns[0].remote.as_str(), table.columns[0].remote_type.as_str()), ("ID", "int"));
        assert_eq!(table.columns[0].pg_type, PgType::Text);
        assert_eq!((table.primary_key, table.unique_keys), (vec!["key".to_string()], Vec::<Vec<String>>::new()));
        declared.columns[0].options.set("column_name", "none");
        assert_eq!(complete(&declared, found, "s").unwrap_err().state(), SqlState::UNDEFINED_COLUMN);
    }
}
