//! Column types from values: a type is chosen only when it gives every value back as it was written.
//!
//! `007`, `+49 30 1234` and `1e5` stay text; so does a column of more than one kind. What a column's type was inferred
//! from also binds later rows ([`fits`]): a postcode `01067` in row 5000 of a column of numbers is an error, not 1067.

use super::datetime;
use super::json_value::{self, Kind};
use crate::catalog::types::PgType;

/// What one value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`, in any case
    Bool,
    /// An integer that a double holds exactly
    Int,
    /// A larger integer that a bigint holds
    WideInt,
    /// A number with a point, which a double gives back as it was
    Float,
    /// `2024-01-31`
    Date,
    /// A date and time of day
    Timestamp,
    /// A date and time of day with an offset
    TimestampTz,
    /// Anything else
    Text,
    /// A JSON object or array
    Nested,
}

/// The shapes seen in one column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shapes(u16);

impl Shapes {
    /// Adds a value that is not null.
    pub fn add(&mut self, shape: Shape) {
        self.0 |= bit(shape);
    }

    /// The column's type; text when no value was seen. With `zoned`, local times are of a known time zone.
    pub fn pg_type(self, zoned: bool) -> PgType {
        let only = |shapes: &[Shape]| self.0 & !shapes.iter().map(|shape| bit(*shape)).sum::<u16>() == 0;
        if self.0 == 0 {
            PgType::Text
        } else if self.0 & bit(Shape::Nested) != 0 {
            PgType::Json
        } else if only(&[Shape::Bool]) {
            PgType::Bool
        } else if only(&[Shape::Int, Shape::WideInt]) {
            PgType::Int8
        } else if only(&[Shape::Int, Shape::Float]) {
            PgType::Float8
        } else if only(&[Shape::Date]) {
            PgType::Date
        } else if only(&[Shape::TimestampTz]) || (zoned && only(&[Shape::Timestamp, Shape::TimestampTz])) {
            PgType::TimestampTz
        } else if only(&[Shape::Timestamp]) {
            PgType::Timestamp
        } else {
            PgType::Text
        }
    }
}

fn bit(shape: Shape) -> u16 {
    1 << shape as u16
}

/// Whether a value may stand in a column whose type was inferred.
pub fn fits(pg_type: &PgType, shape: Shape, zoned: bool) -> bool {
    match pg_type {
        PgType::Bool => shape == Shape::Bool,
        PgType::Int8 => matches!(shape, Shape::Int | Shape::WideInt),
        PgType::Float8 => matches!(shape, Shape::Int | Shape::Float),
        PgType::Date => shape == Shape::Date,
        PgType::Timestamp => shape == Shape::Timestamp,
        PgType::TimestampTz => shape == Shape::TimestampTz || (zoned && shape == Shape::Timestamp),
        _ => true,
    }
}

/// The shape of a value that has no type of its own.
pub fn text_shape(text: &str) -> Shape {
    match text.as_bytes().first() {
        Some(b't' | b'T' | b'f' | b'F') if is_bool(text) => Shape::Bool,
        Some(b'-' | b'0'..=b'9') => {
            let number = number_shape(text);
            if number == Shape::Text { time_shape(text) } else { number }
        }
        _ => Shape::Text,
    }
}

/// The shape of a JSON value; none for null. A string is never a number, and a number is always one.
pub fn json_shape(raw: &str) -> Option<Shape> {
    Some(match json_value::kind(raw) {
        Kind::Null => return None,
        Kind::Bool => Shape::Bool,
        Kind::Number if raw.contains(['.', 'e', 'E']) => Shape::Float,
        Kind::Number => number_shape(raw),
        Kind::String => json_value::string(raw).map_or(Shape::Text, |text| time_shape(&text)),
        Kind::Array | Kind::Object => Shape::Nested,
    })
}

fn is_bool(text: &str) -> bool {
    text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")
}

