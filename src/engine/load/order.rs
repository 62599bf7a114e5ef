//! The order of views, and names that are nearly right.

use std::collections::BTreeSet;

use datafusion::common::utils::datafusion_strsim::levenshtein;

use crate::catalog::definitions::{Definitions, RelationDef, RelationKind, RelationName};

/// The views with what each reads before it.
pub(super) fn in_order(definitions: &Definitions, names: &[RelationName]) -> Vec<RelationName> {
    fn visit(
        definitions: &Definitions,
        name: &RelationName,
        seen: &mut BTreeSet<RelationName>,
        out: &mut Vec<RelationName>,
    ) {
        if !seen.insert(name.clone()) {
            return;
        }
        if let Some(RelationDef { kind: RelationKind::View(view), .. }) = definitions.relation(name) {
            for read in &view.depends_on {
                visit(definitions, read, seen, out);
            }
            out.push(name.clone());
        }
    }
    let (mut seen, mut out) = (BTreeSet::new(), vec![]);
    for name in names {
        visit(definitions, name, &mut seen, &mut out);
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
