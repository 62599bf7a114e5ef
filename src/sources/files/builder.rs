//! Columns from text, by Postgres's rules of what text is a value of which type.

use std::str::FromStr;
use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Decimal256Builder, Float32Builder,
    Float64Builder, Int16Builder, Int32Builder, Int64Builder, IntervalMonthDayNanoBuilder, ListArray,
    StringViewBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt32Builder,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::kernels::cast_utils::parse_interval_month_day_nano;
use datafusion::arrow::datatypes::{DataType, FieldRef, i256};

use super::datetime::{self, Fault as TimeFault};
use super::json_value::{self, Kind};
use super::numeric::{self, Fault as NumberFault};
use crate::catalog::types::{BARE_NUMERIC, PgType};
use crate::error::{Error, Result, SqlState};

/// Why a value is none of its column's type. Where it stands is for the caller to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadValue {
    /// What kind of error it is.
    pub state: SqlState,
    /// The primary message, as Postgres words it.
    pub message: String,
}

impl BadValue {
    /// A value with an error of its own.
    pub fn new(state: SqlState, message: impl Into<String>) -> Self {
        BadValue { state, message: message.into() }
    }

    fn syntax(pg_type: &PgType, text: &str) -> Self {
        let state = match pg_type {
            PgType::Date | PgType::Time | PgType::Timestamp | PgType::TimestampTz | PgType::Interval => {
                SqlState::INVALID_DATETIME_FORMAT
            }
            _ => SqlState::INVALID_TEXT_REPRESENTATION,
        };
        BadValue::new(state, format!("invalid input syntax for type {}: \"{}\"", base_name(pg_type), shown(text)))
    }

    fn range(pg_type: &PgType, text: &str) -> Self {
        let message = format!("value \"{}\" is out of range for type {}", shown(text), base_name(pg_type));
        BadValue::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
    }

    fn time(fault: TimeFault, pg_type: &PgType, text: &str) -> Self {
        match fault {
            TimeFault::Syntax => BadValue::syntax(pg_type, text),
            TimeFault::Range => BadValue::new(
                SqlState::DATETIME_FIELD_OVERFLOW,
                format!("date/time field value out of range: \"{}\"", shown(text)),
            ),
        }
    }
}

/// A value as an error shows it: its beginning when it is long.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 100;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_string(),
    }
}

/// The type's name without its modifier.
fn base_name(pg_type: &PgType) -> String {
    match pg_type {
        PgType::Numeric(_) => "numeric".to_string(),
        other => other.to_string(),
    }
}

/// A column that grows value by value.
#[derive(Debug)]
pub struct ColumnBuilder {
    pg_type: PgType,
    zone: Option<Tz>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBuilder),
    Int2(Int16Builder),
    Int4(Int32Builder),
    Int8(Int64Builder),
    Oid(UInt32Builder),
    Float4(Float32Builder),
    Float8(Float64Builder),
    Decimal128(Decimal128Builder),
    Decimal256(Decimal256Builder),
    Text(StringViewBuilder),
    Bytea(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    TimestampTz(TimestampMicrosecondBuilder),
    Interval(IntervalMonthDayNanoBuilder),
    List { field: FieldRef, items: Box<ColumnBuilder>, ends: Vec<i32>, valid: Vec<bool> },
}

impl ColumnBuilder {
    /// An empty column. Local times that become `timestamptz` are of `zone`, or of UTC when there is none.
    pub fn new(pg_type: &PgType, zone: Option<Tz>) -> Self {
        let arrow = pg_type.arrow();
        let values = match (pg_type, &arrow) {
            (PgType::Array(element), DataType::List(field)) => Values::List {
                field: Arc::clone(field),
                items: Box::new(ColumnBuilder::new(element, zone)),
                ends: vec![0],
                valid: vec![],
            },
            (_, DataType::Boolean) => Values::Bool(BooleanBuilder::new()),
            (_, DataType::Int16) => Values::Int2(Int16Builder::new()),
            (_, DataType::Int32) => Values::Int4(Int32Builder::new()),
            (_, DataType::Int64) => Values::Int8(Int64Builder::new()),
            (_, DataType::UInt32) => Values::Oid(UInt32Builder::new()),
            (_, DataType::Float32) => Values::Float4(Float32Builder::new()),
            (_, DataType::Float64) => Values::Float8(Float64Builder::new()),
            (_, DataType::Decimal128(..)) => Values::Decimal128(Decimal128Builder::new().with_data_type(arrow)),
            (_, DataType::Decimal256(..)) => Values::Decimal256(Decimal256Builder::new().with_data_type(arrow)),
            (_, DataType::Binary) => Values::Bytea(BinaryBuilder::new()),
            (_, DataType::Date32) => Values::Date(Date32Builder::new()),
            (_, DataType::Time64(_)) => Values::Time(Time64MicrosecondBuilder::new()),
            (_, DataType::Timestamp(_, None)) => Values::Timestamp(TimestampMicrosecondBuilder::new()),
            (_, DataType::Timestamp(_, Some(_))) => {
                Values::TimestampTz(TimestampMicrosecondBuilder::new().with_data_type(arrow))
            }
            (_, DataType::Interval(_)) => Values::Interval(IntervalMonthDayNanoBuilder::new()),
            _ => Values::Text(StringViewBuilder::new()),
        };
        ColumnBuilder { pg_type: pg_type.clone(), zone, values }
    }

