//! What a database has one list of: schemas, roles, settings, servers, comments.

use std::sync::Arc;
use std::time::Duration;

use super::backends;
use super::column_lineage;
use super::indexes;
use super::models;
use super::opened;
use super::relations;
use super::rows::{Cell, Rows};
use super::security;
use super::settings;
use super::snapshot::{
    CLASS_CLASS, CLASS_NAMESPACE, CLASS_PROC, CLASS_SERVER, CLASS_WRAPPER, DATABASE_OID, OWNER_OID, Object, Snapshot,
};
use super::statics::Statics;
use super::view::SessionView;
use crate::catalog::acl::{Acl, ObjectKind};
use crate::catalog::definitions::{DATABASE, OWNER, PUBLIC, RelationKind};
use crate::catalog::rule::RuleDef;
use crate::sources::kinds::{self, KINDS};
use crate::sources::options::OptionPlace;

/// The default tablespace.
const TABLESPACE_OID: i32 = 1663;
/// UTF8, as `pg_char_to_encoding` numbers it.
pub const UTF8: i32 = 6;

/// Adds the rows of one table of `pg_catalog` that depend on what is defined. Tables that are not named here have
/// only their unchanging rows.
pub fn fill(name: &str, snapshot: &Snapshot, statics: &Statics, session: &Arc<dyn SessionView>, rows: &mut Rows) {
    match name {
        "pg_class" => relations::pg_class(snapshot, &session.current_user(), None, rows),
        "pg_attribute" => relations::pg_attribute(snapshot, statics, rows),
        "pg_index" => indexes::pg_index(snapshot, rows),
        "pg_indexes" => indexes::pg_indexes(snapshot, rows),
        "pg_attrdef" => relations::pg_attrdef(snapshot, rows),
        "pg_constraint" => relations::pg_constraint(snapshot, rows),
        "pg_rewrite" => relations::pg_rewrite(snapshot, rows),
        "pg_depend" => relations::pg_depend(snapshot, rows),
        "pg_tables" => relations::pg_tables(snapshot, rows),
        "pg_views" => relations::pg_views(snapshot, rows),
        "pg_namespace" => namespaces(snapshot, rows),
        "pg_database" => databases(snapshot, rows),
        "pg_roles" | "pg_authid" => roles(name, snapshot, rows),
        "pg_user" | "pg_shadow" => users(name, snapshot, rows),
        "pg_group" => groups(snapshot, rows),
        "pg_auth_members" => members(snapshot, rows),
        "pg_default_acl" => default_acls(snapshot, rows),
        "pg_settings" => settings::pg_settings(session, rows),
        "pg_stat_activity" => backends::pg_stat_activity(snapshot, session, rows),
        "pg_stat_ssl" => backends::pg_stat_ssl(snapshot, session, rows),
        "pg_prepared_statements" => opened::pg_prepared_statements(session, rows),
        "pg_cursors" => opened::pg_cursors(session, rows),
        "pg_foreign_data_wrapper" => wrappers(snapshot, rows),
        "pg_foreign_server" => servers(snapshot, session, rows),
        "pg_foreign_table" => foreign_tables(snapshot, session, rows),
        "pg_user_mapping" => user_mapping(snapshot, rows),
        "pg_user_mappings" => user_mappings(snapshot, rows),
        "pg_description" => descriptions(snapshot, rows),
        "pg_policy" => security::pg_policy(snapshot, rows),
        "pg_policies" => security::pg_policies(snapshot, rows),
        "pg_seclabel" => security::pg_seclabel(snapshot, rows),
        "pg_seclabels" => security::pg_seclabels(snapshot, rows),
        "pg_proc" => procs(snapshot, rows),
        "onerow_models" => models::fill(&snapshot.definitions, &session.current_user(), rows),
        "onerow_rules" => quality_rules(snapshot, session, rows),
        "onerow_column_lineage" => column_lineage::fill(&snapshot.definitions, &session.current_user(), rows),
        "onerow_stat_source" => source_activity(snapshot, session, rows),
        _ => {}
    }
}

