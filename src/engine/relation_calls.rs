//! Before a statement with functions over named relations is planned, `lineage('customer')`, their calls are: names are
//! looked up with the caller's path and rights, and each call becomes a view of this statement alone.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, TableFactor, UnaryOperator, Value,
    ValueWithSpan, VisitorMut,
};

use super::load::closest;
use super::planning;
use crate::catalog::definitions::{Definitions, PUBLIC, RelationName};
use crate::catalog::rights::denied;
use crate::ddl::calls;
use crate::ddl::name::relation_name;
use crate::ddl::statement::NameRef;
use crate::error::{Error, Result, SqlState};
use crate::lineage::{Conflicts, DiffViews, Lineage};
use crate::planner::bounds;
use crate::planner::names::{NameScope, Relations};
use crate::planner::relation_function::{
    self, Given, NamedRelation, RelationCall, RelationContext, RelationFunction, Takes, usage,
};
use crate::planner::view::View;
use crate::quality::{accepted, profile, rejected, scores, trusted, violations};

/// The calls of one function, by the numbers that stand in the statement for them.
type Numbered = Vec<(i64, Arc<View>)>;

/// Every function over named relations.
static FUNCTIONS: &[&dyn RelationFunction] = &[
    &Lineage,
    &Conflicts,
    &DiffViews,
    &accepted::Accepted,
    &profile::Profile,
    &scores::Quality,
    &rejected::Rejected,
    &trusted::Trusted,
    &violations::Violations,
];

/// Every function over named relations, for the catalog.
pub(super) fn functions() -> &'static [&'static dyn RelationFunction] {
    FUNCTIONS
}

/// In whose name calls are planned, and in which state of the catalog.
#[derive(Debug)]
pub(super) struct Caller {
    relations: Arc<dyn Relations>,
    scope: NameScope,
}

impl Caller {
    /// Names are looked up in `relations`, in `scope`.
    pub fn new(relations: &Arc<dyn Relations>, scope: &NameScope) -> Self {
        Caller { relations: Arc::clone(relations), scope: scope.clone() }
    }

    /// What is defined.
    pub fn definitions(&self) -> Arc<Definitions> {
        self.relations.definitions()
    }

    /// The role.
    pub fn role(&self) -> &str {
        &self.scope.role
    }

    /// 42501 unless names may be looked up in a schema.
    pub fn check_look(&self, schema: &str) -> Result<()> {
        match self.scope.looks_in(&self.relations.definitions(), schema) {
            true => Ok(()),
            false => Err(denied(&format!("schema {schema}"))),
        }
    }

    /// Where names without a schema are looked up: in the schemas that the role may use.
    pub fn search_path(&self) -> Vec<String> {
        let mut path = self.scope.search_path.read().clone();
        let definitions = self.relations.definitions();
        path.retain(|schema| self.scope.looks_in(&definitions, schema));
        path
    }
}

