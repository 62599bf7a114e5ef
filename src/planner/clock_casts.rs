//! Casts between what clocks show and instants, and days added to an instant, go by the session's time zone.
//!
//! DataFusion's casts take every clock to be in UTC. Where the session's is, they are left to its rules, but for that of an
//! interval to a time of day, which it has not; see `infinite_casts` for what becomes of them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Time64MicrosecondArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Field, FieldRef, IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use super::each;
use super::infinite_casts::of_constant;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::later;
use crate::values::Zone;
use crate::values::calendar::{DAY, SECOND};

/// Casts to one type on the session's clock, or on that of UTC.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ClockCast {
    to: DataType,
    utc: bool,
    signature: Signature,
}

fn out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

/// What the clock shows at an instant; an infinity stays one.
fn wall(micros: i64, zone: Zone) -> Result<i64> {
    match micros {
        i64::MAX | i64::MIN => Ok(micros),
        _ => micros.checked_add(i64::from(zone.offset_at(micros)) * SECOND).ok_or_else(out_of_range),
    }
}

/// The instant at which the clock shows a time; an infinity stays one.
fn instant(local: i64, zone: Zone) -> Result<i64> {
    match local {
        i64::MAX | i64::MIN => Ok(local),
        _ => local.checked_sub(i64::from(zone.offset_of_local(local)) * SECOND).ok_or_else(out_of_range),
    }
}

fn day_of(wall: i64) -> i32 {
    match wall {
        i64::MAX => i32::MAX,
        i64::MIN => i32::MIN,
        // The microseconds of an i64 are fewer days than an i32 counts.
        wall => wall.div_euclid(DAY) as i32,
    }
}

fn midnight(day: i32) -> Result<i64> {
    match day {
        i32::MAX => Ok(i64::MAX),
        i32::MIN => Ok(i64::MIN),
        day => i64::from(day).checked_mul(DAY).ok_or_else(out_of_range),
    }
}

impl ClockCast {
    fn cast_all(&self, from: &ArrayRef, zone: Zone) -> Result<ArrayRef> {
        let wrong = || Error::internal(format!("no cast of {} to {}", from.data_type(), self.to));
        if let DataType::Interval(_) = from.data_type() {
            // Its months and days are no part of a time of day.
            let spans = cast(from, &DataType::Interval(IntervalUnit::MonthDayNano))?;
            let spans = spans.as_primitive_opt::<IntervalMonthDayNanoType>().ok_or_else(wrong)?;
            let times = spans.iter().map(|span| span.map(|span| (span.nanoseconds / 1_000).rem_euclid(DAY)));
            return Ok(Arc::new(Time64MicrosecondArray::from_iter(times)));
        }
        let micros: ArrayRef = match from.data_type() {
            DataType::Date32 => {
                let days = from.as_primitive_opt::<Date32Type>().ok_or_else(wrong)?;
                let micros = days.iter().map(|day| day.map(midnight).transpose()).collect::<Result<Vec<_>>>()?;
                Arc::new(TimestampMicrosecondArray::from(micros))
            }
            DataType::Timestamp(_, zoned) => cast(from, &DataType::Timestamp(TimeUnit::Microsecond, zoned.clone()))?,
            _ => return Err(wrong()),
        };
        let micros = micros.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?.iter();
        let walls = |micros: Option<i64>| micros.map(|micros| wall(micros, zone)).transpose();
        Ok(match &self.to {
            DataType::Timestamp(_, Some(_)) => {
                let instants = micros.map(|m| m.map(|m| instant(m, zone)).transpose()).collect::<Result<Vec<_>>>()?;
                let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC"));
                if *instants.data_type() == self.to { instants } else { cast(&instants, &self.to)? }
            }
            // A day is the clock's already.
            DataType::Timestamp(..) if *from.data_type() == DataType::Date32 => {
                let locals: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter(micros));
                if *locals.data_type() == self.to { locals } else { cast(&locals, &self.to)? }
            }
            DataType::Timestamp(..) => {
                let locals: ArrayRef =
                    Arc::new(TimestampMicrosecondArray::from(micros.map(walls).collect::<Result<Vec<_>>>()?));
                if *locals.data_type() == self.to { locals } else { cast(&locals, &self.to)? }
            }
            DataType::Date32 => {
                let days = micros.map(|m| Ok(walls(m)?.map(day_of))).collect::<Result<Vec<_>>>()?;
                Arc::new(Date32Array::from(days))
            }
            DataType::Time64(TimeUnit::Microsecond) => {
                let times = micros.map(|m| Ok(walls(m)?.map(|wall| wall.rem_euclid(DAY))));
                Arc::new(Time64MicrosecondArray::from(times.collect::<Result<Vec<_>>>()?))
            }
            _ => return Err(wrong()),
        })
    }
}