/// What sources were asked, which only the owner is told: statements of all roles are among it. The kind of a server that is gone is NULL; times are in milliseconds.
fn source_activity(snapshot: &Snapshot, session: &Arc<dyn SessionView>, rows: &mut Rows) {
    let Some(activity) = session.source_activity().filter(|_| session.current_user() == OWNER) else { return };
    let count = |value: u64| Cell::from(i64::try_from(value).unwrap_or(i64::MAX));
    let millis = |time: Duration| Cell::from(time.as_secs_f64() * 1000.0);
    for (server, statement, totals) in activity.all() {
        let kind = snapshot.definitions.servers.get(&server).map(|server| server.kind.clone());
        let mean = totals.time.checked_div(u32::try_from(totals.calls).unwrap_or(u32::MAX)).unwrap_or_default();
        rows.push([
            ("server", server.into()),
            ("kind", kind.into()),
            ("statement", statement.into()),
            ("calls", count(totals.calls)),
            ("rows", count(totals.rows)),
            ("bytes", count(totals.bytes)),
            ("round_trips", count(totals.round_trips)),
            ("total_exec_time", millis(totals.time)),
            ("mean_exec_time", millis(mean)),
            ("max_exec_time", millis(totals.longest)),
            ("errors", count(totals.errors)),
            ("last_error", totals.last_error.into()),
            ("last_at", totals.last_at.into()),
            ("retries", count(totals.retries)),
            ("skipped", count(totals.skipped)),
        ]);
    }
}

/// The rules of validation on what the role may see. The trust that a broken one leaves is what counts, said or not.
fn quality_rules(snapshot: &Snapshot, session: &Arc<dyn SessionView>, rows: &mut Rows) {
    let role = session.current_user();
    let rights = snapshot.definitions.rights(&role);
    let seen = |rule: &&RuleDef| snapshot.definitions.relation(&rule.relation).is_none_or(|r| rights.sees(r));
    for rule in snapshot.definitions.rules.values().filter(seen) {
        rows.push([
            ("schemaname", rule.relation.schema.as_str().into()),
            ("relname", rule.relation.name.as_str().into()),
            ("rulename", rule.name.as_str().into()),
            ("severity", rule.severity.word().into()),
            ("trust", rule.factor().into()),
            ("message", rule.message.clone().into()),
            ("expression", rule.expression.as_str().into()),
        ]);
    }
}

/// An object's privileges; NULL while nothing was granted.
pub fn acl(acl: Option<&Acl>) -> Cell {
    acl.map(Acl::items).into()
}

fn namespaces(snapshot: &Snapshot, rows: &mut Rows) {
    for name in snapshot.schemas() {
        // As in Postgres, where what everyone may is written with the schemas that are always there.
        let usual = (name == PUBLIC).then(|| Acl::default_of(ObjectKind::Schema, OWNER, name));
        let owner = snapshot.definitions.schemas.get(name).and_then(|schema| snapshot.role_oid(&schema.owner));
        rows.push([
            ("oid", snapshot.schema_oid(name).into()),
            ("nspname", name.into()),
            ("nspowner", owner.unwrap_or(OWNER_OID).into()),
            (
                "nspacl",
                acl(snapshot.definitions.schemas.get(name).and_then(|schema| schema.acl.as_ref()).or(usual.as_ref())),
            ),
        ]);
    }
}

fn databases(snapshot: &Snapshot, rows: &mut Rows) {
    rows.push([
        ("oid", DATABASE_OID.into()),
        ("datname", DATABASE.into()),
        ("datdba", OWNER_OID.into()),
        ("encoding", UTF8.into()),
        ("datlocprovider", "c".into()),
        ("datistemplate", false.into()),
        ("datallowconn", true.into()),
        ("datconnlimit", (-1).into()),
        ("datfrozenxid", "0".into()),
        ("datminmxid", "0".into()),
        ("dattablespace", TABLESPACE_OID.into()),
        ("datcollate", "C".into()),
        ("datctype", "C".into()),
        ("datacl", acl(snapshot.definitions.database.acl.as_ref())),
    ]);
}

