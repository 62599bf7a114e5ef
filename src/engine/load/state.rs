//! What was typed over the wire, beside what the files define.

use tracing::warn;

use super::catalog::Loading;
use crate::catalog::definitions::{Definitions, Origin};

/// Adds the roles that were made over the wire, and what was granted on the database, before anything can name them.
pub(super) fn merge_roles(loading: &mut Loading, kept: &Definitions) {
    for (name, role) in &kept.roles {
        match loading.definitions.roles.contains_key(name) {
            true => warn!("role {name} of the state folder is hidden by the one that the files define"),
            false => drop(loading.definitions.roles.insert(name.clone(), role.clone())),
        }
    }
    loading.definitions.database = kept.database.clone();
}

/// Adds what was typed over the wire; where a file defines the same name, the file wins.
pub(super) fn merge_state(loading: &mut Loading, kept: Definitions) {
    let definitions = &mut loading.definitions;
    let shadowed = |what: &str, name: &str| {
        warn!("{what} {name} of the state folder is hidden by the one that the files define");
    };
    for (name, server) in kept.servers {
        match definitions.servers.contains_key(&name) {
            true => shadowed("server", &name),
            false => drop(definitions.servers.insert(name, server)),
        }
    }
    for (key, mapping) in kept.user_mappings {
        match definitions.user_mappings.contains_key(&key) {
            true => shadowed("user mapping", &key.1),
            false => drop(definitions.user_mappings.insert(key, mapping)),
        }
    }
    for (name, schema) in kept.schemas {
        // `public` is there from the start; what was said of it over the wire is kept.
        let of_a_file = definitions.schemas.get(&name).is_some_and(|there| matches!(there.origin, Origin::File(_)));
        if !of_a_file {
            definitions.schemas.insert(name, schema);
        }
    }
    for (name, relation) in kept.relations {
        match definitions.relations.contains_key(&name) {
            true => shadowed(relation.kind_name(), &name.to_string()),
            false => {
                definitions.ensure_schema(&name.schema, &Origin::State);
                definitions.relations.insert(name, relation);
            }
        }
    }
    for (name, model) in kept.models {
        match definitions.models.contains_key(&name) {
            true => shadowed("model", &name.to_string()),
            false => {
                definitions.ensure_schema(&name.schema, &Origin::State);
                definitions.models.insert(name, model);
            }
        }
    }
    for (key, rule) in kept.rules {
        match definitions.rules.contains_key(&key) {
            true => shadowed("rule", &format!("{} on {}", rule.name, rule.relation)),
            false => drop(definitions.rules.insert(key, rule)),
        }
    }
}
