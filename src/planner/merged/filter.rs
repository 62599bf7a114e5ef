//! A filter on a merged column finds the keys that can pass it first.
//!
//! `Filter(P) over Aggregate(key, m(v), ..) over R` becomes the same over the rows of R whose key is among
//! `SELECT key FROM R WHERE P(v)`, for each conjunct P that is a condition on the result of one merge function. The
//! filter stays where it is.
//!
//! Why the rows are the same. Let G be a group of R. When G passes the filter, it passes each conjunct P, so some row of
//! G satisfies P(v) (`conjunct.rs` says why), and the search for P finds G's key. So all rows of G are read, and its
//! merged row is what it was. When G does not pass, either its key was found by every search, its rows are all read, and
//! the filter leaves it out as before. Or some search, for a conjunct P, did not find it: then no row of G satisfies P(v).
//! A source that gives more than it was asked for may still give some rows of G. What is merged of some rows of G for P's
//! column is NULL or a value of one of them, and P is true of neither, so the filter leaves G out too.
//!
//! A search need not be run: it only makes fewer rows be read. Once one has found few keys the others are left out.
//!
//! Each conjunct searches for itself: two conditions may be met by two different rows of a group. A group whose key is
//! null is found as one that cannot be asked for, and everything is read. The search and the reading are two questions
//! to the same source, as the rows of a join of two tables are: what is written between them may be seen by the second
//! alone, and the answer is that of some rows that each were there.
//!
//! It is not done for GROUPING SETS, whose groups share rows, without GROUP BY, over rows that may be others when they
//! are read twice (LIMIT, windows, volatile functions), or when no source takes the condition: then the search would read
//! as much as it saves.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Aggregate, Expr, Extension, Filter, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{Optimizer, OptimizerConfig, OptimizerRule};

use super::conjunct::witness;
use super::input::{is_plain, taken_filters};
use super::node::{Search, SearchNode};
use crate::federation::keys::KeyOptions;
use crate::planner::barrier;

/// How many conjuncts search. Each is a query; the first ones narrow it down enough.
const MOST_SEARCHES: usize = 3;

/// Puts searches below the groupings that are filtered by merged columns. It runs after filters have been pushed down,
/// so that a filter that could not pass a grouping stands right above it.
#[derive(Debug, Default)]
pub struct MergedFilter;

impl OptimizerRule for MergedFilter {
    fn name(&self) -> &str {
        "merged_filter"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> DfResult<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = &plan else { return Ok(Transformed::no(plan)) };
        let LogicalPlan::Aggregate(aggregate) = filter.input.as_ref() else { return Ok(Transformed::no(plan)) };
        let options = KeyOptions::of(&config.options());
        if !options.merged_filter || !options.run_time_keys || !is_plain(aggregate)? {
            return Ok(Transformed::no(plan));
        }
        let mut searches = vec![];
        for conjunct in split_conjunction(&filter.predicate) {
            if searches.len() == MOST_SEARCHES {
                break;
            }
            if let Some(condition) = witness(conjunct, aggregate)?
                && let Some(plan) = search(aggregate, condition, config)?
            {
                searches.push(Search { words: conjunct.human_display().to_string(), plan });
            }
        }
        if searches.is_empty() {
            return Ok(Transformed::no(plan));
        }
        let node = SearchNode { input: aggregate.input.as_ref().clone(), keys: aggregate.group_expr.clone(), searches };
        let input = LogicalPlan::Extension(Extension { node: Arc::new(node) });
        let searched = Aggregate::try_new_with_schema(
            Arc::new(input),
            aggregate.group_expr.clone(),
            aggregate.aggr_expr.clone(),
            Arc::clone(&aggregate.schema),
        )?;
        let filter = Filter::new(filter.predicate.clone(), Arc::new(LogicalPlan::Aggregate(searched)));
        Ok(Transformed::yes(LogicalPlan::Filter(filter)))
    }
}

/// The query for the keys of rows that satisfy a condition, when some source takes the condition.
fn search(aggregate: &Aggregate, condition: Expr, config: &dyn OptimizerConfig) -> DfResult<Option<LogicalPlan>> {
    let keys = aggregate.group_expr.iter().enumerate().map(|(index, key)| key.clone().alias(format!("key{index}")));
    let plan = LogicalPlanBuilder::from(aggregate.input.as_ref().clone()).filter(condition)?.project(keys)?.build()?;
    let rules = barrier::guarded(vec![Arc::new(PushDownFilter::new())]);
    let pushed = Optimizer::with_rules(rules).optimize(plan, config, |_, _| {})?;
    Ok((taken_filters(&pushed)? > taken_filters(&aggregate.input)?).then_some(pushed))
}
