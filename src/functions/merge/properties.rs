//! Properties that every merge function has, checked on random rows: the order of rows and their split over partial
//! states change nothing, one group at a time gives the same as all at once, and a plain definition agrees.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int32Array, Int32Builder, Int64Array,
    IntervalMonthDayNanoArray, ListBuilder, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
    UInt32Array, new_null_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::{SortOptions, concat, take};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, Fields, Float64Type, Int64Type, IntervalMonthDayNanoType, IntervalUnit, Schema,
    TimeUnit,
};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use proptest::prelude::*;

use super::rank::RowRanking;
use super::rule::Choice;
use super::{all, rule};

const GROUPS: usize = 4;

/// A type to merge, of which five values are tried; `0..5` stands for them in the type's order.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Int,
    Text,
    View,
    Double,
    Decimal,
    Bool,
    Interval,
    List,
    Record,
}

const KINDS: [Kind; 9] = [
    Kind::Int,
    Kind::Text,
    Kind::View,
    Kind::Double,
    Kind::Decimal,
    Kind::Bool,
    Kind::Interval,
    Kind::List,
    Kind::Record,
];
/// The order of survivor's calls: by trust downwards, then by time upwards.
const ORDER: [SortOptions; 2] =
    [SortOptions { descending: true, nulls_first: false }, SortOptions { descending: false, nulls_first: true }];
const TEXTS: [&str; 5] = ["", "Zürich", "a", "a longer text than a view holds", "长文"];

#[derive(Clone, Debug)]
struct Row {
    group: usize,
    value: Option<u8>,
    time: Option<i64>,
    trust: Option<i64>,
    weight: Option<i64>,
    kept: Option<bool>,
}

fn record_fields() -> Fields {
    Fields::from(vec![Field::new("street", DataType::Utf8, true), Field::new("number", DataType::Int32, true)])
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Kind::Int => DataType::Int64,
            Kind::Text => DataType::Utf8,
            Kind::View => DataType::Utf8View,
            Kind::Double => DataType::Float64,
            Kind::Decimal => DataType::Decimal128(10, 2),
            Kind::Bool => DataType::Boolean,
            Kind::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Kind::List => DataType::List(Arc::new(Field::new("item", DataType::Int32, true))),
            Kind::Record => DataType::Struct(record_fields()),
        }
    }

    /// A value that this type has; it has fewer booleans.
    fn tame(self, value: u8) -> usize {
        usize::from(if matches!(self, Kind::Bool) { value % 2 } else { value })
    }

    /// A null is a null, or with `blank` a struct whose fields are all null.
    fn column(self, values: &[Option<usize>], blank: bool) -> ArrayRef {
        let values = values.iter().copied();
        match self {
            Kind::Int => Arc::new(values.map(|v| v.map(|v| v as i64 * 3 - 4)).collect::<Int64Array>()),
            Kind::Text => Arc::new(values.map(|v| v.map(|v| TEXTS[v])).collect::<StringArray>()),
            Kind::View => Arc::new(values.map(|v| v.map(|v| TEXTS[v])).collect::<StringViewArray>()),
            Kind::Double => {
                let doubles = [f64::NEG_INFINITY, -1.5, 0.0, 2.5, f64::NAN];
                Arc::new(values.map(|v| v.map(|v| doubles[v])).collect::<Float64Array>())
            }
            Kind::Decimal => {
                let digits = values.map(|v| v.map(|v| v as i128 * 25 - 50)).collect::<Decimal128Array>();
                Arc::new(digits.with_data_type(self.data_type()))
            }
            Kind::Bool => Arc::new(values.map(|v| v.map(|v| v == 1)).collect::<BooleanArray>()),
            Kind::Interval => {
                let intervals = [(0, -1), (0, 0), (0, 29), (1, 0), (0, 31)];
                let intervals =
                    values.map(|v| v.map(|v| IntervalMonthDayNanoType::make_value(intervals[v].0, intervals[v].1, 0)));
                Arc::new(intervals.collect::<IntervalMonthDayNanoArray>())
            }
            Kind::List => {
                let lists = [vec![], vec![None], vec![Some(1)], vec![Some(1), Some(2)], vec![Some(2)]];
                let mut builder = ListBuilder::new(Int32Builder::new());
                for value in values {
                    match value {
                        Some(value) => builder.append_value(lists[value].clone()),
                        None => builder.append_null(),
                    }
                }
                Arc::new(builder.finish())
            }
            Kind::Record => {
                let records = [("a", None), ("a", Some(1)), ("a", Some(20)), ("b", None), ("b", Some(3))];
                let streets: StringArray = values.clone().map(|v| v.map(|v| records[v].0)).collect();
                let numbers: Int32Array = values.clone().map(|v| v.and_then(|v| records[v].1)).collect();
                let nulls = (!blank).then(|| values.map(|v| v.is_some()).collect::<NullBuffer>());
                let columns: Vec<ArrayRef> = vec![Arc::new(streets), Arc::new(numbers)];
                Arc::new(StructArray::new(record_fields(), columns, nulls))
            }
        }
    }

    fn length(self, value: usize) -> Option<usize> {
        match self {
            Kind::Text | Kind::View => Some(TEXTS[value].chars().count()),
            Kind::List => Some([0, 1, 1, 2, 1][value]),
            Kind::Record => Some([1, 2, 3, 1, 2][value]),
            _ => None,
        }
    }
}

