//! The little that must be known of a statement in a source's own language.

use super::options::{OptionPlace, OptionSpec, Options, invalid};
use crate::error::{Error, Result, SqlState};

/// What may be sent to a server as it is written: its option `raw_queries`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RawQueries {
    /// Nothing.
    Off,
    /// Statements that read, in a transaction that cannot write.
    #[default]
    Read,
    /// Every statement that gives rows.
    Write,
}

impl RawQueries {
    /// The option, for kinds that can write.
    pub const OPTION: OptionSpec = OptionSpec {
        doc: "What remote_query() may send: off, read (in a read-only transaction) or write.",
        ..RawQueries::READING_OPTION
    };

    /// The option, for kinds that only ever read.
    pub const READING_OPTION: OptionSpec = OptionSpec {
        name: "raw_queries",
        place: OptionPlace::Server,
        secret: false,
        default: "read",
        doc: "What remote_query() may send: off or read.",
    };

    /// Reads the option; HV00N for a value that it cannot have.
    pub fn of(options: &Options, may_write: bool) -> Result<RawQueries> {
        match options.get("raw_queries").map(|value| value.trim().to_ascii_lowercase()).as_deref() {
            None => Ok(RawQueries::default()),
            Some("off") => Ok(RawQueries::Off),
            Some("read") => Ok(RawQueries::Read),
            Some("write") if may_write => Ok(RawQueries::Write),
            Some(_) => {
                let values = if may_write { "'off', 'read' or 'write'" } else { "'off' or 'read'" };
                Err(invalid("raw_queries", "is no kind of permission").with_hint(format!("Use {values}.")))
            }
        }
    }

    /// Refuses a raw query where the server takes none (42501).
    pub fn check(self, server: &str) -> Result<()> {
        match self {
            RawQueries::Off => {
                Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("server \"{server}\" takes no raw queries"))
                    .with_hint("Its option raw_queries is 'off'."))
            }
            RawQueries::Read | RawQueries::Write => Ok(()),
        }
    }

    /// Whether it is more than reading.
    pub fn writes(self) -> bool {
        self == RawQueries::Write
    }
}

/// A raw query that gives nothing to read (0A000).
pub fn without_columns(server: &str) -> Error {
    Error::unsupported(format!("server \"{server}\": a raw query must give columns"))
        .with_hint("Send a SELECT, or a statement with RETURNING.")
}

/// A raw query with placeholders, for which there are no values (42P02).
pub fn with_parameters(server: &str) -> Error {
    Error::new(SqlState::UNDEFINED_PARAMETER, format!("server \"{server}\": a raw query cannot have parameters"))
}

/// A raw query whose columns are no longer those that it was planned with.
pub fn changed(server: &str) -> Error {
    Error::new(
        SqlState::FDW_INVALID_DATA_TYPE,
        format!("server \"{server}\": the columns of a raw query changed after it was planned"),
    )
    .with_hint("Run the statement again.")
}

/// Refuses a statement that does not begin with one of `words`, which are upper case and only ever read (25006).
pub fn require_reading(query: &str, words: &[&str]) -> Result<()> {
    let first = first_word(query);
    if words.iter().any(|word| first.eq_ignore_ascii_case(word)) {
        return Ok(());
    }
    Err(Error::new(SqlState::READ_ONLY_SQL_TRANSACTION, "only statements that read may be sent to a source")
        .with_hint(format!("The statement must begin with one of: {}.", words.join(", "))))
}

/// The first word of a statement, behind white space, opening parentheses and comments; empty when there is none. A
/// comment that begins with `/*!` or `/*M!` counts as code, as MySQL and MariaDB have it.
fn first_word(query: &str) -> &str {
    let mut rest = query;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        let after = if rest.starts_with("--") || rest.starts_with('#') {
            rest.split_once('\n').map(|(_, after)| after)
        } else if rest.starts_with("/*") && !rest.starts_with("/*!") && !rest.starts_with("/*M!") {
            rest.split_once("*/").map(|(_, after)| after)
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            return rest.get(..end).unwrap_or("");
        };
        rest = after.unwrap_or("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_word() {
        assert_eq!(first_word(" -- delete\n /* drop */ (select 1)"), "select");
        assert_eq!(first_word("/*! delete */ select 1"), "");
        assert_eq!(first_word("-- only a comment"), "");
        assert!(require_reading("WITH x AS (SELECT 1) SELECT * FROM x", &["SELECT", "WITH"]).is_ok());
        assert_eq!(
            require_reading("drop table t", &["SELECT"]).unwrap_err().state(),
            SqlState::READ_ONLY_SQL_TRANSACTION
        );
    }

    #[test]
    fn what_a_server_takes() {
        let of = |value: &str, may_write| RawQueries::of(&[("raw_queries", value)].into_iter().collect(), may_write);
        assert_eq!(RawQueries::of(&Options::new(), true).unwrap(), RawQueries::Read);
        assert_eq!(of("WRITE", true).unwrap(), RawQueries::Write);
        assert_eq!(of("write", false).unwrap_err().state(), SqlState::FDW_INVALID_ATTRIBUTE_VALUE);
        assert_eq!(of("no", true).unwrap_err().state(), SqlState::FDW_INVALID_ATTRIBUTE_VALUE);
        assert_eq!(of("off", false).unwrap().check("s").unwrap_err().state(), SqlState::INSUFFICIENT_PRIVILEGE);
    }
}
