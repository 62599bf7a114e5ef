//! The data of a COPY .. FROM on their way to rows.

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::incoming::Incoming;
use super::target::CopyIn;
use crate::audit;
use crate::catalog::types::PgType;
use crate::engine::session::Session;
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::json;
use crate::values::copy::{CopyKind, Fields, Header, Lines, Step, Tuple, Tuples, malformed};
use crate::values::decode::decode_column;
use crate::values::reader::utf8;
use crate::values::{Format, Zone};

/// What a client sends.
#[derive(Debug)]
pub enum CopyPiece {
    /// Some of the data, cut anywhere.
    Data(Bytes),
    /// There are no more.
    End,
    /// They cannot be sent to their end.
    Failed(Error),
}

/// How much of a value or a line an error shows, in bytes.
const SHOWN: usize = 100;

/// Where in the data an error is.
enum Place<'a> {
    /// In a line that was not read to its end.
    Line,
    /// In this line.
    Text(&'a [u8]),
    /// In this value of a column.
    Value(&'a str, Option<&'a str>),
    /// In a value of a column that cannot be shown.
    Binary(&'a str),
}

impl Session {
    /// Takes rows until [`CopyPiece::End`], then adds them to the table: all of them, or none. How many there were.
    /// When the pieces end without it nothing is added. Cancelling `cancel` ends it with 57014, and `statement_timeout`
    /// counts while the client is waited for.
    pub async fn take_copy(
        &self,
        into: &CopyIn,
        pieces: mpsc::Receiver<CopyPiece>,
        cancel: CancellationToken,
    ) -> Result<u64> {
        let columns = (0..into.width()).filter_map(|at| into.column_name(at).map(str::to_string)).collect();
        let taken = match self.before(|_| audit::of_copy(&into.relation, columns)).await {
            Ok(()) => Box::pin(self.guarded(cancel, self.take_rows(into, pieces))).await,
            Err(error) => Err(error),
        };
        self.audit(None);
        if taken.is_err() {
            self.fail();
        }
        taken
    }

    async fn take_rows(&self, into: &CopyIn, mut pieces: mpsc::Receiver<CopyPiece>) -> Result<u64> {
        let zone = self.zone();
        let rows = Incoming::new(self, into);
        let mut reader = Reader::new(into, rows, zone);
        reader.read().await?;
        loop {
            match pieces.recv().await {
                Some(CopyPiece::Data(data)) => reader.push(&data)?,
                Some(CopyPiece::End) => break,
                Some(CopyPiece::Failed(error)) => return Err(reader.placed(error, &Place::Line)),
                None => return Err(Error::new(SqlState::CONNECTION_FAILURE, "the client ended the COPY")),
            }
            reader.read().await?;
        }
        reader.close();
        reader.read().await?;
        reader.rows.keep().await
    }
}

enum Source {
    Lines(Lines, Fields),
    Tuples(Tuples),
}

/// Makes rows of data.
struct Reader<'a> {
    into: &'a CopyIn,
    source: Source,
    rows: Incoming<'a>,
    zone: Zone,
    /// Whether the next line is a header.
    header: bool,
}

impl<'a> Reader<'a> {
    fn new(into: &'a CopyIn, rows: Incoming<'a>, zone: Zone) -> Self {
        let source = match into.format.kind {
            CopyKind::Binary => Source::Tuples(Tuples::new(into.columns.len())),
            _ => Source::Lines(Lines::new(&into.format), Fields::default()),
        };
        Reader { into, source, rows, zone, header: into.format.header != Header::No }
    }

    fn push(&mut self, data: &[u8]) -> Result<()> {
        let held = match &self.source {
            Source::Lines(lines, _) => lines.held(),
            Source::Tuples(tuples) => tuples.held(),
        };
        self.rows.hold(held + data.len()).map_err(|error| self.placed(error, &Place::Line))?;
        match &mut self.source {
            Source::Lines(lines, _) => lines.push(data),
            Source::Tuples(tuples) => tuples.push(data),
        }
        Ok(())
    }