    /// Adds a null.
    pub fn append_null(&mut self) {
        match &mut self.values {
            Values::Bool(b) => b.append_null(),
            Values::Int2(b) => b.append_null(),
            Values::Int4(b) => b.append_null(),
            Values::Int8(b) => b.append_null(),
            Values::Oid(b) => b.append_null(),
            Values::Float4(b) => b.append_null(),
            Values::Float8(b) => b.append_null(),
            Values::Decimal128(b) => b.append_null(),
            Values::Decimal256(b) => b.append_null(),
            Values::Text(b) => b.append_null(),
            Values::Bytea(b) => b.append_null(),
            Values::Date(b) => b.append_null(),
            Values::Time(b) => b.append_null(),
            Values::Timestamp(b) | Values::TimestampTz(b) => b.append_null(),
            Values::Interval(b) => b.append_null(),
            Values::List { ends, valid, .. } => {
                ends.push(ends.last().copied().unwrap_or_default());
                valid.push(false);
            }
        }
    }

    /// Adds the value that the text stands for.
    pub fn append_text(&mut self, text: &str) -> Result<(), BadValue> {
        let pg_type = &self.pg_type;
        let syntax = || BadValue::syntax(pg_type, text);
        match &mut self.values {
            Values::Bool(b) => b.append_value(boolean(text).ok_or_else(syntax)?),
            Values::Int2(b) => b.append_value(integer(pg_type, text)?),
            Values::Int4(b) => b.append_value(integer(pg_type, text)?),
            Values::Int8(b) => b.append_value(integer(pg_type, text)?),
            Values::Oid(b) => b.append_value(integer(pg_type, text)?),
            Values::Float4(b) => {
                let value: f32 = text.trim().parse().map_err(|_| syntax())?;
                b.append_value(finite(pg_type, text, value, value.is_infinite())?);
            }
            Values::Float8(b) => {
                let value: f64 = text.trim().parse().map_err(|_| syntax())?;
                b.append_value(finite(pg_type, text, value, value.is_infinite())?);
            }
            Values::Decimal128(b) => {
                b.append_value(decimal(pg_type, text)?.parse::<i128>().map_err(|_| BadValue::range(pg_type, text))?);
            }
            Values::Decimal256(b) => {
                let digits = decimal(pg_type, text)?;
                b.append_value(i256::from_string(&digits).ok_or_else(|| BadValue::range(pg_type, text))?);
            }
            Values::Text(b) => match pg_type {
                PgType::Uuid => b.append_value(uuid(text).ok_or_else(syntax)?),
                PgType::Json | PgType::Jsonb => {
                    json_value::check(text).map_err(|_| syntax())?;
                    b.append_value(text);
                }
                PgType::Varchar(Some(length)) | PgType::Bpchar(Some(length)) => {
                    b.append_value(pg_type.held(limited(pg_type, *length, text)?));
                }
                _ => b.append_value(pg_type.held(text)),
            },
            Values::Bytea(b) => b.append_value(bytea(text).ok_or_else(syntax)?),
            Values::Date(b) => b.append_value(datetime::date(text).map_err(|f| BadValue::time(f, pg_type, text))?),
            Values::Time(b) => b.append_value(datetime::time(text).map_err(|f| BadValue::time(f, pg_type, text))?),
            Values::Timestamp(b) => {
                // As in Postgres, an offset means nothing here.
                b.append_value(datetime::stamp(text).map_err(|f| BadValue::time(f, pg_type, text))?.local);
            }
            Values::TimestampTz(b) => {
                let stamp = datetime::stamp(text).map_err(|f| BadValue::time(f, pg_type, text))?;
                let micros =
                    datetime::utc(stamp, self.zone).ok_or_else(|| BadValue::time(TimeFault::Range, pg_type, text))?;
                b.append_value(micros);
            }
            Values::Interval(b) => b.append_value(parse_interval_month_day_nano(text).map_err(|_| syntax())?),
            Values::List { items, ends, valid, .. } => {
                let elements = array_elements(text).ok_or_else(|| {
                    BadValue::new(
                        SqlState::INVALID_TEXT_REPRESENTATION,
                        format!("malformed array literal: \"{}\"", shown(text)),
                    )
                })?;
                let end = next_end(ends, elements.len())?;
                for element in &elements {
                    match element {
                        Some(element) => items.append_text(element)?,
                        None => items.append_null(),
                    }
                }
                ends.push(end);
                valid.push(true);
            }
        }
        Ok(())
    }

