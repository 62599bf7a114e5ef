//! `date_part(field, moment)`, and `extract(field FROM moment)` where its number has a fraction.
//!
//! Fields that are whole are integer. Others are double precision from `date_part`, and numeric from `extract`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType,
    IntervalUnit, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};
use datafusion::error::Result as DfResult;
use datafusion::functions::datetime::date_part::DatePartFunc;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::date_units::{Unit, unit, unsupported};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::Zone;
use crate::values::calendar::{Civil, DAY, SECOND, civil, days};

/// What `extract` is rewritten to where `date_part` would give a double.
const EXTRACT: &str = "onerow_extract";

/// The function that `extract(field FROM ..)` is.
pub fn of_extract(field: &str) -> &'static str {
    match Unit::parse(field) {
        Some(Unit::Second | Unit::Millisecond | Unit::Epoch) => EXTRACT,
        _ => "date_part",
    }
}

/// Microseconds in an hour.
const HOUR: i64 = 3_600 * SECOND;
/// Microseconds in a minute.
const MINUTE: i64 = 60 * SECOND;

/// `date_part`
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(DatePart::new("date_part", false))
}

/// `onerow_extract`: the same, in numeric.
pub(super) fn extract() -> ScalarUDF {
    ScalarUDF::new_from_impl(DatePart::new(EXTRACT, true))
}

/// A field's value: a whole number, or parts of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Value {
    Whole(i64),
    /// Millionths.
    Micros(i128),
    Real(f64),
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DatePart {
    name: &'static str,
    numeric: bool,
    signature: Signature,
}

impl DatePart {
    fn new(name: &'static str, numeric: bool) -> Self {
        DatePart { name, numeric, signature: Signature::user_defined(Volatility::Stable) }
    }

    fn type_of(&self, unit: Option<Unit>, of: &DataType) -> DataType {
        match unit {
            Some(unit) if unit.is_whole() => DataType::Int32,
            Some(Unit::Second) if self.numeric => DataType::Decimal128(8, 6),
            Some(Unit::Millisecond) if self.numeric => DataType::Decimal128(8, 3),
            Some(Unit::Epoch) if self.numeric && *of == DataType::Date32 => DataType::Decimal128(20, 0),
            Some(Unit::Epoch) if self.numeric => DataType::Decimal128(24, 6),
            _ => DataType::Float64,
        }
    }
}

/// The value of a field of a moment: what its clock shows and how many seconds that clock is ahead of UTC.
fn of_moment(unit: Unit, wall: i64, ahead: i64) -> Value {
    let day = wall.div_euclid(DAY);
    let time = wall.rem_euclid(DAY);
    let date = civil(day);
    let year = date.year;
    // There is no year 0: it is 1 BC.
    let shown = |year: i64| if year > 0 { year } else { year - 1 };
    let first_day = |year: i64| days(Civil { year, month: 1, day: 1 }).unwrap_or(day);
    let thursday = day - (day + 3).rem_euclid(7) + 3;
    Value::Whole(match unit {
        Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour => return of_time(unit, time),
        Unit::Day => i64::from(date.day),
        Unit::Week => {
            let year = civil(thursday).year;
            (thursday - first_day(year)) / 7 + 1
        }
        Unit::Month => i64::from(date.month),
        Unit::Quarter => (i64::from(date.month) - 1) / 3 + 1,
        Unit::Year => shown(year),
        Unit::Decade => year.div_euclid(10),
        Unit::Century if year > 0 => (year + 99) / 100,
        Unit::Century => -((99 - (year - 1)) / 100),
        Unit::Millennium if year > 0 => (year + 999) / 1000,
        Unit::Millennium => -((999 - (year - 1)) / 1000),
        Unit::IsoYear => shown(civil(thursday).year),
        Unit::DayOfWeek => (day + 4).rem_euclid(7),
        Unit::IsoDayOfWeek => (day + 3).rem_euclid(7) + 1,
        Unit::DayOfYear => day - first_day(year) + 1,
        Unit::Epoch => return Value::Micros(i128::from(wall) - i128::from(ahead) * i128::from(SECOND)),
        Unit::Julian => {
            return Value::Real((day + 2_440_588) as f64 + time as f64 / DAY as f64);
        }
        Unit::Zone => ahead,
        Unit::ZoneHour => ahead / 3_600,
        Unit::ZoneMinute => (ahead % 3_600) / 60,
    })
}

