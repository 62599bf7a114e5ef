//! The literals that a query looks up: `x = 'a'` and `x = 1` in a condition of WHERE.

use std::ops::ControlFlow;

use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Select, Statement as SqlStatement, Value, ValueWithSpan, VisitMut, VisitorMut,
};

use crate::catalog::types::PgType;

/// The most that are taken out of one query.
const MOST: usize = 16;

/// A literal that was taken out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    /// `'..'`, whose type is that of what it is compared with.
    Text(String),
    /// Digits.
    Number(String),
}

impl Literal {
    /// Whether it was written as a number.
    pub fn is_number(&self) -> bool {
        matches!(self, Literal::Number(_))
    }

    /// The value of this type that it is beside `=`; none where it is none, or is not read here.
    ///
    /// A number is compared in the wider of the two types, so that one that fits the column's type is equal to the same
    /// values in that type.
    pub fn value(&self, kind: &PgType) -> Option<ScalarValue> {
        match (self, kind) {
            (Literal::Text(text), PgType::Text) => Some(ScalarValue::Utf8View(Some(text.clone()))),
            (Literal::Number(digits), PgType::Int2) => Some(ScalarValue::Int16(Some(digits.parse().ok()?))),
            (Literal::Number(digits), PgType::Int4) => Some(ScalarValue::Int32(Some(digits.parse().ok()?))),
            (Literal::Number(digits), PgType::Int8) => Some(ScalarValue::Int64(Some(digits.parse().ok()?))),
            _ => None,
        }
    }
}

/// Puts parameters in the places of the literals that a query looks up, `$first` and on, and gives the literals.
pub(super) fn take(query: &mut SqlStatement, first: usize) -> Vec<Literal> {
    let mut taking = Taking { first, taken: vec![] };
    // It never breaks.
    let _ = VisitMut::visit(query, &mut taking);
    taking.taken
}

struct Taking {
    first: usize,
    taken: Vec<Literal>,
}

impl VisitorMut for Taking {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if let Some(condition) = &mut select.selection {
            self.condition(condition);
        }
        ControlFlow::Continue(())
    }
}

impl Taking {
    fn condition(&mut self, condition: &mut Expr) {
        match condition {
            Expr::Nested(inner) => self.condition(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                self.condition(left);
                self.condition(right);
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
                if is_looked_into(left) {
                    self.literal(right);
                } else if is_looked_into(right) {
                    self.literal(left);
                }
            }
            _ => {}
        }
    }

    fn literal(&mut self, expr: &mut Expr) {
        if self.taken.len() >= MOST {
            return;
        }
        let Expr::Value(ValueWithSpan { value, .. }) = expr else { return };
        let literal = match value {
            Value::SingleQuotedString(text) => Literal::Text(std::mem::take(text)),
            Value::Number(digits, false) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                Literal::Number(std::mem::take(digits))
            }
            _ => return,
        };
        *value = Value::Placeholder(format!("${}", self.first + self.taken.len()));
        self.taken.push(literal);
    }
}

/// A column, or a function of something.
fn is_looked_into(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Function(_))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::{DFParser, Statement};
    use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;

    use super::*;

    fn taken(sql: &str) -> (String, Vec<Literal>) {
        let parsed = DFParser::parse_sql_with_dialect(sql, &PostgreSqlDialect {}).unwrap().pop_front().unwrap();
        let Statement::Statement(mut query) = parsed else { panic!("no query") };
        let literals = take(&mut query, 2);
        (query.to_string(), literals)
    }

    #[test]
    fn what_is_looked_up_is_taken_out() {
        let text = |text: &str| Literal::Text(text.into());
        let number = |digits: &str| Literal::Number(digits.into());
        let (sql, literals) = taken("SELECT 'x', 1 FROM t WHERE a = 'it''s' AND (7 = t.b AND lower(c) = '') LIMIT 3");
        assert_eq!(sql, "SELECT 'x', 1 FROM t WHERE a = $2 AND ($3 = t.b AND lower(c) = $4) LIMIT 3");
        assert_eq!(literals, [text("it's"), number("7"), text("")]);
        let (sql, literals) =
            taken("SELECT * FROM (SELECT a FROM t WHERE a = 'x') s WHERE a IN (SELECT b FROM u WHERE c = 1)");
        assert_eq!(sql, "SELECT * FROM (SELECT a FROM t WHERE a = $2) s WHERE a IN (SELECT b FROM u WHERE c = $3)");
        assert_eq!(literals.len(), 2);
    }

    #[test]
    fn other_literals_stay() {
        for sql in [
            "SELECT a FROM t WHERE a > 'x'",
            "SELECT a FROM t WHERE a = 'x' OR a = 'y'",
            "SELECT a FROM t WHERE NOT (a = 'x')",
            "SELECT a FROM t WHERE a = 1.5",
            "SELECT a FROM t WHERE a = E'x'",
            "SELECT a FROM t WHERE a = DATE '2020-01-01'",
            "SELECT a FROM t WHERE a + 1 = 2",
            "SELECT a FROM t WHERE 'x' = 'x'",
            "SELECT a = 'x' FROM t GROUP BY a HAVING a = 'x'",
        ] {
            assert_eq!(taken(sql).1, [], "{sql}");
        }
    }

    #[test]
    fn values_are_of_the_type_that_they_are_compared_with() {
        let number = |digits: &str, kind| Literal::Number(digits.into()).value(&kind);
        assert_eq!(number("5", PgType::Int8), Some(ScalarValue::Int64(Some(5))));
        assert_eq!(number("40000", PgType::Int2), None);
        assert_eq!(number("5", PgType::Text), None);
        assert_eq!(number("5", PgType::Numeric(None)), None);
        let text = Literal::Text("5".into());
        assert_eq!(text.value(&PgType::Int4), None);
        assert_eq!(text.value(&PgType::Text), Some(ScalarValue::Utf8View(Some("5".into()))));
    }
}
