//! `date_trunc(unit, moment [, zone])`: a moment or an interval cut to a unit, for every year that there is.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray, TimestampMicrosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use super::date_units::{Unit, unit, unknown, unsupported};
use super::timezone::named;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::Zone;
use crate::values::calendar::{Civil, DAY, SECOND, civil, days};

/// `date_trunc`
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(DateTrunc { signature: Signature::user_defined(Volatility::Stable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    signature: Signature,
}

/// What a clock shows, cut to a unit; none for a unit that moments are not cut to.
fn cut(unit: Unit, wall: i64) -> Result<Option<i64>> {
    let step = match unit {
        Unit::Microsecond => 1,
        Unit::Millisecond => 1_000,
        Unit::Second => SECOND,
        Unit::Minute => 60 * SECOND,
        Unit::Hour => 3_600 * SECOND,
        Unit::Day => DAY,
        _ => 0,
    };
    if step > 0 {
        return Ok(Some(wall - wall.rem_euclid(step)));
    }
    let day = wall.div_euclid(DAY);
    let Civil { year, month, .. } = civil(day);
    let first = |year: i64, month: u32| days(Civil { year, month, day: 1 });
    let cut = match unit {
        Unit::Week => Some(day - (day + 3).rem_euclid(7)),
        Unit::Month => first(year, month),
        Unit::Quarter => first(year, (month - 1) / 3 * 3 + 1),
        Unit::Year => first(year, 1),
        Unit::Decade => first(year.div_euclid(10) * 10, 1),
        // Centuries and millennia begin with the year 1.
        Unit::Century => first((year - 1).div_euclid(100) * 100 + 1, 1),
        Unit::Millennium => first((year - 1).div_euclid(1_000) * 1_000 + 1, 1),
        _ => return Ok(None),
    };
    cut.and_then(|day| day.checked_mul(DAY)).map(Some).ok_or_else(out_of_range)
}

/// An instant cut to a unit on the clock of `zone`.
fn cut_instant(unit: Unit, micros: i64, zone: Zone) -> Result<Option<i64>> {
    let ahead = i64::from(zone.offset_at(micros)) * SECOND;
    let wall = micros.checked_add(ahead).ok_or_else(out_of_range)?;
    let Some(cut) = cut(unit, wall)? else { return Ok(None) };
    // Within a day the clock is not changed: the hour that occurs twice stays the one that it was.
    let ahead = match unit {
        Unit::Microsecond | Unit::Millisecond | Unit::Second | Unit::Minute | Unit::Hour => ahead,
        _ => i64::from(zone.offset_of_local(cut)) * SECOND,
    };
    cut.checked_sub(ahead).map(Some).ok_or_else(out_of_range)
}

/// An interval cut to a unit; none for a unit that intervals are not cut to.
fn cut_interval(unit: Unit, value: IntervalMonthDayNano) -> Option<IntervalMonthDayNano> {
    let IntervalMonthDayNano { months, days, nanoseconds: nanos } = value;
    let whole = |months: i32| Some(IntervalMonthDayNano::new(months, 0, 0));
    let time = |step: i64| Some(IntervalMonthDayNano::new(months, days, nanos - nanos % step));
    match unit {
        Unit::Millennium => whole(months - months % 12_000),
        Unit::Century => whole(months - months % 1_200),
        Unit::Decade => whole(months - months % 120),
        Unit::Year => whole(months - months % 12),
        Unit::Quarter => whole(months - months % 3),
        Unit::Month => whole(months),
        Unit::Day => Some(IntervalMonthDayNano::new(months, days, 0)),
        Unit::Hour => time(3_600_000_000_000),
        Unit::Minute => time(60_000_000_000),
        Unit::Second => time(1_000_000_000),
        Unit::Millisecond => time(1_000_000),
        Unit::Microsecond => time(1_000),
        _ => None,
    }
}

fn out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

/// The values of a column, cut to the unit of a name.
fn truncated(name: &str, of: &ArrayRef, zone: Zone) -> Result<ArrayRef> {
    let wrong = || Error::internal(format!("no date_trunc of {}", of.data_type()));
    let kind = PgType::of_arrow(of.data_type());
    let unit = unit(name, &kind)?;
    let none = || match unit {
        Unit::Week | Unit::Zone | Unit::ZoneHour | Unit::ZoneMinute => unsupported(name, &kind),
        _ => unknown(name, &kind),
    };
    if *of.data_type() == DataType::Interval(IntervalUnit::MonthDayNano) {
        let values = of.as_primitive_opt::<IntervalMonthDayNanoType>().ok_or_else(wrong)?;
        let cut = |value| cut_interval(unit, value).ok_or_else(none);
        let values = values.iter().map(|value| value.map(cut).transpose()).collect::<Result<Vec<_>>>()?;
        return Ok(Arc::new(IntervalMonthDayNanoArray::from(values)));
    }
    let values = of.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?;
    let zoned = matches!(of.data_type(), DataType::Timestamp(_, Some(_)));
    let cut = |micros: i64| match micros {
        infinite @ (i64::MAX | i64::MIN) => Ok(infinite),
        micros if zoned => cut_instant(unit, micros, zone)?.ok_or_else(none),
        micros => cut(unit, micros)?.ok_or_else(none),
    };
    let values = values.iter().map(|value| value.map(cut).transpose()).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(TimestampMicrosecondArray::from(values).with_data_type(of.data_type().clone())))
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        Ok(types.get(1).cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let of = args.arg_fields.get(1).map_or(&DataType::Null, |field| field.data_type());
        Ok(Arc::new(Field::new("date_trunc", of.clone(), true)))
    }

    /// A date is a `timestamptz`, and so is a literal in quotes.
    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        let (name, of, zone) = match types {
            [name, of] => (name, of, false),
            [name, of, _] => (name, of, true),
            _ => return Err(Error::new(SqlState::UNDEFINED_FUNCTION, "date_trunc takes two or three arguments").into()),
        };
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let of = match of {
            DataType::Interval(_) | DataType::Duration(_) if !zone => DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Timestamp(_, None) if !zone => DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Null => instant,
            of if of.is_string() => instant,
            other => {
                let kind = PgType::of_arrow(other);
                let message = format!("function date_trunc(unknown, {kind}) does not exist");
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message)
                    .with_hint("You might need to add an explicit type cast.")
                    .into());
            }
        };
        let name = if name.is_string() { name.clone() } else { DataType::Utf8View };
        let mut types = vec![name, of];
        if zone {
            types.push(DataType::Utf8View);
        }
        Ok(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let (Some(name), Some(of)) = (args.args.first(), args.args.get(1)) else {
            return Err(Error::internal("date_trunc has two arguments").into());
        };
        let of = of.to_array(rows)?;
        let session = args.config_options.execution.time_zone.as_deref().and_then(Zone::parse).unwrap_or(Zone::UTC);
        let zone_of = |name: &str| {
            named(name).ok_or_else(|| {
                Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{name}\" not recognized"))
            })
        };
        let null = || ScalarValue::try_from(of.data_type());
        let column = match (name, args.args.get(2)) {
            (ColumnarValue::Scalar(name), zone @ (None | Some(ColumnarValue::Scalar(_)))) => {
                let zone = match zone {
                    Some(ColumnarValue::Scalar(zone)) => zone.try_as_str().flatten().map(zone_of).transpose()?,
                    _ => Some(session),
                };
                match (name.try_as_str().flatten(), zone) {
                    (Some(name), Some(zone)) => truncated(name, &of, zone)?,
                    _ => null()?.to_array_of_size(rows)?,
                }
            }
            (name, zone) => {
                let names = cast(&name.to_array(rows)?, &DataType::Utf8View)?;
                let zones = zone.map(|zone| {
                    Ok::<_, datafusion::error::DataFusionError>(cast(&zone.to_array(rows)?, &DataType::Utf8View)?)
                });
                let zones = zones.transpose()?;
                let mut values = Vec::with_capacity(rows);
                for (row, name) in names.as_string_view().iter().enumerate() {
                    let zone = match zones.as_ref().map(|zones| zones.as_string_view().iter().nth(row).flatten()) {
                        Some(zone) => zone.map(zone_of).transpose()?,
                        None => Some(session),
                    };
                    values.push(match (name, zone) {
                        (Some(name), Some(zone)) => {
                            ScalarValue::try_from_array(&truncated(name, &of.slice(row, 1), zone)?, 0)?
                        }
                        _ => null()?,
                    });
                }
                if values.is_empty() { null()?.to_array_of_size(0)? } else { ScalarValue::iter_to_array(values)? }
            }
        };
        Ok(if scalar {
            ColumnarValue::Scalar(ScalarValue::try_from_array(&column, 0)?)
        } else {
            ColumnarValue::Array(column)
        })
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn at(year: i64, month: u32, day: u32) -> i64 {
        days(Civil { year, month, day }).unwrap() * DAY
    }

    #[test]
    fn every_year_is_cut() {
        for (unit, moment, cut_to) in [
            (Unit::Month, at(9999, 12, 31), at(9999, 12, 1)),
            (Unit::Quarter, at(1, 6, 9), at(1, 4, 1)),
            (Unit::Week, at(2024, 6, 9), at(2024, 6, 3)),
            (Unit::Decade, at(1999, 3, 3), at(1990, 1, 1)),
            (Unit::Century, at(2000, 3, 3), at(1901, 1, 1)),
            (Unit::Millennium, at(2001, 3, 3), at(2001, 1, 1)),
            (Unit::Century, at(0, 3, 3), at(-99, 1, 1)),
            (Unit::Day, at(1969, 12, 31) + 5, at(1969, 12, 31)),
        ] {
            assert_eq!(cut(unit, moment).unwrap(), Some(cut_to), "{unit:?}");
        }
        assert_eq!(cut(Unit::Epoch, 0).unwrap(), None);
    }

    #[test]
    fn days_begin_on_the_clock_of_the_zone() {
        let berlin = Zone::Named(Tz::Europe__Berlin);
        let noon = at(2024, 7, 1) + DAY / 2;
        assert_eq!(cut_instant(Unit::Day, noon, berlin).unwrap(), Some(at(2024, 7, 1) - 7_200 * SECOND));
        assert_eq!(cut_instant(Unit::Year, noon, berlin).unwrap(), Some(at(2024, 1, 1) - 3_600 * SECOND));
    }
}
