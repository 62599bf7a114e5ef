//! Rows in Postgres's binary form, fed in pieces.

use bytes::{Buf, Bytes, BytesMut};

use super::{SIGNATURE, malformed};
use crate::error::{Error, Result, SqlState};
use crate::values::encode::LARGEST;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tuple {
    /// The field of the row with this index; none is a null.
    Field(usize, Option<Bytes>),
    /// The row is whole.
    End,
    /// Nothing until more is pushed.
    More,
    /// Nothing any more.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Signature,
    Flags,
    Length,
    /// Bytes of the header that mean nothing here.
    Extension(usize),
    Count,
    /// Before this field.
    Field(usize),
    /// After the mark of the end.
    Over,
}

/// Splits what is pushed into fields.
#[derive(Debug)]
pub(crate) struct Tuples {
    columns: usize,
    buffer: BytesMut,
    state: State,
    /// Whether the number is that of the row that is being read.
    begun: bool,
    number: u64,
    closed: bool,
}

impl Tuples {
    /// Before the header of rows of so many columns.
    pub fn new(columns: usize) -> Tuples {
        Tuples { columns, buffer: BytesMut::new(), state: State::Signature, begun: false, number: 0, closed: false }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.extend_from_slice(piece);
    }

    /// Nothing more will come.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// The number of the row that was read last or is being read, from 1; 0 before the header has ended.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The field that is being read.
    pub fn field(&self) -> Option<usize> {
        match self.state {
            State::Field(index) if index < self.columns => Some(index),
            _ => None,
        }
    }

    /// Bytes that it holds.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Finds the next field. Errors are 22P04, and 54000 for a field of more than a gigabyte.
    pub fn step(&mut self) -> Result<Tuple> {
        loop {
            match self.state {
                State::Signature => {
                    let Some(signature) = self.take(SIGNATURE.len()) else {
                        return self.ended("COPY file signature not recognized");
                    };
                    if signature != SIGNATURE.as_slice() {
                        return Err(malformed("COPY file signature not recognized"));
                    }
                    self.state = State::Flags;
                }
                State::Flags => {
                    let Some(flags) = self.number_of(4) else {
                        return self.ended("invalid COPY file header (missing flags)");
                    };
                    if flags & (1 << 16) != 0 {
                        return Err(malformed("invalid COPY file header (WITH OIDS)"));
                    }
                    if flags >> 16 != 0 {
                        return Err(malformed("unrecognized critical flags in COPY file header"));
                    }
                    self.state = State::Length;
                }
                State::Length => {
                    let Some(length) = self.number_of(4) else {
                        return self.ended("invalid COPY file header (missing length)");
                    };
                    let length = usize::try_from(length as i32)
                        .map_err(|_| malformed("invalid COPY file header (missing length)"))?;
                    self.state = State::Extension(length);
                }
                State::Extension(0) => self.state = State::Count,
                State::Extension(left) => {
                    if self.buffer.is_empty() {
                        return self.ended("invalid COPY file header (wrong length)");
                    }
                    let passed = left.min(self.buffer.len());
                    self.buffer.advance(passed);
                    self.state = State::Extension(left - passed);
                }
                State::Count => {
                    if !std::mem::replace(&mut self.begun, true) {
                        self.number += 1;
                    }
                    let Some(count) = self.number_of(2) else {
                        // As in Postgres the mark of the end may be missing.
                        return Ok(if self.closed { Tuple::Over } else { Tuple::More });
                    };
                    let count = count as u16 as i16;
                    if count == -1 {
                        self.state = State::Over;
                    } else if usize::try_from(count) == Ok(self.columns) {
                        self.state = State::Field(0);
                    } else {
                        return Err(malformed(format!("row field count is {count}, expected {}", self.columns)));
                    }
                }
                State::Field(index) if index >= self.columns => {
                    (self.state, self.begun) = (State::Count, false);
                    return Ok(Tuple::End);
                }
                State::Field(index) => {
                    let length = match self.buffer[..] {
                        [a, b, c, d, ..] => i32::from_be_bytes([a, b, c, d]),
                        _ => return self.ended("unexpected EOF in COPY data"),
                    };
                    let value = match usize::try_from(length) {
                        Err(_) if length == -1 => None,
                        Err(_) => return Err(malformed("invalid field size")),
                        Ok(length) if length > LARGEST => return Err(too_long()),
                        Ok(length) if self.buffer.len() - 4 < length => {
                            return self.ended("unexpected EOF in COPY data");
                        }
                        Ok(length) => Some(length),
                    };
                    self.buffer.advance(4);
                    self.state = State::Field(index + 1);
                    let value = value.map(|length| self.buffer.split_to(length).freeze());
                    return Ok(Tuple::Field(index, value));
                }
                State::Over if self.buffer.is_empty() => {
                    return Ok(if self.closed { Tuple::Over } else { Tuple::More });
                }
                State::Over => return Err(malformed("received copy data after EOF marker")),
            }
        }
    }

