//! Values into Arrow columns.

use chrono_tz::Tz;
use mysql_async::{Column, Row, Value};

use super::direct::Cells;
use super::types::MysqlType;
use crate::catalog::types::PgType;
use crate::sources::rows::{ColumnBuilder, Unfit};
use crate::sources::zone::{DAY_MICROS, days, time_of_day, to_utc};

/// A value as it came, of either way to read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Bytes(&'a [u8]),
    /// Year, month, day, hour, minute, second, microseconds.
    Date(u16, u8, u8, u8, u8, u8, u32),
    /// Whether it is negative, days, hours, minutes, seconds, microseconds.
    Time(bool, u32, u8, u8, u8, u32),
}

impl<'a> From<&'a Value> for Cell<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::NULL => Cell::Null,
            Value::Int(value) => Cell::Int(*value),
            Value::UInt(value) => Cell::UInt(*value),
            Value::Float(value) => Cell::Float(*value),
            Value::Double(value) => Cell::Double(*value),
            Value::Bytes(bytes) => Cell::Bytes(bytes),
            Value::Date(year, month, day, hour, minute, second, micros) => {
                Cell::Date(*year, *month, *day, *hour, *minute, *second, *micros)
            }
            Value::Time(negative, days, hours, minutes, seconds, micros) => {
                Cell::Time(*negative, *days, *hours, *minutes, *seconds, *micros)
            }
        }
    }
}

/// Reads one column of a result.
#[derive(Clone, Debug)]
pub(super) struct ColumnReader {
    /// The column's name here, for errors.
    pub name: String,
    /// Its type there when it was imported.
    remote: Option<MysqlType>,
    /// Whether its bytes are a number, the highest first.
    bits: bool,
    /// The zone to take what clocks show to an instant with.
    zone: Option<Tz>,
}

impl ColumnReader {
    /// A reader for a column of type `remote` there and `pg_type` here. `zone` is that of DATETIME columns.
    pub fn new(name: &str, pg_type: &PgType, remote: Option<MysqlType>, zone: Option<Tz>) -> Self {
        // TIMESTAMP columns are sent in UTC.
        let naive = remote != Some(MysqlType::Timestamp) && *pg_type == PgType::TimestampTz;
        ColumnReader {
            name: name.to_string(),
            remote,
            bits: matches!(remote, Some(MysqlType::Bit(_))),
            zone: zone.filter(|_| naive),
        }
    }

    /// Whether the column of a result tells time in another way than was expected: what clocks show, instants and days
    /// look alike, and would be taken for one another. Of all other types a value that does not fit is found out.
    pub fn is_changed(&self, column: &Column) -> bool {
        let tells_time = |kind: MysqlType| matches!(kind, MysqlType::Date | MysqlType::DateTime | MysqlType::Timestamp);
        let found = MysqlType::of_result(column);
        self.remote.is_some_and(|expected| tells_time(expected) && tells_time(found) && expected != found)
    }

    /// Appends a value; the bytes that it takes are the answer.
    #[inline]
    fn append(&self, cell: Cell<'_>, to: &mut ColumnBuilder) -> Result<usize, Unfit> {
        match cell {
            Cell::Null => to.append_null(),
            Cell::Int(value) => to.append_integer(i128::from(value))?,
            Cell::UInt(value) => to.append_integer(i128::from(value))?,
            Cell::Float(value) => to.append_single(value)?,
            Cell::Double(value) => to.append_double(value)?,
            Cell::Bytes(bytes) if self.bits => {
                to.append_integer(bytes.iter().fold(0i128, |bits, byte| (bits << 8) | i128::from(*byte)))?;
            }
            Cell::Bytes(bytes) => {
                if matches!(to, ColumnBuilder::Bytea(_)) {
                    to.append_bytes(bytes)?;
                } else {
                    let text =
                        std::str::from_utf8(bytes).map_err(|_| Unfit("the value is no text in UTF-8".to_string()))?;
                    to.append_text(text)?;
                }
                return Ok(bytes.len());
            }
            Cell::Date(year, month, day, hour, minute, second, micros) => {
                if matches!(to, ColumnBuilder::Text(_)) {
                    let written = Value::Date(year, month, day, hour, minute, second, micros).as_sql(true);
                    to.append_text(written.trim_matches('\''))?;
                } else {
                    let date = (year > 0).then(|| days(i32::from(year), u32::from(month), u32::from(day)));
                    let time = time_of_day(u32::from(hour), u32::from(minute), u32::from(second), micros);
                    match (date.flatten(), time) {
                        (Some(date), Some(time)) => self.append_date_time(date, time, to)?,
                        // Such as 0000-00-00 and 2020-02-00: no date of the calendar.
                        _ => to.append_null(),
                    }
                }
            }
            Cell::Time(negative, days, hours, minutes, seconds, micros) => {
                let whole_hours = i64::from(days) * 24 + i64::from(hours);
                let whole_seconds = (whole_hours * 60 + i64::from(minutes)) * 60 + i64::from(seconds);
                let length = whole_seconds * 1_000_000 + i64::from(micros);
                let length = if negative { -length } else { length };
                match to {
                    ColumnBuilder::Text(_) => {
                        let written = Value::Time(negative, days, hours, minutes, seconds, micros).as_sql(true);
                        to.append_text(written.trim_matches('\''))?;
                    }
                    ColumnBuilder::Time(_) if (0..DAY_MICROS).contains(&length) => to.append_time(length)?,
                    _ => to.append_interval(length)?,
                }
            }
        }
        Ok(0)
    }

