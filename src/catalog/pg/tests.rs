//! Every system relation is filled from a small catalog and read back.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int32Type;

use super::rows::Rows;
use super::snapshot::Snapshot;
use super::statics::{Statics, text};
use super::view::{DefaultSession, FunctionInfo, SessionView};
use super::{cluster, information, shapes};
use crate::catalog::definitions::{
    ColumnDef, Definitions, ForeignTableDef, LocalTableDef, OWNER, Origin, RelationDef, RelationKind, RelationName,
    SchemaDef, ServerDef, UserMappingDef, ViewDef,
};
use crate::catalog::types::PgType;
use crate::ddl::statement::{RoleGrant, RoleOptions};
use crate::sources::kinds::KINDS;
use crate::sources::options::{OptionPlace, Options};
use crate::sources::table::{ColumnSpec, TableSpec};

fn relation(schema: &str, name: &str, kind: RelationKind) -> RelationDef {
    RelationDef {
        name: RelationName::new(schema, name),
        owner: OWNER.into(),
        origin: Origin::State,
        acl: None,
        comment: Some(format!("about {name}")),
        column_acls: Default::default(),
        column_comments: [("id".to_string(), "its number".to_string())].into(),
        security: Default::default(),
        kind,
    }
}

fn sample() -> Snapshot {
    let kind = KINDS.iter().find(|kind| kind.name() == "postgres").unwrap();
    let secret = kind.options().iter().find(|spec| spec.secret && spec.place == OptionPlace::UserMapping).unwrap();
    let mut definitions = Definitions::default();
    for name in ["public", "erp"] {
        let schema =
            SchemaDef { name: name.into(), owner: OWNER.into(), origin: Origin::State, acl: None, comment: None };
        definitions.schemas.insert(name.into(), schema);
    }
    let server = ServerDef {
        name: "erp".into(),
        kind: kind.name().into(),
        server_type: None,
        version: None,
        options: Options::from_iter([("host", "10.0.0.5")]),
        folder: "/".into(),
        owner: OWNER.into(),
        origin: Origin::State,
        acl: None,
        comment: Some("the ERP".into()),
    };
    definitions.servers.insert("erp".into(), server);
    let options = RoleOptions { login: Some(true), ..RoleOptions::default() };
    definitions.create_role("Ayşe", &options, Some("hidden".into()), Some(0), &Origin::State).unwrap();
    definitions.create_role("team", &RoleOptions::default(), None, None, &Origin::State).unwrap();
    let grant = RoleGrant {
        revoke: false,
        roles: vec!["team".into()],
        members: vec!["Ayşe".into()],
        admin: false,
        granted_by: None,
        cascade: false,
    };
    definitions.grant_roles(&grant, &Origin::State, OWNER).unwrap();
    let mapping = UserMappingDef {
        server: "erp".into(),
        user: "public".into(),
        options: Options::from_iter([(secret.name, "hidden")]),
        origin: Origin::State,
    };
    definitions.user_mappings.insert(("erp".into(), "public".into()), mapping);
    let table = TableSpec {
        name: "customer".into(),
        columns: vec![
            ColumnSpec { nullable: false, ..ColumnSpec::new("id", PgType::Int4) },
            ColumnSpec::new("city", PgType::Varchar(Some(20))),
        ],
        primary_key: vec!["id".into()],
        row_estimate: Some(42),
        ..TableSpec::default()
    };
    let foreign =
        ForeignTableDef { server: "erp".into(), table: Arc::new(table), imported: true, request: None, broken: None };
    let column = |name: &str, default: Option<&str>| ColumnDef {
        name: name.into(),
        pg_type: "text".into(),
        nullable: true,
        default: default.map(str::to_string),
    };
    let view = ViewDef {
        query: "SELECT city FROM erp.customer".into(),
        column_names: vec![],
        security_invoker: false,
        security_barrier: false,
        columns: vec![column("city", None)],
        depends_on: vec![RelationName::new("erp", "customer")],
        models: vec![],
        lineage: vec![],
        broken: None,
    };
    let local = LocalTableDef {
        columns: vec![column("id", None), column("note", Some("'x'"))],
        primary_key: vec!["id".into()],
        unique_keys: vec![vec!["note".into()]],
    };
    for made in [
        relation("erp", "customer", RelationKind::Foreign(foreign)),
        relation("public", "customer", RelationKind::View(view)),
        relation("public", "override", RelationKind::Local(local)),
    ] {
        definitions.relations.insert(made.name.clone(), made);
    }
    let function = FunctionInfo::table("lineage", "view text", "value text", "Where values came from.");
    Snapshot::new(Arc::new(definitions), Arc::new(vec![function]))
}

