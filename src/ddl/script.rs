//! Splits a script into statements and finds out what each one is.

use datafusion::common::format::ExplainStatementOptions;
use datafusion::sql::parser::{DFParserBuilder, ExplainStatement, Statement as DfStatement};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Tokenizer};

use super::continued;
use super::cursor::{Cursor, Placed, placed};
use super::depth;
use super::dialect::PgDialect;
use super::explain::ExplainOptions;
use super::respelled::respelled;
use super::statement::{Ddl, Statement, StatementKind};
use super::trims;
use super::{
    comment, copy, drop, expansion, foreign, grant, local, model, rename, role, rule, security, server, session, view,
};
use crate::catalog::pg;
use crate::error::{Error, Result};

/// How deeply expressions may be nested before a statement is refused (54001).
const RECURSION_LIMIT: usize = 100;

/// Parses a script. The error of a statement that does not parse carries its position in the whole script.
pub fn parse(script: &str) -> Result<Vec<Statement>> {
    split(script)?.into_iter().map(|piece| piece.parse().map_err(|e| e.shifted(piece.offset))).collect()
}

/// Parses a script as far as it can: each statement, or why it does not parse. Used for files, where every
/// mistake is to be shown and not the first alone.
pub fn parse_each(script: &str) -> Result<Vec<(usize, Result<Statement>)>> {
    Ok(split(script)?
        .into_iter()
        .map(|piece| (piece.offset, piece.parse().map_err(|e| e.shifted(piece.offset))))
        .filter(|(_, statement)| !matches!(statement, Ok(s) if s.is_empty()))
        .collect())
}

/// One statement's text and tokens; positions count from the statement's start.
struct Piece {
    text: String,
    offset: usize,
    tokens: Vec<TokenWithSpan>,
}

/// Where each line begins, in characters.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.chars().enumerate().filter(|(_, c)| *c == '\n').map(|(i, _)| i + 1));
        Lines(starts)
    }

    /// Characters before a 1-based line and column.
    fn offset(&self, line: u64, column: u64) -> usize {
        let start = self.0.get((line as usize).saturating_sub(1)).copied().unwrap_or(0);
        start + (column as usize).saturating_sub(1)
    }
}

/// One statement's tokens without white space.
pub(super) fn tokens(statement: &str) -> Result<Vec<Placed>> {
    let lines = Lines::of(statement);
    let tokens = tokenized(statement)?;
    let said = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
    Ok(said.map(|t| placed(t, |line, column| lines.offset(line, column))).collect())
}

fn tokenized(script: &str) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&PgDialect, script).tokenize_with_location().map_err(|e| {
        Error::syntax(lower_first(&e.message), None)
            .with_line_column(e.location.line as usize, e.location.column as usize)
            .located_in(script)
    })?;
    continued::joined(trims::plain(tokens), script)
}

fn split(script: &str) -> Result<Vec<Piece>> {
    let tokens = tokenized(script)?;
    let lines = Lines::of(script);
    let mut rest = Rest { text: script, before: 0 };
    let mut pieces = vec![];
    let mut current: Vec<TokenWithSpan> = vec![];
    for token in tokens {
        match token.token {
            Token::SemiColon => pieces.extend(piece(&mut rest, &lines, std::mem::take(&mut current))),
            _ => current.push(token),
        }
    }
    pieces.extend(piece(&mut rest, &lines, current));
    Ok(pieces)
}

/// What of a script was not read yet, so that a script of many statements is read once.
struct Rest<'a> {
    text: &'a str,
    /// Characters of the script before it.
    before: usize,
}

impl<'a> Rest<'a> {
    /// Goes on to where so many characters of the script have been read, and gives those passed.
    fn skip_to(&mut self, characters: usize) -> &'a str {
        let count = characters.saturating_sub(self.before);
        let bytes = self.text.char_indices().nth(count).map_or(self.text.len(), |(at, _)| at);
        let (passed, rest) = self.text.split_at(bytes);
        self.text = rest;
        self.before += count;
        passed
    }
}

/// Makes a piece of the tokens between two semicolons: its text begins at the first token that says something.
fn piece(rest: &mut Rest<'_>, lines: &Lines, tokens: Vec<TokenWithSpan>) -> Option<Piece> {
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF)).collect();
    let (first, last) = (tokens.first()?, tokens.last()?);
    let offset = lines.offset(first.span.start.line, first.span.start.column);
    let end = lines.offset(last.span.end.line, last.span.end.column);
    rest.skip_to(offset);
    let text = rest.skip_to(end).to_string();
    // Tokens are moved so that they count from the statement's own start.
    let (first_line, first_column) = (first.span.start.line, first.span.start.column);
    let shift = |at: Location| Location {
        line: at.line + 1 - first_line,
        column: if at.line == first_line { at.column + 1 - first_column } else { at.column },
    };
    let tokens = tokens
        .into_iter()
        .map(|t| TokenWithSpan { token: t.token, span: Span::new(shift(t.span.start), shift(t.span.end)) })
        .collect();
    Some(Piece { text, offset, tokens })
}

