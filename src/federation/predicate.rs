//! From a DataFusion predicate to a source's SQL, with bound parameters.

use datafusion::logical_expr::expr::{InList, Like};
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, TableProviderFilterPushDown};
use datafusion::scalar::ScalarValue;

use super::dialect::{Comparison, Fidelity, Parameter, RemoteDialect};
use crate::sources::table::{ColumnSpec, TableSpec};

/// How many members an IN list may have and still be sent.
const MAX_IN_LIST: usize = 1000;

/// A predicate in a source's SQL.
#[derive(Clone, Debug, PartialEq)]
pub struct RemotePredicate {
    /// The SQL, with the dialect's placeholders.
    pub sql: String,
    /// How far the source's answer can be trusted.
    pub fidelity: Fidelity,
}

/// Writes predicates, collecting their parameters.
#[derive(Debug)]
pub struct PredicateWriter<'a> {
    dialect: &'a dyn RemoteDialect,
    table: &'a TableSpec,
    /// The values of the placeholders written so far, in order.
    pub parameters: Vec<Parameter>,
}

impl<'a> PredicateWriter<'a> {
    /// A writer for predicates over `table`.
    pub fn new(dialect: &'a dyn RemoteDialect, table: &'a TableSpec) -> Self {
        PredicateWriter { dialect, table, parameters: vec![] }
    }

    /// The predicate in the source's SQL, or none when it must stay here. Parameters of a predicate that stays
    /// here are not kept.
    pub fn write(&mut self, expr: &Expr) -> Option<RemotePredicate> {
        let mark = self.parameters.len();
        let written = self.expression(expr);
        if written.is_none() {
            self.parameters.truncate(mark);
        }
        written
    }

    fn expression(&mut self, expr: &Expr) -> Option<RemotePredicate> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
                let left = self.write(left);
                let right = self.write(right);
                match (left, right) {
                    (Some(l), Some(r)) => Some(RemotePredicate {
                        sql: format!("({} AND {})", l.sql, r.sql),
                        fidelity: l.fidelity.min(r.fidelity),
                    }),
                    // One side alone keeps more rows than both.
                    (Some(one), None) | (None, Some(one)) => {
                        Some(RemotePredicate { fidelity: Fidelity::Superset, ..one })
                    }
                    (None, None) => None,
                }
            }
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
                let left = self.expression(left)?;
                let right = self.expression(right)?;
                Some(RemotePredicate {
                    sql: format!("({} OR {})", left.sql, right.sql),
                    fidelity: left.fidelity.min(right.fidelity),
                })
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let op = comparison(*op)?;
                match (self.column(left), right.as_ref()) {
                    (Some(column), Expr::Literal(value, _)) => self.compare(column, op, value),
                    _ => match (left.as_ref(), self.column(right)) {
                        (Expr::Literal(value, _), Some(column)) => self.compare(column, op.swapped()?, value),
                        _ => None,
                    },
                }
            }
            Expr::Not(inner) => {
                if let Some(column) = self.column(inner) {
                    return self.compare(column, Comparison::Eq, &ScalarValue::Boolean(Some(false)));
                }
                let inner = self.expression(inner)?;
                // The complement of a superset would lose rows.
                (inner.fidelity == Fidelity::Exact)
                    .then(|| RemotePredicate { sql: format!("(NOT {})", inner.sql), fidelity: Fidelity::Exact })
            }
            Expr::IsNull(inner) => {
                let column = self.column(inner)?;
                let fidelity = self.dialect.tests_null(column)?;
                Some(RemotePredicate { sql: format!("({} IS NULL)", self.dialect.quote(&column.remote)), fidelity })
            }
            Expr::IsNotNull(inner) => {
                let column = self.column(inner)?;
                let sql = format!("({} IS NOT NULL)", self.dialect.quote(&column.remote));
                let fidelity = self.dialect.tests_not_null(column)?;
                Some(RemotePredicate { sql, fidelity })
            }
            Expr::Between(Between { expr, negated: false, low, high }) => {
                let column = self.column(expr)?;
                let (Expr::Literal(low, _), Expr::Literal(high, _)) = (low.as_ref(), high.as_ref()) else {
                    return None;
                };
                let low = self.compare(column, Comparison::GtEq, low)?;
                let high = self.compare(column, Comparison::LtEq, high)?;
                Some(RemotePredicate {
                    sql: format!("({} AND {})", low.sql, high.sql),
                    fidelity: low.fidelity.min(high.fidelity),
                })
            }
            Expr::Like(Like { negated, expr, pattern, escape_char: None | Some('\\'), case_insensitive: false }) => {
                let column = self.column(expr)?;
                let Expr::Literal(value, _) = pattern.as_ref() else { return None };
                let op = if *negated { Comparison::NotLike } else { Comparison::Like };
                self.compare(column, op, value)
            }
            Expr::InList(InList { expr, list, negated }) if !list.is_empty() && list.len() <= MAX_IN_LIST => {
                let column = self.column(expr)?;
                let (op, joint) = if *negated { (Comparison::NotEq, " AND ") } else { (Comparison::Eq, " OR ") };
                let mut fidelity = Fidelity::Exact;
                let mut members = Vec::with_capacity(list.len());
                for member in list {
                    let Expr::Literal(value, _) = member else { return None };
                    let member = self.compare(column, op, value)?;
                    fidelity = fidelity.min(member.fidelity);
                    members.push(member.sql);
                }
                Some(RemotePredicate { sql: format!("({})", members.join(joint)), fidelity })
            }
            Expr::Column(_) => {
                let column = self.column(expr)?;
                self.compare(column, Comparison::Eq, &ScalarValue::Boolean(Some(true)))
            }
            _ => None,
        }
    }

    fn compare(&mut self, column: &'a ColumnSpec, op: Comparison, value: &ScalarValue) -> Option<RemotePredicate> {
        if value.is_null() {
            return None;
        }
        let fidelity = self.dialect.compares(column, op, value)?;
        self.parameters.push(Parameter { value: value.clone(), column: column.clone() });
        let placeholder = self.dialect.placeholder(self.parameters.len(), column);
        let sql = self.dialect.comparison(column, op, &placeholder);
        Some(RemotePredicate { sql: format!("({sql})"), fidelity })
    }

    fn column(&self, expr: &Expr) -> Option<&'a ColumnSpec> {
        match expr {
            Expr::Column(column) => self.table.column(&column.name),
            _ => None,
        }
    }
}

fn comparison(op: Operator) -> Option<Comparison> {
    Some(match op {
        Operator::Eq => Comparison::Eq,
        Operator::NotEq => Comparison::NotEq,
        Operator::Lt => Comparison::Lt,
        Operator::LtEq => Comparison::LtEq,
        Operator::Gt => Comparison::Gt,
        Operator::GtEq => Comparison::GtEq,
        _ => return None,
    })
}

/// What a dialect does with a predicate, in DataFusion's words.
pub fn support(dialect: &dyn RemoteDialect, table: &TableSpec, filter: &Expr) -> TableProviderFilterPushDown {
    match PredicateWriter::new(dialect, table).write(filter).map(|p| p.fidelity) {
        Some(Fidelity::Exact) => TableProviderFilterPushDown::Exact,
        Some(Fidelity::Superset) => TableProviderFilterPushDown::Inexact,
        None => TableProviderFilterPushDown::Unsupported,
    }
}
