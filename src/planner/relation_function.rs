//! Functions in FROM that are given the names of relations: `lineage('customer')`.
//!
//! Such a function makes a logical plan of what it is given, so that filters, projections and push-down go through it
//! as through a view. The names are looked up before the statement is planned, since that may take a while and the
//! planner cannot wait; the engine finds the calls, and registers what came of them for this statement alone. Until the
//! analyzer the call is a scan of a [`View`], which is then put in its place.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::scalar::ScalarValue;

use super::view::View;
use crate::catalog::definitions::{DATABASE, Definitions, RelationDef, RelationName};
use crate::catalog::pg::FunctionInfo;
use crate::error::{Error, Result};

/// The names of all functions over named relations, whose rows are rows as those of a table are.
pub const NAMES: &[&str] =
    &["accepted", "conflicts", "diff_views", "lineage", "profile", "quality", "rejected", "trusted", "violations"];

/// What a function takes in one place. Arguments are literals: the plan depends on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// The name of a relation that the caller may read.
    Relation,
    /// Any other text.
    Text,
    /// A number.
    Number,
    /// A truth value.
    Boolean,
}

/// One argument that a function takes.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// Its name, as `\df` shows it.
    pub name: &'static str,
    /// What it is.
    pub takes: Takes,
    /// Whether it must be given; those that need not be come last.
    pub required: bool,
}

/// A relation that a call names, looked up with the caller's path and rights.
#[derive(Clone, Debug)]
pub struct NamedRelation {
    /// What is defined, with its full name.
    pub definition: RelationDef,
    /// What it is planned with.
    pub provider: Arc<dyn TableProvider>,
}

impl NamedRelation {
    /// Its full name.
    pub fn name(&self) -> &RelationName {
        &self.definition.name
    }

    /// The view, if it is one.
    pub fn view(&self) -> Option<&View> {
        self.provider.downcast_ref::<View>()
    }

    /// A plan that reads it; columns are qualified with its name.
    pub fn scan(&self) -> Result<LogicalPlanBuilder> {
        let name = self.name();
        let table = TableReference::full(DATABASE, name.schema.as_str(), name.name.as_str());
        let source = provider_as_source(Arc::clone(&self.provider));
        Ok(LogicalPlanBuilder::scan(table, source, None)?)
    }
}

/// One argument of a call.
#[derive(Clone, Debug)]
pub enum Given {
    /// A relation.
    Relation(Box<NamedRelation>),
    /// A text.
    Text(String),
    /// A number, as it was written.
    Number(String),
    /// A truth value.
    Boolean(bool),
}

/// One call, its arguments checked against [`RelationFunction::arguments`].
#[derive(Clone, Debug)]
pub struct RelationCall {
    /// The arguments in order; fewer than the function takes when some were left out.
    pub arguments: Vec<Given>,
}

impl RelationCall {
    /// The relation in a place. An argument that is none is a mistake of the function.
    pub fn relation(&self, at: usize) -> Result<&NamedRelation> {
        match self.arguments.get(at) {
            Some(Given::Relation(relation)) => Ok(relation),
            _ => Err(Error::internal(format!("argument {at} of a function is no relation"))),
        }
    }
}

/// What a function may ask while it plans: everything as the caller sees it, in the state of the catalog that the
/// statement is planned in.
#[async_trait]
pub trait RelationContext: Debug + Send + Sync {
    /// The session's state, to plan expressions and analyse plans with.
    fn state(&self) -> &SessionState;

    /// The catalog.
    fn definitions(&self) -> Arc<Definitions>;

    /// A relation to plan with; 42P01 when there is none.
    async fn relation(&self, name: &RelationName) -> Result<NamedRelation>;

    /// The plan of a query, as if the caller had written it: not analysed, with views as scans of [`View`]. Names are
    /// to be written with their schema, and quoted.
    async fn query(&self, sql: &str) -> Result<LogicalPlan>;
}

/// A function in FROM that makes a plan of relations.
#[async_trait]
pub trait RelationFunction: Debug + Send + Sync {
    /// Its name in SQL, in lower case.
    fn name(&self) -> &'static str;

    /// What it takes.
    fn arguments(&self) -> &'static [Argument];

    /// What it gives, in a sentence, for `\df+`.
    fn description(&self) -> &'static str;

    /// The plan of a call. It need not be analysed; the names of its columns must differ, and are the function's.
    async fn plan(&self, call: &RelationCall, context: &dyn RelationContext) -> Result<LogicalPlan>;
}

/// How a function is called, for hints: `lineage(view)`.
pub fn usage(function: &dyn RelationFunction) -> String {
    let arguments = function.arguments().iter();
    let names: Vec<String> = arguments
        .map(|argument| match argument.required {
            true => argument.name.to_string(),
            false => format!("[{}]", argument.name),
        })
        .collect();
    format!("{}({})", function.name(), names.join(", "))
}

/// The function as `\df` shows it.
pub fn described(function: &dyn RelationFunction) -> FunctionInfo {
    let arguments = function.arguments().iter().map(|argument| {
        let kind = match argument.takes {
            Takes::Relation | Takes::Text => "text",
            Takes::Number => "numeric",
            Takes::Boolean => "boolean",
        };
        let default = if argument.required { "" } else { " DEFAULT NULL" };
        format!("{} {kind}{default}", argument.name)
    });
    FunctionInfo {
        name: function.name().to_string(),
        kind: "f",
        result: "SETOF record".to_string(),
        arguments: arguments.collect::<Vec<_>>().join(", "),
        argument_count: i16::try_from(function.arguments().len()).unwrap_or(i16::MAX),
        volatility: "s",
        returns_set: true,
        description: Some(function.description().to_string()),
    }
}

/// The calls of one function in a statement, each under its number.
#[derive(Debug)]
struct Calls {
    name: &'static str,
    planned: Vec<(i64, Arc<View>)>,
}

impl TableFunctionImpl for Calls {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> DfResult<Arc<dyn TableProvider>> {
        let number = match args.exprs() {
            [Expr::Literal(ScalarValue::Int64(number), _)] => *number,
            _ => None,
        };
        let planned = self.planned.iter().find(|(known, _)| Some(*known) == number);
        match planned {
            Some((_, view)) => Ok(Arc::clone(view) as Arc<dyn TableProvider>),
            None => Err(Error::unsupported(format!("{} cannot be called here", self.name)).into()),
        }
    }
}

/// Registers a function with its planned calls: in the statement each has its number as its one argument.
pub fn register(state: &mut SessionState, name: &'static str, planned: Vec<(i64, Arc<View>)>) {
    state.register_udtf(name, Arc::new(Calls { name, planned }));
}
