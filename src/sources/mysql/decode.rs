//! The driver's values into Arrow columns.

use chrono_tz::Tz;
use mysql_async::{Column, Row, Value};

use super::types::MysqlType;
use crate::catalog::types::PgType;
use crate::sources::rows::{ColumnBuilder, Unfit};
use crate::sources::zone::{DAY_MICROS, days, time_of_day, to_utc};

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
    fn append(&self, value: &Value, to: &mut ColumnBuilder) -> Result<usize, Unfit> {
        match value {
            Value::NULL => to.append_null(),
            Value::Int(value) => to.append_integer(i128::from(*value))?,
            Value::UInt(value) => to.append_integer(i128::from(*value))?,
            Value::Float(value) => to.append_single(*value)?,
            Value::Double(value) => to.append_double(*value)?,
            Value::Bytes(bytes) if self.bits => {
                to.append_integer(bytes.iter().fold(0i128, |bits, byte| (bits << 8) | i128::from(*byte)))?;
            }
            Value::Bytes(bytes) => {
                if matches!(to, ColumnBuilder::Bytea(_)) {
                    to.append_bytes(bytes)?;
                } else {
                    let text =
                        std::str::from_utf8(bytes).map_err(|_| Unfit("the value is no text in UTF-8".to_string()))?;
                    to.append_text(text)?;
                }
                return Ok(bytes.len());
            }
            Value::Date(year, month, day, hour, minute, second, micros) => {
                if matches!(to, ColumnBuilder::Text(_)) {
                    to.append_text(value.as_sql(true).trim_matches('\''))?;
                } else {
                    let date = (*year > 0).then(|| days(i32::from(*year), u32::from(*month), u32::from(*day)));
                    let time = time_of_day(u32::from(*hour), u32::from(*minute), u32::from(*second), *micros);
                    match (date.flatten(), time) {
                        (Some(date), Some(time)) => self.append_date_time(date, time, to)?,
                        // Such as 0000-00-00 and 2020-02-00: no date of the calendar.
                        _ => to.append_null(),
                    }
                }
            }
            Value::Time(negative, days, hours, minutes, seconds, micros) => {
                let hours = i64::from(*days) * 24 + i64::from(*hours);
                let seconds = (hours * 60 + i64::from(*minutes)) * 60 + i64::from(*seconds);
                let length = seconds * 1_000_000 + i64::from(*micros);
                let length = if *negative { -length } else { length };
                match to {
                    ColumnBuilder::Text(_) => to.append_text(value.as_sql(true).trim_matches('\''))?,
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

/// Appends a row, one value a reader; the bytes of its texts and blobs are the answer. An error comes with the name
/// of its column.
pub(super) fn append_row<'a>(
    readers: &'a [ColumnReader],
    row: &Row,
    columns: &mut [ColumnBuilder],
) -> Result<usize, (&'a str, Unfit)> {
    let mut size = 0;
    for (index, (reader, column)) in readers.iter().zip(columns).enumerate() {
        let value =
            row.as_ref(index).ok_or_else(|| (reader.name.as_str(), Unfit("the value is missing".to_string())))?;
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
        reader.append(&value, &mut column)?;
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
