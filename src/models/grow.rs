//! How a tree grows: CART for two classes, as in L. Breiman, J. Friedman, R. Olshen and C. Stone, "Classification and
//! Regression Trees", 1984.
//!
//! Each question is the one that lowers the Gini impurity most. Of categories the best of all divisions is among
//! those of their order by share (theorem 4.5 there), so that few need be tried. Where a value is unknown the tree goes
//! where that made the answer better, or with most rows where none was unknown. Among equally good questions the first
//! is taken, by feature and then by threshold: the order of rows decides nothing.

use super::feature::{Feature, FeatureKind};
use super::options::TreeOptions;
use super::table::{Column, Table};
use super::tree::{Counts, Node, Test, Tree};

/// Of a text's categories this many are known, the most frequent; all others are taken for unknown.
pub(super) const MOST_CATEGORIES: usize = 64;

/// What a question must lower the impurity by, in rows: less is the error of the arithmetic.
const LEAST_GAIN: f64 = 1e-9;

/// Grows a tree on some rows of a table.
pub(super) fn grow(table: &Table, rows: &[usize], options: &TreeOptions) -> Tree {
    let mut features = vec![];
    let mut known = vec![];
    for ((name, kind), column) in table.names.iter().zip(&table.kinds).zip(&table.columns) {
        let (categories, places) = categories(column, rows);
        features.push(Feature { name: name.clone(), kind: *kind, categories });
        known.push(places);
    }
    let root = Grower { table, features: &features, known: &known, options }.node(rows, 0);
    Tree { features, root }
}

/// The categories that are known, in order, and for each code of the column its place among them.
fn categories(column: &Column, rows: &[usize]) -> (Vec<String>, Vec<Option<usize>>) {
    let Column::Text { codes, names } = column else { return (vec![], vec![]) };
    let mut counts = vec![0u64; names.len()];
    for code in rows.iter().filter_map(|row| codes.get(*row).copied().flatten()) {
        if let Some(count) = counts.get_mut(code as usize) {
            *count += 1;
        }
    }
    let mut frequent: Vec<usize> = (0..names.len()).filter(|code| counts.get(*code).is_some_and(|n| *n > 0)).collect();
    // It keeps the order of equal ones.
    frequent.sort_by_key(|code| std::cmp::Reverse(counts.get(*code).copied().unwrap_or_default()));
    frequent.truncate(MOST_CATEGORIES);
    frequent.sort_unstable();
    let mut places = vec![None; names.len()];
    for (place, code) in frequent.iter().enumerate() {
        if let Some(known) = places.get_mut(*code) {
            *known = Some(place);
        }
    }
    (frequent.iter().filter_map(|code| names.get(*code).cloned()).collect(), places)
}

struct Grower<'a> {
    table: &'a Table,
    features: &'a [Feature],
    /// For each column and code the place of the category, if it is known.
    known: &'a [Vec<Option<usize>>],
    options: &'a TreeOptions,
}

/// What a question is made of, once it is the best.
#[derive(Clone, Debug)]
enum Asked {
    /// A number up to the first of these, which are neighbours.
    Between(f64, f64),
    /// A truth value.
    True,
    /// Categories that are answered with yes, and those with no.
    Divided(Vec<usize>, Vec<usize>),
    /// Whether it is known.
    Known,
}

/// The best question so far.
struct Search {
    total: Counts,
    least: u64,
    gain: f64,
    best: Option<(usize, Asked, bool)>,
}

impl Search {
    /// Takes a question if it is better; `yes` are the rows that it is answered with yes for.
    fn offer(&mut self, feature: usize, yes: Counts, unknown: bool, asked: impl FnOnce() -> Asked) {
        let no = self.total.minus(yes);
        if yes.rows < self.least || no.rows < self.least {
            return;
        }
        let gain = impurity(self.total) - impurity(yes) - impurity(no);
        if gain > self.gain {
            self.gain = gain;
            self.best = Some((feature, asked(), unknown));
        }
    }