/// A call of a function on rows.
#[derive(Clone)]
struct Case {
    name: &'static str,
    kind: Kind,
    /// Whether keys and weights are numerics instead of timestamps and integers.
    wide: bool,
    blank: bool,
}

impl Case {
    fn columns(&self, rows: &[Row]) -> Vec<ArrayRef> {
        let values: Vec<Option<usize>> = rows.iter().map(|row| row.value.map(|v| self.kind.tame(v))).collect();
        let value = self.kind.column(&values, self.blank);
        let time: ArrayRef = Arc::new(rows.iter().map(|row| row.time).collect::<TimestampMicrosecondArray>());
        let number = |pick: fn(&Row) -> Option<i64>| -> ArrayRef {
            if self.wide {
                let digits: Decimal128Array = rows.iter().map(|row| pick(row).map(i128::from)).collect();
                Arc::new(digits.with_data_type(DataType::Decimal128(20, 2)))
            } else {
                Arc::new(rows.iter().map(pick).collect::<Int64Array>())
            }
        };
        let trust = number(|row| row.trust);
        let weight = number(|row| row.weight);
        match self.name {
            "newest" | "oldest" => vec![value, if self.wide { number(|row| row.time) } else { time }],
            "most_trusted" | "survivor" => vec![value, trust, time],
            "most_complete" => vec![value, trust, time, weight],
            "weighted_majority" => vec![value, weight],
            "tree_choice" => {
                let score: Float64Array = rows.iter().map(|row| row.trust.map(|trust| trust as f64 / 3.0)).collect();
                vec![value, Arc::new(score)]
            }
            "weighted_avg" => {
                let value: Int64Array = values.iter().map(|v| v.map(|v| v as i64)).collect();
                vec![Arc::new(value), weight]
            }
            _ => vec![value],
        }
    }

