//! Dates, times and intervals: Postgres counts from 2000, Arrow from 1970.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use datafusion::arrow::datatypes::IntervalMonthDayNano;

use super::fault::{Fault, fixed};

/// Days from 1970-01-01 to 2000-01-01.
const EPOCH_DAYS: i32 = 10_957;

/// The same in microseconds.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Days since 1970. Infinity and -infinity stay the greatest and the least number.
pub(super) fn date(raw: &[u8]) -> Result<i32, Fault> {
    match i32::from_be_bytes(fixed(raw)?) {
        infinite @ (i32::MAX | i32::MIN) => Ok(infinite),
        days => days.checked_add(EPOCH_DAYS).ok_or_else(|| too_far("date")),
    }
}

/// Microseconds since 1970. Infinity and -infinity stay the greatest and the least number.
pub(super) fn timestamp(raw: &[u8]) -> Result<i64, Fault> {
    match i64::from_be_bytes(fixed(raw)?) {
        infinite @ (i64::MAX | i64::MIN) => Ok(infinite),
        micros => micros.checked_add(EPOCH_MICROS).ok_or_else(|| too_far("timestamp")),
    }
}

/// Postgres counts from 2000 on, and so thirty years further than we do.
fn too_far(what: &str) -> Fault {
    Fault::out_of_range(format!("holds a {what} too far in the future")).with_hint("Declare the column as text.")
}

/// The instant of a local time in a zone, both in microseconds since 1970. As in Postgres, a time that comes twice
/// is the later one, and one that is left out is read with the offset that held before.
pub(super) fn instant(local: i64, zone: Tz) -> Result<i64, Fault> {
    if zone == Tz::UTC || local == i64::MAX || local == i64::MIN {
        return Ok(local);
    }
    let out_of_range = || Fault::out_of_range("holds a timestamp that its time zone does not reach");
    let time = DateTime::from_timestamp_micros(local).ok_or_else(out_of_range)?.naive_utc();
    let offset = match zone.offset_from_local_datetime(&time) {
        MappedLocalTime::Single(offset) | MappedLocalTime::Ambiguous(_, offset) => offset,
        MappedLocalTime::None => before(zone, time).ok_or_else(out_of_range)?,
    };
    let seconds = i64::from(offset.fix().local_minus_utc());
    local.checked_sub(seconds * 1_000_000).ok_or_else(out_of_range)
}

/// The offset of the day before: clocks are put forward by a day at most.
fn before(zone: Tz, time: NaiveDateTime) -> Option<<Tz as TimeZone>::Offset> {
    zone.offset_from_local_datetime(&time.checked_sub_signed(TimeDelta::days(1))?).latest()
}

/// Microseconds since midnight; 24:00:00 is a time in Postgres.
pub(super) fn time(raw: &[u8]) -> Result<i64, Fault> {
    Ok(i64::from_be_bytes(fixed(raw)?))
}

/// Months, days and the rest, which Arrow counts in nanoseconds.
pub(super) fn interval(raw: &[u8]) -> Result<IntervalMonthDayNano, Fault> {
    let [m0, m1, m2, m3, m4, m5, m6, m7, d0, d1, d2, d3, o0, o1, o2, o3] = fixed::<16>(raw)?;
    let micros = i64::from_be_bytes([m0, m1, m2, m3, m4, m5, m6, m7]);
    let nanos = micros.checked_mul(1000).ok_or_else(|| {
        Fault::out_of_range("holds an interval of more than 292 years in hours, minutes and seconds")
            .with_hint("Declare the column as text.")
    })?;
    Ok(IntervalMonthDayNano::new(i32::from_be_bytes([o0, o1, o2, o3]), i32::from_be_bytes([d0, d1, d2, d3]), nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_epochs_agree() {
        assert_eq!(date(&0i32.to_be_bytes()), Ok(10_957));
        assert_eq!(date(&i32::MAX.to_be_bytes()), Ok(i32::MAX));
        assert_eq!(timestamp(&(-EPOCH_MICROS).to_be_bytes()), Ok(0));
        assert_eq!(timestamp(&i64::MIN.to_be_bytes()), Ok(i64::MIN));
        assert!(timestamp(&(i64::MAX - 1).to_be_bytes()).is_err());
        assert!(timestamp(&[0]).is_err());
    }

    #[test]
    fn local_times_are_instants_as_in_postgres() {
        let at =
            |text: &str| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc().timestamp_micros();
        let paris = Tz::Europe__Paris;
        assert_eq!(instant(at("2024-07-01 12:00"), paris), Ok(at("2024-07-01 10:00")));
        // Comes twice: the later.
        assert_eq!(instant(at("2024-10-27 02:30"), paris), Ok(at("2024-10-27 01:30")));
        // Left out: the offset before.
        assert_eq!(instant(at("2024-03-31 02:30"), paris), Ok(at("2024-03-31 01:30")));
        assert_eq!(instant(i64::MAX, paris), Ok(i64::MAX));
    }

    #[test]
    fn intervals_keep_their_parts() {
        let mut raw = vec![];
        raw.extend_from_slice(&1_500_000i64.to_be_bytes());
        raw.extend_from_slice(&(-2i32).to_be_bytes());
        raw.extend_from_slice(&14i32.to_be_bytes());
        assert_eq!(interval(&raw), Ok(IntervalMonthDayNano::new(14, -2, 1_500_000_000)));
    }
}