fn number_shape(text: &str) -> Shape {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    let leading_zero = whole > 1 && digits.starts_with('0');
    if whole == 0 || leading_zero {
        return Shape::Text;
    }
    let Some(rest) = digits.get(whole..).filter(|rest| !rest.is_empty()) else {
        return match text.parse::<i64>() {
            Ok(_) if text == "-0" => Shape::Text,
            Ok(_) if whole <= 15 => Shape::Int,
            Ok(_) => Shape::WideInt,
            Err(_) => Shape::Text,
        };
    };
    let Some(fraction) = rest.strip_prefix('.') else { return Shape::Text };
    let places = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let exponent = fraction.get(places..).unwrap_or_default();
    let plain_exponent = exponent.strip_prefix(['e', 'E']).is_some_and(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit())
    });
    let Ok(value) = text.parse::<f64>() else { return Shape::Text };
    // Fifteen digits always survive a double; more do when a double is where they came from.
    let exact = whole + places <= 15 || (exponent.is_empty() && value.to_string() == text);
    if places > 0 && (exponent.is_empty() || plain_exponent) && value.is_finite() && exact {
        Shape::Float
    } else {
        Shape::Text
    }
}

fn time_shape(text: &str) -> Shape {
    // Years of four digits, months and days of two, and nothing around.
    let plain = text.len() >= 10 && text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().get(7) == Some(&b'-');
    if !plain || text.trim() != text {
        return Shape::Text;
    }
    match datetime::stamp(text) {
        Ok(_) if text.len() == 10 => Shape::Date,
        // A shorter date with something after it, such as a one-digit day.
        Ok(_) if !matches!(text.as_bytes().get(10), Some(b'T' | b' ')) => Shape::Text,
        Ok(stamp) if stamp.offset.is_some() => Shape::TimestampTz,
        Ok(_) => Shape::Timestamp,
        Err(_) => Shape::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(values: &[&str]) -> PgType {
        let mut shapes = Shapes::default();
        values.iter().for_each(|value| shapes.add(text_shape(value)));
        shapes.pg_type(false)
    }

    #[test]
    fn numbers_are_numbers_only_when_nothing_is_lost() {
        assert_eq!(infer(&["1", "-20", "0"]), PgType::Int8);
        assert_eq!(infer(&["9223372036854775807"]), PgType::Int8);
        assert_eq!(infer(&["1", "2.5", "-0.25", "1.5e-7"]), PgType::Float8);
        assert_eq!(infer(&["0.30000000000000004"]), PgType::Float8);
        for text in ["007", "+4930", "1e5", "1.", ".5", " 1", "-0", "12345678901234567890", "0.3000000000000000444", ""]
        {
            assert_eq!(infer(&["1", text]), PgType::Text, "{text:?}");
        }
        // A double cannot hold the wide one.
        assert_eq!(infer(&["9223372036854775807", "0.5"]), PgType::Text);
    }

    #[test]
    fn booleans_dates_and_times() {
        assert_eq!(infer(&["true", "FALSE"]), PgType::Bool);
        assert_eq!(infer(&["t", "f"]), PgType::Text);
        assert_eq!(infer(&["true", "1"]), PgType::Text);
        assert_eq!(infer(&["2024-01-31"]), PgType::Date);
        assert_eq!(infer(&["2024-02-31"]), PgType::Text);
        assert_eq!(infer(&["2024-01-31 10:00", "2024-01-31T10:00:00.5"]), PgType::Timestamp);
        assert_eq!(infer(&["2024-01-31T10:00:00Z"]), PgType::TimestampTz);
        assert_eq!(infer(&["2024-01-31", "2024-01-31 10:00"]), PgType::Text);
        assert_eq!(infer(&[]), PgType::Text);
        let mut mixed = Shapes::default();
        mixed.add(Shape::Timestamp);
        mixed.add(Shape::TimestampTz);
        assert_eq!((mixed.pg_type(false), mixed.pg_type(true)), (PgType::Text, PgType::TimestampTz));
    }

    #[test]
    fn json_values_have_their_own_types() {
        assert_eq!(json_shape("\"1\""), Some(Shape::Text));
        assert_eq!(json_shape("\"2024-01-31\""), Some(Shape::Date));
        assert_eq!(json_shape("1e5"), Some(Shape::Float));
        assert_eq!(json_shape("null"), None);
        assert_eq!(json_shape("[1]"), Some(Shape::Nested));
    }

    #[test]
    fn an_inferred_type_binds_later_rows() {
        assert!(!fits(&PgType::Int8, text_shape("01067"), false));
        assert!(!fits(&PgType::Float8, text_shape("9223372036854775807"), false));
        assert!(fits(&PgType::Text, Shape::Bool, false));
    }
}
