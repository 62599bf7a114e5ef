//! The order of views and models, and names that are nearly right.

use std::collections::BTreeSet;

use datafusion::common::utils::datafusion_strsim::levenshtein;

use crate::catalog::definitions::{Definitions, RelationDef, RelationKind, RelationName};

/// What is planned in an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A view.
    View(RelationName),
    /// A model.
    Model(RelationName),
}

/// The views and models with what each needs before it.
pub(super) fn in_order(definitions: &Definitions, steps: impl IntoIterator<Item = Step>) -> Vec<Step> {
    fn visit(definitions: &Definitions, step: Step, seen: &mut BTreeSet<Step>, out: &mut Vec<Step>) {
        if !seen.insert(step.clone()) {
            return;
        }
        let needs = match &step {
            Step::View(name) => match definitions.relation(name) {
                Some(RelationDef { kind: RelationKind::View(view), .. }) => Some((&view.depends_on, &view.models)),
                _ => None,
            },
            Step::Model(name) => definitions.models.get(name).map(|model| (&model.depends_on, &model.models)),
        };
        let Some((relations, models)) = needs else { return };
        let needed = relations.iter().cloned().map(Step::View).chain(models.iter().cloned().map(Step::Model));
        for step in needed {
            visit(definitions, step, seen, out);
        }
        out.push(step);
    }
    let (mut seen, mut out) = (BTreeSet::new(), vec![]);
    for step in steps {
        visit(definitions, step, &mut seen, &mut out);
    }
    out
}

/// Where a query names a relation: characters from 1.
pub(super) fn position_of(query: &str, name: &RelationName) -> Option<usize> {
    let lower = query.to_lowercase();
    let full = format!("{}.{}", name.schema, name.name).to_lowercase();
    let at = lower.find(&full).or_else(|| lower.find(&name.name.to_lowercase()))?;
    Some(lower[..at].chars().count() + 1)
}

/// A relation whose name is a slip of the fingers away.
pub(in crate::engine) fn closest(definitions: &Definitions, wanted: &RelationName) -> Option<String> {
    let wanted = wanted.to_string();
    let limit = (wanted.chars().count() / 4).max(1);
    definitions
        .relations
        .keys()
        .map(|name| name.to_string())
        .map(|name| (levenshtein(&wanted, &name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}
