//! How DECLARE, FETCH, MOVE, PREPARE and EXECUTE are written.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::script::{Command, CursorKind, Direction, Execute, Fetch, Places, engine_s, is_blank};
use crate::engine::{Session, Statement};
use crate::error::{Error, Result, SqlState};

/// Whether these tokens are one of the statements of this file.
pub(super) fn begins(tokens: &[TokenWithSpan]) -> bool {
    let first = tokens.iter().map(|token| &token.token).find(|token| !is_blank(token));
    ["DECLARE", "FETCH", "MOVE", "PREPARE", "EXECUTE"].iter().any(|verb| is_word(first, verb))
}

/// Parses a statement that [`begins`]. Mistakes are errors with their position in `sql`, whose tokens these are.
pub(super) fn parse(
    session: &Session,
    sql: &str,
    tokens: &[TokenWithSpan],
    places: &mut Places<'_>,
) -> Result<Command> {
    let tokens: Vec<&TokenWithSpan> = tokens.iter().filter(|token| !is_blank(&token.token)).collect();
    let mut reader = Reader { session, sql, tokens: &tokens, at: 0, places };
    if reader.take("DECLARE") {
        reader.declare()
    } else if reader.take("PREPARE") {
        reader.prepare()
    } else if reader.take("EXECUTE") {
        reader.execute()
    } else {
        let moves = reader.take("MOVE") || !reader.take("FETCH");
        reader.fetch(moves)
    }
}

fn is_word(token: Option<&Token>, word: &str) -> bool {
    matches!(token, Some(Token::Word(found)) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

struct Reader<'a, 'p, 's> {
    session: &'a Session,
    sql: &'a str,
    tokens: &'a [&'a TokenWithSpan],
    at: usize,
    places: &'p mut Places<'s>,
}

