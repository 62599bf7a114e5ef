//! The scan of CSV and JSON files: each stream reads its files one after another, in order of name.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::record_batch::RecordBatch;
use futures::stream::{self, BoxStream, StreamExt};

use super::content::Content;
use super::csv::{self, Record};
use super::format::{Format, FormatOptions};
use super::location::Location;
use super::partitions::PartitionedFile;
use super::rows::{Place, Rows, ScanColumn};
use super::{json_split, json_value};
use crate::error::{Error, Result, SqlState};
use crate::sources::activity::Literals;
use crate::sources::scan::{self, RemoteRead};
use crate::sources::traffic::Traffic;

/// What is read from which files.
pub struct TextScan {
    /// Where the files are.
    pub location: Arc<Location>,
    /// CSV or JSON.
    pub format: Format,
    /// How they are read.
    pub options: FormatOptions,
    /// How many files there are, with those that are left out because of their folders' names.
    pub listed: usize,
    /// The files, in order of name.
    pub files: Vec<PartitionedFile>,
    /// The columns to give.
    pub columns: Arc<[ScanColumn]>,
    /// Their schema.
    pub schema: SchemaRef,
    /// How many of the table's columns are in the files.
    pub width: usize,
    /// How many rows are wanted at most.
    pub limit: Option<usize>,
    /// Which files each stream reads.
    pub groups: Vec<Range<usize>>,
}

/// Deals `files` files out to at most `streams` streams, neighbours together.
pub fn groups(files: usize, streams: usize) -> Vec<Range<usize>> {
    let size = files.div_ceil(streams.max(1)).max(1);
    (0..files).step_by(size).map(|start| start..files.min(start + size)).collect()
}

impl fmt::Debug for TextScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextScan").field("reads", &self.describe()).finish_non_exhaustive()
    }
}

#[async_trait]
impl RemoteRead for TextScan {
    fn describe(&self) -> String {
        const SHOWN: usize = 3;
        let names: Vec<&str> = self.files.iter().take(SHOWN).map(|f| f.file.name.as_str()).collect();
        let more = self.files.len().saturating_sub(SHOWN);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let columns: Vec<&str> = self.columns.iter().map(|column| column.spec.name.as_str()).collect();
        let limit = self.limit.map(|limit| format!(", limit={limit}")).unwrap_or_default();
        let left = match self.files.len() < self.listed {
            true => format!(", files={} of {}", self.files.len(), self.listed),
            false => String::new(),
        };
        format!("{} {}{more}, columns=[{}]{left}{limit}", self.format.name(), names.join(", "), columns.join(", "))
    }

    fn literals(&self) -> Literals {
        Literals::Written
    }

    fn partitions(&self) -> usize {
        self.groups.len()
    }

    async fn open(
        &self,
        partition: usize,
        _: &[scan::Keys],
        traffic: &Arc<Traffic>,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let group = self.groups.get(partition).cloned().unwrap_or_default();
        let reader = GroupReader {
            opener: Opener {
                location: Arc::clone(&self.location),
                format: self.format,
                options: self.options.clone(),
                columns: Arc::clone(&self.columns),
                schema: Arc::clone(&self.schema),
                width: self.width,
                traffic: Arc::clone(traffic),
            },
            files: self.files.get(group).unwrap_or_default().to_vec().into_iter(),
            left: self.limit.unwrap_or(usize::MAX),
            open: None,
        };
        Ok(stream::try_unfold(reader, |mut reader| async move {
            match reader.next().await {
                Ok(Some(batch)) => Ok(Some((batch, reader))),
                Ok(None) => Ok(None),
                Err(e) => Err(e),
            }
        })
        .boxed())
    }
}

/// What opening a file takes, apart from the stream so that it can be shared while a file is opened.
struct Opener {
    location: Arc<Location>,
    format: Format,
    options: FormatOptions,
    columns: Arc<[ScanColumn]>,
    schema: SchemaRef,
    width: usize,
    traffic: Arc<Traffic>,
}

struct GroupReader {
    opener: Opener,
    files: std::vec::IntoIter<PartitionedFile>,
    left: usize,
    open: Option<OpenFile>,
}

struct OpenFile {
    content: Content,
    reader: Reader,
    rows: Rows,
    done: bool,
}