/// The state to plan a statement with whose calls are planned; none for a statement without any.
pub(super) async fn prepared(state: &SessionState, statement: &mut DfStatement) -> DfResult<Option<SessionState>> {
    let calls = calls_of(statement)?;
    if calls.is_empty() {
        return Ok(None);
    }
    let caller = state
        .config()
        .get_extension::<Caller>()
        .ok_or_else(|| Error::unsupported("functions over relations cannot be called here"))?;
    let context = Context { state, caller };
    let mut planned: Vec<(&'static str, Numbered)> = vec![];
    for call in calls {
        let view = Box::pin(context.planned(&call)).await.map_err(|error| call.place(error))?;
        let numbered = (call.number, Arc::new(view));
        match planned.iter_mut().find(|(name, _)| *name == call.function.name()) {
            Some((_, calls)) => calls.push(numbered),
            None => planned.push((call.function.name(), vec![numbered])),
        }
    }
    let mut own = state.clone();
    for (name, calls) in planned {
        relation_function::register(&mut own, name, calls);
    }
    Ok(Some(own))
}

/// Takes the calls out of a statement and gives the relations that they name, as they name them. What is left names the
/// other relations of the statement.
pub(super) fn take_names(statement: &mut DfStatement) -> Result<Vec<NameRef>> {
    let mut finder = Finder { found: vec![], removes: true };
    calls::change(statement, &mut finder)?;
    let mut names = vec![];
    for call in finder.found {
        for (argument, literal) in call.function.arguments().iter().zip(&call.literals) {
            if let (Takes::Relation, Value::SingleQuotedString(name)) = (argument.takes, &literal.value) {
                names.push(relation_name(name).map_err(|error| call.place(error))?);
            }
        }
    }
    Ok(names)
}

fn calls_of(statement: &mut DfStatement) -> Result<Vec<Call>> {
    let mut finder = Finder { found: vec![], removes: false };
    calls::change(statement, &mut finder)?;
    Ok(finder.found)
}

/// A relation that a statement names elsewhere than in FROM, looked up with the caller's path and rights.
pub(super) async fn relation(state: &SessionState, name: &NameRef) -> Result<NamedRelation> {
    let caller = state
        .config()
        .get_extension::<Caller>()
        .ok_or_else(|| Error::unsupported("relations cannot be looked up here"))?;
    Context { state, caller }.resolve(name).await
}

/// What a function sees of the engine.
#[derive(Debug)]
struct Context<'a> {
    state: &'a SessionState,
    caller: Arc<Caller>,
}

impl Context<'_> {
    /// One call as a view: planned, and analysed as a view is.
    async fn planned(&self, call: &Call) -> Result<View> {
        let mut arguments = vec![];
        for (takes, literal) in call.function.arguments().iter().map(|argument| argument.takes).zip(&call.literals) {
            arguments.push(match (takes, &literal.value) {
                (Takes::Relation, Value::SingleQuotedString(text)) => {
                    Given::Relation(Box::new(self.resolve(&relation_name(text)?).await?))
                }
                (Takes::Text, Value::SingleQuotedString(text)) => Given::Text(text.clone()),
                (Takes::Number, Value::Number(digits, _)) => Given::Number(digits.clone()),
                (Takes::Boolean, Value::Boolean(value)) => Given::Boolean(*value),
                _ => return Err(Error::internal("an argument was not checked")),
            });
        }
        let about = arguments.iter().filter_map(|argument| match argument {
            Given::Relation(relation) => Some(Arc::clone(&relation.provider)),
            _ => None,
        });
        let about = about.collect();
        let written = call.function.plan(&RelationCall { arguments }, self).await?;
        let name = RelationName::new("pg_catalog", call.function.name());
        planning::check_columns(&written, &name)?;
        let size = bounds::check_view(&written)?;
        let state = self.state;
        let analyzed = state.analyzer().execute_and_check(written.clone(), state.config_options(), |_, _| {})?;
        Ok(View::new(name, self.caller.scope.role.clone(), call.text.clone(), written, analyzed, size)
            .telling_of(about))
    }

    /// A relation by the name that was given for it.
    async fn resolve(&self, name: &NameRef) -> Result<NamedRelation> {
        let definitions = self.caller.relations.definitions();
        let path = self.caller.search_path();
        if let Some(schema) = &name.schema {
            self.caller.check_look(schema)?;
        }
        match definitions.find(name, &path) {
            Some(definition) => self.relation(&definition.name.clone()).await,
            None => {
                let schema = name.schema.as_ref().or_else(|| path.first()).map_or(PUBLIC, String::as_str);
                self.relation(&RelationName::new(schema, &name.name)).await.map_err(|error| {
                    if name.schema.is_some() || error.state() != SqlState::UNDEFINED_TABLE {
                        return error;
                    }
                    undefined(&definitions, &RelationName::new(schema, &name.name), &name.name)
                })
            }
        }
    }
}

/// 42P01, with a name that was perhaps meant.
fn undefined(definitions: &Definitions, name: &RelationName, shown: &str) -> Error {
    let error = Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{shown}\" does not exist"));
    match closest(definitions, name) {
        Some(near) => error.with_hint(format!("Perhaps you meant \"{near}\".")),
        None => error.with_hint(
            "Give the name of a table or view as in a statement, with its schema where that is not in search_path.",
        ),
    }
}

