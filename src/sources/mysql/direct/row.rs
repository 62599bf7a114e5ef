//! The values of a row in the binary protocol.

use mysql_async::Column;
use mysql_common::constants::{ColumnFlags, ColumnType};

use crate::sources::mysql::decode::Cell;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Tiny { signed: bool },
    Short { signed: bool },
    Long { signed: bool },
    LongLong { signed: bool },
    Float,
    Double,
    Date,
    Time,
    Null,
    Bytes,
}

impl Form {
    fn of(column: &Column) -> Form {
        let signed = !column.flags().contains(ColumnFlags::UNSIGNED_FLAG);
        match column.column_type() {
            ColumnType::MYSQL_TYPE_TINY => Form::Tiny { signed },
            ColumnType::MYSQL_TYPE_SHORT | ColumnType::MYSQL_TYPE_YEAR => Form::Short { signed },
            ColumnType::MYSQL_TYPE_LONG | ColumnType::MYSQL_TYPE_INT24 => Form::Long { signed },
            ColumnType::MYSQL_TYPE_LONGLONG => Form::LongLong { signed },
            ColumnType::MYSQL_TYPE_FLOAT => Form::Float,
            ColumnType::MYSQL_TYPE_DOUBLE => Form::Double,
            ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_TIMESTAMP => {
                Form::Date
            }
            ColumnType::MYSQL_TYPE_TIME => Form::Time,
            ColumnType::MYSQL_TYPE_NULL => Form::Null,
            _ => Form::Bytes,
        }
    }
}

/// The columns of a result, for reading its rows.
#[derive(Debug)]
pub(in crate::sources::mysql) struct Forms(Vec<Form>);

impl Forms {
    /// How the values of these columns are written.
    pub fn of(columns: &[Column]) -> Forms {
        Forms(columns.iter().map(Form::of).collect())
    }

    /// Reads a row, one value after another. None where the row is shorter than its values say.
    pub fn cells<'a>(&'a self, row: &'a [u8]) -> Option<Cells<'a>> {
        // One byte that says it is a row, then a bit for each value, after two that are not used: whether it is NULL.
        let nulls = (self.0.len() + 7 + 2) / 8;
        let (nulls, values) = row.get(1..)?.split_at_checked(nulls)?;
        Some(Cells { forms: &self.0, nulls, values, next: 0 })
    }
}

/// What is left of a row.
#[derive(Debug)]
pub(in crate::sources::mysql) struct Cells<'a> {
    forms: &'a [Form],
    nulls: &'a [u8],
    values: &'a [u8],
    next: usize,
}

impl<'a> Cells<'a> {
    /// The next value; none after the last, or where the row is too short.
    #[inline]
    pub fn next_cell(&mut self) -> Option<Cell<'a>> {
        let form = *self.forms.get(self.next)?;
        let bit = self.next + 2;
        self.next += 1;
        if self.nulls.get(bit / 8)? >> (bit % 8) & 1 == 1 {
            return Some(Cell::Null);
        }
        Some(match form {
            Form::Bytes => {
                let length = self.length()?;
                Cell::Bytes(self.take(length)?)
            }
            Form::LongLong { signed: true } => Cell::Int(i64::from_le_bytes(self.array()?)),
            Form::LongLong { signed: false } => Cell::UInt(u64::from_le_bytes(self.array()?)),
            Form::Long { signed: true } => Cell::Int(i32::from_le_bytes(self.array()?).into()),
            Form::Long { signed: false } => Cell::Int(u32::from_le_bytes(self.array()?).into()),
            Form::Short { signed: true } => Cell::Int(i16::from_le_bytes(self.array()?).into()),
            Form::Short { signed: false } => Cell::Int(u16::from_le_bytes(self.array()?).into()),
            Form::Tiny { signed: true } => Cell::Int(i8::from_le_bytes(self.array()?).into()),
            Form::Tiny { signed: false } => Cell::Int(u8::from_le_bytes(self.array()?).into()),
            Form::Float => Cell::Float(f32::from_le_bytes(self.array()?)),
            Form::Double => Cell::Double(f64::from_le_bytes(self.array()?)),
            Form::Date => self.date()?,
            Form::Time => self.time()?,
            Form::Null => Cell::Null,
        })
    }

    /// What is zero at its end is left out: the time of day, or all of it.
    fn date(&mut self) -> Option<Cell<'a>> {
        let length = usize::from(self.array::<1>()?[0]);
        let bytes = padded::<11>(self.take(length)?)?;
        let [y0, y1, month, day, hour, minute, second, m0, m1, m2, m3] = bytes;
        let micros = u32::from_le_bytes([m0, m1, m2, m3]);
        Some(Cell::Date(u16::from_le_bytes([y0, y1]), month, day, hour, minute, second, micros))
    }

    fn time(&mut self) -> Option<Cell<'a>> {
        let length = usize::from(self.array::<1>()?[0]);
        let bytes = padded::<12>(self.take(length)?)?;
        let [negative, d0, d1, d2, d3, hours, minutes, seconds, m0, m1, m2, m3] = bytes;
        let (days, micros) = (u32::from_le_bytes([d0, d1, d2, d3]), u32::from_le_bytes([m0, m1, m2, m3]));
        Some(Cell::Time(negative == 1, days, hours, minutes, seconds, micros))
    }

    /// A number of one to nine bytes.
    fn length(&mut self) -> Option<usize> {
        let number = match self.array::<1>()?[0] {
            0xfc => u64::from(u16::from_le_bytes(self.array()?)),
            0xfd => {
                let [a, b, c] = self.array()?;
                u64::from(u32::from_le_bytes([a, b, c, 0]))
            }
            0xfe => u64::from_le_bytes(self.array()?),
            0xfb | 0xff => return None,
            small => u64::from(small),
        };
        usize::try_from(number).ok()
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.values.split_first_chunk()?;
        self.values = rest;
        Some(*array)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.values.split_at_checked(length)?;
        self.values = rest;
        Some(bytes)
    }
}

