//! What a database's catalog says of its tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::errors::Place;
use super::pool::Pool;
use super::query::{fetch, field};
use super::types::{COMPOSITE, ENCODING, NONDETERMINISTIC};
use crate::error::{Error, Result, SqlState};
use crate::federation::statistics::{ColumnStatistics, Distinct, TableStatistics, Tails};

/// `$1` is the schema.
const SCHEMA: &str = "
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1),
       pg_catalog.current_setting('server_encoding')";

/// `$1` is the schema, `$2` the tables' names or null for all. The last column says whether ranges of pages are found
/// without reading the others, which PostgreSQL does from 14 on.
const TABLES: &str = "
SELECT c.oid, c.relname::text, c.relkind::text, c.relispartition, c.reltuples::float8, c.relpages, d.description,
       c.relkind = 'r' AND COALESCE(am.amname = 'heap', false)
         AND pg_catalog.current_setting('server_version_num')::int >= 140000
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
  LEFT JOIN pg_catalog.pg_description d
    ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ($2 IS NULL OR c.relname::text = ANY ($2))
 ORDER BY c.relname";

/// A domain counts as its base type. Only tables promise what NOT NULL says.
const COLUMNS: &str = "
WITH RECURSIVE domains (domain, base, typmod) AS (
  SELECT t.oid, t.typbasetype, t.typtypmod FROM pg_catalog.pg_type t WHERE t.typtype = 'd'
  UNION ALL
  SELECT d.domain, t.typbasetype, CASE WHEN d.typmod = -1 THEN t.typtypmod ELSE d.typmod END
    FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.base AND t.typtype = 'd'
), bases AS (
  SELECT d.domain, d.base, d.typmod
    FROM domains d JOIN pg_catalog.pg_type t ON t.oid = d.base AND t.typtype <> 'd'
)
SELECT c.oid, a.attname::text, a.attnotnull AND c.relkind IN ('r', 'p'),
       pg_catalog.format_type(t.oid, COALESCE(b.typmod, a.atttypmod)), tn.nspname::text, t.typtype = 'c',
       co.oid IS NOT NULL,
       CASE WHEN co.collname IS NULL OR co.collname = 'default' THEN '' ELSE co.collname::text END,
       COALESCE((pg_catalog.to_jsonb(co) ->> 'collisdeterministic')::boolean, true),
       d.description
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN bases b ON b.domain = a.atttypid
  JOIN pg_catalog.pg_type t ON t.oid = COALESCE(b.base, a.atttypid)
  JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
  LEFT JOIN pg_catalog.pg_description d
    ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = a.attnum
 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ($2 IS NULL OR c.relname::text = ANY ($2))
 ORDER BY c.oid, a.attnum";

/// Keys that hold for every row. INCLUDE columns are no part of a key.
const KEYS: &str = "
SELECT i.indrelid, i.indisprimary, ARRAY(
         SELECT a.attname::text
           FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, ordinal)
           JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
          WHERE k.ordinal <= COALESCE((pg_catalog.to_jsonb(i) ->> 'indnkeyatts')::int, i.indnatts)
          ORDER BY k.ordinal)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = $1 AND ($2 IS NULL OR c.relname::text = ANY ($2))
   AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
 ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid";

/// `$1` is the schema, `$2` the table. A table with children has its own values and theirs too: these come last. The
/// ends of the histogram of numbers and times are told where no index finds them; each of its parts holds as many rows.
const STATISTICS: &str = "
SELECT c.relkind::text, c.reltuples::float8, c.relpages, a.attname::text, s.null_frac::float8, s.n_distinct::float8,
       h.bounds[2], h.bounds[pg_catalog.cardinality(h.bounds) - 1],
       (1 - s.null_frac - COALESCE((SELECT pg_catalog.sum(f) FROM pg_catalog.unnest(s.most_common_freqs) AS f), 0))::float8
         / (pg_catalog.cardinality(h.bounds) - 1)
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
  LEFT JOIN LATERAL (SELECT s.histogram_bounds::text::text[] AS bounds) AS h
    ON pg_catalog.cardinality(h.bounds) > 2
   AND a.atttypid IN (20, 21, 23, 1082, 1114, 1184, 1700)
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum)
 WHERE n.nspname = $1 AND c.relname::text = $2
 ORDER BY s.inherited";

