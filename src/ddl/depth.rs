//! How deeply a statement's tree can nest, judged by its tokens before there is a tree.
//!
//! It is judged for every text: what comes over the wire, files, and the texts of views.
//!
//! The parser bounds brackets within brackets. It does not bound what it nests while it reads on: in `1 + 1 + 1 ..`,
//! `a::x::y ..`, `SELECT .. UNION SELECT ..` or `FROM a, b, ..` each step is one level, and whoever walks such a tree
//! needs as much stack. So the steps are counted where they can belong to one expression or one list of tables.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, Result, SqlState};

/// The most levels. Planning takes less than 1.5 kB of stack for one, so this is far below what a thread has.
const MOST: usize = 5_000;
/// Levels that a table counts for: planning takes up to 10 kB of stack for one.
const TABLE: usize = 5;
/// WITH in WITH: planning looks for names once more for each level around them, so each doubles its time.
const WITHS: usize = 10;
/// Calls that the parser reads twice when something in them is wrong, each in the other: so each doubles its time.
const RETRIES: usize = 12;
/// CASE in the condition of CASE: each level is planned twice for each that it decides upon.
const CONDITIONS: usize = 10;

/// What encloses a run of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enclosed {
    /// The statement itself, or brackets of any kind.
    Brackets,
    /// CASE and its END.
    Case,
}

/// The tokens between two brackets, without those in brackets among them.
#[derive(Debug)]
struct Level {
    by: Enclosed,
    /// Steps of the expression that is being read.
    steps: usize,
    /// Tables, queries of a UNION, queries of a WITH.
    tables: usize,
    /// Whether a comma separates tables.
    listing: bool,
    /// Whether nothing was said yet.
    begins: bool,
    /// Whether it begins with WITH.
    with: bool,
    /// How often the parser doubles its time for what it encloses.
    retries: usize,
    /// In CASE, whether what is read decides: up to THEN, or from WHEN on.
    decides: bool,
}

impl Level {
    fn new(by: Enclosed) -> Level {
        let decides = by == Enclosed::Case;
        Level { by, steps: 0, tables: 0, listing: false, begins: true, with: false, retries: 0, decides }
    }

    fn weight(&self) -> usize {
        self.steps + self.tables * TABLE
    }
}

/// The levels around the one that is read.
#[derive(Default)]
struct Outer {
    levels: Vec<Level>,
    /// The sum of their weights.
    weight: usize,
    /// How many begin with WITH.
    withs: usize,
    /// In how many a CASE decides.
    conditions: usize,
    /// The sum of their retries.
    retries: usize,
}

impl Outer {
    /// Begins a level within `level`.
    fn enter(&mut self, level: &mut Level, by: Enclosed) {
        self.weight += level.weight();
        self.withs += usize::from(level.with);
        self.conditions += usize::from(level.decides);
        self.retries += level.retries;
        self.levels.push(std::mem::replace(level, Level::new(by)));
    }

    /// Goes on with the level around `level`, if there is one.
    fn leave(&mut self, level: &mut Level) {
        if let Some(back) = self.levels.pop() {
            self.weight -= back.weight();
            self.withs -= usize::from(back.with);
            self.conditions -= usize::from(back.decides);
            self.retries -= back.retries;
            *level = back;
        }
    }
}

