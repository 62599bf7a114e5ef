//! Texts that go on in another line: `'a'` and `'b'` below it are `'ab'`, as in Postgres.

use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Whitespace};

use crate::error::{Error, Result};

/// Puts the parts of such texts together. A text that follows another in the same line is a syntax error; its place counts
/// from the start of `script`.
pub(super) fn joined(tokens: Vec<TokenWithSpan>, script: &str) -> Result<Vec<TokenWithSpan>> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // Where the last token that says something is, and whether a line has ended since.
    let mut last: Option<(usize, bool)> = None;
    for token in tokens {
        match &token.token {
            Token::Whitespace(space) => {
                let ends = matches!(space, Whitespace::Newline | Whitespace::SingleLineComment { .. });
                if let Some((_, ended)) = &mut last {
                    *ended |= ends;
                }
            }
            Token::SingleQuotedString(more) => {
                let before = last.and_then(|(at, ended)| Some((out.get_mut(at)?, ended)));
                if let Some((before, ended)) = before
                    && let Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) = &mut before.token
                {
                    if !ended {
                        let (line, column) = (token.span.start.line, token.span.start.column);
                        let quoted = more.replace('\'', "''");
                        return Err(Error::syntax(format!("syntax error at or near \"'{quoted}'\""), None)
                            .with_line_column(line as usize, column as usize)
                            .located_in(script));
                    }
                    text.push_str(more);
                    before.span = Span::new(before.span.start, token.span.end);
                    if let Some((_, ended)) = &mut last {
                        *ended = false;
                    }
                    continue;
                }
                last = Some((out.len(), false));
            }
            _ => last = Some((out.len(), false)),
        }
        out.push(token);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::ddl::dialect::PgDialect;

    fn texts(sql: &str) -> std::result::Result<Vec<String>, Option<usize>> {
        let tokens = Tokenizer::new(&PgDialect, sql).tokenize_with_location().unwrap();
        let joined = joined(tokens, sql).map_err(|error| error.position())?;
        let text = |token: TokenWithSpan| match token.token {
            Token::SingleQuotedString(text) => Some(text),
            _ => None,
        };
        Ok(joined.into_iter().filter_map(text).collect())
    }

    #[test]
    fn texts_go_on_in_another_line() {
        assert_eq!(texts("SELECT 'a'\n  'b' -- c\n 'c', 'd'").unwrap(), ["abc", "d"]);
        assert_eq!(texts("SELECT 'it''s' -- x\n 'b'").unwrap(), ["it'sb"]);
        assert_eq!(texts("SELECT 'a' 'b'"), Err(Some(12)));
        assert_eq!(texts("SELECT 'a' AS \"b\"\n, 'c'").unwrap(), ["a", "c"]);
    }
}
