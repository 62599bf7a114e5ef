//! The session's time zone: what `timestamptz` is shown in and read from.

use std::str::FromStr;

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

use super::calendar::{Civil, DAY, SECOND, civil, days};

/// A time zone, by name or as a fixed distance from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    /// A zone of the IANA database.
    Named(Tz),
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone::Fixed(0);

    /// Reads a zone's name (`Europe/Berlin`, `UTC`), an ISO offset (`+05:30`, east is positive) or what Postgres
    /// shows for a fixed offset (`<+05:30>-05:30`). None for anything else.
    pub fn parse(text: &str) -> Option<Zone> {
        let text = text.trim();
        if ["utc", "gmt", "z", "zulu", "etc/utc", "uct"].iter().any(|name| text.eq_ignore_ascii_case(name)) {
            return Some(Zone::UTC);
        }
        if let Some(inner) = text.strip_prefix('<') {
            return offset(inner.split('>').next()?).map(Zone::Fixed);
        }
        if let Some(seconds) = offset(text) {
            return Some(Zone::Fixed(seconds));
        }
        if let Ok(zone) = Tz::from_str(text) {
            return Some(Zone::Named(zone));
        }
        chrono_tz::TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(text)).copied().map(Zone::Named)
    }

    /// Seconds east of UTC at a moment, given in microseconds since 1970 UTC. Beyond chrono's range, as at its edge.
    pub fn offset_at(&self, micros: i64) -> i32 {
        match self {
            Zone::Fixed(seconds) => *seconds,
            Zone::Named(zone) => {
                let moment = moment(within_rules(*zone, micros)).naive_utc();
                zone.offset_from_utc_datetime(&moment).fix().local_minus_utc()
            }
        }
    }

    /// Seconds east of UTC for a wall-clock time, given as microseconds since 1970 on that clock. As in Postgres, a
    /// time that occurs twice is standard time, and one that is skipped counts with the offset before the gap.
    pub fn offset_of_local(&self, local: i64) -> i32 {
        match self {
            Zone::Fixed(seconds) => *seconds,
            Zone::Named(zone) => {
                let local = within_rules(*zone, local);
                let wall = moment(local).naive_utc();
                match zone.offset_from_local_datetime(&wall) {
                    chrono::MappedLocalTime::Single(found) => found.fix().local_minus_utc(),
                    chrono::MappedLocalTime::Ambiguous(_, later) => later.fix().local_minus_utc(),
                    // No zone skips more than a day, so a day and a half before is surely on the other side.
                    chrono::MappedLocalTime::None => self.offset_at(local.saturating_sub(36 * 3_600 * SECOND)),
                }
            }
        }
    }
}

/// The first day, from 1970-01-01, that chrono-tz's tables do not reach: 2100-01-01.
const BEYOND: i64 = 47_482;
/// Days in 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// A moment at which a zone's rules are known and say the same. Where the tables end, the last rules go on for ever: a
/// year has the rules of the one among the last 28 that has as many days and begins on the same day of the week, since
/// rules are about months and days of the week. As Postgres does it by 400 years.
fn within_rules(zone: Tz, micros: i64) -> i64 {
    let day = micros.div_euclid(DAY);
    if day < BEYOND {
        return micros;
    }
    let begins = |year: i64| days(Civil { year, month: 1, day: 1 }).unwrap_or(BEYOND);
    let near = BEYOND + (day - BEYOND).rem_euclid(ERA);
    let year = civil(near).year;
    let shape = |year: i64| (begins(year).rem_euclid(7), begins(year + 1) - begins(year));
    // Their rules go by the moon, and are written down year by year until 2087; after that the clocks stay.
    let first = if matches!(zone, Tz::Africa__Casablanca | Tz::Africa__El_Aaiun) { 2_099 } else { 2_072 };
    let alike = (first..2_100).find(|other| shape(*other) == shape(year)).unwrap_or(2_099);
    micros - (day - near) * DAY - (begins(year) - begins(alike)) * DAY
}