fn padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut padded = [0; N];
    padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(forms: &[Form], row: &[u8]) -> Option<Vec<String>> {
        let forms = Forms(forms.to_vec());
        let mut cells = forms.cells(row)?;
        forms.0.iter().map(|_| cells.next_cell().map(|cell| format!("{cell:?}"))).collect()
    }

    #[test]
    fn values_at_their_limits() {
        let forms = [Form::Tiny { signed: true }, Form::Tiny { signed: false }, Form::Long { signed: false }];
        let row = [0, 0, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(read(&forms, &row).unwrap(), ["Int(-128)", "Int(255)", "Int(4294967295)"]);
        let forms = [Form::LongLong { signed: true }, Form::LongLong { signed: false }];
        let row = [vec![0, 0], i64::MIN.to_le_bytes().to_vec(), u64::MAX.to_le_bytes().to_vec()].concat();
        assert_eq!(read(&forms, &row).unwrap(), [format!("Int({})", i64::MIN), format!("UInt({})", u64::MAX)]);
    }

    #[test]
    fn nulls_take_no_room() {
        // Nine values: the bits of the last three are in the second byte.
        let forms = [Form::Tiny { signed: true }; 9];
        let row = [0, 0b1111_1000, 0b0000_0001, 1, 2, 3];
        assert_eq!(
            read(&forms, &row).unwrap(),
            ["Int(1)", "Null", "Null", "Null", "Null", "Null", "Null", "Int(2)", "Int(3)"]
        );
    }

    #[test]
    fn dates_and_times_leave_zeros_out() {
        let date = |bytes: &[u8]| read(&[Form::Date], &[&[0, 0], bytes].concat());
        assert_eq!(date(&[0]).unwrap(), ["Date(0, 0, 0, 0, 0, 0, 0)"]);
        assert_eq!(date(&[4, 0xe8, 0x07, 2, 29]).unwrap(), ["Date(2024, 2, 29, 0, 0, 0, 0)"]);
        assert_eq!(date(&[7, 0xe8, 0x07, 2, 29, 23, 59, 58]).unwrap(), ["Date(2024, 2, 29, 23, 59, 58, 0)"]);
        let micros = [11, 0x0f, 0x27, 12, 31, 23, 59, 59, 0x3f, 0x42, 0x0f, 0];
        assert_eq!(date(&micros).unwrap(), ["Date(9999, 12, 31, 23, 59, 59, 999999)"]);
        let time = |bytes: &[u8]| read(&[Form::Time], &[&[0, 0], bytes].concat());
        assert_eq!(time(&[0]).unwrap(), ["Time(false, 0, 0, 0, 0, 0)"]);
        assert_eq!(time(&[8, 1, 34, 0, 0, 0, 22, 59, 59]).unwrap(), ["Time(true, 34, 22, 59, 59, 0)"]);
    }

    #[test]
    fn lengths_of_every_form() {
        for length in [0usize, 250, 251, 65_535, 65_536, 70_000] {
            let prefix = match length {
                0..=250 => vec![length as u8],
                251..=65_535 => [vec![0xfc], (length as u16).to_le_bytes().to_vec()].concat(),
                _ => [vec![0xfd], (length as u32).to_le_bytes()[..3].to_vec()].concat(),
            };
            let row = [vec![0, 0], prefix, vec![b'x'; length]].concat();
            let forms = Forms(vec![Form::Bytes]);
            let Some(Cell::Bytes(bytes)) = forms.cells(&row).unwrap().next_cell() else { panic!("{length}") };
            assert_eq!(bytes.len(), length);
        }
    }

    #[test]
    fn rows_that_are_too_short_are_found_out() {
        assert!(read(&[Form::Double], &[0, 0, 1, 2, 3]).is_none());
        assert!(read(&[Form::Bytes], &[0, 0, 5, b'a']).is_none());
        assert!(read(&[Form::Bytes], &[0, 0, 0xff]).is_none());
        assert!(read(&[Form::Date], &[0, 0, 200]).is_none());
        assert!(read(&[Form::Date], &[0]).is_none());
        let huge = [&[0, 0, 0xfe][..], &u64::MAX.to_le_bytes()].concat();
        assert!(read(&[Form::Bytes], &huge).is_none());
    }
}