#[async_trait]
impl RelationContext for Context<'_> {
    fn state(&self) -> &SessionState {
        self.state
    }

    fn definitions(&self) -> Arc<Definitions> {
        self.caller.relations.definitions()
    }

    async fn relation(&self, name: &RelationName) -> Result<NamedRelation> {
        if matches!(name.schema.as_str(), "pg_catalog" | "information_schema") {
            return Err(Error::unsupported(format!("\"{name}\" is of the system catalog"))
                .with_hint("Give the name of a table or view of yours."));
        }
        let definitions = self.caller.relations.definitions();
        let provider = Box::pin(self.caller.relations.relation(name, &self.caller.scope.role)).await?;
        match (provider, definitions.relation(name)) {
            (Some(provider), Some(definition)) => Ok(NamedRelation { definition: definition.clone(), provider }),
            _ => Err(undefined(&definitions, name, &name.shown())),
        }
    }

    async fn query(&self, sql: &str) -> Result<LogicalPlan> {
        Box::pin(planning::plan_query(self.state, sql)).await.map_err(|error| error.with_position(None))
    }
}

/// One call in a statement.
#[derive(Debug)]
struct Call {
    function: &'static dyn RelationFunction,
    number: i64,
    literals: Vec<ValueWithSpan>,
    text: String,
}

impl Call {
    /// An error with its place in the statement: where the arguments begin.
    fn place(&self, error: Error) -> Error {
        // One of another text, such as a view's, would mislead.
        let error = error.with_position(None);
        let Some(start) = self.literals.first().map(|literal| literal.span.start) else { return error };
        let number = |at: u64| usize::try_from(at).unwrap_or(0);
        error.with_line_column(number(start.line), number(start.column))
    }
}

/// Finds the calls and numbers them: in the statement the number stays, in place of the arguments. Those without a name
/// for their rows get the function's, as in Postgres.
#[derive(Debug)]
struct Finder {
    found: Vec<Call>,
    /// Whether something that names nothing takes a call's place.
    removes: bool,
}

impl Finder {
    fn call(&mut self, function: &'static dyn RelationFunction, args: &[FunctionArg], text: String) -> Result<i64> {
        let takes = function.arguments();
        let required = takes.iter().filter(|argument| argument.required).count();
        if args.len() < required || args.len() > takes.len() {
            let given = vec!["unknown"; args.len()].join(", ");
            let message = format!("function {}({given}) does not exist", function.name());
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message)
                .with_hint(format!("It is called as {}.", usage(function))));
        }
        let mut literals = vec![];
        for (argument, arg) in takes.iter().zip(args) {
            let Some(literal) = literal_of(arg) else {
                return Err(Error::unsupported(format!(
                    "argument {} of {} must be a literal",
                    argument.name,
                    function.name()
                ))
                .with_hint("What the function gives is settled when the statement is planned."));
            };
            let (fits, wanted) = match argument.takes {
                Takes::Relation => {
                    (matches!(literal.value, Value::SingleQuotedString(_)), "the name of a table or view, in quotes")
                }
                Takes::Text => (matches!(literal.value, Value::SingleQuotedString(_)), "a text"),
                Takes::Number => (matches!(literal.value, Value::Number(..)), "a number"),
                Takes::Boolean => (matches!(literal.value, Value::Boolean(_)), "true or false"),
            };
            if !fits {
                return Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("argument {} of {} must be {wanted}", argument.name, function.name()),
                )
                .with_hint(format!("It is called as {}.", usage(function))));
            }
            literals.push(literal);
        }
        let number = i64::try_from(self.found.len()).unwrap_or(i64::MAX);
        self.found.push(Call { function, number, literals, text });
        Ok(number)
    }
}