impl ScalarUDFImpl for ClockCast {
    fn name(&self) -> &str {
        if self.utc { "utc_cast" } else { "clock_cast" }
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| format!("CAST({e} AS {})", self.to)).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.to.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.to.clone(), nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let zone = args.config_options.execution.time_zone.as_deref().and_then(Zone::parse);
        let zone = zone.filter(|_| !self.utc).unwrap_or(Zone::UTC);
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                let cast = self.cast_all(&value.to_array()?, zone)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&cast, 0)?))
            }
            Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(self.cast_all(values, zone)?)),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}

/// An instant and an interval after or before it: months and days by the clock, and time by itself.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ClockLater {
    earlier: bool,
    signature: Signature,
}

impl ScalarUDFImpl for ClockLater {
    fn name(&self) -> &str {
        if self.earlier { "clock_earlier" } else { "clock_later" }
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        let op = if self.earlier { " - " } else { " + " };
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect::<Vec<_>>().join(op))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let zone = args.config_options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC);
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let wrong = || Error::internal("an instant and an interval are something else");
        let (Some(of), Some(by)) = (args.args.first(), args.args.get(1)) else { return Err(wrong().into()) };
        let of = of.to_array(rows)?;
        let zoned = of.data_type().clone();
        let of = cast(&of, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
        let by = cast(&by.to_array(rows)?, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let of = of.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?;
        let by = by.as_primitive_opt::<IntervalMonthDayNanoType>().ok_or_else(wrong)?;
        let sign = if self.earlier { -1 } else { 1 };
        let moved = of.iter().zip(by.iter()).map(|pair| match pair {
            (Some(micros), Some(by)) => later(micros, by, sign, zone).map(Some),
            _ => Ok(None),
        });
        let moved = TimestampMicrosecondArray::from(moved.collect::<Result<Vec<_>>>()?).with_timezone("UTC");
        let moved = cast(&moved, &zoned)?;
        Ok(if scalar {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&moved, 0)?)
        } else {
            ColumnarValue::Array(moved)
        })
    }
}

/// A date or a time as another type, on the session's clock. An infinity stays one.
pub(crate) fn clock_cast(expr: Expr, to: DataType) -> Expr {
    let function = ClockCast { to, utc: false, signature: Signature::any(1, Volatility::Stable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![expr]))
}

/// The same where the clock is UTC's.
pub(super) fn utc_cast(expr: Expr, to: DataType) -> Expr {
    let function = ClockCast { to, utc: true, signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::new_from_impl(function)), vec![expr]))
}

/// What is cast on the clock of UTC, and to which type; none for other functions.
pub(crate) fn of_utc_cast(call: &ScalarFunction) -> Option<(&Expr, &DataType)> {
    let cast = call.func.inner().downcast_ref::<ClockCast>().filter(|cast| cast.utc)?;
    Some((call.args.first()?, &cast.to))
}

/// Puts [`ClockCast`] in the place of such casts.
#[derive(Debug, Default)]
pub struct ClockCasts;

impl AnalyzerRule for ClockCasts {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> DfResult<LogicalPlan> {
        let in_utc = matches!(config.execution.time_zone.as_deref().and_then(Zone::parse), None | Some(Zone::UTC));
        if in_utc && !casts_to_clock(&plan)? {
            return Ok(plan);
        }
        Ok(plan.transform_up_with_subqueries(|plan| cast_plan(plan, in_utc))?.data)
    }

    fn name(&self) -> &str {
        "clock_casts"
    }
}

/// Whether anything is cast to a date or a time.
fn casts_to_clock(plan: &LogicalPlan) -> DfResult<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            let is_cast =
                |part: &Expr| matches!(part, Expr::Cast(Cast { field, .. }) if is_of_clock(field.data_type()));
            found = found || expr.exists(|part| Ok(is_cast(part)))?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn cast_plan(plan: LogicalPlan, in_utc: bool) -> DfResult<Transformed<LogicalPlan>> {
    each::expression(plan, |expr, schema| {
        let done = if in_utc { time_of_interval(expr, schema)? } else { cast_one(expr, schema)? };
        done.transform_data(|expr| of_constant(expr, schema))
    })
}

