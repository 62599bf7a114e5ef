//! EXPLAIN's options, as PostgreSQL 15 takes them, in brackets or as words.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::dialect::PgDialect;
use crate::error::{Error, Result, SqlState};

/// How an answer to EXPLAIN is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExplainFormat {
    /// A line a row.
    #[default]
    Text,
    /// One document in one row.
    Json,
}

/// What EXPLAIN is to show. BUFFERS, WAL and SETTINGS are taken and mean nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExplainOptions {
    /// Whether the statement is run.
    pub analyze: bool,
    /// Whether every step of planning is shown.
    pub verbose: bool,
    /// Whether numbers of rows that are expected are shown.
    pub costs: bool,
    /// Whether times are shown of each step that was run.
    pub timing: bool,
    /// Whether the times of planning and running are shown.
    pub summary: bool,
    /// How it is written.
    pub format: ExplainFormat,
}

impl ExplainOptions {
    /// The options of an EXPLAIN, and how many of its tokens they are, the word EXPLAIN among them; none for any other
    /// statement. The tokens are without white space.
    pub(super) fn parse(tokens: &[TokenWithSpan]) -> Result<Option<(ExplainOptions, usize)>> {
        if tokens.first().is_none_or(|first| !is(&first.token, "EXPLAIN")) {
            return Ok(None);
        }
        let mut given = Given::default();
        let mut at = 1;
        if tokens.get(1).is_some_and(|t| t.token == Token::LParen) && tokens.get(2).is_some_and(is_option) {
            at = 2;
            loop {
                at += given.option(tokens.get(at..).unwrap_or_default())?;
                match tokens.get(at).map(|t| &t.token) {
                    Some(Token::Comma) => at += 1,
                    Some(Token::RParen) => break,
                    _ => return Err(unexpected(tokens.get(at))),
                }
            }
            at += 1;
        } else {
            for (word, of) in [("ANALYZE", 0), ("ANALYSE", 0), ("VERBOSE", 1)] {
                if tokens.get(at).is_some_and(|t| is(&t.token, word)) {
                    *(if of == 0 { &mut given.analyze } else { &mut given.verbose }) = true;
                    at += 1;
                }
            }
        }
        given.checked().map(|options| Some((options, at)))
    }

    /// The options of an EXPLAIN that was parsed before, from its text.
    pub fn of(text: &str) -> ExplainOptions {
        let tokens = Tokenizer::new(&PgDialect, text).tokenize_with_location().unwrap_or_default();
        let tokens: Vec<_> =
            tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF)).collect();
        let parsed = ExplainOptions::parse(&tokens).ok().flatten();
        parsed.map_or_else(ExplainOptions::plain, |(options, _)| options)
    }

    fn plain() -> ExplainOptions {
        ExplainOptions {
            analyze: false,
            verbose: false,
            costs: true,
            timing: false,
            summary: false,
            format: ExplainFormat::Text,
        }
    }
}

/// What was written.
#[derive(Default)]
struct Given {
    analyze: bool,
    verbose: bool,
    wal: bool,
    costs: Option<bool>,
    timing: Option<bool>,
    summary: Option<bool>,
    format: ExplainFormat,
}

impl Given {
    /// Takes one option; gives how many tokens it is.
    fn option(&mut self, tokens: &[TokenWithSpan]) -> Result<usize> {
        let Some(TokenWithSpan { token: Token::Word(word), .. }) = tokens.first() else {
            return Err(unexpected(tokens.first()));
        };
        let name = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_lowercase() };
        let value = match tokens.get(1).map(|t| &t.token) {
            None | Some(Token::Comma | Token::RParen) => None,
            Some(Token::Word(word)) => Some(word.value.to_lowercase()),
            Some(Token::Number(text, _) | Token::SingleQuotedString(text)) => Some(text.to_lowercase()),
            Some(_) => return Err(unexpected(tokens.get(1))),
        };
        let length = 1 + usize::from(value.is_some());
        if name == "format" {
            self.format = format(value.as_deref(), tokens.first())?;
            return Ok(length);
        }
        let on = || match value.as_deref() {
            None | Some("true" | "on" | "1") => Ok(true),
            Some("false" | "off" | "0") => Ok(false),
            Some(_) => Err(placed(Error::syntax(format!("{name} requires a Boolean value"), None), tokens.first())),
        };
        match name.as_str() {
            "analyze" => self.analyze = on()?,
            "verbose" => self.verbose = on()?,
            "costs" => self.costs = Some(on()?),
            "timing" => self.timing = Some(on()?),
            "summary" => self.summary = Some(on()?),
            "wal" => self.wal = on()?,
            "buffers" | "settings" => {
                on()?;
            }
            _ => {
                let error = Error::syntax(format!("unrecognized EXPLAIN option \"{name}\""), None);
                return Err(placed(error, tokens.first()));
            }
        }
        Ok(length)
    }

    fn checked(self) -> Result<ExplainOptions> {
        let needs = |name: &str| {
            let message = format!("EXPLAIN option {name} requires ANALYZE");
            Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message))
        };
        if self.wal && !self.analyze {
            return needs("WAL");
        }
        if self.timing == Some(true) && !self.analyze {
            return needs("TIMING");
        }
        Ok(ExplainOptions {
            analyze: self.analyze,
            verbose: self.verbose,
            costs: self.costs.unwrap_or(true),
            timing: self.timing.unwrap_or(self.analyze),
            summary: self.summary.unwrap_or(self.analyze),
            format: self.format,
        })
    }
}

