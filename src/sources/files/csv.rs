//! Records from CSV, fed in pieces: RFC 4180 as Postgres's COPY reads it, with a line number for each record.
//!
//! A field remembers whether it was quoted, since `""` is an empty text and nothing at all is null.

use crate::error::{Error, Result, SqlState};

/// How a file separates and quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Between fields.
    pub delimiter: u8,
    /// Around fields that hold a delimiter or a line end; none when nothing is quoted.
    pub quote: Option<u8>,
    /// Before a quote within quotes; the quote itself unless given.
    pub escape: Option<u8>,
    /// Starts a line that is skipped.
    pub comment: Option<u8>,
}

/// How large a record may be, in bytes: more is a quote that never closes.
pub const MAX_RECORD: usize = 64 * 1024 * 1024;

/// One record.
#[derive(Debug, Default)]
pub struct Record {
    bytes: Vec<u8>,
    /// The end of each field in `bytes`, and whether it was quoted.
    fields: Vec<(usize, bool)>,
    line: u64,
    quoted: bool,
}

impl Record {
    /// How many fields it has.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// The line on which it starts, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// A field's bytes, and whether it was quoted.
    pub fn field(&self, index: usize) -> Option<(&[u8], bool)> {
        let (end, quoted) = *self.fields.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.fields.get(before)?.0,
            None => 0,
        };
        Some((self.bytes.get(start..end)?, quoted))
    }

    fn start(&mut self, line: u64) {
        self.bytes.clear();
        self.fields.clear();
        self.line = line;
        self.quoted = false;
    }

    fn end_field(&mut self) {
        self.fields.push((self.bytes.len(), self.quoted));
        self.quoted = false;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RecordStart,
    FieldStart,
    Plain,
    Quoted,
    /// After the escape within quotes.
    Escaped,
    /// After a quote within quotes: the field's end, or the first half of a quote.
    Closed,
    Comment,
}

/// Splits pieces of a file into records.
#[derive(Debug)]
pub struct Splitter {
    dialect: Dialect,
    state: State,
    record: Record,
    line: u64,
    after_return: bool,
}

impl Splitter {
    /// A splitter at the start of a file.
    pub fn new(dialect: Dialect) -> Self {
        Splitter { dialect, state: State::RecordStart, record: Record::default(), line: 1, after_return: false }
    }

    /// Takes the next piece and hands every record that it completes to `each`, until that says to stop with
    /// `false`; then the answer is `false` too. Blank lines and comments are no records.
    pub fn push(&mut self, input: &[u8], each: &mut dyn FnMut(&Record) -> Result<bool>) -> Result<bool> {
        let Dialect { delimiter, quote, escape, comment } = self.dialect;
        let escape = escape.or(quote);
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            let rest = input.get(at..).unwrap_or_default();
            match self.state {
                State::RecordStart => match byte {
                    b'\n' => {
                        // After a carriage return it ends the same line.
                        self.line += u64::from(!std::mem::take(&mut self.after_return));
                        at += 1;
                    }
                    b'\r' => {
                        self.line += 1;
                        self.after_return = true;
                        at += 1;
                    }
                    _ => {
                        self.after_return = false;
                        if Some(byte) == comment {
                            self.state = State::Comment;
                        } else {
                            self.record.start(self.line);
                            self.state = State::FieldStart;
                        }
                    }
                },
                State::Comment => {
                    at += rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len());
                    if at < input.len() {
                        self.state = State::RecordStart;
                    }
                }
                State::FieldStart => {
                    if Some(byte) == quote {
                        self.record.quoted = true;
                        self.state = State::Quoted;
                        at += 1;
                    } else {
                        self.state = State::Plain;
                    }
                }
                State::Plain => {
                    let ends = |b: &u8| *b == delimiter || *b == b'\n' || *b == b'\r';
                    let run = rest.iter().position(ends).unwrap_or(rest.len());
                    self.record.bytes.extend_from_slice(rest.get(..run).unwrap_or_default());
                    at += run;
                    if let Some(&end) = input.get(at) {
                        at += 1;
                        self.record.end_field();
                        if end == delimiter {
                            self.state = State::FieldStart;
                        } else {
                            self.line += 1;
                            self.after_return = end == b'\r';
                            self.state = State::RecordStart;
                            if !each(&self.record)? {
                                return Ok(false);
                            }
                        }
                    }
                }
                State::Quoted => {
                    let run = rest.iter().position(|b| Some(*b) == quote || Some(*b) == escape).unwrap_or(rest.len());
                    let text = rest.get(..run).unwrap_or_default();
                    self.line += text.iter().map(|b| u64::from(*b == b'\n')).sum::<u64>();
                    self.record.bytes.extend_from_slice(text);
                    at += run;
                    if let Some(&end) = input.get(at) {
                        at += 1;
                        self.state =
                            if Some(end) == escape && escape != quote { State::Escaped } else { State::Closed };
                    }
                }
                State::Escaped => {
                    if Some(byte) == quote || Some(byte) == escape {
                        self.record.bytes.push(byte);
                        at += 1;
                    } else {
                        self.record.bytes.extend(escape);
                    }
                    self.state = State::Quoted;
                }
                State::Closed => {
                    if Some(byte) == quote && escape == quote {
                        self.record.bytes.push(byte);
                        at += 1;
                        self.state = State::Quoted;
                    } else {
                        self.state = State::Plain;
                    }
                }
            }
            if self.record.bytes.len() > MAX_RECORD {
                return Err(bad(format!("the record that starts on line {} is longer than 64 MiB", self.record.line))
                    .with_hint("A quote may be missing. Set quote '' when fields are not quoted."));
            }
        }
        Ok(true)
    }

    /// Takes the end of the file: a last record needs no line end.
    pub fn finish(&mut self, each: &mut dyn FnMut(&Record) -> Result<bool>) -> Result<()> {
        match std::mem::replace(&mut self.state, State::RecordStart) {
            State::RecordStart | State::Comment => Ok(()),
            State::Quoted | State::Escaped => {
                Err(bad(format!("unterminated quoted field in the record that starts on line {}", self.record.line)))
            }
            State::FieldStart | State::Plain | State::Closed => {
                self.record.end_field();
                each(&self.record).map(|_| ())
            }
        }
    }
}

