//! The candidates of one cell in the order in which its function prefers them, group by group.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, DynComparator, make_comparator};
use datafusion::arrow::compute::{SortOptions, concat};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::EmitTo;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::scalar::ScalarValue;

use super::node::{Call, CallArgument, Cell};
use crate::error::Error;
use crate::functions::merge::{self, Choice, Level, MergeRule, RowRanking};

/// Some rows of the input, those of a group next to each other.
pub(super) struct Slice {
    /// The node's input columns.
    pub columns: Vec<ArrayRef>,
    /// Where each group begins, and the number of rows.
    pub starts: Vec<usize>,
    /// The group of each row.
    pub groups: Vec<usize>,
}

impl Slice {
    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    pub fn column(&self, at: usize) -> DfResult<&ArrayRef> {
        self.columns.get(at).ok_or_else(|| Error::internal(format!("lineage lacks its column {at}")).into())
    }
}

/// What decided between the chosen candidate and the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// There is one candidate.
    Only,
    /// What the function is given.
    Given(Level),
    /// All have one value, and the function is given nothing that tells them apart: the smallest source.
    Source,
    /// The smallest record of the source.
    Record,
    /// Nothing tells them apart.
    Alike,
}

impl Tie {
    /// Every level as it is printed, in the order of [`Tie::index`].
    pub const NAMES: [&'static str; 9] =
        ["only", "rule", "trust", "timestamp", "value", "source", "record_id", "alike", "score"];

    pub fn index(self) -> usize {
        match self {
            Tie::Only => 0,
            Tie::Given(Level::Rule) => 1,
            Tie::Given(Level::Trust) => 2,
            Tie::Given(Level::Timestamp) => 3,
            Tie::Given(Level::Value) => 4,
            Tie::Source => 5,
            Tie::Record => 6,
            Tie::Alike => 7,
            Tie::Given(Level::Score) => 8,
        }
    }
}

/// Who of a cell's candidates is in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chosen {
    /// The first.
    First,
    /// All of them.
    All,
    /// None: the candidates disagree where they must not, another cell was asked first and has some, or another branch
    /// is taken.
    None,
}

/// One cell of one group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    /// Where its candidates are in [`Ranking::rows`].
    pub start: usize,
    pub end: usize,
    pub chosen: Chosen,
    /// None where nothing is chosen among candidates.
    pub tie: Option<Tie>,
    /// How many different values there are.
    pub distinct: usize,
    /// Whether another cell was asked first and has candidates, or another branch is taken.
    pub passed_over: bool,
}

impl Standing {
    pub fn candidates(&self) -> usize {
        self.end - self.start
    }
}

/// One cell of each group of a slice.
pub(super) struct Ranking {
    /// Rows of the slice: the candidates, each group's best first.
    pub rows: Vec<usize>,
    /// A group's cell.
    pub standings: Vec<Standing>,
    /// What the function made of each group, where it was asked.
    pub results: Option<ArrayRef>,
    /// Orders rows by what is shown of the value alone.
    shown: RowRanking,
}

impl Ranking {
    /// The order of the values that two rows show; rows of one value are equal.
    pub fn compare_values(&self, a: usize, b: usize) -> Ordering {
        self.shown.compare_values(a, b)
    }
}

/// How a cell's result is found among its candidates.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// The rule ranks rows.
    Ranked(&'static MergeRule),
    /// It is what the function gives; the candidates of this value are equal.
    Result,
    /// It is the greatest value, or the smallest.
    Extreme {
        /// Whether it is the greatest.
        greatest: bool,
    },
    /// Each candidate contributes.
    All,
}

impl Way {
    /// The way of a function. What is not known here is asked what it gives.
    pub fn of(cell: &Cell, function: &AggregateFunctionExpr, value: &DataType) -> Way {
        let name = cell.call.function.name();
        let same = function.field().data_type() == value;
        match merge::rule(name) {
            Some(rule) if matches!(rule.choice, Choice::Ranked(_)) && cell.call.order.is_empty() => Way::Ranked(rule),
            Some(rule) if rule.choice == Choice::Ordered && !cell.call.order.is_empty() => Way::Ranked(rule),
            Some(rule) if rule.returns_input() && same => Way::Result,
            Some(_) => Way::All,
            // Of intervals the longest or the shortest, by an aggregate of another name.
            None if name != cell.rule && matches!(cell.rule.as_str(), "min" | "max") => {
                Way::Extreme { greatest: cell.rule == "max" }
            }
            // Of doubles, what min and max give of NaN depends on the order of rows.
            None if matches!(name, "min" | "max") && value.is_floating() => Way::Extreme { greatest: name == "max" },
            None if matches!(name, "min" | "max" | "mode") && same => Way::Result,
            None => Way::All,
        }
    }
}

