//! Numbers from 0 to 1 that scores are made of. Functions of the plans made here alone.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Error;

/// Microseconds in a day.
const DAY: f64 = 86_400_000_000.0;

/// What is computed of two arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Computed {
    /// Of two counts, the first over the second; null where there is nothing to count.
    Share,
    /// Of two times, how fresh what is of the second is at the first: half after so many days, given as their bits.
    Freshness(u64),
}

/// One count as a share of another: null where the other is 0.
pub(super) fn share(part: Expr, whole: Expr) -> Expr {
    call("share_of", Computed::Share, [part, whole])
}

/// How fresh a value of `then` is: 1 now and later, a half `half_life` days ago, a quarter twice as long ago; null
/// where the time is not known.
pub(super) fn freshness(now: Expr, then: Expr, half_life: f64) -> Expr {
    call("freshness_of", Computed::Freshness(half_life.to_bits()), [now, then])
}

fn call(name: &'static str, computed: Computed, args: [Expr; 2]) -> Expr {
    let signature = Signature::any(2, Volatility::Immutable);
    let function = Arc::new(ScalarUDF::new_from_impl(Scored { name, computed, signature }));
    Expr::ScalarFunction(ScalarFunction::new_udf(function, args.to_vec()))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Scored {
    name: &'static str,
    computed: Computed,
    signature: Signature,
}

impl ScalarUDFImpl for Scored {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let to = match self.computed {
            Computed::Share => DataType::Int64,
            Computed::Freshness(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
        };
        let arrays = args.args.iter().map(|arg| Ok(cast(&arg.to_array(args.number_rows)?, &to)?));
        let arrays = arrays.collect::<DfResult<Vec<ArrayRef>>>()?;
        let [first, second] = arrays.as_slice() else { return Err(self.misused().into()) };
        let scores: Float64Array = match self.computed {
            Computed::Share => {
                let (Some(parts), Some(wholes)) =
                    (first.as_primitive_opt::<Int64Type>(), second.as_primitive_opt::<Int64Type>())
                else {
                    return Err(self.misused().into());
                };
                let share = |(part, whole): (Option<i64>, Option<i64>)| match (part?, whole?) {
                    (_, 0) => None,
                    (part, whole) => Some(part as f64 / whole as f64),
                };
                parts.iter().zip(wholes).map(share).collect()
            }
            Computed::Freshness(half_life) => {
                let half_life = f64::from_bits(half_life) * DAY;
                let (Some(now), Some(then)) = (
                    first.as_primitive_opt::<TimestampMicrosecondType>(),
                    second.as_primitive_opt::<TimestampMicrosecondType>(),
                ) else {
                    return Err(self.misused().into());
                };
                let fresh = |(now, then): (Option<i64>, Option<i64>)| {
                    let age = (now? as f64 - then? as f64).max(0.0);
                    Some((-age / half_life).exp2())
                };
                now.iter().zip(then).map(fresh).collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(scores)))
    }
}

impl Scored {
    fn misused(&self) -> Error {
        Error::internal(format!("{} was given values of another type", self.name))
    }
}

/// Whether values of a type are moments, so that their age can be told.
pub(super) fn is_moment(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, Date32Array, Int64Array, TimestampMicrosecondArray};
    use datafusion::arrow::datatypes::{Field, Float64Type};
    use datafusion::common::config::ConfigOptions;

    use super::*;

    fn computed(computed: Computed, first: ArrayRef, second: ArrayRef) -> Vec<Option<f64>> {
        let scored = Scored { name: "s", computed, signature: Signature::any(2, Volatility::Immutable) };
        let rows = first.len();
        let fields = [&first, &second].map(|array| Arc::new(Field::new("", array.data_type().clone(), true)));
        let args = ScalarFunctionArgs {
            args: vec![ColumnarValue::Array(first), ColumnarValue::Array(second)],
            arg_fields: fields.to_vec(),
            number_rows: rows,
            return_field: Arc::new(Field::new("", DataType::Float64, true)),
            config_options: Arc::new(ConfigOptions::default()),
        };
        let scores = scored.invoke_with_args(args).unwrap().to_array(rows).unwrap();
        scores.as_primitive::<Float64Type>().iter().collect()
    }

    #[test]
    fn shares_of_nothing_are_null() {
        let parts = Arc::new(Int64Array::from(vec![Some(1), Some(0), None, Some(3)]));
        let wholes = Arc::new(Int64Array::from(vec![Some(4), Some(0), Some(1), Some(3)]));
        assert_eq!(computed(Computed::Share, parts, wholes), [Some(0.25), None, None, Some(1.0)]);
    }

    #[test]
    fn what_is_old_is_less_fresh() {
        let day = DAY as i64;
        let now = Arc::new(TimestampMicrosecondArray::from(vec![day * 20; 4]).with_timezone("UTC"));
        let then = Arc::new(Date32Array::from(vec![Some(10), Some(0), Some(30), None]));
        let half = Computed::Freshness(10.0_f64.to_bits());
        assert_eq!(computed(half, now, then), [Some(0.5), Some(0.25), Some(1.0), None]);
    }
}
