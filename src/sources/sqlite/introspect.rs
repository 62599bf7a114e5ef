//! What a file says of its tables.

use std::collections::BTreeSet;

use chrono_tz::Tz;
use rusqlite::{Connection, ErrorCode};

use super::dialect::{NOCASE, UTF16};
use super::types;
use crate::catalog::types::PgType;
use crate::federation::dialect::RemoteDialect;
use crate::federation::statistics::{ColumnStatistics, Distinct, TableStatistics};
use crate::sources::options::Options;
use crate::sources::table::{ColumnSpec, TableSpec};

// The tables that a virtual table keeps its data in are left out.
const TABLES: &str = "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' \
    AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

const COLUMNS: &str = "SELECT name, type, `notnull`, pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid";

const INDEXES: &str = "SELECT il.name, il.`unique`, il.origin, il.partial, ii.name, ii.coll \
    FROM pragma_index_list(?1, 'main') AS il, pragma_index_xinfo(il.name, 'main') AS ii \
    WHERE ii.key = 1 ORDER BY il.seq, ii.seqno";

/// A table or view of the file; none of what it is like when it is broken, as a view over a table that is missing.
pub(super) struct Found {
    pub name: String,
    pub table: Option<TableSpec>,
}

/// The tables and views that are `wanted`, in order of name.
pub(super) fn tables(
    conn: &Connection,
    zone: Option<Tz>,
    wanted: impl Fn(&str) -> bool,
) -> rusqlite::Result<Vec<Found>> {
    let encoding: String = conn.query_row("PRAGMA encoding", [], |row| row.get(0))?;
    let utf16 = !encoding.eq_ignore_ascii_case("UTF-8");
    let mut statement = conn.prepare(TABLES)?;
    let all = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(String, String)>>>()?;
    let compound = compound_views(conn)?;
    let mut found = vec![];
    for (name, kind) in all.into_iter().filter(|(name, _)| wanted(name)) {
        let kind = match kind.as_str() {
            "view" if compound.contains(&name.to_ascii_lowercase()) => Kind::CompoundView,
            "view" => Kind::View,
            "table" => Kind::Table,
            _ => Kind::Virtual,
        };
        let table = match table(conn, &name, kind, zone, utf16) {
            Ok(table) => Some(table),
            // SQLite's code for a schema that does not hold together.
            Err(error) if matches!(error.sqlite_error_code(), None | Some(ErrorCode::Unknown)) => None,
            Err(error) => return Err(error),
        };
        found.push(Found { name, table });
    }
    Ok(found)
}

/// About how many rows a table has: from ANALYZE, else from the span of its row ids; none for views.
pub(super) fn row_estimate(
    conn: &Connection,
    dialect: &dyn RemoteDialect,
    options: &Options,
    name: &str,
    file_size: u64,
) -> rusqlite::Result<Option<u64>> {
    let own_name = options.get("table").unwrap_or(name);
    // There is one count for every index; those of partial ones are lower.
    let counted: rusqlite::Result<Option<i64>> = conn.query_row(
        "SELECT max(CAST(stat AS INTEGER)) FROM sqlite_stat1 WHERE tbl = ?1 COLLATE NOCASE",
        [own_name],
        |row| row.get(0),
    );
    // There is no such table before the first ANALYZE.
    if let Ok(Some(rows)) = counted {
        return Ok(u64::try_from(rows).ok());
    }
    let table = dialect.table_name(options, name);
    let span = format!("SELECT (SELECT max(_rowid_) FROM {table}), (SELECT min(_rowid_) FROM {table})");
    let span: rusqlite::Result<(Option<i64>, Option<i64>)> =
        conn.query_row(&span, [], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(match span {
        // Row ids may be far apart; a row takes some bytes.
        Ok((Some(max), Some(min))) => Some((max.abs_diff(min)).saturating_add(1).min(file_size / 8 + 1)),
        Ok(_) => Some(0),
        // Views, and tables WITHOUT ROWID.
        Err(_) => None,
    })
}

/// What ANALYZE has found: of the columns that an index begins with, how many values they have.
pub(super) fn statistics(conn: &Connection, table: &str) -> rusqlite::Result<TableStatistics> {
    let mut known = TableStatistics::default();
    let found = conn.prepare(
        "SELECT i.name, s.stat FROM sqlite_stat1 s, pragma_index_info(s.idx) i
          WHERE s.tbl = ?1 COLLATE NOCASE AND i.seqno = 0 AND i.name IS NOT NULL",
    );
    // There is no such table before the first ANALYZE.
    let Ok(mut statement) = found else { return Ok(known) };
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let (column, counts): (String, String) = (row.get(0)?, row.get(1)?);
        // Rows, then how many of them have one value of the first column.
        let mut counts = counts.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(all)), Some(Ok(each))) = (counts.next(), counts.next()) else { continue };
        known.rows = known.rows.max(Some(all));
        let distinct = Some(Distinct::Count(all.checked_div(each).unwrap_or(all).max(1)));
        known.columns.insert(column, ColumnStatistics { distinct, nulls: None, tails: None });
    }
    Ok(known)
}

