//! `remote_query(server, query)` in FROM: the answer of a server to a statement in its own language.
//!
//! The columns are what the server says when it prepares the statement, which takes a round trip. So the engine finds
//! the calls of a statement before it is planned, has them prepared, and registers what came of it for this statement
//! alone. Nothing is run before the plan is.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::{TableType, source_as_provider};
use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::ProjectionExec;

use super::secured::Secured;
use super::view::View;
use crate::catalog::pg::FunctionInfo;
use crate::error::{Error, Result};
use crate::sources::kind::RawQuery;
use crate::sources::scan::SourceScanExec;

/// The function's name.
pub const NAME: &str = "remote_query";

/// One raw query that a statement reads, prepared.
#[derive(Clone, Debug)]
pub struct RemoteQueryTable {
    /// The server's name.
    pub server: String,
    /// The query as it is written.
    pub query: String,
    /// What the server says of it.
    pub raw: RawQuery,
}

#[async_trait]
impl TableProvider for RemoteQueryTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.raw.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let schema = Arc::clone(&self.raw.schema);
        let all = SourceScanExec::new(&self.server, NAME, Arc::clone(&schema), Arc::clone(&self.raw.read), None);
        let all: Arc<dyn ExecutionPlan> = Arc::new(all);
        let Some(projection) = projection.filter(|wanted| !wanted.iter().copied().eq(0..schema.fields().len())) else {
            return Ok(all);
        };
        let columns = projection.iter().map(|index| {
            let name = schema.field(*index).name().clone();
            (Arc::new(Column::new(&name, *index)) as Arc<dyn PhysicalExpr>, name)
        });
        Ok(Arc::new(ProjectionExec::try_new(columns.collect::<Vec<_>>(), all)?))
    }
}

/// The function, as far as a statement's calls of it are prepared.
#[derive(Debug)]
struct RemoteQuery(Vec<Arc<RemoteQueryTable>>);

impl TableFunctionImpl for RemoteQuery {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> DfResult<Arc<dyn TableProvider>> {
        let text = |at: usize| match args.exprs().get(at) {
            Some(Expr::Literal(value, _)) => value.try_as_str().flatten(),
            _ => None,
        };
        let prepared = match (text(0), text(1)) {
            (Some(server), Some(query)) => self.0.iter().find(|table| table.server == server && table.query == query),
            _ => None,
        };
        match prepared {
            Some(table) => Ok(Arc::clone(table) as Arc<dyn TableProvider>),
            None => Err(Error::unsupported(format!("{NAME} cannot be called here")).into()),
        }
    }
}

/// Registers the function with the calls that are prepared.
pub fn register(state: &mut SessionState, prepared: Vec<Arc<RemoteQueryTable>>) {
    state.register_udtf(NAME, Arc::new(RemoteQuery(prepared)));
}

/// The function as `\df` shows it.
pub fn described() -> FunctionInfo {
    FunctionInfo {
        name: NAME.to_string(),
        kind: "f",
        result: "SETOF record".to_string(),
        arguments: "server text, query text".to_string(),
        argument_count: 2,
        volatility: "v",
        returns_set: true,
        description: Some("The answer of a server to a statement in its own language.".to_string()),
    }
}

/// The raw query that a plan node reads.
fn table_of(plan: &LogicalPlan) -> Option<RemoteQueryTable> {
    let LogicalPlan::TableScan(scan) = plan else { return None };
    let provider = source_as_provider(&scan.source).ok()?;
    provider.downcast_ref::<RemoteQueryTable>().cloned()
}

/// Whether a plan reads a raw query.
pub fn is_in(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let walked = plan.apply_with_subqueries(|node| {
        found |= table_of(node).is_some();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.is_err() || found
}

/// A raw query that may write: its server and its text.
pub type Writing = (String, String);

/// The raw queries of a plan that may write, those of its views too, as often as they stand there.
pub fn writing(plan: &LogicalPlan) -> Vec<Writing> {
    let mut found = vec![];
    // What breaks off a walk is an error of the visitor's, and this one has none.
    let _ = plan.apply_with_subqueries(|node| {
        found.extend(writing_in(node));
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Those of one node.
fn writing_in(node: &LogicalPlan) -> Vec<Writing> {
    let LogicalPlan::TableScan(scan) = node else { return vec![] };
    let Ok(provider) = source_as_provider(&scan.source) else { return vec![] };
    if let Some(table) = provider.downcast_ref::<RemoteQueryTable>() {
        let call = table.raw.writes.then(|| (table.server.clone(), table.query.clone()));
        return call.into_iter().collect();
    }
    if let Some(view) = provider.downcast_ref::<View>() {
        return view.writing().to_vec();
    }
    provider.downcast_ref::<Secured>().map(|secured| secured.writing().to_vec()).unwrap_or_default()
}

/// Refuses a plan that would run what may write more often than it is written, or not to its end (0A000): a query of WITH
/// that is read twice is planned twice, one below WITH RECURSIVE is run again and again, and with a LIMIT above it depends
/// on how many rows come at once whether what was done is kept.
pub fn check_writes(plan: &LogicalPlan) -> Result<()> {
    let mut read: Vec<Writing> = vec![];
    let (mut recursive, mut limited) = (false, false);
    plan.apply_with_subqueries(|node| {
        recursive |= matches!(node, LogicalPlan::RecursiveQuery(_));
        if let LogicalPlan::Limit(limit) = node
            && limit.fetch.is_some()
        {
            limited |= !writing(&limit.input).is_empty();
        }
        read.extend(writing_in(node));
        Ok(TreeNodeRecursion::Continue)
    })?;
    let repeats = read.iter().enumerate().any(|(index, call)| read.iter().take(index).any(|other| other == call));
    let refused = if repeats || (recursive && !read.is_empty()) {
        "read twice"
    } else if limited {
        "read with a LIMIT"
    } else {
        return Ok(());
    };
    Err(Error::unsupported(format!("a {NAME} that may write cannot be {refused}"))
        .with_hint("The server's option raw_queries allows writing; with 'read' it can be."))
}
