//! The rows of `information_schema`.

use std::sync::Arc;

use super::callable;
use super::cluster::{server_options, table_options};
use super::relations::{definition, key_positions, shown_default};
use super::rows::{Cell, Rows};
use super::shapes::{self, Shape};
use super::snapshot::{Key, Object, Snapshot, keys};
use super::view::SessionView;
use crate::catalog::acl::{self, AclEntry};
use crate::catalog::definitions::{
    ColumnDef, DATABASE, OWNER, RelationDef, RelationKind, RelationName, ServerDef, UserMappingDef,
};
use crate::catalog::rights::Rights;
use crate::catalog::types::PgType;
use crate::sources::kinds::KINDS;

/// Adds the rows of one view of `information_schema`; a view that is not named here has none. As in Postgres a role is
/// shown what it owns or has a privilege on.
pub fn fill(name: &str, snapshot: &Snapshot, session: &Arc<dyn SessionView>, rows: &mut Rows) {
    let role = session.current_user();
    let rights = &snapshot.definitions.rights(&role);
    match name {
        "information_schema_catalog_name" => rows.push([("catalog_name", DATABASE.into())]),
        "character_sets" => rows.push([
            ("character_set_name", "UTF8".into()),
            ("character_repertoire", "UCS".into()),
            ("form_of_use", "UTF8".into()),
            ("default_collate_catalog", DATABASE.into()),
            ("default_collate_schema", shapes::PG_CATALOG.into()),
            ("default_collate_name", "C".into()),
        ]),
        "schemata" => schemata(snapshot, rights, rows),
        "tables" => tables(snapshot, rights, rows),
        "columns" => columns(snapshot, rights, rows),
        "views" => views(snapshot, rights, rows),
        "view_table_usage" => view_table_usage(snapshot, rights, rows),
        "table_constraints" => table_constraints(snapshot, rights, rows),
        "key_column_usage" => key_column_usage(snapshot, rights, rows),
        "constraint_column_usage" => constraint_column_usage(snapshot, rights, rows),
        "foreign_data_wrappers" => wrappers(rows),
        "foreign_servers" => servers(snapshot, rights, rows),
        "foreign_server_options" => foreign_server_options(snapshot, rights, rows),
        "foreign_tables" => foreign_tables(snapshot, rights, rows),
        "foreign_table_options" => foreign_table_options(snapshot, rights, rows),
        "user_mappings" => user_mappings(snapshot, rights, rows),
        "routines" => routines(snapshot, rows),
        "enabled_roles" => enabled_roles(snapshot, rights, rows),
        "table_privileges" => privileges(snapshot, rights, true, rows),
        "role_table_grants" => privileges(snapshot, rights, false, rows),
        "routine_privileges" => routine_privileges(snapshot, rights, true, rows),
        "role_routine_grants" => routine_privileges(snapshot, rights, false, rows),
        _ => {}
    }
}

fn yes_or_no(value: bool) -> Cell {
    if value { "YES" } else { "NO" }.into()
}

fn enabled_roles(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    let all = std::iter::once(OWNER).chain(snapshot.definitions.roles.keys().map(String::as_str));
    for role in all.filter(|role| rights.has(role)) {
        rows.push([("role_name", role.into())]);
    }
}

/// The relations that a role is shown.
fn seen<'a>(snapshot: &'a Snapshot, rights: &'a Rights<'_>) -> impl Iterator<Item = &'a RelationDef> {
    snapshot.definitions.relations.values().filter(|relation| rights.sees(relation))
}

fn schemata(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    let shown = |name: &&str| {
        let schema = snapshot.definitions.schemas.get(*name);
        schema.is_none_or(|schema| rights.has(&schema.owner) || rights.schema(schema, "UC"))
    };
    for name in snapshot.schemas().into_iter().filter(shown) {
        let owner = snapshot.definitions.schemas.get(name).map_or(OWNER, |schema| schema.owner.as_str());
        rows.push([("catalog_name", DATABASE.into()), ("schema_name", name.into()), ("schema_owner", owner.into())]);
    }
}

fn tables(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    let mut push = |schema: &str, name: &str, kind: &str, insertable: bool| {
        rows.push([
            ("table_catalog", DATABASE.into()),
            ("table_schema", schema.into()),
            ("table_name", name.into()),
            ("table_type", kind.into()),
            ("is_insertable_into", yes_or_no(insertable)),
            ("is_typed", "NO".into()),
        ]);
    };
    for relation in seen(snapshot, rights) {
        let kind = match relation.kind {
            RelationKind::View(_) => "VIEW",
            RelationKind::Foreign(_) => "FOREIGN",
            RelationKind::Local(_) => "BASE TABLE",
        };
        push(&relation.name.schema, &relation.name.name, kind, matches!(relation.kind, RelationKind::Local(_)));
    }
    for shape in shapes::all() {
        push(shape.schema_name, shape.name, if shape.relkind == "v" { "VIEW" } else { "BASE TABLE" }, false);
    }
}

