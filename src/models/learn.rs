//! Learning: some labelled rows are held back, a tree grows on the others, and is scored on those.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::grow::grow;
use super::options::TreeOptions;
use super::table::Table;
use super::tree::{Counts, Tree};
use crate::error::{Error, Result, SqlState};

/// A tree and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trained {
    /// The tree.
    pub tree: Tree,
    /// How many rows it was learned from.
    pub rows: u64,
    /// How many rows were held back.
    pub held_back: u64,
    /// How many of those the tree is right about: a share of one half or more is a yes.
    pub right: u64,
    /// How many of those the more frequent label of the rows that were trained on would be right about.
    pub baseline: u64,
    /// When it was learned, in microseconds since 1970.
    pub at: i64,
}

impl Trained {
    /// The share of the rows held back that the tree is right about; none where no row was held back.
    pub fn accuracy(&self) -> Option<f64> {
        share(self.right, self.held_back)
    }

    /// The share of them that one answer for all would be right about; none where no row was held back.
    pub fn baseline_accuracy(&self) -> Option<f64> {
        share(self.baseline, self.held_back)
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// Learns a tree from labelled rows. The same rows in any order, with the same options, give the same tree. 22023 where
/// there is nothing to be learned: no labelled rows, or only one label among those that are trained on.
pub fn learn(table: Table, options: &TreeOptions) -> Result<Trained> {
    let table = table.settled();
    let mut rows: Vec<usize> = (0..table.len()).collect();
    if rows.is_empty() {
        return Err(nothing("there are no labelled rows to learn from")
            .with_hint(format!("Rows whose {} is NULL are left out.", options.label)));
    }
    rows.sort_by(|a, b| table.compare(*a, *b));
    shuffle(&mut rows, options.seed);
    let held = (options.holdout * rows.len() as f64).round() as usize;
    let (held, trained) = rows.split_at(held.min(rows.len() - 1));
    let counted = |rows: &[usize]| {
        let mut counts = Counts::default();
        rows.iter().for_each(|row| counts.add(table.label(*row)));
        counts
    };
    let total = counted(trained);
    if total.right == 0 || total.right == total.rows {
        let label = if total.right == 0 { "false" } else { "true" };
        return Err(nothing(&format!("all {} rows to learn from have the label {label}", total.rows))
            .with_hint("A tree is learned from rows that were right and rows that were wrong."));
    }
    let tree = grow(&table, trained, options);
    let right = held.iter().filter(|row| {
        let believed = tree.leaf(|feature| table.value(feature, **row)).share() >= 0.5;
        believed == table.label(**row)
    });
    let majority = total.share() >= 0.5;
    Ok(Trained {
        rows: total.rows,
        held_back: held.len() as u64,
        right: right.count() as u64,
        baseline: held.iter().filter(|row| table.label(**row) == majority).count() as u64,
        at: chrono::Utc::now().timestamp_micros(),
        tree,
    })
}

fn nothing(message: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// Fisher and Yates's shuffle. That a remainder is not quite even is of no account for numbers of rows.
fn shuffle(rows: &mut [usize], seed: i64) {
    let mut chance = ChaCha8Rng::seed_from_u64(seed.cast_unsigned());
    for last in (1..rows.len()).rev() {
        let other = chance.next_u64() % (last as u64 + 1);
        rows.swap(last, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringViewArray, UInt64Array};
    use datafusion::arrow::compute::take_record_batch;
    use proptest::prelude::*;

    use super::super::feature::FeatureKind;
    use super::super::rules::rules;
    use super::super::tree::{Node, Test, Value};
    use super::*;

    type Row = (Option<bool>, Option<f64>, Option<bool>, Option<&'static str>);

    fn batch(rows: &[Row]) -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("correct", Arc::new(rows.iter().map(|row| row.0).collect::<BooleanArray>())),
            ("age", Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>())),
            ("valid", Arc::new(rows.iter().map(|row| row.2).collect::<BooleanArray>())),
            ("source", Arc::new(rows.iter().map(|row| row.3).collect::<StringViewArray>())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    fn table(rows: &[Row]) -> Table {
        let mut table = Table::new(&[
            ("age".to_string(), FeatureKind::Number),
            ("valid".to_string(), FeatureKind::Boolean),
            ("Source".to_string(), FeatureKind::Text),
        ]);
        // In two batches, so that categories are met in both.
        let batch = batch(rows);
        let half = rows.len() / 2;
        table.push(&batch.slice(0, half)).unwrap();
        table.push(&batch.slice(half, rows.len() - half)).unwrap();
        table
    }

    fn planted() -> Vec<Row> {
        // Right where it is fresh, and of the old where the source is one of two; validity says nothing.
        let sources = ["erp", "crm", "shop", "O'Neil", "京"];
        (0..500)
            .map(|n: u32| {
                let age = n * 37 % 1000;
                // There is a gap, so that what is held back is on one side of it too.
                let age = f64::from(if age < 100 { age } else { age + 200 });
                let source = sources[(n / 3) as usize % 5];
                let right = age < 100.0 || source == "erp" || source == "京";
                (Some(right), Some(age), Some(n.is_multiple_of(2)), Some(source))
            })
            .collect()
    }

    #[test]
    fn a_planted_rule_is_learned() {
        let trained = learn(table(&planted()), &TreeOptions::default()).unwrap();
        assert_eq!((trained.rows, trained.held_back, trained.accuracy()), (400, 100, Some(1.0)));
        assert!(trained.baseline_accuracy().unwrap() < 0.8);
        let score = |age: Value<'static>, source: Value<'static>| {
            trained.tree.leaf(|feature| [age, Value::Unknown, source][feature]).share()
        };
        assert_eq!(score(Value::Number(5.0), Value::Text("crm")), 1.0);
        assert_eq!(score(Value::Number(500.0), Value::Text("crm")), 0.0);
        assert_eq!(score(Value::Number(f64::NAN), Value::Text("京")), 1.0);
        let told = rules(&trained.tree);
        assert!(told.contains("\"Source\" in ('erp', '京')"), "{told}");
        assert!(told.contains("\"Source\" in ('O''Neil', 'crm', 'shop')"), "{told}");
        assert!(!told.contains("valid"), "{told}");
        assert!(told.lines().all(|line| line.starts_with("1.000 (") || line.starts_with("0.000 (")), "{told}");
    }

    #[test]
    fn long_categories_are_counted_once() {
        let row = |text| (Some(true), None, None, Some(text));
        let (one, other) = ("x".repeat(1000), "京".repeat(1000));
        let (one, other): (&'static str, &'static str) = (one.leak(), other.leak());
        let few = table(&[row(one), row(one), row(one)]).bytes();
        assert!((2000..2200).contains(&few), "{few}");
        let more = table(&[row(one), row(other), row(one)]).bytes();
        assert!((8000..8400).contains(&more), "{more}");
    }

    #[test]
    fn the_seed_says_which_rows_are_held_back() {
        let learned = |seed, holdout| {
            let options = TreeOptions { seed, holdout, max_depth: 2, ..TreeOptions::default() };
            let trained = learn(table(&planted()), &options).unwrap();
            (trained.tree, trained.rows, trained.held_back, trained.right)
        };
        assert_eq!(learned(1, 0.3), learned(1, 0.3));
        let others: Vec<_> = (2..12).map(|seed| learned(seed, 0.3)).collect();
        assert!(others.iter().any(|other| *other != learned(1, 0.3)));
        let (_, rows, held_back, _) = learned(-7, 0.0);
        assert_eq!((rows, held_back), (500, 0));
    }

    #[test]
    fn what_cannot_be_learned_is_refused() {
        let options = TreeOptions { holdout: 0.0, ..TreeOptions::default() };
        let row = |right| (right, Some(1.0), None, Some("a"));
        for (rows, said) in [
            (vec![], "no labelled rows"),
            (vec![row(None), row(None)], "no labelled rows"),
            (vec![row(Some(true)); 3], "all 3 rows to learn from have the label true"),
            (vec![row(Some(false)), row(None)], "all 1 rows to learn from have the label false"),
        ] {
            let error = learn(table(&rows), &options).unwrap_err();
            assert_eq!(error.state(), SqlState::INVALID_PARAMETER_VALUE);
            assert!(error.message().contains(said), "{}", error.message());
        }
    }

    #[test]
    fn the_unknown_has_its_path() {
        // Nothing is known of what is wrong.
        let mut rows: Vec<Row> = (0..40).map(|n| (Some(true), Some(f64::from(n)), None, Some("a"))).collect();
        rows.extend((0..40).map(|_| (Some(false), None, None, None)));
        let options = TreeOptions { holdout: 0.0, ..TreeOptions::default() };
        let trained = learn(table(&rows), &options).unwrap();
        assert_eq!(rules(&trained.tree), "1.000 (40 of 40): age is known\n0.000 (0 of 40): age is unknown");
        // Of those learned, none was unknown: it goes with the most.
        let rows: Vec<Row> = (0..40).map(|n| (Some(n < 30), Some(f64::from(n)), None, None)).collect();
        let trained = learn(table(&rows), &options).unwrap();
        assert_eq!(rules(&trained.tree), "1.000 (30 of 30): age <= 29 (or unknown)\n0.000 (0 of 10): age > 29");
        assert_eq!(trained.tree.leaf(|_| Value::Unknown).share(), 1.0);
    }

    #[test]
    fn rare_categories_are_unknown() {
        let names: Vec<&'static str> = (0..100).map(|n| &*Box::leak(format!("n{n:03}").into_boxed_str())).collect();
        let mut rows: Vec<Row> = vec![];
        for (n, name) in names.iter().enumerate() {
            let times = if n < 64 { 4 } else { 3 };
            rows.extend((0..times).map(|_| (Some(n % 2 == 0 && n < 64), None, None, Some(*name))));
        }
        let options = TreeOptions { holdout: 0.0, ..TreeOptions::default() };
        let trained = learn(table(&rows), &options).unwrap();
        assert_eq!(trained.tree.features[2].categories.len(), 64);
        let score = |name: &'static str| {
            trained.tree.leaf(|feature| if feature == 2 { Value::Text(name) } else { Value::Unknown })
        };
        assert_eq!((score("n000").share(), score("n001").share()), (1.0, 0.0));
        // One that is rare and one that was never there go the same way.
        assert_eq!(score("n099"), score("never"));
        let Node::Split { test: Test::OneOf { yes, .. }, unknown: false, .. } = &trained.tree.root else {
            panic!("{:?}", trained.tree.root)
        };
        assert_eq!(yes.len(), 32);
    }

    #[test]
    fn leaves_are_as_large_and_trees_as_deep_as_asked() {
        let rows: Vec<Row> = (0..300)
            .map(|n: u32| (Some(n * 7919 % 13 < 5), Some(f64::from(n)), Some(n.is_multiple_of(3)), None))
            .collect();
        fn depth(node: &Node, least: u64) -> u32 {
            match node {
                Node::Leaf(counts) => {
                    assert!(counts.rows >= least);
                    0
                }
                Node::Split { yes, no, .. } => 1 + depth(yes, least).max(depth(no, least)),
            }
        }
        for (max_depth, min_leaf) in [(1, 1), (3, 20), (20, 1), (20, 149), (20, 151)] {
            let options = TreeOptions { max_depth, min_leaf, holdout: 0.0, ..TreeOptions::default() };
            let trained = learn(table(&rows), &options).unwrap();
            assert!(depth(&trained.tree.root, min_leaf.min(300)) <= max_depth);
        }
    }

    fn row() -> impl Strategy<Value = Row> {
        let ages = proptest::sample::select(vec![0.0, -0.0, 1.0, 2.5, f64::NAN, f64::INFINITY, -1e308, 1e308]);
        let texts = proptest::sample::select(vec!["", "a", "A", "ı", "京", "O'Neil"]);
        (
            proptest::option::weighted(0.9, any::<bool>()),
            proptest::option::weighted(0.8, ages),
            proptest::option::weighted(0.8, any::<bool>()),
            proptest::option::weighted(0.8, texts),
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

        #[test]
        fn the_order_of_rows_does_not_matter((given, order) in proptest::collection::vec(row(), 1..80)
            .prop_flat_map(|rows| { let places: Vec<u64> = (0..rows.len() as u64).collect(); (Just(rows), Just(places).prop_shuffle()) }),
            min_leaf in 1_u64..4, seed in any::<i64>(), cut in 0_usize..80)
        {
            let options = TreeOptions { min_leaf, seed, ..TreeOptions::default() };
            let whole = batch(&given);
            let turned = take_record_batch(&whole, &UInt64Array::from(order)).unwrap();
            let features = [
                ("age".to_string(), FeatureKind::Number),
                ("valid".to_string(), FeatureKind::Boolean),
                ("source".to_string(), FeatureKind::Text),
            ];
            let mut other = Table::new(&features);
            let cut = cut.min(given.len());
            other.push(&turned.slice(0, cut)).unwrap();
            other.push(&turned.slice(cut, given.len() - cut)).unwrap();
            let mut first = Table::new(&features);
            first.push(&whole).unwrap();
            match (learn(first, &options), learn(other, &options)) {
                (Ok(first), Ok(other)) => {
                    prop_assert_eq!(&first.tree, &other.tree);
                    prop_assert_eq!((first.right, first.baseline, first.rows), (other.right, other.baseline, other.rows));
                    let kept = serde_json::to_string(&first).unwrap();
                    prop_assert_eq!(serde_json::from_str::<Trained>(&kept).unwrap(), first);
                }
                (Err(first), Err(other)) => prop_assert_eq!(first.message(), other.message()),
                (first, other) => prop_assert!(false, "{first:?} and {other:?}"),
            }
        }
    }
}
