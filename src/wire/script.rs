//! The statements of a text: those that concern the protocol's own objects are answered here, all others are the
//! engine's.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::cursor_words;
use crate::ddl::copy::{self, Copy};
use crate::engine::{Session, Statement};
use crate::error::{Error, Result, SqlState};

/// The longest text: its tokens take a hundred times its length while it is read.
const LONGEST: usize = 16 << 20;

/// One statement.
#[derive(Debug)]
pub(super) enum Command {
    /// None at all.
    Nothing,
    /// The engine runs it.
    Run(Statement),
    /// DEALLOCATE: forgets a prepared statement, or all of them.
    Deallocate(Option<String>),
    /// CLOSE: forgets a portal, or all of them.
    Close(Option<String>),
    /// DECLARE: makes a portal.
    Declare {
        /// The portal's name.
        name: String,
        /// What it can do.
        kind: CursorKind,
        /// What it reads.
        query: Statement,
    },
    /// FETCH or MOVE: rows of a portal.
    Fetch(Fetch),
    /// PREPARE: keeps a statement.
    Prepare {
        /// Its name.
        name: String,
        /// The types of its parameters, as written.
        types: Vec<String>,
        /// What it does.
        statement: Statement,
    },
    /// EXECUTE: runs a prepared statement.
    Execute(Execute),
    /// COPY: rows as data.
    Copy(Box<Copy>),
}

/// What a cursor can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CursorKind {
    /// SCROLL: it goes back.
    pub scrolls: bool,
    /// WITH HOLD: it outlives its transaction.
    pub holds: bool,
    /// BINARY: FETCH gives its rows in binary.
    pub binary: bool,
}

/// FETCH and MOVE.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fetch {
    /// The portal.
    pub cursor: String,
    /// Which rows.
    pub direction: Direction,
    /// MOVE: the rows are passed and not sent.
    pub moves: bool,
}

/// Which rows FETCH and MOVE are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// The next ones; none for all. A negative number goes back.
    Forward(Option<i64>),
    /// Those before, the nearest first; none for all.
    Backward(Option<i64>),
    /// One, counted from the first, or from behind the last.
    Absolute(i64),
    /// One, counted from where the cursor stands.
    Relative(i64),
}

impl Fetch {
    /// The most rows that it gives; none where that is not known.
    pub fn most(&self) -> Option<u64> {
        match self.direction {
            Direction::Forward(count) | Direction::Backward(count) => count.map(|count| count.unsigned_abs().max(1)),
            Direction::Absolute(_) | Direction::Relative(_) => Some(1),
        }
    }
}

/// EXECUTE.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Execute {
    /// The prepared statement.
    pub name: String,
    /// The values, as written.
    pub arguments: Option<String>,
}

/// The words that a text holds if any of its statements is answered here.
const OURS: [&[u8]; 8] = [b"deallocate", b"close", b"declare", b"fetch", b"move", b"prepare", b"execute", b"copy"];

/// Splits a text and parses every statement of it; empty ones are left out. Mistakes are errors with their position
/// in the text.
pub(super) fn parse(session: &Session, sql: &str) -> Result<Vec<Command>> {
    if sql.len() > LONGEST {
        return Err(Error::new(SqlState("54000"), "the text of a statement is too long")
            .with_detail(format!("It has {} bytes, and may have {LONGEST}.", sql.len()))
            .with_hint("Send large values as parameters."));
    }
    let may_be_ours = OURS.iter().any(|word| mentions(sql, word));
    if !may_be_ours {
        return engine_s(session, sql, 0);
    }
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location() else {
        // What is wrong with it, the engine says.
        return engine_s(session, sql, 0);
    };
    let pieces: Vec<&[TokenWithSpan]> = tokens.split(|token| token.token == Token::SemiColon).collect();
    if !pieces.iter().any(|piece| cursor_words::begins(piece) || is_copy(piece) || own(piece).is_some()) {
        return engine_s(session, sql, 0);
    }
    let mut places = Places::new(sql);
    let mut commands = Vec::new();
    for piece in pieces {
        let mut said = piece.iter().filter(|token| !is_blank(&token.token));
        if cursor_words::begins(piece) {
            commands.push(cursor_words::parse(session, sql, piece, &mut places)?);
        } else if let Some(command) = own(piece) {
            commands.push(command);
        } else if let Some(first) = said.next() {
            let last = said.next_back().unwrap_or(first);
            let (from, before) = places.of(first.span.start);
            let (until, _) = places.of(last.span.end);
            let text = sql.get(from..until).unwrap_or_default();
            if is_copy(piece) {
                let copy = copy::parse(text).map_err(|error| error.shifted(before))?;
                commands.push(Command::Copy(Box::new(copy.shifted(before))));
            } else {
                commands.extend(engine_s(session, text, before)?);
            }
        }
    }
    Ok(commands)
}