    /// Adds a JSON value, given as its text.
    pub fn append_json(&mut self, raw: &str) -> Result<(), BadValue> {
        let kind = json_value::kind(raw);
        let not_utf8 = || {
            BadValue::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("unsupported Unicode escape sequence in JSON string {}", shown(raw)),
            )
        };
        match (&mut self.values, kind) {
            (_, Kind::Null) => self.append_null(),
            (Values::Text(b), _) if matches!(self.pg_type, PgType::Json | PgType::Jsonb) => b.append_value(raw),
            (Values::List { items, ends, valid, .. }, Kind::Array) => {
                let elements = json_value::elements(raw);
                let end = next_end(ends, elements.len())?;
                for element in elements {
                    items.append_json(element)?;
                }
                ends.push(end);
                valid.push(true);
            }
            (_, Kind::String) => self.append_text(&json_value::string(raw).ok_or_else(not_utf8)?)?,
            (Values::Text(b), _) if self.pg_type == PgType::Text => b.append_value(raw),
            (_, Kind::Array | Kind::Object) => {
                return Err(BadValue::new(
                    SqlState::INVALID_TEXT_REPRESENTATION,
                    format!("a JSON array or object is no value of type {}", base_name(&self.pg_type)),
                ));
            }
            (Values::Int2(_) | Values::Int4(_) | Values::Int8(_) | Values::Oid(_), Kind::Number)
                if raw.contains(['.', 'e', 'E']) =>
            {
                // 1.0 and 1e3 are integers in JSON.
                let digits = numeric::unscaled(raw, 38, 0, true).map_err(|_| BadValue::syntax(&self.pg_type, raw))?;
                self.append_text(&digits)?;
            }
            _ => self.append_text(raw)?,
        }
        Ok(())
    }

    /// The column so far; the builder is empty again.
    pub fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match &mut self.values {
            Values::Bool(b) => Arc::new(b.finish()),
            Values::Int2(b) => Arc::new(b.finish()),
            Values::Int4(b) => Arc::new(b.finish()),
            Values::Int8(b) => Arc::new(b.finish()),
            Values::Oid(b) => Arc::new(b.finish()),
            Values::Float4(b) => Arc::new(b.finish()),
            Values::Float8(b) => Arc::new(b.finish()),
            Values::Decimal128(b) => Arc::new(b.finish()),
            Values::Decimal256(b) => Arc::new(b.finish()),
            Values::Text(b) => Arc::new(b.finish()),
            Values::Bytea(b) => Arc::new(b.finish()),
            Values::Date(b) => Arc::new(b.finish()),
            Values::Time(b) => Arc::new(b.finish()),
            Values::Timestamp(b) | Values::TimestampTz(b) => Arc::new(b.finish()),
            Values::Interval(b) => Arc::new(b.finish()),
            Values::List { field, items, ends, valid } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(ends, vec![0])));
                let nulls = NullBuffer::from(std::mem::take(valid));
                let list = ListArray::try_new(Arc::clone(field), offsets, items.finish()?, Some(nulls))
                    .map_err(|e| Error::internal(format!("could not build an array column: {e}")))?;
                Arc::new(list)
            }
        })
    }
}

fn next_end(ends: &[i32], more: usize) -> Result<i32, BadValue> {
    let last = ends.last().copied().unwrap_or_default();
    i32::try_from(more)
        .ok()
        .and_then(|more| last.checked_add(more))
        .ok_or_else(|| BadValue::new(SqlState::FDW_INVALID_DATA_TYPE, "array too large"))
}

fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

fn integer<T: FromStr<Err = std::num::ParseIntError>>(pg_type: &PgType, text: &str) -> Result<T, BadValue> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    text.trim().parse().map_err(|e: std::num::ParseIntError| match e.kind() {
        PosOverflow | NegOverflow => BadValue::range(pg_type, text),
        _ => BadValue::syntax(pg_type, text),
    })
}

/// A parsed double: infinite only when the text says so, not when its number is too large.
fn finite<T>(pg_type: &PgType, text: &str, value: T, infinite: bool) -> Result<T, BadValue> {
    if infinite && text.bytes().any(|b| b.is_ascii_digit()) { Err(BadValue::range(pg_type, text)) } else { Ok(value) }
}

fn decimal(pg_type: &PgType, text: &str) -> Result<String, BadValue> {
    let given = match pg_type {
        PgType::Numeric(given) => *given,
        _ => None,
    };
    let (precision, scale) = given.unwrap_or(BARE_NUMERIC);
    numeric::unscaled(text, precision, scale, given.is_none()).map_err(|fault| match fault {
        NumberFault::Syntax => BadValue::syntax(pg_type, text),
        NumberFault::Range => BadValue::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("numeric field overflow: \"{}\" does not fit numeric({precision},{scale})", shown(text)),
        ),
        NumberFault::Inexact => BadValue::new(
            SqlState::FDW_INVALID_DATA_TYPE,
            format!("value \"{}\" does not fit numeric({precision},{scale}) exactly", shown(text)),
        ),
    })
}

/// Text that is no longer than its type allows, once blanks at its end are not counted.
fn limited<'a>(pg_type: &PgType, length: u32, text: &'a str) -> Result<&'a str, BadValue> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    match text.char_indices().nth(length) {
        None => Ok(text),
        Some((end, _)) if text.get(end..).is_some_and(|rest| rest.bytes().all(|b| b == b' ')) => {
            Ok(text.get(..end).unwrap_or(text))
        }
        Some(_) => Err(BadValue::new(
            SqlState::FDW_INVALID_DATA_TYPE,
            format!("value too long for type {pg_type}: \"{}\"", shown(text)),
        )),
    }
}

/// A uuid in lower case with its hyphens; it may come without them, or in braces.
fn uuid(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    let hex: String = text.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    if hex.len() != 32 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some(hyphenated(&hex))
}

/// 32 hexadecimal digits with a uuid's hyphens.
pub fn hyphenated(hex: &str) -> String {
    let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    parts.map(|(from, to)| hex.get(from..to).unwrap_or_default()).join("-")
}

/// Bytes from Postgres's hexadecimal form, or from its older one with backslashes.
fn bytea(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8, radix: u32| char::from(byte).to_digit(radix).and_then(|d| u8::try_from(d).ok());
    if let Some(hex) = text.strip_prefix("\\x") {
        let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
        return if rest.is_empty() {
            pairs.iter().map(|[high, low]| Some(digit(*high, 16)? * 16 + digit(*low, 16)?)).collect()
        } else {
            None
        };
    }
    let mut out = vec![];
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next()? {
            b'\\' => out.push(b'\\'),
            first => {
                let (a, b, c) = (digit(first, 4)?, digit(bytes.next()?, 8)?, digit(bytes.next()?, 8)?);
                out.push(a * 64 + b * 8 + c);
            }
        }
    }
    Some(out)
}

