//! Where a plan is cut: the greatest parts that one server can run, and that are worth it.
//!
//! The rule of cost. A part is shipped when it counts rows off (LIMIT, OFFSET, the first of a sort), or when it joins or
//! groups and is expected to give fewer rows than reading its tables one by one would. What a source does not tell is
//! taken to speak for shipping. Large joins of a server on this machine are made here. Expressions alone are shipped when fewer columns come back than go into them. A sort
//! of all rows stays here, and so does a DISTINCT count of very many rows: servers are no quicker at these. What such a
//! count is made of is asked of pieces of the table ([`super::pieces`]).

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Atomic};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchemaRef;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, Extension, Limit, LogicalPlan, Sort, UserDefinedLogicalNodeCore};

use super::first::likely;
use super::part::{Part, Stay};
use super::pieces::in_pieces;
use super::translate::{Translator, foreign_table, source_of};
use crate::error::Error;
use crate::federation::kept::Kept;
use crate::federation::query::RemoteQuery;
use crate::planner::foreign::ForeignTable;
use crate::sources::kind::Source;

/// A part of a plan that its source runs.
#[derive(Debug, Clone)]
pub struct Shipped {
    /// Tells nodes apart.
    id: u64,
    /// Who runs it.
    pub source: Arc<dyn Source>,
    /// What is asked.
    pub query: RemoteQuery,
    /// About how many rows come back.
    pub rows: Option<u64>,
    schema: DFSchemaRef,
}

impl Shipped {
    /// A query of about so many rows, whose columns are those of the schema.
    pub(super) fn new(source: Arc<dyn Source>, query: RemoteQuery, rows: Option<u64>, schema: DFSchemaRef) -> Shipped {
        Shipped { id: NEXT.fetch_add(1, Atomic::Relaxed), source, query, rows, schema }
    }
}

/// Why what is sorted whole is sorted here.
const SORT: &str = "a sort of all rows is no quicker at the source";

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Replaces the parts of a plan that are shipped, or with `always` all that can be; `kept` is told what is not, and why.
pub fn cut(plan: LogicalPlan, always: bool, kept: Option<&Kept>) -> DfResult<LogicalPlan> {
    let shipped = plan.transform_down_with_subqueries(|node| {
        Ok(match shipped(&node, always) {
            Ok(replaced) => Transformed::yes(replaced),
            Err(stay) => {
                if let (LogicalPlan::Aggregate(aggregate), false) = (&node, always)
                    && let Some(replaced) = in_pieces(aggregate)
                {
                    return Ok(Transformed::yes(replaced));
                }
                // The same is told of what a renamed table or a list of columns stands above.
                let tells = match &node {
                    LogicalPlan::SubqueryAlias(_) => false,
                    LogicalPlan::Projection(projection) => is_one_table(&projection.input),
                    _ => true,
                };
                if let (Stay::Because(reason), Some(kept), true) = (stay, kept, tells) {
                    kept.add(reason);
                }
                Transformed::no(node)
            }
        })
    })?;
    Ok(shipped.data)
}

fn shipped(node: &LogicalPlan, always: bool) -> Result<LogicalPlan, Stay> {
    if !matches!(
        node,
        LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Window(_)
    ) {
        return Err(Stay::Silent);
    }
    let translator = Translator::new(source_of(node).ok_or_else(|| without_sql(node))?, always);
    let part = translator.part(node)?;
    if !part.works && !narrows(node, &part) {
        return Err(match node {
            LogicalPlan::Projection(_) if part.computes => {
                Stay::because("computing of each row by itself is no less to move from the source")
            }
            LogicalPlan::Sort(_) if !part.select.order.is_empty() => Stay::because(SORT),
            LogicalPlan::Window(_) => Stay::because("a window over all rows is no less to move from the source"),
            _ => Stay::Silent,
        });
    }
    // What is sorted must stay so: the sort is made again, over the few rows that come.
    let sort = match (part.select.order.is_empty(), node) {
        (true, _) => None,
        (false, LogicalPlan::Sort(sort)) => Some(sort),
        (false, LogicalPlan::Limit(Limit { input, .. })) => match input.as_ref() {
            LogicalPlan::Sort(sort) => Some(sort),
            _ => return Err(Stay::Silent),
        },
        (false, _) => return Err(Stay::Silent),
    };
    if !part.select.order.is_empty() && !part.select.is_limited() {
        // What it sorts may be shipped by itself.
        return Err(Stay::because(SORT));
    }
    if !always {
        worth(&part, translator.source.is_near())?;
    }
    let likely = sort.and_then(|sort| likely(&translator, &part, sort));
    let mut shipped = finished(&translator, part, node)?;
    // Pieces of a table give some rows each, of which only the first are wanted.
    let first = likely.as_ref().filter(|likely| likely.pieces.is_some()).map(|likely| likely.rows);
    let fetch = first.and_then(|rows| usize::try_from(rows).ok());
    shipped.query.likely = likely;
    let node = LogicalPlan::Extension(Extension { node: Arc::new(shipped) });
    Ok(match sort {
        Some(sort) => LogicalPlan::Sort(Sort { expr: sort.expr.clone(), input: Arc::new(node), fetch }),
        None => node,
    })
}

