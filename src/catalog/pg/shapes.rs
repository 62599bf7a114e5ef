//! The relations that PostgreSQL 15 has in `pg_catalog` and `information_schema`: names, OIDs and columns.
//!
//! `shapes/*.txt` was read out of a PostgreSQL 15 server: a line a relation, `name oid relkind column:type ..`, a `!`
//! after a column that is never null. Having every relation, even those that are always empty here, is what lets
//! a client's query plan.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::catalog::types::{PG_TYPE_KEY, PgType};

/// The schema of the system catalog.
pub const PG_CATALOG: &str = "pg_catalog";
/// The schema of the SQL standard's views.
pub const INFORMATION_SCHEMA: &str = "information_schema";

/// One column of a system relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeColumn {
    /// Its name.
    pub name: &'static str,
    /// Its type as `pg_type.typname` has it, with `[]` for an array.
    pub type_name: &'static str,
    /// Whether Postgres declares it NOT NULL.
    pub not_null: bool,
}

impl ShapeColumn {
    /// The type it is sent as: its own where this program carries it, else text.
    pub fn pg_type(&self) -> PgType {
        let scalar = |name: &str| match name {
            "char" => PgType::Char,
            other => PgType::parse(other).unwrap_or(PgType::Text),
        };
        match self.type_name.strip_suffix("[]") {
            Some(element) => PgType::Array(Box::new(scalar(element))),
            None => scalar(self.type_name),
        }
    }
}

/// One system relation.
#[derive(Clone, Debug)]
pub struct Shape {
    /// Its schema.
    pub schema_name: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its OID.
    pub oid: i32,
    /// `r` or `v`, as in `pg_class.relkind`.
    pub relkind: &'static str,
    /// Its columns, in order.
    pub columns: Vec<ShapeColumn>,
    /// The same as an Arrow schema.
    pub schema: SchemaRef,
}

impl Shape {
    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&ShapeColumn> {
        self.columns.iter().find(|c| c.name == name)
    }
}

/// An Arrow field for a catalog column or a catalog function's result. An `oid` is carried by Int32, as in the
/// static tables, so that joins need no casts; list items carry no metadata, so that list types compare equal.
pub fn catalog_field(name: &str, pg_type: &PgType) -> Field {
    let carrier = |t: &PgType| match t {
        PgType::Oid => DataType::Int32,
        other => other.arrow(),
    };
    let data_type = match pg_type {
        PgType::Array(element) => DataType::List(Arc::new(Field::new("item", carrier(element), true))),
        scalar => carrier(scalar),
    };
    let plain = PgType::of_arrow(&data_type) == *pg_type;
    let field = Field::new(name, data_type, true);
    if plain { field } else { field.with_metadata([(PG_TYPE_KEY.to_string(), pg_type.to_string())].into()) }
}

fn parse(schema_name: &'static str, text: &'static str) -> BTreeMap<&'static str, Shape> {
    let mut shapes = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split(' ').filter(|w| !w.is_empty());
        let (Some(name), Some(oid), Some(relkind)) = (words.next(), words.next(), words.next()) else { continue };
        let columns: Vec<ShapeColumn> = words
            .filter_map(|word| {
                let (name, rest) = word.split_once(':')?;
                let (type_name, not_null) = match rest.strip_suffix('!') {
                    Some(type_name) => (type_name, true),
                    None => (rest, false),
                };
                Some(ShapeColumn { name, type_name, not_null })
            })
            .collect();
        let fields: Vec<Field> = columns.iter().map(|c| catalog_field(c.name, &c.pg_type())).collect();
        shapes.insert(
            name,
            Shape {
                schema_name,
                name,
                oid: oid.parse().unwrap_or_default(),
                relkind,
                columns,
                schema: Arc::new(Schema::new(fields)),
            },
        );
    }
    shapes
}

/// The relations of `pg_catalog`, by name.
pub fn pg_catalog() -> &'static BTreeMap<&'static str, Shape> {
    static SHAPES: OnceLock<BTreeMap<&'static str, Shape>> = OnceLock::new();
    SHAPES.get_or_init(|| parse(PG_CATALOG, include_str!("shapes/pg_catalog.txt")))
}

/// The relations of `information_schema`, by name.
pub fn information_schema() -> &'static BTreeMap<&'static str, Shape> {
    static SHAPES: OnceLock<BTreeMap<&'static str, Shape>> = OnceLock::new();
    SHAPES.get_or_init(|| parse(INFORMATION_SCHEMA, include_str!("shapes/information_schema.txt")))
}

/// Every system relation, `pg_catalog` first.
pub fn all() -> impl Iterator<Item = &'static Shape> {
    pg_catalog().values().chain(information_schema().values())
}

/// Tables of `pg_catalog` that have no rows here, whatever is defined: there are no such objects in this program.
/// [`super::query`] uses it to plan queries over them that DataFusion could not.
pub const ALWAYS_EMPTY: &[&str] = &[
    "pg_db_role_setting",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_inherits",
    "pg_largeobject",
    "pg_largeobject_metadata",
    "pg_matviews",
    "pg_parameter_acl",
    "pg_partitioned_table",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_publication_tables",
    "pg_replication_origin",
    "pg_replication_slots",
    "pg_rules",
    "pg_sequence",
    "pg_sequences",
    "pg_shseclabel",
    "pg_statistic_ext",
    "pg_statistic_ext_data",
    "pg_subscription",
    "pg_subscription_rel",
    "pg_transform",
    "pg_trigger",
    "pg_ts_config_map",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(pg_catalog().len(), include_str!("shapes/pg_catalog.txt").lines().count());
        assert!(ALWAYS_EMPTY.iter().all(|name| pg_catalog().contains_key(name)));
        let class = &pg_catalog()["pg_class"];
        assert_eq!((class.oid, class.relkind), (1259, "r"));
        assert_eq!(class.column("relkind").map(ShapeColumn::pg_type), Some(PgType::Char));
        assert_eq!(class.column("relacl").map(ShapeColumn::pg_type), Some(PgType::Array(Box::new(PgType::Text))));
        let oid = class.schema.field(0);
        assert_eq!(PgType::of_field(oid), PgType::Oid);
        assert_eq!(oid.data_type(), &DataType::Int32);
    }
}
