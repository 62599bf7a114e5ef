//! Postgres's dialect as it is parsed here: sqlparser's, without what makes its parser go back over the same text.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArguments, Ident, ObjectName, UnaryOperator,
};
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// sqlparser's dialect of Postgres, in which the name of a named argument is an identifier.
///
/// There it may be any expression, for `json_object('label': 'value')`. The parser then reads every argument twice,
/// once as a name and once as what it is, and an argument in the argument of a function four times: `f(f(f(..)))`
/// takes twice as long for each level, which for thirty levels is hours.
#[derive(Clone, Copy, Debug, Default)]
pub struct PgDialect;

/// What the methods below hand on to.
const POSTGRES: PostgreSqlDialect = PostgreSqlDialect {};

/// Methods that answer as [`PostgreSqlDialect`] does. It has them all that do not answer by default.
macro_rules! as_postgres {
    ($($name:ident)+) => {
        $(fn $name(&self) -> bool {
            POSTGRES.$name()
        })+
    };
}

impl Dialect for PgDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<PostgreSqlDialect>()
    }

    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        false
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        POSTGRES.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        POSTGRES.is_delimited_identifier_start(character)
    }

    fn is_identifier_start(&self, character: char) -> bool {
        POSTGRES.is_identifier_start(character)
    }

    fn is_identifier_part(&self, character: char) -> bool {
        POSTGRES.is_identifier_part(character)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        POSTGRES.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, character: char) -> bool {
        POSTGRES.is_custom_operator_part(character)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        POSTGRES.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        POSTGRES.prec_value(precedence)
    }

    /// `SELECT sum(a) OVER w WINDOW w AS (..)`: the word is reserved, also where there is no FROM.
    fn is_column_alias(&self, keyword: &Keyword, parser: &mut Parser) -> bool {
        *keyword != Keyword::WINDOW && POSTGRES.is_column_alias(keyword, parser)
    }

    /// `a IS DISTINCT FROM b OR c` is of `a` and `b`: sqlparser takes all that follows for the second operand.
    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, precedence: u8) -> Option<Result<Expr, ParserError>> {
        if let Some(between) = between(parser, expr) {
            return Some(between);
        }
        let distinct = [Keyword::IS, Keyword::DISTINCT, Keyword::FROM];
        let same = [Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM];
        let is_same = if parser.parse_keywords(&distinct) {
            false
        } else if parser.parse_keywords(&same) {
            true
        } else {
            return POSTGRES.parse_infix(parser, expr, precedence);
        };
        let left = Box::new(expr.clone());
        Some(parser.parse_subexpr(precedence).map(Box::new).map(|right| match is_same {
            true => Expr::IsNotDistinctFrom(left, right),
            false => Expr::IsDistinctFrom(left, right),
        }))
    }

    /// `-2 ^ 2` is 4: a sign before an operand binds more tightly than what stands behind it, but for casts and subscripts.
    /// And `x LIKE ALL (SELECT ..)`: sqlparser takes ALL for a function, whose arguments are no query.
    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let op = match &parser.peek_token_ref().token {
            Token::Minus => UnaryOperator::Minus,
            Token::Plus => UnaryOperator::Plus,
            _ => return all_of_query(parser),
        };
        parser.advance_token();
        let operand = parser.parse_subexpr(self.prec_value(Precedence::AtTz)).map(Box::new);
        Some(operand.map(|expr| Expr::UnaryOp { op, expr }))
    }

    as_postgres! {
        supports_unicode_string_literal
        supports_filter_during_aggregation
        supports_group_by_expr
        allow_extract_custom
        allow_extract_single_quotes
        supports_create_index_with_clause
        supports_explain_with_utility_options
        supports_listen_notify
        supports_factorial_operator
        supports_bitwise_shift_operators
        supports_comment_on
        supports_load_extension
        supports_named_fn_args_with_colon_operator
        supports_empty_projections
        supports_nested_comments
        supports_string_escape_constant
        supports_numeric_literal_underscores
        supports_array_typedef_with_brackets
        supports_geometric_types
        supports_set_names
        supports_alter_column_type_using
        supports_notnull_operator
        supports_interval_options
        supports_insert_table_alias
        supports_create_table_like_parenthesized
        supports_select_wildcard_with_alias
        supports_comma_separated_trim
        supports_xml_expressions
        supports_comment_optimizer_hint
    }
}

