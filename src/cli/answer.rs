//! An answer on stdout: as a table, as CSV or as JSON lines. In the first two values are the text that the wire would
//! send.

use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use unicode_normalization::UnicodeNormalization;

use super::json;
use super::query::broken_pipe;
use crate::catalog::types::PgType;
use crate::config::Format;
use crate::error::Result;
use crate::values::text_values;

/// Prints rows as they come; a table waits for its end, since its columns are as wide as their widest value.
pub(super) struct Answer {
    format: Format,
    schema: SchemaRef,
    rows: Vec<Vec<Option<String>>>,
    header_done: bool,
}

impl Answer {
    pub fn new(format: Format, schema: SchemaRef) -> Self {
        Answer { format, schema, rows: vec![], header_done: false }
    }

    /// Takes a batch of rows.
    pub fn rows(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> Result<()> {
        match self.format {
            Format::Table => self.rows.extend(text_values(batch, "UTC")?),
            Format::Csv => {
                self.csv_header(out)?;
                for row in text_values(batch, "UTC")? {
                    let cells: Vec<String> =
                        row.iter().map(|v| v.as_deref().map_or_else(String::new, csv_cell)).collect();
                    writeln!(out, "{}", cells.join(",")).map_err(broken_pipe)?;
                }
            }
            Format::Json => {
                for line in json::lines(batch)? {
                    writeln!(out, "{line}").map_err(broken_pipe)?;
                }
            }
        }
        Ok(())
    }

    /// Prints what is left.
    pub fn finish(mut self, out: &mut dyn Write) -> Result<()> {
        match self.format {
            Format::Csv => self.csv_header(out),
            Format::Json => Ok(()),
            Format::Table => self.table(out),
        }
    }

    fn csv_header(&mut self, out: &mut dyn Write) -> Result<()> {
        if !self.header_done {
            self.header_done = true;
            let names: Vec<String> = self.schema.fields().iter().map(|f| csv_cell(f.name())).collect();
            writeln!(out, "{}", names.join(",")).map_err(broken_pipe)?;
        }
        Ok(())
    }

    fn table(&self, out: &mut dyn Write) -> Result<()> {
        let fields = self.schema.fields();
        let right: Vec<bool> = fields
            .iter()
            .map(|f| {
                matches!(
                    PgType::of_field(f),
                    PgType::Int2
                        | PgType::Int4
                        | PgType::Int8
                        | PgType::Oid
                        | PgType::Numeric(_)
                        | PgType::Float4
                        | PgType::Float8
                )
            })
            .collect();
        let cell = |value: &Option<String>| value.as_deref().unwrap_or_default().replace('\n', "\u{21b5}");
        let mut widths: Vec<usize> = fields.iter().map(|f| width(f.name())).collect();
        for row in &self.rows {
            for (widest, value) in widths.iter_mut().zip(row) {
                *widest = (*widest).max(width(&cell(value)));
            }
        }
        let header: Vec<String> = fields
            .iter()
            .zip(&widths)
            .map(|(f, w)| {
                let gap = w - width(f.name());
                format!(" {}{}{} ", " ".repeat(gap / 2), f.name(), " ".repeat(gap - gap / 2))
            })
            .collect();
        writeln!(out, "{}", header.join("|").trim_end()).map_err(broken_pipe)?;
        let rule: Vec<String> = widths.iter().map(|w| "-".repeat(w + 2)).collect();
        writeln!(out, "{}", rule.join("+")).map_err(broken_pipe)?;
        for row in &self.rows {
            let cells: Vec<String> = row
                .iter()
                .zip(widths.iter().zip(&right))
                .map(|(value, (w, right))| {
                    let text = cell(value);
                    let gap = " ".repeat(w - width(&text));
                    if *right { format!(" {gap}{text} ") } else { format!(" {text}{gap} ") }
                })
                .collect();
            writeln!(out, "{}", cells.join("|").trim_end()).map_err(broken_pipe)?;
        }
        let count = self.rows.len();
        writeln!(out, "({count} row{})\n", if count == 1 { "" } else { "s" }).map_err(broken_pipe)
    }
}

/// How many columns of a terminal a text takes: wide scripts take two a character, combining marks none.
fn width(text: &str) -> usize {
    text.nfc()
        .map(|c| match c as u32 {
            0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
            0x1100..=0x115f
            | 0x2e80..=0xa4cf
            | 0xac00..=0xd7a3
            | 0xf900..=0xfaff
            | 0xfe30..=0xfe6f
            | 0xff00..=0xff60
            | 0xffe0..=0xffe6
            | 0x1f300..=0x1faff
            | 0x20000..=0x3fffd => 2,
            _ => 1,
        })
        .sum()
}

fn csv_cell(text: &str) -> String {
    // A quoted empty text is told from a null, which is nothing at all.
    if text.is_empty() || text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_string()
    }
}
