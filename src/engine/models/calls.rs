//! Before a statement with calls of `tree_choice` is planned, their models are looked up, with the caller's path:
//! `tree_choice(city, 'm', age, source)` becomes `tree_choice(city, "tree m"(age, source))`, in which the inner function
//! is the model's tree, known to this statement alone. A plan so holds all that it needs, and one that is kept belongs to
//! one state of the catalog, which no other model changes.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::ScalarUDF;
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Value, ValueWithSpan, Visitor, VisitorMut,
};

use crate::catalog::change::undefined;
use crate::catalog::definitions::Definitions;
use crate::ddl::calls;
use crate::ddl::name::relation_name;
use crate::ddl::statement::NameRef;
use crate::engine::relation_calls::{Caller, literal_of};
use crate::error::{Error, Result, SqlState};
use crate::models::TreeScore;

const NAME: &str = "tree_choice";

/// How it is called where the model is not known.
const USAGE: &str = "It is called as tree_choice(value, 'model', features, ..).";

/// The state to plan a statement with whose models are looked up; none for a statement without any.
pub(in crate::engine) fn prepared(state: &SessionState, statement: &mut DfStatement) -> DfResult<Option<SessionState>> {
    if first_calls(statement)?.is_empty() {
        return Ok(None);
    }
    let caller = state
        .config()
        .get_extension::<Caller>()
        .ok_or_else(|| Error::unsupported(format!("{NAME} cannot be called here")))?;
    let mut binder = Binder { definitions: caller.definitions(), path: caller.search_path(), caller, scores: vec![] };
    calls::change(statement, &mut binder)?;
    let mut own = state.clone();
    for score in binder.scores {
        own.register_udf(score)?;
    }
    Ok(Some(own))
}

/// The models that a statement names, as it names them.
pub(in crate::engine) fn named(statement: &DfStatement) -> Result<Vec<NameRef>> {
    first_calls(statement)?.into_iter().map(|literal| model_name(&literal)).collect()
}

/// The literals that name the models of a statement.
fn first_calls(statement: &DfStatement) -> Result<Vec<ValueWithSpan>> {
    let mut finder = Finder(vec![]);
    calls::look(statement, &mut finder)?;
    Ok(finder.0)
}

fn model_name(literal: &ValueWithSpan) -> Result<NameRef> {
    match &literal.value {
        Value::SingleQuotedString(text) => relation_name(text).map_err(|error| {
            let hint = "Write it as in a statement, for example 'city_model' or 'clean.city_model'.";
            let error = if error.state() == SqlState::INVALID_NAME {
                Error::new(SqlState::INVALID_NAME, format!("invalid name of a model: \"{text}\"")).with_hint(hint)
            } else {
                error
            };
            placed(error, literal)
        }),
        _ => Err(placed(
            Error::new(SqlState::DATATYPE_MISMATCH, format!("argument model of {NAME} must be a name in quotes"))
                .with_hint(USAGE),
            literal,
        )),
    }
}

/// An error at a literal's place in the statement.
fn placed(error: Error, literal: &ValueWithSpan) -> Error {
    let start = literal.span.start;
    let number = |at: u64| usize::try_from(at).unwrap_or(0);
    error.with_position(None).with_line_column(number(start.line), number(start.column))
}

/// The arguments of a call of `tree_choice`; none for another function.
fn arguments(function: &Function) -> Option<&FunctionArgumentList> {
    match &function.args {
        FunctionArguments::List(list) if calls::names(&function.name, NAME) => Some(list),
        _ => None,
    }
}

/// The literal that names the model of a call; 42883 where there is none, 0A000 where it is no literal.
fn model_of(list: &FunctionArgumentList) -> Result<ValueWithSpan> {
    let Some(model) = list.args.get(1) else {
        let given = vec!["unknown"; list.args.len()].join(", ");
        let message = format!("function {NAME}({given}) does not exist");
        return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message).with_hint(USAGE));
    };
    literal_of(model).ok_or_else(|| {
        Error::unsupported(format!("argument model of {NAME} must be a literal"))
            .with_hint("Which model is asked is settled when the statement is planned.")
    })
}

