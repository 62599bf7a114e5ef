//! CREATE [OR REPLACE] RULE .. ON .. CHECK (..), DROP RULE.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::{Ddl, Rule};
use crate::catalog::rule::Severity;
use crate::error::{Error, Result, SqlState};

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["CREATE", "RULE"]) {
        return create(cursor, false).map(Some);
    }
    if cursor.take(&["CREATE", "OR", "REPLACE", "RULE"]) {
        return create(cursor, true).map(Some);
    }
    if cursor.take(&["DROP", "RULE"]) {
        let if_exists = cursor.if_exists();
        let name = cursor.identifier()?;
        cursor.expect(&["ON"])?;
        let relation = cursor.name()?;
        // Nothing depends on a rule.
        cursor.cascade();
        return Ok(Some(Ddl::DropRule { name, relation, if_exists }));
    }
    Ok(None)
}

fn create(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<Ddl> {
    let name = cursor.identifier()?;
    if cursor.looking_at(&["AS"]) {
        return Err(Error::unsupported("CREATE RULE .. AS ON .. DO is not supported")
            .with_hint("What rows are to be is said with CREATE RULE name ON relation CHECK (expression).")
            .with_position(Some(1)));
    }
    cursor.expect(&["ON"])?;
    let relation = cursor.name()?;
    cursor.expect(&["CHECK"])?;
    let (check, check_offset) = expression(cursor)?;
    let mut rule = Rule { name, relation, check, check_offset, severity: Severity::Error, trust: None, message: None };
    if cursor.take(&["WITH"]) {
        options(cursor, &mut rule)?;
    }
    Ok(Ddl::CreateRule { rule, or_replace })
}

/// What stands in the parentheses, and how many characters of the statement stand before it.
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Result<(String, usize)> {
    cursor.expect_token(&Token::LParen)?;
    let start = cursor.offset();
    let mut depth = 0usize;
    loop {
        match cursor.peek(0) {
            Some(Token::LParen) => depth += 1,
            Some(Token::RParen) if depth == 0 => break,
            Some(Token::RParen) => depth -= 1,
            Some(_) => {}
            None => return Err(cursor.unexpected(")")),
        }
        cursor.advance();
    }
    let end = cursor.end_of_last();
    let text: String = cursor.text.chars().skip(start).take(end.saturating_sub(start)).collect();
    if text.is_empty() {
        return Err(cursor.unexpected("an expression"));
    }
    cursor.expect_token(&Token::RParen)?;
    Ok((text, start))
}

/// `(severity = 'warning', trust = 0.5, message = '..')`
fn options(cursor: &mut Cursor<'_>, rule: &mut Rule) -> Result<()> {
    cursor.parameters("A rule has severity, trust and message.", |cursor, name| {
        match name {
            "severity" => rule.severity = severity(&cursor.string()?)?,
            "trust" => rule.trust = Some(trust(&cursor.number()?)?),
            "message" => rule.message = Some(cursor.string()?),
            _ => return Ok(false),
        }
        Ok(true)
    })
}

fn severity(word: &str) -> Result<Severity> {
    [Severity::Error, Severity::Warning].into_iter().find(|severity| severity.word() == word).ok_or_else(|| {
        Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for severity: \"{word}\""))
            .with_hint("It is 'error' or 'warning'.")
    })
}

/// A number from 0 to 1.
fn trust(text: &str) -> Result<f64> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| {
        Error::new(SqlState::INVALID_PARAMETER_VALUE, "trust must be a number from 0 to 1")
            .with_hint("It is what a broken rule leaves of the trust in a row: 0 is nothing, 1 is all.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    fn parsed(sql: &str) -> Result<Ddl> {
        match script::parse(sql)?.remove(0).kind {
            StatementKind::Ddl(ddl) => Ok(*ddl),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rules_are_read() {
        let sql = "CREATE OR REPLACE RULE \"Ad ı\" ON clean.\"Person\" CHECK ( (a > 1) AND b <> ')' ) \
                   WITH (severity = 'warning', trust = 0.5, message = 'ad''ı')";
        let Ddl::CreateRule { rule, or_replace: true } = parsed(sql).unwrap() else { panic!() };
        assert_eq!((rule.name.as_str(), rule.check.as_str()), ("Ad ı", "(a > 1) AND b <> ')'"));
        assert!(sql.chars().skip(rule.check_offset).collect::<String>().starts_with("(a > 1)"));
        assert_eq!(rule.relation.shown(), "clean.Person");
        assert_eq!((rule.severity, rule.trust), (Severity::Warning, Some(0.5)));
        assert_eq!(rule.message.as_deref(), Some("ad'ı"));
        let Ddl::CreateRule { rule, or_replace: false } = parsed("create rule r on t check (x)").unwrap() else {
            panic!()
        };
        assert_eq!((rule.severity, rule.trust, rule.message), (Severity::Error, None, None));
        let Ddl::DropRule { name, if_exists: true, .. } = parsed("DROP RULE IF EXISTS r ON t CASCADE").unwrap() else {
            panic!()
        };
        assert_eq!(name, "r");
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for (sql, state, position) in [
            ("CREATE RULE r AS ON INSERT TO t DO NOTHING", SqlState::FEATURE_NOT_SUPPORTED, 1),
            ("CREATE RULE r ON t CHECK ()", SqlState::SYNTAX_ERROR, 27),
            ("CREATE RULE r ON t CHECK (a", SqlState::SYNTAX_ERROR, 28),
            ("CREATE RULE r ON t", SqlState::SYNTAX_ERROR, 19),
            ("CREATE RULE r ON t CHECK (a) WITH (trust = 1.5)", SqlState::INVALID_PARAMETER_VALUE, 44),
            ("CREATE RULE r ON t CHECK (a) WITH (trust = -1)", SqlState::INVALID_PARAMETER_VALUE, 44),
            ("CREATE RULE r ON t CHECK (a) WITH (trust = 'NaN')", SqlState::INVALID_PARAMETER_VALUE, 44),
            ("CREATE RULE r ON t CHECK (a) WITH (severity = 'x')", SqlState::INVALID_PARAMETER_VALUE, 47),
            ("CREATE RULE r ON t CHECK (a) WITH (colour = 'x')", SqlState::INVALID_PARAMETER_VALUE, 36),
            ("CREATE RULE r ON t CHECK (a) WITH (trust = 1, trust = 0)", SqlState::SYNTAX_ERROR, 47),
            ("CREATE RULE r ON t CHECK (a) x", SqlState::SYNTAX_ERROR, 30),
        ] {
            let error = parsed(sql).unwrap_err();
            assert_eq!((error.state(), error.position()), (state, Some(position)), "{sql}: {}", error.message());
        }
    }
}