    fn take(&mut self, count: usize) -> Option<Bytes> {
        (self.buffer.len() >= count).then(|| self.buffer.split_to(count).freeze())
    }

    /// An unsigned number of so many bytes, four at most.
    fn number_of(&mut self, count: usize) -> Option<u32> {
        let bytes = self.take(count)?;
        Some(bytes.iter().fold(0, |number, byte| (number << 8) | u32::from(*byte)))
    }

    /// Too little is there: more is needed, or is missing.
    fn ended(&self, message: &str) -> Result<Tuple> {
        if self.closed { Err(malformed(message)) } else { Ok(Tuple::More) }
    }
}

fn too_long() -> Error {
    Error::new(SqlState("54000"), "a field of COPY data is too long").with_detail("A value may have a gigabyte.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(pieces: &[&[u8]]) -> (Vec<Tuple>, Option<String>) {
        let (mut tuples, mut found) = (Tuples::new(2), vec![]);
        let mut pieces = pieces.iter();
        loop {
            match tuples.step() {
                Ok(Tuple::More) => match pieces.next() {
                    Some(piece) => tuples.push(piece),
                    None => tuples.close(),
                },
                Ok(Tuple::Over) => return (found, None),
                Ok(other) => found.push(other),
                Err(error) => {
                    return (found, Some(format!("{} {:?} {}", tuples.number(), tuples.field(), error.message())));
                }
            }
        }
    }

    #[test]
    fn it_does_not_matter_where_the_data_are_cut_and_a_part_is_no_row() {
        let mut data = SIGNATURE.to_vec();
        data.extend(*b"\0\0\0\0\0\0\0\x02xy\0\x02\0\0\0\x01a\xFF\xFF\xFF\xFF\0\x02\0\0\0\0\0\0\0\x02bc\xFF\xFF");
        let whole = split(&[&data]);
        assert_eq!(whole.0.len(), 6);
        assert_eq!(whole.1, None);
        let bytes: Vec<&[u8]> = data.chunks(1).collect();
        assert_eq!(split(&bytes), whole);
        for at in 0..data.len() {
            let (before, after) = data.split_at(at);
            assert_eq!(split(&[before, after]), whole, "cut at {at}");
            let (found, error) = split(&[before]);
            assert!(whole.0.starts_with(&found), "ended at {at}");
            let in_a_row = found.last().is_some_and(|tuple| *tuple != Tuple::End);
            assert!(error.is_some() || !in_a_row, "ended at {at}");
        }
        data.push(0);
        assert_eq!(split(&[&data]).1.unwrap(), "3 None received copy data after EOF marker");
    }

    #[test]
    fn what_is_no_row_is_refused() {
        let with = |rest: &[u8]| {
            let mut data = SIGNATURE.to_vec();
            data.extend(rest);
            split(&[&data]).1.unwrap_or_default()
        };
        assert_eq!(split(&[b"nope"]).1.unwrap(), "0 None COPY file signature not recognized");
        assert_eq!(split(&[b"nope and more"]).1.unwrap(), "0 None COPY file signature not recognized");
        assert_eq!(with(b"\0\0\0"), "0 None invalid COPY file header (missing flags)");
        assert_eq!(with(b"\0\x01\0\0"), "0 None invalid COPY file header (WITH OIDS)");
        assert_eq!(with(b"\0\0\0\0\0\0\0\x05x"), "0 None invalid COPY file header (wrong length)");
        assert_eq!(with(b"\0\0\0\0\0\0\0\0\0\x01"), "1 None row field count is 1, expected 2");
        assert_eq!(with(b"\0\0\0\0\0\0\0\0\0\x02\xFF\xFF\xFF\xFE"), "1 Some(0) invalid field size");
        assert_eq!(with(b"\0\0\0\0\0\0\0\0\0\x02\0\0\0\x02x"), "1 Some(0) unexpected EOF in COPY data");
        assert_eq!(with(b"\0\0\0\0\0\0\0\0\0\x02\x7F\xFF\xFF\xFF"), "1 Some(0) a field of COPY data is too long");
        assert_eq!(with(b"\0\0\0\0\0\0\0\0"), "");
    }
}
