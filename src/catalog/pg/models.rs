//! `onerow_models`: what was learned, in words and numbers.

use super::rows::Rows;
use crate::catalog::definitions::Definitions;
use crate::models::rules;

/// One row a model that the role may look up; its rules are for those who may read what it was trained on. What is known of it once it is trained is NULL before; `problem` then says why it is not, where it
/// was tried.
pub fn fill(definitions: &Definitions, role: &str, rows: &mut Rows) {
    let rights = definitions.rights(role);
    let count = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    for model in definitions.models.values().filter(|model| rights.uses_schema(&model.name.schema)) {
        // What was learned holds values of the rows that it was learned from.
        let may_read = rights.has(&model.owner)
            || model.depends_on.iter().all(|name| {
                let relation = definitions.relation(name);
                relation.is_some_and(|r| rights.relation(r, "r") && !definitions.is_secured(r, role))
            });
        let tree = model.tree();
        let trained = tree.trained.as_deref();
        let features = trained.map(|trained| -> Vec<String> {
            trained.tree.features.iter().map(|feature| feature.name.clone()).collect()
        });
        rows.push([
            ("schemaname", model.name.schema.as_str().into()),
            ("modelname", model.name.name.as_str().into()),
            ("kind", model.kind_name().into()),
            ("features", features.into()),
            ("rows", trained.map(|trained| count(trained.rows)).into()),
            ("held_back", trained.map(|trained| count(trained.held_back)).into()),
            ("accuracy", trained.and_then(|trained| trained.accuracy()).into()),
            ("baseline", trained.and_then(|trained| trained.baseline_accuracy()).into()),
            ("rules", trained.filter(|_| may_read).map(|trained| rules(&trained.tree)).into()),
            ("trained_at", trained.map(|trained| trained.at).into()),
            ("problem", tree.untrained.as_ref().filter(|_| may_read).map(|why| why.message().to_string()).into()),
            ("comment", model.comment.clone().into()),
        ]);
    }
}
