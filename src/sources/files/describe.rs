//! A table's columns, inferred from its files.

use std::collections::HashMap;
use std::sync::Arc;

use super::content::Content;
use super::csv::{self, Record};
use super::declared as declared_columns;
use super::format::{Format, FormatOptions, hint};
use super::infer::{Shapes, json_shape, text_shape};
use super::listing::{self, DataFile};
use super::location::Location;
use super::parquet::Footers;
use super::partitions::{self, PARTITION, remote_name};
use super::read::checked;
use super::rows::{INFERRED, Place, ScanColumn};
use super::{json_split, json_value, pattern};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::sources::table::{ColumnSpec, TableSpec};

/// How many columns a table may have, as in Postgres.
const MAX_COLUMNS: usize = 1_600;
/// How many files are looked into at most.
pub const MAX_FILES: usize = 16;

/// Completes a table. Declared columns stay as they are; those that stand in folders' names are marked, and those that
/// the files do not have are refused, as far as the files can be reached.
pub async fn describe(
    location: &Arc<Location>,
    footers: &Footers,
    declared: &TableSpec,
    options: &FormatOptions,
) -> Result<TableSpec> {
    let path = declared.options.get("path").unwrap_or_default();
    let checked_path = pattern::table_path(path)?;
    let mut table = declared.clone();
    if table.columns.is_empty() {
        let files = listing::files(location, path, options).await?;
        table.columns = infer(location, footers, &files, options).await?;
        return Ok(table);
    }
    for column in &table.columns {
        ScanColumn::new(column, Place::File(0))?;
    }
    // A source that is down cannot say what it has: the scan finds the folders, and misses the columns, anyway.
    let Ok(files) = listing::files(location, path, options).await else { return Ok(table) };
    declared_columns::check(location, footers, &files, &table, options).await?;
    let one_file = !pattern::is_pattern(path) && hint(&checked_path.text).format.is_some() && !checked_path.folder;
    let in_folder = path.contains('=') || !one_file;
    if options.partitions.is_none() && in_folder && location.single().is_none() {
        let keys = partitions::keys(&files, options);
        for column in &mut table.columns {
            if keys.iter().any(|key| key == remote_name(column)) {
                column.remote_type = PARTITION.to_string();
            }
        }
    }
    Ok(table)
}

async fn infer(
    location: &Arc<Location>,
    footers: &Footers,
    files: &[DataFile],
    options: &FormatOptions,
) -> Result<Vec<ColumnSpec>> {
    let format = options.format_of(files.iter().map(|file| file.name.as_str()))?;
    let first = files.get(..files.len().min(MAX_FILES)).unwrap_or_default();
    let mut columns = match format {
        Format::Parquet => footers.columns(first, options).await?,
        Format::Csv | Format::Json => sample(location, first, format, options).await?,
    };
    check_width(columns.len())?;
    let folders = partitions::keys(files, options);
    columns.retain(|column| !folders.contains(&column.remote));
    if columns.is_empty() {
        let name = first.first().map_or("", |file| file.name.as_str());
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("file \"{name}\" of server \"{}\" has no columns to infer", location.server()),
        )
        .with_hint("Declare the columns in CREATE FOREIGN TABLE."));
    }
    columns.extend(
        folders
            .into_iter()
            .map(|key| ColumnSpec { remote_type: PARTITION.to_string(), ..ColumnSpec::new(key, PgType::Text) }),
    );
    Ok(columns)
}

/// Names and shapes from the first rows of the files.
async fn sample(
    location: &Arc<Location>,
    files: &[DataFile],
    format: Format,
    options: &FormatOptions,
) -> Result<Vec<ColumnSpec>> {
    let mut sample = Sample { left: options.infer_rows, ..Sample::default() };
    for file in files {
        if sample.left == 0 {
            break;
        }
        let what = || format!("file \"{}\" of server \"{}\"", file.name, location.server());
        let mut content = Content::open(location, file, options).await?;
        let mut splitter = match format {
            Format::Json => Splitter::Json(json_split::Splitter::new(options.lines(&file.name))),
            _ => Splitter::Csv(csv::Splitter::new(options.dialect(&file.name))),
        };
        sample.fields = None;
        loop {
            let piece = content.next().await?;
            let more = match (&mut splitter, &piece) {
                (Splitter::Csv(csv), Some(piece)) => csv.push(piece, &mut |record| sample.record(record, options)),
                (Splitter::Csv(csv), None) => csv.finish(&mut |record| sample.record(record, options)).map(|()| false),
                (Splitter::Json(json), Some(piece)) => json.push(piece, &mut |text, line| sample.object(text, line)),
                (Splitter::Json(json), None) => json.finish().map(|()| false),
            };
            if !more.map_err(|e| e.with_context(what()))? {
                break;
            }
        }
    }
    let zoned = options.zone.is_some();
    Ok(sample
        .columns
        .into_iter()
        .map(|(name, shapes)| ColumnSpec {
            remote_type: INFERRED.to_string(),
            ..ColumnSpec::new(name, shapes.pg_type(zoned))
        })
        .collect())
}

