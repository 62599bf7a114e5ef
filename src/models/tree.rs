//! A decision tree: questions about features, and at each leaf how many of the rows that came there were right.

use serde::{Deserialize, Serialize};

use super::exact;
use super::feature::Feature;

/// One feature's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// NULL
    Unknown,
    /// A number; NaN is above every other.
    Number(f64),
    /// A truth value.
    Boolean(bool),
    /// A category, known or not.
    Text(&'a str),
}

/// A question about one feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Test {
    /// Is the number at most this?
    AtMost {
        /// The threshold, which is never NaN.
        #[serde(with = "exact")]
        threshold: f64,
    },
    /// Is it true?
    True,
    /// Is the category one of `yes`, and not one of `no`? Both are in order of their bytes.
    OneOf {
        /// What is answered with yes.
        yes: Vec<String>,
        /// What is answered with no.
        no: Vec<String>,
    },
    /// Is it known at all: not NULL, and no category that the model has not learned?
    Known,
}

impl Test {
    /// The answer; none where the value tells nothing: it is NULL, or a category that was not there to be learned.
    pub fn answer(&self, value: Value<'_>, feature: &Feature) -> Option<bool> {
        let among = |categories: &[String], text: &str| {
            categories.binary_search_by(|category| category.as_str().cmp(text)).is_ok()
        };
        match (self, value) {
            (Test::Known, Value::Unknown) => Some(false),
            (Test::Known, Value::Text(text)) => Some(feature.knows(text)),
            (Test::Known, Value::Number(_) | Value::Boolean(_)) => Some(true),
            (Test::AtMost { threshold }, Value::Number(number)) => Some(number <= *threshold),
            (Test::True, Value::Boolean(truth)) => Some(truth),
            (Test::OneOf { yes, no }, Value::Text(text)) => match among(yes, text) {
                true => Some(true),
                false => among(no, text).then_some(false),
            },
            _ => None,
        }
    }
}

/// How many rows came somewhere, and how many of them were right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Those whose label was true.
    pub right: u64,
    /// All of them.
    pub rows: u64,
}

impl Counts {
    /// The share that was right; 0 of no rows.
    pub fn share(self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.right as f64 / self.rows as f64 }
    }

    /// Counts one row more.
    pub fn add(&mut self, right: bool) {
        self.rows += 1;
        self.right += u64::from(right);
    }

    /// Both together.
    pub fn plus(self, other: Counts) -> Counts {
        Counts { right: self.right + other.right, rows: self.rows + other.rows }
    }

    /// These without some of them.
    pub fn minus(self, part: Counts) -> Counts {
        Counts { right: self.right.saturating_sub(part.right), rows: self.rows.saturating_sub(part.rows) }
    }
}

/// A place in the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// Nothing more is asked.
    Leaf(Counts),
    /// One question.
    Split {
        /// About which feature.
        feature: usize,
        /// The question.
        test: Test,
        /// The answer that is taken where the value gives none.
        unknown: bool,
        /// Where yes leads.
        yes: Box<Node>,
        /// Where no leads.
        no: Box<Node>,
    },
}

/// A tree with the features that it asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// The features, in the order of the columns that they were learned from.
    pub features: Vec<Feature>,
    /// The first question.
    pub root: Node,
}

impl Tree {
    /// The leaf that a row comes to; `value` gives its features by their position.
    pub fn leaf<'a>(&self, value: impl Fn(usize) -> Value<'a>) -> Counts {
        let mut node = &self.root;
        loop {
            match node {
                Node::Leaf(counts) => return *counts,
                Node::Split { feature, test, unknown, yes, no } => {
                    let asked = self.features.get(*feature).and_then(|known| test.answer(value(*feature), known));
                    node = if asked.unwrap_or(*unknown) { yes } else { no };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feature::FeatureKind;
    use super::*;

    fn text(categories: &[&str]) -> Feature {
        let categories = categories.iter().map(|category| (*category).to_string()).collect();
        Feature { name: "source".to_string(), kind: FeatureKind::Text, categories }
    }

    #[test]
    fn questions_are_answered() {
        let source = text(&["crm", "erp", "京"]);
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        let one_of = Test::OneOf { yes: list(&["erp", "京"]), no: list(&["crm"]) };
        let ask = |test: &Test, value| test.answer(value, &source);
        assert_eq!(ask(&one_of, Value::Text("京")), Some(true));
        assert_eq!(ask(&one_of, Value::Text("crm")), Some(false));
        assert_eq!(ask(&one_of, Value::Text("Crm")), None);
        assert_eq!(ask(&one_of, Value::Unknown), None);
        assert_eq!(ask(&Test::Known, Value::Text("web")), Some(false));
        assert_eq!(ask(&Test::Known, Value::Text("erp")), Some(true));
        assert_eq!(ask(&Test::Known, Value::Number(f64::NAN)), Some(true));
        assert_eq!(ask(&Test::Known, Value::Unknown), Some(false));
        let at_most = Test::AtMost { threshold: 1.5 };
        assert_eq!(ask(&at_most, Value::Number(1.5)), Some(true));
        assert_eq!(ask(&at_most, Value::Number(f64::NAN)), Some(false));
        assert_eq!(ask(&at_most, Value::Unknown), None);
        assert_eq!(ask(&Test::True, Value::Boolean(false)), Some(false));
    }

    #[test]
    fn trees_are_kept_to_the_last_bit() {
        let leaf = |right, rows| Box::new(Node::Leaf(Counts { right, rows }));
        for threshold in
            [0.1 + 0.2, f64::MAX, f64::MIN_POSITIVE / 3.0, f64::NEG_INFINITY, -0.1, 9_007_199_254_740_992.0]
        {
            let tree = Tree {
                features: vec![text(&["a\"b", "ı"])],
                root: Node::Split {
                    feature: 0,
                    test: Test::AtMost { threshold },
                    unknown: true,
                    yes: leaf(1, 2),
                    no: leaf(0, 3),
                },
            };
            let kept = serde_json::to_string(&tree).unwrap();
            assert_eq!(serde_json::from_str::<Tree>(&kept).unwrap(), tree);
        }
    }
}
