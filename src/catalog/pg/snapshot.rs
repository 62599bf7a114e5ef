//! The catalog at one moment: what is defined, with the OID of every object.
//!
//! An OID is derived from the object's kind and name, so it is the same after a restart and for as long as the
//! object keeps its name. Two names that meet in one number are told apart in order of name.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};

use super::cluster;
use super::shapes::{self, INFORMATION_SCHEMA, PG_CATALOG, Shape};
use super::view::FunctionInfo;
use crate::catalog::definitions::{Definitions, OWNER, PUBLIC, RelationDef, RelationKind, RelationName};
use crate::sources::kinds::KINDS;

/// OIDs below this are Postgres's own.
pub const FIRST_OID: i32 = 16_384;
/// The one database.
pub const DATABASE_OID: i32 = 5;
/// The owner, a superuser.
pub const OWNER_OID: i32 = 10;
/// `pg_class`, as a `classoid`.
pub const CLASS_CLASS: i32 = 1259;
/// `pg_proc`, as a `classoid`.
pub const CLASS_PROC: i32 = 1255;
/// `pg_namespace`, as a `classoid`.
pub const CLASS_NAMESPACE: i32 = 2615;
/// `pg_foreign_server`, as a `classoid`.
pub const CLASS_SERVER: i32 = 1417;
/// `pg_foreign_data_wrapper`, as a `classoid`.
pub const CLASS_WRAPPER: i32 = 2328;
/// `pg_constraint`, as a `classoid`.
pub const CLASS_CONSTRAINT: i32 = 2606;
/// `pg_rewrite`, as a `classoid`.
pub const CLASS_REWRITE: i32 = 2618;

/// The classes whose objects can have a comment here.
const COMMENTED: &[i32] = &[CLASS_CLASS, CLASS_PROC, CLASS_NAMESPACE, CLASS_SERVER, CLASS_WRAPPER];

const PG_CATALOG_OID: i32 = 11;
const PUBLIC_OID: i32 = 2200;
const INFORMATION_SCHEMA_OID: i32 = 13_207;

/// An object that has an OID of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Object {
    /// A schema.
    Schema(String),
    /// A relation.
    Relation(RelationName),
    /// A key of a relation, by its name.
    Constraint(RelationName, String),
    /// The index behind a local table's key, by its own name.
    Index(RelationName),
    /// A column's default, by the column's position from 1.
    Default(RelationName, i16),
    /// The rule behind a view.
    Rule(RelationName),
    /// A foreign-data wrapper.
    Wrapper(String),
    /// A server.
    Server(String),
    /// A user mapping: server and user.
    Mapping(String, String),
    /// A function that this program adds.
    Function(String),
    /// A role that is not the owner.
    Role(String),
    /// A policy of a relation.
    Policy(RelationName, String),
}

impl Object {
    fn parts(&self) -> [&str; 3] {
        match self {
            Object::Schema(name) => ["schema", name, ""],
            Object::Relation(name) => ["relation", &name.schema, &name.name],
            Object::Constraint(_, name) => ["constraint", name, ""],
            Object::Index(name) => ["index", &name.schema, &name.name],
            Object::Default(..) => ["default", "", ""],
            Object::Rule(name) => ["rule", &name.schema, &name.name],
            Object::Wrapper(name) => ["wrapper", name, ""],
            Object::Server(name) => ["server", name, ""],
            Object::Mapping(server, user) => ["mapping", server, user],
            Object::Function(name) => ["function", name, ""],
            Object::Role(name) => ["role", name, ""],
            Object::Policy(_, name) => ["policy", name, ""],
        }
    }

    /// FNV-1a over the parts, each ended by a zero byte.
    fn hash(&self) -> u64 {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let mut add = |text: &str| {
            for byte in text.bytes().chain([0]) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for part in self.parts() {
            add(part);
        }
        match self {
            Object::Constraint(relation, _) | Object::Policy(relation, _) => {
                add(&relation.schema);
                add(&relation.name);
            }
            Object::Default(relation, position) => {
                add(&relation.schema);
                add(&relation.name);
                add(&position.to_string());
            }
            _ => {}
        }
        hash
    }
}

/// A primary or unique key of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The constraint's name, as Postgres would have named it.
    pub name: String,
    /// Whether it is the primary key.
    pub primary: bool,
    /// Its columns.
    pub columns: Vec<String>,
}