/// Ranks the candidates of a cell; `results` asks the function also where its rule alone says who is chosen.
pub(super) fn rank(cell: &Cell, function: &AggregateFunctionExpr, slice: &Slice, results: bool) -> DfResult<Ranking> {
    let value = slice.column(cell.value)?;
    let way = Way::of(cell, function, value.data_type());
    let arguments = arguments(&cell.call, function, slice)?;
    let made = match way {
        Way::Result => Some(evaluated(function, &arguments, &slice.starts, &slice.groups)?),
        _ if results && merge::rule(cell.call.function.name()).is_some() => {
            Some(evaluated(function, &arguments, &slice.starts, &slice.groups)?)
        }
        _ => None,
    };
    let by_value = by_value_of(value, made.as_ref().filter(|_| matches!(way, Way::Result)))?;
    // The function gives one of the values as it is written: who wrote it so is chosen.
    let written = match made.as_ref().filter(|_| matches!(way, Way::Result)) {
        Some(results) => {
            let counts = merge::rule(cell.call.function.name()).is_some_and(MergeRule::counts_values);
            RowRanking::written(&concat(&[value.as_ref(), results.as_ref()])?, counts)?
        }
        None => None,
    };
    let ranked = match way {
        Way::Ranked(rule) if rule.choice == Choice::Ordered => Some(by_order_of(&cell.call, value, slice)?),
        Way::Ranked(rule) => {
            Some(RowRanking::try_new(rule, arguments.get(..cell.call.arguments.len()).unwrap_or(&[]))?)
        }
        Way::Extreme { .. } => Some(by_writing(value)?),
        Way::Result | Way::All => None,
    };
    let ties = Ties::of(cell, slice)?;
    let weights = match merge::rule(cell.call.function.name()).map(|rule| rule.choice) {
        Some(Choice::Majority) => Weights::Ones,
        Some(Choice::WeightedMajority) => Weights::of(arguments.get(1)),
        None if cell.call.function.name() == "mode" => Weights::Ones,
        _ => Weights::None,
    };
    // Of a struct that is chosen as one the view may show a field: then it is that of which there are several values.
    let field = cell.field.map(|field| by_value_of(slice.column(field)?, None)).transpose()?;
    let compared = Compared {
        ranked: ranked.as_ref().unwrap_or(&by_value),
        by_value: &by_value,
        written: written.as_ref(),
        shown: field.as_ref().unwrap_or(&by_value),
        ties,
        way,
        weights,
    };
    let mut rows: Vec<usize> = vec![];
    let mut standings = Vec::with_capacity(slice.len());
    for (group, bounds) in slice.starts.windows(2).enumerate() {
        let [from, to] = bounds else { continue };
        let start = rows.len();
        rows.extend((*from..*to).filter(|row| by_value.is_candidate(*row)));
        let candidates = rows.get_mut(start..).unwrap_or_default();
        // What the function gave stands behind the rows.
        let result = value.len() + group;
        let standing = compared.standing(candidates, result, start);
        standings.push(standing);
    }
    drop(compared);
    Ok(Ranking { rows, standings, results: made, shown: field.unwrap_or(by_value) })
}

/// A constant, once for each group.
pub(super) fn constant(cell: &Cell, slice: &Slice) -> DfResult<Ranking> {
    let rows: Vec<usize> = slice.starts.iter().take(slice.len()).copied().collect();
    let standings = (0..rows.len()).map(|at| Standing {
        start: at,
        end: at + 1,
        chosen: Chosen::First,
        tie: Some(Tie::Only),
        distinct: 1,
        passed_over: false,
    });
    let standings = standings.collect();
    Ok(Ranking { rows, standings, results: None, shown: by_value_of(slice.column(cell.text)?, None)? })
}