/// Whether a plan is the rows of one table, perhaps filtered.
fn is_one_table(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::TableScan(_) => true,
        LogicalPlan::SubqueryAlias(_) | LogicalPlan::Filter(_) => plan.inputs().into_iter().all(is_one_table),
        _ => false,
    }
}

/// Why nothing of a plan is asked of a source: all its rows are here, or their sources only give rows.
fn without_sql(node: &LogicalPlan) -> Stay {
    if matches!(node, LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Limit(_)) {
        return Stay::Silent;
    }
    match table_of(node) {
        Some(table) => {
            Stay::because(format!("the source of {} only gives rows: what is made of them is made here", table.name()))
        }
        None => Stay::Silent,
    }
}

/// The first foreign table below a node.
fn table_of(plan: &LogicalPlan) -> Option<ForeignTable> {
    match plan {
        LogicalPlan::TableScan(scan) => foreign_table(scan),
        _ => plan.inputs().into_iter().find_map(table_of),
    }
}

/// Whether a projection of one table computes something and gives fewer columns than it takes.
fn narrows(node: &LogicalPlan, part: &Part) -> bool {
    match node {
        LogicalPlan::Projection(projection) => {
            part.computes && projection.expr.len() < projection.input.schema().fields().len()
        }
        _ => false,
    }
}

/// A near server whose join gives so many rows is only read, and the join made here: receiving a row takes less than
/// half of what a server takes for joining it, and a table is received over several connections.
const LARGE_JOIN: u64 = 200_000;

/// Of more rows the join is left to the server all the same: it has its tables' memory.
const MOST_TO_READ: u64 = 20_000_000;

fn worth(part: &Part, is_near: bool) -> Result<(), Stay> {
    match (part.rows, part.read) {
        _ if part.select.is_limited() || !part.works => Ok(()),
        (_, Some(read))
            if is_near
                && read <= MOST_TO_READ
                && part.joined.is_some_and(|joined| joined >= LARGE_JOIN && joined >= read / 2) =>
        {
            Err(Stay::because(format!(
                "a join of most of {read} rows is quicker here, as its server is on this machine"
            )))
        }
        (Some(rows), Some(read)) if rows >= read && rows > 1 => Err(Stay::because(format!(
            "{} at the source is expected to move no fewer rows ({rows}) than reading its tables ({read})",
            if part.select.groups.is_some() { "grouping" } else { "joining" }
        ))),
        _ => Ok(()),
    }
}

/// The query, if its columns come in the types that the plan has.
fn finished(translator: &Translator, part: Part, node: &LogicalPlan) -> Result<Shipped, Stay> {
    let dialect = translator.dialect()?;
    let schema = node.schema();
    let mut columns = vec![];
    for (item, field) in part.select.items.iter().zip(schema.fields()) {
        let mut column = dialect.selected(item).column;
        column.name.clone_from(field.name());
        column.nullable = field.is_nullable();
        if !is_carried(&column.pg_type.arrow(), field.data_type()) {
            return Err(Stay::because(format!("column {} would come in another type", field.name())));
        }
        columns.push(column);
    }
    if columns.len() != schema.fields().len()
        || part.select.write(dialect, false).parameters() > dialect.most_parameters()
    {
        return Err(Stay::Silent);
    }
    let query = RemoteQuery::new(part.select, columns, part.tables);
    Ok(Shipped::new(Arc::clone(&translator.source), query, part.rows, Arc::clone(schema)))
}

/// Whether values of the type that is read are values of the plan's type: the same, or text in another form.
fn is_carried(read: &DataType, wanted: &DataType) -> bool {
    read == wanted || (read.is_string() && wanted.is_string())
}

impl PartialEq for Shipped {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Shipped {}

impl PartialOrd for Shipped {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.id.partial_cmp(&other.id)
    }
}

impl Hash for Shipped {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl UserDefinedLogicalNodeCore for Shipped {
    fn name(&self) -> &str {
        "Shipped"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shipped: {}", self.query.tables.join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        if exprs.is_empty() && inputs.is_empty() {
            Ok(self.clone())
        } else {
            Err(Error::internal("a shipped query has no inputs").into())
        }
    }
}