/// A moment that chrono can hold.
fn moment(micros: i64) -> DateTime<Utc> {
    let edge = if micros < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
    DateTime::from_timestamp(micros.div_euclid(SECOND), 0).unwrap_or(edge)
}

/// Reads `+05`, `-0530`, `+5:30`, `+05:30:15` as seconds east. None when it is none of them, or beyond 15:59:59.
pub(super) fn offset(text: &str) -> Option<i32> {
    let (sign, rest) = match text.as_bytes().first()? {
        b'+' => (1, text.get(1..)?),
        b'-' => (-1, text.get(1..)?),
        _ => return None,
    };
    if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_digit() || b == b':') {
        return None;
    }
    let mut parts = [0i32; 3];
    if rest.contains(':') {
        let mut pieces = rest.split(':');
        for part in &mut parts {
            match pieces.next() {
                Some(piece) if (1..=2).contains(&piece.len()) => *part = piece.parse().ok()?,
                Some(_) => return None,
                None => break,
            }
        }
        if pieces.next().is_some() {
            return None;
        }
    } else {
        match rest.len() {
            1 | 2 => parts[0] = rest.parse().ok()?,
            3 | 4 => {
                let (hours, minutes) = rest.split_at(rest.len() - 2);
                parts[0] = hours.parse().ok()?;
                parts[1] = minutes.parse().ok()?;
            }
            _ => return None,
        }
    }
    let [hours, minutes, seconds] = parts;
    (hours <= 15 && minutes <= 59 && seconds <= 59).then_some(sign * (hours * 3_600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_names() {
        assert_eq!(Zone::parse("+05:30"), Some(Zone::Fixed(19_800)));
        assert_eq!(Zone::parse("-0330"), Some(Zone::Fixed(-12_600)));
        assert_eq!(Zone::parse("<+02>-02"), Some(Zone::Fixed(7_200)));
        assert_eq!(Zone::parse("utc"), Some(Zone::UTC));
        assert_eq!(Zone::parse("europe/berlin"), Some(Zone::Named(Tz::Europe__Berlin)));
        assert_eq!(Zone::parse("Nowhere/Land"), None);
        let berlin = Zone::Named(Tz::Europe__Berlin);
        assert_eq!(berlin.offset_at(1_720_000_000 * SECOND), 7_200);
        assert_eq!(berlin.offset_at(1_704_067_200 * SECOND), 3_600);
        // 2024-10-27 02:30 occurs twice, 2024-03-31 02:30 not at all.
        assert_eq!(berlin.offset_of_local(1_729_996_200 * SECOND), 3_600);
        assert_eq!(berlin.offset_of_local(1_711_852_200 * SECOND), 3_600);
        // 9999-07-01 and 9999-12-31, 2100-07-01, 30000-07-01.
        assert_eq!(berlin.offset_at(253_386_360_000 * SECOND), 7_200);
        assert_eq!(berlin.offset_at(253_402_214_400 * SECOND), 3_600);
        assert_eq!(berlin.offset_of_local(4_118_083_200 * SECOND), 7_200);
        let far = days(Civil { year: 30_000, month: 7, day: 1 }).unwrap();
        assert_eq!(berlin.offset_at(far * DAY), 7_200);
        assert_eq!(Zone::Named(Tz::Africa__Casablanca).offset_at(far * DAY), 3_600);
        assert!([3_600, 7_200].contains(&berlin.offset_at(i64::MAX)));
        // A year's changes are on the same days as Postgres has them: 2101-03-27 01:00 and 2101-10-30 01:00.
        for (year, month, day) in [(2_101, 3, 27), (2_101, 10, 30), (9_999, 3, 28), (9_999, 10, 31)] {
            let change = days(Civil { year, month, day }).unwrap() * DAY + 3_600 * SECOND;
            let (before, after) = if month == 3 { (3_600, 7_200) } else { (7_200, 3_600) };
            assert_eq!(
                (berlin.offset_at(change - SECOND), berlin.offset_at(change)),
                (before, after),
                "{year}-{month}"
            );
        }
    }
}