/// One row of `pg_roles` or `pg_authid`.
struct Role<'a> {
    oid: i32,
    name: &'a str,
    owner: bool,
    inherit: bool,
    login: bool,
    limit: i32,
    statements: i32,
    valid_until: Option<i64>,
    bypass_rls: bool,
}

fn every_role(snapshot: &Snapshot) -> impl Iterator<Item = Role<'_>> {
    let owner = Role {
        oid: OWNER_OID,
        name: OWNER,
        owner: true,
        inherit: true,
        login: true,
        limit: -1,
        statements: -1,
        valid_until: None,
        bypass_rls: true,
    };
    std::iter::once(owner).chain(snapshot.definitions.roles.values().map(|role| Role {
        oid: snapshot.role_oid(&role.name).unwrap_or_default(),
        name: &role.name,
        owner: false,
        inherit: role.inherit,
        login: role.login,
        limit: role.connection_limit,
        statements: role.statement_limit,
        valid_until: role.valid_until,
        bypass_rls: role.bypass_rls,
    }))
}

/// Passwords are shown to nobody, the owner included.
fn roles(table: &str, snapshot: &Snapshot, rows: &mut Rows) {
    for role in every_role(snapshot) {
        let mut cells = vec![
            ("oid", Cell::from(role.oid)),
            ("rolname", role.name.into()),
            ("rolsuper", role.owner.into()),
            ("rolinherit", role.inherit.into()),
            ("rolcreaterole", role.owner.into()),
            ("rolcreatedb", role.owner.into()),
            ("rolcanlogin", role.login.into()),
            ("rolreplication", false.into()),
            ("rolbypassrls", role.bypass_rls.into()),
            ("rolconnlimit", role.limit.into()),
            ("rolvaliduntil", role.valid_until.into()),
        ];
        if table == "pg_roles" {
            cells.push(("rolpassword", "********".into()));
            if role.statements >= 0 {
                cells.push(("rolconfig", Cell::Texts(vec![format!("statement_limit={}", role.statements)])));
            }
        }
        rows.push_all(cells);
    }
}

fn users(table: &str, snapshot: &Snapshot, rows: &mut Rows) {
    for role in every_role(snapshot).filter(|role| role.login) {
        let password: Cell = if table == "pg_user" { "********".into() } else { Cell::Null };
        rows.push([
            ("usename", role.name.into()),
            ("usesysid", role.oid.into()),
            ("usecreatedb", role.owner.into()),
            ("usesuper", role.owner.into()),
            ("userepl", false.into()),
            ("usebypassrls", role.bypass_rls.into()),
            ("passwd", password),
            ("valuntil", role.valid_until.into()),
        ]);
    }
}

fn groups(snapshot: &Snapshot, rows: &mut Rows) {
    for role in snapshot.definitions.roles.values().filter(|role| !role.login) {
        let members = role.members.keys().filter_map(|name| snapshot.role_oid(name)).map(i64::from).collect();
        rows.push([
            ("groname", role.name.as_str().into()),
            ("grosysid", snapshot.role_oid(&role.name).unwrap_or_default().into()),
            ("grolist", Cell::Ints(members)),
        ]);
    }
}

fn members(snapshot: &Snapshot, rows: &mut Rows) {
    for role in snapshot.definitions.roles.values() {
        for (name, member) in &role.members {
            rows.push([
                ("roleid", snapshot.role_oid(&role.name).unwrap_or_default().into()),
                ("member", snapshot.role_oid(name).unwrap_or_default().into()),
                ("grantor", snapshot.role_oid(&member.grantor).unwrap_or(OWNER_OID).into()),
                ("admin_option", member.admin.into()),
            ]);
        }
    }
}

/// They have no OIDs that anything refers to.
fn default_acls(snapshot: &Snapshot, rows: &mut Rows) {
    for default in &snapshot.definitions.database.defaults {
        let schema = default.schema.as_ref().map(|schema| snapshot.schema_oid(schema));
        rows.push([
            ("defaclrole", snapshot.role_oid(&default.role).unwrap_or_default().into()),
            ("defaclnamespace", schema.unwrap_or_default().into()),
            (
                "defaclobjtype",
                match default.kind() {
                    ObjectKind::Schema => "n",
                    ObjectKind::Function => "f",
                    _ => "r",
                }
                .into(),
            ),
            ("defaclacl", acl(Some(&default.acl))),
        ]);
    }
}