    fn call(&self, columns: &[ArrayRef]) -> AggregateFunctionExpr {
        let function = all().into_iter().find(|function| function.name() == self.name).expect("registered");
        let fields: Vec<Field> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| Field::new(format!("c{at}"), column.data_type().clone(), true))
            .collect();
        let mut arguments: Vec<Arc<dyn PhysicalExpr>> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| Arc::new(Column::new(field.name(), at)) as Arc<dyn PhysicalExpr>)
            .collect();
        let order = if self.name == "survivor" { arguments.split_off(1) } else { Vec::new() };
        let order = order.into_iter().zip(ORDER).map(|(expr, options)| PhysicalSortExpr { expr, options });
        AggregateExprBuilder::new(Arc::new(function), arguments)
            .order_by(order.collect())
            .schema(Arc::new(Schema::new(fields)))
            .alias("merged")
            .build()
            .expect("a call that plans")
    }

    /// What the definition of the function says for the candidates of one group.
    fn expected(&self, rows: &[&Row]) -> Vec<usize> {
        let known: Vec<(usize, &Row)> =
            rows.iter().filter_map(|row| row.value.map(|v| (self.kind.tame(v), *row))).collect();
        let length = |v: usize| self.kind.length(v);
        let winner = match self.name {
            "newest" => known.iter().max_by_key(|(v, row)| (row.time, *v)).map(|(v, _)| *v),
            "oldest" => known.iter().max_by_key(|(v, row)| (row.time.map(Reverse), *v)).map(|(v, _)| *v),
            "most_trusted" => known.iter().max_by_key(|(v, row)| (row.trust, row.time, *v)).map(|(v, _)| *v),
            "tree_choice" => known.iter().max_by_key(|(v, row)| (row.trust, *v)).map(|(v, _)| *v),
            "most_complete" => known
                .iter()
                .max_by_key(|(v, row)| {
                    let fields = [row.trust, row.time, row.weight];
                    (fields.iter().flatten().count(), *v)
                })
                .map(|(v, _)| *v),
            "survivor" => known
                .iter()
                .max_by_key(|(v, row)| (row.trust, row.time.is_none(), Reverse(row.time), *v))
                .map(|(v, _)| *v),
            "longest" => known.iter().max_by_key(|(v, _)| (length(*v), *v)).map(|(v, _)| *v),
            "shortest" => known.iter().max_by_key(|(v, _)| (Reverse(length(*v)), *v)).map(|(v, _)| *v),
            _ => {
                let mut totals: BTreeMap<usize, i64> = BTreeMap::new();
                for (v, row) in &known {
                    let weight = if self.name == "weighted_majority" { row.weight.unwrap_or(0) } else { 1 };
                    *totals.entry(*v).or_default() += weight;
                }
                match self.name {
                    "all_values" => return totals.into_keys().collect(),
                    "unanimous" if totals.len() != 1 => None,
                    _ => totals.into_iter().max_by_key(|(v, total)| (*total, *v)).map(|(v, _)| v),
                }
            }
        };
        winner.into_iter().collect()
    }

    /// The result column for all groups, by the definition.
    fn expected_column(&self, rows: &[Row]) -> ArrayRef {
        let groups: Vec<Vec<usize>> = (0..GROUPS)
            .map(|group| {
                let rows: Vec<&Row> = rows.iter().filter(|row| row.group == group && row.kept == Some(true)).collect();
                self.expected(&rows)
            })
            .collect();
        if self.name != "all_values" {
            let winners: Vec<Option<usize>> = groups.iter().map(|group| group.first().copied()).collect();
            return self.kind.column(&winners, false);
        }
        let lists: Vec<ArrayRef> = groups
            .iter()
            .map(|group| {
                let values: Vec<Option<usize>> = group.iter().copied().map(Some).collect();
                let list = DataType::List(Arc::new(Field::new("item", self.kind.data_type(), true)));
                if values.is_empty() {
                    return new_null_array(&list, 1);
                }
                let values = scalars(&self.kind.column(&values, false));
                let list = ScalarValue::new_list_nullable(&values, &self.kind.data_type());
                ScalarValue::List(list).to_array().expect("a list")
            })
            .collect();
        concat(&lists.iter().map(|list| list.as_ref()).collect::<Vec<_>>()).expect("lists")
    }
}

fn scalars(column: &ArrayRef) -> Vec<ScalarValue> {
    (0..column.len()).map(|row| ScalarValue::try_from_array(column, row).expect("a scalar")).collect()
}

fn filter_of(rows: &[Row]) -> BooleanArray {
    rows.iter().map(|row| row.kept).collect()
}

fn groups_of(rows: &[Row]) -> Vec<usize> {
    rows.iter().map(|row| row.group).collect()
}

/// All rows in batches of three, into one accumulator.
fn single_pass(case: &Case, rows: &[Row]) -> Box<dyn GroupsAccumulator> {
    let mut accumulator = case.call(&case.columns(rows)).create_groups_accumulator().expect("an accumulator");
    for batch in rows.chunks(3) {
        let filter = filter_of(batch);
        accumulator
            .update_batch(&case.columns(batch), &groups_of(batch), Some(&filter), GROUPS)
            .expect("rows are merged");
    }
    if rows.is_empty() {
        accumulator.update_batch(&case.columns(rows), &[], None, GROUPS).expect("no rows are merged");
    }
    accumulator
}

/// Rows split over partial states, by turns accumulated and converted, and merged.
fn two_phases(case: &Case, rows: &[Row], split: usize) -> ArrayRef {
    let call = case.call(&case.columns(rows));
    let mut last = call.create_groups_accumulator().expect("an accumulator");
    let parts: Vec<&[Row]> = if rows.is_empty() { vec![rows] } else { rows.chunks(split).collect() };
    for (nth, part) in parts.into_iter().enumerate() {
        if nth % 2 == 0 {
            let state = single_pass(case, part).state(EmitTo::All).expect("a state");
            check_state(&call, &state);
            last.merge_batch(&state, &(0..GROUPS).collect::<Vec<_>>(), GROUPS).expect("a state is merged");
        } else {
            let filter = filter_of(part);
            let state = last.convert_to_state(&case.columns(part), Some(&filter)).expect("a state");
            check_state(&call, &state);
            last.merge_batch(&state, &groups_of(part), GROUPS).expect("a state is merged");
        }
    }
    last.evaluate(EmitTo::All).expect("a result")
}

