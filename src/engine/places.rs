//! Where in a statement an error is that says what it is about and not where: psql puts its caret there.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use crate::catalog::types::PgType;
use crate::ddl::statement::{Statement, StatementKind};
use crate::error::{Error, SqlState};

/// How many tokens the name of a type has, at the most.
const LONGEST_TYPE: usize = 8;

/// What is looked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    Name(&'a str),
    Literal(&'a str),
    Parameter(&'a str),
    /// A cast to a type, by the name that errors have for it.
    Cast(&'a str),
}

/// The error with its position, where it names what stands in the statement exactly once. Only for errors of planning: a
/// value that a table holds has no place.
pub(super) fn placed(error: Error, statement: &Statement) -> Error {
    if error.position().is_some() || error.context().is_some() || !matches!(statement.kind, StatementKind::Plan(_)) {
        return error;
    }
    let Some(place) = wanted(&error).and_then(|wanted| place(&statement.text, &wanted)) else { return error };
    error.with_position(Some(place + statement.offset))
}

fn wanted(error: &Error) -> Option<Wanted<'_>> {
    let message = error.message();
    let named = |kind: &str| {
        let name = message.strip_prefix(kind)?.strip_prefix(" \"")?.split('"').next()?;
        (!name.is_empty() && !name.contains('.')).then_some(Wanted::Name(name))
    };
    match error.state() {
        SqlState::UNDEFINED_OBJECT => named("type"),
        SqlState::UNDEFINED_COLUMN => named("column"),
        SqlState::UNDEFINED_TABLE => named("relation"),
        SqlState("42846") => message.rsplit_once(" to ").map(|(_, to)| Wanted::Cast(to)),
        SqlState("42P02") => message.strip_prefix("there is no parameter ").map(Wanted::Parameter),
        SqlState("22P02" | "22007" | "22008") => {
            let (_, value) = message.split_once(": \"")?;
            value.strip_suffix('"').map(Wanted::Literal)
        }
        _ => None,
    }
}

/// The position of the only token that is meant, from 1 in characters.
fn place(text: &str, wanted: &Wanted<'_>) -> Option<usize> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().ok()?;
    let mut found = tokens.iter().enumerate().filter(|(at, token)| match (wanted, &token.token) {
        (Wanted::Name(name), Token::Word(word)) if word.quote_style.is_some() => word.value == *name,
        (Wanted::Name(name), Token::Word(word)) => word.value.eq_ignore_ascii_case(name),
        (Wanted::Literal(value), Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text)) => text == value,
        (Wanted::Parameter(name), Token::Placeholder(text)) => text == name,
        (Wanted::Cast(to), _) => cast_type(&tokens, *at).is_some_and(|kind| kind.base_name() == *to),
        _ => false,
    });
    let ((_, first), None) = (found.next()?, found.next()) else { return None };
    let (line, column) = (first.span.start.line as usize, first.span.start.column as usize);
    let before: usize = text.split_inclusive('\n').take(line.checked_sub(1)?).map(|line| line.chars().count()).sum();
    Some(before + column)
}

/// The type that a value is cast to, where `::` or `CAST` stands at a place in the tokens.
fn cast_type(tokens: &[TokenWithSpan], at: usize) -> Option<PgType> {
    let is = |token: &Token, word: &str| matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word));
    let rest = tokens.get(at + 1..)?;
    let from = match &tokens.get(at)?.token {
        Token::DoubleColon => rest,
        word if is(word, "cast") => {
            // The AS of this cast, and not of one within it.
            let mut depth = 0_i32;
            let as_at = rest.iter().position(|token| {
                match token.token {
                    Token::LParen => depth += 1,
                    Token::RParen => depth -= 1,
                    _ => {}
                }
                depth == 1 && is(&token.token, "as")
            })?;
            rest.get(as_at + 1..)?
        }
        _ => return None,
    };
    let parts: Vec<String> = from
        .iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .take(LONGEST_TYPE)
        .map(|token| match &token.token {
            Token::Word(word) => format!(" {word}"),
            other => other.to_string(),
        })
        .collect();
    // The longest name that is one: `time` begins `time without time zone`.
    (1..=parts.len()).rev().find_map(|count| PgType::parse(&parts.get(..count)?.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::script;

    #[test]
    fn what_stands_there_once_has_a_place() {
        let error = |state: &'static str, message: &str| Error::new(SqlState(state), message);
        for (sql, error, position) in [
            ("SELECT 'a'::nope", error("42704", "type \"nope\" does not exist"), Some(13)),
            ("SELECT NOPE(1), '张'::nope", error("42704", "type \"nope\" does not exist"), None),
            ("UPDATE zz SET\n \"C\" = 1", error("42703", "column \"C\" of relation \"zz\" does not exist"), Some(16)),
            ("INSERT INTO Nope VALUES (1)", error("42P01", "relation \"nope\" does not exist"), Some(13)),
            ("INSERT INTO a.b VALUES (1)", error("42P01", "relation \"a.b\" does not exist"), None),
            ("SELECT '张' || 'x'::int", error("22P02", "invalid input syntax for type integer: \"x\""), Some(15)),
            ("SELECT 'x'::int, 'x'", error("22P02", "invalid input syntax for type integer: \"x\""), None),
            ("SELECT a::int", error("22P02", "invalid input syntax for type integer: \"x\""), None),
            ("SELECT $1", error("42P02", "there is no parameter $1"), Some(8)),
            ("SELECT d::int, 'x'::date", error("42846", "cannot cast type date to integer"), Some(9)),
            ("SELECT CAST(CAST(a AS int) AS date)", error("42846", "cannot cast type integer to date"), Some(8)),
            ("SELECT d::numeric(10,2) AS n", error("42846", "cannot cast type date to numeric"), Some(9)),
            ("SELECT a::int[]", error("42846", "cannot cast type text to integer[]"), Some(9)),
            ("SELECT a::int, b::int", error("42846", "cannot cast type date to integer"), None),
            ("SELECT 1", error("22012", "division by zero"), None),
            ("SELECT 'x'", error("22P02", "invalid input syntax for type json"), None),
        ] {
            let Some(statement) = script::parse(sql).unwrap().pop() else { panic!("{sql}") };
            assert_eq!(placed(error, &statement).position(), position, "{sql}");
        }
        let second = script::parse("SELECT 1; SELECT 'a'::nope").unwrap().pop().unwrap();
        assert_eq!(placed(error("42704", "type \"nope\" does not exist"), &second).position(), Some(23));
        let known = error("42704", "type \"nope\" does not exist").with_position(Some(2));
        assert_eq!(placed(known, &second).position(), Some(2));
    }
}
