//! Floating-point numbers in text, as Postgres writes them: the fewest digits that read back as the same number, with
//! an exponent below 1e-4 and from 1e15 (`double precision`) or 1e6 (`real`) on.

use std::fmt::{Display, LowerExp};

/// A `double precision` in text.
pub fn double(value: f64) -> String {
    special(value).unwrap_or_else(|| finite(value, 15))
}

/// A `real` in text.
pub fn single(value: f32) -> String {
    special(f64::from(value)).unwrap_or_else(|| finite(value, 6))
}

fn special(value: f64) -> Option<String> {
    let name = match value {
        _ if value.is_nan() => "NaN",
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => return None,
    };
    Some(name.to_string())
}

/// `limit` is the first exponent that is written as one.
fn finite(value: impl Display + LowerExp, limit: i32) -> String {
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((text.as_str(), "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..limit).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_postgres_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (123_456_789_012_345.0, "123456789012345"),
            (1e15, "1e+15"),
            (-2e300, "-2e+300"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), text);
        }
        assert_eq!(single(0.1), "0.1");
        assert_eq!(single(1_234_567.0), "1.234567e+06");
        assert_eq!(single(f32::NAN), "NaN");
    }
}