/// Has the engine parse a text that begins after `before` characters.
pub(super) fn engine_s(session: &Session, sql: &str, before: usize) -> Result<Vec<Command>> {
    let statements = session.parse(sql).map_err(|error| error.shifted(before))?;
    Ok(statements
        .into_iter()
        .filter(|statement| !statement.is_empty())
        .map(|statement| Command::Run(Statement { offset: statement.offset + before, ..statement }))
        .collect())
}

/// Whether a word stands somewhere in a text, in any case.
fn mentions(sql: &str, word: &[u8]) -> bool {
    sql.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

pub(super) fn is_blank(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_) | Token::EOF)
}

fn is_copy(tokens: &[TokenWithSpan]) -> bool {
    let first = tokens.iter().map(|token| &token.token).find(|token| !is_blank(token));
    matches!(first, Some(Token::Word(word)) if word.quote_style.is_none() && word.keyword == Keyword::COPY)
}

/// The statement of these tokens, if it is answered here.
fn own(tokens: &[TokenWithSpan]) -> Option<Command> {
    let mut said = tokens.iter().map(|token| &token.token).filter(|token| !is_blank(token));
    let Token::Word(verb) = said.next()? else { return None };
    if verb.quote_style.is_some() {
        return None;
    }
    let deallocate = verb.keyword == Keyword::DEALLOCATE;
    if !deallocate && verb.keyword != Keyword::CLOSE {
        return None;
    }
    let mut what = said.next()?;
    let mut more = said.next();
    if deallocate
        && let Token::Word(word) = what
        && word.quote_style.is_none()
        && word.keyword == Keyword::PREPARE
        && let Some(name) = more
    {
        (what, more) = (name, said.next());
    }
    let (Token::Word(word), None) = (what, more) else { return None };
    let name = match word.quote_style {
        None if word.keyword == Keyword::ALL => None,
        None => Some(word.value.to_lowercase()),
        Some(_) => Some(word.value.clone()),
    };
    Some(if deallocate { Command::Deallocate(name) } else { Command::Close(name) })
}

/// Where lines and columns are; asked for in their order.
pub(super) struct Places<'a> {
    rest: std::iter::Peekable<std::str::CharIndices<'a>>,
    line: u64,
    column: u64,
    characters: usize,
    length: usize,
}

impl<'a> Places<'a> {
    fn new(sql: &'a str) -> Self {
        Places { rest: sql.char_indices().peekable(), line: 1, column: 1, characters: 0, length: sql.len() }
    }

    /// The bytes and the characters before a place.
    pub fn of(&mut self, place: Location) -> (usize, usize) {
        while (self.line, self.column) < (place.line, place.column) {
            let Some((_, character)) = self.rest.next() else { break };
            self.characters += 1;
            if character == '\n' {
                (self.line, self.column) = (self.line + 1, 1);
            } else {
                self.column += 1;
            }
        }
        (self.rest.peek().map_or(self.length, |(at, _)| *at), self.characters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(sql: &str) -> Vec<TokenWithSpan> {
        Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().unwrap()
    }

    #[test]
    fn own_statements() {
        let own = |sql: &str| own(&tokens(sql));
        assert!(matches!(own("deallocate ALL"), Some(Command::Deallocate(None))));
        assert!(matches!(own(" DEALLOCATE PREPARE Ab -- x"), Some(Command::Deallocate(Some(n))) if n == "ab"));
        assert!(matches!(own("DEALLOCATE \"_A b\""), Some(Command::Deallocate(Some(n))) if n == "_A b"));
        assert!(matches!(own("CLOSE ALL"), Some(Command::Close(None))));
        assert!(matches!(own("close c"), Some(Command::Close(Some(n))) if n == "c"));
        for other in ["", "DEALLOCATE", "DEALLOCATE a b", "CLOSE 1", "SELECT 1", "\"close\" a", "CLOSE PREPARE a"] {
            assert!(own(other).is_none(), "{other}");
        }
    }

    #[test]
    fn places_in_a_text() {
        let sql = "é;\n 日本 ;x";
        let mut places = Places::new(sql);
        let found: Vec<_> = tokens(sql)
            .iter()
            .filter(|token| matches!(token.token, Token::Word(_) | Token::SemiColon))
            .map(|token| places.of(token.span.start))
            .collect();
        assert_eq!(found, [(0, 0), (2, 1), (5, 4), (12, 7), (13, 8)]);
    }
}
