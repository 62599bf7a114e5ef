//! What depended on a key before a list was unnested does not afterwards.
//!
//! A grouping tells DataFusion's optimizer that its keys are unique and that all else depends on them. `Unnest` tells the
//! same of its own rows, of which many have one key: a `DISTINCT` of the keys would be taken for needless, and a column
//! left out of a `GROUP BY`. So below such a node stands [`Apart`], which gives its rows as they are and says nothing of
//! them. It goes when the plan is planned physically.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, DFSchemaRef, FunctionalDependencies};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, Unnest, UserDefinedLogicalNodeCore};
use datafusion::optimizer::AnalyzerRule;

use crate::error::Error;

/// Puts [`Apart`] where it is needed.
#[derive(Debug)]
pub struct UnnestedKeys;

impl AnalyzerRule for UnnestedKeys {
    fn name(&self) -> &str {
        "unnested_keys"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        if !has(&plan, |node| matches!(node, LogicalPlan::Unnest(_)))? {
            return Ok(plan);
        }
        let set = plan.transform_up_with_subqueries(|node| {
            let LogicalPlan::Unnest(unnest) = node else {
                // What is above has its keys from what is below.
                for input in node.inputs() {
                    if has(input, is_apart)? {
                        return Ok(Transformed::yes(node.recompute_schema()?));
                    }
                }
                return Ok(Transformed::no(node));
            };
            if is_apart(&unnest.input) || !has(&unnest.input, depends)? {
                return Ok(Transformed::no(LogicalPlan::Unnest(unnest)));
            }
            let node = Arc::new(Apart::try_new(unnest.input.as_ref().clone())?);
            let input = Arc::new(LogicalPlan::Extension(Extension { node }));
            Ok(Transformed::yes(LogicalPlan::Unnest(Unnest::try_new(input, unnest.exec_columns, unnest.options)?)))
        })?;
        Ok(set.data)
    }
}

/// The plan without [`Apart`]: nothing that plans physically knows of keys.
pub fn bare(plan: &LogicalPlan) -> DfResult<LogicalPlan> {
    if !has(plan, is_apart)? {
        return Ok(plan.clone());
    }
    let bare = plan.clone().transform_up_with_subqueries(|node| match node {
        LogicalPlan::Extension(extension) => match extension.node.as_any().downcast_ref::<Apart>() {
            Some(apart) => Ok(Transformed::yes(apart.input.clone())),
            None => Ok(Transformed::no(LogicalPlan::Extension(extension))),
        },
        node => Ok(Transformed::no(node)),
    })?;
    Ok(bare.data)
}

fn is_apart(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Extension(extension) if extension.node.as_any().is::<Apart>())
}

/// What gives the rows of an [`Apart`]; none for any other node.
pub fn beneath(plan: &LogicalPlan) -> Option<&LogicalPlan> {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref::<Apart>().map(|apart| &apart.input),
        _ => None,
    }
}

fn depends(plan: &LogicalPlan) -> bool {
    !plan.schema().functional_dependencies().is_empty()
}

/// Whether a plan has such a node.
fn has(plan: &LogicalPlan, wanted: impl Fn(&LogicalPlan) -> bool) -> DfResult<bool> {
    let found = plan.apply_with_subqueries(|node| {
        Ok(if wanted(node) { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found == TreeNodeRecursion::Stop)
}

/// Rows as they come, of which no column is known to depend on others.
#[derive(Clone, Debug)]
struct Apart {
    input: LogicalPlan,
    schema: DFSchemaRef,
}

impl Apart {
    fn try_new(input: LogicalPlan) -> DfResult<Apart> {
        let schema: DFSchema = input.schema().as_ref().clone();
        let schema = Arc::new(schema.with_functional_dependencies(FunctionalDependencies::empty())?);
        Ok(Apart { input, schema })
    }
}

impl PartialEq for Apart {
    fn eq(&self, other: &Self) -> bool {
        self.input == other.input
    }
}

impl Eq for Apart {}

impl Hash for Apart {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
    }
}

impl PartialOrd for Apart {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for Apart {
    fn name(&self) -> &str {
        "Apart"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    /// Any condition may go below.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        HashSet::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Apart")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        match <[LogicalPlan; 1]>::try_from(inputs) {
            Ok([input]) => Apart::try_new(input),
            Err(_) => Err(Error::internal("a node of one input was given another number").into()),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![output_columns.to_vec()])
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}