/// A table as the catalog describes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct CatalogTable {
    pub(super) name: String,
    pub(super) is_view: bool,
    /// Whether it is a partition of another table.
    pub(super) is_partition: bool,
    pub(super) comment: Option<String>,
    pub(super) row_estimate: Option<u64>,
    /// Its pages, where it can be read by ranges of them.
    pub(super) pages: Option<u64>,
    pub(super) columns: Vec<CatalogColumn>,
    pub(super) primary_key: Vec<String>,
    pub(super) unique_keys: Vec<Vec<String>>,
}

/// A column as the catalog describes it; type and collation are in the words that [`super::types`] reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CatalogColumn {
    pub(super) name: String,
    pub(super) remote_type: String,
    pub(super) collation: String,
    pub(super) nullable: bool,
    pub(super) comment: Option<String>,
}

/// The tables and views of a schema in order of name, all or those named; 3F000 when there is no such schema.
pub(super) async fn tables(pool: &Arc<Pool>, schema: &str, names: Option<&[String]>) -> Result<Vec<CatalogTable>> {
    let place = Place::server(pool.server());
    let schema_only: [(&(dyn ToSql + Sync), Type); 1] = [(&schema, Type::TEXT)];
    let about = fetch(pool, &place, SCHEMA, &schema_only).await?;
    let about = about.first().ok_or_else(|| Error::internal("a catalog query gave no row"))?;
    if !field::<bool>(about, 0)? {
        return Err(Error::new(
            SqlState::INVALID_SCHEMA_NAME,
            format!("server \"{}\": schema \"{schema}\" does not exist", pool.server()),
        ));
    }
    let encoding: String = field(about, 1)?;

    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&schema, Type::TEXT), (&names, Type::TEXT_ARRAY)];
    let mut order = vec![];
    let mut tables: BTreeMap<u32, CatalogTable> = BTreeMap::new();
    for row in &fetch(pool, &place, TABLES, &parameters).await? {
        let oid: u32 = field(row, 0)?;
        order.push(oid);
        tables.insert(oid, table(row)?);
    }
    // A table made or dropped between these queries is left out or has no columns yet; the next import sees it.
    for row in &fetch(pool, &place, COLUMNS, &parameters).await? {
        if let Some(table) = tables.get_mut(&field::<u32>(row, 0)?) {
            table.columns.push(column(row, &encoding)?);
        }
    }
    for row in &fetch(pool, &place, KEYS, &parameters).await? {
        if let Some(table) = tables.get_mut(&field::<u32>(row, 0)?) {
            let key: Vec<String> = field(row, 2)?;
            if field(row, 1)? {
                table.primary_key = key;
            } else if !table.unique_keys.contains(&key) {
                table.unique_keys.push(key);
            }
        }
    }
    Ok(order.iter().filter_map(|oid| tables.remove(oid)).collect())
}

/// About how many rows a table has; none for a view, and for a table that was never analyzed.
pub(super) async fn row_estimate(pool: &Arc<Pool>, schema: &str, name: &str) -> Result<Option<u64>> {
    let place = Place::table(pool.server(), name);
    let names = [name];
    let names: &[&str] = &names;
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&schema, Type::TEXT), (&names, Type::TEXT_ARRAY)];
    let rows = fetch(pool, &place, TABLES, &parameters).await?;
    rows.first().map_or(Ok(None), estimate)
}