fn wrappers(snapshot: &Snapshot, rows: &mut Rows) {
    for kind in KINDS {
        rows.push([
            ("oid", snapshot.oid(&Object::Wrapper(kind.name().to_string())).into()),
            ("fdwname", kind.name().into()),
            ("fdwowner", OWNER_OID.into()),
        ]);
    }
}

fn some(options: Vec<String>) -> Cell {
    if options.is_empty() { Cell::Null } else { Cell::Texts(options) }
}

/// A server's options that are no secrets. An option of a kind that is not known is not shown.
pub fn server_options(server: &crate::catalog::definitions::ServerDef) -> Vec<String> {
    kinds::find(&server.kind).map(|kind| server.options.shown(kind.options(), OptionPlace::Server)).unwrap_or_default()
}

/// A foreign table's options that are no secrets.
pub fn table_options(snapshot: &Snapshot, foreign: &crate::catalog::definitions::ForeignTableDef) -> Vec<String> {
    let server = snapshot.definitions.servers.get(&foreign.server);
    server
        .and_then(|server| kinds::find(&server.kind).ok())
        .map(|kind| foreign.table.options.shown(kind.options(), OptionPlace::Table))
        .unwrap_or_default()
}

/// The options of servers and foreign tables are shown to the owner alone.
fn servers(snapshot: &Snapshot, session: &Arc<dyn SessionView>, rows: &mut Rows) {
    let shown = session.current_user() == OWNER;
    for server in snapshot.definitions.servers.values() {
        rows.push([
            ("oid", snapshot.oid(&Object::Server(server.name.clone())).into()),
            ("srvname", server.name.as_str().into()),
            ("srvowner", snapshot.role_oid(&server.owner).unwrap_or(OWNER_OID).into()),
            ("srvfdw", snapshot.oid(&Object::Wrapper(server.kind.clone())).into()),
            ("srvtype", server.server_type.clone().into()),
            ("srvversion", server.version.clone().into()),
            ("srvacl", acl(server.acl.as_ref())),
            ("srvoptions", if shown { some(server_options(server)) } else { Cell::Null }),
        ]);
    }
}

fn foreign_tables(snapshot: &Snapshot, session: &Arc<dyn SessionView>, rows: &mut Rows) {
    let shown = session.current_user() == OWNER;
    for relation in snapshot.definitions.relations.values() {
        if let RelationKind::Foreign(foreign) = &relation.kind {
            rows.push([
                ("ftrelid", snapshot.relation_oid(&relation.name).into()),
                ("ftserver", snapshot.oid(&Object::Server(foreign.server.clone())).into()),
                ("ftoptions", if shown { some(table_options(snapshot, foreign)) } else { Cell::Null }),
            ]);
        }
    }
}

fn mapped_role(snapshot: &Snapshot, user: &str) -> i32 {
    if user == PUBLIC { 0 } else { snapshot.role_oid(user).unwrap_or_default() }
}

/// Options of user mappings are never shown: they are secrets.
fn user_mapping(snapshot: &Snapshot, rows: &mut Rows) {
    for mapping in snapshot.definitions.user_mappings.values() {
        rows.push([
            ("oid", snapshot.oid(&Object::Mapping(mapping.server.clone(), mapping.user.clone())).into()),
            ("umuser", mapped_role(snapshot, &mapping.user).into()),
            ("umserver", snapshot.oid(&Object::Server(mapping.server.clone())).into()),
        ]);
    }
}

fn user_mappings(snapshot: &Snapshot, rows: &mut Rows) {
    for mapping in snapshot.definitions.user_mappings.values() {
        rows.push([
            ("umid", snapshot.oid(&Object::Mapping(mapping.server.clone(), mapping.user.clone())).into()),
            ("srvid", snapshot.oid(&Object::Server(mapping.server.clone())).into()),
            ("srvname", mapping.server.as_str().into()),
            ("umuser", mapped_role(snapshot, &mapping.user).into()),
            ("usename", mapping.user.as_str().into()),
        ]);
    }
}

