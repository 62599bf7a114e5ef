//! The indexes behind the keys of local tables: `pg_index`, `pg_indexes`, and their rows of `pg_class` and
//! `pg_attribute`. Nothing is stored in an order of its own: they are there because a key is shown as one.

use super::relations::key_positions;
use super::rows::{Cell, Rows};
use super::snapshot::{Key, OWNER_OID, Snapshot, indexes};
use crate::catalog::definitions::{RelationDef, quote_identifier};

/// The access method `btree`.
const BTREE: i32 = 403;

/// Every index with its table.
fn all(snapshot: &Snapshot) -> impl Iterator<Item = (&RelationDef, Key)> {
    let tables = snapshot.definitions.relations.values();
    tables.flat_map(|relation| indexes(relation).into_iter().map(move |key| (relation, key)))
}

/// How many columns a key has.
fn width(key: &Key) -> i16 {
    i16::try_from(key.columns.len()).unwrap_or(i16::MAX)
}

/// The rows of `pg_class`.
pub fn pg_class(snapshot: &Snapshot, rows: &mut Rows) {
    for (relation, key) in all(snapshot) {
        rows.push([
            ("oid", snapshot.index_oid(relation, &key).into()),
            ("relname", key.name.as_str().into()),
            ("relnamespace", snapshot.schema_oid(&relation.name.schema).into()),
            ("relowner", snapshot.role_oid(&relation.owner).unwrap_or(OWNER_OID).into()),
            ("relam", BTREE.into()),
            ("reltuples", (-1.0).into()),
            ("relpersistence", "p".into()),
            ("relkind", "i".into()),
            ("relnatts", width(&key).into()),
            ("relispopulated", true.into()),
            ("relreplident", "n".into()),
            ("relfrozenxid", "0".into()),
            ("relminmxid", "0".into()),
        ]);
    }
}

/// `pg_index`
pub fn pg_index(snapshot: &Snapshot, rows: &mut Rows) {
    for (relation, key) in all(snapshot) {
        let nothing = || Cell::Ints(vec![0; key.columns.len()]);
        rows.push([
            ("indexrelid", snapshot.index_oid(relation, &key).into()),
            ("indrelid", snapshot.relation_oid(&relation.name).into()),
            ("indnatts", width(&key).into()),
            ("indnkeyatts", width(&key).into()),
            ("indisunique", true.into()),
            ("indisprimary", key.primary.into()),
            ("indimmediate", true.into()),
            ("indisvalid", true.into()),
            ("indisready", true.into()),
            ("indislive", true.into()),
            ("indkey", Cell::Ints(key_positions(relation, &key))),
            ("indcollation", nothing()),
            ("indclass", nothing()),
            ("indoption", nothing()),
        ]);
    }
}

/// `pg_indexes`
pub fn pg_indexes(snapshot: &Snapshot, rows: &mut Rows) {
    for (relation, key) in all(snapshot) {
        rows.push([
            ("schemaname", relation.name.schema.as_str().into()),
            ("tablename", relation.name.name.as_str().into()),
            ("indexname", key.name.as_str().into()),
            ("indexdef", definition(relation, &key, true).into()),
        ]);
    }
}

/// The statement that would make an index, as `pg_get_indexdef` gives it; the table with its schema if `qualified`.
pub fn definition(relation: &RelationDef, key: &Key, qualified: bool) -> String {
    let columns: Vec<String> = key.columns.iter().map(|column| quote_identifier(column)).collect();
    let schema = if qualified { format!("{}.", quote_identifier(&relation.name.schema)) } else { String::new() };
    format!(
        "CREATE UNIQUE INDEX {} ON {schema}{} USING btree ({})",
        quote_identifier(&key.name),
        quote_identifier(&relation.name.name),
        columns.join(", ")
    )
}
