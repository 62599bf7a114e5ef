//! Against what PostgreSQL itself accepts and refuses.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int32Type, IntervalMonthDayNano};

use super::*;

fn text(kind: &PgType, value: &str) -> Result<ScalarValue> {
    decode(kind, Format::Text, Some(value.as_bytes()), Zone::UTC)
}

fn binary(kind: &PgType, value: &[u8]) -> Result<ScalarValue> {
    decode(kind, Format::Binary, Some(value), Zone::UTC)
}

fn state(result: Result<ScalarValue>) -> SqlState {
    result.unwrap_err().state()
}

#[test]
fn scalars() {
    assert_eq!(text(&PgType::Bool, " Yes ").unwrap(), ScalarValue::Boolean(Some(true)));
    assert_eq!(text(&PgType::Int2, "-32768").unwrap(), ScalarValue::Int16(Some(i16::MIN)));
    assert_eq!(state(text(&PgType::Int4, "99999999999")), SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
    assert_eq!(text(&PgType::Oid, "-1").unwrap(), ScalarValue::UInt32(Some(u32::MAX)));
    assert_eq!(text(&PgType::Float8, "-Infinity").unwrap(), ScalarValue::Float64(Some(f64::NEG_INFINITY)));
    assert_eq!(state(text(&PgType::Float8, "1e400")), SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
    assert_eq!(state(text(&PgType::Float4, "-1e-50")), SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
    assert_eq!(text(&PgType::Float8, "-0.0e5").unwrap(), ScalarValue::Float64(Some(-0.0)));
    assert_eq!(state(text(&PgType::Text, "a\0b")), SqlState::CHARACTER_NOT_IN_REPERTOIRE);
    for (kind, value) in [
        (PgType::Bool, "o"),
        (PgType::Int4, "1.5"),
        (PgType::Int4, ""),
        (PgType::Float8, "abc"),
        (PgType::Numeric(None), "1,5"),
        (PgType::Uuid, "not-a-uuid"),
        (PgType::Json, "{"),
        (PgType::Bytea, "\\9"),
    ] {
        assert_eq!(state(text(&kind, value)), SqlState::INVALID_TEXT_REPRESENTATION, "{kind} {value}");
    }
    let uuid = ScalarValue::Utf8View(Some("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".into()));
    assert_eq!(text(&PgType::Uuid, "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}").unwrap(), uuid);
    assert_eq!(text(&PgType::Bytea, "\\xDEad").unwrap(), ScalarValue::Binary(Some(vec![0xDE, 0xAD])));
    assert_eq!(text(&PgType::Bytea, "a\\\\\\001").unwrap(), ScalarValue::Binary(Some(vec![b'a', b'\\', 1])));
    assert_eq!(decode(&PgType::Int4, Format::Text, None, Zone::UTC).unwrap(), ScalarValue::Int32(None));
    assert_eq!(binary(&PgType::Int4, &[0, 0, 1, 0]).unwrap(), ScalarValue::Int32(Some(256)));
    assert_eq!(state(binary(&PgType::Int4, &[0, 0, 1])), SqlState::PROTOCOL_VIOLATION);
    assert_eq!(state(binary(&PgType::Int4, &[0, 0, 0, 0, 1])), SqlState::INVALID_BINARY_REPRESENTATION);
    assert_eq!(state(binary(&PgType::Jsonb, b"\x02{}")), SqlState::INVALID_BINARY_REPRESENTATION);
    assert_eq!(state(text(&PgType::Record, "(1)")), SqlState::FEATURE_NOT_SUPPORTED);
}

#[test]
fn numerics() {
    let kind = PgType::Numeric(None);
    assert_eq!(text(&kind, "-12.340").unwrap(), ScalarValue::Decimal128(Some(-12_340), 38, 3));
    assert_eq!(text(&kind, "1e3").unwrap(), ScalarValue::Decimal128(Some(1_000), 38, 0));
    let wide = "1".repeat(40);
    assert!(matches!(text(&kind, &wide).unwrap(), ScalarValue::Decimal256(Some(_), 76, 0)));
    assert_eq!(state(text(&kind, &"1".repeat(77))), SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
    let bytes = [0, 2, 0, 0, 0x40, 0, 0, 2, 0, 123, 0x11, 0x94];
    assert_eq!(binary(&kind, &bytes).unwrap(), ScalarValue::Decimal128(Some(-12_345), 38, 2));
}

#[test]
fn dates_and_times() {
    let date = |value: &str| text(&PgType::Date, value);
    assert_eq!(date("2000-01-01").unwrap(), ScalarValue::Date32(Some(10_957)));
    assert_eq!(date("1/8/1999").unwrap(), date("1999-01-08").unwrap());
    assert_eq!(date("19990108").unwrap(), date("1999-01-08 12:30:00").unwrap());
    assert_eq!(date("0001-12-31 BC").unwrap(), ScalarValue::Date32(Some(-719_163)));
    assert_eq!(date("infinity").unwrap(), ScalarValue::Date32(Some(i32::MAX)));
    assert_eq!(state(date("2023-02-29")), SqlState::DATETIME_FIELD_OVERFLOW);
    assert_eq!(state(date("tomorrow?")), SqlState::INVALID_DATETIME_FORMAT);
    let timestamp = |value: &str| text(&PgType::Timestamp, value);
    assert_eq!(
        timestamp("2000-01-01T00:00:01.5Z").unwrap(),
        ScalarValue::TimestampMicrosecond(Some(946_684_801_500_000), None)
    );
    assert_eq!(timestamp("2000-01-01 12:00 AM").unwrap(), timestamp("2000-01-01").unwrap());
    assert_eq!(timestamp("1999-12-31 24:00:00").unwrap(), timestamp("2000-01-01").unwrap());
    assert_eq!(state(timestamp("2000-01-01 25:00:00")), SqlState::DATETIME_FIELD_OVERFLOW);
    assert_eq!(state(timestamp("2000-01-01 12:00:00 Nowhere")), SqlState::INVALID_DATETIME_FORMAT);
    let berlin = Zone::parse("Europe/Berlin").unwrap();
    let zoned = |value: &str| {
        let read = decode(&PgType::TimestampTz, Format::Text, Some(value.as_bytes()), berlin).unwrap();
        match read {
            ScalarValue::TimestampMicrosecond(Some(micros), Some(_)) => micros,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(zoned("2024-07-03 11:46:40"), 1_720_000_000_000_000);
    assert_eq!(zoned("2024-07-03 15:16:40+05:30"), 1_720_000_000_000_000);
    assert_eq!(zoned("2024-07-03 09:46:40 UTC"), 1_720_000_000_000_000);
    let time = |value: &str| text(&PgType::Time, value);
    assert_eq!(time("23:59:59.1").unwrap(), ScalarValue::Time64Microsecond(Some(86_399_100_000)));
    assert_eq!(time("1:30 PM").unwrap(), ScalarValue::Time64Microsecond(Some(48_600_000_000)));
    assert_eq!(state(time("1:60")), SqlState::DATETIME_FIELD_OVERFLOW);
}

#[test]
fn intervals() {
    for (value, months, days, micros) in [
        ("1 year 2 mons 3 days 04:05:06.789", 14, 3, 14_706_789_000),
        ("-1 days +02:03:00", 0, -1, 7_380_000_000),
        ("1.5 months", 1, 15, 0),
        ("1.5 years", 18, 0, 0),
        ("@ 1 minute ago", 0, 0, -60_000_000),
        ("1h", 0, 0, 3_600_000_000),
        ("1-2", 14, 0, 0),
        ("3 04:05:06", 0, 3, 14_706_000_000),
        ("10", 0, 0, 10_000_000),
        ("P1Y2M3DT4H5M6S", 14, 3, 14_706_000_000),
        ("1.5 days", 0, 1, 43_200_000_000),
        ("1 month -  1 day + 2 hours", 1, -1, 7_200_000_000),
        ("1.0 sec 1 ms", 0, 0, 1_001_000),
        ("1-2 1 year", 26, 0, 0),
        ("1-2 3 4:05", 14, 3, 14_700_000_000),
        ("1 year 2", 12, 0, 2_000_000),
        ("1.5 2:00", 0, 1, 50_400_000_000),
        ("1 week 2 days", 0, 9, 0),
        ("1 day 1 decade 1 century 1 week ago", -1_320, -8, 0),
    ] {
        let expected = IntervalMonthDayNano::new(months, days, micros * 1_000);
        let read = text(&PgType::Interval, value).unwrap();
        assert_eq!(read, ScalarValue::IntervalMonthDayNano(Some(expected)), "{value}");
    }
    for value in ["", "one day", "1 fortnight", "P", "ago 1 day", "ago", "@ ago"] {
        assert_eq!(state(text(&PgType::Interval, value)), SqlState::INVALID_DATETIME_FORMAT, "{value}");
    }
    // No field is told twice, and only the last number goes without a unit.
    for value in [
        "1 2",
        "1 2 days",
        "1 2 1:00",
        "04:05 2",
        "2 1-2",
        "1 mon 1-2",
        "3 ago",
        "1 sec 2",
        "1.5 sec 1 ms",
        "1 day 1 day",
        "4:05 4:06",
        "1 hour 0:05",
        "2 sec 04:05",
    ] {
        assert_eq!(state(text(&PgType::Interval, value)), SqlState::INVALID_DATETIME_FORMAT, "{value}");
    }
}

#[test]
fn arrays() {
    let kind = |element| PgType::Array(Box::new(element));
    let ScalarValue::List(list) = text(&kind(PgType::Int4), "{1, NULL ,3}").unwrap() else { panic!() };
    let values = list.value(0);
    let values = values.as_primitive::<Int32Type>();
    assert_eq!((values.value(0), values.is_null(1), values.value(2)), (1, true, 3));
    let ScalarValue::List(list) = text(&kind(PgType::Text), r#"{a b,"c,\"d\"","NULL",x\,y}"#).unwrap() else {
        panic!()
    };
    let texts: Vec<String> = list.value(0).as_string_view().iter().flatten().map(str::to_string).collect();
    assert_eq!(texts, ["a b", "c,\"d\"", "NULL", "x,y"]);
    let ScalarValue::List(list) = text(&kind(PgType::Numeric(None)), "{1.5,2,NULL}").unwrap() else { panic!() };
    assert_eq!(list.value(0).data_type(), &DataType::Decimal128(38, 1));
    assert_eq!(list.value(0).as_primitive::<Decimal128Type>().value(1), 20);
    let ScalarValue::List(list) = text(&kind(PgType::Int4), "{}").unwrap() else { panic!() };
    assert_eq!(list.value(0).len(), 0);
    for value in ["1,2", "{1", "{1,,2}", "{\"1}"] {
        assert_eq!(state(text(&kind(PgType::Int4), value)), SqlState::INVALID_TEXT_REPRESENTATION, "{value}");
    }
    assert_eq!(state(text(&kind(PgType::Int4), "{{1}}")), SqlState::FEATURE_NOT_SUPPORTED);
    let bytes =
        [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7, 0xFF, 0xFF, 0xFF, 0xFF];
    let ScalarValue::List(list) = binary(&kind(PgType::Int4), &bytes).unwrap() else { panic!() };
    assert_eq!((list.value(0).len(), list.value(0).null_count()), (2, 1));
    assert_eq!(state(binary(&kind(PgType::Int8), &bytes)), SqlState::DATATYPE_MISMATCH);
    assert_eq!(state(binary(&kind(PgType::Int4), &bytes[..30])), SqlState::INVALID_BINARY_REPRESENTATION);
    let lying = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1];
    assert_eq!(state(binary(&kind(PgType::Int4), &lying)), SqlState::INVALID_BINARY_REPRESENTATION);
}