/// The order of values alone, those of the rows and behind them the results.
fn by_value_of(value: &ArrayRef, results: Option<&ArrayRef>) -> DfResult<RowRanking> {
    let Some(rule) = merge::rule("majority") else {
        return Err(Error::internal("there is no majority to order values by").into());
    };
    let all = match results {
        Some(results) => concat(&[value.as_ref(), results.as_ref()])?,
        None => Arc::clone(value),
    };
    RowRanking::try_new(rule, &[all])
}

/// The order of rows by the call's ORDER BY, and then by value.
fn by_order_of(call: &Call, value: &ArrayRef, slice: &Slice) -> DfResult<RowRanking> {
    let mut columns = vec![Arc::clone(value)];
    for key in &call.order {
        columns.push(Arc::clone(slice.column(key.column)?));
    }
    let options = call.order.iter();
    let options: Vec<SortOptions> =
        options.map(|key| SortOptions { descending: key.descending, nulls_first: key.nulls_first }).collect();
    RowRanking::ordered(&columns, &options)
}

/// The order of values alone in which the two zeros are two: a function that ranks rows keeps them apart, and has nothing
/// here to rank them by.
fn by_writing(value: &ArrayRef) -> DfResult<RowRanking> {
    let Some(rule) = merge::rule("newest") else {
        return Err(Error::internal("there is no newest to order values by").into());
    };
    RowRanking::try_new(rule, std::slice::from_ref(value))
}

/// The arguments of a call, then the columns of its ORDER BY. Where the order means nothing to the function, it is not
/// given what it goes by.
pub(super) fn arguments(call: &Call, function: &AggregateFunctionExpr, slice: &Slice) -> DfResult<Vec<ArrayRef>> {
    let rows = slice.groups.len();
    let given = call.arguments.iter().map(|argument| match argument {
        CallArgument::Column(at) => slice.column(*at).cloned(),
        CallArgument::Literal(value) => ScalarValue::to_array_of_size(value, rows),
    });
    let order = if function.order_bys().is_empty() { &[] } else { call.order.as_slice() };
    given.chain(order.iter().map(|key| slice.column(key.column).cloned())).collect()
}

/// What the function gives for each group. A group's rows stand next to each other, from its place in `starts` on;
/// `groups` are the groups of the rows.
pub(super) fn evaluated(
    function: &AggregateFunctionExpr,
    arguments: &[ArrayRef],
    starts: &[usize],
    groups: &[usize],
) -> DfResult<ArrayRef> {
    let count = starts.len().saturating_sub(1);
    if function.groups_accumulator_supported() {
        let mut accumulator = function.create_groups_accumulator()?;
        accumulator.update_batch(arguments, groups, None, count)?;
        return accumulator.evaluate(EmitTo::All);
    }
    let mut results = Vec::with_capacity(count);
    for bounds in starts.windows(2) {
        let [from, to] = bounds else { continue };
        let own: Vec<ArrayRef> = arguments.iter().map(|column| column.slice(*from, to - from)).collect();
        let mut accumulator = function.create_accumulator()?;
        accumulator.update_batch(&own)?;
        results.push(accumulator.evaluate()?);
    }
    ScalarValue::iter_to_array(results)
}

/// What candidates of one value are told apart by.
struct Ties {
    /// The ORDER BY in the call: what comes first is preferred.
    order: Option<RowRanking>,
    source: Option<DynComparator>,
    record: Option<DynComparator>,
    /// Nothing that a function decides by: so that the order of rows never shows.
    shown: Vec<DynComparator>,
}

impl Ties {
    fn of(cell: &Cell, slice: &Slice) -> DfResult<Ties> {
        let compare = |at: Option<usize>, descending: bool| -> DfResult<Option<DynComparator>> {
            let Some(at) = at else { return Ok(None) };
            let column = slice.column(at)?;
            Ok(Some(make_comparator(column, column, SortOptions { descending, nulls_first: false })?))
        };
        // Equal values may be written in two ways: 0 and -0.
        let shown = [(cell.trust, true), (cell.time, true), (cell.changed, false), (Some(cell.text), false)];
        let shown = shown.into_iter().map(|(at, descending)| compare(at, descending)).collect::<DfResult<Vec<_>>>()?;
        let order = match cell.call.order.is_empty() {
            true => None,
            false => Some(by_order_of(&cell.call, slice.column(cell.value)?, slice)?),
        };
        Ok(Ties {
            order,
            source: compare(cell.source, false)?,
            record: compare(cell.record, false)?,
            shown: shown.into_iter().flatten().collect(),
        })
    }