/// Refuses statements that nest too deeply (54001).
pub(super) fn check(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut outer = Outer::default();
    let mut level = Level::new(Enclosed::Brackets);
    let mut before = 0;
    for token in tokens {
        if matches!(token.token, Token::Whitespace(_)) {
            continue;
        }
        let called = std::mem::replace(&mut before, retries(&token.token));
        if std::mem::take(&mut level.begins)
            && matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.keyword == Keyword::WITH)
        {
            level.with = true;
        }
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                if token.token == Token::LBracket {
                    level.steps += 1;
                }
                outer.enter(&mut level, Enclosed::Brackets);
                level.retries = called;
            }
            Token::RParen | Token::RBracket | Token::RBrace => outer.leave(&mut level),
            Token::SemiColon => {
                outer = Outer::default();
                level = Level::new(Enclosed::Brackets);
            }
            Token::Comma => {
                level.steps = 0;
                level.tables += usize::from(level.listing);
            }
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::CASE => outer.enter(&mut level, Enclosed::Case),
                Keyword::END if level.by == Enclosed::Case => outer.leave(&mut level),
                Keyword::FROM | Keyword::WITH | Keyword::USING => {
                    level.steps = 0;
                    level.listing = true;
                }
                Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::MINUS
                | Keyword::JOIN
                | Keyword::PIVOT
                | Keyword::UNPIVOT
                | Keyword::MATCH_RECOGNIZE => {
                    level.steps = 0;
                    level.tables += 1;
                }
                Keyword::SELECT
                | Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::VALUES
                | Keyword::SET => {
                    level.steps = 0;
                    level.listing = false;
                }
                Keyword::WHEN | Keyword::THEN | Keyword::ELSE => {
                    level.steps = 0;
                    level.decides = level.by == Enclosed::Case && word.keyword == Keyword::WHEN;
                }
                Keyword::ON => level.steps = 0,
                Keyword::AND
                | Keyword::OR
                | Keyword::XOR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::NOTNULL
                | Keyword::IN
                | Keyword::BETWEEN
                | Keyword::LIKE
                | Keyword::ILIKE
                | Keyword::RLIKE
                | Keyword::REGEXP
                | Keyword::SIMILAR
                | Keyword::OVERLAPS
                | Keyword::COLLATE
                | Keyword::AT
                | Keyword::DIV
                | Keyword::OPERATOR
                | Keyword::MEMBER
                | Keyword::EXPLAIN => level.steps += 1,
                _ => {}
            },
            other if is_operator(other) => level.steps += 1,
            _ => {}
        }
        if outer.conditions + usize::from(level.decides) > CONDITIONS {
            return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "the statement is nested too deeply")
                .with_detail(format!("CASE may decide upon CASE {CONDITIONS} levels deep."))
                .with_hint("Compute the inner ones in a query of their own."));
        }
        if outer.retries + level.retries > RETRIES {
            return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "the statement is nested too deeply")
                .with_detail(format!(
                    "CAST, ARRAY[..], NOT (..), substring and their like may nest {RETRIES} levels deep."
                ))
                .with_hint("Compute the inner ones in a query of their own."));
        }
        if outer.withs + usize::from(level.with) > WITHS {
            return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "the statement is nested too deeply")
                .with_detail(format!("WITH may stand in WITH {WITHS} levels deep."))
                .with_hint("Define every query in the outermost WITH."));
        }
        if outer.weight + level.weight() > MOST {
            return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "the statement is nested too deeply")
                .with_detail(format!("An expression may have {MOST} operators, and a query {} tables.", MOST / TABLE))
                .with_hint("Use IN (..) for many values, or ask in several statements."));
        }
    }
    Ok(())
}

/// How often the parser doubles its time for what stands in brackets behind this word: where something is wrong in them,
/// it reads them once more as the arguments of a function, or as the subscript of a column, of that name.
fn retries(token: &Token) -> usize {
    match token {
        Token::Word(word) if word.quote_style.is_none() => match word.keyword {
            Keyword::ARRAY
            | Keyword::CAST
            | Keyword::TRY_CAST
            | Keyword::SAFE_CAST
            | Keyword::CONVERT
            | Keyword::TRY_CONVERT
            | Keyword::SUBSTRING
            | Keyword::SUBSTR
            | Keyword::OVERLAY
            | Keyword::FLOOR
            | Keyword::CEIL
            | Keyword::CEILING
            | Keyword::NOT
            // An aggregate in the condition or the order of another is planned twice.
            | Keyword::FILTER
            | Keyword::GROUP => 1,
            Keyword::POSITION => 2,
            _ => 0,
        },
        _ => 0,
    }
}

