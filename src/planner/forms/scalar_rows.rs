//! Functions of one value in FROM, as in `FROM upper('x') AS u`: a query of one row and one column, which has the alias's
//! name or the function's. So are the values that are called without parentheses, `FROM current_user`.

use std::ops::ControlFlow;

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgumentList, FunctionArguments, Ident, ObjectName, SelectItem, TableAlias, TableFactor,
    VisitorMut,
};

use super::call::{call, folded};
use super::rewrite::called;
use super::rows::select;
use super::series::has_names;
use crate::ddl::calls;
use crate::error::{Error, Result, SqlState};

/// Values that are called without parentheses. Their names are reserved: no table has one of them without quotes.
const VALUES: [&str; 9] = [
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_timestamp",
    "current_user",
    "localtimestamp",
    "session_user",
    "user",
];

/// Puts queries in the places of the functions that `state` knows to give one value. Functions that give rows stay, and
/// so do those that nobody knows.
///
/// # Errors
/// 42803 for an aggregate, 42809 for a window function, 42601 for columns with types.
pub fn as_queries(statement: &mut DfStatement, state: &SessionState) -> Result<()> {
    calls::change(statement, &mut Calls { state })
}

struct Calls<'a> {
    state: &'a SessionState,
}

impl VisitorMut for Calls<'_> {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match self.replaced(factor) {
            Ok(Some(query)) => {
                *factor = query;
                ControlFlow::Continue(())
            }
            Ok(None) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Calls<'_> {
    fn replaced(&self, factor: &TableFactor) -> Result<Option<TableFactor>> {
        let (written, args, alias) = match factor {
            TableFactor::Table { name, args: Some(list), alias, with_ordinality: false, .. } => {
                (name, list.args.as_slice(), alias)
            }
            TableFactor::Function { name, args, alias, with_ordinality: false, .. } => (name, args.as_slice(), alias),
            TableFactor::Table { name, args: None, alias, sample: None, .. } if is_value(name) => {
                (name, <&[FunctionArg]>::default(), alias)
            }
            _ => return Ok(None),
        };
        let Some(name) = folded(written) else { return Ok(None) };
        if self.state.table_functions().contains_key(&name) {
            return Ok(None);
        }
        let Some(value) = self.value(&name, args)? else { return Ok(None) };
        query(&name, value, args.iter().any(has_names), alias.as_ref()).map(Some)
    }

    /// The call as a value; none where there is no function that gives one.
    fn value(&self, name: &str, args: &[FunctionArg]) -> Result<Option<Expr>> {
        let mut value = call(name, vec![]);
        if let Expr::Function(function) = &mut value {
            let args = args.to_vec();
            function.args =
                FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: vec![] });
        }
        called(&mut value)?;
        let Expr::Function(function) = &value else { return Ok(Some(value)) };
        let Some(name) = folded(&function.name) else { return Ok(None) };
        if self.state.scalar_functions().contains_key(&name) {
            return Ok(Some(value));
        }
        if self.state.aggregate_functions().contains_key(&name) {
            let message = "aggregate functions are not allowed in functions in FROM";
            return Err(Error::new(SqlState::GROUPING_ERROR, message));
        }
        if self.state.window_functions().contains_key(&name) {
            let message = format!("window function {name} requires an OVER clause");
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        Ok(None)
    }
}

fn is_value(name: &ObjectName) -> bool {
    let [part] = name.0.as_slice() else { return false };
    part.as_ident().is_some_and(|ident| {
        ident.quote_style.is_none() && VALUES.iter().any(|known| known.eq_ignore_ascii_case(&ident.value))
    })
}

/// One row of one value. One name that the alias gives to columns is the column's; more of them are the planner's to refuse.
fn query(name: &str, value: Expr, lateral: bool, alias: Option<&TableAlias>) -> Result<TableFactor> {
    if alias.is_some_and(|alias| alias.columns.iter().any(|column| column.data_type.is_some())) {
        let message = "a column definition list is only allowed for functions returning \"record\"";
        return Err(Error::syntax(message, None));
    }
    let table = alias.map_or_else(|| Ident::with_quote('"', name), |alias| alias.name.clone());
    let (column, columns) = match alias.map(|alias| alias.columns.as_slice()) {
        Some([column]) => (column.name.clone(), vec![]),
        Some(columns) => (table.clone(), columns.to_vec()),
        None => (table.clone(), vec![]),
    };
    let row = select(vec![SelectItem::ExprWithAlias { expr: value, alias: column }], None, None);
    let alias = TableAlias { explicit: true, name: table, columns, at: None };
    Ok(TableFactor::Derived { lateral, subquery: Box::new(row), alias: Some(alias), sample: None })
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    fn rewritten(sql: &str) -> Result<String> {
        let statement = script::parse(sql)?.pop().unwrap();
        let StatementKind::Plan(mut parsed) = statement.kind else { panic!("no query") };
        as_queries(&mut parsed, &SessionContext::new().state())?;
        Ok(parsed.to_string())
    }

    #[test]
    fn a_value_is_a_row() {
        for (from, becomes) in [
            ("upper('x')", "(SELECT upper('x') AS \"upper\") AS \"upper\""),
            ("upper('x') u", "(SELECT upper('x') AS u) AS u"),
            ("upper('x') AS u (c)", "(SELECT upper('x') AS c) AS u"),
            ("upper('x') AS u (c, d)", "(SELECT upper('x') AS u) AS u (c, d)"),
            ("t, upper(t.name) u", "t, LATERAL (SELECT upper(t.name) AS u) AS u"),
            // They give rows, or are not known, or are tables.
            ("generate_series(1, 2) AS g", "generate_series(1, 2) AS g"),
            ("nobody('x')", "nobody('x')"),
            ("\"current_date\"", "\"current_date\""),
            ("upper", "upper"),
        ] {
            assert_eq!(rewritten(&format!("SELECT 1 FROM {from}")).unwrap(), format!("SELECT 1 FROM {becomes}"));
        }
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for (from, state) in [("sum(1)", "42803"), ("row_number()", "42809"), ("upper('x') AS u (c text)", "42601")] {
            let error = rewritten(&format!("SELECT 1 FROM {from}")).unwrap_err();
            assert_eq!(error.state(), SqlState(state), "{from}");
        }
    }
}