    fn by_order(&self, a: usize, b: usize) -> Ordering {
        self.order.as_ref().map_or(Ordering::Equal, |order| order.compare_order(a, b))
    }

    fn by_source(&self, a: usize, b: usize) -> Ordering {
        self.source.as_ref().map_or(Ordering::Equal, |compare| compare(a, b))
    }

    fn by_record(&self, a: usize, b: usize) -> Ordering {
        self.record.as_ref().map_or(Ordering::Equal, |compare| compare(a, b))
    }

    fn compare(&self, a: usize, b: usize) -> Ordering {
        let known = self.by_source(a, b).then_with(|| self.by_record(a, b));
        self.shown.iter().fold(known, |order, compare| order.then_with(|| compare(a, b)))
    }
}

/// What counts for a value in a vote.
enum Weights {
    /// There is no vote.
    None,
    /// Each row.
    Ones,
    /// Whole numbers and digits of decimals.
    Exact(Vec<i128>),
    Doubles(Vec<f64>),
}

impl Weights {
    fn of(column: Option<&ArrayRef>) -> Weights {
        let Some(column) = column else { return Weights::None };
        match column.data_type() {
            DataType::Int64 => {
                let known = column.as_primitive_opt::<Int64Type>();
                Weights::Exact(
                    known.map(|c| c.iter().map(|w| i128::from(w.unwrap_or(0))).collect()).unwrap_or_default(),
                )
            }
            DataType::Decimal128(..) => {
                let known = column.as_primitive_opt::<Decimal128Type>();
                Weights::Exact(known.map(|c| c.iter().map(|w| w.unwrap_or(0)).collect()).unwrap_or_default())
            }
            DataType::Float64 => {
                let known = column.as_primitive_opt::<Float64Type>();
                Weights::Doubles(known.map(|c| c.iter().map(|w| w.unwrap_or(0.0)).collect()).unwrap_or_default())
            }
            _ => Weights::None,
        }
    }

    /// Compares what two sets of rows weigh.
    fn compare(&self, a: &[usize], b: &[usize]) -> Option<Ordering> {
        match self {
            Weights::None => None,
            Weights::Ones => Some(a.len().cmp(&b.len())),
            Weights::Exact(weights) => {
                let sum = |rows: &[usize]| rows.iter().filter_map(|row| weights.get(*row)).sum::<i128>();
                Some(sum(a).cmp(&sum(b)))
            }
            Weights::Doubles(weights) => {
                // From the smallest up, so that the order of rows does not show.
                let sum = |rows: &[usize]| {
                    let mut own: Vec<f64> = rows.iter().filter_map(|row| weights.get(*row)).copied().collect();
                    own.sort_by(f64::total_cmp);
                    own.into_iter().sum::<f64>()
                };
                Some(sum(a).total_cmp(&sum(b)))
            }
        }
    }
}

/// Compares the candidates of a cell.
struct Compared<'a> {
    ranked: &'a RowRanking,
    by_value: &'a RowRanking,
    /// The order of values as they are written, where equal ones may be written differently.
    written: Option<&'a RowRanking>,
    shown: &'a RowRanking,
    ties: Ties,
    way: Way,
    weights: Weights,
}