    fn close(&mut self) {
        match &mut self.source {
            Source::Lines(lines, _) => lines.close(),
            Source::Tuples(tuples) => tuples.close(),
        }
    }

    /// Reads the rows that are whole.
    async fn read(&mut self) -> Result<()> {
        while self.read_row()? {
            let number = self.number();
            let ended = self.rows.end_row(number).await;
            ended.map_err(|error| match &self.source {
                Source::Lines(lines, _) => self.placed(error, &Place::Text(lines.text())),
                Source::Tuples(_) => self.placed(error, &Place::Line),
            })?;
        }
        Ok(())
    }

    /// Reads the values of the next row; false when it is not whole.
    fn read_row(&mut self) -> Result<bool> {
        match &self.source {
            Source::Lines(..) => self.read_line(),
            Source::Tuples(_) => self.read_tuple(),
        }
    }

    fn read_line(&mut self) -> Result<bool> {
        loop {
            let Source::Lines(lines, fields) = &mut self.source else { return Ok(false) };
            match lines.step() {
                Ok(Step::Line) => {}
                Ok(Step::More | Step::End) => return Ok(false),
                Err(error) => return Err(self.placed(error, &Place::Line)),
            }
            let header = std::mem::take(&mut self.header);
            if header && self.into.format.header != Header::Match {
                continue;
            }
            if self.into.format.kind == CopyKind::Json {
                if lines.text().trim_ascii().is_empty() {
                    continue;
                }
                return self.read_object().map(|()| true);
            }
            if let Err(error) = fields.split(lines.text(), &self.into.format) {
                return Err(self.in_line(error));
            }
            if !header {
                return self.read_fields().map(|()| true);
            }
            self.check_header().map_err(|error| self.in_line(error))?;
        }
    }

    fn read_fields(&mut self) -> Result<()> {
        let (into, zone) = (self.into, self.zone);
        let Source::Lines(lines, fields) = &self.source else { return Ok(()) };
        if fields.len() > into.columns.len() {
            return Err(self.in_line(malformed("extra data after last expected column")));
        }
        let format = &into.format;
        for (at, column) in into.columns.iter().enumerate() {
            let Some(definition) = into.table.columns.get(*column) else { continue };
            let name = definition.name.as_str();
            if at >= fields.len() {
                return Err(self.in_line(malformed(format!("missing data for column \"{name}\""))));
            }
            let mut value = fields.get(at).map_err(|error| self.in_line(error))?;
            if format.kind == CopyKind::Csv {
                match value {
                    None if format.force_not_null.iter().any(|forced| forced == name) => {
                        value = Some(format.null.as_str());
                    }
                    Some(text) if text == format.null && format.force_null.iter().any(|forced| forced == name) => {
                        value = None;
                    }
                    _ => {}
                }
            }
            let kind = self.rows.kind(at);
            let read = decode_column(kind, Format::Text, value.map(str::as_bytes), zone);
            let read = read.map_err(|error| place(into, lines.number(), error, &Place::Value(name, value)))?;
            self.rows.push(at, read, value.map_or(0, str::len));
        }
        Ok(())
    }

    /// Reads a line that is an object. A column that it does not name is null.
    fn read_object(&mut self) -> Result<()> {
        let (into, zone) = (self.into, self.zone);
        let Source::Lines(lines, _) = &self.source else { return Ok(()) };
        let columns: Vec<(&str, PgType)> = into
            .columns
            .iter()
            .filter_map(|column| into.table.columns.get(*column))
            .map(|column| (column.name.as_str(), column.pg_type()))
            .collect();
        let texts = utf8(lines.text())
            .and_then(|line| json::texts(line, columns.iter().map(|(name, kind)| (*name, kind))))
            .map_err(|error| self.in_line(error))?;
        for (at, ((name, kind), value)) in columns.iter().zip(&texts).enumerate() {
            let value = value.as_deref();
            let read = decode_column(kind, Format::Text, value.map(str::as_bytes), zone);
            let read = read.map_err(|error| place(into, lines.number(), error, &Place::Value(name, value)))?;
            self.rows.push(at, read, value.map_or(0, str::len));
        }
        Ok(())
    }

