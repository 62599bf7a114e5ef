//! Rows written for COPY, by the rules of Postgres's `CopyAttributeOutText` and `CopyAttributeOutCSV`.

use bytes::{BufMut, BytesMut};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;

use super::{CopyFormat, CopyKind, ForceQuote, Header, SIGNATURE};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::values::encode::{Column, LARGEST, too_large};
use crate::values::{Format, Zone};

/// Writes the rows of one result.
pub(crate) struct RowWriter {
    format: CopyFormat,
    columns: Vec<Plan>,
    zone: Zone,
    /// A value before what is special in it is escaped.
    scratch: BytesMut,
}

struct Plan {
    name: String,
    kind: PgType,
    /// Whether its values have quotes whatever they hold.
    quoted: bool,
}

impl RowWriter {
    /// A writer for rows of `schema`; `timestamptz` is shown in `zone`. A column of FORCE_QUOTE that is none of the
    /// rows' is an error (42703).
    pub fn new(format: &CopyFormat, schema: &Schema, zone: Zone) -> Result<RowWriter> {
        if let ForceQuote::Columns(names) = &format.force_quote
            && let Some(name) = names.iter().find(|name| !schema.fields().iter().any(|f| f.name() == *name))
        {
            return Err(Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")));
        }
        let mut columns: Vec<Plan> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let name = field.name().clone();
            let quoted = match &format.force_quote {
                ForceQuote::All => true,
                // Of two with the same name it is the first.
                ForceQuote::Columns(names) => names.contains(&name) && !columns.iter().any(|c| c.name == name),
            };
            columns.push(Plan { name, kind: PgType::of_field(field), quoted });
        }
        Ok(RowWriter { format: format.clone(), columns, zone, scratch: BytesMut::new() })
    }

    /// What stands before the first row; in binary it is part of the first message.
    pub fn header(&mut self, out: &mut BytesMut) {
        match (self.format.kind, self.format.header) {
            (CopyKind::Binary, _) => {
                out.put_slice(SIGNATURE);
                out.put_u64(0);
            }
            (_, Header::No) => {}
            _ => {
                let single = self.columns.len() == 1;
                for (index, column) in self.columns.iter().enumerate() {
                    if index > 0 {
                        out.put_u8(self.format.delimiter);
                    }
                    escape(column.name.as_bytes(), &self.format, false, single, out);
                }
                out.put_u8(b'\n');
            }
        }
    }

    /// What stands behind the last row.
    pub fn trailer(&self, out: &mut BytesMut) {
        if self.format.kind == CopyKind::Binary {
            out.put_i16(-1);
        }
    }

    /// A batch's columns, ready to be written.
    pub fn columns(&self, batch: &RecordBatch) -> Result<Vec<Column>> {
        let form = if self.format.kind == CopyKind::Binary { Format::Binary } else { Format::Text };
        let columns = self.columns.iter().zip(batch.columns());
        columns.map(|(plan, array)| Column::new(&plan.kind, array, form, self.zone)).collect()
    }

    /// Writes a row. After an error part of it may be in `out`. A row of more than a gigabyte is an error (54000).
    pub fn write(&mut self, columns: &[Column], row: usize, out: &mut BytesMut) -> Result<()> {
        let start = out.len();
        let check = |column: &Column, out: &BytesMut| {
            // Looked at first: memory for a value that is too large would be taken for nothing.
            let least = (out.len() - start).saturating_add(column.least(row));
            if least > LARGEST { Err(too_large()) } else { Ok(()) }
        };
        if self.format.kind == CopyKind::Binary {
            out.put_u16(u16::try_from(columns.len()).map_err(|_| too_large())?);
            for column in columns {
                check(column, out)?;
                column.write_field(row, out)?;
            }
        } else if self.format.kind == CopyKind::Json {
            for column in columns {
                check(column, out)?;
                column.write_text(row, out)?;
            }
            out.put_u8(b'\n');
        } else {
            let single = columns.len() == 1;
            for (index, (column, plan)) in columns.iter().zip(&self.columns).enumerate() {
                if index > 0 {
                    out.put_u8(self.format.delimiter);
                }
                if column.is_null(row) {
                    out.put_slice(self.format.null.as_bytes());
                    continue;
                }
                check(column, out)?;
                if self.format.kind == CopyKind::Text && self.format.delimiter == b'\t' && column.is_unescaped() {
                    column.write_text(row, out)?;
                    continue;
                }
                self.scratch.clear();
                column.write_text(row, &mut self.scratch)?;
                escape(&self.scratch, &self.format, plan.quoted, single, out);
            }
            out.put_u8(b'\n');
        }
        if out.len() - start > LARGEST { Err(too_large()) } else { Ok(()) }
    }
}

