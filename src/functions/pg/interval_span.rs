//! How long an interval is, by which intervals compare: a month has 30 days, a day 24 hours.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result};

/// Nanoseconds in a day.
const DAY: i128 = 86_400_000_000_000;

/// `onerow_interval_span(interval)`: nanoseconds.
pub fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(IntervalSpan { signature: Signature::any(1, Volatility::Immutable) })
}

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct IntervalSpan {
    signature: Signature,
}

/// The nanoseconds of an interval.
pub(crate) fn span(of: IntervalMonthDayNano) -> i128 {
    (i128::from(of.months) * 30 + i128::from(of.days)) * DAY + i128::from(of.nanoseconds)
}

fn spans(of: &ArrayRef) -> Result<ArrayRef> {
    let of = cast(of, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let values = of
        .as_primitive_opt::<IntervalMonthDayNanoType>()
        .ok_or_else(|| Error::internal("a cast to interval gave something else"))?;
    let spans: Decimal128Array = values.iter().map(|value| value.map(span)).collect();
    Ok(Arc::new(spans.with_precision_and_scale(38, 0)?))
}

impl ScalarUDFImpl for IntervalSpan {
    fn name(&self) -> &str {
        "onerow_interval_span"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Decimal128(38, 0))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                let span = spans(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&span, 0)?))
            }
            Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(spans(values)?)),
            None => Err(Error::internal("there is no interval").into()),
        }
    }
}