    /// The names in the first line must be the columns'.
    fn check_header(&self) -> Result<()> {
        let Source::Lines(_, fields) = &self.source else { return Ok(()) };
        let wanted = self.into.columns.iter().filter_map(|column| self.into.table.columns.get(*column));
        if fields.len() != self.into.columns.len() {
            return Err(malformed(format!(
                "wrong number of fields in header line: got {}, expected {}",
                fields.len(),
                self.into.columns.len()
            )));
        }
        for (at, column) in wanted.enumerate() {
            let got = match fields.get(at)? {
                Some(name) if name == column.name => continue,
                Some(name) => format!("\"{name}\""),
                None => format!("null value (\"{}\")", self.into.format.null),
            };
            return Err(malformed(format!(
                "column name mismatch in header line field {}: got {got}, expected \"{}\"",
                at + 1,
                column.name
            )));
        }
        Ok(())
    }

    fn read_tuple(&mut self) -> Result<bool> {
        loop {
            let Source::Tuples(tuples) = &mut self.source else { return Ok(false) };
            let (at, value) = match tuples.step() {
                Ok(Tuple::Field(at, value)) => (at, value),
                Ok(Tuple::End) => return Ok(true),
                Ok(Tuple::More | Tuple::Over) => return Ok(false),
                Err(error) => {
                    let name = tuples.field().and_then(|at| self.into.column_name(at));
                    return Err(self.placed(error, &name.map_or(Place::Line, Place::Binary)));
                }
            };
            let kind = self.rows.kind(at);
            let read = match value.as_deref() {
                Some(bytes) => sized(kind.typlen(), bytes)
                    .and_then(|()| decode_column(kind, Format::Binary, Some(bytes), self.zone)),
                None => decode_column(kind, Format::Binary, None, self.zone),
            };
            let read = read.map_err(|error| {
                let name = self.into.column_name(at);
                self.placed(error, &name.map_or(Place::Line, Place::Binary))
            })?;
            self.rows.push(at, read, value.map_or(0, |value| value.len()));
        }
    }

    fn number(&self) -> u64 {
        match &self.source {
            Source::Lines(lines, _) => lines.number(),
            Source::Tuples(tuples) => tuples.number(),
        }
    }

    fn in_line(&self, error: Error) -> Error {
        match &self.source {
            Source::Lines(lines, _) => self.placed(error, &Place::Text(lines.text())),
            Source::Tuples(_) => self.placed(error, &Place::Line),
        }
    }

    fn placed(&self, error: Error, at: &Place<'_>) -> Error {
        place(self.into, self.number(), error, at)
    }
}

/// A value of a type with a fixed width has that width; Postgres tells too little from too much.
fn sized(width: i16, bytes: &[u8]) -> Result<()> {
    match usize::try_from(width) {
        // A name has its own length.
        Ok(width) if width < 64 && bytes.len() < width => {
            Err(Error::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message"))
        }
        Ok(width) if width < 64 && bytes.len() > width => {
            Err(Error::new(SqlState::INVALID_BINARY_REPRESENTATION, "incorrect binary data format"))
        }
        _ => Ok(()),
    }
}

/// Says where in the data an error is, as Postgres does.
fn place(into: &CopyIn, number: u64, error: Error, at: &Place<'_>) -> Error {
    // In the header of the binary form there is no line yet.
    if number == 0 {
        return error.with_position(None);
    }
    let line = format!("COPY {}, line {number}", into.relation.name);
    error.with_position(None).with_context(match at {
        Place::Line => line,
        Place::Text(text) => format!("{line}: \"{}\"", shortened(&String::from_utf8_lossy(text))),
        Place::Value(column, Some(value)) => format!("{line}, column {column}: \"{}\"", shortened(value)),
        Place::Value(column, None) => format!("{line}, column {column}: null input"),
        Place::Binary(column) => format!("{line}, column {column}"),
    })
}

/// The beginning of what is too long to be shown.
fn shortened(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.to_string();
    }
    let end = text.char_indices().map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= SHOWN).last().unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}
