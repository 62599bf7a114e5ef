//! The fields of a line of text or CSV, by the rules of Postgres's `CopyReadAttributesText` and
//! `CopyReadAttributesCSV`.

use super::{CopyFormat, CopyKind, malformed};
use crate::error::Result;
use crate::values::reader::utf8;

/// The fields of one line; kept from line to line, so that their memory is.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    bytes: Vec<u8>,
    /// The end of each field in `bytes`, and whether it is null.
    ends: Vec<(usize, bool)>,
}

impl Fields {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field; none is a null, and past the last there are nulls.
    pub fn get(&self, index: usize) -> Result<Option<&str>> {
        match self.ends.get(index) {
            Some((end, false)) => {
                let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |(end, _)| *end);
                utf8(self.bytes.get(start..*end).unwrap_or_default()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Splits a line, which is UTF-8. Errors: 22P04 for a quote that stays open, 22021 for escapes that make what is
    /// not UTF-8.
    pub fn split(&mut self, line: &[u8], format: &CopyFormat) -> Result<()> {
        self.bytes.clear();
        self.ends.clear();
        match format.kind {
            CopyKind::Csv => self.split_csv(line, format),
            _ => self.split_text(line, format),
        }
    }

    fn split_text(&mut self, line: &[u8], format: &CopyFormat) -> Result<()> {
        let mut at = 0;
        loop {
            let (start, from) = (at, self.bytes.len());
            let mut doubtful = false;
            let (end, more) = loop {
                let rest = line.get(at..).unwrap_or_default();
                let plain = rest.iter().position(|b| *b == format.delimiter || *b == b'\\').unwrap_or(rest.len());
                self.bytes.extend_from_slice(rest.get(..plain).unwrap_or_default());
                at += plain;
                match (line.get(at), line.get(at + 1)) {
                    (None, _) => break (at, false),
                    (Some(byte), _) if *byte == format.delimiter => {
                        at += 1;
                        break (at - 1, true);
                    }
                    // A backslash with nothing behind it is none of the field's.
                    (Some(_), None) => break (at, false),
                    (Some(_), Some(escaped)) => {
                        at += 2;
                        let (byte, width) = unescaped(*escaped, line.get(at..).unwrap_or_default());
                        at += width;
                        // What was written as a number may be half of a character.
                        doubtful |= escaped != &byte && (byte == 0 || byte > 127);
                        self.bytes.push(byte);
                    }
                }
            };
            // The mark of a null is compared with what was written, not with what it means.
            let null = line.get(start..end) == Some(format.null.as_bytes());
            if doubtful && !null {
                utf8(self.bytes.get(from..).unwrap_or_default())?;
            }
            self.ends.push((self.bytes.len(), null));
            if !more {
                return Ok(());
            }
        }
    }

    fn split_csv(&mut self, line: &[u8], format: &CopyFormat) -> Result<()> {
        let CopyFormat { delimiter, quote, escape, .. } = *format;
        let mut at = 0;
        loop {
            let start = at;
            let mut quoted = false;
            let (end, more) = loop {
                let rest = line.get(at..).unwrap_or_default();
                let plain = rest.iter().position(|b| *b == delimiter || *b == quote).unwrap_or(rest.len());
                self.bytes.extend_from_slice(rest.get(..plain).unwrap_or_default());
                at += plain;
                match line.get(at) {
                    None => break (at, false),
                    Some(byte) if *byte == delimiter => {
                        at += 1;
                        break (at - 1, true);
                    }
                    Some(_) => {
                        quoted = true;
                        at = self.quoted(line, at + 1, quote, escape)?;
                    }
                }
            };
            let null = !quoted && line.get(start..end) == Some(format.null.as_bytes());
            self.ends.push((self.bytes.len(), null));
            if !more {
                return Ok(());
            }
        }
    }

    /// Takes what is in quotes from `at` on; gives where the line goes on.
    fn quoted(&mut self, line: &[u8], mut at: usize, quote: u8, escape: u8) -> Result<usize> {
        loop {
            let rest = line.get(at..).unwrap_or_default();
            let plain = rest.iter().position(|b| *b == quote || *b == escape).unwrap_or(rest.len());
            self.bytes.extend_from_slice(rest.get(..plain).unwrap_or_default());
            at += plain;
            match (line.get(at), line.get(at + 1)) {
                (None, _) => return Err(malformed("unterminated CSV quoted field")),
                (Some(byte), Some(next)) if *byte == escape && (*next == escape || *next == quote) => {
                    self.bytes.push(*next);
                    at += 2;
                }
                (Some(byte), _) if *byte == quote => return Ok(at + 1),
                (Some(byte), _) => {
                    self.bytes.push(*byte);
                    at += 1;
                }
            }
        }
    }
}

/// What a character after a backslash stands for, and how many of those behind it belong to it.
fn unescaped(byte: u8, rest: &[u8]) -> (u8, usize) {
    let digits = |base: u32, most: usize| -> (u32, usize) {
        let found = rest.iter().take(most).map_while(|b| char::from(*b).to_digit(base));
        found.fold((0, 0), |(value, count), digit| (value * base + digit, count + 1))
    };
    match byte {
        b'0'..=b'7' => {
            let (value, count) = digits(8, 2);
            let first = u32::from(byte - b'0') << (3 * count);
            (((first + value) & 0xFF) as u8, count)
        }
        b'x' => match digits(16, 2) {
            (_, 0) => (byte, 0),
            (value, count) => ((value & 0xFF) as u8, count),
        },
        b'b' => (8, 0),
        b'f' => (12, 0),
        b'n' => (b'\n', 0),
        b'r' => (b'\r', 0),
        b't' => (b'\t', 0),
        b'v' => (11, 0),
        other => (other, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str, format: &CopyFormat) -> Result<Vec<Option<String>>> {
        let mut fields = Fields::default();
        fields.split(line.as_bytes(), format)?;
        (0..fields.len()).map(|index| Ok(fields.get(index)?.map(str::to_string))).collect()
    }

    #[test]
    fn text() {
        let format = CopyFormat::new(CopyKind::Text);
        let split = |line: &str| fields(line, &format).unwrap();
        let some = |text: &str| Some(text.to_string());
        assert_eq!(split("a\t\\N\t\t\\\\N\t\\x4E"), [some("a"), None, some(""), some("\\N"), some("N")]);
        assert_eq!(split("\\t\\n\\r\\b\\f\\v\\q\\\t"), [some("\t\n\r\u{8}\u{c}\u{b}q\t")]);
        assert_eq!(split("\\101\\60x\\7"), [some("A0x\u{7}")]);
        assert_eq!(split("\\xc3\\xa9\\é\\xzé"), [some("ééxzé")]);
        assert_eq!(split("a\\"), [some("a")]);
        assert_eq!(split("\\.x"), [some(".x")]);
        assert_eq!(split("张\\\n三"), [some("张\n三")]);
        for wrong in ["\\xff", "\\0", "\\303"] {
            assert_eq!(fields(wrong, &format).unwrap_err().state().0, "22021", "{wrong}");
        }
        let format = CopyFormat { null: "\\xff".to_string(), delimiter: b';', ..format };
        assert_eq!(fields("\\xff;\\;;a\tb", &format).unwrap(), [None, some(";"), some("a\tb")]);
    }

    #[test]
    fn csv() {
        let format = CopyFormat::new(CopyKind::Csv);
        let split = |line: &str| fields(line, &format).unwrap();
        let some = |text: &str| Some(text.to_string());
        assert_eq!(split("a,,\"\",\"x\"\"y\""), [some("a"), None, some(""), some("x\"y")]);
        assert_eq!(split("a\"b,c\"d,\"e\"f\"g\""), [some("ab,cd"), some("efg")]);
        assert_eq!(split("\\N, "), [some("\\N"), some(" ")]);
        assert_eq!(split(""), [None]);
        assert!(fields("a,\"b", &format).is_err());
        let format = CopyFormat { escape: b'\\', null: "-".to_string(), ..format };
        let odd = "\"a\\\"b\\\\c\\d\",-,\"-\"";
        assert_eq!(fields(odd, &format).unwrap(), [some("a\"b\\c\\d"), None, some("-")]);
    }
}
