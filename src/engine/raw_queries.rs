//! Before a statement with `remote_query(server, query)` is planned, the servers prepare the queries.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, TableFactor, Value, ValueWithSpan, VisitorMut,
};

use super::Engine;
use crate::catalog::change::undefined;
use crate::catalog::definitions::Definitions;
use crate::catalog::rights::denied;
use crate::ddl::calls;
use crate::error::{Error, Result, SqlState};
use crate::planner::remote_query::{self, NAME, RemoteQueryTable};

/// Asks servers in the name of a role.
#[derive(Debug)]
pub(super) struct RawQuerier {
    engine: Arc<Engine>,
    definitions: Arc<Definitions>,
    role: String,
}

impl RawQuerier {
    /// Servers are those of `definitions`.
    pub fn new(engine: &Arc<Engine>, definitions: &Arc<Definitions>, role: &str) -> Self {
        RawQuerier { engine: Arc::clone(engine), definitions: Arc::clone(definitions), role: role.to_string() }
    }

    async fn prepare(&self, server: &str, query: &str) -> Result<RemoteQueryTable> {
        let defined = self.definitions.servers.get(server).ok_or_else(|| undefined("server", server))?;
        if !self.definitions.rights(&self.role).server(defined) {
            return Err(denied(&format!("foreign server {server}")));
        }
        let source = self.engine.sources.get(&self.definitions, server, &self.role)?;
        let raw = source.raw_query(query).await?;
        let mut names: Vec<&str> = raw.schema.fields().iter().map(|field| field.name().as_str()).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(Error::new(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{name}\" of a query of server \"{server}\" specified more than once"),
            )
            .with_hint("Give one of them another name with AS."));
        }
        Ok(RemoteQueryTable { server: server.to_string(), query: query.to_string(), raw })
    }
}

/// The state to plan a statement with whose raw queries are prepared; none for a statement without any. `text` is the
/// statement's own, for positions.
pub(super) async fn prepared(
    state: &SessionState,
    statement: &mut DfStatement,
    text: &str,
) -> DfResult<Option<SessionState>> {
    let mut calls = Calls::default();
    calls::change(statement, &mut calls)?;
    if calls.found.is_empty() {
        return Ok(None);
    }
    let querier = state
        .config()
        .get_extension::<RawQuerier>()
        .ok_or_else(|| Error::unsupported(format!("{NAME} cannot be called here")))?;
    let mut tables: Vec<Arc<RemoteQueryTable>> = vec![];
    for call in calls.found {
        if tables.iter().any(|table| table.server == call.server && table.query == call.query) {
            continue;
        }
        let table = querier.prepare(&call.server, &call.query).await.map_err(|error| call.place(error, text))?;
        tables.push(Arc::new(table));
    }
    let mut state = state.clone();
    remote_query::register(&mut state, tables);
    Ok(Some(state))
}

/// One call in a statement.
#[derive(Debug)]
struct Call {
    server: String,
    query: String,
    literal: ValueWithSpan,
}

impl Call {
    /// An error of the server's with its place in the statement instead of in the query. Where the one cannot be told
    /// from the other the place is said in words.
    fn place(&self, error: Error, text: &str) -> Error {
        let Some(position) = error.position() else { return error };
        match position_in(text, &self.literal, position) {
            Some(found) => error.with_position(Some(found)),
            None => error.with_position(None).with_context(format!("character {position} of the query")),
        }
    }
}

/// Where the `position`th character of a literal stands in the text, both counted from 1.
fn position_in(text: &str, literal: &ValueWithSpan, position: usize) -> Option<usize> {
    let start = literal.span.start;
    let line = usize::try_from(start.line).ok()?.checked_sub(1)?;
    let column = usize::try_from(start.column).ok()?.checked_sub(1)?;
    let before: usize = text.split_inclusive('\n').take(line).map(|line| line.chars().count()).sum::<usize>() + column;
    let mut letters = text.chars().skip(before).enumerate();
    let opening = match &literal.value {
        Value::SingleQuotedString(_) => 1,
        Value::DollarQuotedString(quoted) => quoted.tag.as_ref().map_or(0, |tag| tag.chars().count()) + 2,
        _ => return None,
    };
    // Another literal than the text's own, as in a view that was written anew, has no place in it.
    let quote = if opening == 1 { '\'' } else { '$' };
    if letters.next()?.1 != quote {
        return None;
    }
    let mut left = position;
    let mut letters = letters.skip(opening - 1).peekable();
    while let Some((at, letter)) = letters.next() {
        left = left.checked_sub(1)?;
        if left == 0 {
            return Some(before + at + 1);
        }
        if opening == 1 && letter == '\'' {
            letters.next();
        }
    }
    None
}