/// `ALL (SELECT ..)` as a call of a function with a query.
fn all_of_query(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let is = |token: &Token, word: Keyword| matches!(token, Token::Word(found) if found.keyword == word);
    if !is(&parser.peek_token_ref().token, Keyword::ALL) {
        return None;
    }
    let [all, open, first] = parser.peek_tokens::<3>();
    if open != Token::LParen || !(is(&first, Keyword::SELECT) || is(&first, Keyword::WITH)) {
        return None;
    }
    parser.advance_token();
    parser.advance_token();
    let query = parser.parse_query().and_then(|query| parser.expect_token(&Token::RParen).map(|_| query));
    Some(query.map(|query| {
        Expr::Function(Function {
            name: ObjectName::from(vec![Ident::new(all.to_string())]),
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args: FunctionArguments::Subquery(query),
            filter: None,
            null_treatment: None,
            over: None,
            within_group: vec![],
        })
    }))
}

/// `x BETWEEN SYMMETRIC a AND b`: between the two, whichever is the greater one.
fn between(parser: &mut Parser, expr: &Expr) -> Option<Result<Expr, ParserError>> {
    let said = |parser: &mut Parser, word: Keyword| {
        if parser.parse_keywords(&[Keyword::NOT, Keyword::BETWEEN, word]) {
            return Some(true);
        }
        parser.parse_keywords(&[Keyword::BETWEEN, word]).then_some(false)
    };
    if let Some(negated) = said(parser, Keyword::ASYMMETRIC) {
        return Some(parser.parse_between(expr.clone(), negated));
    }
    let negated = said(parser, Keyword::SYMMETRIC)?;
    Some(parser.parse_between(expr.clone(), negated).map(|one| either_way(one, negated)))
}

fn either_way(between: Expr, negated: bool) -> Expr {
    let Expr::Between { expr, low, high, .. } = &between else { return between };
    let turned = Expr::Between { expr: expr.clone(), negated, low: high.clone(), high: low.clone() };
    let op = if negated { BinaryOperator::And } else { BinaryOperator::Or };
    Expr::Nested(Box::new(Expr::BinaryOp { left: Box::new(between), op, right: Box::new(turned) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_of_what_follows_it() {
        for (sql, left) in [("-2 ^ 2", "-2"), ("- a::int ^ 2", "-a::INT"), ("-a * b", "-a"), ("-a[1] + 1", "-a[1]")] {
            let parsed = Parser::new(&PgDialect).try_with_sql(sql).unwrap().parse_expr().unwrap();
            let Expr::BinaryOp { left: operand, .. } = parsed else { panic!("{sql}: {parsed}") };
            assert_eq!(operand.to_string(), left, "{sql}");
        }
    }

    #[test]
    fn nested_calls_are_read_once() {
        let sql = format!("SELECT {}a{}", "lower(".repeat(45), ")".repeat(45));
        assert_eq!(Parser::parse_sql(&PgDialect, &sql).unwrap().len(), 1);
    }

    #[test]
    fn between_is_symmetric_where_it_says_so() {
        let read = |sql: &str| Parser::new(&PgDialect).try_with_sql(sql).unwrap().parse_expr().unwrap().to_string();
        assert_eq!(read("a BETWEEN SYMMETRIC 3 AND 2 AND b"), "(a BETWEEN 3 AND 2 OR a BETWEEN 2 AND 3) AND b");
        assert_eq!(read("a NOT BETWEEN SYMMETRIC 3 AND 2"), "(a NOT BETWEEN 3 AND 2 AND a NOT BETWEEN 2 AND 3)");
        assert_eq!(read("a BETWEEN ASYMMETRIC 3 AND 2"), "a BETWEEN 3 AND 2");
        assert_eq!(read("a NOT IN (1)"), "a NOT IN (1)");
    }

    #[test]
    fn distinct_from_ends_before_or() {
        let read = |sql: &str| Parser::new(&PgDialect).try_with_sql(sql).unwrap().parse_expr().unwrap();
        let or = read("a IS DISTINCT FROM b OR c");
        assert!(matches!(&or, Expr::BinaryOp { left, .. } if matches!(**left, Expr::IsDistinctFrom(..))), "{or}");
        let and = read("a IS NOT DISTINCT FROM b + 1 AND NOT c");
        assert!(matches!(&and, Expr::BinaryOp { left, .. } if matches!(**left, Expr::IsNotDistinctFrom(..))), "{and}");
        let sum = read("a + 1 IS DISTINCT FROM b + 1");
        assert!(matches!(sum, Expr::IsDistinctFrom(..)), "{sum}");
    }

    #[test]
    fn it_is_postgres_s() {
        let dialect: &dyn Dialect = &PgDialect;
        assert!(dialect.is::<PostgreSqlDialect>());
        for sql in ["SELECT a ~* 'x', 1_000, E'\\n', x::int[]", "SELECT FROM a", "SELECT extract('year' FROM b)"] {
            let (ours, theirs) = (Parser::parse_sql(&PgDialect, sql), Parser::parse_sql(&POSTGRES, sql));
            assert_eq!(ours, theirs, "{sql}");
        }
    }
}