fn check_state(call: &AggregateFunctionExpr, state: &[ArrayRef]) {
    let fields = call.state_fields().expect("state fields");
    assert_eq!(fields.len(), state.len());
    for (field, column) in fields.iter().zip(state) {
        assert_eq!(field.data_type(), column.data_type());
    }
}

/// Each group through the accumulator of one group, read twice as a growing window reads it.
fn one_by_one(case: &Case, rows: &[Row]) -> ArrayRef {
    let call = case.call(&case.columns(rows));
    let results: Vec<ArrayRef> = (0..GROUPS)
        .map(|group| {
            let rows: Vec<Row> =
                rows.iter().filter(|row| row.group == group && row.kept == Some(true)).cloned().collect();
            let mut accumulator = call.create_accumulator().expect("an accumulator");
            for batch in rows.chunks(2) {
                accumulator.update_batch(&case.columns(batch)).expect("rows are merged");
                accumulator.evaluate().expect("a result");
            }
            accumulator.evaluate().expect("a result").to_array().expect("a column")
        })
        .collect();
    concat(&results.iter().map(|result| result.as_ref()).collect::<Vec<_>>()).expect("results")
}

/// The result, its first groups emitted before the others.
fn emitted(mut accumulator: Box<dyn GroupsAccumulator>, first: usize) -> ArrayRef {
    let head = accumulator.evaluate(EmitTo::First(first)).expect("the first groups");
    let tail = accumulator.evaluate(EmitTo::All).expect("the other groups");
    assert_eq!(head.len(), first);
    concat(&[head.as_ref(), tail.as_ref()]).expect("one column")
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0..GROUPS,
        proptest::option::weighted(0.8, 0_u8..5),
        proptest::option::weighted(0.8, -2_i64..3),
        proptest::option::weighted(0.8, -1_i64..2),
        proptest::option::weighted(0.8, 0_i64..4),
        proptest::option::weighted(0.9, proptest::bool::weighted(0.8)),
    );
    let row = row.prop_map(|(group, value, time, trust, weight, kept)| Row { group, value, time, trust, weight, kept });
    proptest::collection::vec(row, 0..40)
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [
        "newest",
        "oldest",
        "most_trusted",
        "tree_choice",
        "most_complete",
        "survivor",
        "majority",
        "weighted_majority",
        "unanimous",
        "longest",
        "shortest",
        "all_values",
    ] {
        for (nth, kind) in KINDS.into_iter().enumerate() {
            if matches!(name, "longest" | "shortest") && kind.length(0).is_none() {
                continue;
            }
            cases.push(Case { name, kind, wide: nth % 2 == 0, blank: true });
        }
    }
    cases
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn results_follow_the_definition((given, shuffled) in rows().prop_flat_map(|rows| {
        (Just(rows.clone()), Just(rows).prop_shuffle())
    }), split in 1_usize..9, first in 0..=GROUPS) {
        for case in cases() {
            let expected = case.expected_column(&given);
            let label = format!("{} of {:?}", case.name, case.kind);
            let whole = emitted(single_pass(&case, &given), first);
            prop_assert!(*whole == *expected, "{label}: {whole:?} is not {expected:?}");
            let other = emitted(single_pass(&case, &shuffled), 0);
            prop_assert!(*other == *expected, "{label}, shuffled: {other:?} is not {expected:?}");
            let merged = two_phases(&case, &shuffled, split);
            prop_assert!(*merged == *expected, "{label}, in parts: {merged:?} is not {expected:?}");
            let single = one_by_one(&case, &given);
            prop_assert!(*single == *expected, "{label}, one by one: {single:?} is not {expected:?}");
        }
    }

    #[test]
    fn lineage_ranks_as_the_accumulators_do(given in rows()) {
        let given: Vec<Row> = given.into_iter().map(|row| Row { group: 0, kept: Some(true), ..row }).collect();
        for case in cases() {
            let rule = rule(case.name).expect("a rule");
            let columns = case.columns(&given);
            let ranking = match rule.choice {
                Choice::Ranked(_) => RowRanking::try_new(rule, &columns).expect("a ranking"),
                Choice::Ordered => RowRanking::ordered(&columns, &ORDER).expect("a ranking"),
                _ => continue,
            };
            let best = (0..given.len())
                .filter(|row| ranking.is_candidate(*row))
                .max_by(|a, b| ranking.compare(*a, *b).0);
            let result = single_pass(&case, &given).evaluate(EmitTo::First(1)).expect("a result");
            let row = UInt32Array::from(vec![best.map(|row| row as u32)]);
            let expected = take(columns[0].as_ref(), &row, None).expect("the row");
            prop_assert!(*result == *expected, "{}: {result:?} is not {expected:?}", case.name);
        }
    }

    #[test]
    fn means_do_not_show_the_order((given, shuffled) in rows().prop_flat_map(|rows| {
        (Just(rows.clone()), Just(rows).prop_shuffle())
    }), split in 1_usize..9, wide in any::<bool>()) {
        let case = Case { name: "weighted_avg", kind: Kind::Int, wide, blank: true };
        let mut sums = [(0, 0); GROUPS];
        for row in given.iter().filter(|row| row.kept == Some(true)) {
            if let (Some(value), Some(weight)) = (row.value, row.weight) {
                sums[row.group].0 += i64::from(value) * weight;
                sums[row.group].1 += weight;
            }
        }
        let expected: Float64Array =
            sums.iter().map(|(sum, weight)| (*weight > 0).then(|| *sum as f64 / *weight as f64)).collect();
        let expected: ArrayRef = Arc::new(expected);
        let whole = emitted(single_pass(&case, &shuffled), 2);
        for result in [whole, two_phases(&case, &given, split), one_by_one(&case, &given)] {
            prop_assert!(*result == *expected, "{result:?} is not {expected:?}");
        }
    }

    #[test]
    fn medians_are_in_the_middle((given, shuffled) in rows().prop_flat_map(|rows| {
        (Just(rows.clone()), Just(rows).prop_shuffle())
    }), split in 1_usize..9, first in 0..=GROUPS) {
        for kind in [Kind::Int, Kind::Decimal, Kind::Double] {
            let case = Case { name: "median", kind, wide: false, blank: true };
            let mut groups = vec![Vec::new(); GROUPS];
            for row in given.iter().filter(|row| row.kept == Some(true)) {
                groups[row.group].extend(row.value.map(usize::from));
            }
            let pairs: Vec<Option<(usize, usize)>> = groups
                .into_iter()
                .map(|mut values| {
                    values.sort_unstable();
                    let last = values.len().checked_sub(1)?;
                    Some((values[last / 2], values[last.div_ceil(2)]))
                })
                .collect();
            let column = |pick: fn((usize, usize)) -> usize| {
                kind.column(&pairs.iter().map(|pair| pair.map(pick)).collect::<Vec<_>>(), false)
            };
            let (lower, upper) = (column(|pair| pair.0), column(|pair| pair.1));
            let expected: ArrayRef = if matches!(kind, Kind::Double) {
                let (lower, upper) = (lower.as_primitive::<Float64Type>(), upper.as_primitive::<Float64Type>());
                let half = |(a, b): (Option<f64>, Option<f64>)| Some((a? + b?) / 2.0);
                Arc::new(lower.iter().zip(upper).map(half).collect::<Float64Array>())
            } else {
                let digits = |column: &ArrayRef| -> Vec<Option<i128>> {
                    match column.as_primitive_opt::<Int64Type>() {
                        Some(column) => column.iter().map(|v| v.map(i128::from)).collect(),
                        None => column.as_primitive::<Decimal128Type>().iter().collect(),
                    }
                };
                let scale = if matches!(kind, Kind::Int) { (20, 1) } else { (11, 3) };
                let tenths = digits(&lower).into_iter().zip(digits(&upper)).map(|(a, b)| Some((a? + b?) * 5));
                let tenths = tenths.collect::<Decimal128Array>();
                Arc::new(tenths.with_data_type(DataType::Decimal128(scale.0, scale.1)))
            };
            let whole = emitted(single_pass(&case, &shuffled), first);
            for result in [whole, two_phases(&case, &given, split), one_by_one(&case, &given)] {
                prop_assert!(*result == *expected, "{kind:?}: {result:?} is not {expected:?}");
            }
        }
    }

    #[test]
    fn doubles_are_weighed_exactly((given, shuffled) in proptest::collection::vec(
        (0_i64..3, 0.0_f64..1e6, -1e6_f64..1e6), 1..60
    ).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))) {
        let results: Vec<Vec<f64>> = [given, shuffled].iter().map(|rows| {
            let votes: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.0)).collect::<Int64Array>());
            let weights: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.1)).collect::<Float64Array>());
            let values: ArrayRef = Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Float64Array>());
            [("weighted_majority", votes), ("weighted_avg", values)].into_iter().map(|(name, value)| {
                let case = Case { name, kind: Kind::Int, wide: false, blank: false };
                let columns = vec![value, Arc::clone(&weights)];
                let call = case.call(&columns);
                let mut parts = call.create_groups_accumulator().expect("an accumulator");
                let states = parts.convert_to_state(&columns, None).expect("a state");
                parts.merge_batch(&states, &vec![0; rows.len()], 1).expect("a state is merged");
                let state = parts.state(EmitTo::All).expect("a state");
                parts.merge_batch(&state, &[0], 1).expect("a state is merged");
                let result = parts.evaluate(EmitTo::All).expect("a result");
                match result.as_primitive_opt::<Float64Type>() {
                    Some(mean) => mean.value(0),
                    None => result.as_primitive::<Int64Type>().value(0) as f64,
                }
            }).collect()
        }).collect();
        prop_assert_eq!(results[0][0], results[1][0]);
        let (a, b) = (results[0][1], results[1][1]);
        prop_assert!((a - b).abs() <= 1e-12 * a.abs().max(1.0), "{} and {}", a, b);
    }
}

