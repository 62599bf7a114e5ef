//! Dates and times as Postgres shows them in the ISO style.

use bytes::{BufMut, BytesMut};
use datafusion::arrow::datatypes::TimeUnit;

use super::digits::{fraction, padded, pair};
use crate::values::Zone;
use crate::values::calendar::{Civil, DAY, SECOND, civil};

/// A moment in any unit as microseconds, cut towards the past. The least and greatest value stand for the
/// infinities and stay. None when microseconds cannot hold it.
pub(super) fn micros(value: i64, unit: TimeUnit) -> Option<i64> {
    match (value, unit) {
        (i64::MIN | i64::MAX, _) | (_, TimeUnit::Microsecond) => Some(value),
        (_, TimeUnit::Second) => value.checked_mul(1_000_000),
        (_, TimeUnit::Millisecond) => value.checked_mul(1_000),
        (_, TimeUnit::Nanosecond) => Some(value.div_euclid(1_000)),
    }
}

/// Writes the words for an infinite date or time; false when it is finite.
fn infinity(least: bool, greatest: bool, out: &mut BytesMut) -> bool {
    if least {
        out.extend_from_slice(b"-infinity");
    } else if greatest {
        out.extend_from_slice(b"infinity");
    }
    least || greatest
}

/// Writes year, month and day; the caller adds what [`era`] says.
fn ymd(day: Civil, out: &mut BytesMut) {
    let year = if day.year <= 0 { 1 - day.year } else { day.year };
    let year = year.unsigned_abs();
    if year > 9_999 {
        padded(year / 100, 2, out);
    } else {
        out.extend_from_slice(&pair(year / 100));
    }
    let ([a, b], [c, d], [e, f]) = (pair(year), pair(u64::from(day.month)), pair(u64::from(day.day)));
    out.extend_from_slice(&[a, b, b'-', c, d, b'-', e, f]);
}

fn era(day: Civil, out: &mut BytesMut) {
    if day.year <= 0 {
        out.extend_from_slice(b" BC");
    }
}

/// Writes a `date`, given as days since 1970-01-01.
pub(super) fn date(days: i32, out: &mut BytesMut) {
    if infinity(days == i32::MIN, days == i32::MAX, out) {
        return;
    }
    let day = civil(i64::from(days));
    ymd(day, out);
    era(day, out);
}

/// Writes a `time`, given as microseconds since midnight.
pub(super) fn time(micros: i64, out: &mut BytesMut) {
    let micros = micros.unsigned_abs();
    let seconds = micros / SECOND as u64;
    let hours = seconds / 3_600;
    if hours > 99 {
        padded(hours / 100, 1, out);
    }
    let ([a, b], [c, d], [e, f]) = (pair(hours), pair(seconds / 60 % 60), pair(seconds % 60));
    out.extend_from_slice(&[a, b, b':', c, d, b':', e, f]);
    fraction(micros % SECOND as u64, 6, out);
}

/// Writes a `timestamp`, given as microseconds since 1970.
pub(super) fn timestamp(micros: i64, out: &mut BytesMut) {
    if infinity(micros == i64::MIN, micros == i64::MAX, out) {
        return;
    }
    let day = civil(micros.div_euclid(DAY));
    ymd(day, out);
    out.put_u8(b' ');
    time(micros.rem_euclid(DAY), out);
    era(day, out);
}

/// Writes a `timestamptz`, given as microseconds since 1970 UTC, on the clock of `zone`.
pub(super) fn timestamptz(micros: i64, zone: &Zone, out: &mut BytesMut) {
    if infinity(micros == i64::MIN, micros == i64::MAX, out) {
        return;
    }
    let offset = zone.offset_at(micros);
    let local = micros.saturating_add(i64::from(offset) * SECOND);
    let day = civil(local.div_euclid(DAY));
    ymd(day, out);
    out.put_u8(b' ');
    time(local.rem_euclid(DAY), out);
    out.put_u8(if offset < 0 { b'-' } else { b'+' });
    let offset = u64::from(offset.unsigned_abs());
    padded(offset / 3_600, 2, out);
    let (minutes, seconds) = (offset / 60 % 60, offset % 60);
    if minutes != 0 || seconds != 0 {
        out.put_u8(b':');
        padded(minutes, 2, out);
    }
    if seconds != 0 {
        out.put_u8(b':');
        padded(seconds, 2, out);
    }
    era(day, out);
}