fn bad(message: String) -> Error {
    Error::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
}

/// The names in a header: as they are, but a field without one is called by its number, `column3`.
pub fn header_names(record: &Record) -> Result<Vec<String>> {
    (0..record.len())
        .map(|index| {
            let (bytes, _) = record.field(index).unwrap_or_default();
            let name = std::str::from_utf8(bytes).map_err(|_| {
                Error::new(
                    SqlState::CHARACTER_NOT_IN_REPERTOIRE,
                    format!("invalid byte sequence for encoding \"UTF8\" in the header on line {}", record.line()),
                )
                .with_hint("Set the option encoding, for example to 'windows-1252'.")
            })?;
            Ok(if name.is_empty() { numbered(index) } else { name.to_string() })
        })
        .collect()
}

/// The name of a column that has none.
pub fn numbered(index: usize) -> String {
    format!("column{}", index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC: Dialect = Dialect { delimiter: b',', quote: Some(b'"'), escape: None, comment: None };

    type Rows = Vec<(u64, Vec<(String, bool)>)>;

    fn split(text: &str, dialect: Dialect, piece: usize) -> Result<Rows> {
        let mut rows: Rows = vec![];
        let mut each = |record: &Record| {
            let fields = (0..record.len())
                .map(|i| record.field(i).map(|(b, q)| (String::from_utf8_lossy(b).into_owned(), q)).unwrap())
                .collect();
            rows.push((record.line(), fields));
            Ok(true)
        };
        let mut splitter = Splitter::new(dialect);
        for piece in text.as_bytes().chunks(piece) {
            splitter.push(piece, &mut each)?;
        }
        splitter.finish(&mut each)?;
        Ok(rows)
    }

    fn plain(text: &str) -> (String, bool) {
        (text.to_string(), false)
    }

    fn quoted(text: &str) -> (String, bool) {
        (text.to_string(), true)
    }

    #[test]
    fn records_are_the_same_however_the_file_is_cut() {
        let text = "a,b\r\n\"x\n\"\"y\"\"\",\"\"\r\n\n5\" pipe,\n\"last\",z";
        let expected = vec![
            (1, vec![plain("a"), plain("b")]),
            (2, vec![quoted("x\n\"y\""), quoted("")]),
            (5, vec![plain("5\" pipe"), plain("")]),
            (6, vec![quoted("last"), plain("z")]),
        ];
        for piece in 1..text.len() {
            assert_eq!(split(text, RFC, piece).unwrap(), expected, "pieces of {piece}");
        }
    }

    #[test]
    fn escapes_comments_and_other_line_ends() {
        let dialect = Dialect { escape: Some(b'\\'), comment: Some(b'#'), delimiter: b';', ..RFC };
        let rows = split("#c;\ra;\"b\\\"\\n\"\rc;d", dialect, 3).unwrap();
        assert_eq!(rows, vec![(2, vec![plain("a"), quoted("b\"\\n")]), (3, vec![plain("c"), plain("d")])]);
    }

    #[test]
    fn an_open_quote_is_an_error() {
        assert!(split("a\n\"b\nc", RFC, 4).unwrap_err().message().contains("line 2"));
    }
}
