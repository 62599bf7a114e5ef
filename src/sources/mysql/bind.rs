//! Literals as the driver's parameters.

use chrono_tz::Tz;
use datafusion::arrow::datatypes::{Decimal128Type, Decimal256Type, DecimalType};
use datafusion::scalar::ScalarValue;
use mysql_async::Value;

use super::types::MysqlType;
use crate::sources::zone::{DAY_MICROS, civil, days, to_local};

/// What a TIMESTAMP column can hold, in seconds since 1970. Beyond it servers convert a literal as they please.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = 1..=2_147_483_647;

/// The parameter for comparing a column of this type with `value`, or none when that cannot be said exactly. `zone` is
/// that of what a DATETIME column shows. The dialect's placeholders are made for these values.
pub(super) fn parameter(remote: MysqlType, value: &ScalarValue, zone: Option<Tz>) -> Option<Value> {
    Some(match (remote, value) {
        (
            MysqlType::TinyInt | MysqlType::SmallInt | MysqlType::Int | MysqlType::BigInt,
            ScalarValue::Int16(_) | ScalarValue::Int32(_) | ScalarValue::Int64(_),
        ) => Value::Int(whole(value)?),
        (MysqlType::Year, ScalarValue::Int32(Some(year))) => {
            // One and two digits would mean years of this and the last century.
            (1901..=2155).contains(year).then_some(Value::Int(i64::from(*year)))?
        }
        (MysqlType::BigIntUnsigned, ScalarValue::Decimal128(Some(value), _, 0)) => {
            Value::UInt(u64::try_from(*value).ok()?)
        }
        (MysqlType::Decimal(_, scale), ScalarValue::Decimal128(Some(value), precision, s)) if *s == scale => {
            Value::Bytes(Decimal128Type::format_decimal(*value, *precision, *s).into_bytes())
        }
        (MysqlType::Decimal(_, scale), ScalarValue::Decimal256(Some(value), precision, s)) if *s == scale => {
            Value::Bytes(Decimal256Type::format_decimal(*value, *precision, *s).into_bytes())
        }
        (MysqlType::Double, ScalarValue::Float64(Some(value))) if value.is_finite() => Value::Double(*value),
        (MysqlType::Date, ScalarValue::Date32(Some(value))) => date_time(i64::from(*value).checked_mul(DAY_MICROS)?)?,
        (MysqlType::DateTime, ScalarValue::TimestampMicrosecond(Some(value), None)) => date_time(*value)?,
        (MysqlType::DateTime, ScalarValue::TimestampMicrosecond(Some(value), Some(_))) => {
            let local = match zone {
                Some(zone) => to_local(zone, *value)?,
                None => *value,
            };
            // A day is added or taken away: it must stay within what the server counts.
            (days(1001, 1, 1)?..days(9998, 1, 1)?)
                .contains(&i32::try_from(local.div_euclid(DAY_MICROS)).ok()?)
                .then(|| date_time(local))??
        }
        (MysqlType::Timestamp, ScalarValue::TimestampMicrosecond(Some(value), Some(_))) => {
            TIMESTAMP_SECONDS.contains(&value.div_euclid(1_000_000)).then(|| date_time(*value))??
        }
        (
            MysqlType::Char(_) | MysqlType::Text | MysqlType::Choice | MysqlType::Uuid,
            ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)),
        ) => Value::Bytes(text.as_bytes().to_vec()),
        (
            MysqlType::Binary,
            ScalarValue::Binary(Some(bytes))
            | ScalarValue::BinaryView(Some(bytes))
            | ScalarValue::LargeBinary(Some(bytes)),
        ) => Value::Bytes(hex(bytes).into_bytes()),
        _ => return None,
    })
}

fn whole(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int16(value) => value.map(i64::from),
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        _ => None,
    }
}

/// Microseconds since 1970 as the server's date and time; none outside the years 1 to 9999.
fn date_time(micros: i64) -> Option<Value> {
    let (year, month, day) = civil(i32::try_from(micros.div_euclid(DAY_MICROS)).ok()?)?;
    let year = u16::try_from(year).ok().filter(|year| (1..=9999).contains(year))?;
    let of_day = micros.rem_euclid(DAY_MICROS);
    let seconds = of_day / 1_000_000;
    Some(Value::Date(
        year,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
        u8::try_from(seconds / 3600).ok()?,
        u8::try_from(seconds / 60 % 60).ok()?,
        u8::try_from(seconds % 60).ok()?,
        u32::try_from(of_day % 1_000_000).ok()?,
    ))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_or_not_at_all() {
        let instant = |micros| ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
        assert_eq!(parameter(MysqlType::Year, &ScalarValue::Int32(Some(70)), None), None);
        assert_eq!(
            parameter(MysqlType::BigIntUnsigned, &ScalarValue::Decimal128(Some(i128::from(u64::MAX)), 20, 0), None),
            Some(Value::UInt(u64::MAX))
        );
        assert_eq!(parameter(MysqlType::BigIntUnsigned, &ScalarValue::Decimal128(Some(-1), 20, 0), None), None);
        assert_eq!(
            parameter(MysqlType::Decimal(10, 2), &ScalarValue::Decimal128(Some(-5), 10, 2), None),
            Some(Value::Bytes(b"-0.05".to_vec()))
        );
        assert_eq!(
            parameter(MysqlType::Timestamp, &instant(1_500_000), None),
            Some(Value::Date(1970, 1, 1, 0, 0, 1, 500_000))
        );
        assert_eq!(parameter(MysqlType::Timestamp, &instant(-1), None), None);
        assert_eq!(
            parameter(MysqlType::DateTime, &instant(0), Some("Asia/Tokyo".parse().unwrap())),
            Some(Value::Date(1970, 1, 1, 9, 0, 0, 0))
        );
        assert_eq!(parameter(MysqlType::Date, &ScalarValue::Date32(Some(-800_000)), None), None);
        assert_eq!(
            parameter(MysqlType::Binary, &ScalarValue::Binary(Some(vec![0, 255])), None),
            Some(Value::Bytes(b"00ff".to_vec()))
        );
    }
}
