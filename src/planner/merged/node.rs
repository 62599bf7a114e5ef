//! The logical node of a search for keys.

use std::cmp::Ordering;
use std::fmt;

use datafusion::common::{DFSchemaRef, internal_err};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};

/// One search: a query whose columns are the keys of groups that can be wanted. A group whose key it does not give is
/// left out by what is above the grouping.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct Search {
    /// What is searched for, for EXPLAIN.
    pub words: String,
    /// The query.
    pub plan: LogicalPlan,
}

/// Reads `input` after its searches, of which every key must be among those of each. It gives the rows of `input` whose
/// keys all searches found, whole groups of them, and perhaps rows of other groups, which need not be whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchNode {
    /// What is read.
    pub input: LogicalPlan,
    /// The keys of the grouping above, over `input`.
    pub keys: Vec<Expr>,
    /// The searches; there is at least one.
    pub searches: Vec<Search>,
}

impl PartialOrd for SearchNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.input.partial_cmp(&other.input) {
            Some(Ordering::Equal) => self.searches.partial_cmp(&other.searches),
            ordering => ordering,
        }
    }
}

impl UserDefinedLogicalNodeCore for SearchNode {
    fn name(&self) -> &str {
        "SearchKeys"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        std::iter::once(&self.input).chain(self.searches.iter().map(|search| &search.plan)).collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.keys.clone()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        let words: Vec<&str> = self.searches.iter().map(|search| search.words.as_str()).collect();
        write!(f, "SearchKeys: keys=[{}], searches=[{}]", keys.join(", "), words.join(", "))
    }

    fn with_exprs_and_inputs(&self, keys: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        if inputs.len() != self.searches.len() + 1 || keys.len() != self.keys.len() {
            return internal_err!("a search for keys was given {} inputs", inputs.len());
        }
        let plans = inputs.split_off(1);
        let Some(input) = inputs.pop() else { return internal_err!("a search for keys without an input") };
        let searches = self.searches.iter().zip(plans);
        let searches = searches.map(|(search, plan)| Search { words: search.words.clone(), plan }).collect();
        Ok(SearchNode { input, keys, searches })
    }

    /// Of the input, what is wanted above; of the searches, everything: it is keys alone. What the keys themselves need
    /// of the input is added by who asks.
    fn necessary_children_exprs(&self, output: &[usize]) -> Option<Vec<Vec<usize>>> {
        let searches = self.searches.iter().map(|search| (0..search.plan.schema().fields().len()).collect());
        Some(std::iter::once(output.to_vec()).chain(searches).collect())
    }
}
