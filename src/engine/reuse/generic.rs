//! A plan that is right for every value of its parameters.
//!
//! Why the rows are those of a plan that is made with the values in it. Let P be the query's plan as it was written,
//! with parameters, and V the values of one execution, none of them null.
//!
//! - P is only taken when each of its parameters stands in a conjunct `x = $n` of a WHERE, where x is of the
//!   parameter's own type (text or a whole number; checked before anything is coerced). So P with V in it is the query
//!   with these literals, and there is nothing that the type of a literal, rather than its value, could decide.
//! - DataFusion's rules and ours keep a plan's meaning, and to them a parameter is an expression of which they know the
//!   type and nothing else: none evaluates it or looks into it. So the optimised plan G of P gives P's rows for all V.
//!   Functions that may answer otherwise the next time (`now()`, settings) are evaluated while a plan is optimised: a
//!   plan with any that is not immutable is not taken. Values that are written as text are: that asks for the session's
//!   time zone alone, and sessions of other settings have other plans (`key.rs`).
//! - G is only taken when each parameter stands in a conjunct `x = $n` of a filter right above the scan of a table, and
//!   perhaps in that scan's own filters, of which it was said that they are looked at again above (`sample.rs`). So the
//!   scan may keep more rows than its filters would, as long as it keeps those that the filter above does.
//! - Putting V in gives G(V). Then, as DataFusion's own rule for filters does: a filter that the source does not take
//!   for this value leaves the scan and stays above; one that the source takes exactly leaves the filter above.
//!
//! What is left to do, the cutting of what is shipped and physical planning, is done with G(V) as with any other plan.
//! All that could be pushed further only with values at hand, as a search of a merged view, makes a plan that is not
//! taken: its parameter does not stand above a scan. Such a query is planned with its values each time.

use std::sync::{Arc, OnceLock};

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, Filter, LogicalPlan, Operator, TableProviderFilterPushDown, TableScan, Volatility,
};

use super::direct::Direct;
use crate::catalog::types::PgType;
use crate::engine::parameters::Parameter;
use crate::engine::run::Shown;
use crate::error::Error;
use crate::lineage::node::LineageNode;
use crate::planner::foreign::ForeignTable;
use crate::planner::local::LocalTable;
use crate::planner::output::is_text_output;
use crate::planner::sample;

/// The most steps of a plan that is kept: of large ones there would be too much to keep.
const MOST_NODES: usize = 400;

/// A plan with the parameters that it takes.
#[derive(Debug)]
pub(in crate::engine) struct Generic {
    /// As the query was written.
    pub written: LogicalPlan,
    /// The schema that rows came with the first time, and what clients are shown in its place.
    pub shown: OnceLock<(SchemaRef, Shown)>,
    /// Optimised.
    pub plan: LogicalPlan,
    /// The scan that it is, where it is no more than that; empty before it has run.
    pub direct: OnceLock<Option<Direct>>,
    /// The types of the literals that were taken out.
    pub literals: Vec<PgType>,
}

impl Generic {
    /// The plan of one execution.
    pub fn bound(&self, parameters: &[Parameter]) -> DfResult<LogicalPlan> {
        if parameters.is_empty() {
            return Ok(self.plan.clone());
        }
        let bound = self.plan.clone().transform_down_with_subqueries(|node| match node {
            // Queries in its expressions come next: they have parameters of their own.
            LogicalPlan::Filter(filter) if matches!(filter.input.as_ref(), LogicalPlan::TableScan(_)) => {
                if placeholders(&filter.predicate)? == 0 {
                    return Ok(Transformed::no(LogicalPlan::Filter(filter)));
                }
                Ok(Transformed::yes(with_values(filter, parameters)?))
            }
            node => Ok(Transformed::no(node)),
        });
        bound.data()
    }
}

/// A filter above a scan, and the scan, with values.
fn with_values(filter: Filter, parameters: &[Parameter]) -> DfResult<LogicalPlan> {
    let LogicalPlan::TableScan(scan) = filter.input.as_ref() else { return Ok(LogicalPlan::Filter(filter)) };
    let provider = source_as_provider(&scan.source)?;
    let mut filters = vec![];
    let mut exact = vec![];
    for taken in &scan.filters {
        if placeholders(taken)? == 0 {
            filters.push(taken.clone());
            continue;
        }
        let taken = filled(taken.clone(), parameters)?;
        match provider.supports_filters_pushdown(&[&taken])?.first() {
            Some(TableProviderFilterPushDown::Exact) => {
                exact.push(taken.clone());
                filters.push(taken);
            }
            Some(TableProviderFilterPushDown::Inexact) => filters.push(taken),
            _ => {}
        }
    }
    let predicate = filled(filter.predicate.clone(), parameters)?;
    let left = split_conjunction(&predicate).into_iter().filter(|conjunct| !exact.contains(conjunct)).cloned();
    let left = conjunction(left.collect::<Vec<_>>());
    let scan = LogicalPlan::TableScan(TableScan { filters, ..scan.clone() });
    Ok(match left {
        Some(predicate) => LogicalPlan::Filter(Filter::new(predicate, Arc::new(scan))),
        None => scan,
    })
}

pub(super) fn filled(expr: Expr, parameters: &[Parameter]) -> DfResult<Expr> {
    let filled = expr.transform(|e| {
        let Expr::Placeholder(Placeholder { id, .. }) = &e else { return Ok(Transformed::no(e)) };
        match index(id).and_then(|index| parameters.get(index)) {
            Some(parameter) => {
                let (value, metadata) = parameter.clone().literal().into_inner();
                Ok(Transformed::yes(Expr::Literal(value, metadata)))
            }
            None => Err(Error::internal(format!("parameter {id} of a plan has no value")).into()),
        }
    });
    filled.data()
}

