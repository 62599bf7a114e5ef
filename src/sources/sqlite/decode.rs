//! SQLite's values into Arrow columns.

use chrono_tz::Tz;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::datetime::{self, Moment};
use crate::catalog::types::PgType;
use crate::sources::rows::{ColumnBuilder, Unfit};
use crate::sources::zone::to_utc;

/// Reads one column of a result.
#[derive(Clone, Debug)]
pub(super) struct ColumnReader {
    /// The column's name here, for errors.
    pub name: String,
    /// The zone to take what clocks show to an instant with.
    zone: Option<Tz>,
    /// Whether text may stand for its bytes: where no declared type says that there are blobs.
    text_as_bytes: bool,
}

impl ColumnReader {
    /// A reader for a column of type `pg_type`. `declared` is its type in the file, empty for expressions; `zone` that
    /// of times that bear none.
    pub fn new(name: &str, pg_type: &PgType, declared: &str, zone: Option<Tz>) -> Self {
        ColumnReader {
            name: name.to_string(),
            zone: zone.filter(|_| *pg_type == PgType::TimestampTz),
            text_as_bytes: declared.is_empty(),
        }
    }

    /// Appends a value; the bytes that it takes are the answer.
    pub fn append(&self, value: ValueRef<'_>, to: &mut ColumnBuilder) -> Result<usize, Unfit> {
        let name = to.type_name();
        let is_bytes = matches!(to, ColumnBuilder::Bytea(_));
        let is_moment = matches!(to, ColumnBuilder::Timestamp(_) | ColumnBuilder::Date(_));
        match value {
            ValueRef::Null => to.append_null(),
            ValueRef::Integer(seconds) if is_moment => {
                self.append_moment(datetime::epoch_seconds(seconds), to, || format!("number {seconds}"))?;
            }
            ValueRef::Real(value) if is_moment => {
                self.append_moment(datetime::real(value), to, || format!("number {value}"))?;
            }
            ValueRef::Integer(value) => to.append_integer(i128::from(value))?,
            ValueRef::Real(value) => to.append_double(value)?,
            ValueRef::Blob(bytes) if is_bytes => {
                to.append_bytes(bytes)?;
                return Ok(bytes.len());
            }
            ValueRef::Blob(_) => return Err(Unfit::class("a blob", name)),
            ValueRef::Text(bytes) if is_bytes => {
                if !self.text_as_bytes {
                    return Err(Unfit::class("text", name));
                }
                to.append_bytes(bytes)?;
                return Ok(bytes.len());
            }
            ValueRef::Text(bytes) => {
                let text =
                    std::str::from_utf8(bytes).map_err(|_| Unfit("the value is no text in UTF-8".to_string()))?;
                if is_moment {
                    self.append_moment(datetime::moment(text), to, || quoted(text))?;
                } else if matches!(to, ColumnBuilder::Time(_)) {
                    to.append_time(datetime::time(text).ok_or_else(|| Unfit::class(&quoted(text), name))?)?;
                } else {
                    to.append_text(text)?;
                }
                return Ok(bytes.len());
            }
        }
        Ok(0)
    }

    fn append_moment(
        &self,
        moment: Option<Moment>,
        to: &mut ColumnBuilder,
        shown: impl Fn() -> String,
    ) -> Result<(), Unfit> {
        let name = to.type_name();
        let unfit = || Unfit::class(&shown(), name);
        if matches!(to, ColumnBuilder::Date(_)) {
            let days = moment.and_then(datetime::whole_days).ok_or_else(unfit)?;
            return to.append_date(days);
        }
        let micros = match (moment, self.zone) {
            (Some(Moment::Local(local)), Some(zone)) => to_utc(zone, local),
            (Some(Moment::Local(micros) | Moment::Instant(micros)), _) => Some(micros),
            (None, _) => None,
        };
        let micros = micros.ok_or_else(unfit)?;
        to.append_timestamp(micros)
    }
}

/// Appends a row, one value a reader; the bytes of its texts and blobs are the answer. An error comes with the name
/// of its column.
pub(super) fn append_row<'a>(
    readers: &'a [ColumnReader],
    row: &Row<'_>,
    columns: &mut [ColumnBuilder],
) -> Result<usize, (&'a str, Unfit)> {
    let mut size = 0;
    for (index, (reader, column)) in readers.iter().zip(columns).enumerate() {
        let named = |unfit| (reader.name.as_str(), unfit);
        let value = row.get_ref(index).map_err(|e| named(Unfit(e.to_string())))?;
        size += reader.append(value, column).map_err(named)?;
    }
    Ok(size)
}

/// A long text says no more than its beginning.
fn quoted(text: &str) -> String {
    format!("text \"{}\"", text.chars().take(64).collect::<String>())
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::*;

    fn read(pg_type: PgType, zone: Option<&str>, value: ValueRef<'_>) -> Option<String> {
        let reader = ColumnReader::new("c", &pg_type, "X", zone.map(|zone| zone.parse().unwrap()));
        let mut column = ColumnBuilder::new(&pg_type).unwrap();
        reader.append(value, &mut column).ok()?;
        Some(array_value_to_string(&column.finish(), 0).unwrap())
    }

    #[test]
    fn converted_when_exact_else_refused() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        assert_eq!(read(PgType::Text, None, ValueRef::Integer(7)).as_deref(), Some("7"));
        assert_eq!(read(PgType::Int8, None, text("7")).as_deref(), Some("7"));
        assert_eq!(read(PgType::Int8, None, text("seven")), None);
        assert_eq!(read(PgType::Int8, None, ValueRef::Real(1.5)), None);
        assert_eq!(read(PgType::Bool, None, ValueRef::Integer(2)), None);
        assert_eq!(read(PgType::Bool, None, text("TRUE")).as_deref(), Some("true"));
        assert_eq!(read(PgType::Text, None, ValueRef::Blob(b"x")), None);
        assert_eq!(read(PgType::Bytea, None, text("x")), None);
        assert_eq!(read(PgType::Numeric(None), None, ValueRef::Real(0.1)).as_deref(), Some("0.1000000000"));
        assert_eq!(read(PgType::Date, None, text("2024-02-29 10:00")), None);
        assert_eq!(read(PgType::Date, None, text("2024-02-29")).as_deref(), Some("2024-02-29"));
    }

    #[test]
    fn only_naive_times_take_the_zone() {
        let zone = Some("Europe/Berlin");
        let noon = ValueRef::Text(b"2024-07-01 12:00:00");
        let with_zone = ValueRef::Text(b"2024-07-01 12:00:00Z");
        assert_eq!(read(PgType::TimestampTz, zone, noon).as_deref(), Some("2024-07-01T10:00:00Z"));
        assert_eq!(read(PgType::TimestampTz, zone, with_zone).as_deref(), Some("2024-07-01T12:00:00Z"));
        assert_eq!(read(PgType::Timestamp, zone, noon).as_deref(), Some("2024-07-01T12:00:00"));
        assert_eq!(read(PgType::Timestamp, None, ValueRef::Integer(0)).as_deref(), Some("1970-01-01T00:00:00"));
    }
}
