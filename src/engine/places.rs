//! Where in a statement an error is that says what it is about and not where: psql puts its caret there.

mod tree;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use self::tree::Part;
use crate::catalog::types::PgType;
use crate::ddl::script;
use crate::ddl::statement::{Statement, StatementKind};
use crate::error::{Error, SqlState};

pub(super) use self::tree::start;

/// How many tokens the name of a type has, at the most.
const LONGEST_TYPE: usize = 8;

/// What is looked for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    Name(&'a str),
    /// A relation's name, or the literal that is cast to `regclass`.
    Relation(&'a str),
    Literal(&'a str),
    Parameter(&'a str),
    /// The name of a function that is called.
    Call(&'a str),
    Operator(&'a str),
    /// A cast to a type, by the name that errors have for it.
    Cast(&'a str),
    /// The name of a window after OVER.
    Window(&'a str),
    Part(Part<'a>),
}

impl Wanted<'_> {
    /// Whether the planner says another place: of an operator the beginning of what is on its left, of a UNION itself.
    fn is_elsewhere(&self) -> bool {
        matches!(self, Wanted::Operator(_) | Wanted::Part(Part::Branch))
    }
}

/// The error with its position, where it names what stands in the statement exactly once. Only for errors of planning: a
/// value that a table holds has no place.
pub(super) fn placed(error: Error, statement: &Statement) -> Error {
    if error.context().is_some() || !matches!(statement.kind, StatementKind::Plan(_)) {
        return error;
    }
    if error.position().is_none() {
        let located = error.located_in(&statement.text);
        if located.position().is_some() {
            return located.shifted(statement.offset);
        }
        return match wanted(&located).and_then(|wanted| place(&statement.text, &wanted)) {
            Some(place) => located.with_position(Some(place + statement.offset)),
            None => located,
        };
    }
    match wanted(&error).filter(Wanted::is_elsewhere).map(|wanted| place(&statement.text, &wanted)) {
        Some(place) => error.with_position(place.map(|place| place + statement.offset)),
        None => error,
    }
}

fn wanted(error: &Error) -> Option<Wanted<'_>> {
    let message = error.message();
    let quoted = |before: &str| {
        let name = message.strip_prefix(before)?.strip_prefix('"')?.split('"').next()?;
        (!name.is_empty()).then_some(name)
    };
    let named = |before: &str| quoted(before).filter(|name| !name.contains('.')).map(Wanted::Name);
    let number = |clause: &str| message.strip_prefix(clause)?.strip_suffix(" is not in select list");
    let part = |part: Part<'static>| Some(Wanted::Part(part));
    match error.state() {
        SqlState::UNDEFINED_OBJECT => quoted("window ").map(Wanted::Window).or_else(|| named("type ")),
        SqlState::UNDEFINED_COLUMN => named("column "),
        SqlState::UNDEFINED_TABLE => match quoted("missing FROM-clause entry for table ") {
            Some(name) => Some(Wanted::Part(Part::Star(name))),
            None => quoted("relation ").filter(|name| !name.contains('.')).map(Wanted::Relation),
        },
        SqlState("42P02") => message.strip_prefix("there is no parameter ").map(Wanted::Parameter),
        SqlState("22P02" | "22007" | "22008") => {
            let (_, value) = message.split_once(": \"")?;
            value.strip_suffix('"').map(Wanted::Literal)
        }
        SqlState::UNDEFINED_FUNCTION => match message.strip_prefix("operator does not exist: ") {
            Some(types) => operator(types).map(Wanted::Operator),
            None => {
                let rest = message.strip_prefix("function ")?;
                let name = rest.split(['(', ' ']).next()?;
                (!name.contains('.')).then_some(Wanted::Call(name))
            }
        },
        SqlState::DATATYPE_MISMATCH => {
            match message.strip_prefix("argument of ")?.split(" must be type boolean").next()? {
                "WHERE" => part(Part::Where),
                "HAVING" => part(Part::Having),
                "FILTER" => part(Part::Filter),
                "CASE/WHEN" => part(Part::When),
                "JOIN/ON" => part(Part::On),
                _ => None,
            }
        }
        SqlState("42846") => message.rsplit_once(" to ").map(|(_, to)| Wanted::Cast(to)),
        SqlState::GROUPING_ERROR => match message {
            "aggregate functions are not allowed in WHERE" => part(Part::AggregateInWhere),
            "aggregate function calls cannot be nested" => part(Part::AggregateInAggregate),
            _ => None,
        },
        SqlState::INVALID_COLUMN_REFERENCE => match (number("ORDER BY position "), number("GROUP BY position ")) {
            (Some(number), _) => Some(Wanted::Part(Part::OrderNumber(number))),
            (_, Some(number)) => Some(Wanted::Part(Part::GroupNumber(number))),
            _ if message.starts_with("for SELECT DISTINCT, ORDER BY") => part(Part::Order),
            _ => None,
        },
        SqlState::DUPLICATE_COLUMN => message
            .ends_with(" specified more than once")
            .then(|| quoted("column "))
            .flatten()
            .map(Part::Twice)
            .map(Wanted::Part),
        SqlState::SYNTAX_ERROR => match message {
            "VALUES lists must all be the same length" => part(Part::Row),
            "INSERT has more target columns than expressions" => part(Part::Unfilled),
            _ if message.starts_with("each ") && message.ends_with(" query must have the same number of columns") => {
                part(Part::Branch)
            }
            _ => None,
        },
        _ => None,
    }
}

/// The operator between two types, or before one.
fn operator(types: &str) -> Option<&str> {
    let is_operator = |word: &&str| word.chars().all(|c| "+-*/<>=~!@#%^&|`?".contains(c));
    types.split(' ').find(is_operator)
}

/// The position of the only one that is meant, from 1 in characters.
fn place(text: &str, wanted: &Wanted<'_>) -> Option<usize> {
    let location = match wanted {
        Wanted::Part(part) => {
            let StatementKind::Plan(parsed) = script::parse(text).ok()?.pop()?.kind else { return None };
            tree::place(&parsed, *part)?
        }
        wanted => token(text, wanted)?,
    };
    let Location { line, column } = location;
    let (line, column) = (usize::try_from(line).ok()?, usize::try_from(column).ok()?);
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
        .take(LONGEST_TYPE)
        .map(|token| match &token.token {
            Token::Word(word) => format!(" {word}"),
            other => other.to_string(),
        })
        .collect();
    // The longest name that is one: `time` begins `time without time zone`.
    (1..=parts.len()).rev().find_map(|count| PgType::parse(&parts.get(..count)?.concat()))
}

/// The only token that is meant.
fn token(text: &str, wanted: &Wanted<'_>) -> Option<Location> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text).tokenize_with_location().ok()?;
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let only = |is_meant: &dyn Fn(usize, &Token) -> bool| {
        let mut found = tokens.iter().enumerate().filter(|(at, token)| is_meant(*at, &token.token));
        let (first, None) = (found.next()?, found.next()) else { return None };
        Some(first.1.span.start)
    };
    let is_word = |token: &Token, name: &str| match token {
        Token::Word(word) if word.quote_style.is_some() => word.value == name,
        Token::Word(word) => word.value.eq_ignore_ascii_case(name),
        _ => false,
    };
    let is_literal = |token: &Token, value: &str| match token {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text == value,
        _ => false,
    };
    match wanted {
        Wanted::Name(name) => only(&|_, token| is_word(token, name)),
        Wanted::Relation(name) => {
            only(&|_, token| is_word(token, name)).or_else(|| only(&|_, token| is_literal(token, name)))
        }
        Wanted::Literal(value) => only(&|_, token| is_literal(token, value)),
        Wanted::Parameter(name) => only(&|_, token| matches!(token, Token::Placeholder(text) if text == name)),
        Wanted::Call(name) => only(&|at, token| {
            is_word(token, name) && tokens.get(at + 1).is_some_and(|next| next.token == Token::LParen)
        }),
        Wanted::Window(name) => only(&|at, token| {
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            is_word(token, name) && before.is_some_and(|before| is_word(&before.token, "over"))
        }),
        Wanted::Cast(to) => only(&|at, _| cast_type(&tokens, at).is_some_and(|kind| kind.base_name() == *to)),
        Wanted::Operator(op) => {
            let is_written = |token: &Token| match token {
                Token::Word(_) => false,
                token => token.to_string() == *op || *op == "<>" && *token == Token::Neq,
            };
            let any = tokens.iter().any(|token| is_written(&token.token));
            // `IN` compares without saying so, and `LIKE` is an operator by a name of its own.
            let word = match *op {
                "=" => "in",
                "~~" => "like",
                "~~*" => "ilike",
                _ => "",
            };
            only(&|_, token| if any { is_written(token) } else { is_word(token, word) })
        }
        Wanted::Part(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::script;

    #[test]
    fn what_stands_there_once_has_a_place() {
        let error = |state: &'static str, message: &str| Error::new(SqlState(state), message);
        // Where PostgreSQL has them, but for those that stand there more than once.
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
            ("SELECT 1, upper (1, 2)", error("42883", "function upper(integer, integer) does not exist"), Some(11)),
            ("SELECT upper(1), upper(a)", error("42883", "function upper(integer) does not exist"), None),
            ("SELECT a + b FROM t", error("42883", "operator does not exist: integer + text"), Some(10)),
            ("SELECT a + b + c", error("42883", "operator does not exist: integer + text"), None),
            ("SELECT a IN (b)", error("42883", "operator does not exist: integer = text"), Some(10)),
            ("SELECT b NOT LIKE 1", error("42883", "operator does not exist: text ~~ integer"), Some(14)),
            ("SELECT - b", error("42883", "operator does not exist: - text"), Some(8)),
            ("SELECT 'x'::regclass", error("42P01", "relation \"x\" does not exist"), Some(8)),
            ("SELECT sum(a) OVER w", error("42704", "window \"w\" does not exist"), Some(20)),
            (
                "SELECT a FROM t WHERE (t.b)",
                error("42804", "argument of WHERE must be type boolean, not type text"),
                Some(24),
            ),
            (
                "SELECT a FROM t WHERE b AND EXISTS (SELECT 1 FROM u WHERE c)",
                error("42804", "argument of WHERE must be type boolean, not type text"),
                None,
            ),
            (
                "SELECT CASE WHEN a THEN 1 END",
                error("42804", "argument of CASE/WHEN must be type boolean, not type integer"),
                Some(18),
            ),
            (
                "SELECT a FROM t WHERE 1 < count(*)",
                error("42803", "aggregate functions are not allowed in WHERE"),
                Some(27),
            ),
            ("SELECT 1, a::date FROM t", error("42846", "cannot cast type integer to date"), Some(12)),
            ("SELECT CAST(a AS date)", error("42846", "cannot cast type integer to date"), Some(8)),
            ("SELECT a::date::int", error("42846", "cannot cast type date to integer"), Some(15)),
            ("SELECT sum(count(*))", error("42803", "aggregate function calls cannot be nested"), Some(12)),
            ("SELECT a FROM t ORDER BY 5", error("42P10", "ORDER BY position 5 is not in select list"), Some(26)),
            ("SELECT a FROM t GROUP BY 5", error("42P10", "GROUP BY position 5 is not in select list"), Some(26)),
            (
                "SELECT a FROM t UNION SELECT a, b FROM t",
                error("42601", "each UNION query must have the same number of columns").with_position(Some(1)),
                Some(30),
            ),
            ("VALUES (1), (2, 3)", error("42601", "VALUES lists must all be the same length"), Some(14)),
            ("INSERT INTO t (a, a) VALUES (1, 2)", error("42701", "column \"a\" specified more than once"), Some(19)),
            (
                "INSERT INTO t (a, b) VALUES (1)",
                error("42601", "INSERT has more target columns than expressions"),
                Some(19),
            ),
            ("SELECT x.* FROM t", error("42P01", "missing FROM-clause entry for table \"x\""), Some(8)),
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