impl Reader<'_, '_, '_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    fn take(&mut self, word: &str) -> bool {
        let found = is_word(self.peek(), word);
        self.at += usize::from(found);
        found
    }

    fn take_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Result<String> {
        let name = match self.peek() {
            Some(Token::Word(word)) if word.quote_style.is_some() => word.value.clone(),
            Some(Token::Word(word)) => word.value.to_lowercase(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    fn end(&mut self) -> Result<()> {
        if self.at >= self.tokens.len() { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&mut self) -> Error {
        match self.tokens.get(self.at) {
            Some(found) => {
                let (_, before) = self.places.of(found.span.start);
                Error::syntax(format!("syntax error at or near \"{}\"", found.token), Some(before + 1))
            }
            None => Error::syntax("syntax error at end of input", Some(self.sql.chars().count() + 1)),
        }
    }

    /// The text from here on, and how many characters are before it.
    fn rest(&mut self) -> Result<(String, usize)> {
        let (Some(first), Some(last)) = (self.tokens.get(self.at), self.tokens.last()) else {
            return Err(self.unexpected());
        };
        let (from, before) = self.places.of(first.span.start);
        let (until, _) = self.places.of(last.span.end);
        Ok((self.sql.get(from..until).unwrap_or_default().to_string(), before))
    }

    /// The one statement from here on.
    fn statement(&mut self) -> Result<Statement> {
        if is_word(self.peek(), "COPY") {
            return Err(self.unexpected());
        }
        let (text, before) = self.rest()?;
        let mut commands = engine_s(self.session, &text, before)?;
        match (commands.pop(), commands.is_empty()) {
            (Some(Command::Run(statement)), true) => Ok(statement),
            _ => Err(Error::syntax("a statement is missing", Some(before + 1))),
        }
    }

    /// DECLARE name [BINARY] [ASENSITIVE | INSENSITIVE] [[NO] SCROLL] CURSOR [{WITH | WITHOUT} HOLD] FOR query
    fn declare(&mut self) -> Result<Command> {
        let name = self.name()?;
        let mut kind = CursorKind::default();
        let (mut only_forward, mut insensitive, mut asensitive) = (false, false, false);
        loop {
            if self.take("SCROLL") {
                kind.scrolls = true;
            } else if self.take("NO") {
                if !self.take("SCROLL") {
                    return Err(self.unexpected());
                }
                only_forward = true;
            } else if self.take("BINARY") {
                kind.binary = true;
            } else if self.take("INSENSITIVE") {
                insensitive = true;
            } else if self.take("ASENSITIVE") {
                asensitive = true;
            } else {
                break;
            }
        }
        if !self.take("CURSOR") {
            return Err(self.unexpected());
        }
        if self.take("WITH") {
            kind.holds = true;
            if !self.take("HOLD") {
                return Err(self.unexpected());
            }
        } else if self.take("WITHOUT") && !self.take("HOLD") {
            return Err(self.unexpected());
        }
        if !self.take("FOR") {
            return Err(self.unexpected());
        }
        let both =
            |one: &str, other: &str| Error::new(SqlState("42P11"), format!("cannot specify both {one} and {other}"));
        if kind.scrolls && only_forward {
            return Err(both("SCROLL", "NO SCROLL"));
        }
        if insensitive && asensitive {
            return Err(both("INSENSITIVE", "ASENSITIVE"));
        }
        Ok(Command::Declare { name, kind, query: self.statement()? })
    }

    /// FETCH or MOVE [direction] [FROM | IN] name
    fn fetch(&mut self, moves: bool) -> Result<Command> {
        let mut direction = Direction::Forward(Some(1));
        // A cursor may have such a name.
        if self.tokens.len() > self.at + 1 {
            direction = self.direction()?;
            if !self.take("FROM") {
                self.take("IN");
            }
        }
        // No cursor can have this name without quotes.
        if self.take("ALL") {
            return Err(self.unexpected());
        }
        let cursor = self.name()?;
        self.end()?;
        Ok(Command::Fetch(Fetch { cursor, direction, moves }))
    }

    /// NEXT, PRIOR, FIRST, LAST, ABSOLUTE n, RELATIVE n, n, ALL, FORWARD [n | ALL] or BACKWARD [n | ALL]
    fn direction(&mut self) -> Result<Direction> {
        Ok(if self.take("NEXT") {
            Direction::Forward(Some(1))
        } else if self.take("PRIOR") {
            Direction::Backward(Some(1))
        } else if self.take("FIRST") {
            Direction::Absolute(1)
        } else if self.take("LAST") {
            Direction::Absolute(-1)
        } else if self.take("ABSOLUTE") {
            Direction::Absolute(self.needed_number()?)
        } else if self.take("RELATIVE") {
            Direction::Relative(self.needed_number()?)
        } else if self.take("ALL") {
            Direction::Forward(None)
        } else if self.take("FORWARD") {
            Direction::Forward(self.count()?)
        } else if self.take("BACKWARD") {
            Direction::Backward(self.count()?)
        } else if let Some(count) = self.number()? {
            Direction::Forward(Some(count))
        } else if is_word(self.peek(), "FROM") || is_word(self.peek(), "IN") {
            Direction::Forward(Some(1))
        } else {
            return Err(self.unexpected());
        })
    }

    /// A number of rows, ALL, or one row where nothing is said.
    fn count(&mut self) -> Result<Option<i64>> {
        if self.take("ALL") {
            return Ok(None);
        }
        Ok(Some(self.number()?.unwrap_or(1)))
    }

    fn needed_number(&mut self) -> Result<i64> {
        match self.number()? {
            Some(number) => Ok(number),
            None => Err(self.unexpected()),
        }
    }

    /// A whole number with its sign, if one is here; it has 32 bits, as in Postgres.
    fn number(&mut self) -> Result<Option<i64>> {
        let from = self.at;
        let negative = self.take_token(&Token::Minus);
        if !negative {
            self.take_token(&Token::Plus);
        }
        let Some(Token::Number(digits, _)) = self.peek() else {
            if self.at > from {
                return Err(self.unexpected());
            }
            return Ok(None);
        };
        let Ok(number) = digits.parse::<i32>() else { return Err(self.unexpected()) };
        self.at += 1;
        Ok(Some(i64::from(if negative { -number } else { number })))
    }

    /// PREPARE name [(type, ..)] AS statement
    fn prepare(&mut self) -> Result<Command> {
        let name = self.name()?;
        let mut types = vec![];
        if self.take_token(&Token::LParen) {
            let (mut depth, mut written) = (0, String::new());
            loop {
                let Some(token) = self.peek().cloned() else { return Err(self.unexpected()) };
                match token {
                    Token::RParen if depth == 0 => break,
                    Token::Comma if depth == 0 => types.push(std::mem::take(&mut written)),
                    other => {
                        match other {
                            Token::LParen => depth += 1,
                            Token::RParen => depth -= 1,
                            _ => {}
                        }
                        // `double precision`, but `integer[]`.
                        if matches!(other, Token::Word(_)) && !written.is_empty() {
                            written.push(' ');
                        }
                        written.push_str(&other.to_string());
                    }
                }
                self.at += 1;
            }
            self.at += 1;
            types.push(written);
        }
        if !self.take("AS") {
            return Err(self.unexpected());
        }
        Ok(Command::Prepare { name, types, statement: self.statement()? })
    }

    /// EXECUTE name [(value, ..)]
    fn execute(&mut self) -> Result<Command> {
        let name = self.name()?;
        if self.at >= self.tokens.len() {
            return Ok(Command::Execute(Execute { name, arguments: None }));
        }
        let closed = self.tokens.last().is_some_and(|token| token.token == Token::RParen);
        if self.peek() != Some(&Token::LParen) || !closed {
            return Err(self.unexpected());
        }
        let (text, _) = self.rest()?;
        let inner = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or_default().trim();
        let arguments = (!inner.is_empty()).then(|| inner.to_string());
        Ok(Command::Execute(Execute { name, arguments }))
    }
}
