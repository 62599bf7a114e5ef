//! Dates and times as SQLite keeps them: in text, in seconds since 1970, and as Julian days.

use crate::sources::zone::{DAY_MICROS, days, time_of_day};

/// A date with time as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// What a clock shows, in microseconds since its 1970-01-01 00:00.
    Local(i64),
    /// An instant, in microseconds since 1970 in UTC.
    Instant(i64),
}

/// Reads `YYYY-MM-DD`, perhaps with a blank or a T and `HH:MM[:SS[.fraction]]`, perhaps with Z or an offset such as
/// `+02:00`. Digits beyond microseconds must be zero. None when the text is anything else.
pub(super) fn moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let date = date(text.get(..10)?)?;
    let midnight = i64::from(date) * DAY_MICROS;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return Some(Moment::Local(midnight));
    }
    let clock = rest.strip_prefix(['T', 't', ' '])?.trim_start();
    let end = clock.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(clock.len());
    let (clock, zone) = clock.split_at(end);
    let local = midnight.checked_add(time(clock)?)?;
    match zone.trim() {
        "" => Some(Moment::Local(local)),
        zone => Some(Moment::Instant(local.checked_sub(offset(zone)?)?)),
    }
}

/// Reads `HH:MM[:SS[.fraction]]` as microseconds since midnight.
pub(super) fn time(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':');
    let hour = two_digits(parts.next()?)?;
    let minute = two_digits(parts.next()?)?;
    let (second, micros) = match parts.next() {
        None => (0, 0),
        Some(seconds) => match seconds.split_once('.') {
            None => (two_digits(seconds)?, 0),
            Some((seconds, fraction)) => (two_digits(seconds)?, fraction_micros(fraction)?),
        },
    };
    if parts.next().is_some() {
        return None;
    }
    time_of_day(hour, minute, second, micros)
}

/// Seconds since 1970, as microseconds; none beyond what counts as a date.
pub(super) fn epoch_seconds(seconds: i64) -> Option<Moment> {
    seconds.checked_mul(1_000_000).map(Moment::Instant)
}

/// A fraction: a Julian day where it can be one, else seconds since 1970, as SQLite's modifier `auto` has it. Julian
/// days are exact to the millisecond, as they are there.
pub(super) fn real(value: f64) -> Option<Moment> {
    const MILLIS_AT_EPOCH: i64 = 210_866_760_000_000;
    if (0.0..5_373_484.5).contains(&value) {
        let millis = (value * 86_400_000.0).round() as i64;
        return millis.checked_sub(MILLIS_AT_EPOCH)?.checked_mul(1000).map(Moment::Instant);
    }
    let micros = (value * 1e6).round();
    (micros.abs() < 9.2e18).then_some(Moment::Instant(micros as i64))
}

/// The date alone, in days since 1970; none when there is a time of day to lose.
pub(super) fn whole_days(moment: Moment) -> Option<i32> {
    let (Moment::Local(micros) | Moment::Instant(micros)) = moment;
    (micros.rem_euclid(DAY_MICROS) == 0).then(|| i32::try_from(micros.div_euclid(DAY_MICROS)).ok()).flatten()
}

fn date(text: &str) -> Option<i32> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    days(year.parse().ok()?, two_digits(month)?, two_digits(day)?)
}

fn two_digits(text: &str) -> Option<u32> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn fraction_micros(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (kept, lost) = fraction.split_at(fraction.len().min(6));
    if lost.bytes().any(|b| b != b'0') {
        return None;
    }
    kept.bytes()
        .chain(std::iter::repeat(b'0'))
        .take(6)
        .try_fold(0u32, |micros, b| Some(micros * 10 + u32::from(b - b'0')))
}

/// `Z`, `+02`, `+0200` or `+02:00`, in microseconds.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") || zone.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, zone.strip_prefix('+')?),
    };
    let digits = digits.replace(':', "");
    let hours = two_digits(digits.get(..2)?)?;
    let minutes = match digits.get(2..)? {
        "" => 0,
        minutes => two_digits(minutes)?,
    };
    (hours < 24 && minutes < 60).then(|| sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 19_782 * DAY_MICROS;

    #[test]
    fn texts() {
        assert_eq!(moment("2024-02-29"), Some(Moment::Local(DAY)));
        assert_eq!(moment("2024-02-29 00:01"), Some(Moment::Local(DAY + 60_000_000)));
        assert_eq!(moment("2024-02-29T00:00:00.5"), Some(Moment::Local(DAY + 500_000)));
        assert_eq!(moment("2024-02-29T00:00:00Z"), Some(Moment::Instant(DAY)));
        assert_eq!(moment("2024-02-29 02:00:00+02:00"), Some(Moment::Instant(DAY)));
        assert_eq!(moment("2024-02-28 22:00:00 -02"), Some(Moment::Instant(DAY)));
        assert_eq!(moment("2024-02-29 00:00:00.123456000"), Some(Moment::Local(DAY + 123_456)));
        for text in [
            "",
            "2024-02-30",
            "2024-2-3",
            "2024-02-29 24:00",
            "2024-02-29 00:00:00.1234567",
            "29.02.2024",
            "2024-02-2ä",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(epoch_seconds(1), Some(Moment::Instant(1_000_000)));
        assert_eq!(real(2_440_587.5), Some(Moment::Instant(0)));
        assert_eq!(real(1_700_000_000.5), Some(Moment::Instant(1_700_000_000_500_000)));
        assert_eq!(real(f64::NAN), None);
        assert_eq!(whole_days(Moment::Local(DAY)), Some(19_782));
        assert_eq!(whole_days(Moment::Local(DAY + 1)), None);
    }
}
