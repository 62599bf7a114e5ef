//! `trust_decay(max, min, age, period, curve)`: how far a value is trusted that was observed some time ago.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::columns::{argument, primitive, unexpected};
use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

const NAME: &str = "trust_decay";
/// The curves, as they are written.
const CURVES: [&str; 3] = ["linear", "slow-then-fast", "fast-then-slow"];

/// How trust falls from `max` to `min`, with `t` the part of the period that has passed:
///
/// - linear: `max - (max - min) * t`
/// - slow-then-fast: `max - (max - min) * t * t`
/// - fast-then-slow: `min + (max - min) * (1 - t) * (1 - t)`
#[derive(Clone, Copy)]
enum Curve {
    Linear,
    SlowThenFast,
    FastThenSlow,
}

impl Curve {
    fn read(name: &str) -> Result<Self> {
        match name {
            "linear" => Ok(Curve::Linear),
            "slow-then-fast" => Ok(Curve::SlowThenFast),
            "fast-then-slow" => Ok(Curve::FastThenSlow),
            other => Err(wrong(format!("trust_decay has no curve \"{other}\""))
                .with_hint(format!("The curves are {}.", CURVES.map(|curve| format!("'{curve}'")).join(", ")))
                .into()),
        }
    }

    /// Trust after an age. Before the value was observed it is `max`, after the period `min`.
    fn trust(self, max: f64, min: f64, age: f64, period: f64) -> Result<f64> {
        if !max.is_finite() || !min.is_finite() {
            return Err(wrong(format!(
                "trust must be a finite number, not {}",
                if max.is_finite() { min } else { max }
            ))
            .into());
        }
        if min > max {
            return Err(wrong(format!("the least trust {min} is above the greatest {max}")).into());
        }
        if period.is_nan() || period <= 0.0 {
            return Err(wrong("the period of trust_decay must be above zero").into());
        }
        if age.is_nan() {
            return Err(wrong("the age of trust_decay must be a number").into());
        }
        if age <= 0.0 {
            return Ok(max);
        }
        if age >= period {
            return Ok(min);
        }
        let passed = age / period;
        let fall = max - min;
        Ok(match self {
            Curve::Linear => max - fall * passed,
            Curve::SlowThenFast => max - fall * passed * passed,
            Curve::FastThenSlow => min + fall * (1.0 - passed) * (1.0 - passed),
        })
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// `trust_decay`.
pub(super) fn udf() -> ScalarUDF {
    let section = DocSection { include: true, label: "Merge Functions", description: None };
    let documentation = Documentation::builder(
        section,
        "How far a value is trusted that was observed `age` ago: `max` at first, `min` from the end of the period on. \
         It stands in `most_trusted`, or wherever trust is a number. With t = age / period, `'linear'` is max - (max \
         - min) * t, `'slow-then-fast'` is max - (max - min) * t * t, and `'fast-then-slow'` is min + (max - min) * \
         (1 - t) * (1 - t). An age below zero counts as zero. The result is double precision, and NULL where an \
         argument is NULL: a value of unknown age ranks below every other; `coalesce` it to `min` where it should not.",
        "trust_decay(max, min, age, period, curve)",
    )
    .with_argument("max", "Trust in a value that has just been observed: a finite number.")
    .with_argument("min", "Trust in an old one; `min` above `max` is an error (22023).")
    .with_argument(
        "age",
        "How long ago the value was observed: an interval, of which a month counts as 30 days, or a number.",
    )
    .with_argument("period", "When trust has fallen to `min`: above zero, and an interval or a number as `age` is.")
    .with_argument("curve", "`'linear'`, `'slow-then-fast'` or `'fast-then-slow'`; any other is an error (22023).")
    .with_sql_example(
        "\
```sql
SELECT trust_decay(90, 10, interval '6 months', interval '360 days', 'linear') AS linear,
       trust_decay(90, 10, 180, 360, 'slow-then-fast') AS slow, trust_decay(90, 10, 180, 360, 'fast-then-slow') AS fast;
 linear | slow | fast
--------+------+------
     50 |   70 |   30
```",
    )
    .build();
    ScalarUDF::new_from_impl(TrustDecay { signature: Signature::user_defined(Volatility::Immutable), documentation })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TrustDecay {
    signature: Signature,
    documentation: Documentation,
}

/// Intervals in the one form that has months, days and time.
const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

impl ScalarUDFImpl for TrustDecay {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let refuse = || {
            let given: Vec<String> = types.iter().map(|given| PgType::of_arrow(given).to_string()).collect();
            Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {NAME}({}) does not exist", given.join(", ")))
                .with_hint(
                    "It is called as trust_decay(max, min, age, period, curve); age and period are two intervals \
                            or two numbers.",
                )
        };
        let [max, min, age, period, curve] = types else { return Err(refuse().into()) };
        let number = |given: &DataType| given.is_numeric() || given.is_null();
        let span = |given: &DataType| matches!(given, DataType::Interval(_) | DataType::Duration(_)) || given.is_null();
        let text = matches!(curve, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null);
        if !number(max) || !number(min) || !text {
            return Err(refuse().into());
        }
        let time = if number(age) && number(period) {
            DataType::Float64
        } else if span(age) && span(period) {
            INTERVAL
        } else {
            return Err(refuse().into());
        };
        Ok(vec![DataType::Float64, DataType::Float64, time.clone(), time, DataType::Utf8View])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = args.args.iter().all(|given| matches!(given, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let columns = args.args.iter().map(|given| given.to_array(rows)).collect::<Result<Vec<_>>>()?;
        let numbers = |at: usize| lengths(argument(&columns, at)?);
        let (max, min, age, period) = (numbers(0)?, numbers(1)?, numbers(2)?, numbers(3)?);
        let curves = argument(&columns, 4)?;
        let curves: &StringViewArray = curves.as_string_view_opt().ok_or_else(|| unexpected(curves.data_type()))?;
        let known =
            |row: usize| [&max, &min, &age, &period].iter().all(|column| column.is_valid(row)) && curves.is_valid(row);
        let trust = (0..rows).map(|row| {
            if !known(row) {
                return Ok(None);
            }
            let curve = Curve::read(curves.value(row))?;
            curve.trust(max.value(row), min.value(row), age.value(row), period.value(row)).map(Some)
        });
        let trust: Float64Array = trust.collect::<Result<_>>()?;
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&trust, 0)?));
        }
        Ok(ColumnarValue::Array(Arc::new(trust)))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// Numbers as they are, intervals as days.
fn lengths(column: &ArrayRef) -> Result<Float64Array> {
    if column.data_type() != &INTERVAL {
        return Ok(primitive::<Float64Type>(column)?.clone());
    }
    const DAY: f64 = 86_400_000_000_000.0;
    Ok(primitive::<IntervalMonthDayNanoType>(column)?.unary::<_, Float64Type>(|interval| {
        let days = i64::from(interval.months) * 30 + i64::from(interval.days);
        days as f64 + interval.nanoseconds as f64 / DAY
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_begin_at_max_end_at_min_and_never_rise() {
        for name in CURVES {
            let curve = Curve::read(name).unwrap();
            let at = |age: f64| curve.trust(90.0, 10.0, age, 100.0).unwrap();
            assert_eq!((at(-5.0), at(0.0), at(100.0), at(f64::INFINITY)), (90.0, 90.0, 10.0, 10.0), "{name}");
            for age in 0..100 {
                assert!(at(f64::from(age)) >= at(f64::from(age) + 1.0), "{name} at {age}");
            }
        }
        assert_eq!(Curve::SlowThenFast.trust(90.0, 10.0, 50.0, 100.0).unwrap(), 70.0);
        assert_eq!(Curve::FastThenSlow.trust(90.0, 10.0, 50.0, 100.0).unwrap(), 30.0);
        assert!(Curve::Linear.trust(10.0, 90.0, 1.0, 2.0).is_err());
        assert!(Curve::Linear.trust(90.0, 10.0, f64::NAN, 2.0).is_err());
        assert!(Curve::Linear.trust(90.0, 10.0, 1.0, 0.0).is_err());
        assert!(Curve::read("Linear").is_err());
    }
}