    fn append_date_time(&self, date: i32, time: i64, to: &mut ColumnBuilder) -> Result<(), Unfit> {
        if matches!(to, ColumnBuilder::Date(_)) {
            if time != 0 {
                return Err(Unfit("a time of day cannot be read as date".to_string()));
            }
            return to.append_date(date);
        }
        let local = i64::from(date) * DAY_MICROS + time;
        let micros = match self.zone {
            Some(zone) => to_utc(zone, local).ok_or_else(|| Unfit("the date is out of range".to_string()))?,
            None => local,
        };
        to.append_timestamp(micros)
    }
}

/// Appends a row of the driver's, one value a reader; the bytes of its texts and blobs are the answer. An error comes
/// with the name of its column.
pub(super) fn append_row<'a>(
    readers: &'a [ColumnReader],
    row: &Row,
    columns: &mut [ColumnBuilder],
) -> Result<usize, (&'a str, Unfit)> {
    let values = (0..).map_while(|index| row.as_ref(index).map(Cell::from));
    append(readers, values, columns)
}

/// Appends a row from the wire, as [`append_row`] does.
#[inline]
pub(super) fn append_cells<'a>(
    readers: &'a [ColumnReader],
    mut cells: Cells<'_>,
    columns: &mut [ColumnBuilder],
) -> Result<usize, (&'a str, Unfit)> {
    append(readers, std::iter::from_fn(|| cells.next_cell()), columns)
}

#[inline]
fn append<'a, 'b>(
    readers: &'a [ColumnReader],
    mut values: impl Iterator<Item = Cell<'b>>,
    columns: &mut [ColumnBuilder],
) -> Result<usize, (&'a str, Unfit)> {
    let mut size = 0;
    for (reader, column) in readers.iter().zip(columns) {
        let value = values.next().ok_or_else(|| (reader.name.as_str(), Unfit("the value is missing".to_string())))?;
        size += reader.append(value, column).map_err(|unfit| (reader.name.as_str(), unfit))?;
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;

    use super::*;

    fn read(remote: &str, pg_type: PgType, zone: Option<&str>, value: Value) -> Result<String, Unfit> {
        let zone = zone.map(|zone| zone.parse().unwrap());
        let reader = ColumnReader::new("c", &pg_type, MysqlType::parse(remote), zone);
        let mut column = ColumnBuilder::new(&pg_type).unwrap();
        reader.append(Cell::from(&value), &mut column)?;
        Ok(array_value_to_string(&column.finish(), 0).unwrap())
    }

    #[test]
    fn dates_that_are_none_are_null() {
        for value in [
            Value::Date(0, 0, 0, 0, 0, 0, 0),
            Value::Date(2020, 0, 15, 0, 0, 0, 0),
            Value::Date(2020, 2, 31, 0, 0, 0, 0),
        ] {
            assert_eq!(read("date", PgType::Date, None, value), Ok(String::new()));
        }
        assert_eq!(read("date", PgType::Text, None, Value::Date(0, 0, 0, 0, 0, 0, 0)), Ok("0000-00-00".into()));
    }

    #[test]
    fn only_naive_times_take_the_zone() {
        let noon = Value::Date(2024, 7, 1, 12, 0, 0, 5);
        let zone = Some("Europe/Berlin");
        assert_eq!(
            read("datetime(6)", PgType::TimestampTz, zone, noon.clone()),
            Ok("2024-07-01T10:00:00.000005Z".into())
        );
        assert_eq!(
            read("timestamp(6)", PgType::TimestampTz, zone, noon.clone()),
            Ok("2024-07-01T12:00:00.000005Z".into())
        );
        assert_eq!(read("datetime(6)", PgType::Timestamp, zone, noon), Ok("2024-07-01T12:00:00.000005".into()));
    }

    #[test]
    fn numbers_bits_and_text() {
        assert_eq!(read("bit(9)", PgType::Int8, None, Value::Bytes(vec![1, 255])), Ok("511".into()));
        assert_eq!(
            read("decimal(5,2)", PgType::Numeric(Some((5, 2))), None, Value::Bytes(b"-1.20".to_vec())),
            Ok("-1.20".into())
        );
        assert!(read("varchar(5)", PgType::Text, None, Value::Bytes(vec![0xff])).is_err());
        assert!(read("int unsigned", PgType::Int4, None, Value::Int(3_000_000_000)).is_err());
    }
}
