//! Lines of text and CSV, by the rules of Postgres's `CopyReadLineText`: the first line end decides what ends all
//! lines, `\.` ends the data, and a CSV line goes on while a quote is open.

use std::ops::Range;

use super::{CopyFormat, CopyKind, malformed};
use crate::error::{Error, Result};
use crate::values::reader::utf8;

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// No line has ended yet.
    Unknown,
    Newline,
    Return,
    Both,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A line without its end: [`Lines::text`].
    Line,
    /// Nothing until more is pushed.
    More,
    /// Nothing any more.
    End,
}

/// Splits what is pushed into lines.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Quote and escape of CSV; the escape is none when it is the quote.
    csv: Option<(u8, Option<u8>)>,
    buffer: Vec<u8>,
    line: Range<usize>,
    /// Where the line that is being read begins, and how far it was looked at.
    start: usize,
    at: usize,
    ending: Ending,
    first: bool,
    in_quote: bool,
    after_escape: bool,
    /// Whether the number is that of the line that is being read.
    begun: bool,
    number: u64,
    /// No more will be pushed.
    closed: bool,
    /// The end was seen, or marked.
    over: bool,
}

impl Lines {
    /// Before the first line.
    pub fn new(format: &CopyFormat) -> Lines {
        let escape = (format.escape != format.quote).then_some(format.escape);
        Lines {
            csv: (format.kind == CopyKind::Csv).then_some((format.quote, escape)),
            buffer: vec![],
            line: 0..0,
            start: 0,
            at: 0,
            ending: Ending::Unknown,
            first: true,
            in_quote: false,
            after_escape: false,
            begun: false,
            number: 0,
            closed: false,
            over: false,
        }
    }

    /// Takes the next piece. After the mark of the end it is ignored.
    pub fn push(&mut self, piece: &[u8]) {
        if self.over {
            return;
        }
        self.buffer.drain(..self.start);
        self.at -= self.start;
        self.start = 0;
        self.line = 0..0;
        self.buffer.extend_from_slice(piece);
    }

    /// Nothing more will come.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The line that [`Lines::step`] has found. It is whole UTF-8.
    pub fn text(&self) -> &[u8] {
        self.buffer.get(self.line.clone()).unwrap_or_default()
    }

