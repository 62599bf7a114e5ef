//! `trim(LEADING FROM a)`: sqlparser wants the characters that are taken away before FROM, or no FROM.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// The last tokens that say something.
#[derive(Clone, Copy)]
enum Before {
    Other,
    Trim,
    /// `trim (`
    Open,
    /// `trim (LEADING`
    Side,
}

/// Takes the FROM out of a `trim` that says no characters.
pub(super) fn plain(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut before = Before::Other;
    tokens.retain(|token| {
        let word = match &token.token {
            Token::Whitespace(_) => return true,
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        let next = match (before, word) {
            (Before::Open | Before::Side, Keyword::FROM) => {
                before = Before::Other;
                return false;
            }
            (_, Keyword::TRIM) => Before::Trim,
            (Before::Open, Keyword::BOTH | Keyword::LEADING | Keyword::TRAILING) => Before::Side,
            (Before::Trim, _) if token.token == Token::LParen => Before::Open,
            _ => Before::Other,
        };
        before = next;
        true
    });
    tokens
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;
    use crate::ddl::dialect::PgDialect;

    #[test]
    fn from_without_characters_goes() {
        let read = |sql: &str| {
            let tokens = Tokenizer::new(&PgDialect, sql).tokenize_with_location().unwrap();
            plain(tokens).iter().map(|token| token.token.to_string()).collect::<String>()
        };
        assert_eq!(read("trim(LEADING FROM a)"), "trim(LEADING  a)");
        assert_eq!(read("TRIM ( from a), x"), "TRIM (  a), x");
        for same in ["trim('x' FROM a)", "trim(both 'x' from a)", "\"trim\"(a)", "SELECT trim FROM a"] {
            assert_eq!(read(same), same);
        }
    }
}