impl Compared<'_> {
    /// Sorts a group's candidates and says where they stand; `start` is where they begin, `result` the place of what
    /// the function gave.
    fn standing(&self, candidates: &mut [usize], result: usize, start: usize) -> Standing {
        let end = start + candidates.len();
        let none = Standing { start, end, chosen: Chosen::None, tie: None, distinct: 0, passed_over: false };
        let is_result = |row: usize| self.by_value.compare_values(row, result).is_eq();
        let is_written = |row: usize| self.written.is_some_and(|written| written.compare_values(row, result).is_eq());
        let gives = match self.way {
            Way::Result => self.by_value.is_candidate(result),
            Way::Ranked(_) | Way::Extreme { .. } | Way::All => true,
        };
        match candidates {
            [] => return none,
            [only] if !matches!(self.way, Way::Result) || (gives && is_result(*only)) => {
                let chosen = if matches!(self.way, Way::All) { Chosen::All } else { Chosen::First };
                let tie = (chosen == Chosen::First).then_some(Tie::Only);
                return Standing { chosen, tie, distinct: 1, ..none };
            }
            _ => {}
        }
        candidates.sort_by(|a, b| {
            let order = self.ranked.compare(*b, *a).0.then_with(|| self.ties.compare(*a, *b));
            match self.way {
                Way::Result if gives => {
                    let given = is_result(*b).cmp(&is_result(*a)).then_with(|| is_written(*b).cmp(&is_written(*a)));
                    given.then_with(|| self.ties.by_order(*a, *b)).then(order)
                }
                Way::Extreme { greatest: false } => {
                    self.ranked.compare(*a, *b).0.then_with(|| self.ties.compare(*a, *b))
                }
                _ => order,
            }
        });
        let distinct = self.distinct(candidates);
        let Some((first, others)) = candidates.split_first() else { return none };
        match self.way {
            Way::All => Standing { chosen: Chosen::All, distinct, ..none },
            Way::Result if !gives || !is_result(*first) => {
                Standing { tie: (distinct > 1).then_some(Tie::Given(Level::Rule)), distinct, ..none }
            }
            Way::Result | Way::Ranked(_) | Way::Extreme { .. } => {
                Standing { chosen: Chosen::First, tie: Some(self.tie(*first, others)), distinct, ..none }
            }
        }
    }

    fn distinct(&self, candidates: &[usize]) -> usize {
        let same = |a: &usize, b: &usize| self.shown.compare_values(*a, *b).is_eq();
        if let Some((first, others)) = candidates.split_first()
            && others.iter().all(|other| same(first, other))
        {
            return 1;
        }
        let mut sorted = candidates.to_vec();
        sorted.sort_by(|a, b| self.shown.compare_values(*a, *b));
        sorted.dedup_by(|a, b| same(a, b));
        sorted.len()
    }

    /// What decided between the first candidate and the best of another value, or of the others where all have one.
    fn tie(&self, first: usize, others: &[usize]) -> Tie {
        let differs = |row: &&usize| self.by_value.compare_values(first, **row).is_ne();
        let Some(next) = others.iter().find(differs).or(others.first()) else { return Tie::Only };
        if matches!(self.way, Way::Ranked(_)) {
            if let Some(level) = self.ranked.compare(first, *next).1 {
                return Tie::Given(level);
            }
        } else if matches!(self.way, Way::Extreme { .. }) && self.ranked.compare(first, *next).0.is_ne() {
            let equal = self.by_value.compare_values(first, *next).is_eq();
            return Tie::Given(if equal { Level::Value } else { Level::Rule });
        } else if self.by_value.compare_values(first, *next).is_ne() {
            let ordered = self.ties.order.is_some() && self.ties.by_order(first, *next).is_eq();
            return Tie::Given(if ordered || self.outvoted(first, others) { Level::Value } else { Level::Rule });
        }
        if self.ties.by_source(first, *next).is_ne() {
            Tie::Source
        } else if self.ties.by_record(first, *next).is_ne() {
            Tie::Record
        } else {
            Tie::Alike
        }
    }

    /// Whether another value has as many votes as the first candidate's. Equal values stand next to each other.
    fn outvoted(&self, first: usize, others: &[usize]) -> bool {
        let same = |a: &usize, b: &usize| self.by_value.compare_values(*a, *b).is_eq();
        let mut runs = others.chunk_by(same);
        let mut own = vec![first];
        let mut rest: Vec<&[usize]> = vec![];
        if let Some(run) = runs.next() {
            match run.first() {
                Some(row) if same(&first, row) => own.extend(run),
                _ => rest.push(run),
            }
        }
        rest.extend(runs);
        rest.into_iter().any(|run| self.weights.compare(run, &own).is_some_and(Ordering::is_ge))
    }
}