/// The keys of a foreign or local table; none for a view.
pub fn keys(relation: &RelationDef) -> Vec<Key> {
    let (primary, unique) = match &relation.kind {
        RelationKind::View(_) => return vec![],
        RelationKind::Foreign(foreign) => (&foreign.table.primary_key, &foreign.table.unique_keys),
        RelationKind::Local(table) => (&table.primary_key, &table.unique_keys),
    };
    let table = &relation.name.name;
    let mut keys: Vec<Key> = vec![];
    if !primary.is_empty() {
        keys.push(Key { name: format!("{table}_pkey"), primary: true, columns: primary.clone() });
    }
    for columns in unique {
        // A key that is declared twice is one.
        if keys.iter().any(|key| key.columns == *columns) {
            continue;
        }
        let name = format!("{table}_{}_key", columns.join("_"));
        let taken = |name: &str| keys.iter().any(|key| key.name == name);
        let numbered = (1..).map(|number| format!("{name}{number}")).find(|numbered| !taken(numbered));
        let name = if taken(&name) { numbered.unwrap_or_default() } else { name };
        keys.push(Key { name, primary: false, columns: columns.clone() });
    }
    keys
}

/// The keys that have an index behind them: those of a local table.
pub fn indexes(relation: &RelationDef) -> Vec<Key> {
    if matches!(relation.kind, RelationKind::Local(_)) { keys(relation) } else { vec![] }
}

/// The name of the index behind a key.
pub fn index_name(relation: &RelationDef, key: &Key) -> RelationName {
    RelationName::new(&relation.name.schema, &key.name)
}