/// The time of day of an interval, which DataFusion does not cast, is not a matter of the zone.
fn time_of_interval(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr: inner, field })
            if is_time(field.data_type()) && matches!(inner.get_type(schema), Ok(DataType::Interval(_))) =>
        {
            Ok(Transformed::yes(clock_cast(*inner, field.data_type().clone())))
        }
        expr => Ok(Transformed::no(expr)),
    }
}

fn is_of_clock(of: &DataType) -> bool {
    matches!(of, DataType::Date32 | DataType::Timestamp(..)) || is_time(of)
}

fn is_time(of: &DataType) -> bool {
    matches!(of, DataType::Time64(TimeUnit::Microsecond))
}

fn cast_one(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    match expr {
        Expr::Cast(Cast { expr: inner, field })
            if inner.get_type(schema).is_ok_and(|from| is_by_clock(&from, field.data_type())) =>
        {
            Ok(Transformed::yes(clock_cast(*inner, field.data_type().clone())))
        }
        // A day later is the same time on the clock.
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right })
            if matches!(left.get_type(schema), Ok(DataType::Timestamp(_, Some(_))))
                && matches!(right.get_type(schema), Ok(DataType::Interval(_))) =>
        {
            let later = ClockLater { earlier: op == Operator::Minus, signature: Signature::any(2, Volatility::Stable) };
            let later = Arc::new(ScalarUDF::new_from_impl(later));
            Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(later, vec![*left, *right]))))
        }
        expr => Ok(Transformed::no(expr)),
    }
}

fn is_by_clock(from: &DataType, to: &DataType) -> bool {
    let zoned = |of: &DataType| matches!(of, DataType::Timestamp(_, Some(_)));
    match (from, to) {
        (DataType::Timestamp(_, None) | DataType::Date32, to) if zoned(to) => true,
        (DataType::Interval(_), to) if is_time(to) => true,
        (from, DataType::Timestamp(_, None) | DataType::Date32 | DataType::Time64(TimeUnit::Microsecond)) => {
            zoned(from)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use datafusion::arrow::datatypes::IntervalMonthDayNano;

    use super::*;

    #[test]
    fn an_infinite_day_is_an_infinite_time() {
        let to = DataType::Timestamp(TimeUnit::Microsecond, None);
        let cast = ClockCast { to, utc: false, signature: Signature::any(1, Volatility::Stable) };
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(i32::MAX), Some(1), None]));
        let times = cast.cast_all(&days, Zone::Named(Tz::Europe__Berlin)).unwrap();
        let expected: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![Some(i64::MAX), Some(DAY), None]));
        assert_eq!(&times, &expected);
    }

    #[test]
    fn the_time_of_an_interval() {
        let to = DataType::Time64(TimeUnit::Microsecond);
        let cast = ClockCast { to, utc: false, signature: Signature::any(1, Volatility::Stable) };
        let spans = [(1, 2, 25 * 3_600), (0, 0, -3_600)]
            .map(|(months, days, seconds)| IntervalMonthDayNano::new(months, days, seconds * 1_000_000_000));
        let spans: ArrayRef = Arc::new(datafusion::arrow::array::IntervalMonthDayNanoArray::from(spans.to_vec()));
        let expected: ArrayRef = Arc::new(Time64MicrosecondArray::from(vec![3_600 * SECOND, 23 * 3_600 * SECOND]));
        assert_eq!(&cast.cast_all(&spans, Zone::UTC).unwrap(), &expected);
    }

    #[test]
    fn a_clock_and_an_instant() {
        let berlin = Zone::Named(Tz::Europe__Berlin);
        // 2024-07-01 00:00 on the clock is two hours before it in UTC.
        let midnight = 19_905 * DAY;
        assert_eq!(instant(midnight, berlin).unwrap(), midnight - 7_200 * SECOND);
        assert_eq!(day_of(wall(midnight - 3_600 * SECOND, berlin).unwrap()), 19_905);
        assert_eq!(instant(i64::MAX, berlin).unwrap(), i64::MAX);
        // The night of 2024-03-31 has an hour less.
        let noon = 19_812 * DAY + 11 * 3_600 * SECOND;
        let by = |days, hours: i64| IntervalMonthDayNano::new(0, days, hours * 3_600_000_000_000);
        assert_eq!(later(noon, by(1, 0), 1, berlin).unwrap(), noon + 23 * 3_600 * SECOND);
        assert_eq!(later(noon, by(0, 24), 1, berlin).unwrap(), noon + DAY);
    }
}