/// What columns can be told of depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Table,
    Virtual,
    View,
    /// A view over a UNION or the like, or over another such view: one column may come from columns of several types.
    CompoundView,
}

/// The names of views that put the rows of several SELECTs together, in lower case. Words are looked for in their SQL,
/// so a view may be taken for one that is none: less is known of it then.
fn compound_views(conn: &Connection) -> rusqlite::Result<BTreeSet<String>> {
    const WORDS: [&str; 3] = ["union", "except", "intersect"];
    let mut statement = conn.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'view' AND sql IS NOT NULL")?;
    let mut others = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .map(|view| view.map(|(name, sql): (String, String)| (name.to_ascii_lowercase(), sql.to_ascii_lowercase())))
        .collect::<rusqlite::Result<Vec<(String, String)>>>()?;
    let mut compound = BTreeSet::new();
    loop {
        let known = compound.len();
        others.retain(|(name, sql)| {
            let found = sql.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| WORDS.contains(&word))
                || compound.iter().any(|other: &String| sql.contains(other.as_str()));
            if found {
                compound.insert(name.clone());
            }
            !found
        });
        if compound.len() == known {
            return Ok(compound);
        }
    }
}

struct Index {
    name: String,
    unique: bool,
    origin: String,
    partial: bool,
    /// None for an expression.
    columns: Vec<Option<String>>,
    /// Of the first column.
    collation: Option<String>,
}

fn table(conn: &Connection, name: &str, kind: Kind, zone: Option<Tz>, utf16: bool) -> rusqlite::Result<TableSpec> {
    let is_view = matches!(kind, Kind::View | Kind::CompoundView);
    let indexes = indexes(conn, name)?;
    let mut columns = vec![];
    // Position in the primary key, name, whether it is never null.
    let mut key: Vec<(i64, String, bool)> = vec![];
    let mut statement = conn.prepare(COLUMNS)?;
    let mut rows = statement.query([name])?;
    while let Some(row) = rows.next()? {
        let column_name: String = row.get(0)?;
        let declared: String = row.get::<_, Option<String>>(1)?.unwrap_or_default();
        let not_null: bool = row.get(2)?;
        let position: i64 = row.get(3)?;
        let hidden: i64 = row.get(4)?;
        // 1 is a virtual table's hidden column; 2 and 3 are generated ones.
        if hidden == 1 {
            continue;
        }
        let is_integer = declared.eq_ignore_ascii_case("INTEGER");
        if position > 0 {
            key.push((position, column_name.clone(), not_null));
        }
        let zoned = zone.is_some();
        let pg_type = match kind {
            Kind::Table | Kind::Virtual => types::pg_type(&declared, zoned),
            Kind::View => types::view_type(&declared, zoned),
            Kind::CompoundView => types::compound_type(&declared, zoned),
        };
        let collation = collation(&indexes, &column_name, utf16);
        // The row id under another name: never null, and the only primary key that has no index of its own.
        let is_row_id = position == 1 && is_integer && indexes.iter().all(|index| index.origin != "pk");
        columns.push(ColumnSpec {
            nullable: kind != Kind::Table || !(not_null || is_row_id),
            // Of a view's bytea column it is not known whether all its values are blobs, and of a compound view's columns
            // not how each compares.
            remote_type: if kind == Kind::CompoundView || (is_view && pg_type == PgType::Bytea) {
                String::new()
            } else {
                declared
            },
            collation,
            ..ColumnSpec::new(column_name, pg_type)
        });
    }
    let mut spec = TableSpec {
        name: name.to_string(),
        options: [("table", name)].into_iter().collect(),
        columns,
        is_view,
        ..TableSpec::default()
    };
    keys(&mut spec, key, indexes);
    Ok(spec)
}