/// Finds the calls. Those without a name for their rows get the function's, as in Postgres.
#[derive(Debug, Default)]
struct Calls {
    found: Vec<Call>,
}

impl Calls {
    fn call(&mut self, args: &[FunctionArg]) -> Result<()> {
        let [server, query] = args else {
            return Err(Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("{NAME} takes two arguments, a server and a query"),
            ));
        };
        let (Some((server, _)), Some((query, literal))) = (text_of(server), text_of(query)) else {
            return Err(Error::unsupported(format!("the arguments of {NAME} must be text literals"))
                .with_hint("The query is prepared at its server before the statement is planned."));
        };
        self.found.push(Call { server, query, literal });
        Ok(())
    }
}

impl VisitorMut for Calls {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        let (name, args, alias) = match factor {
            TableFactor::Table { name, args: Some(args), alias, .. } => (name, &args.args, alias),
            TableFactor::Function { name, args, alias, .. } => (name, &*args, alias),
            _ => return ControlFlow::Continue(()),
        };
        if !calls::names(name, NAME) {
            return ControlFlow::Continue(());
        }
        if let Err(error) = self.call(args) {
            return ControlFlow::Break(error);
        }
        calls::name_rows(alias, NAME);
        ControlFlow::Continue(())
    }
}

/// A text literal's value.
fn text_of(argument: &FunctionArg) -> Option<(String, ValueWithSpan)> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else { return None };
    let text = match &value.value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => text.clone(),
        Value::DollarQuotedString(text) => text.value.clone(),
        _ => return None,
    };
    Some((text, value.clone()))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::ddl::dialect::PgDialect;

    fn place(sql: &str, position: usize) -> Option<String> {
        let statement = Parser::parse_sql(&PgDialect, sql).unwrap().remove(0);
        let mut calls = Calls::default();
        calls::change(&mut DfStatement::Statement(Box::new(statement)), &mut calls).unwrap();
        let found = position_in(sql, &calls.found[0].literal, position)?;
        Some(sql.chars().skip(found - 1).collect())
    }

    #[test]
    fn places_count_in_the_statement() {
        let place = |sql: &str, position| place(sql, position);
        assert_eq!(place("SELECT *\n FROM remote_query('ä', 'SELECT x')", 8).as_deref(), Some("x')"));
        assert_eq!(place("SELECT * FROM remote_query('e', 'a''b''c d')", 5).as_deref(), Some("c d')"));
        assert_eq!(place("SELECT * FROM remote_query('e', $q$ab'c$q$)", 4).as_deref(), Some("c$q$)"));
        assert_eq!(place("SELECT * FROM remote_query('e', E'a\\'b')", 2), None);
        assert_eq!(place("SELECT * FROM remote_query('e', 'ab')", 90), None);
    }

    #[test]
    fn arguments_are_literals() {
        for (sql, state) in [
            ("SELECT * FROM remote_query('e')", SqlState::UNDEFINED_FUNCTION),
            ("SELECT * FROM remote_query('e', $1)", SqlState::FEATURE_NOT_SUPPORTED),
            ("SELECT * FROM t, LATERAL remote_query('e', t.a)", SqlState::FEATURE_NOT_SUPPORTED),
        ] {
            let statement = Parser::parse_sql(&PgDialect, sql).unwrap().remove(0);
            let failed = calls::change(&mut DfStatement::Statement(Box::new(statement)), &mut Calls::default());
            assert_eq!(failed.unwrap_err().state(), state, "{sql}");
        }
    }
}
