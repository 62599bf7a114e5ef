//! A value that cannot be read, before its column and table are known.

use crate::error::{Error, SqlState};
use crate::sources::postgres::errors::Place;

/// What is wrong with a value; it reads on from the column's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    state: SqlState,
    why: String,
    hint: Option<&'static str>,
}

impl Fault {
    /// A value that its type here cannot hold.
    pub(super) fn unfit(why: impl Into<String>) -> Fault {
        Fault { state: SqlState::FDW_INVALID_DATA_TYPE, why: why.into(), hint: None }
    }

    /// The same, with what to do about it.
    pub(super) fn with_hint(self, hint: &'static str) -> Fault {
        Fault { hint: Some(hint), ..self }
    }

    /// A date, time or interval out of range.
    pub(super) fn out_of_range(why: impl Into<String>) -> Fault {
        Fault { state: SqlState::DATETIME_FIELD_OVERFLOW, why: why.into(), hint: None }
    }

    /// Text that is not UTF-8, as a database in SQL_ASCII may hold.
    pub(super) fn not_utf8() -> Fault {
        Fault { state: SqlState::CHARACTER_NOT_IN_REPERTOIRE, why: "holds text that is not UTF-8".into(), hint: None }
    }

    /// Bytes that are not of the form that the type has.
    pub(super) fn malformed() -> Fault {
        Fault { state: SqlState::INVALID_BINARY_REPRESENTATION, why: "holds a malformed value".into(), hint: None }
    }

    /// The error, with the column it was found in.
    pub(super) fn at(self, place: &Place, column: &str) -> Error {
        let error = Error::new(self.state, format!("{place}: column \"{column}\" {}", self.why));
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// A value of a fixed width.
#[inline]
pub(super) fn fixed<const N: usize>(raw: &[u8]) -> Result<[u8; N], Fault> {
    raw.try_into().map_err(|_| Fault::malformed())
}

/// A value of text.
pub(super) fn utf8(raw: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(raw).map_err(|_| Fault::not_utf8())
}