fn index(id: &str) -> Option<usize> {
    id.strip_prefix('$')?.parse::<usize>().ok()?.checked_sub(1)
}

/// The plan with samples of its parameters; none when one has no sample.
pub(super) fn sampled(plan: LogicalPlan, parameters: &[Parameter]) -> DfResult<Option<LogicalPlan>> {
    let mut all = true;
    let sampled = plan.transform_up_with_subqueries(|node| {
        node.map_expressions(|expr| {
            expr.transform(|e| {
                let Expr::Placeholder(parameter) = &e else { return Ok(Transformed::no(e)) };
                let value = index(&parameter.id).and_then(|index| parameters.get(index));
                match value.and_then(|value| sample::with(parameter, &value.value)) {
                    Some(sampled) => Ok(Transformed::yes(Expr::Placeholder(sampled))),
                    None => {
                        all = false;
                        Ok(Transformed::no(e))
                    }
                }
            })
        })
    });
    let sampled = sampled.data()?;
    Ok(all.then_some(sampled))
}

/// Whether each parameter of a plan as it was written is looked up in a WHERE, among values of its own type.
pub(super) fn only_looks_up(plan: &LogicalPlan) -> DfResult<bool> {
    let (mut all, mut known) = (0, 0);
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            all += placeholders(expr)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        if let LogicalPlan::Filter(filter) = node {
            for conjunct in split_conjunction(&filter.predicate) {
                known +=
                    usize::from(looked_up(conjunct).is_some_and(|(of, it)| is_alike(of, it, filter.input.schema())));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(all == known)
}

/// Whether every function of an analysed plan gives the same whenever it is asked.
pub(super) fn is_lasting(plan: &LogicalPlan) -> DfResult<bool> {
    let mut lasting = true;
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            lasting &= !expr.exists(|e| {
                Ok(match e {
                    Expr::ScalarFunction(call) => {
                        call.func.signature().volatility != Volatility::Immutable && !is_text_output(&call.func)
                    }
                    Expr::ScalarVariable(..) | Expr::HigherOrderFunction(_) => true,
                    _ => false,
                })
            })?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(lasting)
}

/// Whether an optimised plan is not too large, reads nothing but foreign and local tables, at least one, and each of
/// its parameters is looked up right above a scan.
pub(super) fn is_bindable(plan: &LogicalPlan) -> DfResult<bool> {
    let (mut all, mut known, mut scans, mut nodes) = (0, 0, 0, 0);
    let (mut readable, mut extended) = (true, false);
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            all += placeholders(expr)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        nodes += 1;
        match node {
            LogicalPlan::TableScan(scan) => {
                scans += 1;
                readable &= source_as_provider(&scan.source)
                    .is_ok_and(|provider| provider.is::<ForeignTable>() || provider.is::<LocalTable>());
            }
            LogicalPlan::Filter(filter) => {
                if let LogicalPlan::TableScan(scan) = filter.input.as_ref() {
                    known += looked_up_above(&filter.predicate, scan)?;
                }
            }
            // Above lineage a parameter can stand nowhere but in a filter, below it only right above a scan.
            LogicalPlan::Extension(extension) => extended |= !extension.node.as_any().is::<LineageNode>(),
            LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_) => {
                readable = false;
            }
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(readable && scans > 0 && nodes <= MOST_NODES && all == known && (all == 0 || !extended))
}

/// How many parameters of a filter, and of the scan below it, stand where values can be put in.
fn looked_up_above(predicate: &Expr, scan: &TableScan) -> DfResult<usize> {
    if scan.fetch.is_some() {
        return Ok(0);
    }
    let conjuncts = split_conjunction(predicate);
    let here = conjuncts.iter().filter(|conjunct| looked_up(conjunct).is_some()).count();
    let below = scan.filters.iter().filter(|filter| looked_up(filter).is_some() && conjuncts.contains(filter)).count();
    Ok(here + below)
}

/// `x = $n` or `$n = x`, where x has no parameter.
fn looked_up(conjunct: &Expr) -> Option<(&Expr, &Placeholder)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = conjunct else { return None };
    let (of, it) = match (left.as_ref(), right.as_ref()) {
        (of, Expr::Placeholder(it)) | (Expr::Placeholder(it), of) => (of, it),
        _ => return None,
    };
    matches!(placeholders(of), Ok(0)).then_some((of, it))
}

/// Whether an expression and a parameter are of one type, which is text or a whole number.
fn is_alike(of: &Expr, parameter: &Placeholder, schema: &DFSchema) -> bool {
    let (Ok((_, of)), Some(it)) = (of.to_field(schema), &parameter.field) else { return false };
    let is_text = |kind: &PgType| matches!(kind, PgType::Text | PgType::Varchar(_));
    match (PgType::of_field(&of), PgType::of_field(it)) {
        (of, it) if is_text(&of) => is_text(&it),
        (of @ (PgType::Int2 | PgType::Int4 | PgType::Int8), it) => of == it,
        _ => false,
    }
}

pub(super) fn placeholders(expr: &Expr) -> DfResult<usize> {
    let mut count = 0;
    expr.apply(|e| {
        count += usize::from(matches!(e, Expr::Placeholder(_)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(count)
}
