//! One error type: what failed, on which object, with Postgres's SQLSTATE, a detail and a hint.
//!
//! Display is the primary message alone (lower case, no full stop); it never repeats the source. The chain is
//! printed in one place, [`Error::report`].

mod fault;
mod from_datafusion;

use std::collections::BTreeSet;
use std::fmt;

use datafusion::error::DataFusionError;
use parking_lot::Mutex;

pub use fault::Fault;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A five-character SQLSTATE, as in Postgres's appendix A.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SqlState(pub &'static str);

macro_rules! sql_states {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        impl SqlState {
            $($(#[$doc])* pub const $name: SqlState = SqlState($code);)+

            /// Every code this program can send, for looking one up by its text.
            pub const ALL: &'static [SqlState] = &[$(SqlState::$name),+];
        }
    };
}

sql_states! {
    /// 42601: the statement cannot be parsed.
    SYNTAX_ERROR = "42601",
    /// 42P01: no such table, view or foreign table.
    UNDEFINED_TABLE = "42P01",
    /// 42703: no such column.
    UNDEFINED_COLUMN = "42703",
    /// 42702: a column name that could mean two columns.
    AMBIGUOUS_COLUMN = "42702",
    /// 42883: no function of that name and argument types.
    UNDEFINED_FUNCTION = "42883",
    /// 42704: no such server, user mapping, role or type.
    UNDEFINED_OBJECT = "42704",
    /// 3F000: no such schema.
    INVALID_SCHEMA_NAME = "3F000",
    /// 3D000: no such database.
    INVALID_CATALOG_NAME = "3D000",
    /// 42710: the server, mapping or role exists already.
    DUPLICATE_OBJECT = "42710",
    /// 42P07: the relation exists already.
    DUPLICATE_TABLE = "42P07",
    /// 42P06: the schema exists already.
    DUPLICATE_SCHEMA = "42P06",
    /// 42701: a column named twice.
    DUPLICATE_COLUMN = "42701",
    /// 42803: a column that is neither grouped nor aggregated.
    GROUPING_ERROR = "42803",
    /// 42804: types that do not fit.
    DATATYPE_MISMATCH = "42804",
    /// 42602: text that is no name.
    INVALID_NAME = "42602",
    /// 42809: a relation of the wrong kind.
    WRONG_OBJECT_TYPE = "42809",
    /// 42P17: a definition that can never hold, such as a cycle of views.
    INVALID_OBJECT_DEFINITION = "42P17",
    /// 42P16: a table definition that is not allowed.
    INVALID_TABLE_DEFINITION = "42P16",
    /// 42P10: a position that the select list does not have.
    INVALID_COLUMN_REFERENCE = "42P10",
    /// 2201W: a LIMIT below zero.
    INVALID_ROW_COUNT_IN_LIMIT = "2201W",
    /// 2201X: an OFFSET below zero.
    INVALID_ROW_COUNT_IN_OFFSET = "2201X",
    /// 42P02: no such parameter.
    UNDEFINED_PARAMETER = "42P02",
    /// 42P18: a parameter whose type cannot be found.
    INDETERMINATE_DATATYPE = "42P18",
    /// 22P02: text that is no value of its type.
    INVALID_TEXT_REPRESENTATION = "22P02",
    /// 22007: text that is no date or time.
    INVALID_DATETIME_FORMAT = "22007",
    /// 22008: a date or time outside what its type can hold.
    DATETIME_FIELD_OVERFLOW = "22008",
    /// 22012: division by zero.
    DIVISION_BY_ZERO = "22012",
    /// 22003: a number outside what its type can hold.
    NUMERIC_VALUE_OUT_OF_RANGE = "22003",
    /// 22021: text that is not UTF-8.
    CHARACTER_NOT_IN_REPERTOIRE = "22021",
    /// 22023: an argument that a function does not take.
    INVALID_PARAMETER_VALUE = "22023",
    /// 22P03: a binary parameter that is no value of its type.
    INVALID_BINARY_REPRESENTATION = "22P03",
    /// 22P04: data of COPY that are no rows.
    BAD_COPY_FILE_FORMAT = "22P04",
    /// 21000: a scalar subquery that gave more than one row.
    CARDINALITY_VIOLATION = "21000",
    /// 0A000: known, and not supported.
    FEATURE_NOT_SUPPORTED = "0A000",
    /// 25006: a write to something that is read-only.
    READ_ONLY_SQL_TRANSACTION = "25006",
    /// 25P02: the transaction has failed already.
    IN_FAILED_SQL_TRANSACTION = "25P02",
    /// 26000: no such prepared statement.
    INVALID_SQL_STATEMENT_NAME = "26000",
    /// 34000: no such cursor or portal.
    INVALID_CURSOR_NAME = "34000",
    /// 42P03: the cursor exists already.
    DUPLICATE_CURSOR = "42P03",
    /// 42P05: the prepared statement exists already.
    DUPLICATE_PREPARED_STATEMENT = "42P05",
    /// 28P01: wrong password.
    INVALID_PASSWORD = "28P01",
    /// 28000: this user may not come in.
    INVALID_AUTHORIZATION = "28000",
    /// 42501: no right to do this.
    INSUFFICIENT_PRIVILEGE = "42501",
    /// 2BP01: something else depends on it.
    DEPENDENT_OBJECTS_STILL_EXIST = "2BP01",
    /// 23502: a null where none may be.
    NOT_NULL_VIOLATION = "23502",
    /// 23505: a key that is there already.
    UNIQUE_VIOLATION = "23505",
    /// 53200: out of memory.
    OUT_OF_MEMORY = "53200",
    /// 53300: too many connections.
    TOO_MANY_CONNECTIONS = "53300",
    /// 53400: a limit that was set for a source.
    CONFIGURATION_LIMIT_EXCEEDED = "53400",
    /// 54001: a statement nested too deeply.
    STATEMENT_TOO_COMPLEX = "54001",
    /// 55000: not in this state.
    OBJECT_NOT_IN_PREREQUISITE_STATE = "55000",
    /// 57014: cancelled, or timed out.
    QUERY_CANCELED = "57014",
    /// 57P01: the server is stopping.
    ADMIN_SHUTDOWN = "57P01",
    /// 58030: the disk or the network failed under us.
    IO_ERROR = "58030",
    /// 58P01: no such file.
    UNDEFINED_FILE = "58P01",
    /// 08006: the source is down, or the connection to it failed.
    CONNECTION_FAILURE = "08006",
    /// 08P01: a message that the protocol does not allow here.
    PROTOCOL_VIOLATION = "08P01",
    /// HV000: the source answered with an error of its own.
    FDW_ERROR = "HV000",
    /// HV00D: an option that this kind of source does not know.
    FDW_INVALID_OPTION_NAME = "HV00D",
    /// HV00N: the option's value cannot be used.
    FDW_INVALID_ATTRIBUTE_VALUE = "HV00N",
    /// HV005: the source has no such column.
    FDW_COLUMN_NAME_NOT_FOUND = "HV005",
    /// HV00R: the source has no such table.
    FDW_TABLE_NOT_FOUND = "HV00R",
    /// HV004: a value of the source that its mapped type cannot hold.
    FDW_INVALID_DATA_TYPE = "HV004",
    /// F0000: the configuration is wrong.
    CONFIG_FILE_ERROR = "F0000",
    /// XX000: a mistake of ours.
    INTERNAL_ERROR = "XX000",
}

impl SqlState {
    /// The code that a source's own error has, as its server gave it; HV000 for what is no SQLSTATE.
    pub fn of_source(code: &str) -> SqlState {
        /// The codes of servers that are not among ours. There are few; what is beyond is not told apart.
        static OTHERS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
        const MOST: usize = 1000;
        if let Some(known) = SqlState::ALL.iter().find(|known| known.0 == code) {
            return *known;
        }
        // A code of success, or of a warning, would be no error.
        let is_code = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if !is_code || ["00", "01", "02"].iter().any(|class| code.starts_with(class)) {
            return SqlState::FDW_ERROR;
        }
        let mut others = OTHERS.lock();
        match others.get(code) {
            Some(known) => SqlState(known),
            None if others.len() < MOST => {
                let kept: &'static str = code.to_string().leak();
                others.insert(kept);
                SqlState(kept)
            }
            None => SqlState::FDW_ERROR,
        }
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Where in the SQL files a statement stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file, as the user named its folder.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The offending line, without its line end.
    pub text: String,
}

/// What failed, and how to mend it.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    state: SqlState,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    context: Option<String>,
    position: Option<usize>,
    line_column: Option<(usize, usize)>,
    location: Option<Location>,
    subject: Option<Subject>,
    fault: Option<Fault>,
}

/// What a constraint that was violated belongs to; drivers show it apart from the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The column that may not be null.
    pub column: Option<String>,
    /// The constraint, where it has a name.
    pub constraint: Option<String>,
}

