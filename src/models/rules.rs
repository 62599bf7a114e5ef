//! A tree in words: one line for each leaf.

use super::feature::FeatureKind;
use super::tree::{Counts, Node, Test, Tree};
use crate::catalog::definitions::quote_identifier;

/// The tree as rules, one a line: the share of rows that were right where it holds, how many of how many, and the
/// conditions, all of which hold there. `(or unknown)` stands where NULL and categories that were not learned go.
pub fn rules(tree: &Tree) -> String {
    let mut lines = vec![];
    tell(tree, &tree.root, &mut vec![], &mut lines);
    lines.join("\n")
}

/// A question with its answer, and whether the unknown is answered so.
#[derive(Clone, Copy, Debug)]
struct Answered<'a> {
    feature: usize,
    test: &'a Test,
    answer: bool,
    unknown: bool,
}

fn tell<'a>(tree: &'a Tree, node: &'a Node, way: &mut Vec<Answered<'a>>, lines: &mut Vec<String>) {
    match node {
        Node::Leaf(counts) => {
            let conditions = conditions(tree, way);
            let holds = if conditions.is_empty() { "always".to_string() } else { conditions.join(" and ") };
            let Counts { right, rows } = counts;
            lines.push(format!("{:.3} ({right} of {rows}): {holds}", counts.share()));
        }
        Node::Split { feature, test, unknown, yes, no } => {
            for (answer, next) in [(true, yes), (false, no)] {
                let unknown = if *test == Test::Known { !answer } else { *unknown == answer };
                way.push(Answered { feature: *feature, test, answer, unknown });
                tell(tree, next, way, lines);
                way.pop();
            }
        }
    }
}

/// What holds at the end of a way, feature by feature in the order in which they are asked for.
fn conditions(tree: &Tree, way: &[Answered<'_>]) -> Vec<String> {
    let mut told: Vec<usize> = vec![];
    let mut conditions = vec![];
    for Answered { feature, .. } in way {
        if told.contains(feature) {
            continue;
        }
        told.push(*feature);
        let Some(about) = tree.features.get(*feature) else { continue };
        let name = quote_identifier(&about.name);
        let asked: Vec<&Answered<'_>> = way.iter().filter(|asked| asked.feature == *feature).collect();
        match about.kind {
            FeatureKind::Number => conditions.push(range(&name, &asked)),
            _ => conditions.extend(asked.into_iter().map(|asked| condition(&name, asked))),
        }
    }
    conditions
}

/// All that was asked of a number as one condition: the bounds that are left, and whether it may be unknown.
fn range(name: &str, asked: &[&Answered<'_>]) -> String {
    if asked.iter().any(|asked| *asked.test == Test::Known && !asked.answer) {
        return format!("{name} is unknown");
    }
    let bound = |of: bool| {
        asked.iter().filter_map(move |asked| match asked.test {
            Test::AtMost { threshold } if asked.answer == of => Some(*threshold),
            _ => None,
        })
    };
    let most = bound(true).reduce(f64::min).map(number);
    let least = bound(false).reduce(f64::max).map(number);
    let words = match (least, most) {
        (Some(least), Some(most)) => format!("{least} < {name} <= {most}"),
        (Some(least), None) => format!("{name} > {least}"),
        (None, Some(most)) => format!("{name} <= {most}"),
        (None, None) => return format!("{name} is known"),
    };
    or_unknown(words, asked.iter().all(|asked| asked.unknown))
}

fn condition(name: &str, asked: &Answered<'_>) -> String {
    let words = match (asked.test, asked.answer) {
        (Test::AtMost { threshold }, true) => format!("{name} <= {}", number(*threshold)),
        (Test::AtMost { threshold }, false) => format!("{name} > {}", number(*threshold)),
        (Test::True, true) => format!("{name} is true"),
        (Test::True, false) => format!("{name} is false"),
        (Test::OneOf { yes, .. }, true) => categories(name, yes),
        (Test::OneOf { no, .. }, false) => categories(name, no),
        (Test::Known, true) => return format!("{name} is known"),
        (Test::Known, false) => return format!("{name} is unknown"),
    };
    or_unknown(words, asked.unknown)
}

fn or_unknown(words: String, unknown: bool) -> String {
    if unknown { format!("{words} (or unknown)") } else { words }
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

#[cfg(test)]
mod tests {
    use super::super::feature::Feature;
    use super::*;

    fn split(feature: usize, test: Test, unknown: bool, yes: Node, no: Node) -> Node {
        Node::Split { feature, test, unknown, yes: Box::new(yes), no: Box::new(no) }
    }

    #[test]
    fn the_bounds_of_a_number_are_told_once() {
        let leaf = |right| Node::Leaf(Counts { right, rows: 8 });
        let at_most = |threshold| Test::AtMost { threshold };
        let inner = split(0, at_most(40.5), true, leaf(1), split(0, at_most(60.0), true, leaf(2), leaf(3)));
        let known = split(0, Test::Known, false, split(0, at_most(f64::NEG_INFINITY), true, leaf(4), leaf(5)), leaf(6));
        let middle = split(1, Test::True, false, inner, known);
        let feature = |name: &str, kind| Feature { name: name.to_string(), kind, categories: vec![] };
        let tree = Tree {
            features: vec![feature("Age", FeatureKind::Number), feature("valid", FeatureKind::Boolean)],
            root: split(0, at_most(90.0), true, middle, leaf(0)),
        };
        assert_eq!(
            rules(&tree).lines().collect::<Vec<_>>(),
            [
                "0.125 (1 of 8): \"Age\" <= 40.5 (or unknown) and valid is true",
                "0.250 (2 of 8): 40.5 < \"Age\" <= 60 and valid is true",
                "0.375 (3 of 8): 60 < \"Age\" <= 90 and valid is true",
                "0.500 (4 of 8): \"Age\" <= -Infinity and valid is false (or unknown)",
                "0.625 (5 of 8): -Infinity < \"Age\" <= 90 and valid is false (or unknown)",
                "0.750 (6 of 8): \"Age\" is unknown and valid is false (or unknown)",
                "0.000 (0 of 8): \"Age\" > 90",
            ]
        );
        let tree = Tree { root: leaf(2), ..tree };
        assert_eq!(rules(&tree), "0.250 (2 of 8): always");
    }
}
