//! An instant with an interval added: months and days by the clock, and time by itself.

use datafusion::arrow::datatypes::IntervalMonthDayNano;

use super::timezone::{instant, local};
use crate::error::{Error, Result, SqlState};
use crate::values::Zone;
use crate::values::calendar::{Civil, DAY, civil, days};

fn out_of_range() -> Error {
    Error::new(SqlState::DATETIME_FIELD_OVERFLOW, "timestamp out of range")
}

/// Postgres's `timestamptz_pl_interval`, of microseconds since 1970 UTC; `sign` is -1 for an interval that is taken away. An
/// infinity stays one.
pub(crate) fn later(micros: i64, by: IntervalMonthDayNano, sign: i64, zone: Zone) -> Result<i64> {
    if matches!(micros, i64::MAX | i64::MIN) {
        return Ok(micros);
    }
    let mut micros = micros;
    if by.months != 0 || by.days != 0 {
        let wall = local(micros, zone)?;
        let mut date = civil(wall.div_euclid(DAY));
        let months = date.year * 12 + i64::from(date.month) - 1 + sign * i64::from(by.months);
        date.year = months.div_euclid(12);
        date.month = u32::try_from(months.rem_euclid(12) + 1).map_err(|_| out_of_range())?;
        // The last day of a month that is shorter.
        let day = std::iter::successors(Some(date), |d| Some(Civil { day: d.day.checked_sub(1)?, ..*d }))
            .find_map(days)
            .and_then(|day| day.checked_add(sign * i64::from(by.days)));
        let wall = day
            .and_then(|day| day.checked_mul(DAY))
            .and_then(|midnight| midnight.checked_add(wall.rem_euclid(DAY)))
            .ok_or_else(out_of_range)?;
        micros = instant(wall, zone)?;
    }
    micros.checked_add(sign * (by.nanoseconds / 1_000)).ok_or_else(out_of_range)
}