impl Error {
    /// An error with a primary message: lower case, no full stop, naming the object.
    pub fn new(state: SqlState, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            state,
            message: message.into(),
            detail: None,
            hint: None,
            context: None,
            position: None,
            line_column: None,
            location: None,
            subject: None,
            fault: None,
        }))
    }

    /// Known to Postgres, refused here.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(SqlState::FEATURE_NOT_SUPPORTED, message)
    }

    /// A mistake of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(SqlState::INTERNAL_ERROR, message)
    }

    /// A statement that does not parse; `position` counts characters from 1.
    pub fn syntax(message: impl Into<String>, position: Option<usize>) -> Self {
        let mut error = Self::new(SqlState::SYNTAX_ERROR, message);
        error.0.position = position;
        error
    }

    /// Adds whole sentences that say more.
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// The error as it is told to who may not know where servers are, and as whom they are logged in on: in the detail of
    /// what could not be reached stand hosts and paths, and in the reasons of servers the names of users.
    #[must_use]
    pub fn without_whereabouts(mut self) -> Self {
        const REACHING: [SqlState; 6] = [
            SqlState::CONNECTION_FAILURE,
            SqlState::TOO_MANY_CONNECTIONS,
            SqlState::IO_ERROR,
            SqlState::UNDEFINED_FILE,
            SqlState::INVALID_AUTHORIZATION,
            SqlState::FDW_INVALID_ATTRIBUTE_VALUE,
        ];
        if !REACHING.contains(&self.0.state) {
            return self;
        }
        self.0.detail = None;
        const TRIED: &str = ": could not connect";
        if let Some(at) = self.0.message.find(TRIED) {
            let end = at + TRIED.len();
            if self.0.message.get(end..).is_some_and(|why| why.contains(['"', '\''])) {
                self.0.message.truncate(end);
            }
        }
        self
    }

    /// Says what the violated constraint belongs to.
    pub fn with_subject(mut self, subject: Subject) -> Self {
        self.0.subject = Some(subject);
        self
    }

    /// What the violated constraint belongs to.
    pub fn subject(&self) -> Option<&Subject> {
        self.0.subject.as_ref()
    }

    /// Says what trouble the source is in.
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.0.fault = Some(fault);
        self
    }

    /// What trouble a source is in, where it was a source that failed.
    pub fn fault(&self) -> Option<Fault> {
        self.0.fault.or((self.0.state == SqlState::CONNECTION_FAILURE).then_some(Fault::Lost))
    }

    /// Adds whole sentences that say what to do.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds what was being done: the server, the table, the view.
    pub fn with_context(mut self, context: impl Into<String>) -> Self {
        let context = context.into();
        self.0.context = Some(match self.0.context.take() {
            Some(inner) => format!("{inner}\n{context}"),
            None => context,
        });
        self
    }

    /// Says where in the statement it is: a 1-based character offset.
    pub fn with_position(mut self, position: Option<usize>) -> Self {
        self.0.position = position;
        self
    }

    /// Says where in the statement it is, as the parser counts: line and column from 1. [`Error::located_in`]
    /// makes a position of it.
    pub fn with_line_column(mut self, line: usize, column: usize) -> Self {
        if line > 0 && column > 0 {
            self.0.line_column = Some((line, column));
        }
        self
    }

    /// Makes the position from line and column, given the text that was parsed.
    pub fn located_in(mut self, text: &str) -> Self {
        if let Some((line, column)) = self.0.line_column.take()
            && self.0.position.is_none()
        {
            let before: usize = text.split_inclusive('\n').take(line - 1).map(|l| l.chars().count()).sum();
            self.0.position = Some((before + column).min(text.chars().count() + 1));
        }
        self
    }

    /// Moves the position by the characters that stand before the statement.
    pub fn shifted(mut self, characters: usize) -> Self {
        self.0.position = self.0.position.map(|position| position + characters);
        self
    }

    /// Says where in the files it is.
    pub fn with_location(mut self, location: Location) -> Self {
        self.0.location.get_or_insert(location);
        self
    }

    /// The SQLSTATE.
    pub fn state(&self) -> SqlState {
        self.0.state
    }

    /// The primary message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// More about what happened.
    pub fn detail(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What was being done.
    pub fn context(&self) -> Option<&str> {
        self.0.context.as_deref()
    }

    /// 1-based character offset in the statement.
    pub fn position(&self) -> Option<usize> {
        self.0.position
    }

    /// Where in the SQL files.
    pub fn location(&self) -> Option<&Location> {
        self.0.location.as_ref()
    }

    /// The whole error for a person at a terminal: `file:line:column`, the line, a caret, detail and hint.
    pub fn report(&self) -> String {
        let mut out = String::new();
        if let Some(at) = self.location() {
            out.push_str(&format!("{}:{}:{}: ", at.file, at.line, at.column));
        }
        out.push_str(&format!("error[{}]: {}", self.state(), self.message()));
        if let Some(at) = self.location()
            && !at.text.is_empty()
        {
            let margin = at.line.to_string();
            // A tab keeps its width under the line, so that the caret stands under its character.
            let indent: String =
                at.text.chars().take(at.column.saturating_sub(1)).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            out.push_str(&format!("\n{margin} | {}\n{} | {indent}^", at.text, " ".repeat(margin.len())));
        }
        for (label, text) in [("detail", self.detail()), ("hint", self.hint()), ("context", self.context())] {
            if let Some(text) = text {
                out.push_str(&format!("\n{label}: {text}"));
            }
        }
        out
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Error {}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_server_is_stays_untold() {
        let told = |state: SqlState, message: &str| {
            let error =
                Error::new(state, message).with_detail("The server is at host db, port 1.").without_whereabouts();
            (error.message().to_string(), error.detail().map(str::to_string))
        };
        let refused = "server \"a\": could not connect: password authentication failed for user \"x\"";
        assert_eq!(told(SqlState::CONNECTION_FAILURE, refused), ("server \"a\": could not connect".to_string(), None));
        let closed = "server \"a\": could not connect: connection refused";
        assert_eq!(told(SqlState::CONNECTION_FAILURE, closed), (closed.to_string(), None));
        let other = told(SqlState::UNDEFINED_COLUMN, "column \"a\" does not exist");
        assert!(other.1.is_some());
    }
}
