//! Where parameters stand in a statement, and how the planner is told their types.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::logical_expr::{LogicalPlan, Statement as PlannedStatement};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, Expr as SqlExpr, Ident, ObjectName, Statement as SqlStatement, Value, ValueWithSpan,
    Visit, VisitMut, Visitor, VisitorMut,
};

use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// The most parameters of one statement, as in Postgres.
const MOST: usize = u16::MAX as usize;

/// Which parameter an expression is: 0 for `$1`, in parentheses or not.
pub(super) fn parameter(expr: &SqlExpr) -> Option<usize> {
    match expr {
        SqlExpr::Nested(inner) => parameter(inner),
        SqlExpr::Value(ValueWithSpan { value: Value::Placeholder(name), .. }) => index(name),
        _ => None,
    }
}

fn index(name: &str) -> Option<usize> {
    name.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < MOST)
}

/// How many parameters a statement has: as many as the greatest number says. Anything but `$1` to `$65535` is 42P02.
pub(in crate::engine) fn count(statement: &DfStatement) -> Result<usize> {
    struct Greatest(usize);

    impl Visitor for Greatest {
        type Break = Error;

        fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<Error> {
            if let Value::Placeholder(name) = &value.value {
                match index(name) {
                    Some(index) => self.0 = self.0.max(index + 1),
                    None => {
                        let message = format!("there is no parameter {name}");
                        return ControlFlow::Break(Error::new(SqlState::UNDEFINED_PARAMETER, message));
                    }
                }
            }
            ControlFlow::Continue(())
        }
    }

    let mut greatest = Greatest(0);
    match inner(statement).map(|sql| Visit::visit(sql, &mut greatest)) {
        Some(ControlFlow::Break(error)) => Err(error),
        _ => Ok(greatest.0),
    }
}

fn inner(statement: &DfStatement) -> Option<&SqlStatement> {
    match statement {
        DfStatement::Statement(sql) => Some(sql),
        DfStatement::Explain(explain) => inner(&explain.statement),
        _ => None,
    }
}

/// Lets a visitor change a statement, inside EXPLAIN too.
pub(super) fn visit(statement: &mut DfStatement, visitor: &mut impl VisitorMut<Break = ()>) {
    match statement {
        DfStatement::Statement(sql) => {
            // None of the visitors breaks.
            let _ = VisitMut::visit(sql.as_mut(), visitor);
        }
        DfStatement::Explain(explain) => visit(&mut explain.statement, visitor),
        _ => {}
    }
}

/// Whether a statement is INSERT, UPDATE or DELETE.
pub(in crate::engine) fn is_write(statement: &DfStatement) -> bool {
    matches!(statement, DfStatement::Statement(sql)
        if matches!(sql.as_ref(), SqlStatement::Insert(_) | SqlStatement::Update(_) | SqlStatement::Delete(_)))
}

/// The statement with the types of its parameters: a query as PREPARE has them, which the planner takes as they are
/// ([`unwrapped`] gives its plan), any other statement with casts.
pub(in crate::engine) fn typed(mut statement: DfStatement, kinds: &[PgType]) -> DfStatement {
    if kinds.is_empty() {
        return statement;
    }
    match statement {
        DfStatement::Statement(sql) if matches!(sql.as_ref(), SqlStatement::Query(_)) => {
            DfStatement::Statement(Box::new(SqlStatement::Prepare {
                name: Ident::new("parameters"),
                data_types: kinds.iter().map(sql_type).collect(),
                statement: sql,
            }))
        }
        _ => {
            visit(&mut statement, &mut Casts(kinds));
            statement
        }
    }
}

/// The plan of the query in a PREPARE; any other plan as it is.
pub(in crate::engine) fn unwrapped(plan: LogicalPlan) -> LogicalPlan {
    match plan {
        LogicalPlan::Statement(PlannedStatement::Prepare(prepare)) => Arc::unwrap_or_clone(prepare.input),
        plan => plan,
    }
}

/// A type's name as the planner of types reads it.
pub(super) fn sql_type(kind: &PgType) -> SqlType {
    SqlType::Custom(ObjectName::from(vec![Ident::new(kind.to_string())]), vec![])
}

/// `CAST(expr AS kind)`
pub(super) fn cast(expr: SqlExpr, kind: &PgType) -> SqlExpr {
    SqlExpr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type: sql_type(kind), array: false, format: None }
}

/// Casts every parameter to its type.
struct Casts<'a>(&'a [PgType]);

impl VisitorMut for Casts<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
        if let SqlExpr::Value(_) = expr
            && let Some(kind) = parameter(expr).and_then(|index| self.0.get(index))
        {
            *expr = cast(expr.clone(), kind);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    fn parsed(sql: &str) -> DfStatement {
        DFParser::parse_sql_with_dialect(sql, &datafusion::sql::sqlparser::dialect::PostgreSqlDialect {})
            .unwrap()
            .pop_front()
            .unwrap()
    }

    #[test]
    fn parameters_are_counted() {
        assert_eq!(count(&parsed("SELECT 1")).unwrap(), 0);
        assert_eq!(count(&parsed("SELECT $2 FROM t WHERE a IN (SELECT $5) LIMIT $3")).unwrap(), 5);
        assert_eq!(count(&parsed("EXPLAIN SELECT ($1)")).unwrap(), 1);
        assert_eq!(count(&parsed("SELECT $0")).unwrap_err().state(), SqlState::UNDEFINED_PARAMETER);
        assert_eq!(count(&parsed("SELECT $70000")).unwrap_err().state(), SqlState::UNDEFINED_PARAMETER);
    }

    #[test]
    fn types_are_told() {
        let kinds = [PgType::Uuid, PgType::Array(Box::new(PgType::Int4))];
        let shown = |sql: &str| typed(parsed(sql), &kinds).to_string();
        assert_eq!(shown("DELETE FROM t WHERE a = $1"), "DELETE FROM t WHERE a = CAST($1 AS uuid)");
        assert_eq!(shown("UPDATE t SET a = ($2)"), "UPDATE t SET a = (CAST($2 AS integer[]))");
        assert!(shown("SELECT $1").ends_with("AS SELECT $1"), "{}", shown("SELECT $1"));
    }
}
