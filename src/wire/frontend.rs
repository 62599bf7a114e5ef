//! The messages that a client sends, read with every length and count checked.

use bytes::Bytes;

use crate::error::{Error, Result, SqlState};
use crate::values::Format;
use crate::values::reader::{Reader, malformed};

/// A message as it came: its kind and its body without the length.
#[derive(Debug)]
pub(super) struct Frame {
    pub kind: u8,
    pub body: Bytes,
}

/// The longest body of a message that carries SQL or values, as in Postgres: a gigabyte.
const LONG: usize = 0x3FFF_FFFF;
/// The longest body of any other message.
const SHORT: usize = 10_000;

/// How long a body may be; none for a kind that does not exist.
pub(super) fn limit(kind: u8) -> Option<usize> {
    match kind {
        b'Q' | b'P' | b'B' | b'd' | b'F' => Some(LONG),
        b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' | b'p' => Some(SHORT),
        _ => None,
    }
}

/// A prepared statement or a portal, by name; the empty name is the unnamed one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Statement(String),
    Portal(String),
}

/// Values for a prepared statement.
#[derive(Debug)]
pub(super) struct Bind {
    pub portal: String,
    pub statement: String,
    /// None for text in all, one for all, or one each.
    pub formats: Vec<Format>,
    /// None for a null.
    pub values: Vec<Option<Bytes>>,
    /// As `formats`, for the result's columns.
    pub results: Vec<Format>,
}

/// A message after the start-up.
#[derive(Debug)]
pub(super) enum Message {
    Query(String),
    Parse {
        name: String,
        sql: String,
        /// OIDs; 0 for a type that the server is to find.
        types: Vec<u32>,
    },
    Bind(Bind),
    Describe(Target),
    Execute {
        portal: String,
        /// 0 or less for all.
        max_rows: i32,
    },
    Close(Target),
    Flush,
    Sync,
    Terminate,
    FunctionCall,
    /// Data for a COPY that is not, or no longer, going on.
    Copy,
    Password,
}

impl Frame {
    /// Whether an error in this message is followed by skipping up to Sync.
    pub fn is_extended(&self) -> bool {
        matches!(self.kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H')
    }

    /// Reads the body.
    pub fn message(self) -> Result<Message> {
        let mut reader = Reader { rest: self.body };
        let message = match self.kind {
            b'Q' => Message::Query(reader.text()?),
            b'P' => {
                let (name, sql) = (reader.text()?, reader.text()?);
                let count = reader.count(4)?;
                let types = (0..count).map(|_| reader.u32()).collect::<Result<_>>()?;
                Message::Parse { name, sql, types }
            }
            b'B' => {
                let (portal, statement) = (reader.text()?, reader.text()?);
                let formats = reader.formats()?;
                let count = reader.count(4)?;
                let values = (0..count).map(|_| reader.value()).collect::<Result<_>>()?;
                let results = reader.formats()?;
                Message::Bind(Bind { portal, statement, formats, values, results })
            }
            b'D' => Message::Describe(reader.target()?),
            b'C' => Message::Close(reader.target()?),
            b'E' => Message::Execute { portal: reader.text()?, max_rows: reader.u32()? as i32 },
            b'H' => Message::Flush,
            b'S' => Message::Sync,
            b'X' => Message::Terminate,
            b'F' => return Ok(Message::FunctionCall),
            b'd' | b'c' | b'f' => return Ok(Message::Copy),
            b'p' => return Ok(Message::Password),
            _ => return Err(malformed()),
        };
        if reader.rest.is_empty() { Ok(message) } else { Err(malformed()) }
    }
}

impl Reader {
    /// A count of things that take at least `width` bytes each.
    fn count(&mut self, width: usize) -> Result<usize> {
        let count = usize::from(self.u16()?);
        if count * width > self.rest.len() { Err(malformed()) } else { Ok(count) }
    }

    fn formats(&mut self) -> Result<Vec<Format>> {
        let count = self.count(2)?;
        (0..count)
            .map(|_| match self.u16()? {
                0 => Ok(Format::Text),
                1 => Ok(Format::Binary),
                other => Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("unsupported format code: {}", other as i16),
                )),
            })
            .collect()
    }

    fn target(&mut self) -> Result<Target> {
        match self.u8()? {
            b'S' => self.text().map(Target::Statement),
            b'P' => self.text().map(Target::Portal),
            other => Err(Error::new(
                SqlState::PROTOCOL_VIOLATION,
                format!("invalid target of a describe or close message: {other}"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: u8, body: &'static [u8]) -> Result<Message> {
        Frame { kind, body: Bytes::from_static(body) }.message()
    }

    #[test]
    fn reads_what_is_whole() {
        let Ok(Message::Parse { name, sql, types }) = read(b'P', b"s\0SELECT $1\0\0\x01\0\0\0\x17") else { panic!() };
        assert_eq!((name.as_str(), sql.as_str(), types), ("s", "SELECT $1", vec![23]));
        let bind = b"\0s\0\0\x01\0\x01\0\x02\xFF\xFF\xFF\xFF\0\0\0\x01x\0\0";
        let Ok(Message::Bind(bind)) = read(b'B', bind) else { panic!() };
        assert_eq!(bind.values, [None, Some(Bytes::from_static(b"x"))]);
        assert_eq!(bind.formats, [Format::Binary]);
        assert!(matches!(read(b'E', b"\0\xFF\xFF\xFF\xFF"), Ok(Message::Execute { max_rows: -1, .. })));
    }

    #[test]
    fn refuses_what_is_not() {
        let wrong: [(u8, &'static [u8]); 7] = [
            (b'P', b"s\0SELECT 1\0\xFF\xFF"),
            (b'P', b"s\0SELECT 1"),
            (b'B', b"\0\0\0\0\0\x01\x7F\xFF\xFF\xFF"),
            (b'B', b""),
            (b'E', b"\0\0"),
            (b'D', b"Xa\0"),
            (b'Q', b"SELECT 1\0extra"),
        ];
        for (kind, body) in wrong {
            assert_eq!(read(kind, body).unwrap_err().state(), SqlState::PROTOCOL_VIOLATION);
        }
        let error = read(b'Q', b"SELECT '\xC3\x28'\0").unwrap_err();
        assert_eq!(error.state(), SqlState::CHARACTER_NOT_IN_REPERTOIRE);
        assert_eq!(error.message(), "invalid byte sequence for encoding \"UTF8\": 0xc3 0x28");
    }
}