/// A comment: the object's OID, its class, its column or 0, the text.
pub fn comments(snapshot: &Snapshot) -> Vec<(i32, i32, i16, String)> {
    let mut comments = vec![];
    for schema in snapshot.definitions.schemas.values() {
        // `public` has Postgres's own comment among the unchanging rows.
        if let Some(comment) = &schema.comment {
            comments.push((snapshot.schema_oid(&schema.name), CLASS_NAMESPACE, 0, comment.clone()));
        }
    }
    for server in snapshot.definitions.servers.values() {
        if let Some(comment) = &server.comment {
            let oid = snapshot.oid(&Object::Server(server.name.clone()));
            comments.push((oid, CLASS_SERVER, 0, comment.clone()));
        }
    }
    for kind in KINDS {
        let oid = snapshot.oid(&Object::Wrapper(kind.name().to_string()));
        comments.push((oid, CLASS_WRAPPER, 0, kind.description().to_string()));
    }
    for relation in snapshot.definitions.relations.values() {
        let oid = snapshot.relation_oid(&relation.name);
        let source = match &relation.kind {
            RelationKind::Foreign(foreign) => Some(&foreign.table),
            _ => None,
        };
        if let Some(comment) = relation.comment.as_ref().or(source.and_then(|table| table.comment.as_ref())) {
            comments.push((oid, CLASS_CLASS, 0, comment.clone()));
        }
        for (position, column) in (1..).zip(relation.columns()) {
            let at_source = || source.and_then(|table| table.column(&column.name)?.comment.clone());
            let rule = || column_lineage::rule(&snapshot.definitions, relation, &column.name).map(str::to_string);
            let comment = relation.column_comments.get(&column.name).cloned();
            if let Some(comment) = comment.or_else(at_source).or_else(rule) {
                comments.push((oid, CLASS_CLASS, position, comment));
            }
        }
    }
    for function in snapshot.functions.iter() {
        if let Some(description) = &function.description {
            let oid = snapshot.oid(&Object::Function(function.name.clone()));
            comments.push((oid, CLASS_PROC, 0, description.clone()));
        }
    }
    comments
}

fn descriptions(snapshot: &Snapshot, rows: &mut Rows) {
    for (object, class, column, comment) in comments(snapshot) {
        rows.push([
            ("objoid", object.into()),
            ("classoid", class.into()),
            ("objsubid", column.into()),
            ("description", comment.into()),
        ]);
    }
}

/// The functions that this program adds, in `public` so that `\df` lists them.
fn procs(snapshot: &Snapshot, rows: &mut Rows) {
    /// `any`, since most of them take and give more than one type.
    const ANY: i32 = 2276;
    /// The language of what is built in.
    const INTERNAL: i32 = 12;
    for function in snapshot.functions.iter() {
        let arguments = vec![ANY.to_string(); usize::try_from(function.argument_count).unwrap_or_default()];
        rows.push([
            ("oid", snapshot.oid(&Object::Function(function.name.clone())).into()),
            ("proname", function.name.as_str().into()),
            ("pronamespace", snapshot.schema_oid(PUBLIC).into()),
            ("proowner", OWNER_OID.into()),
            ("prolang", INTERNAL.into()),
            ("procost", 1.0.into()),
            ("prorows", if function.returns_set { 1000.0 } else { 0.0 }.into()),
            ("prosupport", "-".into()),
            ("prokind", function.kind.into()),
            ("proretset", function.returns_set.into()),
            ("provolatile", function.volatility.into()),
            ("proparallel", "s".into()),
            ("pronargs", function.argument_count.into()),
            ("prorettype", ANY.into()),
            ("proargtypes", arguments.join(" ").into()),
            ("prosrc", function.name.as_str().into()),
            ("proacl", acl(snapshot.definitions.database.functions.get(&function.name))),
        ]);
    }
}