/// Keys are unique under their collation, and so by bytes. A primary key of SQLite may hold nulls: then it is here
/// one of the unique keys.
fn keys(spec: &mut TableSpec, mut key: Vec<(i64, String, bool)>, indexes: Vec<Index>) {
    key.sort();
    let key: Vec<String> = key.into_iter().map(|(_, name, _)| name).collect();
    let never_null = |name: &String| spec.columns.iter().any(|column| column.name == *name && !column.nullable);
    let mut unique: BTreeSet<Vec<String>> = indexes
        .into_iter()
        .filter(|index| index.unique && !index.partial && index.origin != "pk")
        .filter_map(|index| index.columns.into_iter().collect::<Option<Vec<String>>>())
        .collect();
    if !key.is_empty() {
        if key.iter().all(never_null) {
            unique.remove(&key);
            spec.primary_key = key;
        } else {
            unique.insert(key);
        }
    }
    spec.unique_keys = unique.into_iter().collect();
}

fn indexes(conn: &Connection, table: &str) -> rusqlite::Result<Vec<Index>> {
    let mut statement = conn.prepare(INDEXES)?;
    let mut rows = statement.query([table])?;
    let mut indexes: Vec<Index> = vec![];
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let column: Option<String> = row.get(4)?;
        match indexes.last_mut() {
            Some(index) if index.name == name => index.columns.push(column),
            _ => indexes.push(Index {
                name,
                unique: row.get(1)?,
                origin: row.get(2)?,
                partial: row.get(3)?,
                columns: vec![column],
                collation: row.get(5)?,
            }),
        }
    }
    Ok(indexes)
}

/// What comparing the column must know: see the words' own comments.
fn collation(indexes: &[Index], column: &str, utf16: bool) -> String {
    let leads = |wanted: &str| {
        indexes.iter().any(|index| {
            !index.partial
                && index.columns.first().and_then(Option::as_deref) == Some(column)
                && index.collation.as_deref().is_some_and(|collation| collation.eq_ignore_ascii_case(wanted))
        })
    };
    let mut words = vec![];
    if leads(NOCASE) && !leads("BINARY") {
        words.push(NOCASE);
    }
    if utf16 {
        words.push(UTF16);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_views_columns_and_keys() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE UNIQUE, code TEXT NOT NULL,
                double_id INTEGER GENERATED ALWAYS AS (id * 2) VIRTUAL, UNIQUE (code, email));
             CREATE UNIQUE INDEX some ON person (code) WHERE id > 5;
             CREATE TABLE loose (a TEXT PRIMARY KEY, b);
             CREATE VIEW v AS SELECT id, email, id + 1 AS next FROM person;
             CREATE VIEW both AS SELECT id, b FROM person JOIN loose UNION ALL SELECT code, 1 FROM person;
             CREATE VIEW again AS SELECT id FROM Both;
             CREATE VIEW broken AS SELECT * FROM nowhere;",
        )
        .unwrap();
        let found = tables(&conn, None, |_| true).unwrap();
        let names: Vec<&str> = found.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["again", "both", "broken", "loose", "person", "v"]);
        assert!(found[2].table.is_none());
        let person = found[4].table.as_ref().unwrap();
        let columns: Vec<_> = person.columns.iter().map(|c| (c.name.as_str(), c.nullable)).collect();
        assert_eq!(columns, [("id", false), ("email", true), ("code", false), ("double_id", true)]);
        assert_eq!(person.primary_key, ["id"]);
        assert_eq!(person.unique_keys, [vec!["code".to_string(), "email".to_string()], vec!["email".to_string()]]);
        assert_eq!(person.columns[1].collation, NOCASE);
        let loose = found[3].table.as_ref().unwrap();
        assert!(loose.primary_key.is_empty());
        assert_eq!(loose.unique_keys, [vec!["a".to_string()]]);
        let view = found[5].table.as_ref().unwrap();
        assert!(view.is_view && view.columns.iter().all(|c| c.nullable));
        assert_eq!(view.columns[2].pg_type, PgType::Text);
        for compound in [&found[0], &found[1]] {
            let id = &compound.table.as_ref().unwrap().columns[0];
            assert_eq!(id.remote_type, "", "{}", compound.name);
            assert_ne!(id.pg_type, PgType::Bytea, "{}", compound.name);
        }
    }
}
