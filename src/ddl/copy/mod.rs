//! COPY: what is copied where, and how its rows are written.

mod encoding;
mod options;
mod parse;

pub use parse::parse;
pub(super) use parse::refuse_explained;

use super::statement::{NameRef, Statement};

/// A COPY as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// What is copied.
    pub what: CopyWhat,
    /// FROM, and not TO
    pub from: bool,
    /// A file or a program of the server, and not the client.
    pub at_server: bool,
    /// WHERE: its position in the statement.
    pub filter: Option<usize>,
    /// How the rows are written, as it was said.
    options: Vec<CopyOption>,
}

impl Copy {
    /// Moves the positions by the characters that stand before the statement.
    pub fn shifted(mut self, characters: usize) -> Copy {
        if let CopyWhat::Query(query) = &mut self.what {
            query.offset += characters;
        }
        self.filter = self.filter.map(|position| position + characters);
        for option in &mut self.options {
            option.position += characters;
        }
        self
    }
}

/// What COPY copies.
#[derive(Clone, Debug, PartialEq)]
pub enum CopyWhat {
    /// A relation's rows.
    Relation {
        /// its name
        name: NameRef,
        /// its columns; empty for all
        columns: Vec<String>,
    },
    /// A query's rows.
    Query(Box<Statement>),
}

/// One option.
#[derive(Clone, Debug, PartialEq)]
struct CopyOption {
    name: String,
    value: OptionValue,
    /// 1-based character offset in the statement.
    position: usize,
}

/// What an option is said to be.
#[derive(Clone, Debug, PartialEq)]
enum OptionValue {
    Nothing,
    Text(String),
    Number(String),
    Star,
    Names(Vec<String>),
}
