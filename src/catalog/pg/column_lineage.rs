//! `onerow_column_lineage`: the columns of foreign and local tables that each column of a view is made of. And what the
//! rule of a merged column is, in the words that stand for a missing comment.

use std::collections::HashMap;

use super::rows::{Cell, Rows};
use crate::catalog::definitions::{ColumnLineage, Definitions, RelationDef, RelationKind, RelationName};
use crate::functions::effect::effect;

/// The most views through which a column is followed: views read views no deeper.
const DEEPEST: usize = 100;

/// A column of a table with the way from there to a view's column.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    /// The table and its column. None where a value of the view's own is in it, such as a literal.
    column: Option<(RelationName, String)>,
    /// What is done on the way, the first first.
    functions: Vec<String>,
    /// The topmost merge.
    rule: Option<String>,
}

type Known<'a> = HashMap<(&'a RelationName, &'a str), Vec<Source>>;

/// Adds a row for each table's column in each column of the views that the role may see. A column that is made of no other has one row without a
/// source.
pub fn fill(definitions: &Definitions, role: &str, rows: &mut Rows) {
    let rights = definitions.rights(role);
    let mut known = Known::new();
    for relation in definitions.relations.values().filter(|relation| rights.sees(relation)) {
        let RelationKind::View(view) = &relation.kind else { continue };
        for column in &view.lineage {
            for source in sources(definitions, &relation.name, column, &mut known, 0) {
                let text = |name: Option<&String>| name.cloned().map_or(Cell::Null, Cell::from);
                let table = source.column.as_ref();
                rows.push([
                    ("view_schema", relation.name.schema.clone().into()),
                    ("view_name", relation.name.name.clone().into()),
                    ("column_name", column.column.clone().into()),
                    ("source_schema", text(table.map(|(table, _)| &table.schema))),
                    ("source_table", text(table.map(|(table, _)| &table.name))),
                    ("source_column", text(table.map(|(_, column)| column))),
                    ("functions", source.functions.clone().into()),
                    ("merge_rule", text(source.rule.as_ref())),
                ]);
            }
        }
    }
}

fn sources<'a>(
    definitions: &'a Definitions,
    view: &'a RelationName,
    column: &'a ColumnLineage,
    known: &mut Known<'a>,
    depth: usize,
) -> Vec<Source> {
    if let Some(found) = known.get(&(view, column.column.as_str())) {
        return found.clone();
    }
    let mut found: Vec<Source> = vec![];
    let mut add = |source: Source| {
        if !found.contains(&source) {
            found.push(source);
        }
    };
    for origin in &column.origins {
        let beneath = match definitions.relation(&origin.relation) {
            Some(relation) if depth < DEEPEST => lineage_of(relation, &origin.column),
            _ => None,
        };
        match beneath {
            Some(beneath) => {
                for source in sources(definitions, &origin.relation, beneath, known, depth + 1) {
                    let functions = source.functions.into_iter().chain(origin.functions.iter().cloned()).collect();
                    add(Source { column: source.column, functions, rule: column.rule.clone().or(source.rule) });
                }
            }
            None => add(Source {
                column: Some((origin.relation.clone(), origin.column.clone())),
                functions: origin.functions.clone(),
                rule: column.rule.clone(),
            }),
        }
    }
    if found.is_empty() {
        found.push(Source { column: None, functions: vec![], rule: column.rule.clone() });
    }
    known.insert((view, column.column.as_str()), found.clone());
    found
}

/// Where a view's column comes from; none for what is no view, or one that has not been planned.
fn lineage_of<'a>(relation: &'a RelationDef, column: &str) -> Option<&'a ColumnLineage> {
    match &relation.kind {
        RelationKind::View(view) => view.lineage.iter().find(|known| known.column == column),
        _ => None,
    }
}

/// The rule of a view's merged column in words: `newest by updated_at`. That of the view beneath for a column that is
/// handed on as it is, or cleaned.
pub fn rule<'a>(definitions: &'a Definitions, relation: &'a RelationDef, column: &str) -> Option<&'a str> {
    let mut lineage = lineage_of(relation, column)?;
    for _ in 0..DEEPEST {
        if let Some(description) = &lineage.description {
            return Some(description);
        }
        let [origin] = lineage.origins.as_slice() else { return None };
        if !origin.functions.iter().all(|function| effect(function).is_some()) {
            return None;
        }
        lineage = lineage_of(definitions.relation(&origin.relation)?, &origin.column)?;
    }
    None
}
