//! A tree in words: one line for each leaf.

use super::tree::{Counts, Node, Test, Tree};
use crate::catalog::definitions::quote_identifier;

/// The tree as rules, one a line: the share of rows that were right where it holds, how many of how many, and the
/// conditions, all of which hold there. `(or unknown)` stands where NULL and categories that were not learned go.
pub fn rules(tree: &Tree) -> String {
    let mut lines = vec![];
    tell(tree, &tree.root, &mut vec![], &mut lines);
    lines.join("\n")
}

fn tell(tree: &Tree, node: &Node, conditions: &mut Vec<String>, lines: &mut Vec<String>) {
    match node {
        Node::Leaf(counts) => {
            let holds = if conditions.is_empty() { "always".to_string() } else { conditions.join(" and ") };
            let Counts { right, rows } = counts;
            lines.push(format!("{:.3} ({right} of {rows}): {holds}", counts.share()));
        }
        Node::Split { feature, test, unknown, yes, no } => {
            let name = tree.features.get(*feature).map(|feature| quote_identifier(&feature.name)).unwrap_or_default();
            for (answer, next) in [(true, yes), (false, no)] {
                let mut words = condition(&name, test, answer);
                if *unknown == answer && *test != Test::Known {
                    words.push_str(" (or unknown)");
                }
                conditions.push(words);
                tell(tree, next, conditions, lines);
                conditions.pop();
            }
        }
    }
}

fn condition(name: &str, test: &Test, answer: bool) -> String {
    match (test, answer) {
        (Test::AtMost { threshold }, true) => format!("{name} <= {}", number(*threshold)),
        (Test::AtMost { threshold }, false) => format!("{name} > {}", number(*threshold)),
        (Test::True, true) => format!("{name} is true"),
        (Test::True, false) => format!("{name} is false"),
        (Test::OneOf { yes, .. }, true) => categories(name, yes),
        (Test::OneOf { no, .. }, false) => categories(name, no),
        (Test::Known, true) => format!("{name} is known"),
        (Test::Known, false) => format!("{name} is unknown"),
    }
}

fn number(number: f64) -> String {
    match number {
        n if n == f64::NEG_INFINITY => "-Infinity".to_string(),
        n if n == f64::INFINITY => "Infinity".to_string(),
        n => n.to_string(),
    }
}

fn categories(name: &str, categories: &[String]) -> String {
    let quoted: Vec<String> = categories.iter().map(|category| format!("'{}'", category.replace('\'', "''"))).collect();
    match quoted.as_slice() {
        [one] => format!("{name} = {one}"),
        several => format!("{name} in ({})", several.join(", ")),
    }
}