enum Splitter {
    Csv(csv::Splitter),
    Json(json_split::Splitter),
}

#[derive(Default)]
struct Sample {
    columns: Vec<(String, Shapes)>,
    by_name: HashMap<String, usize>,
    /// The column of each field of this CSV file, once its first record was seen.
    fields: Option<Vec<Option<usize>>>,
    left: usize,
}

impl Sample {
    fn column(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        self.columns.push((name.to_string(), Shapes::default()));
        self.by_name.insert(name.to_string(), self.columns.len() - 1);
        self.columns.len() - 1
    }

    fn record(&mut self, record: &Record, options: &FormatOptions) -> Result<bool> {
        let Some(fields) = &self.fields else {
            let names: Vec<String> = if options.header {
                csv::header_names(record)?
            } else {
                (0..record.len()).map(csv::numbered).collect()
            };
            if self.columns.is_empty() {
                for name in &names {
                    let known = self.columns.len();
                    if self.column(name) < known {
                        return Err(Error::new(
                            SqlState::DUPLICATE_COLUMN,
                            format!("the header names column \"{name}\" more than once"),
                        )
                        .with_hint("Make the names differ, or declare the columns that are needed."));
                    }
                }
            }
            check_width(self.columns.len())?;
            // A column that only a later file has is none of the table's.
            self.fields = Some(names.iter().map(|name| self.by_name.get(name).copied()).collect());
            return if options.header { Ok(true) } else { self.record(record, options) };
        };
        if record.len() != fields.len() {
            return Err(Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!(
                    "the record on line {} has {} fields, the first one {}",
                    record.line(),
                    record.len(),
                    fields.len()
                ),
            )
            .with_hint("Check the options delimiter, quote and header."));
        }
        for (index, column) in fields.iter().enumerate() {
            let Some((_, shapes)) = column.and_then(|column| self.columns.get_mut(column)) else { continue };
            let (bytes, quoted) = record.field(index).unwrap_or_default();
            if !quoted && bytes == options.null.as_bytes() {
                continue;
            }
            let text = std::str::from_utf8(bytes).map_err(|_| {
                Error::new(
                    SqlState::CHARACTER_NOT_IN_REPERTOIRE,
                    format!("invalid byte sequence for encoding \"UTF8\" in the record on line {}", record.line()),
                )
                .with_hint("Set the option encoding, for example to 'windows-1252'.")
            })?;
            shapes.add(text_shape(text));
        }
        self.left = self.left.saturating_sub(1);
        Ok(self.left > 0)
    }

    fn object(&mut self, object: &[u8], line: u64) -> Result<bool> {
        let mut members = vec![];
        json_value::members(checked(object, line)?, |key, value| members.push((key, value)));
        for (key, value) in members {
            let column = self.column(&key);
            if let (Some(shape), Some((_, shapes))) = (json_shape(value), self.columns.get_mut(column)) {
                shapes.add(shape);
            }
        }
        check_width(self.columns.len())?;
        self.left = self.left.saturating_sub(1);
        Ok(self.left > 0)
    }
}

/// Refuses a table that would have more columns than one of Postgres's may have (54011).
fn check_width(columns: usize) -> Result<()> {
    if columns <= MAX_COLUMNS {
        return Ok(());
    }
    Err(Error::new(SqlState("54011"), format!("tables can have at most {MAX_COLUMNS} columns"))
        .with_hint("Declare the columns that are needed in CREATE FOREIGN TABLE."))
}