fn read(snapshot: &Snapshot, schema: &str, name: &str) -> RecordBatch {
    let session: Arc<dyn SessionView> = Arc::new(DefaultSession);
    let shape = shapes::all().find(|shape| shape.schema_name == schema && shape.name == name).unwrap();
    let mut rows = Rows::new(shape);
    if schema == shapes::PG_CATALOG {
        cluster::fill(name, snapshot, Statics::get().unwrap(), &session, &mut rows);
    } else {
        information::fill(name, snapshot, &session, &mut rows);
    }
    rows.finish().unwrap()
}

#[test]
fn every_relation_is_filled() {
    let snapshot = sample();
    for shape in shapes::all() {
        let batch = read(&snapshot, shape.schema_name, shape.name);
        let text = format!("{batch:?}");
        assert!(!text.contains("hidden"), "{} shows a secret", shape.name);
        if shapes::ALWAYS_EMPTY.contains(&shape.name) {
            assert_eq!(batch.num_rows(), 0, "{}", shape.name);
            assert!(Statics::get().unwrap().table(shape.name).is_none_or(|rows| rows.num_rows() == 0));
        }
    }
}

#[test]
fn what_is_defined_is_listed() {
    let snapshot = sample();
    let class = read(&snapshot, "pg_catalog", "pg_class");
    let kinds: Vec<_> = (0..3).filter_map(|row| text(&class, "relkind", row)).collect();
    assert_eq!(kinds, ["f", "v", "r"]);
    assert_eq!(read(&snapshot, "pg_catalog", "pg_foreign_table").num_rows(), 1);
    assert_eq!(read(&snapshot, "pg_catalog", "pg_constraint").num_rows(), 3);
    let indexes = read(&snapshot, "pg_catalog", "pg_indexes");
    let definitions: Vec<_> = (0..indexes.num_rows()).filter_map(|row| text(&indexes, "indexdef", row)).collect();
    assert_eq!(
        definitions,
        [
            "CREATE UNIQUE INDEX override_pkey ON public.override USING btree (id)",
            "CREATE UNIQUE INDEX override_note_key ON public.override USING btree (note)",
        ]
    );
    assert_eq!(read(&snapshot, "pg_catalog", "pg_index").num_rows(), 2);
    let oid = snapshot.find_relation(Some("public"), "override_pkey", &[]).map(i64::from).unwrap();
    assert_eq!(
        snapshot.index(oid).map(|(table, key)| (table.name.name.as_str(), key.primary)),
        Some(("override", true))
    );
    assert_eq!(snapshot.relation_name(oid), Some(("public", "override_pkey")));
    assert_eq!(read(&snapshot, "pg_catalog", "pg_attrdef").num_rows(), 1);
    // The rule of a view, twice, and the indexes of two keys.
    assert_eq!(read(&snapshot, "pg_catalog", "pg_depend").num_rows(), 4);
    assert_eq!(read(&snapshot, "information_schema", "foreign_server_options").num_rows(), 1);
    for (table, rows) in [("pg_roles", 3), ("pg_authid", 3), ("pg_user", 2), ("pg_group", 1), ("pg_auth_members", 1)] {
        assert_eq!(read(&snapshot, "pg_catalog", table).num_rows(), rows, "{table}");
    }
    let role = snapshot.role_oid("Ayşe").unwrap();
    assert_eq!((snapshot.role_name(role.into()), snapshot.role_name(10)), (Some("Ayşe"), Some(OWNER)));
    assert_eq!((snapshot.role_oid("nobody"), snapshot.role_name(11)), (None, None));
    let namespaces = read(&snapshot, "pg_catalog", "pg_namespace");
    let oids = namespaces.column_by_name("oid").unwrap().as_primitive::<Int32Type>();
    let names: Vec<_> = (0..namespaces.num_rows()).filter_map(|row| text(&namespaces, "nspname", row)).collect();
    assert_eq!(names, ["erp", "information_schema", "pg_catalog", "public"]);
    assert_eq!((oids.value(2), oids.value(3)), (11, 2200));
    let oid = snapshot.relation_oid(&RelationName::new("erp", "customer"));
    assert_eq!(snapshot.comment(oid.into(), Some(1259), 1).as_deref(), Some("its number"));
}