    /// The same where some rows are unknown: they go either way, or where there are none with most rows.
    fn offer_both(&mut self, feature: usize, yes: Counts, unknown: Counts, asked: impl Fn() -> Asked) {
        if unknown.rows == 0 {
            let most = yes.rows >= self.total.minus(yes).rows;
            return self.offer(feature, yes, most, asked);
        }
        self.offer(feature, yes.plus(unknown), true, &asked);
        self.offer(feature, yes, false, &asked);
    }
}

/// The Gini impurity of a set of two classes, times its rows, but for a factor of two.
fn impurity(counts: Counts) -> f64 {
    if counts.rows == 0 {
        return 0.0;
    }
    let (right, wrong) = (counts.right as f64, (counts.rows - counts.right.min(counts.rows)) as f64);
    right * wrong / counts.rows as f64
}

impl Grower<'_> {
    fn counts(&self, rows: &[usize]) -> Counts {
        let mut counts = Counts::default();
        rows.iter().for_each(|row| counts.add(self.table.label(*row)));
        counts
    }

    fn node(&self, rows: &[usize], depth: u32) -> Node {
        let total = self.counts(rows);
        let pure = total.right == 0 || total.right == total.rows;
        if pure || depth >= self.options.max_depth || total.rows < self.options.min_leaf.saturating_mul(2) {
            return Node::Leaf(total);
        }
        let least = self.options.min_leaf.max(1);
        let mut search = Search { total, least, gain: LEAST_GAIN, best: None };
        for (at, column) in self.table.columns.iter().enumerate() {
            match column {
                Column::Number(values) => self.thresholds(at, values, rows, &mut search),
                Column::Boolean(values) => self.truths(at, values, rows, &mut search),
                Column::Text { codes, .. } => self.divisions(at, codes, rows, &mut search),
            }
        }
        let Some((feature, asked, unknown)) = search.best else { return Node::Leaf(total) };
        let Some(about) = self.features.get(feature) else { return Node::Leaf(total) };
        let test = test(asked, about);
        let answer = |row: &usize| test.answer(self.table.value(feature, *row), about).unwrap_or(unknown);
        let (yes, no): (Vec<usize>, Vec<usize>) = rows.iter().copied().partition(answer);
        let yes = Box::new(self.node(&yes, depth + 1));
        let no = Box::new(self.node(&no, depth + 1));
        Node::Split { feature, test, unknown, yes, no }
    }

    fn thresholds(&self, at: usize, values: &[Option<f64>], rows: &[usize], search: &mut Search) {
        let mut unknown = Counts::default();
        let mut known: Vec<(f64, bool)> = Vec::with_capacity(rows.len());
        for row in rows {
            let label = self.table.label(*row);
            match values.get(*row).copied().flatten() {
                Some(value) => known.push((value, label)),
                None => unknown.add(label),
            }
        }
        known.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut below = Counts::default();
        for pair in known.windows(2) {
            let [(low, label), (high, _)] = pair else { continue };
            below.add(*label);
            if low.total_cmp(high).is_lt() {
                search.offer_both(at, below, unknown, || Asked::Between(*low, *high));
            }
        }
        self.known(at, unknown, search);
    }

    fn truths(&self, at: usize, values: &[Option<bool>], rows: &[usize], search: &mut Search) {
        let (mut unknown, mut yes) = (Counts::default(), Counts::default());
        let mut no = 0u64;
        for row in rows {
            let label = self.table.label(*row);
            match values.get(*row).copied().flatten() {
                Some(true) => yes.add(label),
                Some(false) => no += 1,
                None => unknown.add(label),
            }
        }
        if yes.rows > 0 && no > 0 {
            search.offer_both(at, yes, unknown, || Asked::True);
        }
        self.known(at, unknown, search);
    }

    fn divisions(&self, at: usize, codes: &[Option<u32>], rows: &[usize], search: &mut Search) {
        let places = self.known.get(at).map(Vec::as_slice).unwrap_or_default();
        let mut unknown = Counts::default();
        let mut of: Vec<(usize, Counts)> = (0..MOST_CATEGORIES).map(|place| (place, Counts::default())).collect();
        for row in rows {
            let label = self.table.label(*row);
            let code = codes.get(*row).copied().flatten();
            let place = code.and_then(|code| places.get(code as usize).copied().flatten());
            match place.and_then(|place| of.get_mut(place)) {
                Some((_, counts)) => counts.add(label),
                None => unknown.add(label),
            }
        }
        of.retain(|(_, counts)| counts.rows > 0);
        // The greatest share first. Products of counts are exact, quotients are not.
        of.sort_by(|(first, a), (second, b)| {
            let (a, b) = (product(a.right, b.rows), product(b.right, a.rows));
            b.cmp(&a).then(first.cmp(second))
        });
        let mut yes = Counts::default();
        for taken in 1..of.len() {
            let (chosen, left) = of.split_at(taken);
            yes = chosen.last().map_or(yes, |(_, counts)| yes.plus(*counts));
            let places = |of: &[(usize, Counts)]| of.iter().map(|(place, _)| *place).collect();
            search.offer_both(at, yes, unknown, || Asked::Divided(places(chosen), places(left)));
        }
        self.known(at, unknown, search);
    }

    /// Whether the value is known may tell something by itself.
    fn known(&self, at: usize, unknown: Counts, search: &mut Search) {
        if unknown.rows > 0 {
            search.offer(at, search.total.minus(unknown), false, || Asked::Known);
        }
    }
}