impl Piece {
    fn parse(&self) -> Result<Statement> {
        depth::check(&self.tokens).map_err(|e| e.with_position(Some(1)))?;
        let kind = self.kind().map_err(|e| at_end(e.located_in(&self.text), &self.text))?;
        Ok(Statement { text: self.text.clone(), offset: self.offset, kind })
    }

    fn kind(&self) -> Result<StatementKind> {
        let lines = Lines::of(&self.text);
        let placed: Vec<Placed> = self.tokens.iter().map(|t| placed(t, |l, c| lines.offset(l, c))).collect();
        let mut cursor = Cursor::new(&placed, &self.text);
        if cursor.at_end() {
            return Ok(StatementKind::Empty);
        }
        if let Some(statement) = session::parse(&mut cursor)? {
            return Ok(StatementKind::Session(statement));
        }
        if let Some(ddl) = ddl(&mut cursor)? {
            return Ok(StatementKind::Ddl(Box::new(ddl)));
        }
        let statement = match ExplainOptions::parse(&self.tokens)? {
            Some((options, taken)) => self.explained(options, taken, &lines)?,
            None => planned(&self.text, &self.tokens)?,
        };
        expansion::check(&statement)?;
        Ok(StatementKind::Plan(Box::new(statement)))
    }

    /// EXPLAIN of what follows its options. What is shown is read off the text again when it is run.
    fn explained(&self, options: ExplainOptions, taken: usize, lines: &Lines) -> Result<DfStatement> {
        let rest = self.tokens.get(taken..).unwrap_or_default();
        let Some(first) = rest.first() else { return Err(Error::syntax("syntax error at end of input", None)) };
        let before = lines.offset(first.span.start.line, first.span.start.column);
        // Its parts keep their places.
        let blank = |(at, letter): (usize, char)| if at < before && letter != '\n' { ' ' } else { letter };
        let text: String = self.text.chars().enumerate().map(blank).collect();
        let statement = match planned(&text, rest)? {
            DfStatement::Explain(_) => {
                return Err(Error::syntax("syntax error at or near \"EXPLAIN\"", Some(before + 1)));
            }
            statement => Box::new(statement),
        };
        let options =
            ExplainStatementOptions { analyze: options.analyze, verbose: options.verbose, ..Default::default() };
        Ok(DfStatement::Explain(ExplainStatement { statement, options }))
    }
}

/// An error of the parser's about the end of the text is there.
fn at_end(error: Error, text: &str) -> Error {
    if error.position().is_none() && error.message().starts_with("syntax error at end of input") {
        return error.with_position(Some(text.chars().count() + 1));
    }
    error
}

/// Parses one statement for DataFusion.
fn planned(text: &str, tokens: &[TokenWithSpan]) -> Result<DfStatement> {
    if pg::mentions_catalog(text) {
        let mut statements = pg::parse_catalog_query(text)?;
        if let (Some(statement), true) = (statements.pop(), statements.is_empty()) {
            return Ok(DfStatement::Statement(Box::new(statement)));
        }
    }
    let mut parser = DFParserBuilder::new(frames(respelled(spelled_out(tokens)))?)
        .with_dialect(&PgDialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .build()?;
    let mut statements = parser.parse_statements()?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        _ => Err(Error::syntax("syntax error: expected one statement", Some(1))),
    }
}

fn excludes(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case("exclude"),
        _ => false,
    }
}

/// The tokens without `EXCLUDE NO OTHERS`, which says nothing. 0A000 for what a window's frame leaves out.
fn frames(tokens: Vec<TokenWithSpan>) -> Result<Vec<TokenWithSpan>> {
    let word = |at: usize| match tokens.get(at).map(|token| &token.token) {
        Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_uppercase(),
        Some(Token::RParen) => ")".to_string(),
        _ => String::new(),
    };
    let mut without: Option<usize> = None;
    for at in 0..tokens.len() {
        if !tokens.get(at).is_some_and(excludes) {
            continue;
        }
        let next = [word(at + 1), word(at + 2), word(at + 3)];
        match next.each_ref().map(String::as_str) {
            ["NO", "OTHERS", ")"] if without.is_none() => without = Some(at),
            ["CURRENT", "ROW", ")"] | ["GROUP" | "TIES", ")", _] => {
                let position = tokens.get(at).map(|token| token.span.start);
                let refused = Error::unsupported("EXCLUDE in the frame of a window is not supported");
                return Err(match position {
                    Some(start) => refused.with_line_column(start.line as usize, start.column as usize),
                    None => refused,
                });
            }
            _ => {}
        }
    }
    Ok(match without {
        Some(from) => {
            let rest = tokens.iter().skip(from + 3).cloned().collect::<Vec<_>>();
            let mut kept = tokens;
            kept.truncate(from);
            kept.extend(frames(rest)?);
            kept
        }
        None => tokens,
    })
}