/// What ANALYZE has found of a table.
pub(super) async fn statistics(pool: &Arc<Pool>, schema: &str, name: &str) -> Result<TableStatistics> {
    let place = Place::table(pool.server(), name);
    let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&schema, Type::TEXT), (&name, Type::TEXT)];
    let mut statistics = TableStatistics::default();
    for row in &fetch(pool, &place, STATISTICS, &parameters).await? {
        statistics.rows = known_rows(&field::<String>(row, 0)?, field(row, 1)?, field(row, 2)?);
        // Below zero it is a share of the rows, zero is not known.
        let distinct = match field::<Option<f64>>(row, 5)? {
            Some(count) if count > 0.0 => Some(Distinct::Count(count as u64)),
            Some(share) if share < 0.0 => Some(Distinct::Share(-share)),
            _ => None,
        };
        let tails = match (field(row, 6)?, field(row, 7)?, field::<Option<f64>>(row, 8)?) {
            (Some(low), Some(high), Some(share)) => Some(Tails { low, high, share }),
            _ => None,
        };
        statistics.columns.insert(field(row, 3)?, ColumnStatistics { distinct, nulls: field(row, 4)?, tails });
    }
    Ok(statistics)
}

fn table(row: &Row) -> Result<CatalogTable> {
    let kind: String = field(row, 2)?;
    Ok(CatalogTable {
        name: field(row, 1)?,
        is_view: matches!(kind.as_str(), "v" | "m"),
        is_partition: field(row, 3)?,
        comment: field(row, 6)?,
        row_estimate: estimate(row)?,
        pages: pages(row)?,
        ..CatalogTable::default()
    })
}

fn pages(row: &Row) -> Result<Option<u64>> {
    let in_ranges: bool = field(row, 7)?;
    let pages: i32 = field(row, 5)?;
    Ok(u64::try_from(pages).ok().filter(|pages| in_ranges && *pages > 0))
}

fn estimate(row: &Row) -> Result<Option<u64>> {
    let kind: String = field(row, 2)?;
    let rows: f64 = field(row, 4)?;
    Ok(known_rows(&kind, rows, field(row, 5)?))
}

/// Up to version 13 a table that was never analyzed has 0 rows in 0 pages, from 14 on -1.
fn known_rows(kind: &str, rows: f64, pages: i32) -> Option<u64> {
    let known = kind != "v" && rows >= 0.0 && (rows > 0.0 || pages > 0);
    known.then_some(rows as u64)
}

fn column(row: &Row, encoding: &str) -> Result<CatalogColumn> {
    let name: String = field(row, 1)?;
    let not_null: bool = field(row, 2)?;
    let type_name: String = field(row, 3)?;
    let type_schema: String = field(row, 4)?;
    let is_composite: bool = field(row, 5)?;
    let collated: bool = field(row, 6)?;
    let mut collation: String = field(row, 7)?;
    let deterministic: bool = field(row, 8)?;
    if !deterministic {
        collation.push_str(NONDETERMINISTIC);
    }
    if collated && encoding != "UTF8" {
        collation.push_str(&format!("{ENCODING}{encoding})"));
    }
    Ok(CatalogColumn {
        name,
        remote_type: remote_type(&type_name, &type_schema, is_composite),
        collation,
        nullable: !not_null,
        comment: field(row, 9)?,
    })
}

/// A built-in type by its bare name, any other with its schema, so that a type of the user's is never taken for a
/// built-in one of the same name.
fn remote_type(name: &str, schema: &str, is_composite: bool) -> String {
    let prefix = if is_composite { COMPOSITE } else { "" };
    if schema == "pg_catalog" || name.contains('.') {
        format!("{prefix}{name}")
    } else {
        format!("{prefix}{schema}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_user_bear_their_schema() {
        assert_eq!(remote_type("integer", "pg_catalog", false), "integer");
        assert_eq!(remote_type("string", "public", false), "public.string");
        assert_eq!(remote_type("app.mood[]", "app", false), "app.mood[]");
        assert_eq!(remote_type("address", "public", true), "composite public.address");
    }
}
