//! Literals on their way to the source: each is bound as text of its column's type, never written into the SQL.

use bytes::BytesMut;
use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::arrow::datatypes::{Decimal128Type, Decimal256Type, DecimalType};
use datafusion::scalar::ScalarValue;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

/// A value in the text form of whatever type its placeholder has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextParameter(pub(super) String);

impl ToSql for TextParameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// The value as Postgres reads it, exactly; none for one that Postgres cannot hold or that reads differently there.
pub(super) fn text(value: &ScalarValue) -> Option<String> {
    Some(match value {
        ScalarValue::Boolean(Some(v)) => v.to_string(),
        ScalarValue::Int16(Some(v)) => v.to_string(),
        ScalarValue::Int32(Some(v)) => v.to_string(),
        ScalarValue::Int64(Some(v)) => v.to_string(),
        ScalarValue::UInt32(Some(v)) => v.to_string(),
        ScalarValue::Float32(Some(v)) => float(f64::from(*v), || format!("{v:e}")),
        ScalarValue::Float64(Some(v)) => float(*v, || format!("{v:e}")),
        ScalarValue::Decimal128(Some(v), p, s) => Decimal128Type::format_decimal(*v, *p, *s),
        ScalarValue::Decimal256(Some(v), p, s) => Decimal256Type::format_decimal(*v, *p, *s),
        ScalarValue::Utf8(Some(v)) | ScalarValue::LargeUtf8(Some(v)) | ScalarValue::Utf8View(Some(v)) => {
            // Postgres has no text with the character zero.
            return (!v.contains('\0')).then(|| v.clone());
        }
        ScalarValue::Binary(Some(v)) | ScalarValue::LargeBinary(Some(v)) | ScalarValue::BinaryView(Some(v)) => {
            let mut hex = String::with_capacity(2 + 2 * v.len());
            hex.push_str("\\x");
            for byte in v {
                hex.push_str(&format!("{byte:02x}"));
            }
            hex
        }
        ScalarValue::Date32(Some(days)) => {
            let date = NaiveDate::from_epoch_days(*days).filter(|date| is_plain(date.year()))?;
            date.format("%Y-%m-%d").to_string()
        }
        ScalarValue::Time64Microsecond(Some(micros)) => {
            let seconds = micros.div_euclid(1_000_000);
            if !(0..=86_400_000_000).contains(micros) {
                return None;
            }
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            format!("{hours:02}:{minutes:02}:{:02}.{:06}", seconds % 60, micros % 1_000_000)
        }
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let at = DateTime::from_timestamp_micros(*micros)?.naive_utc();
            if !is_plain(at.year()) {
                return None;
            }
            let zone = if zone.is_some() { "+00" } else { "" };
            format!("{}{zone}", at.format("%Y-%m-%d %H:%M:%S%.6f"))
        }
        _ => return None,
    })
}

/// An array of these values, as Postgres reads it: each in quotes.
pub(super) fn array(values: &[String]) -> String {
    let mut array = String::with_capacity(values.iter().map(|value| value.len() + 3).sum::<usize>() + 2);
    array.push('{');
    for (index, value) in values.iter().enumerate() {
        array.push_str(if index == 0 { "\"" } else { ",\"" });
        for c in value.chars() {
            if matches!(c, '"' | '\\') {
                array.push('\\');
            }
            array.push(c);
        }
        array.push('"');
    }
    array.push('}');
    array
}

/// Years that read alike everywhere; it leaves out the far ends, where infinity is.
fn is_plain(year: i32) -> bool {
    (1..=9999).contains(&year)
}

fn float(value: f64, finite: impl Fn() -> String) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_string(),
        f64::INFINITY => "Infinity".to_string(),
        f64::NEG_INFINITY => "-Infinity".to_string(),
        _ => finite(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_postgres_reads_them() {
        let cases = [
            (ScalarValue::Float64(Some(1e300)), Some("1e300")),
            (ScalarValue::Float32(Some(0.1)), Some("1e-1")),
            (ScalarValue::Float64(Some(f64::NEG_INFINITY)), Some("-Infinity")),
            (ScalarValue::Decimal128(Some(-1230), 10, 2), Some("-12.30")),
            (ScalarValue::Utf8(Some("x\\' OR 1=1 --".into())), Some("x\\' OR 1=1 --")),
            (ScalarValue::Utf8(Some("a\0b".into())), None),
            (ScalarValue::Binary(Some(vec![0, 255])), Some("\\x00ff")),
            (ScalarValue::Date32(Some(-1)), Some("1969-12-31")),
            (ScalarValue::Date32(Some(i32::MAX)), None),
            (ScalarValue::Time64Microsecond(Some(86_400_000_000)), Some("24:00:00.000000")),
            (ScalarValue::TimestampMicrosecond(Some(-1), None), Some("1969-12-31 23:59:59.999999")),
            (ScalarValue::TimestampMicrosecond(Some(0), Some("UTC".into())), Some("1970-01-01 00:00:00.000000+00")),
            (ScalarValue::TimestampMicrosecond(Some(i64::MAX), None), None),
        ];
        for (value, expected) in cases {
            assert_eq!(text(&value).as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn arrays_are_read_back() {
        assert_eq!(array(&["a".into(), "b\"\\c,{}".into(), String::new()]), r#"{"a","b\"\\c,{}",""}"#);
    }
}
