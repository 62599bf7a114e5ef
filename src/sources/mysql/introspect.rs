//! What the server says of its tables, in `information_schema`.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::types::MysqlType;
use crate::catalog::types::PgType;
use crate::federation::statistics::{ColumnStatistics, Distinct, TableStatistics};
use crate::sources::options::Options;
use crate::sources::table::{ColumnSpec, TableSpec};

const DATABASES: &str = "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?";

// A table's name may be left out: NULL stands for every table.
const TABLES: &str = "SELECT TABLE_NAME, TABLE_TYPE, TABLE_ROWS, TABLE_COMMENT FROM information_schema.TABLES \
    WHERE TABLE_SCHEMA = ? AND (? IS NULL OR TABLE_NAME = ?) ORDER BY TABLE_NAME";

const COLUMNS: &str = "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, COLLATION_NAME, COLUMN_COMMENT \
    FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND (? IS NULL OR TABLE_NAME = ?) \
    ORDER BY TABLE_NAME, ORDINAL_POSITION";

const KEYS: &str = "SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS \
    WHERE TABLE_SCHEMA = ? AND (? IS NULL OR TABLE_NAME = ?) AND NON_UNIQUE = 0 \
    ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX";

/// The databases that the server takes for `name`: under some collations more than the one of just that name.
pub(super) async fn databases(conn: &mut Conn, name: &str) -> mysql_async::Result<Vec<String>> {
    let rows: Vec<Row> = conn.exec(DATABASES, (name,)).await?;
    Ok(rows.iter().filter_map(|row| text(row, 0)).collect())
}

/// The tables and views of a database, or those that the server takes for `table`. Views that are broken at the
/// server have no columns.
pub(super) async fn tables(
    conn: &mut Conn,
    database: &str,
    table: Option<&str>,
    zone: Option<Tz>,
) -> mysql_async::Result<Vec<TableSpec>> {
    let parameters = (database, table, table);
    let rows: Vec<Row> = conn.exec(TABLES, parameters).await?;
    let mut specs: Vec<TableSpec> = rows.iter().filter_map(|row| spec(row, database)).collect();
    let mut columns: BTreeMap<String, Vec<ColumnSpec>> = BTreeMap::new();
    let rows: Vec<Row> = conn.exec(COLUMNS, parameters).await?;
    for row in &rows {
        if let (Some(table), Some(column)) = (text(row, 0), column(row, zone)) {
            columns.entry(table).or_default().push(column);
        }
    }
    let mut keys: BTreeMap<String, Vec<Key>> = BTreeMap::new();
    let rows: Vec<Row> = conn.exec(KEYS, parameters).await?;
    for row in &rows {
        if let (Some(table), Some(index)) = (text(row, 0), text(row, 1)) {
            let keys = keys.entry(table).or_default();
            // None for an expression, of which nothing is known here.
            let column = text(row, 2);
            match keys.last_mut() {
                Some(key) if key.index == index => key.columns.push(column),
                _ => keys.push(Key { index, columns: vec![column] }),
            }
        }
    }
    for spec in &mut specs {
        spec.columns = columns.remove(&spec.name).unwrap_or_default();
        if spec.is_view {
            // What a view gives for NOT NULL columns of an outer join is not always said.
            spec.columns.iter_mut().for_each(|column| column.nullable = true);
        }
        take_keys(spec, keys.remove(&spec.name).unwrap_or_default());
    }
    Ok(specs)
}

/// About how many rows a table has; none for views.
pub(super) async fn row_estimate(conn: &mut Conn, database: &str, table: &str) -> mysql_async::Result<Option<u64>> {
    let rows: Vec<Row> = conn.exec(TABLES, (database, table, table)).await?;
    Ok(rows.iter().find(|row| text(row, 0).as_deref() == Some(table)).and_then(|row| number(row, 2)))
}

/// What the server knows of a table: of its columns that an index begins with, how many values they have.
pub(super) async fn statistics(conn: &mut Conn, database: &str, table: &str) -> mysql_async::Result<TableStatistics> {
    const INDEXES: &str = "SELECT COLUMN_NAME, CARDINALITY FROM information_schema.STATISTICS
         WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND SEQ_IN_INDEX = 1 AND SUB_PART IS NULL";
    let rows = row_estimate(conn, database, table).await?;
    let indexes: Vec<Row> = conn.exec(INDEXES, (database, table)).await?;
    let columns = indexes.iter().filter_map(|row| {
        let distinct = number(row, 1).filter(|count| *count > 0).map(Distinct::Count);
        Some((text(row, 0)?, ColumnStatistics { distinct, nulls: None, tails: None }))
    });
    Ok(TableStatistics { rows, columns: columns.collect() })
}

/// The database that is current on connections; none when there is none.
pub(super) async fn current_database(conn: &mut Conn) -> mysql_async::Result<Option<String>> {
    let row: Option<Row> = conn.query_first("SELECT DATABASE()").await?;
    Ok(row.as_ref().and_then(|row| text(row, 0)))
}

struct Key {
    index: String,
    columns: Vec<Option<String>>,
}

fn spec(row: &Row, database: &str) -> Option<TableSpec> {
    let name = text(row, 0)?;
    let kind = text(row, 1)?;
    if kind == "SEQUENCE" {
        return None;
    }
    let is_view = kind.ends_with("VIEW");
    let options: Options = [("dbname", database), ("table_name", name.as_str())].into_iter().collect();
    Some(TableSpec {
        options,
        is_view,
        // A view's comment is the word VIEW, or what is wrong with it.
        comment: text(row, 3).filter(|comment| !is_view && !comment.is_empty()),
        row_estimate: number(row, 2),
        name,
        ..TableSpec::default()
    })
}

fn column(row: &Row, zone: Option<Tz>) -> Option<ColumnSpec> {
    let remote_type = text(row, 2).unwrap_or_default();
    let remote = MysqlType::parse(&remote_type);
    let pg_type = remote.map_or(PgType::Text, |remote| remote.pg_type(zone.is_some()));
    let not_null = text(row, 3).as_deref() == Some("NO");
    Some(ColumnSpec {
        nullable: !not_null || remote.is_none_or(MysqlType::has_zero_dates),
        collation: text(row, 4).unwrap_or_default(),
        comment: text(row, 5).filter(|comment| !comment.is_empty()),
        remote_type,
        ..ColumnSpec::new(text(row, 1)?, pg_type)
    })
}

fn take_keys(spec: &mut TableSpec, keys: Vec<Key>) {
    for key in keys {
        let Some(columns) = key.columns.into_iter().collect::<Option<Vec<String>>>() else { continue };
        let column = |name: &String| spec.columns.iter().find(|column| column.name == *name);
        let known: Option<Vec<&ColumnSpec>> = columns.iter().map(column).collect();
        let Some(known) = known else { continue };
        // Zero dates are null here: a primary key must not have any.
        let primary = key.index == "PRIMARY" && known.iter().all(|column| !column.nullable);
        if primary {
            spec.primary_key = columns;
        } else {
            spec.unique_keys.push(columns);
        }
    }
}

fn text(row: &Row, index: usize) -> Option<String> {
    match row.as_ref(index) {
        Some(Value::Bytes(bytes)) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

fn number(row: &Row, index: usize) -> Option<u64> {
    match row.as_ref(index) {
        Some(Value::Int(value)) => u64::try_from(*value).ok(),
        Some(Value::UInt(value)) => Some(*value),
        _ => None,
    }
}