/// What `information_schema.columns` says of a type: length, precision, radix, scale, time precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Measures {
    length: Option<i32>,
    octets: Option<i32>,
    precision: Option<i32>,
    radix: Option<i32>,
    scale: Option<i32>,
    time: Option<i32>,
}

fn measures(pg_type: &PgType) -> Measures {
    let whole = |bits| Measures { precision: Some(bits), radix: Some(2), scale: Some(0), ..Measures::default() };
    let float = |bits| Measures { precision: Some(bits), radix: Some(2), ..Measures::default() };
    // A gigabyte, as Postgres says of text without a length.
    let text = Measures { octets: Some(1_073_741_824), ..Measures::default() };
    match pg_type {
        PgType::Int2 => whole(16),
        PgType::Int4 => whole(32),
        PgType::Int8 => whole(64),
        PgType::Float4 => float(24),
        PgType::Float8 => float(53),
        PgType::Numeric(None) => Measures { radix: Some(10), ..Measures::default() },
        PgType::Numeric(Some((precision, scale))) => Measures {
            precision: Some((*precision).into()),
            radix: Some(10),
            scale: Some((*scale).into()),
            ..Measures::default()
        },
        PgType::Varchar(Some(length)) | PgType::Bpchar(Some(length)) => Measures {
            length: i32::try_from(*length).ok(),
            octets: i32::try_from(length.saturating_mul(4)).ok(),
            ..Measures::default()
        },
        PgType::Text | PgType::Varchar(None) | PgType::Bpchar(None) => text,
        PgType::Date => Measures { time: Some(0), ..Measures::default() },
        PgType::Time | PgType::Timestamp | PgType::TimestampTz | PgType::Interval => {
            Measures { time: Some(6), ..Measures::default() }
        }
        _ => Measures::default(),
    }
}

/// `data_type`: the type's name in words, without length or precision; `ARRAY` for any array.
fn data_type(pg_type: &PgType) -> String {
    match pg_type {
        PgType::Array(_) => "ARRAY".to_string(),
        PgType::Numeric(_) => "numeric".to_string(),
        PgType::Varchar(_) => "character varying".to_string(),
        PgType::Bpchar(_) => "character".to_string(),
        other => other.to_string(),
    }
}

/// `udt_name`: the type's name in `pg_type`.
fn udt_name(pg_type: &PgType) -> String {
    match pg_type {
        PgType::Bool => "bool".to_string(),
        PgType::Int2 => "int2".to_string(),
        PgType::Int4 => "int4".to_string(),
        PgType::Int8 => "int8".to_string(),
        PgType::Float4 => "float4".to_string(),
        PgType::Float8 => "float8".to_string(),
        PgType::Numeric(_) => "numeric".to_string(),
        PgType::Varchar(_) => "varchar".to_string(),
        PgType::Bpchar(_) => "bpchar".to_string(),
        PgType::Char => "char".to_string(),
        PgType::Time => "time".to_string(),
        PgType::Timestamp => "timestamp".to_string(),
        PgType::TimestampTz => "timestamptz".to_string(),
        PgType::Array(element) => format!("_{}", udt_name(element)),
        other => other.to_string(),
    }
}

/// One column of any relation.
struct Column<'a> {
    schema: &'a str,
    table: &'a str,
    name: &'a str,
    position: i32,
    pg_type: PgType,
    /// The digits of a second that it keeps, where it was declared with some.
    digits: Option<u8>,
    nullable: bool,
    default: Option<String>,
    updatable: bool,
}

impl Column<'_> {
    fn push(self, rows: &mut Rows) {
        let measures = measures(&self.pg_type);
        rows.push([
            ("table_catalog", DATABASE.into()),
            ("table_schema", self.schema.into()),
            ("table_name", self.table.into()),
            ("column_name", self.name.into()),
            ("ordinal_position", self.position.into()),
            ("column_default", self.default.map(|default| shown_default(default, &self.pg_type.to_string())).into()),
            ("is_nullable", yes_or_no(self.nullable)),
            ("data_type", data_type(&self.pg_type).into()),
            ("character_maximum_length", measures.length.into()),
            ("character_octet_length", measures.octets.into()),
            ("numeric_precision", measures.precision.into()),
            ("numeric_precision_radix", measures.radix.into()),
            ("numeric_scale", measures.scale.into()),
            (
                "datetime_precision",
                self.digits.map(i32::from).filter(|_| measures.time.is_some()).or(measures.time).into(),
            ),
            ("udt_catalog", DATABASE.into()),
            ("udt_schema", shapes::PG_CATALOG.into()),
            ("udt_name", udt_name(&self.pg_type).into()),
            ("dtd_identifier", self.position.to_string().into()),
            ("is_self_referencing", "NO".into()),
            ("is_identity", "NO".into()),
            ("identity_cycle", "NO".into()),
            ("is_generated", "NEVER".into()),
            ("is_updatable", yes_or_no(self.updatable)),
        ]);
    }
}

