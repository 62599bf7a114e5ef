//! What sqlparser does not read of a statement, in tokens that it does: GROUPING SETS within GROUPING SETS, and
//! `(t).*` of a table.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// A parenthesis that is open.
struct Open {
    /// Whether it holds the sets of GROUPING SETS.
    sets: bool,
    /// Whether it is left out.
    left_out: bool,
}

/// The tokens of a statement, respelled. Whitespace is not among them.
pub(super) fn respelled(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let nested = tokens.windows(2).filter(|pair| begins_sets(pair)).count() > 1;
    let tokens = if nested { flat_sets(tokens) } else { tokens };
    if tokens.windows(5).any(is_row_star) { row_stars(tokens) } else { tokens }
}

fn is_word(token: &TokenWithSpan, wanted: &str) -> bool {
    matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

fn begins_sets(tokens: &[TokenWithSpan]) -> bool {
    matches!(tokens, [grouping, sets, ..] if is_word(grouping, "grouping") && is_word(sets, "sets"))
}

/// Sets of sets are these sets themselves.
fn flat_sets(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut open: Vec<Open> = vec![];
    let mut out = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        if begins_sets(rest)
            && let [_, sets, paren, behind @ ..] = rest
            && paren.token == Token::LParen
        {
            let left_out = open.last().is_some_and(|open| open.sets);
            if !left_out {
                out.extend([token.clone(), sets.clone(), paren.clone()]);
            }
            open.push(Open { sets: true, left_out });
            rest = behind;
            continue;
        }
        let left_out = match token.token {
            Token::LParen => {
                open.push(Open { sets: false, left_out: false });
                false
            }
            Token::RParen => open.pop().is_some_and(|open| open.left_out),
            _ => false,
        };
        if !left_out {
            out.push(token.clone());
        }
        rest = after;
    }
    out
}

/// `(t).*`
fn is_row_star(tokens: &[TokenWithSpan]) -> bool {
    let [open, name, close, period, star] = tokens else { return false };
    open.token == Token::LParen
        && matches!(name.token, Token::Word(_))
        && close.token == Token::RParen
        && period.token == Token::Period
        && star.token == Token::Mul
}

/// `t.*` for `(t).*` as an item of a list; what follows a name is a call.
fn row_stars(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut out: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        let begins = out.last().is_some_and(|last| {
            last.token == Token::Comma || ["select", "distinct", "all"].iter().any(|word| is_word(last, word))
        });
        if begins
            && rest.get(..5).is_some_and(is_row_star)
            && let [_, name, _, period, star, behind @ ..] = rest
        {
            out.extend([name.clone(), period.clone(), star.clone()]);
            rest = behind;
            continue;
        }
        out.push(token.clone());
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    #[test]
    fn statements_are_respelled() {
        for (sql, becomes) in [
            (
                "SELECT 1 FROM t GROUP BY GROUPING SETS (a, GROUPING SETS (b, (a, b)), ())",
                "SELECT 1 FROM t GROUP BY GROUPING SETS (a, b, (a, b), ())",
            ),
            ("SELECT (t).*, f(u).a FROM t, u", "SELECT t.*, f(u).a FROM t, u"),
            (
                "SELECT 1 FROM t GROUP BY GROUPING SETS (a), GROUPING SETS (b)",
                "SELECT 1 FROM t GROUP BY GROUPING SETS (a), GROUPING SETS (b)",
            ),
        ] {
            let parsed = |sql: &str| match script::parse(sql).unwrap().pop().unwrap().kind {
                StatementKind::Plan(parsed) => parsed.to_string(),
                _ => String::new(),
            };
            assert_eq!(parsed(sql), parsed(becomes), "{sql}");
        }
    }
}
