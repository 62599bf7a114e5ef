//! `SELECT pg_sleep(seconds)`, by which clients try how they cancel. The session waits, and no thread with it: so it is
//! there as a statement of its own alone.

use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{RecordBatch, StringViewArray};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Select, SelectItem, SetExpr,
    Statement as SqlStatement, UnaryOperator, Value,
};

use super::session::Session;
use crate::catalog::pg::callable;
use crate::catalog::rights::denied;
use crate::catalog::types::void_field;
use crate::error::{Error, Result, SqlState};

/// The most that is waited for.
const MOST: Duration = Duration::from_secs(1_000_000_000);
/// `double precision`, which the function takes.
const DOUBLE: i64 = 701;

/// How long a statement waits, and what its column is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sleep {
    seconds: f64,
    name: String,
}

impl Sleep {
    /// The wait that a statement is; none where it is anything more.
    pub fn of(parsed: &DfStatement) -> Option<Sleep> {
        let DfStatement::Statement(statement) = parsed else { return None };
        let SqlStatement::Query(query) = statement.as_ref() else { return None };
        let SetExpr::Select(select) = query.body.as_ref() else { return None };
        let plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
        if !plain || !is_bare(select) {
            return None;
        }
        let [item] = select.projection.as_slice() else { return None };
        let (expr, name) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, "pg_sleep".to_string()),
            SelectItem::ExprWithAlias { expr, alias } => match alias.quote_style {
                Some(_) => (expr, alias.value.clone()),
                None => (expr, alias.value.to_lowercase()),
            },
            _ => return None,
        };
        let Expr::Function(function) = expr else { return None };
        Some(Sleep { seconds: seconds(function)?, name })
    }

    /// The schema of its one row.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(vec![void_field(&self.name)]))
    }

    /// Its row.
    pub fn row(&self) -> Result<RecordBatch> {
        Ok(RecordBatch::try_new(self.schema(), vec![Arc::new(StringViewArray::from_iter_values([""]))])?)
    }

    /// Waits. It may be dropped at any moment.
    pub async fn wait(&self) {
        let wanted = Duration::try_from_secs_f64(self.seconds.max(0.0)).unwrap_or(MOST);
        tokio::time::sleep(wanted.min(MOST)).await;
    }
}

impl Session {
    /// 42501 unless the session's role may call the function.
    pub(super) fn check_sleep(&self) -> Result<()> {
        let (catalog, role) = (self.catalog(), self.role());
        let rights = catalog.definitions.rights(&role);
        match callable::called("pg_sleep", &[Some(DOUBLE)]).iter().all(|function| rights.calls(function)) {
            true => Ok(()),
            false => Err(denied("function pg_sleep")),
        }
    }
}

/// Whether a SELECT has a list and nothing else.
fn is_bare(select: &Select) -> bool {
    select.from.is_empty() && select.selection.is_none() && select.having.is_none() && select.distinct.is_none()
}

/// The number that the function is called with; none for another function.
fn seconds(function: &Function) -> Option<f64> {
    let parts: Vec<String> =
        function.name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.to_lowercase()).collect();
    let is_sleep = match parts.as_slice() {
        [name] => name == "pg_sleep",
        [schema, name] => schema == "pg_catalog" && name == "pg_sleep",
        _ => false,
    };
    let FunctionArguments::List(list) = &function.args else { return None };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_slice() else { return None };
    if is_sleep && function.over.is_none() && function.filter.is_none() { number(argument) } else { None }
}

fn number(expr: &Expr) -> Option<f64> {
    let found: Option<f64> = match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            Value::SingleQuotedString(text) => text.trim().parse().ok(),
            _ => None,
        },
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => number(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } => number(inner).map(|seconds| -seconds),
        _ => None,
    };
    found.filter(|seconds| seconds.is_finite())
}

/// 42883 is what every other form of a call gets: it says where the function may stand.
pub(super) fn elsewhere(error: Error) -> Error {
    let is_sleep = error.state() == SqlState::UNDEFINED_FUNCTION && error.message().contains("pg_sleep");
    if is_sleep { error.with_hint("It may be called as SELECT pg_sleep(seconds) alone.") } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    fn found(sql: &str) -> Option<Sleep> {
        match script::parse(sql).unwrap().pop().unwrap().kind {
            StatementKind::Plan(parsed) => Sleep::of(&parsed),
            _ => None,
        }
    }

    #[test]
    fn a_wait_is_a_statement_of_its_own() {
        assert_eq!(found("SELECT pg_sleep(0.5)"), Some(Sleep { seconds: 0.5, name: "pg_sleep".into() }));
        assert_eq!(found("select PG_CATALOG.pg_sleep('2') AS Zz"), Some(Sleep { seconds: 2.0, name: "zz".into() }));
        for other in
            ["SELECT pg_sleep(1), 2", "SELECT pg_sleep(a) FROM t", "SELECT 1", "SELECT pg_sleep(1) WHERE false"]
        {
            assert_eq!(found(other), None, "{other}");
        }
    }
}
