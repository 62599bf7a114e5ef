//! What the conditions of policies read besides the relation that they are about: that is not to be dropped or renamed
//! beneath them, or another relation of its name would decide who sees what.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Value, ValueWithSpan, visit_expressions, visit_relations};
use datafusion::sql::sqlparser::parser::Parser;

use super::change::changeable;
use super::definitions::{Definitions, RelationName};
use super::security::PolicyDef;
use crate::ddl::dialect::PgDialect;
use crate::error::Result;

/// A policy of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyOf {
    /// The relation that it is about.
    pub relation: RelationName,
    /// Its name.
    pub policy: String,
    /// As messages have it.
    pub label: String,
}

impl Definitions {
    /// The policies of other relations that read a relation. A name without a schema may be that of this one.
    pub fn policies_reading(&self, target: &RelationName) -> Vec<PolicyOf> {
        let mut found = vec![];
        for relation in self.relations.values().filter(|relation| relation.name != *target) {
            for (policy, def) in &relation.security.policies {
                if reads(def, target) {
                    let label = format!("policy {policy} on {} {}", relation.kind_name(), relation.name);
                    found.push(PolicyOf { relation: relation.name.clone(), policy: policy.clone(), label });
                }
            }
        }
        found
    }

    /// Drops the policies that read a relation, which is dropped with all that depends on it.
    pub(super) fn drop_policies_reading(&mut self, target: &RelationName, dropped: &mut Vec<String>) -> Result<()> {
        for PolicyOf { relation, policy, label } in self.policies_reading(target) {
            if let Some(relation) = self.relations.get_mut(&relation) {
                changeable(&relation.origin, &label)?;
                relation.security.policies.remove(&policy);
                dropped.push(label);
            }
        }
        Ok(())
    }
}

fn reads(policy: &PolicyDef, target: &RelationName) -> bool {
    [&policy.using, &policy.check].into_iter().flatten().any(|sql| names(sql, target))
}

/// Whether a condition names a relation; one that does not parse is taken to.
fn names(condition: &str, target: &RelationName) -> bool {
    let Ok(parsed) = Parser::parse_sql(&PgDialect, &format!("SELECT 1 WHERE ({condition}\n)")) else { return true };
    visit_relations(&parsed, |name| match is(name, target) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    })
    .is_break()
}

/// A parameter that a condition has: whoever asks would give it a value.
pub(super) fn parameter(condition: &str) -> Option<String> {
    let parsed = Parser::parse_sql(&PgDialect, &format!("SELECT 1 WHERE ({condition}\n)")).ok()?;
    let found = visit_expressions(&parsed, |expr| match expr {
        Expr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => ControlFlow::Break(name.clone()),
        _ => ControlFlow::Continue(()),
    });
    found.break_value()
}

fn is(name: &ObjectName, target: &RelationName) -> bool {
    let parts: Vec<String> = name
        .0
        .iter()
        .filter_map(|part| part.as_ident())
        .map(|part| if part.quote_style.is_some() { part.value.clone() } else { part.value.to_lowercase() })
        .collect();
    match parts.as_slice() {
        [name] => *name == target.name,
        [.., schema, name] => *schema == target.schema && *name == target.name,
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::security::PolicyCommand;

    #[test]
    fn what_a_condition_reads() {
        let reads = |condition: &str, schema: &str, name: &str| {
            let policy = PolicyDef {
                command: PolicyCommand::All,
                permissive: true,
                roles: vec![],
                using: Some(condition.to_string()),
                check: None,
            };
            super::reads(&policy, &RelationName::new(schema, name))
        };
        assert!(reads("id IN (SELECT id FROM allowed) -- x", "public", "allowed"));
        assert!(reads("EXISTS (SELECT 1 FROM s.\"Allowed\" a WHERE a.id = t.id)", "s", "Allowed"));
        assert!(!reads("EXISTS (SELECT 1 FROM s.Allowed)", "s", "Allowed"));
        assert!(!reads("EXISTS (SELECT 1 FROM other.allowed)", "public", "allowed"));
        assert!(!reads("allowed = 1", "public", "allowed"));
    }

    #[test]
    fn a_condition_has_no_parameters() {
        assert_eq!(parameter("id = 1 AND name = '$1'"), None);
        assert_eq!(parameter("id IN (SELECT $2 + 1)"), Some("$2".to_string()));
    }
}