/// The value of a field of a time of day, or of the time of an interval.
fn of_time(unit: Unit, time: i64) -> Value {
    match unit {
        Unit::Microsecond => Value::Whole(time % MINUTE),
        Unit::Millisecond => Value::Micros(i128::from(time % MINUTE) * 1_000),
        Unit::Second => Value::Micros(i128::from(time % MINUTE)),
        Unit::Minute => Value::Whole(time % HOUR / MINUTE),
        Unit::Epoch => Value::Micros(i128::from(time)),
        _ => Value::Whole(time / HOUR),
    }
}

/// The value of a field of an interval; none where an interval has no such field.
fn of_interval(unit: Unit, value: IntervalMonthDayNano) -> Option<Value> {
    let (months, days, time) = (i64::from(value.months), i64::from(value.days), value.nanoseconds / 1_000);
    let year = months / 12;
    Some(Value::Whole(match unit {
        Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour => {
            return Some(of_time(unit, time));
        }
        Unit::Day => days,
        Unit::Month => months % 12,
        Unit::Quarter => months % 12 / 3 + 1,
        Unit::Year => year,
        Unit::Decade => year / 10,
        Unit::Century => year / 100,
        Unit::Millennium => year / 1_000,
        // A year has 365.25 days, a month 30.
        Unit::Epoch => {
            let seconds =
                i128::from(year) * 31_557_600 + i128::from(months % 12) * 2_592_000 + i128::from(days) * 86_400;
            return Some(Value::Micros(seconds * i128::from(SECOND) + i128::from(time)));
        }
        _ => return None,
    }))
}

/// The values of a field of a column.
fn values(name: &str, of: &ArrayRef, zone: Zone) -> Result<Vec<Option<Value>>> {
    let wrong = || Error::internal(format!("no date_part of {}", of.data_type()));
    let kind = PgType::of_arrow(of.data_type());
    let field = unit(name, &kind)?;
    match of.data_type() {
        DataType::Date32 => {
            let dates = of.as_primitive_opt::<Date32Type>().ok_or_else(wrong)?;
            let finite = |day: i32| (day != i32::MAX && day != i32::MIN).then_some(day);
            let value = |day: i32| of_moment(field, i64::from(day).saturating_mul(DAY), 0);
            Ok(dates.iter().map(|day| day.and_then(finite).map(value)).collect())
        }
        DataType::Timestamp(TimeUnit::Microsecond, zoned) => {
            let moments = of.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?;
            if zoned.is_none() && matches!(field, Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute) {
                return Err(unsupported(name, &kind));
            }
            let value = |micros: i64| {
                let ahead = if zoned.is_some() { i64::from(zone.offset_at(micros)) } else { 0 };
                of_moment(field, micros.saturating_add(ahead * SECOND), ahead)
            };
            let finite = |micros: i64| (micros != i64::MAX && micros != i64::MIN).then_some(micros);
            Ok(moments.iter().map(|micros| micros.and_then(finite).map(value)).collect())
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            if !matches!(
                field,
                Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour | Unit::Epoch
            ) {
                return Err(unsupported(name, &kind));
            }
            let times = of.as_primitive_opt::<Time64MicrosecondType>().ok_or_else(wrong)?;
            Ok(times.iter().map(|time| time.map(|time| of_time(field, time))).collect())
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let intervals = of.as_primitive_opt::<IntervalMonthDayNanoType>().ok_or_else(wrong)?;
            let value = |value| of_interval(field, value).ok_or_else(|| unsupported(name, &kind));
            intervals.iter().map(|interval| interval.map(value).transpose()).collect()
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            let spans = of.as_primitive_opt::<DurationMicrosecondType>().ok_or_else(wrong)?;
            Ok(spans.iter().map(|span| span.map(|span| of_time(field, span))).collect())
        }
        _ => Err(wrong()),
    }
}

/// The values as a column of the function's type.
fn column(values: Vec<Option<Value>>, data_type: &DataType) -> Result<ArrayRef> {
    let whole = |value: Value| match value {
        Value::Whole(number) => Some(number),
        _ => None,
    };
    let real = |value: Value| match value {
        Value::Whole(number) => number as f64,
        Value::Micros(micros) => micros as f64 / 1e6,
        Value::Real(number) => number,
    };
    Ok(match data_type {
        DataType::Int32 => {
            let numbers = values.into_iter().map(|value| value.and_then(whole).and_then(|n| i32::try_from(n).ok()));
            Arc::new(numbers.collect::<Int32Array>())
        }
        DataType::Decimal128(precision, scale) => {
            let divisor = 10i128.pow(u32::try_from(6 - scale).unwrap_or(0));
            let digits = |value: Value| match value {
                Value::Micros(micros) => Some(micros / divisor),
                _ => None,
            };
            let numbers: Decimal128Array = values.into_iter().map(|value| value.and_then(digits)).collect();
            Arc::new(numbers.with_precision_and_scale(*precision, *scale)?)
        }
        _ => Arc::new(values.into_iter().map(|value| value.map(real)).collect::<Float64Array>()),
    })
}

