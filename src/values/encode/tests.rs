//! Against what PostgreSQL itself prints and sends.

use std::sync::Arc;

use bytes::BytesMut;
use chrono_tz::Tz;
use datafusion::arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int32Array,
    IntervalMonthDayNanoArray, ListArray, StringArray, StructArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, UInt64Array,
};
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, IntervalMonthDayNano};

use super::interval::Interval;
use super::quote::{Style, quote};
use super::{Column, datetime, digits, float};
use crate::catalog::types::PgType;
use crate::values::{Format, Zone};

fn written(write: impl FnOnce(&mut BytesMut)) -> String {
    let mut out = BytesMut::new();
    write(&mut out);
    String::from_utf8(out.to_vec()).unwrap()
}

fn column(array: ArrayRef, format: Format) -> Column {
    Column::new(&PgType::of_arrow(array.data_type()), &array, format, Zone::UTC).unwrap()
}

fn texts(array: ArrayRef) -> Vec<String> {
    let rows = array.len();
    let column = column(array, Format::Text);
    (0..rows)
        .map(|row| if column.is_null(row) { "NULL".into() } else { written(|o| column.write_text(row, o).unwrap()) })
        .collect()
}

fn binary(array: ArrayRef, row: usize) -> Vec<u8> {
    let mut out = BytesMut::new();
    column(array, Format::Binary).write_binary(row, &mut out).unwrap();
    out.to_vec()
}

#[test]
fn integers() {
    for value in [0u64, 9, 10, 99, 100, 12_345, u64::MAX] {
        assert_eq!(written(|o| digits::unsigned(value, o)), value.to_string());
    }
    assert_eq!(written(|o| digits::signed(i64::MIN, o)), i64::MIN.to_string());
    for value in [0u128, 7, u128::from(u64::MAX), u128::from(u64::MAX) + 1, 10u128.pow(19), 10u128.pow(38), u128::MAX] {
        let mut room = [0; 39];
        assert_eq!(digits::wide(value, &mut room), value.to_string().as_bytes());
    }
    assert_eq!(texts(Arc::new(UInt64Array::from(vec![u64::MAX]))), ["18446744073709551615"]);
}

#[test]
fn floats() {
    for (value, shown) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (0.1, "0.1"),
        (1.5e-7, "1.5e-07"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (123456789012345.0, "123456789012345"),
        (1e15, "1e+15"),
        (1e20, "1e+20"),
        (1234567890123456.0, "1.234567890123456e+15"),
        (-2.5, "-2.5"),
        (1e300, "1e+300"),
        (100.25, "100.25"),
        (f64::INFINITY, "Infinity"),
        (f64::NEG_INFINITY, "-Infinity"),
        (f64::NAN, "NaN"),
    ] {
        assert_eq!(written(|o| float::double(value, o)), shown);
    }
    for (value, shown) in
        [(100_000.0f32, "100000"), (1_000_000.0, "1e+06"), (0.1, "0.1"), (3.4028235e38, "3.4028235e+38")]
    {
        assert_eq!(written(|o| float::single(value, o)), shown);
    }
    assert_eq!(binary(Arc::new(Float32Array::from(vec![1.0])), 0), [0x3Fu8, 0x80, 0, 0]);
    assert_eq!(texts(Arc::new(Float64Array::from(vec![Some(1.5), None]))), ["1.5", "NULL"]);
}

