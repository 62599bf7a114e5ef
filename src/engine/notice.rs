//! What a client is told besides its answer.

use crate::error::SqlState;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For information, as that a thing to be dropped is not there.
    Notice,
    /// Probably not what was meant, as BEGIN in a transaction block.
    Warning,
}

impl Level {
    /// As Postgres writes it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Notice => "NOTICE",
            Level::Warning => "WARNING",
        }
    }
}

/// One message that is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much it matters.
    pub level: Level,
    /// Its SQLSTATE; 00000 where it has none of its own.
    pub state: SqlState,
    /// What it says.
    pub message: String,
    /// More about it.
    pub detail: Option<String>,
}

impl Notice {
    /// A warning.
    pub fn warning(state: SqlState, message: impl Into<String>) -> Notice {
        Notice { level: Level::Warning, state, message: message.into(), detail: None }
    }
}

impl From<String> for Notice {
    /// A notice of a definition; what follows its first line is the detail. What exists already has the SQLSTATE that
    /// it would have as an error.
    fn from(told: String) -> Notice {
        let (message, detail) = match told.split_once('\n') {
            Some((message, detail)) => (message.to_string(), Some(detail.to_string())),
            None => (told, None),
        };
        let state = match message.split(' ').next() {
            _ if !message.ends_with("already exists, skipping") && !message.contains(" already exists for ") => {
                SqlState("00000")
            }
            Some("relation") => SqlState::DUPLICATE_TABLE,
            Some("schema") => SqlState::DUPLICATE_SCHEMA,
            _ => SqlState::DUPLICATE_OBJECT,
        };
        Notice { level: Level::Notice, state, message, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_of_notices() {
        let state = |text: &str| Notice::from(text.to_string()).state;
        assert_eq!(state("relation \"t\" already exists, skipping"), SqlState::DUPLICATE_TABLE);
        assert_eq!(state("schema \"s\" already exists, skipping"), SqlState::DUPLICATE_SCHEMA);
        assert_eq!(state("server \"s\" already exists, skipping"), SqlState::DUPLICATE_OBJECT);
        assert_eq!(Notice::from("two\na\nb".to_string()).detail.as_deref(), Some("a\nb"));
        assert_eq!(state("table \"t\" does not exist, skipping"), SqlState("00000"));
    }
}
