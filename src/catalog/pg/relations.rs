//! Relations and what belongs to them: `pg_class`, `pg_attribute`, `pg_attrdef`, `pg_constraint`, `pg_rewrite`,
//! `pg_depend`, `pg_tables`, `pg_views`.

use super::cluster::acl;
use super::rows::{Cell, Rows};
use super::security;
use super::shapes::{self, PG_CATALOG, Shape, ShapeColumn};
use super::snapshot::{CLASS_CLASS, CLASS_CONSTRAINT, CLASS_REWRITE, Key, OWNER_OID, Object, Snapshot, indexes, keys};
use super::statics::Statics;
use super::view::Sizes;
use crate::catalog::acl::Acl;
use crate::catalog::definitions::{ColumnDef, RelationDef, RelationKind};
use crate::catalog::types::PgType;
use crate::sources::kinds;
use crate::sources::options::OptionPlace;

/// The collation of text without one of its own.
const DEFAULT_COLLATION: i32 = 100;
/// The collation of `name`.
const C_COLLATION: i32 = 950;

/// The access method `heap`.
const HEAP: i32 = 2;
/// Bytes of a page, as the setting `block_size` says.
const PAGE: u64 = 8192;

/// `pg_class`: what is defined, then the system's relations. How many rows there are is told to who may count them.
pub fn pg_class(snapshot: &Snapshot, asking: &str, sizes: Option<&dyn Sizes>, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        let oid = snapshot.relation_oid(&relation.name);
        let counted = snapshot.definitions.may_count(relation, asking);
        let sizes = sizes.filter(|_| counted);
        let tuples = match &relation.kind {
            RelationKind::Foreign(foreign) => {
                foreign.table.row_estimate.filter(|_| counted).map_or(-1.0, |rows| rows as f64)
            }
            // As in Postgres -1 is for what nobody has counted.
            RelationKind::Local(_) => {
                sizes.and_then(|sizes| sizes.known(&relation.name)).map_or(-1.0, |s| s.rows as f64)
            }
            RelationKind::View(_) => -1.0,
        };
        let pages = match &relation.kind {
            RelationKind::Local(_) => sizes.and_then(|sizes| sizes.known(&relation.name)).map(|size| size.bytes),
            _ => None,
        };
        let pages = pages.map_or(0, |bytes| i32::try_from(bytes.div_ceil(PAGE)).unwrap_or(i32::MAX));
        let columns = i16::try_from(relation.columns().len()).unwrap_or(i16::MAX);
        let is_view = matches!(relation.kind, RelationKind::View(_));
        rows.push([
            ("oid", oid.into()),
            ("relname", relation.name.name.as_str().into()),
            ("relnamespace", snapshot.schema_oid(&relation.name.schema).into()),
            ("relowner", snapshot.role_oid(&relation.owner).unwrap_or(OWNER_OID).into()),
            ("reltuples", tuples.into()),
            ("relpages", pages.into()),
            ("relam", if relation.relkind() == "r" { HEAP } else { 0 }.into()),
            ("relhasindex", (!indexes(relation).is_empty()).into()),
            ("relpersistence", "p".into()),
            ("relkind", relation.relkind().into()),
            ("relnatts", columns.into()),
            ("relhasrules", is_view.into()),
            ("relrowsecurity", relation.security.enabled.into()),
            ("relforcerowsecurity", relation.security.forced.into()),
            ("relispopulated", true.into()),
            ("relreplident", if relation.relkind() == "r" { "d" } else { "n" }.into()),
            ("relfrozenxid", "0".into()),
            ("relminmxid", "0".into()),
            ("relacl", acl(relation.acl.as_ref())),
            ("reloptions", security::options(relation).into()),
        ]);
    }
    super::indexes::pg_class(snapshot, rows);
    for shape in shapes::all() {
        rows.push([
            ("oid", shape.oid.into()),
            ("relname", shape.name.into()),
            ("relnamespace", snapshot.schema_oid(shape.schema_name).into()),
            ("relowner", OWNER_OID.into()),
            ("reltuples", (-1.0).into()),
            ("relpersistence", "p".into()),
            ("relkind", shape.relkind.into()),
            ("relnatts", i16::try_from(shape.columns.len()).unwrap_or(i16::MAX).into()),
            ("relhasrules", (shape.relkind == "v").into()),
            ("relispopulated", true.into()),
            ("relreplident", "n".into()),
            ("relfrozenxid", "0".into()),
            ("relminmxid", "0".into()),
        ]);
    }
}

/// One row of `pg_attribute`.
struct Attribute<'a> {
    relation: i32,
    position: i16,
    name: &'a str,
    type_oid: i64,
    pg_type: PgType,
    typmod: i32,
    not_null: bool,
    has_default: bool,
    options: Option<Vec<String>>,
    acl: Option<&'a Acl>,
}