/// The tokens with `SELECT * FROM name` for `TABLE name` where a query begins.
fn spelled_out(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let mut out = Vec::with_capacity(tokens.len());
    let mut begins = true;
    for token in tokens {
        let keyword = match &token.token {
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        if begins && keyword == Keyword::TABLE {
            for spelled in [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")] {
                out.push(TokenWithSpan { token: spelled, span: token.span });
            }
        } else {
            out.push(token.clone());
        }
        let joins = matches!(keyword, Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::ALL);
        begins = token.token == Token::LParen || joins;
    }
    out
}

/// Parses a statement of ours; none when it is for DataFusion.
fn ddl(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    let parsers = [
        server::parse,
        foreign::parse,
        view::parse,
        local::parse,
        drop::parse,
        rename::parse,
        comment::parse,
        grant::parse,
        role::parse,
        rule::parse,
        model::parse,
        security::parse,
    ];
    for parse in parsers {
        if let Some(ddl) = parse(cursor)? {
            cursor.finish()?;
            return Ok(Some(ddl));
        }
    }
    refuse(cursor)?;
    Ok(None)
}

/// Statements that Postgres has and this program does not, so that the answer says so and does not speak of a
/// syntax error.
fn refuse(cursor: &Cursor<'_>) -> Result<()> {
    copy::refuse_explained(cursor)?;
    const REFUSED: &[(&[&str], &str)] = &[
        (&["CREATE", "EXTERNAL"], "CREATE EXTERNAL TABLE is not supported"),
        (&["CREATE", "UNBOUNDED"], "CREATE EXTERNAL TABLE is not supported"),
        (&["CREATE", "DATABASE"], "CREATE DATABASE is not supported"),
        (&["DROP", "DATABASE"], "DROP DATABASE is not supported"),
        (&["CREATE", "FUNCTION"], "CREATE FUNCTION is not supported"),
        (&["CREATE", "OR", "REPLACE", "FUNCTION"], "CREATE FUNCTION is not supported"),
        (&["CREATE", "MATERIALIZED"], "CREATE MATERIALIZED VIEW is not supported yet"),
        (&["CREATE", "INDEX"], "CREATE INDEX is not supported"),
        (&["CREATE", "UNIQUE", "INDEX"], "CREATE INDEX is not supported"),
        (&["CREATE", "FOREIGN", "DATA"], "CREATE FOREIGN DATA WRAPPER is not supported"),
        (&["CREATE", "TEMP"], "temporary tables and views are not supported"),
        (&["CREATE", "TEMPORARY"], "temporary tables and views are not supported"),
        (&["ALTER"], "this form of ALTER is not supported"),
        (&["ANALYZE"], "ANALYZE is not supported"),
        (&["CALL"], "CALL is not supported"),
        (&["CHECKPOINT"], "CHECKPOINT is not supported"),
        (&["CLUSTER"], "CLUSTER is not supported"),
        (&["DO"], "DO is not supported"),
        (&["LOAD"], "LOAD is not supported"),
        (&["REFRESH"], "REFRESH is not supported"),
        (&["REINDEX"], "REINDEX is not supported"),
        (&["COPY"], "COPY needs a connection to the server"),
        (&["DECLARE"], "cursors need a connection to the server"),
        (&["FETCH"], "cursors need a connection to the server"),
        (&["MOVE"], "cursors need a connection to the server"),
        (&["MERGE"], "MERGE is not supported"),
        (&["LOCK"], "LOCK TABLE is not supported"),
        (&["VACUUM"], "VACUUM is not supported"),
        (&["PREPARE"], "prepared statements need a connection to the server"),
        (&["EXECUTE"], "prepared statements need a connection to the server"),
        (&["DEALLOCATE"], "prepared statements need a connection to the server"),
    ];
    if let Some((_, message)) = REFUSED.iter().find(|(words, _)| cursor.looking_at(words)) {
        return Err(Error::unsupported(*message).with_position(Some(1)));
    }
    for verb in ["CREATE", "CREATE OR REPLACE", "DROP"] {
        let words: Vec<&str> = verb.split(' ').collect();
        let found = OBJECTS
            .iter()
            .find(|object| cursor.looking_at(&words.iter().copied().chain(object.split(' ')).collect::<Vec<_>>()));
        if let Some(object) = found {
            let verb = words.first().copied().unwrap_or(verb);
            return Err(Error::unsupported(format!("{verb} {object} is not supported")).with_position(Some(1)));
        }
    }
    Ok(())
}

/// Kinds of objects that Postgres creates and drops and this program does not.
const OBJECTS: &[&str] = &[
    "ACCESS METHOD",
    "AGGREGATE",
    "CAST",
    "COLLATION",
    "CONVERSION",
    "DOMAIN",
    "EVENT TRIGGER",
    "EXTENSION",
    "FOREIGN DATA WRAPPER",
    "FUNCTION",
    "INDEX",
    "LANGUAGE",
    "MATERIALIZED VIEW",
    "OPERATOR",
    "PROCEDURE",
    "PUBLICATION",
    "RECURSIVE VIEW",
    "ROUTINE",
    "RULE",
    "SEQUENCE",
    "STATISTICS",
    "SUBSCRIPTION",
    "TABLESPACE",
    "TEXT SEARCH",
    "TRANSFORM",
    "TRIGGER",
    "TYPE",
    "UNLOGGED TABLE",
];

fn lower_first(message: &str) -> String {
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |c| c.to_lowercase().chain(chars).collect())
}
