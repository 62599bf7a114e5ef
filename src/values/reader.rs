//! Bytes that a client sent, read with every length checked.

use bytes::Bytes;

use crate::error::{Error, Result, SqlState};

/// The parts of a body, from its start.
pub(crate) struct Reader {
    pub rest: Bytes,
}

impl Reader {
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.bytes(N)?;
        <[u8; N]>::try_from(bytes.as_ref()).map_err(|_| malformed())
    }

    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Result<Bytes> {
        if count > self.rest.len() {
            return Err(malformed());
        }
        Ok(self.rest.split_to(count))
    }

    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Text up to its zero byte.
    pub fn text(&mut self) -> Result<String> {
        let end = self.rest.iter().position(|b| *b == 0).ok_or_else(malformed)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        utf8(&text).map(str::to_string)
    }

    /// A value after its length; a negative length is a null.
    pub fn value(&mut self) -> Result<Option<Bytes>> {
        match usize::try_from(self.u32()? as i32) {
            Ok(length) => self.bytes(length).map(Some),
            Err(_) => Ok(None),
        }
    }
}

/// Text, or 22021 with the bytes of the first character that is none. A zero byte is none, as in Postgres.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str> {
    let read = std::str::from_utf8(bytes);
    let valid = read.as_ref().map_or_else(|error| error.valid_up_to(), |text| text.len());
    let zero = bytes.iter().take(valid).position(|byte| *byte == 0);
    match (read, zero) {
        (Ok(text), None) => Ok(text),
        (_, zero) => {
            let from = bytes.get(zero.unwrap_or(valid)..).unwrap_or_default();
            // As many bytes as the first of them announces.
            let length = match from.first() {
                Some(0xC0..=0xDF) => 2,
                Some(0xE0..=0xEF) => 3,
                Some(0xF0..=0xF7) => 4,
                _ => 1,
            };
            let shown: Vec<String> = from.iter().take(length).map(|byte| format!("0x{byte:02x}")).collect();
            Err(Error::new(
                SqlState::CHARACTER_NOT_IN_REPERTOIRE,
                format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")),
            ))
        }
    }
}

/// The error for a body that ends too early or too late.
pub(crate) fn malformed() -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, "invalid message format")
}