enum Reader {
    Csv(CsvReader),
    Json(JsonReader),
}

impl GroupReader {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some(open) = &mut self.open else {
                if self.left == 0 {
                    return Ok(None);
                }
                match self.files.next() {
                    Some(file) => self.open = Some(self.opener.start(&file, self.left).await?),
                    None => return Ok(None),
                }
                continue;
            };
            if let Some(batch) = open.rows.take() {
                return Ok(Some(batch));
            }
            if open.done {
                self.left = open.rows.left();
                self.open = None;
                continue;
            }
            let more = match open.content.next().await? {
                Some(piece) => open.reader.push(&piece, &mut open.rows),
                None => open.reader.finish(&mut open.rows).map(|()| false),
            };
            let more =
                more.map_err(|e| if e.context().is_some() { e } else { e.with_context(open.rows.file().to_string()) })?;
            if !more {
                open.rows.flush()?;
                open.done = true;
            }
        }
    }
}

impl Opener {
    async fn start(&self, file: &PartitionedFile, left: usize) -> Result<OpenFile> {
        let name = &file.file.name;
        let label = format!("file \"{name}\" of server \"{}\"", self.location.server());
        Ok(OpenFile {
            content: Content::open(&self.location, &file.file, &self.options)
                .await?
                .counted(self.location.is_local(), &self.traffic),
            reader: match self.format {
                Format::Json => Reader::Json(JsonReader::new(&self.columns, self.options.lines(name))),
                _ => Reader::Csv(CsvReader {
                    splitter: csv::Splitter::new(self.options.dialect(name)),
                    mapping: Mapping {
                        columns: Arc::clone(&self.columns),
                        null: self.options.null.clone(),
                        header: self.options.header,
                        width: self.width,
                        fields: None,
                    },
                }),
            },
            rows: Rows::new(&self.columns, &self.schema, self.options.zone, &file.values, label, left),
            done: false,
        })
    }
}

impl Reader {
    fn push(&mut self, piece: &[u8], rows: &mut Rows) -> Result<bool> {
        match self {
            Reader::Csv(csv) => csv.splitter.push(piece, &mut |record| csv.mapping.take(record, rows)),
            Reader::Json(json) => json.splitter.push(piece, &mut |object, line| json.keys.take(object, line, rows)),
        }
    }

    fn finish(&mut self, rows: &mut Rows) -> Result<()> {
        match self {
            Reader::Csv(csv) => csv.splitter.finish(&mut |record| csv.mapping.take(record, rows)),
            Reader::Json(json) => json.splitter.finish(),
        }
    }
}

struct CsvReader {
    splitter: csv::Splitter,
    mapping: Mapping,
}

/// From a record's fields to columns.
struct Mapping {
    columns: Arc<[ScanColumn]>,
    null: String,
    header: bool,
    width: usize,
    /// The field of each column that is in the file, once the first record was seen.
    fields: Option<Vec<(usize, usize)>>,
}

impl Mapping {
    fn take(&mut self, record: &Record, rows: &mut Rows) -> Result<bool> {
        let Some(fields) = &self.fields else {
            let names = if self.header { Some(csv::header_names(record)?) } else { None };
            let mut fields = vec![];
            for (index, column) in self.columns.iter().enumerate() {
                match (column.place, &names) {
                    (Place::File(_), Some(names)) => fields.push((index, find(names, column.remote(), rows.file())?)),
                    (Place::File(position), None) => fields.push((index, position)),
                    (Place::Folder(_), _) => {}
                }
            }
            self.fields = Some(fields);
            return match names {
                Some(names) => {
                    self.width = names.len();
                    Ok(true)
                }
                None => self.take(record, rows),
            };
        };
        if record.len() != self.width {
            let owner = if self.header { "the header has" } else { "the table has" };
            return Err(Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("the record on line {} has {} fields, {owner} {}", record.line(), record.len(), self.width),
            )
            .with_hint("Check the options delimiter, quote and header."));
        }
        for (column, field) in fields {
            let (Some(spec), Some((bytes, quoted))) = (self.columns.get(*column), record.field(*field)) else {
                return Err(Error::internal("a field that the record does not have"));
            };
            if spec.is_null(bytes, quoted, &self.null) {
                rows.text(*column, record.line(), None)?;
                continue;
            }
            let text = std::str::from_utf8(bytes).map_err(|_| {
                Error::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\"")
                    .with_context(format!("{}, line {}, column \"{}\"", rows.file(), record.line(), spec.spec.name))
                    .with_hint("Set the option encoding, for example to 'windows-1252'.")
            })?;
            rows.text(*column, record.line(), Some(text))?;
        }
        rows.end_row()
    }
}

