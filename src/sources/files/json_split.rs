//! Objects from a JSON file, fed in pieces: one a line, one after another, or the elements of one array.
//!
//! Only strings and brackets are looked at here, so that memory holds one object at a time; whether an object is
//! valid JSON is seen when it is read.

use super::csv::MAX_RECORD;
use crate::error::{Error, Result, SqlState};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before anything.
    Start,
    /// Between objects that follow one another.
    Sequence,
    /// In the array, before an element.
    BeforeElement { first: bool },
    /// In the array, after an element.
    AfterElement,
    /// After the array.
    End,
    /// In an object.
    Object,
}

/// Splits pieces of a file into objects.
#[derive(Debug)]
pub struct Splitter {
    /// Whether each object stands on a line of its own.
    lines: bool,
    array: bool,
    state: State,
    object: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    line: u64,
    start: u64,
}

impl Splitter {
    /// A splitter at the start of a file; with `lines` each object must end on the line on which it starts.
    pub fn new(lines: bool) -> Self {
        Splitter {
            lines,
            array: false,
            state: State::Start,
            object: vec![],
            depth: 0,
            in_string: false,
            escaped: false,
            line: 1,
            start: 1,
        }
    }

    /// Takes the next piece and hands every object that it completes, with its line, to `each`, until that says to
    /// stop with `false`; then the answer is `false` too.
    pub fn push(&mut self, input: &[u8], each: &mut dyn FnMut(&[u8], u64) -> Result<bool>) -> Result<bool> {
        let mut at = 0;
        while let Some(&byte) = input.get(at) {
            if self.state == State::Object {
                let rest = input.get(at..).unwrap_or_default();
                let (taken, whole) = self.within(rest)?;
                at += taken;
                self.object.extend_from_slice(rest.get(..taken).unwrap_or_default());
                if self.object.len() > MAX_RECORD {
                    return Err(
                        self.bad(format!("the object that starts on line {} is longer than 64 MiB", self.start))
                    );
                }
                if whole {
                    self.state = if self.array { State::AfterElement } else { State::Sequence };
                    let go_on = each(&self.object, self.start)?;
                    self.object.clear();
                    if !go_on {
                        return Ok(false);
                    }
                }
                continue;
            }
            match (self.state, byte) {
                (_, b'\n') => self.line += 1,
                (_, b' ' | b'\t' | b'\r') => {}
                (State::Start, b'[') if !self.lines => {
                    self.array = true;
                    self.state = State::BeforeElement { first: true };
                }
                (State::Start | State::Sequence | State::BeforeElement { .. }, b'{') => {
                    self.state = State::Object;
                    self.start = self.line;
                    continue;
                }
                (State::BeforeElement { first: true } | State::AfterElement, b']') => self.state = State::End,
                (State::AfterElement, b',') => self.state = State::BeforeElement { first: false },
                (State::End, _) => return Err(self.bad("text after the end of the array".to_string())),
                (State::AfterElement, _) => {
                    return Err(self.bad("expected a comma or the end of the array".to_string()));
                }
                _ => {
                    return Err(self
                        .bad("expected a JSON object".to_string())
                        .with_hint("A file holds objects, one after another or in one array; each is a row."));
                }
            }
            at += 1;
        }
        Ok(true)
    }

    /// How many bytes of `rest` belong to the object, and whether it ends there.
    fn within(&mut self, rest: &[u8]) -> Result<(usize, bool)> {
        for (at, byte) in rest.iter().enumerate() {
            if *byte == b'\n' {
                if self.lines {
                    return Err(self.bad("the object does not end on its line".to_string()));
                }
                self.line += 1;
            }
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Ok((at + 1, true));
                    }
                }
                _ => {}
            }
        }
        Ok((rest.len(), false))
    }

    /// Takes the end of the file.
    pub fn finish(&self) -> Result<()> {
        match self.state {
            State::Start | State::Sequence | State::End => Ok(()),
            State::Object => Err(self.bad(format!("the object that starts on line {} does not end", self.start))),
            State::BeforeElement { .. } | State::AfterElement => Err(self.bad("the array does not end".to_string())),
        }
    }

    fn bad(&self, message: String) -> Error {
        Error::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid JSON on line {}: {message}", self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str, lines: bool, piece: usize) -> Result<Vec<(String, u64)>> {
        let mut found = vec![];
        let mut each = |object: &[u8], line: u64| {
            found.push((String::from_utf8_lossy(object).into_owned(), line));
            Ok(true)
        };
        let mut splitter = Splitter::new(lines);
        for piece in text.as_bytes().chunks(piece) {
            splitter.push(piece, &mut each)?;
        }
        splitter.finish()?;
        Ok(found)
    }

    #[test]
    fn arrays_and_sequences_give_their_objects() {
        let first = r#"{"a":"}\"]","b":[{"c":1}]}"#;
        let expected = vec![(first.to_string(), 2), ("{}".to_string(), 3)];
        let array = format!(" [\n{first}\n, {{}} ]\n");
        let sequence = format!("\n{first}\n{{}}");
        for piece in 1..array.len() {
            assert_eq!(split(&array, false, piece).unwrap(), expected);
            assert_eq!(split(&sequence, false, piece).unwrap(), expected);
            assert_eq!(split(&sequence, true, piece).unwrap(), expected);
        }
        assert_eq!(split("[]", false, 1).unwrap(), vec![]);
        assert_eq!(split("", false, 1).unwrap(), vec![]);
    }

    #[test]
    fn what_is_no_list_of_objects_is_an_error() {
        for text in ["[1]", "[{}", "[{} {}]", "[{},]", "[{}] x", "{", "\"x\"", "[[{}]]"] {
            assert!(split(text, false, 2).is_err(), "{text}");
        }
        assert!(split("{\n}", true, 2).is_err());
        assert!(split("[{}]", true, 2).is_err());
    }
}