impl VisitorMut for Finder {
    type Break = Error;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        let named = match &*factor {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => function_named(name),
            _ => None,
        };
        let Some(function) = named else { return ControlFlow::Continue(()) };
        let text = factor.to_string();
        let (name, args, alias) = match factor {
            TableFactor::Table { name, args: Some(args), alias, .. } => (name, &mut args.args, alias),
            TableFactor::Function { name, args, alias, .. } => (name, args, alias),
            _ => return ControlFlow::Continue(()),
        };
        let number = match self.call(function, args, text) {
            Ok(number) => number,
            Err(error) => return ControlFlow::Break(error),
        };
        if self.removes {
            let nothing = Expr::Value(Value::Null.into());
            *factor = TableFactor::TableFunction { expr: nothing, alias: None };
            return ControlFlow::Continue(());
        }
        let plain = |name: &str| Ident::new(name);
        *name = ObjectName(vec![ObjectNamePart::Identifier(plain(function.name()))]);
        let numbered = Expr::Value(Value::Number(number.to_string(), false).into());
        *args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(numbered))];
        calls::name_rows(alias, function.name());
        ControlFlow::Continue(())
    }
}

fn function_named(name: &ObjectName) -> Option<&'static dyn RelationFunction> {
    FUNCTIONS.iter().copied().find(|function| calls::names(name, function.name()))
}

/// A literal as one of its kind: texts as quoted ones, numbers with their sign.
pub(super) fn literal_of(argument: &FunctionArg) -> Option<ValueWithSpan> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else { return None };
    match expr {
        Expr::Value(value) => {
            let plain = match &value.value {
                Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => {
                    Value::SingleQuotedString(text.clone())
                }
                Value::DollarQuotedString(text) => Value::SingleQuotedString(text.value.clone()),
                Value::Number(digits, long) => Value::Number(digits.clone(), *long),
                Value::Boolean(value) => Value::Boolean(*value),
                _ => return None,
            };
            Some(ValueWithSpan { value: plain, span: value.span })
        }
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match expr.as_ref() {
            Expr::Value(ValueWithSpan { value: Value::Number(digits, long), span }) => {
                Some(ValueWithSpan { value: Value::Number(format!("-{digits}"), *long), span: *span })
            }
            _ => None,
        },
        _ => None,
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
    fn all_functions_have_rows() {
        let mut names: Vec<&str> = FUNCTIONS.iter().map(|function| function.name()).collect();
        names.sort_unstable();
        assert_eq!(names, relation_function::NAMES);
    }

    #[test]
    fn calls_read_what_they_name() {
        let sql = "SELECT * FROM LINEAGE('Erp.\"C\"') AS l, lineage, (SELECT * FROM diff_views($$a$$, 'b')) AS d";
        let mut statement = parsed(sql);
        let names: Vec<String> = take_names(&mut statement).unwrap().iter().map(NameRef::shown).collect();
        assert_eq!(names, ["erp.C", "a", "b"]);
        let mut statement = parsed(sql);
        assert_eq!(calls_of(&mut statement).unwrap().len(), 2);
        assert!(statement.to_string().contains("FROM lineage(0) AS l, lineage, (SELECT * FROM diff_views(1) AS"));
    }

    #[test]
    fn arguments_are_checked() {
        for (arguments, state) in [
            ("", SqlState::UNDEFINED_FUNCTION),
            ("'a', 'b'", SqlState::UNDEFINED_FUNCTION),
            ("$1", SqlState::FEATURE_NOT_SUPPORTED),
            ("'a' || 'b'", SqlState::FEATURE_NOT_SUPPORTED),
            ("NULL", SqlState::FEATURE_NOT_SUPPORTED),
            ("-1", SqlState::DATATYPE_MISMATCH),
            ("true", SqlState::DATATYPE_MISMATCH),
        ] {
            let mut statement = parsed(&format!("SELECT * FROM lineage({arguments})"));
            assert_eq!(calls_of(&mut statement).unwrap_err().state(), state, "{arguments}");
        }
        let named = take_names(&mut parsed("SELECT * FROM lineage('a b')"));
        assert_eq!(named.unwrap_err().state(), SqlState::INVALID_NAME);
    }
}