fn columns(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    for relation in seen(snapshot, rights) {
        for (position, column) in (1..).zip(relation.columns()) {
            if !rights.has(&relation.owner) && !rights.column(relation, &column.name, "arwx") {
                continue;
            }
            let (pg_type, digits) = (column.pg_type(), column.digits());
            let ColumnDef { name, nullable, default, .. } = column;
            Column {
                schema: &relation.name.schema,
                table: &relation.name.name,
                name: &name,
                position,
                pg_type,
                digits,
                nullable,
                default,
                updatable: matches!(relation.kind, RelationKind::Local(_)),
            }
            .push(rows);
        }
    }
    for shape in shapes::all() {
        let Shape { schema_name, name: table, columns, .. } = shape;
        for (position, column) in (1..).zip(columns) {
            Column {
                schema: schema_name,
                table,
                name: column.name,
                position,
                pg_type: column.pg_type(),
                digits: None,
                nullable: !column.not_null,
                default: None,
                updatable: false,
            }
            .push(rows);
        }
    }
}

fn views(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    for relation in seen(snapshot, rights) {
        if let RelationKind::View(view) = &relation.kind {
            // What a view is made of is its owner's to know.
            let query = rights.has(&relation.owner).then(|| definition(&view.query));
            rows.push([
                ("table_catalog", DATABASE.into()),
                ("table_schema", relation.name.schema.as_str().into()),
                ("table_name", relation.name.name.as_str().into()),
                ("view_definition", query.into()),
                ("check_option", "NONE".into()),
                ("is_updatable", "NO".into()),
                ("is_insertable_into", "NO".into()),
                ("is_trigger_updatable", "NO".into()),
                ("is_trigger_deletable", "NO".into()),
                ("is_trigger_insertable_into", "NO".into()),
            ]);
        }
    }
}

fn view_table_usage(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        let RelationKind::View(view) = &relation.kind else { continue };
        let owned = |name: &&RelationName| {
            snapshot.definitions.relation(name).map_or(rights.is_owner(), |read| rights.has(&read.owner))
        };
        for read in view.depends_on.iter().filter(owned) {
            rows.push([
                ("view_catalog", DATABASE.into()),
                ("view_schema", relation.name.schema.as_str().into()),
                ("view_name", relation.name.name.as_str().into()),
                ("table_catalog", DATABASE.into()),
                ("table_schema", read.schema.as_str().into()),
                ("table_name", read.name.as_str().into()),
            ]);
        }
    }
}

fn every_key<'a>(snapshot: &'a Snapshot, rights: &'a Rights<'_>) -> impl Iterator<Item = (&'a RelationDef, Key)> {
    seen(snapshot, rights).flat_map(|relation| keys(relation).into_iter().map(move |k| (relation, k)))
}

fn table_constraints(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    let changes = |relation: &RelationDef| rights.has(&relation.owner) || rights.any_column(relation, "awdDxt");
    for (relation, key) in every_key(snapshot, rights).filter(|(relation, _)| changes(relation)) {
        rows.push([
            ("constraint_catalog", DATABASE.into()),
            ("constraint_schema", relation.name.schema.as_str().into()),
            ("constraint_name", key.name.into()),
            ("table_catalog", DATABASE.into()),
            ("table_schema", relation.name.schema.as_str().into()),
            ("table_name", relation.name.name.as_str().into()),
            ("constraint_type", if key.primary { "PRIMARY KEY" } else { "UNIQUE" }.into()),
            ("is_deferrable", "NO".into()),
            ("initially_deferred", "NO".into()),
            ("enforced", yes_or_no(matches!(relation.kind, RelationKind::Local(_)))),
        ]);
    }
}

