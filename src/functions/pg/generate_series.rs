//! `generate_series` of dates is one of `timestamptz`, and a text in quotes among times is a time or the step between them.
//! Months and days of a step between instants are those of the session's clock.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, TimestampMicrosecondArray};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::error::Result as DfResult;
use datafusion::functions_nested::range::gen_series_udf;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::later;
use crate::error::{Error, Result, SqlState};
use crate::functions::limited::{MOST, limit, too_large};
use crate::values::Zone;
use crate::values::calendar::DAY;

/// The function, with its limit.
pub(super) fn udf() -> ScalarUDF {
    let plain = gen_series_udf();
    let function = limit(&plain).unwrap_or(plain);
    ScalarUDF::new_from_impl(GenerateSeries { function, signature: Signature::user_defined(Volatility::Stable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct GenerateSeries {
    function: Arc<ScalarUDF>,
    signature: Signature,
}

/// The types at which two ends and a step meet; none where no end is a time.
fn of_times(types: &[DataType]) -> Option<Vec<DataType>> {
    let [first, last, _] = types else { return None };
    let is_date = |of: &DataType| matches!(of, DataType::Date32 | DataType::Date64);
    let is_moment = |of: &DataType| matches!(of, DataType::Timestamp(..));
    if ![first, last].into_iter().any(|of| is_date(of) || is_moment(of)) || types.iter().any(DataType::is_null) {
        return None;
    }
    let plain = [first, last].into_iter().any(|of| matches!(of, DataType::Timestamp(_, None)));
    let moment = DataType::Timestamp(TimeUnit::Microsecond, (!plain).then(|| "UTC".into()));
    Some(vec![moment.clone(), moment, DataType::Interval(IntervalUnit::MonthDayNano)])
}

/// Microseconds, as a bound: a month has 30 days.
fn length(step: IntervalMonthDayNano) -> i128 {
    let days = i128::from(step.months) * 30 + i128::from(step.days);
    days * i128::from(DAY) + i128::from(step.nanoseconds / 1_000)
}

/// The instants from one to another, whose months and days are those of the session's clock. 22023 for a step of nothing.
fn instants(first: i64, last: i64, step: IntervalMonthDayNano, zone: Zone, into: &mut Vec<i64>) -> Result<()> {
    let by = length(step);
    if by == 0 {
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "step size cannot equal zero"));
    }
    let span = i128::from(last) - i128::from(first);
    let count = u64::try_from((span / by).max(-1) + 1).unwrap_or(u64::MAX);
    let size = (into.len() as u64).saturating_add(count).saturating_mul(8);
    if size > MOST {
        return Err(too_large("What generate_series gives", size));
    }
    let mut at = first;
    while (by > 0 && at <= last) || (by < 0 && at >= last) {
        into.push(at);
        let next = later(at, step, 1, zone)?;
        // An infinity goes nowhere, and neither does a step of months and days that take each other away.
        if (by > 0) != (next > at) || next == at {
            break;
        }
        at = next;
    }
    Ok(())
}

fn by_clock(args: &ScalarFunctionArgs) -> DfResult<ColumnarValue> {
    let zone = args.config_options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC);
    let wrong = || Error::internal("generate_series of instants takes two of them and an interval");
    let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
    let rows = if scalar { 1 } else { args.number_rows };
    let [first, last, step] = args.args.as_slice() else { return Err(wrong().into()) };
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let (first, last) = (cast(&first.to_array(rows)?, &instant)?, cast(&last.to_array(rows)?, &instant)?);
    let step = cast(&step.to_array(rows)?, &DataType::Interval(IntervalUnit::MonthDayNano))?;
    let (first, last) =
        (first.as_primitive::<TimestampMicrosecondType>(), last.as_primitive::<TimestampMicrosecondType>());
    let step = step.as_primitive::<IntervalMonthDayNanoType>();
    let (mut values, mut lengths, mut there) = (vec![], Vec::with_capacity(rows), Vec::with_capacity(rows));
    for row in 0..rows {
        let before = values.len();
        let known = first.is_valid(row) && last.is_valid(row) && step.is_valid(row);
        if known {
            instants(first.value(row), last.value(row), step.value(row), zone, &mut values)?;
        }
        lengths.push(values.len() - before);
        there.push(known);
    }
    let DataType::List(item) = args.return_field.data_type() else { return Err(wrong().into()) };
    let values: ArrayRef = Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"));
    let values = cast(&values, item.data_type())?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let lists = ListArray::try_new(Arc::clone(item), offsets, values, Some(NullBuffer::from(there)))?;
    Ok(match scalar {
        true => ColumnarValue::Scalar(ScalarValue::List(Arc::new(lists))),
        false => ColumnarValue::Array(Arc::new(lists)),
    })
}

impl ScalarUDFImpl for GenerateSeries {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        if let Some(types) = of_times(types) {
            return Ok(types);
        }
        let field = |of: &DataType| -> FieldRef { Arc::new(Field::new("", of.clone(), true)) };
        let fields: Vec<FieldRef> = types.iter().map(field).collect();
        let fields = fields_with_udf(&fields, self.function.as_ref())?;
        Ok(fields.iter().map(|field| field.data_type().clone()).collect())
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first().map(ColumnarValue::data_type) {
            Some(DataType::Timestamp(TimeUnit::Microsecond, Some(_))) => by_clock(&args),
            _ => self.function.invoke_with_args(args),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_make_moments() {
        let step = DataType::Interval(IntervalUnit::MonthDayNano);
        let moment = |zone: bool| DataType::Timestamp(TimeUnit::Microsecond, zone.then(|| "UTC".into()));
        let dates = of_times(&[DataType::Date32, DataType::Date32, DataType::Utf8]);
        assert_eq!(dates, Some(vec![moment(true), moment(true), step.clone()]));
        let stamps = of_times(&[moment(false), DataType::Date32, step.clone()]);
        assert_eq!(stamps, Some(vec![moment(false), moment(false), step]));
        assert_eq!(of_times(&[DataType::Int64, DataType::Int64, DataType::Int64]), None);
    }

    #[test]
    fn a_day_of_the_clock_may_have_another_length() {
        let zone = Zone::Named(chrono_tz::Tz::America__New_York);
        // 2024-03-09 00:00 there, the night before the clock is put forward.
        let first = 1_709_960_400_000_000;
        let mut series = vec![];
        instants(first, first + 3 * DAY, IntervalMonthDayNano::new(0, 1, 0), zone, &mut series).unwrap();
        let hour = DAY / 24;
        assert_eq!(series, [first, first + DAY, first + 2 * DAY - hour, first + 3 * DAY - hour]);
        let zero = instants(first, first, IntervalMonthDayNano::new(0, 0, 0), zone, &mut series);
        assert_eq!(zero.unwrap_err().state(), SqlState::INVALID_PARAMETER_VALUE);
    }
}
