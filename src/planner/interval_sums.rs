//! `sum` and `avg` of intervals: months, days and time are added up each for itself, as in Postgres.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result, SqlState};
use crate::functions::pg::interval_scale::scale;

/// The type of such a sum.
pub(super) const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

/// Whether what is added up are intervals.
pub(super) fn is_interval(of: Option<&FieldRef>) -> bool {
    of.is_some_and(|field| *field.data_type() == INTERVAL)
}

/// What collects a sum, or a mean.
pub(super) fn accumulator(args: &AccumulatorArgs, mean: bool) -> DfResult<Box<dyn Accumulator>> {
    if args.is_distinct {
        return Err(Error::unsupported("DISTINCT in sums of intervals is not supported").into());
    }
    Ok(Box::new(Intervals { mean, ..Intervals::default() }))
}

/// What it hands on.
pub(super) fn state_fields(args: &StateFieldsArgs) -> Vec<FieldRef> {
    let field = |part: &str, data_type| Arc::new(Field::new(format!("{}[{part}]", args.name), data_type, true));
    vec![
        field("months", DataType::Int64),
        field("days", DataType::Int64),
        field("nanoseconds", DataType::Decimal128(38, 0)),
        field("count", DataType::Int64),
    ]
}

#[derive(Debug, Default)]
struct Intervals {
    months: i64,
    days: i64,
    nanos: i128,
    count: i64,
    mean: bool,
}

impl Intervals {
    fn add(&mut self, values: &[ArrayRef], sign: i64) -> Result<()> {
        let Some(values) = values.first() else { return Ok(()) };
        let values = cast(values, &INTERVAL)?;
        let wrong = || Error::internal("a sum of intervals got something else");
        for value in values.as_primitive_opt::<IntervalMonthDayNanoType>().ok_or_else(wrong)?.iter().flatten() {
            self.months += sign * i64::from(value.months);
            self.days += sign * i64::from(value.days);
            self.nanos += i128::from(sign) * i128::from(value.nanoseconds);
            self.count += sign;
        }
        Ok(())
    }

    fn total(&self) -> Result<IntervalMonthDayNano> {
        let out_of_range = || Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "interval out of range");
        Ok(IntervalMonthDayNano::new(
            i32::try_from(self.months).map_err(|_| out_of_range())?,
            i32::try_from(self.days).map_err(|_| out_of_range())?,
            i64::try_from(self.nanos).map_err(|_| out_of_range())?,
        ))
    }
}

impl Accumulator for Intervals {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        Ok(self.add(values, 1)?)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        Ok(self.add(values, -1)?)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        if self.count == 0 {
            return Ok(ScalarValue::IntervalMonthDayNano(None));
        }
        let total = self.total()?;
        let value = if self.mean { scale(total, self.count as f64, |a, b| a / b)? } else { total };
        Ok(ScalarValue::IntervalMonthDayNano(Some(value)))
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Int64(Some(self.months)),
            ScalarValue::Int64(Some(self.days)),
            ScalarValue::Decimal128(Some(self.nanos), 38, 0),
            ScalarValue::Int64(Some(self.count)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let wrong = || Error::internal("the state of a sum of intervals is something else");
        let [months, days, nanos, count] = states else { return Err(wrong().into()) };
        let whole = |of: &ArrayRef| -> Result<i64> {
            Ok(of.as_primitive_opt::<Int64Type>().ok_or_else(wrong)?.iter().flatten().sum())
        };
        self.months += whole(months)?;
        self.days += whole(days)?;
        self.nanos += nanos.as_primitive_opt::<Decimal128Type>().ok_or_else(wrong)?.iter().flatten().sum::<i128>();
        self.count += whole(count)?;
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::IntervalMonthDayNanoArray;

    use super::*;

    #[test]
    fn fields_are_added_up_each_for_itself() {
        let hour = 3_600_000_000_000;
        let values: ArrayRef = Arc::new(IntervalMonthDayNanoArray::from(vec![
            Some(IntervalMonthDayNano::new(0, 1, 23 * hour)),
            None,
            Some(IntervalMonthDayNano::new(1, 1, 23 * hour)),
        ]));
        let mut sum = Intervals::default();
        sum.update_batch(&[Arc::clone(&values)]).unwrap();
        let total = ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(1, 2, 46 * hour)));
        assert_eq!(sum.evaluate().unwrap(), total);
        sum.retract_batch(&[values]).unwrap();
        assert_eq!(sum.evaluate().unwrap(), ScalarValue::IntervalMonthDayNano(None));
    }
}
