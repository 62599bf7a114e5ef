//! The little that must be known of a statement in a source's own language.

use crate::error::{Error, Result, SqlState};

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
}