fn key_column_usage(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    for (relation, key) in every_key(snapshot, rights) {
        for (position, column) in (1..=key_positions(relation, &key).len()).zip(&key.columns) {
            rows.push([
                ("constraint_catalog", DATABASE.into()),
                ("constraint_schema", relation.name.schema.as_str().into()),
                ("constraint_name", key.name.as_str().into()),
                ("table_catalog", DATABASE.into()),
                ("table_schema", relation.name.schema.as_str().into()),
                ("table_name", relation.name.name.as_str().into()),
                ("column_name", column.as_str().into()),
                ("ordinal_position", i64::try_from(position).unwrap_or(i64::MAX).into()),
            ]);
        }
    }
}

fn constraint_column_usage(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    for (relation, key) in every_key(snapshot, rights).filter(|(relation, _)| rights.has(&relation.owner)) {
        for column in &key.columns {
            rows.push([
                ("table_catalog", DATABASE.into()),
                ("table_schema", relation.name.schema.as_str().into()),
                ("table_name", relation.name.name.as_str().into()),
                ("column_name", column.as_str().into()),
                ("constraint_catalog", DATABASE.into()),
                ("constraint_schema", relation.name.schema.as_str().into()),
                ("constraint_name", key.name.as_str().into()),
            ]);
        }
    }
}

fn wrappers(rows: &mut Rows) {
    for kind in KINDS {
        rows.push([
            ("foreign_data_wrapper_catalog", DATABASE.into()),
            ("foreign_data_wrapper_name", kind.name().into()),
            ("authorization_identifier", OWNER.into()),
            ("foreign_data_wrapper_language", "c".into()),
        ]);
    }
}

fn servers(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    let shown = |server: &&ServerDef| rights.has(&server.owner) || rights.server(server);
    for server in snapshot.definitions.servers.values().filter(shown) {
        rows.push([
            ("foreign_server_catalog", DATABASE.into()),
            ("foreign_server_name", server.name.as_str().into()),
            ("foreign_data_wrapper_catalog", DATABASE.into()),
            ("foreign_data_wrapper_name", server.kind.as_str().into()),
            ("foreign_server_type", server.server_type.clone().into()),
            ("foreign_server_version", server.version.clone().into()),
            ("authorization_identifier", server.owner.as_str().into()),
        ]);
    }
}

fn foreign_server_options(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    for server in snapshot.definitions.servers.values().filter(|_| rights.is_owner()) {
        for option in server_options(server) {
            let (name, value) = option.split_once('=').unwrap_or((option.as_str(), ""));
            rows.push([
                ("foreign_server_catalog", DATABASE.into()),
                ("foreign_server_name", server.name.as_str().into()),
                ("option_name", name.into()),
                ("option_value", value.into()),
            ]);
        }
    }
}

fn foreign_tables(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    for relation in seen(snapshot, rights) {
        if let RelationKind::Foreign(foreign) = &relation.kind {
            rows.push([
                ("foreign_table_catalog", DATABASE.into()),
                ("foreign_table_schema", relation.name.schema.as_str().into()),
                ("foreign_table_name", relation.name.name.as_str().into()),
                ("foreign_server_catalog", DATABASE.into()),
                ("foreign_server_name", foreign.server.as_str().into()),
            ]);
        }
    }
}

fn foreign_table_options(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values().filter(|_| rights.is_owner()) {
        let RelationKind::Foreign(foreign) = &relation.kind else { continue };
        for option in table_options(snapshot, foreign) {
            let (name, value) = option.split_once('=').unwrap_or((option.as_str(), ""));
            rows.push([
                ("foreign_table_catalog", DATABASE.into()),
                ("foreign_table_schema", relation.name.schema.as_str().into()),
                ("foreign_table_name", relation.name.name.as_str().into()),
                ("option_name", name.into()),
                ("option_value", value.into()),
            ]);
        }
    }
}

fn user_mappings(snapshot: &Snapshot, rights: &Rights<'_>, rows: &mut Rows) {
    let shown = |mapping: &&UserMappingDef| {
        snapshot.definitions.servers.get(&mapping.server).is_some_and(|server| rights.server(server))
    };
    for mapping in snapshot.definitions.user_mappings.values().filter(shown) {
        rows.push([
            ("authorization_identifier", mapping.user.as_str().into()),
            ("foreign_server_catalog", DATABASE.into()),
            ("foreign_server_name", mapping.server.as_str().into()),
        ]);
    }
}