/// Writes a value that is not null; `single` says that it is alone on its line.
fn escape(value: &[u8], format: &CopyFormat, quoted: bool, single: bool, out: &mut BytesMut) {
    match format.kind {
        CopyKind::Csv => {
            let special = |b: &u8| *b == format.delimiter || *b == format.quote || matches!(b, b'\n' | b'\r');
            let quoted = quoted
                || value == format.null.as_bytes()
                // Alone on its line it would end the data.
                || (single && value == b"\\.")
                || value.iter().any(special);
            if !quoted {
                out.put_slice(value);
                return;
            }
            out.put_u8(format.quote);
            escaped(value, out, |b| (b == format.quote || b == format.escape).then_some((format.escape, b)));
            out.put_u8(format.quote);
        }
        _ if !value.iter().fold(false, |found, b| found | (*b < b' ') | (*b == b'\\') | (*b == format.delimiter)) => {
            out.put_slice(value);
        }
        _ => escaped(value, out, |b| {
            let after = match b {
                8 => b'b',
                b'\t' => b't',
                b'\n' => b'n',
                11 => b'v',
                12 => b'f',
                b'\r' => b'r',
                b'\\' => b,
                other if other == format.delimiter => b,
                _ => return None,
            };
            Some((b'\\', after))
        }),
    }
}

/// Writes a value with two bytes in place of each that `special` says.
fn escaped(value: &[u8], out: &mut BytesMut, special: impl Fn(u8) -> Option<(u8, u8)>) {
    let mut plain = 0;
    for (at, byte) in value.iter().enumerate() {
        if let Some((first, second)) = special(*byte) {
            out.put_slice(value.get(plain..at).unwrap_or_default());
            out.put_u8(first);
            out.put_u8(second);
            plain = at + 1;
        }
    }
    out.put_slice(value.get(plain..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &str, format: &CopyFormat, quoted: bool, single: bool) -> String {
        let mut out = BytesMut::new();
        escape(value.as_bytes(), format, quoted, single, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn values_are_escaped_as_postgres_escapes_them() {
        let text = CopyFormat::new(CopyKind::Text);
        assert_eq!(written("a\tb\\N\n\r\u{8}\u{b}\u{c}\u{1}é", &text, false, false), "a\\tb\\\\N\\n\\r\\b\\v\\f\u{1}é");
        let semicolon = CopyFormat { delimiter: b';', ..text };
        assert_eq!(written("a;b\t", &semicolon, false, false), "a\\;b\\t");
        let csv = CopyFormat::new(CopyKind::Csv);
        for (value, quoted, single, expected) in [
            ("a b", false, false, "a b"),
            ("a,b", false, false, "\"a,b\""),
            ("a\"b", false, false, "\"a\"\"b\""),
            ("a\nb", false, false, "\"a\nb\""),
            ("", false, false, "\"\""),
            ("a", true, false, "\"a\""),
            ("\\.", false, true, "\"\\.\""),
            ("\\.", false, false, "\\."),
            ("\\N", false, false, "\\N"),
        ] {
            assert_eq!(written(value, &csv, quoted, single), expected, "{value}");
        }
        let odd = CopyFormat { escape: b'\\', null: "-".to_string(), ..csv };
        assert_eq!(written("a\"b\\", &odd, false, false), "\"a\\\"b\\\\\"");
        assert_eq!(written("-", &odd, false, false), "\"-\"");
        assert_eq!(written("", &odd, false, false), "");
    }
}