/// The elements of an array literal such as `{1,NULL,"a, b"}`; an inner array is left as its literal.
fn array_elements(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    if inner.trim().is_empty() {
        return Some(vec![]);
    }
    let mut elements = vec![];
    let (mut element, mut quoted, mut in_quotes, mut depth) = (String::new(), false, false, 0usize);
    let mut chars = inner.chars();
    loop {
        let char = chars.next();
        match char {
            Some('\\') => {
                if depth > 0 {
                    element.push('\\');
                }
                element.push(chars.next()?);
            }
            Some('"') => {
                in_quotes = !in_quotes;
                quoted = true;
                if depth > 0 {
                    element.push('"');
                }
            }
            Some(char) if in_quotes => element.push(char),
            Some('{') => {
                depth += 1;
                element.push('{');
            }
            Some('}') => {
                depth = depth.checked_sub(1)?;
                element.push('}');
            }
            Some(char) if char != ',' || depth > 0 => element.push(char),
            // A comma, or the end.
            _ => {
                if in_quotes || depth > 0 {
                    return None;
                }
                let value = std::mem::take(&mut element);
                let bare = value.trim();
                elements.push(match (quoted, bare) {
                    (true, _) if !bare.starts_with('{') => Some(value),
                    (_, "") => return None,
                    (false, null) if null.eq_ignore_ascii_case("null") => None,
                    (_, bare) => Some(bare.to_string()),
                });
                quoted = false;
                if char.is_none() {
                    return Some(elements);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::*;

    fn read(pg_type: &str, text: &str) -> Result<String, SqlState> {
        let mut builder = ColumnBuilder::new(&PgType::parse(pg_type).unwrap(), None);
        builder.append_text(text).map_err(|e| e.state)?;
        Ok(array_value_to_string(builder.finish().unwrap().as_ref(), 0).unwrap())
    }

    fn read_json(pg_type: &str, raw: &str) -> Result<String, SqlState> {
        let mut builder = ColumnBuilder::new(&PgType::parse(pg_type).unwrap(), None);
        builder.append_json(raw).map_err(|e| e.state)?;
        Ok(array_value_to_string(builder.finish().unwrap().as_ref(), 0).unwrap())
    }

    #[test]
    fn text_becomes_values() {
        for (pg_type, text, expected) in [
            ("boolean", "Yes", "true"),
            ("integer", " -5 ", "-5"),
            ("numeric", "12.5", "12.5000000000"),
            ("numeric(5,2)", "1.005", "1.01"),
            ("uuid", "{A0EEBC99-9C0B4EF8-BB6D-6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
            ("varchar(3)", "abc  ", "abc"),
            ("bytea", "\\x0aFF", "0aff"),
            ("bytea", "a\\\\\\001", "615c01"),
            ("timestamptz", "2024-01-01 01:00+01", "2024-01-01T00:00:00Z"),
            ("text[]", "{a,\"b, \\\"c\",NULL}", "[a, b, \"c, ]"),
            ("integer[]", "{}", "[]"),
        ] {
            assert_eq!(read(pg_type, text).as_deref(), Ok(expected), "{pg_type} {text}");
        }
    }

    #[test]
    fn what_is_no_value_has_postgres_s_state() {
        for (pg_type, text, state) in [
            ("boolean", "maybe", SqlState::INVALID_TEXT_REPRESENTATION),
            ("smallint", "40000", SqlState::NUMERIC_VALUE_OUT_OF_RANGE),
            ("bigint", "1.5", SqlState::INVALID_TEXT_REPRESENTATION),
            ("double precision", "1e999", SqlState::NUMERIC_VALUE_OUT_OF_RANGE),
            ("numeric", "0.00000000001", SqlState::FDW_INVALID_DATA_TYPE),
            ("date", "31.01.2024", SqlState::INVALID_DATETIME_FORMAT),
            ("date", "2024-02-30", SqlState::DATETIME_FIELD_OVERFLOW),
            ("json", "{", SqlState::INVALID_TEXT_REPRESENTATION),
            ("varchar(2)", "abc", SqlState::FDW_INVALID_DATA_TYPE),
            ("text[]", "{a", SqlState::INVALID_TEXT_REPRESENTATION),
        ] {
            assert_eq!(read(pg_type, text), Err(state), "{pg_type} {text}");
        }
    }

    #[test]
    fn json_becomes_values() {
        for (pg_type, raw, expected) in [
            ("text", "1.10", "1.10"),
            ("text", r#""a\"b""#, "a\"b"),
            ("text", r#"{"a": 1}"#, r#"{"a": 1}"#),
            ("json", r#""a""#, r#""a""#),
            ("bigint", "1e3", "1000"),
            ("bigint", r#""7""#, "7"),
            ("numeric", "12345678901234567890.5", "12345678901234567890.5000000000"),
            ("text[]", r#"["a", null, 1]"#, "[a, , 1]"),
        ] {
            assert_eq!(read_json(pg_type, raw).as_deref(), Ok(expected), "{pg_type} {raw}");
        }
        assert_eq!(read_json("bigint", "[1]"), Err(SqlState::INVALID_TEXT_REPRESENTATION));
        assert_eq!(read_json("bigint", "1.5"), Err(SqlState::INVALID_TEXT_REPRESENTATION));
    }
}