/// Whether a token takes what stands before it as its operand.
fn is_operator(token: &Token) -> bool {
    !matches!(
        token,
        Token::EOF
            | Token::Word(_)
            | Token::Number(..)
            | Token::Char(_)
            | Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
            | Token::Whitespace(_)
            | Token::Period
            | Token::Placeholder(_)
    )
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn deep(sql: &str) -> bool {
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize_with_location().unwrap();
        match check(&tokens) {
            Ok(()) => false,
            Err(error) => {
                assert_eq!(error.state(), SqlState::STATEMENT_TOO_COMPLEX);
                true
            }
        }
    }

    #[test]
    fn long_chains_are_deep() {
        let chain = |step: &str| format!("SELECT 1{}", step.repeat(6_000));
        for step in ["+1", "||1", "::int", "[1]", " IS NULL", " OR 1=1", " AND true", " COLLATE \"C\"", " IN (1)"] {
            assert!(deep(&chain(step)), "{step}");
        }
        assert!(deep(&format!("SELECT {}", "CASE WHEN a=1 THEN 2 END + ".repeat(6_000))));
        assert!(deep(&format!("SELECT {}", "f(1) - ".repeat(6_000))));
        assert!(deep(&format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(1_100))));
        assert!(deep(&format!("SELECT 1 FROM t{}", ", t".repeat(1_100))));
        assert!(deep(&format!("SELECT 1 FROM t{}", " LEFT JOIN t ON a=b".repeat(1_100))));
        assert!(deep(&format!("WITH a AS (SELECT 1){} SELECT 1", ", b AS (SELECT 1)".repeat(1_100))));
        assert!(deep(&format!("{}SELECT 1{}", "WITH a AS (".repeat(11), ") SELECT 1".repeat(11))));
        assert!(deep(&format!("SELECT {}", "CASE WHEN ".repeat(11))));
        assert!(deep(&format!("SELECT {}", "CASE (".repeat(11))));
        for (open, close) in [
            ("CAST(", " AS int)"),
            ("ARRAY[", "]"),
            ("cast ( substring(", ") AS text)"),
            ("Floor(-", ")"),
            ("NOT (", ")"),
        ] {
            assert!(deep(&format!("SELECT {}1 1{}", open.repeat(13), close.repeat(13))), "{open}");
        }
        assert!(deep(&format!("SELECT {}1{}", "position(".repeat(7), " IN 'a')".repeat(7))));
        // Half of the levels outside of the brackets, half of them inside.
        assert!(deep(&format!("SELECT {}({})", "1+".repeat(3_000), "1+".repeat(3_000))));
    }

    #[test]
    fn long_lists_are_not() {
        assert!(!deep(&format!("SELECT 1 WHERE 5 IN ({})", "-1,".repeat(20_000))));
        assert!(!deep(&format!("INSERT INTO t VALUES {}", "(1+2, -3, now()::text),".repeat(20_000))));
        assert!(!deep(&format!("SELECT {}1 FROM t", "a AND b, ".repeat(20_000))));
        assert!(!deep(&"SELECT 1 + 1 FROM a, b WHERE c OR d;".repeat(20_000)));
        assert!(!deep(&format!("SELECT CASE{} END", " WHEN a=1 THEN 2".repeat(20_000))));
        assert!(!deep(&format!("{}SELECT 1{}", "WITH a AS (".repeat(10), ") SELECT 1".repeat(10))));
        assert!(!deep(&"WITH a AS (WITH b AS (SELECT 1) SELECT 1) SELECT 1;".repeat(20)));
        assert!(!deep(&format!("SELECT {}1{}", "CASE WHEN a THEN ".repeat(50), " ELSE 2 END".repeat(50))));
        assert!(!deep(&format!("SELECT {}1{}", "CASE WHEN ".repeat(10), " THEN true END".repeat(10))));
        assert!(!deep(&format!("SELECT {}1{}", "CAST(".repeat(12), " AS int)".repeat(12))));
        assert!(!deep(&format!("SELECT {}1", "CAST(a[1] AS int) + ARRAY[1][1] + ".repeat(1_000))));
        assert!(!deep(&format!("SELECT {}1{}", "lower(".repeat(50), ")".repeat(50))));
        assert!(!deep(&format!("SELECT cast, {}1{}", "(".repeat(50), ")".repeat(50))));
        assert!(!deep("SELECT )))]]]}}} END END"));
    }
}