impl Attribute<'_> {
    fn push(self, rows: &mut Rows) {
        let length = self.pg_type.typlen();
        let alignment = match length {
            1 => "c",
            2 => "s",
            8 | 16 if self.pg_type != PgType::Uuid => "d",
            16 | 64 => "c",
            _ => "i",
        };
        let storage = match (&self.pg_type, length) {
            (PgType::Numeric(_), _) => "m",
            (_, -1) => "x",
            _ => "p",
        };
        rows.push([
            ("attrelid", self.relation.into()),
            ("attname", self.name.into()),
            ("atttypid", self.type_oid.into()),
            ("attstattarget", (-1).into()),
            ("attlen", length.into()),
            ("attnum", self.position.into()),
            ("attndims", i16::from(matches!(self.pg_type, PgType::Array(_))).into()),
            ("attcacheoff", (-1).into()),
            ("atttypmod", self.typmod.into()),
            ("attbyval", matches!(length, 1 | 2 | 4 | 8).into()),
            ("attalign", alignment.into()),
            ("attstorage", storage.into()),
            ("attnotnull", self.not_null.into()),
            ("atthasdef", self.has_default.into()),
            ("attislocal", true.into()),
            ("attcollation", collation(&self.pg_type).into()),
            ("attacl", acl(self.acl)),
            ("attfdwoptions", self.options.into()),
        ]);
    }
}

fn collation(pg_type: &PgType) -> i32 {
    match pg_type {
        PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) => DEFAULT_COLLATION,
        PgType::Name => C_COLLATION,
        PgType::Array(element) => collation(element),
        _ => 0,
    }
}

/// `pg_attribute`: the columns of what is defined, then of the system's relations.
pub fn pg_attribute(snapshot: &Snapshot, statics: &Statics, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        let oid = snapshot.relation_oid(&relation.name);
        for (position, column) in (1..).zip(relation.columns()) {
            let pg_type = column.pg_type();
            Attribute {
                relation: oid,
                position,
                name: &column.name,
                type_oid: pg_type.oid().into(),
                not_null: !column.nullable,
                has_default: column.default.is_some(),
                options: column_options(snapshot, relation, &column),
                acl: relation.column_acls.get(&column.name),
                typmod: column.typmod(),
                pg_type,
            }
            .push(rows);
        }
        for key in indexes(relation) {
            let index = snapshot.index_oid(relation, &key);
            let columns = relation.columns();
            let columns = key.columns.iter().filter_map(|name| columns.iter().find(|column| column.name == *name));
            for (position, column) in (1..).zip(columns) {
                let pg_type = column.pg_type();
                Attribute {
                    relation: index,
                    position,
                    name: &column.name,
                    type_oid: pg_type.oid().into(),
                    not_null: false,
                    has_default: false,
                    options: None,
                    acl: None,
                    typmod: column.typmod(),
                    pg_type,
                }
                .push(rows);
            }
        }
    }
    for shape in shapes::all() {
        for (position, column) in (1..).zip(&shape.columns) {
            Attribute {
                relation: shape.oid,
                position,
                name: column.name,
                type_oid: system_type(statics, column),
                pg_type: column.pg_type(),
                typmod: column.pg_type().typmod(),
                not_null: column.not_null,
                has_default: false,
                options: None,
                acl: None,
            }
            .push(rows);
        }
    }
}

fn system_type(statics: &Statics, column: &ShapeColumn) -> i64 {
    statics.type_oid(column.type_name).map_or_else(|| column.pg_type().oid().into(), i64::from)
}

/// A foreign table's column options that are no secrets.
fn column_options(snapshot: &Snapshot, relation: &RelationDef, column: &ColumnDef) -> Option<Vec<String>> {
    let RelationKind::Foreign(foreign) = &relation.kind else { return None };
    let server = snapshot.definitions.servers.get(&foreign.server)?;
    let kind = kinds::find(&server.kind).ok()?;
    let shown = foreign.table.column(&column.name)?.options.shown(kind.options(), OptionPlace::Column);
    (!shown.is_empty()).then_some(shown)
}

/// `pg_attrdef`; the default stands as SQL where Postgres has a tree, and `pg_get_expr` gives it back as it is.
pub fn pg_attrdef(snapshot: &Snapshot, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        for (position, column) in (1_i16..).zip(relation.columns()) {
            let Some(default) = column.default else { continue };
            rows.push([
                ("oid", snapshot.oid(&Object::Default(relation.name.clone(), position)).into()),
                ("adrelid", snapshot.relation_oid(&relation.name).into()),
                ("adnum", position.into()),
                ("adbin", shown_default(default, &column.pg_type).into()),
            ]);
        }
    }
}

/// A column's default as Postgres shows it: a literal in quotes with its type.
pub fn shown_default(default: String, pg_type: &str) -> String {
    let inside = default.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
    let is_literal = inside.is_some_and(|inside| !inside.replace("''", "").contains('\''));
    let kind = match PgType::parse(pg_type) {
        Some(PgType::Varchar(_)) => "character varying".to_string(),
        Some(PgType::Bpchar(_)) => "bpchar".to_string(),
        Some(kind @ (PgType::Text | PgType::Name | PgType::Json | PgType::Jsonb | PgType::Uuid | PgType::Date)) => {
            kind.to_string()
        }
        // Postgres shows the values of others in their own form.
        _ => return default,
    };
    if is_literal { format!("{default}::{kind}") } else { default }
}