fn routines(snapshot: &Snapshot, rows: &mut Rows) {
    for function in snapshot.functions.iter() {
        let oid = snapshot.oid(&Object::Function(function.name.clone()));
        let specific = format!("{}_{oid}", function.name);
        let schema = crate::catalog::definitions::PUBLIC;
        rows.push([
            ("specific_catalog", DATABASE.into()),
            ("specific_schema", schema.into()),
            ("specific_name", specific.into()),
            ("routine_catalog", DATABASE.into()),
            ("routine_schema", schema.into()),
            ("routine_name", function.name.as_str().into()),
            // The standard has no routine type for an aggregate, and Postgres leaves it null.
            ("routine_type", (function.kind == "f").then_some("FUNCTION").into()),
            ("data_type", function.result.as_str().into()),
            ("routine_body", "EXTERNAL".into()),
            ("external_language", "INTERNAL".into()),
            ("parameter_style", "GENERAL".into()),
            ("is_deterministic", yes_or_no(function.volatility == "i")),
            ("sql_data_access", "MODIFIES".into()),
            ("is_user_defined_cast", "NO".into()),
            ("is_implicitly_invocable", "NO".into()),
            ("security_type", "INVOKER".into()),
            ("as_locator", "NO".into()),
        ]);
    }
}

/// What was granted on relations by or to the role; while nothing was, what its owner can do with one. With `public`,
/// what was granted to everyone too.
fn privileges(snapshot: &Snapshot, rights: &Rights<'_>, public: bool, rows: &mut Rows) {
    for relation in snapshot.definitions.relations.values() {
        let mut push = |grantor: &str, grantee: &str, privilege: &str, grantable: bool| {
            rows.push([
                ("grantor", grantor.into()),
                ("grantee", grantee.into()),
                ("table_catalog", DATABASE.into()),
                ("table_schema", relation.name.schema.as_str().into()),
                ("table_name", relation.name.name.as_str().into()),
                ("privilege_type", privilege.into()),
                ("is_grantable", yes_or_no(grantable)),
                ("with_hierarchy", yes_or_no(privilege == "SELECT")),
            ]);
        };
        match &relation.acl {
            Some(acl) => {
                let concerns = |entry: &&AclEntry| match &entry.grantee {
                    Some(grantee) => rights.has(grantee) || rights.has(&entry.grantor),
                    None => public,
                };
                for entry in acl.0.iter().filter(concerns) {
                    let grantee = entry.grantee.as_deref().unwrap_or("PUBLIC");
                    for letter in entry.privileges.chars() {
                        let grantable = grantee == relation.owner || entry.grants(letter);
                        for privilege in acl::names(&letter.to_string()) {
                            push(&entry.grantor, grantee, &privilege, grantable);
                        }
                    }
                }
            }
            None if !rights.has(&relation.owner) => {}
            None => {
                let writable = matches!(relation.kind, RelationKind::Local(_));
                let all: &[&str] = if writable { &["SELECT", "INSERT", "UPDATE", "DELETE"] } else { &["SELECT"] };
                all.iter().for_each(|privilege| push(&relation.owner, &relation.owner, privilege, true));
            }
        }
    }
}

/// What was granted on functions by or to the role; with `public`, what everyone may call too.
fn routine_privileges(snapshot: &Snapshot, rights: &Rights<'_>, public: bool, rows: &mut Rows) {
    for function in callable::all(&snapshot.functions) {
        let usual = function.usual();
        let acl = snapshot.definitions.database.functions.get(&function.key).unwrap_or(&usual);
        let oid = function.oid.unwrap_or_else(|| snapshot.oid(&Object::Function(function.name.clone())).into());
        let concerns = |entry: &&AclEntry| match &entry.grantee {
            Some(grantee) => rights.has(grantee) || rights.has(&entry.grantor),
            None => public,
        };
        for entry in acl.0.iter().filter(concerns) {
            let grantee = entry.grantee.as_deref().unwrap_or("PUBLIC");
            rows.push([
                ("grantor", entry.grantor.as_str().into()),
                ("grantee", grantee.into()),
                ("specific_catalog", DATABASE.into()),
                ("specific_schema", function.schema.into()),
                ("specific_name", format!("{}_{oid}", function.name).into()),
                ("routine_catalog", DATABASE.into()),
                ("routine_schema", function.schema.into()),
                ("routine_name", function.name.as_str().into()),
                ("privilege_type", "EXECUTE".into()),
                ("is_grantable", yes_or_no(grantee == OWNER || entry.grants('X'))),
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_as_postgres_describes_them() {
        let varchar = PgType::Varchar(Some(20));
        assert_eq!((data_type(&varchar).as_str(), udt_name(&varchar).as_str()), ("character varying", "varchar"));
        assert_eq!(measures(&varchar).octets, Some(80));
        assert_eq!(measures(&PgType::Numeric(Some((12, 2)))).scale, Some(2));
        let array = PgType::Array(Box::new(PgType::Int4));
        assert_eq!((data_type(&array).as_str(), udt_name(&array).as_str()), ("ARRAY", "_int4"));
    }
}