fn format(value: Option<&str>, at: Option<&TokenWithSpan>) -> Result<ExplainFormat> {
    match value {
        Some("text") => Ok(ExplainFormat::Text),
        Some("json") => Ok(ExplainFormat::Json),
        Some(known @ ("xml" | "yaml")) => {
            let error = Error::unsupported(format!("EXPLAIN with FORMAT {} is not supported", known.to_uppercase()));
            Err(placed(error.with_hint("The formats are TEXT and JSON."), at))
        }
        Some(other) => {
            let message = format!("unrecognized value for EXPLAIN option \"format\": \"{other}\"");
            Err(placed(Error::new(SqlState::INVALID_PARAMETER_VALUE, message), at))
        }
        None => Err(placed(Error::syntax("format requires a parameter", None), at)),
    }
}

/// Whether what stands in the bracket is a list of options, and not a query.
fn is_option(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(word) => {
            !matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE)
        }
        _ => false,
    }
}

fn is(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

fn unexpected(token: Option<&TokenWithSpan>) -> Error {
    match token {
        Some(found) => placed(Error::syntax(format!("syntax error at or near \"{}\"", found.token), None), token),
        None => Error::syntax("syntax error at end of input", None),
    }
}

fn placed(error: Error, token: Option<&TokenWithSpan>) -> Error {
    match token {
        Some(token) => error.with_line_column(token.span.start.line as usize, token.span.start.column as usize),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_postgres_s() {
        let of = |sql: &str| {
            let tokens = Tokenizer::new(&PgDialect, sql).tokenize_with_location().unwrap();
            let tokens: Vec<_> = tokens.into_iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
            ExplainOptions::parse(&tokens).map(|parsed| parsed.map(|(options, _)| options))
        };
        let plain = ExplainOptions::plain();
        assert_eq!(of("SELECT 1").unwrap(), None);
        assert_eq!(of("EXPLAIN SELECT 1").unwrap(), Some(plain));
        assert_eq!(of("EXPLAIN (SELECT 1)").unwrap(), Some(plain));
        let analyzed = ExplainOptions { analyze: true, timing: true, summary: true, ..plain };
        assert_eq!(of("explain analyze select 1").unwrap(), Some(analyzed));
        let all =
            "EXPLAIN (ANALYZE, VERBOSE off, COSTS false, BUFFERS, WAL, SETTINGS on, TIMING 0, FORMAT 'json') SELECT 1";
        let wanted = ExplainOptions { costs: false, timing: false, format: ExplainFormat::Json, ..analyzed };
        assert_eq!(of(all).unwrap(), Some(wanted));
        assert_eq!(ExplainOptions::of(all), wanted);
        for (sql, state) in [
            ("EXPLAIN (FORMAT yaml) SELECT 1", SqlState::FEATURE_NOT_SUPPORTED),
            ("EXPLAIN (FORMAT tree) SELECT 1", SqlState::INVALID_PARAMETER_VALUE),
            ("EXPLAIN (FORMAT) SELECT 1", SqlState::SYNTAX_ERROR),
            ("EXPLAIN (MEMORY) SELECT 1", SqlState::SYNTAX_ERROR),
            ("EXPLAIN (ANALYZE maybe) SELECT 1", SqlState::SYNTAX_ERROR),
            ("EXPLAIN (TIMING) SELECT 1", SqlState::INVALID_PARAMETER_VALUE),
            ("EXPLAIN (ANALYZE VERBOSE) SELECT 1", SqlState::SYNTAX_ERROR),
        ] {
            assert_eq!(of(sql).unwrap_err().state(), state, "{sql}");
        }
    }
}
