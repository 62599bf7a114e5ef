//! What holds for every column, whatever is in it.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, StringViewArray};
use datafusion::arrow::datatypes::{Decimal128Type, Field, FieldRef, Float64Type, Int64Type};
use datafusion::logical_expr::WindowUDF;
use datafusion::logical_expr::function::PartitionEvaluatorArgs;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// One partition's results.
fn run(function: &WindowUDF, columns: &[ArrayRef]) -> ArrayRef {
    let given: Vec<_> = columns.iter().map(|column| column.data_type().clone()).collect();
    assert_eq!(function.coerce_types(&given).unwrap(), given);
    let fields: Vec<FieldRef> = given.into_iter().map(|of| Arc::new(Field::new("v", of, true)) as FieldRef).collect();
    let exprs: Vec<Arc<dyn PhysicalExpr>> =
        (0..columns.len()).map(|at| Arc::new(Column::new("v", at)) as Arc<dyn PhysicalExpr>).collect();
    let args = PartitionEvaluatorArgs::new(&exprs, &fields, false, false);
    let rows = columns.first().map_or(0, |column| column.len());
    function.partition_evaluator_factory(args).unwrap().evaluate_all(columns, rows).unwrap()
}

fn whole(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

fn doubles(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn rule(method: &str, rows: usize) -> ArrayRef {
    Arc::new(StringViewArray::from(vec![method; rows]))
}

fn number() -> impl Strategy<Value = Option<f64>> {
    option::of(prop_oneof![
        6 => -10.0..10.0_f64,
        2 => select(vec![0.0, -0.0, 1.0, 1e300, -1e300, f64::MAX, f64::MIN_POSITIVE]),
        1 => select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filling_keeps_values_and_leaves_nothing(values in vec(option::of(any::<i64>()), 0..20)) {
        let column = whole(&values);
        for function in [fill_max::udf(), fill_min::udf(), fill_mode::udf()] {
            let filled = run(&function, &[Arc::clone(&column)]);
            let filled = filled.as_primitive::<Int64Type>();
            for (row, value) in values.iter().enumerate() {
                prop_assert!(value.is_none_or(|value| filled.value(row) == value), "{}", function.name());
            }
            prop_assert!(filled.null_count() == 0 || values.iter().all(Option::is_none));
            let again = run(&function, &[Arc::new(filled.clone())]);
            prop_assert_eq!(again.as_primitive::<Int64Type>(), filled);
        }
        for function in [fill_mean::udf(), fill_median::udf()] {
            let filled = run(&function, &[Arc::clone(&column)]);
            let filled = filled.as_primitive::<Decimal128Type>();
            for (row, value) in values.iter().enumerate() {
                let kept = value.is_none_or(|value| filled.value(row) == i128::from(value) * 10_000);
                prop_assert!(kept, "{}", function.name());
            }
            prop_assert!(filled.null_count() == 0 || values.iter().all(Option::is_none));
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter(values in vec(option::of(-5_i64..5), 0..20)) {
        let mut turned = values.clone();
        turned.reverse();
        for function in [fill_max::udf(), fill_min::udf(), fill_mode::udf(), fill_mean::udf(), fill_median::udf()] {
            let one = run(&function, &[whole(&values)]);
            let other = run(&function, &[whole(&turned)]);
            let last = values.len();
            for row in 0..last {
                prop_assert_eq!(one.slice(row, 1).to_data(), other.slice(last - 1 - row, 1).to_data());
            }
        }
    }

    #[test]
    fn previous_is_next_backwards(values in vec(option::of(any::<i64>()), 0..20)) {
        let mut turned = values.clone();
        turned.reverse();
        let previous = run(&fill_previous::udf(), &[whole(&values)]);
        let next = run(&fill_next::udf(), &[whole(&turned)]);
        let mut next: Vec<Option<i64>> = next.as_primitive::<Int64Type>().iter().collect();
        next.reverse();
        prop_assert_eq!(previous.as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), next);
    }

    #[test]
    fn outliers_are_judged_alike(values in vec(number(), 1..30), method in select(vec!["zscore", "iqr", "mad"])) {
        let arguments = [doubles(&values), rule(method, values.len())];
        let judged = run(&is_outlier::udf(), &arguments);
        let judged = judged.as_boolean();
        let nulled = run(&null_outliers::udf(), &arguments);
        let clamped = run(&clamp_outliers::udf(), &arguments);
        for (row, value) in values.iter().enumerate() {
            prop_assert_eq!(judged.is_null(row), value.is_none());
            let outlier = value.is_some() && judged.value(row);
            prop_assert_eq!(nulled.is_null(row), value.is_none() || outlier);
            let Some(value) = value else { continue };
            if !outlier {
                prop_assert_eq!(clamped.as_primitive::<Float64Type>().value(row).to_bits(), value.to_bits());
                prop_assert!(value.is_finite());
            }
        }
    }

    #[test]
    fn moving_over_one_row_is_the_row(values in vec(option::of(-1e9_f64..1e9), 1..20)) {
        let one: ArrayRef = Arc::new(Int64Array::from(vec![1; values.len()]));
        for function in [moving_mean::udf(), moving_median::udf()] {
            let moved = run(&function, &[doubles(&values), Arc::clone(&one)]);
            prop_assert_eq!(&moved.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), &values);
        }
    }
}