/// A relation of any schema.
#[derive(Clone, Copy, Debug)]
pub enum Relation<'a> {
    /// One that is defined here.
    Defined(&'a RelationDef),
    /// One of the system's.
    System(&'static Shape),
}

/// What is defined at one moment, with OIDs.
#[derive(Debug)]
pub struct Snapshot {
    /// What is defined.
    pub definitions: Arc<Definitions>,
    /// The functions that this program adds.
    pub functions: Arc<Vec<FunctionInfo>>,
    oids: HashMap<Object, i32>,
    objects: HashMap<i32, Object>,
    /// The table and the key behind each index, by the index's name.
    indexed: HashMap<RelationName, (RelationName, Key)>,
    comments: OnceLock<HashMap<(i64, i64, i64), String>>,
}

impl Snapshot {
    /// Gives every object its OID.
    pub fn new(definitions: Arc<Definitions>, functions: Arc<Vec<FunctionInfo>>) -> Self {
        let mut all = BTreeSet::new();
        let mut indexed: HashMap<RelationName, (RelationName, Key)> = HashMap::new();
        all.extend(definitions.schemas.keys().cloned().map(Object::Schema));
        for relation in definitions.relations.values() {
            let name = &relation.name;
            all.insert(Object::Schema(name.schema.clone()));
            all.insert(Object::Relation(name.clone()));
            all.extend(keys(relation).into_iter().map(|key| Object::Constraint(name.clone(), key.name)));
            all.extend(relation.security.policies.keys().map(|policy| Object::Policy(name.clone(), policy.clone())));
            for key in indexes(relation) {
                let index = index_name(relation, &key);
                all.insert(Object::Index(index.clone()));
                indexed.entry(index).or_insert_with(|| (name.clone(), key));
            }
            match &relation.kind {
                RelationKind::View(_) => {
                    all.insert(Object::Rule(name.clone()));
                }
                RelationKind::Local(table) => {
                    let defaults = (1..).zip(&table.columns).filter(|(_, column)| column.default.is_some());
                    all.extend(defaults.map(|(position, _)| Object::Default(name.clone(), position)));
                }
                RelationKind::Foreign(_) => {}
            }
        }
        all.extend(KINDS.iter().map(|kind| Object::Wrapper(kind.name().to_string())));
        all.extend(definitions.servers.keys().cloned().map(Object::Server));
        all.extend(definitions.user_mappings.keys().cloned().map(|(server, user)| Object::Mapping(server, user)));
        all.extend(functions.iter().map(|function| Object::Function(function.name.clone())));
        all.extend(definitions.roles.keys().cloned().map(Object::Role));

        let span = u64::from(i32::MAX.unsigned_abs() - FIRST_OID.unsigned_abs());
        let mut oids = HashMap::with_capacity(all.len());
        let mut objects = HashMap::with_capacity(all.len());
        for object in all {
            let oid = match &object {
                Object::Schema(name) if system_schema(name).is_some() => system_schema(name).unwrap_or_default(),
                _ => {
                    let mut slot = object.hash() % span;
                    loop {
                        let oid = FIRST_OID.saturating_add(i32::try_from(slot).unwrap_or_default());
                        if !objects.contains_key(&oid) {
                            break oid;
                        }
                        slot = (slot + 1) % span;
                    }
                }
            };
            objects.insert(oid, object.clone());
            oids.insert(object, oid);
        }
        for name in [PG_CATALOG, PUBLIC, INFORMATION_SCHEMA] {
            if let Some(oid) = system_schema(name) {
                objects.insert(oid, Object::Schema(name.to_string()));
                oids.insert(Object::Schema(name.to_string()), oid);
            }
        }
        Snapshot { definitions, functions, oids, objects, indexed, comments: OnceLock::new() }
    }

    /// An object's OID, or 0 for one that is not there.
    pub fn oid(&self, object: &Object) -> i32 {
        self.oids.get(object).copied().unwrap_or_default()
    }

    /// The object with this OID.
    pub fn object(&self, oid: i64) -> Option<&Object> {
        self.objects.get(&i32::try_from(oid).ok()?)
    }

    /// The OID of a role.
    pub fn role_oid(&self, name: &str) -> Option<i32> {
        if name == OWNER {
            return Some(OWNER_OID);
        }
        Some(self.oid(&Object::Role(name.to_string()))).filter(|oid| *oid != 0)
    }

    /// The name of the role with this OID.
    pub fn role_name(&self, oid: i64) -> Option<&str> {
        match self.object(oid) {
            Some(Object::Role(name)) => Some(name),
            _ => (oid == i64::from(OWNER_OID)).then_some(OWNER),
        }
    }

    /// A schema's OID, or 0.
    pub fn schema_oid(&self, name: &str) -> i32 {
        self.oid(&Object::Schema(name.to_string()))
    }

    /// A relation's OID, or 0.
    pub fn relation_oid(&self, name: &RelationName) -> i32 {
        self.oid(&Object::Relation(name.clone()))
    }

    /// The names of every schema, the system's too.
    pub fn schemas(&self) -> BTreeSet<&str> {
        self.oids
            .keys()
            .filter_map(|object| match object {
                Object::Schema(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The relation with this OID, of any schema.
    pub fn relation(&self, oid: i64) -> Option<Relation<'_>> {
        match self.object(oid) {
            Some(Object::Relation(name)) => self.definitions.relation(name).map(Relation::Defined),
            _ => shapes::all().find(|shape| i64::from(shape.oid) == oid).map(Relation::System),
        }
    }

    /// The relation of this name, with its OID: in the schema that is named, else in the first of `path` that has
    /// one; `pg_catalog` comes first, as in Postgres.
    pub fn find_relation(&self, schema: Option<&str>, name: &str, path: &[String]) -> Option<i32> {
        let in_schema = |schema: &str| match schema {
            PG_CATALOG => shapes::pg_catalog().get(name).map(|shape| shape.oid),
            INFORMATION_SCHEMA => shapes::information_schema().get(name).map(|shape| shape.oid),
            _ => {
                let name = RelationName::new(schema, name);
                let relation = self.oids.get(&Object::Relation(name.clone()));
                relation.or_else(|| self.oids.get(&Object::Index(name))).copied()
            }
        };
        match schema {
            Some(schema) => in_schema(schema),
            None => in_schema(PG_CATALOG).or_else(|| path.iter().find_map(|schema| in_schema(schema))),
        }
    }

    /// The OID of the index behind a key of a local table, or 0.
    pub fn index_oid(&self, relation: &RelationDef, key: &Key) -> i32 {
        self.oid(&Object::Index(index_name(relation, key)))
    }

    /// The table of the index with this OID, and the key that it is behind.
    pub fn index(&self, oid: i64) -> Option<(&RelationDef, &Key)> {
        let Some(Object::Index(name)) = self.object(oid) else { return None };
        let (table, key) = self.indexed.get(name)?;
        Some((self.definitions.relation(table)?, key))
    }

    /// A relation's or an index's schema and name, by its OID.
    pub fn relation_name(&self, oid: i64) -> Option<(&str, &str)> {
        if let Some(Object::Index(name)) = self.object(oid) {
            return Some((&name.schema, &name.name));
        }
        Some(match self.relation(oid)? {
            Relation::Defined(relation) => (relation.name.schema.as_str(), relation.name.name.as_str()),
            Relation::System(shape) => (shape.schema_name, shape.name),
        })
    }

    /// Whether a bare name finds this relation. None for an OID that is no relation.
    pub fn visible(&self, oid: i64, path: &[String]) -> Option<bool> {
        let (_, name) = self.relation_name(oid)?;
        Some(self.find_relation(None, name, path).map(i64::from) == Some(oid))
    }

    /// The comment on an object, or on its column when that is not 0. Without a class, of whichever class has one.
    pub fn comment(&self, object: i64, class: Option<i64>, column: i64) -> Option<String> {
        let comments = self.comments.get_or_init(|| {
            let all = cluster::comments(self).into_iter();
            all.map(|(object, class, column, text)| ((object.into(), class.into(), column.into()), text)).collect()
        });
        match class {
            Some(class) => comments.get(&(object, class, column)).cloned(),
            None => COMMENTED.iter().find_map(|class| comments.get(&(object, i64::from(*class), column)).cloned()),
        }
    }

    /// The function that this program adds, by its OID.
    pub fn function(&self, oid: i64) -> Option<&FunctionInfo> {
        match self.object(oid) {
            Some(Object::Function(name)) => self.functions.iter().find(|function| function.name == *name),
            _ => None,
        }
    }
}

/// The OIDs of all relations that are defined.
pub fn relation_oids(definitions: &Arc<Definitions>, functions: Arc<Vec<FunctionInfo>>) -> HashMap<RelationName, i32> {
    let snapshot = Snapshot::new(Arc::clone(definitions), functions);
    let of_relation = |(object, oid): (Object, i32)| match object {
        Object::Relation(name) => Some((name, oid)),
        _ => None,
    };
    snapshot.oids.into_iter().filter_map(of_relation).collect()
}

fn system_schema(name: &str) -> Option<i32> {
    match name {
        PG_CATALOG => Some(PG_CATALOG_OID),
        PUBLIC => Some(PUBLIC_OID),
        INFORMATION_SCHEMA => Some(INFORMATION_SCHEMA_OID),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::definitions::{LocalTableDef, Origin};

    fn table(schema: &str, name: &str) -> RelationDef {
        RelationDef {
            name: RelationName::new(schema, name),
            owner: OWNER.into(),
            origin: Origin::State,
            acl: None,
            comment: None,
            column_acls: Default::default(),
            column_comments: Default::default(),
            security: Default::default(),
            kind: RelationKind::Local(LocalTableDef { columns: vec![], primary_key: vec![], unique_keys: vec![] }),
        }
    }

    #[test]
    fn an_oid_depends_on_the_name_alone() {
        let mut definitions = Definitions::default();
        let name = RelationName::new("public", "b");
        definitions.relations.insert(name.clone(), table("public", "b"));
        let before = Snapshot::new(Arc::new(definitions.clone()), Arc::default());
        definitions.relations.insert(RelationName::new("erp", "a"), table("erp", "a"));
        let after = Snapshot::new(Arc::new(definitions), Arc::default());
        assert!(before.relation_oid(&name) >= FIRST_OID);
        assert_eq!(before.relation_oid(&name), after.relation_oid(&name));
        let path = vec!["public".to_string()];
        assert_eq!(after.visible(after.relation_oid(&name).into(), &path), Some(true));
        assert_eq!(after.find_relation(None, "a", &path), None);
        assert!(after.find_relation(Some("erp"), "a", &path).is_some());
        assert_eq!(after.find_relation(None, "pg_class", &path), Some(1259));
        assert_eq!(after.schema_oid("public"), 2200);
    }
}