/// The field of a name: the one that is the same, else the only one that differs in case alone.
fn find(names: &[String], wanted: &str, file: &str) -> Result<usize> {
    let positions = |same: &dyn Fn(&str) -> bool| -> Vec<usize> {
        names.iter().enumerate().filter(|(_, name)| same(name)).map(|(index, _)| index).collect()
    };
    let exact = positions(&|name: &str| name == wanted);
    let found =
        if exact.is_empty() { positions(&|name: &str| name.to_lowercase() == wanted.to_lowercase()) } else { exact };
    match found[..] {
        [one] => Ok(one),
        [] => Err(Error::new(SqlState::UNDEFINED_COLUMN, format!("{file} has no column \"{wanted}\""))
            .with_detail(format!("Its header names {}.", names.join(", ")))
            .with_hint("Give the name in the file with the column's option column_name.")),
        _ => Err(Error::new(SqlState::AMBIGUOUS_COLUMN, format!("{file} has more than one column \"{wanted}\""))
            .with_hint(
                "Make the header's names differ, or declare all columns in order and mark the header as a comment.",
            )),
    }
}

struct JsonReader {
    splitter: json_split::Splitter,
    keys: Keys,
}

/// From an object's keys to columns.
struct Keys {
    columns: Arc<[ScanColumn]>,
    by_key: HashMap<String, Vec<usize>>,
}

impl JsonReader {
    fn new(columns: &Arc<[ScanColumn]>, lines: bool) -> JsonReader {
        let mut by_key: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, column) in columns.iter().enumerate() {
            if let (Place::File(_), Some(key)) = (column.place, column.path.first()) {
                by_key.entry(key.clone()).or_default().push(index);
            }
        }
        JsonReader { splitter: json_split::Splitter::new(lines), keys: Keys { columns: Arc::clone(columns), by_key } }
    }
}

impl Keys {
    fn take(&mut self, object: &[u8], line: u64, rows: &mut Rows) -> Result<bool> {
        let text = checked(object, line)?;
        let mut values: Vec<Option<&str>> = vec![None; self.columns.len()];
        json_value::members(text, |key, value| {
            // As in jsonb, the last of the same keys counts.
            for column in self.by_key.get(&*key).into_iter().flatten() {
                if let Some(slot) = values.get_mut(*column) {
                    *slot = Some(value);
                }
            }
        });
        for (index, (column, value)) in self.columns.iter().zip(values).enumerate() {
            if let Place::File(_) = column.place {
                let rest = column.path.get(1..).unwrap_or_default();
                rows.json(index, line, value.and_then(|value| json_value::locate(value, rest)))?;
            }
        }
        rows.end_row()
    }
}

/// An object's text, once it is known to be UTF-8 and valid JSON.
pub fn checked(object: &[u8], line: u64) -> Result<&str> {
    let text = std::str::from_utf8(object).map_err(|_| {
        Error::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!("invalid byte sequence for encoding \"UTF8\" in the object on line {line}"),
        )
    })?;
    json_value::check(text).map_err(|e| {
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid JSON in the object that starts on line {line}: {e}"),
        )
    })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_dealt_out() {
        assert_eq!(groups(5, 2), vec![0..3, 3..5]);
        assert_eq!(groups(2, 8), vec![0..1, 1..2]);
        assert!(groups(0, 8).is_empty());
    }

    #[test]
    fn names_are_found_in_a_header() {
        let names: Vec<String> = ["Email", "id", "ID"].map(String::from).to_vec();
        assert_eq!(find(&names, "email", "f").unwrap(), 0);
        assert_eq!(find(&names, "id", "f").unwrap(), 1);
        assert_eq!(find(&names, "Id", "f").unwrap_err().state(), SqlState::AMBIGUOUS_COLUMN);
        assert_eq!(find(&names, "x", "f").unwrap_err().state(), SqlState::UNDEFINED_COLUMN);
    }
}
