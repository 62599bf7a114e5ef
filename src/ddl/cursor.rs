//! A cursor over one statement's tokens, with the few productions that every statement shares.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::statement::{NameRef, OptionChange};
use crate::error::{Error, Result, SqlState};
use crate::sources::options::Options;

/// A token and where it stands in the statement.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    /// The token.
    pub token: Token,
    /// Characters of the statement before it.
    pub start: usize,
    /// Characters of the statement up to its end.
    pub end: usize,
}

/// The tokens of one statement without white space.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    tokens: &'a [Placed],
    at: usize,
    /// The statement's text.
    pub text: &'a str,
}

/// A token with its place, given the position of its line and column in the statement.
pub(super) fn placed(token: &TokenWithSpan, position: impl Fn(u64, u64) -> usize) -> Placed {
    Placed {
        token: token.token.clone(),
        start: position(token.span.start.line, token.span.start.column),
        end: position(token.span.end.line, token.span.end.column),
    }
}

impl<'a> Cursor<'a> {
    pub fn new(tokens: &'a [Placed], text: &'a str) -> Self {
        Cursor { tokens, at: 0, text }
    }

    /// The token `ahead` of the next one.
    pub fn peek(&self, ahead: usize) -> Option<&'a Token> {
        self.tokens.get(self.at + ahead).map(|t| &t.token)
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// Characters of the statement before the next token.
    pub fn offset(&self) -> usize {
        self.tokens.get(self.at).map_or_else(|| self.text.chars().count(), |t| t.start)
    }