/// The positions of a key's columns, from 1.
pub fn key_positions(relation: &RelationDef, key: &Key) -> Vec<i64> {
    let columns = relation.columns();
    key.columns
        .iter()
        .filter_map(|name| columns.iter().position(|c| c.name == *name))
        .filter_map(|at| i64::try_from(at + 1).ok())
        .collect()
}

/// `pg_constraint`: primary and unique keys. A foreign table's are the source's word; nothing here enforces them.
pub fn pg_constraint(snapshot: &Snapshot, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        for key in keys(relation) {
            let positions = key_positions(relation, &key);
            rows.push([
                ("oid", snapshot.oid(&Object::Constraint(relation.name.clone(), key.name.clone())).into()),
                ("conname", key.name.as_str().into()),
                ("connamespace", snapshot.schema_oid(&relation.name.schema).into()),
                ("contype", if key.primary { "p" } else { "u" }.into()),
                ("convalidated", true.into()),
                ("conrelid", snapshot.relation_oid(&relation.name).into()),
                ("conindid", snapshot.index_oid(relation, &key).into()),
                ("confupdtype", " ".into()),
                ("confdeltype", " ".into()),
                ("confmatchtype", " ".into()),
                ("conislocal", true.into()),
                ("connoinherit", true.into()),
                ("conkey", Cell::Ints(positions)),
            ]);
        }
    }
}

/// `pg_rewrite`: the rule behind every view.
pub fn pg_rewrite(snapshot: &Snapshot, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        if matches!(relation.kind, RelationKind::View(_)) {
            rows.push([
                ("oid", snapshot.oid(&Object::Rule(relation.name.clone())).into()),
                ("rulename", "_RETURN".into()),
                ("ev_class", snapshot.relation_oid(&relation.name).into()),
                ("ev_type", "1".into()),
                ("ev_enabled", "O".into()),
                ("is_instead", true.into()),
                ("ev_qual", "<>".into()),
            ]);
        }
    }
}

/// `pg_depend`: a view's rule belongs to the view and needs the relations that the view reads; the index behind a key
/// belongs to the constraint.
pub fn pg_depend(snapshot: &Snapshot, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        for key in indexes(relation) {
            let constraint = Object::Constraint(relation.name.clone(), key.name.clone());
            rows.push([
                ("classid", CLASS_CLASS.into()),
                ("objid", snapshot.index_oid(relation, &key).into()),
                ("refclassid", CLASS_CONSTRAINT.into()),
                ("refobjid", snapshot.oid(&constraint).into()),
                ("deptype", "i".into()),
            ]);
        }
        let RelationKind::View(view) = &relation.kind else { continue };
        let rule = snapshot.oid(&Object::Rule(relation.name.clone()));
        let reads = view.depends_on.iter().map(|name| (snapshot.relation_oid(name), "n"));
        for (referenced, kind) in std::iter::once((snapshot.relation_oid(&relation.name), "i")).chain(reads) {
            rows.push([
                ("classid", CLASS_REWRITE.into()),
                ("objid", rule.into()),
                ("refclassid", CLASS_CLASS.into()),
                ("refobjid", referenced.into()),
                ("deptype", kind.into()),
            ]);
        }
    }
}

/// `pg_tables`: local tables, and the system's.
pub fn pg_tables(snapshot: &Snapshot, rows: &mut Rows) {
    let mut push = |schema: &str, name: &str, owner: &str, indexed: bool, secured: bool| {
        rows.push([
            ("schemaname", schema.into()),
            ("tablename", name.into()),
            ("tableowner", owner.into()),
            ("hasindexes", indexed.into()),
            ("hasrules", false.into()),
            ("hastriggers", false.into()),
            ("rowsecurity", secured.into()),
        ]);
    };
    for relation in snapshot.definitions.relations.values() {
        if matches!(relation.kind, RelationKind::Local(_)) {
            let (indexed, secured) = (!indexes(relation).is_empty(), relation.security.enabled);
            push(&relation.name.schema, &relation.name.name, &relation.owner, indexed, secured);
        }
    }
    let system: Vec<&Shape> = shapes::all().filter(|s| s.relkind == "r" && s.schema_name == PG_CATALOG).collect();
    for shape in system {
        push(shape.schema_name, shape.name, crate::catalog::definitions::OWNER, false, false);
    }
}

/// `pg_views`: the views that are defined.
pub fn pg_views(snapshot: &Snapshot, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        if let RelationKind::View(view) = &relation.kind {
            rows.push([
                ("schemaname", relation.name.schema.as_str().into()),
                ("viewname", relation.name.name.as_str().into()),
                ("viewowner", relation.owner.as_str().into()),
                ("definition", definition(&view.query).into()),
            ]);
        }
    }
}

/// A view's query as it was written, ended by a semicolon.
pub fn definition(query: &str) -> String {
    let query = query.trim_end();
    if query.ends_with(';') { query.to_string() } else { format!("{query};") }
}