#[test]
fn blank_records_and_zeros_have_their_order() {
    let case = Case { name: "newest", kind: Kind::Double, wide: false, blank: false };
    let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1, 1, 1]));
    for (values, best) in [([-0.0, 0.0, -0.0], 0.0_f64), ([-0.0, -1.0, -0.0], -0.0), ([1.0, -f64::NAN, 2.0], f64::NAN)]
    {
        let columns: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(values.to_vec())), Arc::clone(&time)];
        let mut accumulator = case.call(&columns).create_groups_accumulator().expect("an accumulator");
        accumulator.update_batch(&columns, &[0, 0, 0], None, 1).expect("rows are merged");
        let result = accumulator.evaluate(EmitTo::All).expect("a result");
        assert_eq!(result.as_primitive::<Float64Type>().value(0).to_bits(), best.to_bits());
    }
}

#[test]
fn zeros_are_one_value_when_counted() {
    let case = Case { name: "unanimous", kind: Kind::Double, wide: false, blank: false };
    let columns: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(vec![-0.0, 0.0, -0.0]))];
    let mut accumulator = case.call(&columns).create_groups_accumulator().expect("an accumulator");
    accumulator.update_batch(&columns, &[0, 0, 0], None, 1).expect("rows are merged");
    let result = accumulator.evaluate(EmitTo::All).expect("a result");
    assert_eq!(result.as_primitive::<Float64Type>().value(0).to_bits(), 0.0_f64.to_bits());
}