    /// Characters of the statement up to the end of the last token taken.
    pub fn end_of_last(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |t| t.end)
    }

    pub fn advance(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.at).map(|t| &t.token);
        self.at += 1;
        token
    }

    /// Whether the next tokens are these words, unquoted and in any case.
    pub fn looking_at(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(i, word)| is_word(self.peek(i), word))
    }

    /// Takes these words if they come next.
    pub fn take(&mut self, words: &[&str]) -> bool {
        let found = self.looking_at(words);
        if found {
            self.at += words.len();
        }
        found
    }

    /// Takes these words or says what stands there instead.
    pub fn expect(&mut self, words: &[&str]) -> Result<()> {
        for word in words {
            if !self.take(&[word]) {
                return Err(self.unexpected(word));
            }
        }
        Ok(())
    }

    pub fn take_token(&mut self, token: &Token) -> bool {
        let found = self.peek(0) == Some(token);
        if found {
            self.at += 1;
        }
        found
    }

    pub fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.take_token(token) { Ok(()) } else { Err(self.unexpected(&token.to_string())) }
    }

    /// A syntax error at the next token, as Postgres words it.
    pub fn unexpected(&self, expected: &str) -> Error {
        let position = Some(self.offset() + 1);
        match self.tokens.get(self.at) {
            Some(found) => Error::syntax(format!("syntax error at or near \"{}\"", found.token), position),
            None => Error::syntax("syntax error at end of input", position),
        }
        .with_detail(format!("Expected {expected}."))
    }

    /// Fails unless the statement ends here.
    pub fn finish(&self) -> Result<()> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected("the end of the statement")) }
    }

    /// An identifier: folded to lower case unless quoted.
    pub fn identifier(&mut self) -> Result<String> {
        match self.peek(0) {
            Some(Token::Word(word)) => {
                let name = fold(word);
                self.at += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    /// A name with or without a schema. The database's name may stand before it.
    pub fn name(&mut self) -> Result<NameRef> {
        let position = self.offset() + 1;
        let mut parts = vec![self.identifier()?];
        while parts.len() < 3 && self.take_token(&Token::Period) {
            parts.push(self.identifier()?);
        }
        if parts.len() == 3 && parts[0] != crate::catalog::definitions::DATABASE {
            return Err(Error::unsupported(format!(
                "cross-database references are not implemented: \"{}\"",
                parts.join(".")
            ))
            .with_position(Some(position)));
        }
        let name = parts.pop().unwrap_or_default();
        Ok(NameRef { schema: parts.pop(), name, position })
    }

    /// Names with commas between them.
    pub fn names(&mut self) -> Result<Vec<NameRef>> {
        let mut names = vec![self.name()?];
        while self.take_token(&Token::Comma) {
            names.push(self.name()?);
        }
        Ok(names)
    }

    /// Identifiers with commas between them.
    pub fn identifiers(&mut self) -> Result<Vec<String>> {
        let mut names = vec![self.identifier()?];
        while self.take_token(&Token::Comma) {
            names.push(self.identifier()?);
        }
        Ok(names)
    }

    /// A string literal: quoted, E'' or dollar-quoted.
    pub fn string(&mut self) -> Result<String> {
        let text = match self.peek(0) {
            Some(
                Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) | Token::UnicodeStringLiteral(text),
            ) => text.clone(),
            Some(Token::DollarQuotedString(quoted)) => quoted.value.clone(),
            _ => return Err(self.unexpected("a quoted string")),
        };
        self.at += 1;
        Ok(text)
    }

    /// The text of a number, quoted or not, with its sign.
    pub fn number(&mut self) -> Result<String> {
        let minus = self.take_token(&Token::Minus);
        let digits = match self.peek(0) {
            Some(Token::Number(digits, _)) => {
                let digits = digits.clone();
                self.advance();
                digits
            }
            _ if minus => return Err(self.unexpected("a number")),
            _ => self.string()?.trim().to_string(),
        };
        Ok(if minus { format!("-{digits}") } else { digits })
    }

    /// `IF NOT EXISTS`
    pub fn if_not_exists(&mut self) -> bool {
        self.take(&["IF", "NOT", "EXISTS"])
    }

    /// `IF EXISTS`
    pub fn if_exists(&mut self) -> bool {
        self.take(&["IF", "EXISTS"])
    }

    /// `CASCADE` or `RESTRICT`, which is the default.
    pub fn cascade(&mut self) -> bool {
        let cascade = self.take(&["CASCADE"]);
        if !cascade {
            self.take(&["RESTRICT"]);
        }
        cascade
    }

    /// `OPTIONS (name 'value', ..)`, or nothing.
    pub fn options(&mut self) -> Result<Options> {
        let mut options = Options::new();
        for change in self.option_changes(false)? {
            if let OptionChange::Add(name, value) = change {
                if options.get(&name).is_some() {
                    return Err(Error::new(
                        SqlState::DUPLICATE_OBJECT,
                        format!("option \"{name}\" provided more than once"),
                    ));
                }
                options.set(name, value);
            }
        }
        Ok(options)
    }

    /// `OPTIONS (ADD name 'value', SET name 'value', DROP name)`, or nothing; ADD, SET and DROP only `in_alter`.
    pub fn option_changes(&mut self, in_alter: bool) -> Result<Vec<OptionChange>> {
        let mut changes = vec![];
        if !self.take(&["OPTIONS"]) {
            return Ok(changes);
        }
        self.expect_token(&Token::LParen)?;
        loop {
            // A word followed by another word is the verb; followed by a string it is the option's name.
            let has_verb = in_alter && matches!(self.peek(1), Some(Token::Word(_)));
            if has_verb && self.take(&["DROP"]) {
                changes.push(OptionChange::Drop(self.identifier()?));
            } else if has_verb && self.take(&["SET"]) {
                changes.push(OptionChange::Set(self.identifier()?, self.string()?));
            } else {
                if has_verb {
                    self.expect(&["ADD"])?;
                }
                changes.push(OptionChange::Add(self.identifier()?, self.string()?));
            }
            if !self.take_token(&Token::Comma) {
                break;
            }
        }
        self.expect_token(&Token::RParen)?;
        Ok(changes)
    }

    /// `(name = value, ..)`, as Postgres's parameters after WITH. `take` takes the value of one of them, and says false of a
    /// name that is none, which is 22023 with this hint. An error about a value that has no place gets the value's.
    pub fn parameters(&mut self, hint: &str, mut take: impl FnMut(&mut Self, &str) -> Result<bool>) -> Result<()> {
        self.expect_token(&Token::LParen)?;
        let mut seen: Vec<String> = vec![];
        loop {
            let position = Some(self.offset() + 1);
            let name = self.identifier()?;
            if seen.contains(&name) {
                return Err(Error::syntax(format!("option \"{name}\" specified more than once"), position));
            }
            self.expect_token(&Token::Eq)?;
            let at = Some(self.offset() + 1);
            let known = take(self, &name).map_err(|e| if e.position().is_none() { e.with_position(at) } else { e })?;
            if !known {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("unrecognized parameter \"{name}\""),
                )
                .with_hint(hint)
                .with_position(position));
            }
            seen.push(name);
            if !self.take_token(&Token::Comma) {
                break;
            }
        }
        self.expect_token(&Token::RParen)
    }

    /// A type's name: the tokens up to a comma, a closing parenthesis or one of the words that may follow a type.
    pub fn type_name(&mut self) -> Result<(String, usize)> {
        const ENDS: [&str; 12] = [
            "OPTIONS",
            "NOT",
            "NULL",
            "DEFAULT",
            "COLLATE",
            "CONSTRAINT",
            "PRIMARY",
            "UNIQUE",
            "CHECK",
            "REFERENCES",
            "GENERATED",
            "USING",
        ];
        let position = self.offset() + 1;
        let mut name = String::new();
        let mut depth = 0usize;
        while let Some(token) = self.peek(0) {
            match token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 0 => break,
                Token::RParen => depth -= 1,
                Token::Comma if depth == 0 => break,
                Token::Word(_) if depth == 0 && ENDS.iter().any(|end| is_word(Some(token), end)) => break,
                _ => {}
            }
            let tight = matches!(
                token,
                Token::LParen | Token::RParen | Token::Comma | Token::LBracket | Token::RBracket | Token::Period
            ) || name.ends_with(['(', ',', '['])
                || name.ends_with('.');
            if !name.is_empty() && !tight {
                name.push(' ');
            }
            name.push_str(&token.to_string());
            self.at += 1;
        }
        if name.is_empty() { Err(self.unexpected("a type")) } else { Ok((name, position)) }
    }

    /// The statement's text from the next token on, and how many characters stand before it.
    pub fn rest(&self) -> (String, usize) {
        let offset = self.offset();
        (self.text.chars().skip(offset).collect::<String>().trim_end().to_string(), offset)
    }
}

fn is_word(token: Option<&Token>, wanted: &str) -> bool {
    matches!(token, Some(Token::Word(Word { value, quote_style: None, .. })) if value.eq_ignore_ascii_case(wanted))
}

fn fold(word: &Word) -> String {
    match word.quote_style {
        Some(_) => word.value.clone(),
        None => word.value.to_lowercase(),
    }
}