    /// The number of the line that was found or is being read, from 1; as in Postgres, lines in quotes count.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Bytes that it holds.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Finds the next line. Errors are 22P04, and 22021 for what is not UTF-8.
    pub fn step(&mut self) -> Result<Step> {
        if self.over {
            return Ok(Step::End);
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.number += 1;
        }
        let (end, next, last) = match self.scan() {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Step::More),
            Err(error) => {
                // What stands before comes first.
                utf8(self.buffer.get(self.start..self.at).unwrap_or_default())?;
                return Err(error);
            }
        };
        self.line = self.start..end;
        let with_end = self.start..if last { end } else { next };
        (self.start, self.at) = (next, next);
        (self.first, self.in_quote, self.after_escape) = (true, false, false);
        self.over = last;
        if last && self.line.is_empty() {
            return Ok(Step::End);
        }
        self.begun = last;
        utf8(self.buffer.get(with_end).unwrap_or_default())?;
        Ok(Step::Line)
    }

    /// Where the line ends, where the next one begins, and whether this was the last; none when more is needed.
    fn scan(&mut self) -> Result<Option<(usize, usize, bool)>> {
        loop {
            let at = self.at;
            let Some(&byte) = self.buffer.get(at) else {
                return Ok(self.closed.then_some((at, at, true)));
            };
            let next = self.buffer.get(at + 1).copied();
            // Looked ahead before anything changes, so that it does not matter where the pieces were cut.
            if self.buffer.len() < at + self.wanted(byte, next) && !self.closed {
                return Ok(None);
            }
            if let Some((quote, escape)) = self.csv {
                if self.in_quote && Some(byte) == escape {
                    self.after_escape = !self.after_escape;
                }
                if byte == quote && !self.after_escape {
                    self.in_quote = !self.in_quote;
                }
                if Some(byte) != escape {
                    self.after_escape = false;
                }
                let counted = if self.ending == Ending::Newline { b'\n' } else { b'\r' };
                self.number += u64::from(self.in_quote && byte == counted);
            }
            match byte {
                b'\r' if !self.in_quote => return self.after_return(next).map(|width| Some((at, at + width, false))),
                b'\n' if !self.in_quote => {
                    if matches!(self.ending, Ending::Return | Ending::Both) {
                        return Err(self.literal("newline", "\\n"));
                    }
                    self.ending = Ending::Newline;
                    return Ok(Some((at, at + 1, false)));
                }
                b'\\' if self.csv.is_none() || self.first => match next {
                    // Before the end of the data it is a character like others.
                    None => return Ok(Some((at + 1, at + 1, true))),
                    Some(b'.') if self.is_mark()? => return Ok(Some((at, self.buffer.len(), true))),
                    Some(_) if self.csv.is_none() => self.at += 1,
                    Some(_) => {}
                },
                _ => {}
            }
            self.first = false;
            self.at += 1;
        }
    }

    /// How many bytes must be there to decide about the first of them.
    fn wanted(&self, byte: u8, next: Option<u8>) -> usize {
        match (byte, next) {
            (b'\\', Some(b'.')) if self.csv.is_none() || self.first => 3 + usize::from(self.ending == Ending::Both),
            (b'\\' | b'\r', _) => 2,
            _ => 1,
        }
    }

    /// How many bytes the line end that begins with a carriage return has.
    fn after_return(&mut self, next: Option<u8>) -> Result<usize> {
        match self.ending {
            Ending::Unknown | Ending::Both if next == Some(b'\n') => {
                self.ending = Ending::Both;
                Ok(2)
            }
            Ending::Unknown | Ending::Return => {
                self.ending = Ending::Return;
                Ok(1)
            }
            Ending::Both | Ending::Newline => Err(self.literal("carriage return", "\\r")),
        }
    }

    /// Whether `\.` here ends the data. In CSV it must be alone on its line.
    fn is_mark(&self) -> Result<bool> {
        let csv = self.csv.is_some();
        let wrong = |message: &str| if csv { Ok(false) } else { Err(malformed(message)) };
        let mut at = self.at + 2;
        if self.ending == Ending::Both {
            match self.buffer.get(at) {
                Some(b'\r') => at += 1,
                Some(b'\n') => return wrong("end-of-copy marker does not match previous newline style"),
                _ => return wrong("end-of-copy marker corrupt"),
            }
        }
        let end = match self.buffer.get(at) {
            Some(end @ (b'\r' | b'\n')) => *end,
            _ => return wrong("end-of-copy marker corrupt"),
        };
        let fits = match self.ending {
            Ending::Unknown => true,
            Ending::Newline | Ending::Both => end == b'\n',
            Ending::Return => end == b'\r',
        };
        if fits { Ok(true) } else { Err(malformed("end-of-copy marker does not match previous newline style")) }
    }

    fn literal(&self, what: &str, written: &str) -> Error {
        if self.csv.is_some() {
            malformed(format!("unquoted {what} found in data"))
                .with_hint(format!("Use quoted CSV field to represent {what}."))
        } else {
            malformed(format!("literal {what} found in data"))
                .with_hint(format!("Use \"{written}\" to represent {what}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines with their numbers, and the error that ended them.
    fn split(kind: CopyKind, pieces: &[&[u8]]) -> (Vec<(u64, String)>, Option<String>) {
        let (mut lines, mut found) = (Lines::new(&CopyFormat::new(kind)), vec![]);
        let mut pieces = pieces.iter();
        loop {
            match lines.step() {
                Ok(Step::Line) => found.push((lines.number(), String::from_utf8_lossy(lines.text()).into_owned())),
                Ok(Step::More) => match pieces.next() {
                    Some(piece) => lines.push(piece),
                    None => lines.close(),
                },
                Ok(Step::End) => return (found, None),
                Err(error) => return (found, Some(format!("{} {}", lines.number(), error.message()))),
            }
        }
    }

    const ODD: [&[u8]; 22] = [
        b"",
        b"\n",
        b"a\tb\n\n1\\\n2\n",
        b"a\r\nb\r\n\\.\r\nrest",
        b"a\rb\r\\.\rrest",
        b"a\nb\r\nc",
        b"a\r\nb\nc",
        b"a\r\nb\rc",
        b"a\rb\nc",
        b"a\\.\nrest",
        b"a\\\\.\nb",
        b"a\n\\.",
        b"a\n\\.x\n",
        b"a\n\\.\r\n",
        b"a\r\n\\.\n",
        b"a\\",
        b"\"x\ny\",\"\"\"\"\r\n\"a\r\nb\"\r\n\\.\r\nrest",
        b"1,\"open\n2",
        b"a\n\\.\nb",
        b"a,\\.\n\\.b\n",
        b"\xC3\xA9\n\xC3\n",
        b"a\0b\n",
    ];

    #[test]
    fn it_does_not_matter_where_the_data_are_cut() {
        for kind in [CopyKind::Text, CopyKind::Csv] {
            for data in ODD {
                let whole = split(kind, &[data]);
                let bytes: Vec<&[u8]> = data.chunks(1).collect();
                assert_eq!(split(kind, &bytes), whole, "{}", data.escape_ascii());
                for at in 0..=data.len() {
                    let (before, after) = data.split_at(at);
                    assert_eq!(split(kind, &[before, after]), whole, "{} at {at}", data.escape_ascii());
                }
            }
        }
    }

    #[test]
    fn lines_as_postgres_reads_them() {
        let text = |data: &[u8]| split(CopyKind::Text, &[data]);
        let csv = |data: &[u8]| split(CopyKind::Csv, &[data]);
        let some = |lines: &[(u64, &str)]| lines.iter().map(|(n, line)| (*n, line.to_string())).collect::<Vec<_>>();
        assert_eq!(text(b"a\\\nb\nc"), (some(&[(1, "a\\\nb"), (2, "c")]), None));
        assert_eq!(text(b"a\\.\nrest"), (some(&[(1, "a")]), None));
        assert_eq!(text(b"a\n\\."), (some(&[(1, "a")]), Some("2 end-of-copy marker corrupt".into())));
        assert_eq!(text(b"a\nb\r\n"), (some(&[(1, "a")]), Some("2 literal carriage return found in data".into())));
        assert_eq!(csv(b"a\r\nb\n"), (some(&[(1, "a")]), Some("2 unquoted newline found in data".into())));
        assert_eq!(csv(b"a\n\\."), (some(&[(1, "a"), (2, "\\.")]), None));
        // The first line end is not known yet in the first record, as in Postgres.
        assert_eq!(csv(b"\"x\ny\"\nz"), (some(&[(1, "\"x\ny\""), (2, "z")]), None));
        assert_eq!(csv(b"h\n\"x\ny\"\nz"), (some(&[(1, "h"), (3, "\"x\ny\""), (4, "z")]), None));
        assert_eq!(text(b"a\n\xFF\n").1.unwrap(), "2 invalid byte sequence for encoding \"UTF8\": 0xff");
    }
}