impl ScalarUDFImpl for DatePart {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        Ok(self.type_of(None, types.get(1).unwrap_or(&DataType::Null)))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let name = args.scalar_arguments.first().copied().flatten().and_then(|value| value.try_as_str().flatten());
        let of = args.arg_fields.get(1).map_or(&DataType::Null, |field| field.data_type());
        let field = match name {
            Some(name) => Some(unit(name, &PgType::of_arrow(of))?),
            None => None,
        };
        Ok(Arc::new(Field::new(self.name, self.type_of(field, of), true)))
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        let [name, of] = types else {
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, "date_part takes two arguments").into());
        };
        let of = match of {
            DataType::Date32 | DataType::Date64 => DataType::Date32,
            DataType::Timestamp(_, Some(_)) => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Timestamp(_, None) | DataType::Null => DataType::Timestamp(TimeUnit::Microsecond, None),
            of if of.is_string() => DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
            DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Duration(_) => DataType::Duration(TimeUnit::Microsecond),
            other => {
                let kind = PgType::of_arrow(other);
                let message = format!("function date_part(unknown, {kind}) does not exist");
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message)
                    .with_hint("You might need to add an explicit type cast.")
                    .into());
            }
        };
        // A literal stays one: it says what comes out.
        let name = if name.is_string() { name.clone() } else { DataType::Utf8View };
        Ok(vec![name, of])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let (Some(name), Some(of)) = (args.args.first(), args.args.get(1)) else {
            return Err(Error::internal("date_part has two arguments").into());
        };
        let data_type = args.return_field.data_type();
        let zone = args.config_options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC);
        let scalar = matches!((name, of), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let of = of.to_array(rows)?;
        let found = match name {
            ColumnarValue::Scalar(name) => match name.try_as_str().flatten() {
                Some(name) => values(name, &of, zone)?,
                None => vec![None; rows],
            },
            ColumnarValue::Array(names) => {
                let names = cast(names, &DataType::Utf8View)?;
                let mut found = Vec::with_capacity(rows);
                for (row, name) in names.as_string_view().iter().enumerate() {
                    found.push(match name {
                        Some(name) => values(name, &of.slice(row, 1), zone)?.pop().flatten(),
                        None => None,
                    });
                }
                found
            }
        };
        let column = column(found, data_type)?;
        Ok(if scalar {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?)
        } else {
            ColumnarValue::Array(column)
        })
    }

    /// `year = 2024` is a range of the column; of a timestamptz it depends on the session's zone.
    fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> DfResult<PreimageResult> {
        let Some(of) = args.get(1) else { return Ok(PreimageResult::None) };
        match info.get_data_type(of)? {
            DataType::Date32 | DataType::Timestamp(_, None) => DatePartFunc::new().preimage(args, literal, info),
            _ => Ok(PreimageResult::None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i64, month: u32, day: u32) -> i64 {
        days(Civil { year, month, day }).unwrap() * DAY
    }

    #[test]
    fn fields_of_every_year() {
        let whole = |unit, micros| match of_moment(unit, micros, 0) {
            Value::Whole(number) => number,
            other => panic!("{other:?}"),
        };
        assert_eq!(whole(Unit::Year, at(0, 5, 1)), -1);
        assert_eq!((whole(Unit::Century, at(2000, 1, 1)), whole(Unit::Century, at(2001, 1, 1))), (20, 21));
        assert_eq!(whole(Unit::Decade, at(1999, 1, 1)), 199);
        assert_eq!((whole(Unit::IsoYear, at(2021, 1, 3)), whole(Unit::Week, at(2021, 1, 3))), (2020, 53));
        assert_eq!((whole(Unit::DayOfWeek, at(2024, 6, 9)), whole(Unit::IsoDayOfWeek, at(2024, 6, 9))), (0, 7));
        assert_eq!(whole(Unit::DayOfYear, at(9999, 12, 31)), 365);
        assert_eq!(of_moment(Unit::Second, at(1, 1, 1) + 1_500_000, 0), Value::Micros(1_500_000));
    }

    #[test]
    fn a_year_of_an_interval_has_a_quarter_of_a_day_more() {
        let epoch = |months, days, nanos| of_interval(Unit::Epoch, IntervalMonthDayNano::new(months, days, nanos));
        assert_eq!(epoch(12, 0, 0), Some(Value::Micros(31_557_600_000_000)));
        assert_eq!(epoch(1, -1, 1_000), Some(Value::Micros(29 * 86_400_000_000 + 1)));
    }
}