#[test]
fn weights_must_be_finite_and_not_negative() {
    for name in ["weighted_majority", "weighted_avg"] {
        for weight in [-1.0, f64::NAN, f64::INFINITY] {
            let case = Case { name, kind: Kind::Double, wide: false, blank: false };
            let columns: Vec<ArrayRef> =
                vec![Arc::new(Float64Array::from(vec![1.0])), Arc::new(Float64Array::from(vec![weight]))];
            let mut accumulator = case.call(&columns).create_groups_accumulator().expect("an accumulator");
            assert!(accumulator.update_batch(&columns, &[0], None, 1).is_err(), "{name} of {weight}");
        }
    }
}

#[test]
fn metadata_and_types_are_kept() {
    let uuid = Arc::new(
        Field::new("id", DataType::Utf8View, false).with_metadata([("k".to_string(), "uuid".to_string())].into()),
    );
    let time = Arc::new(Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true));
    for rule in super::rules() {
        if let Ok(field) = rule.return_field(&[Arc::clone(&uuid), Arc::clone(&time)])
            && rule.returns_input()
        {
            assert_eq!((field.metadata(), field.is_nullable()), (uuid.metadata(), true), "{}", rule.name);
        }
    }
    let error = rule("newest").expect("a rule").return_field(&[Arc::clone(&uuid), uuid]).expect_err("text is no time");
    assert_eq!(error.state(), crate::error::SqlState::DATATYPE_MISMATCH);
}
