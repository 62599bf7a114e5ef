//! How many digits of a second a column of times keeps: `timestamp(3)`, `interval(0)`.
//!
//! Values of all precisions are carried alike, so the digits are no part of [`PgType`]: the name of a column's type has
//! them, and what is written into the column is rounded to them.

use super::types::PgType;

/// The digits that are held, and the most that can be asked for.
const MOST: u8 = 6;
/// What the modifier of an interval says beside its digits: that it has all its fields.
const ALL_FIELDS: i32 = 0x7fff << 16;

/// The digits that the name of a type gives; none for all of them, and for what is no time. More than six are six, as in
/// Postgres.
pub fn of_name(name: &str) -> Option<u8> {
    scalar(&PgType::parse(name)?)?;
    let (_, behind) = name.split_once('(')?;
    let (digits, _) = behind.split_once(')')?;
    digits.trim().parse::<u64>().ok().map(|digits| u8::try_from(digits).map_or(MOST, |digits| digits.min(MOST)))
}

/// The name of a type with its digits, as `format_type` prints it: `timestamp(3) without time zone`.
pub fn name(kind: &PgType, digits: Option<u8>) -> String {
    let plain = kind.to_string();
    let Some(digits) = digits else { return plain };
    let (head, tail) = plain.split_at(plain.find([' ', '[']).unwrap_or(plain.len()));
    format!("{head}({digits}){tail}")
}

/// The type modifier of a column whose times keep so many digits; that of the type itself without any.
pub fn typmod(kind: &PgType, digits: Option<u8>) -> i32 {
    match (digits, scalar(kind)) {
        (Some(digits), Some(PgType::Interval)) => ALL_FIELDS | i32::from(digits),
        (Some(digits), Some(_)) => i32::from(digits),
        _ => kind.typmod(),
    }
}

/// The digits that a modifier of a type gives, by the type's OID; none for a modifier that says nothing of digits.
pub fn of_modifier(oid: i64, modifier: i64) -> Option<u8> {
    let kind = PgType::from_oid(u32::try_from(oid).ok()?)?;
    let digits = match scalar(&kind)? {
        PgType::Interval if modifier & i64::from(ALL_FIELDS) != i64::from(ALL_FIELDS) => return None,
        PgType::Interval => modifier & 0xffff,
        _ => modifier,
    };
    u8::try_from(digits).ok().filter(|digits| *digits <= MOST)
}

/// The time that a type is, or that its elements are.
fn scalar(kind: &PgType) -> Option<&PgType> {
    match kind {
        PgType::Time | PgType::Timestamp | PgType::TimestampTz | PgType::Interval => Some(kind),
        PgType::Array(element) => scalar(element),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_and_shown() {
        for (written, shown, modifier) in [
            ("timestamp(3)", "timestamp(3) without time zone", 3),
            ("timestamp(0) with time zone", "timestamp(0) with time zone", 0),
            ("timestamptz(6)", "timestamp(6) with time zone", 6),
            ("timestamp(9)", "timestamp(6) without time zone", 6),
            ("time(2)", "time(2) without time zone", 2),
            ("interval(2)", "interval(2)", 2_147_418_114),
            ("timestamp(1)[]", "timestamp(1) without time zone[]", 1),
            ("timestamp", "timestamp without time zone", -1),
            ("interval", "interval", -1),
            ("varchar(3)", "character varying(3)", 7),
        ] {
            let kind = PgType::parse(written).unwrap();
            let digits = of_name(written);
            assert_eq!(name(&kind, digits), shown, "{written}");
            assert_eq!(typmod(&kind, digits), modifier, "{written}");
            assert_eq!(of_name(shown), digits, "{written}");
            if digits.is_some() {
                assert_eq!(of_modifier(kind.oid().into(), modifier.into()), digits, "{written}");
            }
        }
        assert_eq!(of_modifier(1186, 5), None);
        assert_eq!(of_modifier(1043, 5), None);
    }
}