fn product(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

fn test(asked: Asked, feature: &Feature) -> Test {
    match asked {
        Asked::Between(low, high) => Test::AtMost { threshold: between(low, high) },
        Asked::True => Test::True,
        Asked::Known => Test::Known,
        Asked::Divided(yes, no) => {
            let named = |mut places: Vec<usize>| {
                places.sort_unstable();
                places.into_iter().filter_map(|place| feature.categories.get(place).cloned()).collect()
            };
            debug_assert_eq!(feature.kind, FeatureKind::Text);
            Test::OneOf { yes: named(yes), no: named(no) }
        }
    }
}

/// A number from `low` on and below `high`, near below their middle, with as few digits as will do: one
/// that can be read.
fn between(low: f64, high: f64) -> f64 {
    if !low.is_finite() || !high.is_finite() {
        return low;
    }
    let middle = low / 2.0 + high / 2.0;
    let mut unit = 1.0;
    for digits in 0..=17 {
        let cut = (middle / unit).floor() * unit;
        unit /= 10.0;
        // What is printed is a decimal, which the product need not be.
        if let Ok(short) = format!("{cut:.digits$}").parse::<f64>()
            && low <= short
            && short < high
        {
            // No zero with a sign.
            return short + 0.0;
        }
    }
    if low <= middle && middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_can_be_read() {
        for (low, high, expected) in [
            (1.0, 2.0, 1.0),
            (90.0, 93.0, 91.0),
            (0.1, 0.7, 0.3),
            (-0.3, 0.2, -0.1),
            (29.0, 400.0, 214.0),
            (0.123, 0.126, 0.124),
            (-1e300, 1e300, 0.0),
            (f64::NEG_INFINITY, 3.0, f64::NEG_INFINITY),
            (3.0, f64::NAN, 3.0),
        ] {
            assert_eq!(between(low, high), expected, "{low} {high}");
        }
        let near: [f64; 4] = [1.0, 1e-300, 1e300, -7.25];
        for low in near {
            let high = f64::from_bits(if low > 0.0 { low.to_bits() + 1 } else { low.to_bits() - 1 });
            let found = between(low, high);
            assert!(low <= found && found < high, "{low}");
        }
    }
}
