//! What trouble a source is in, as far as it decides what is done next.

/// The kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It could not be reached, or the connection to it was lost: it may be there the next moment.
    Lost,
    /// It gave no answer in the time that it has for it. To ask again takes as long.
    Silent,
    /// It is there, and does not let this program in.
    Refused,
    /// It has no room for one more connection.
    Full,
    /// It lacks a table or a column, or has it in another type.
    Shape,
}
