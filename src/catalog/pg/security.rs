//! `pg_policy`, `pg_policies` and `pg_seclabel`: row level security and masks.

use super::rows::{Cell, Rows};
use super::snapshot::{CLASS_CLASS, Object, Snapshot};
use crate::catalog::definitions::{RelationDef, RelationKind, RelationName, quote_identifier};
use crate::catalog::security::PolicyDef;

/// The provider of labels.
const PROVIDER: &str = "onerow";

fn policies(snapshot: &Snapshot) -> impl Iterator<Item = (&RelationName, &String, &PolicyDef)> {
    snapshot.definitions.relations.values().flat_map(|relation| {
        relation.security.policies.iter().map(move |(name, policy)| (&relation.name, name, policy))
    })
}

/// `pg_policy`: expressions are as they were written.
pub fn pg_policy(snapshot: &Snapshot, rows: &mut Rows) {
    for (relation, name, policy) in policies(snapshot) {
        // Nobody named is PUBLIC, whose OID is 0.
        let named = policy.roles.iter().map(|role| i64::from(snapshot.role_oid(role).unwrap_or_default()));
        let roles = if policy.roles.is_empty() { vec![0] } else { named.collect() };
        rows.push([
            ("oid", snapshot.oid(&Object::Policy(relation.clone(), name.clone())).into()),
            ("polname", name.as_str().into()),
            ("polrelid", snapshot.relation_oid(relation).into()),
            ("polcmd", policy.command.letter().into()),
            ("polpermissive", policy.permissive.into()),
            ("polroles", Cell::Ints(roles)),
            ("polqual", policy.using.clone().into()),
            ("polwithcheck", policy.check.clone().into()),
        ]);
    }
}

/// `pg_policies`
pub fn pg_policies(snapshot: &Snapshot, rows: &mut Rows) {
    for (relation, name, policy) in policies(snapshot) {
        let roles = if policy.roles.is_empty() { vec!["public".to_string()] } else { policy.roles.clone() };
        rows.push([
            ("schemaname", relation.schema.as_str().into()),
            ("tablename", relation.name.as_str().into()),
            ("policyname", name.as_str().into()),
            ("permissive", if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" }.into()),
            ("roles", roles.into()),
            ("cmd", policy.command.word().into()),
            ("qual", policy.using.clone().into()),
            ("with_check", policy.check.clone().into()),
        ]);
    }
}

/// A label with its relation and the position of its column.
fn labels(snapshot: &Snapshot) -> impl Iterator<Item = (&RelationDef, &String, i32, &String)> {
    snapshot.definitions.relations.values().flat_map(|relation| {
        let columns = if relation.security.labels.is_empty() { vec![] } else { relation.columns() };
        relation.security.labels.iter().map(move |(name, label)| {
            let at = columns.iter().position(|column| column.name == *name).map_or(0, |at| at + 1);
            (relation, name, i32::try_from(at).unwrap_or_default(), label)
        })
    })
}

/// `pg_seclabel`
pub fn pg_seclabel(snapshot: &Snapshot, rows: &mut Rows) {
    for (relation, _, position, label) in labels(snapshot) {
        rows.push([
            ("objoid", snapshot.relation_oid(&relation.name).into()),
            ("classoid", CLASS_CLASS.into()),
            ("objsubid", position.into()),
            ("provider", PROVIDER.into()),
            ("label", label.as_str().into()),
        ]);
    }
}

/// `pg_seclabels`
pub fn pg_seclabels(snapshot: &Snapshot, rows: &mut Rows) {
    for (relation, column, position, label) in labels(snapshot) {
        rows.push([
            ("objoid", snapshot.relation_oid(&relation.name).into()),
            ("classoid", CLASS_CLASS.into()),
            ("objsubid", position.into()),
            ("objtype", "column".into()),
            ("objnamespace", snapshot.schema_oid(&relation.name.schema).into()),
            ("objname", format!("{}.{}", relation.name, quote_identifier(column)).into()),
            ("provider", PROVIDER.into()),
            ("label", label.as_str().into()),
        ]);
    }
}

/// `pg_class.reloptions`; none where there are none.
pub fn options(relation: &RelationDef) -> Option<Vec<String>> {
    let RelationKind::View(view) = &relation.kind else { return None };
    let known = [("security_barrier", view.security_barrier), ("security_invoker", view.security_invoker)];
    let set: Vec<String> = known.iter().filter(|(_, on)| *on).map(|(name, _)| format!("{name}=true")).collect();
    (!set.is_empty()).then_some(set)
}