#[test]
fn dates_and_times() {
    assert_eq!(
        texts(Arc::new(Date32Array::from(vec![0, -719_163, i32::MAX, i32::MIN, 3_000_000, -719_162]))),
        ["1970-01-01", "0001-12-31 BC", "infinity", "-infinity", "10183-09-21", "0001-01-01"]
    );
    assert_eq!(binary(Arc::new(Date32Array::from(vec![10_958])), 0), [0u8, 0, 0, 1]);
    assert_eq!(binary(Arc::new(Date32Array::from(vec![i32::MAX])), 0), [0x7Fu8, 0xFF, 0xFF, 0xFF]);
    assert_eq!(
        texts(Arc::new(TimestampMicrosecondArray::from(vec![0, 1_500_000, -1, i64::MAX]))),
        ["1970-01-01 00:00:00", "1970-01-01 00:00:01.5", "1969-12-31 23:59:59.999999", "infinity"]
    );
    assert_eq!(texts(Arc::new(TimestampNanosecondArray::from(vec![-1]))), ["1969-12-31 23:59:59.999999"]);
    assert_eq!(
        texts(Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC"))),
        ["1970-01-01 00:00:00+00"]
    );
    let moment = 1_720_000_000_000_000;
    for (zone, shown) in [
        (Zone::Named(Tz::Europe__Berlin), "2024-07-03 11:46:40+02"),
        (Zone::Fixed(19_800), "2024-07-03 15:16:40+05:30"),
        (Zone::Fixed(-12_600), "2024-07-03 06:16:40-03:30"),
    ] {
        assert_eq!(written(|o| datetime::timestamptz(moment, &zone, o)), shown);
    }
    assert_eq!(written(|o| datetime::timestamptz(-62_167_219_200_000_000, &Zone::UTC, o)), "0001-01-01 00:00:00+00 BC");
    assert_eq!(written(|o| datetime::time(86_399_100_000, o)), "23:59:59.1");
    assert_eq!(written(|o| datetime::time(1, o)), "00:00:00.000001");
    assert_eq!(written(|o| datetime::time(360_000_000_000, o)), "100:00:00");
    for (moment, shown) in [
        (253_402_300_799_999_990, "9999-12-31 23:59:59.99999"),
        (253_402_300_800_000_000, "10000-01-01 00:00:00"),
        (9_223_371_244_799_000_000, "294246-12-31 23:59:59"),
        (-14_182_940, "1969-12-31 23:59:45.81706"),
    ] {
        assert_eq!(written(|o| datetime::timestamp(moment, o)), shown);
    }
}

#[test]
fn intervals() {
    for (months, days, micros, shown) in [
        (0, 0, 0, "00:00:00"),
        (14, 3, 14_706_789_000, "1 year 2 mons 3 days 04:05:06.789"),
        (-13, 0, 0, "-1 years -1 mons"),
        (0, -1, 7_380_000_000, "-1 days +02:03:00"),
        (-1, 5, -1, "-1 mons +5 days -00:00:00.000001"),
        (1, 1, 0, "1 mon 1 day"),
        (0, 0, 360_000_000_000, "100:00:00"),
    ] {
        assert_eq!(written(|o| Interval { months, days, micros }.write(o)), shown);
    }
    let array = IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNano::new(1, 2, 3_000)]);
    assert_eq!(binary(Arc::new(array), 0), [0u8, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1]);
}

#[test]
fn decimals() {
    let array = |scale| {
        Arc::new(Decimal128Array::from(vec![0, -5, 12_345]).with_precision_and_scale(38, scale).unwrap()) as ArrayRef
    };
    assert_eq!(texts(array(2)), ["0.00", "-0.05", "123.45"]);
    assert_eq!(texts(array(-2)), ["0", "-500", "1234500"]);
    assert_eq!(binary(array(2), 1), [0u8, 1, 0xFF, 0xFF, 0x40, 0, 0, 2, 0x01, 0xF4]);
}

#[test]
fn quoting() {
    for (style, text, quoted) in [
        (Style::Array, "a b", "\"a b\""),
        (Style::Array, "null", "\"null\""),
        (Style::Array, "", "\"\""),
        (Style::Array, "a\"\\", "\"a\\\"\\\\\""),
        (Style::Array, "a(b)", "a(b)"),
        (Style::Array, "{", "\"{\""),
        (Style::Record, "null", "null"),
        (Style::Record, "a\"\\", "\"a\"\"\\\\\""),
        (Style::Record, "c,d", "\"c,d\""),
    ] {
        let shown = written(|o| {
            o.extend_from_slice(text.as_bytes());
            quote(style, 0, o);
        });
        assert_eq!(shown, quoted);
    }
}

#[test]
fn arrays_and_records() {
    let list =
        ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None, Some(3)]), None, Some(vec![])]);
    assert_eq!(texts(Arc::new(list.clone())), ["{1,NULL,3}", "NULL", "{}"]);
    let expected = [
        0u8, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 23, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF,
        0, 0, 0, 4, 0, 0, 0, 3,
    ];
    assert_eq!(binary(Arc::new(list.clone()), 0), expected);
    assert_eq!(binary(Arc::new(list), 2), [0u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23]);
    let record = StructArray::from(vec![
        (Arc::new(Field::new("a", DataType::Int32, true)), Arc::new(Int32Array::from(vec![1])) as ArrayRef),
        (Arc::new(Field::new("b", DataType::Utf8, true)), Arc::new(StringArray::from(vec!["c d"])) as ArrayRef),
        (Arc::new(Field::new("c", DataType::Utf8, true)), Arc::new(StringArray::from(vec![None::<&str>])) as ArrayRef),
    ]);
    assert_eq!(texts(Arc::new(record.clone())), ["(1,\"c d\",)"]);
    assert_eq!(binary(Arc::new(record), 0)[..20], [0u8, 0, 0, 3, 0, 0, 0, 23, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 25]);
    assert_eq!(texts(Arc::new(BinaryArray::from(vec![&[0xDE, 0xAD][..]]))), ["\\xdead"]);
    assert_eq!(texts(Arc::new(BooleanArray::from(vec![true, false]))), ["t", "f"]);
}
