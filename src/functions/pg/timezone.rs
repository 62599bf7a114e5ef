//! `timezone(zone, moment)`, which is `moment AT TIME ZONE zone`, and the local time that `localtimestamp` is.

use datafusion::arrow::datatypes::{FieldRef, IntervalMonthDayNano};
use datafusion::logical_expr::{ScalarUDF, Volatility};
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::Zone;
use crate::values::calendar::{DAY, SECOND};

/// Abbreviations that Postgres knows by default, in hours east of UTC. They come before names: `CET` is an hour
/// ahead all year, `Europe/Berlin` is not.
const ABBREVIATIONS: &[(&str, f64)] = &[
    ("acdt", 10.5),
    ("acst", 9.5),
    ("aedt", 11.0),
    ("aest", 10.0),
    ("akdt", -8.0),
    ("akst", -9.0),
    ("art", -3.0),
    ("ast", -4.0),
    ("awst", 8.0),
    ("adt", -3.0),
    ("bst", 1.0),
    ("cdt", -5.0),
    ("cest", 2.0),
    ("cet", 1.0),
    ("cst", -6.0),
    ("edt", -4.0),
    ("eest", 3.0),
    ("eet", 2.0),
    ("est", -5.0),
    ("hkt", 8.0),
    ("hst", -10.0),
    ("idt", 3.0),
    ("ist", 2.0),
    ("jst", 9.0),
    ("kst", 9.0),
    ("mdt", -6.0),
    ("mest", 2.0),
    ("met", 1.0),
    ("msk", 3.0),
    ("mst", -7.0),
    ("ndt", -2.5),
    ("nst", -3.5),
    ("nzdt", 13.0),
    ("nzst", 12.0),
    ("pdt", -7.0),
    ("pkt", 5.0),
    ("pst", -8.0),
    ("west", 1.0),
    ("wet", 0.0),
];

/// `timezone`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("timezone", &[Param::Any, Param::Moment], returns, |call| {
        let zone = match call.values.first() {
            Some(ScalarValue::IntervalMonthDayNano(Some(offset))) => east(*offset)?,
            _ => {
                let name = call.text(0).unwrap_or_default();
                named(name).ok_or_else(|| {
                    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("time zone \"{name}\" not recognized"))
                })?
            }
        };
        match call.values.get(1) {
            Some(ScalarValue::TimestampMicrosecond(Some(local), None)) => {
                instant(*local, zone).map(|micros| Some(at(micros)))
            }
            Some(value) => match moment(value, call.zone)? {
                Some(micros) => local(micros, zone).map(|micros| Some(naive(micros))),
                None => Ok(None),
            },
            None => Ok(None),
        }
    })
    .is(Volatility::Stable)
    .udf()
}

/// `onerow_local_time(timestamptz)`: the time on the session's clock.
pub(super) fn local_time() -> ScalarUDF {
    Spec::new(
        "onerow_local_time",
        &[Param::Moment],
        |_| PgType::Timestamp,
        |call| match call.values.first().map(|value| moment(value, call.zone)).transpose()?.flatten() {
            Some(micros) => local(micros, call.zone).map(|micros| Some(naive(micros))),
            None => Ok(None),
        },
    )
    .is(Volatility::Stable)
    .udf()
}

fn returns(fields: &[FieldRef]) -> PgType {
    match fields.get(1).map(|field| PgType::of_field(field)) {
        Some(PgType::Timestamp) => PgType::TimestampTz,
        _ => PgType::Timestamp,
    }
}

/// The zone that lies an interval east of Greenwich.
fn east(offset: IntervalMonthDayNano) -> Result<Zone> {
    let seconds = i32::try_from(offset.nanoseconds / 1_000_000_000).ok();
    match (offset.months, offset.days, seconds) {
        (0, 0, Some(seconds)) => Ok(Zone::Fixed(seconds)),
        (0, 0, None) => Err(out_of_range()),
        _ => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "the interval of a time zone must not include months or days",
        )),
    }
}

/// A zone as SQL names it: an abbreviation, a name, or Postgres's POSIX form, in which `+02` lies west of Greenwich.
pub(super) fn named(text: &str) -> Option<Zone> {
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    if let Some((_, hours)) = ABBREVIATIONS.iter().find(|(name, _)| *name == lower) {
        return Some(Zone::Fixed((hours * 3_600.0) as i32));
    }
    let digits = text.find(['+', '-']).filter(|at| text[..*at].bytes().all(|b| b.is_ascii_alphabetic()));
    match digits {
        Some(at) if at == 0 || at >= 3 => match Zone::parse(text.get(at..)?)? {
            Zone::Fixed(seconds) => Some(Zone::Fixed(-seconds)),
            Zone::Named(_) => None,
        },
        _ => Zone::parse(text),
    }
}

/// The instant that a value means, in microseconds since 1970 UTC; a local value is on the clock of `zone`.
pub(super) fn moment(value: &ScalarValue, zone: Zone) -> Result<Option<i64>> {
    match value {
        ScalarValue::TimestampMicrosecond(Some(micros), Some(_)) => Ok(Some(*micros)),
        ScalarValue::TimestampMicrosecond(Some(micros), None) => instant(*micros, zone).map(Some),
        ScalarValue::Date32(Some(days)) => instant(i64::from(*days).saturating_mul(DAY), zone).map(Some),
        _ => Ok(None),
    }
}

/// What the clock of `zone` shows at an instant; an infinity stays one.
pub(super) fn local(micros: i64, zone: Zone) -> Result<i64> {
    match micros {
        i64::MAX | i64::MIN => Ok(micros),
        _ => micros.checked_add(i64::from(zone.offset_at(micros)) * SECOND).ok_or_else(out_of_range),
    }
}

/// The instant at which the clock of `zone` shows a time; an infinity stays one.
pub(super) fn instant(local: i64, zone: Zone) -> Result<i64> {
    match local {
        i64::MAX | i64::MIN => Ok(local),
        _ => local.checked_sub(i64::from(zone.offset_of_local(local)) * SECOND).ok_or_else(out_of_range),
    }
}

/// A `timestamptz`.
pub(super) fn at(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
}

/// A `timestamp`.
pub(super) fn naive(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), None)
}

/// The time on the clock that a value shows: its own, or that of `zone`.
pub(super) fn wall(value: &ScalarValue, zone: Zone) -> Result<Option<i64>> {
    match value {
        ScalarValue::TimestampMicrosecond(micros, None) => Ok(*micros),
        ScalarValue::TimestampMicrosecond(Some(micros), Some(_)) => local(*micros, zone).map(Some),
        ScalarValue::Date32(Some(days)) => Ok(Some(i64::from(*days).saturating_mul(DAY))),
        _ => Ok(None),
    }
}

fn out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_as_sql_names_them() {
        assert_eq!(named("UTC"), Some(Zone::UTC));
        assert_eq!(named("cest"), Some(Zone::Fixed(7_200)));
        assert_eq!(named("+02:00"), Some(Zone::Fixed(-7_200)));
        assert_eq!(named("UTC-3"), Some(Zone::Fixed(10_800)));
        assert_eq!(named("<+02>-02"), Some(Zone::Fixed(7_200)));
        assert!(matches!(named("europe/berlin"), Some(Zone::Named(_))));
        assert!(matches!(named("Etc/GMT-2"), Some(Zone::Named(_))));
        assert_eq!(named("Nowhere"), None);
    }
}