/// Finds calls and changes nothing.
#[derive(Debug)]
struct Finder(Vec<ValueWithSpan>);

impl Visitor for Finder {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Error> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let Some(list) = arguments(function) else { return ControlFlow::Continue(()) };
        match model_of(list) {
            Ok(literal) => self.0.push(literal),
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}

/// Puts trees in the places of the models' names.
#[derive(Debug)]
struct Binder {
    definitions: Arc<Definitions>,
    path: Vec<String>,
    caller: Arc<Caller>,
    scores: Vec<Arc<ScalarUDF>>,
}

impl Binder {
    /// The function that scores by the model of this name, given so many features.
    fn score(&mut self, name: &NameRef, features: usize) -> Result<Arc<ScalarUDF>> {
        if let Some(schema) = &name.schema {
            self.caller.check_look(schema)?;
        }
        let model = self.definitions.find_model(name, &self.path).ok_or_else(|| {
            undefined("model", &name.shown())
                .with_hint("Models are made with CREATE MODEL and listed in onerow_models.")
        })?;
        let score = TreeScore::new(&model.name.to_string(), &model.name.shown(), model.trained()?);
        score.check_count(features)?;
        let score = ScalarUDF::new_from_impl(score);
        match self.scores.iter().find(|known| known.name() == score.name()) {
            Some(known) => Ok(Arc::clone(known)),
            None => {
                let score = Arc::new(score);
                self.scores.push(Arc::clone(&score));
                Ok(score)
            }
        }
    }

    fn bind(&mut self, function: &mut Function) -> Result<()> {
        let Some(list) = arguments(function) else { return Ok(()) };
        let literal = model_of(list)?;
        let name = model_name(&literal)?;
        let count = list.args.len().saturating_sub(2);
        let score = self.score(&name, count).map_err(|error| placed(error, &literal))?;
        let FunctionArguments::List(list) = &mut function.args else { return Ok(()) };
        let features = list.args.split_off(2);
        let asked = Function {
            name: ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote_and_span(
                '"',
                literal.span,
                score.name(),
            ))]),
            uses_odbc_syntax: false,
            parameters: FunctionArguments::None,
            args: FunctionArguments::List(FunctionArgumentList {
                duplicate_treatment: None,
                args: features,
                clauses: vec![],
            }),
            filter: None,
            null_treatment: None,
            over: None,
            within_group: vec![],
        };
        if let Some(model) = list.args.get_mut(1) {
            *model = FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Function(asked)));
        }
        Ok(())
    }
}

impl VisitorMut for Binder {
    type Break = Error;

    /// After what is in it: a call that was bound is not met again.
    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        match self.bind(function) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::ddl::dialect::PgDialect;

    fn parsed(sql: &str) -> DfStatement {
        DfStatement::Statement(Box::new(Parser::parse_sql(&PgDialect, sql).unwrap().remove(0)))
    }

    #[test]
    fn models_are_found() {
        let sql = "SELECT TREE_CHOICE(a, 'Clean.\"M 1\"', b), (SELECT tree_choice(c, $$n$$) OVER () FROM t), \
                   'tree_choice', x.tree_choice(a, b) FROM t WHERE tree_choice > 1";
        let names: Vec<String> = named(&parsed(sql)).unwrap().iter().map(NameRef::shown).collect();
        assert_eq!(names, ["clean.M 1", "n"]);
        for (call, state) in [
            ("tree_choice()", SqlState::UNDEFINED_FUNCTION),
            ("tree_choice(a)", SqlState::UNDEFINED_FUNCTION),
            ("tree_choice(a, b)", SqlState::FEATURE_NOT_SUPPORTED),
            ("tree_choice(a, $1, b)", SqlState::FEATURE_NOT_SUPPORTED),
            ("tree_choice(a, 0.5)", SqlState::DATATYPE_MISMATCH),
            ("tree_choice(a, 'a b')", SqlState::INVALID_NAME),
        ] {
            assert_eq!(named(&parsed(&format!("SELECT {call} FROM t"))).unwrap_err().state(), state, "{call}");
        }
    }
}
