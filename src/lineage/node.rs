//! The logical node of lineage: rows that a view merges, ranked as its merge functions rank them.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, DFSchemaRef, TableReference, internal_err};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::scalar::ScalarValue;

use super::columns::Fixed;
use super::guards::Guards;

/// What the node gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub enum Gives {
    /// A row for each candidate of each merged cell.
    Candidates,
    /// A row for each merged cell that has candidates.
    Cells,
    /// A row for each column of a merged row, with why it is what it is.
    Reasons,
}

/// An argument of an aggregate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub enum CallArgument {
    /// A column of the node's input.
    Column(usize),
    /// A literal: some functions look at it before there are rows.
    Literal(ScalarValue),
}

/// One key of an aggregate's ORDER BY.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd)]
pub struct CallOrder {
    /// The column of the node's input.
    pub column: usize,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// Whether nulls come first.
    pub nulls_first: bool,
}

/// An aggregate's call over the node's input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The aggregate.
    pub function: Arc<AggregateUDF>,
    /// Its arguments, the value first; the value is null where a FILTER leaves a row out.
    pub arguments: Vec<CallArgument>,
    /// Its ORDER BY.
    pub order: Vec<CallOrder>,
    /// Whether it is DISTINCT.
    pub distinct: bool,
}

/// One aggregate in one column of the view; a column whose expression has several has several of these.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cell {
    /// The view's column.
    pub column: String,
    /// The aggregate's name, as it was written.
    pub rule: String,
    /// The aggregate.
    pub call: Call,
    /// The value, null where it is no candidate.
    pub value: usize,
    /// The value as text, or the field of it that the view's column is.
    pub text: usize,
    /// Where the text is that of a field: what of it is compared, its value or that text.
    pub field: Option<usize>,
    /// The source, as text.
    pub source: Option<usize>,
    /// The record, as text.
    pub record: Option<usize>,
    /// When it was observed, as it is shown.
    pub time: Option<usize>,
    /// How far it is trusted, as it is shown.
    pub trust: Option<usize>,
    /// What was changed on its way.
    pub changed: Option<usize>,
    /// The same with what the view does to the merged value: it is told of the chosen candidate.
    pub changed_after: Option<usize>,
    /// The cells that come before this one in a coalesce: it is asked where none of them has candidates.
    pub after: Vec<usize>,
    /// Whether it is a constant that stands where a value is missing: each group has it once, from no source.
    pub constant: bool,
    /// What the view's column is of a group, among [`Guards::shows`], where that is to be shown and is not the value.
    pub shown: Option<usize>,
    /// The guards of the branches that it stands in: it is asked where one of them holds. None where it always is.
    pub guards: Vec<usize>,
}

/// How the columns of the node's input are used. The keys of the view's grouping come first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Layout {
    /// How many keys there are.
    pub keys: usize,
    /// Those that the view shows, in its order.
    pub shown: Vec<usize>,
    /// The merged cells, in the order of the view's columns.
    pub cells: Vec<Cell>,
    /// What is asked of a group before.
    pub guards: Guards,
    /// The type that observed_at is shown with.
    pub time_type: DataType,
    /// The type that trust is shown with.
    pub trust_type: DataType,
}

/// Groups the rows of its input by their keys and tells of each group how its merged cells came about.
///
/// A condition on a shown key passes to the input, where the key has the same name: it keeps or leaves out whole
/// groups.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LineageNode {
    /// The rows that are merged, with the columns that the layout names.
    pub input: LogicalPlan,
    /// What its columns are.
    pub layout: Arc<Layout>,
    /// What is given.
    pub gives: Gives,
    /// The view, for EXPLAIN.
    pub view: String,
    schema: DFSchemaRef,
}

impl LineageNode {
    /// A node over `input`.
    pub fn try_new(input: LogicalPlan, layout: Arc<Layout>, gives: Gives, view: String) -> DfResult<Self> {
        let schema = output_schema(&input, &layout, gives)?;
        Ok(LineageNode { input, layout, gives, view, schema })
    }
}

fn output_schema(input: &LogicalPlan, layout: &Layout, gives: Gives) -> DfResult<DFSchemaRef> {
    let mut fields: Vec<(Option<TableReference>, Arc<Field>)> = vec![];
    for key in &layout.shown {
        let Some(field) = input.schema().fields().get(*key) else {
            return internal_err!("lineage has no key {key}");
        };
        fields.push((None, Arc::clone(field)));
    }
    let keys: Vec<String> = fields.iter().map(|(_, field)| field.name().clone()).collect();
    for fixed in Fixed::of(gives) {
        fields.push((None, Arc::new(fixed.field(layout, &keys))));
    }
    Ok(Arc::new(DFSchema::new_with_metadata(fields, Default::default())?))
}

impl PartialOrd for LineageNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.input.partial_cmp(&other.input) {
            Some(Ordering::Equal) if self == other => Some(Ordering::Equal),
            Some(Ordering::Equal) => None,
            ordering => ordering,
        }
    }
}

impl UserDefinedLogicalNodeCore for LineageNode {
    fn name(&self) -> &str {
        "Lineage"
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

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.schema.fields().iter().skip(self.layout.shown.len());
        fields.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown { layout: &self.layout, view: &self.view })
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        let (Some(input), true, true) = (inputs.pop(), inputs.is_empty(), exprs.is_empty()) else {
            return internal_err!("lineage has one input and no expressions");
        };
        if input.schema().fields().len() != self.input.schema().fields().len() {
            return internal_err!("lineage was given an input of other columns");
        }
        LineageNode::try_new(input, Arc::clone(&self.layout), self.gives, self.view.clone())
    }

    /// Everything: the layout counts columns.
    fn necessary_children_exprs(&self, _: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}

/// A layout in a line, for EXPLAIN.
pub(super) struct Shown<'a> {
    pub layout: &'a Layout,
    pub view: &'a str,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.layout.cells.iter().map(|cell| format!("{} by {}", cell.column, cell.rule));
        write!(f, "Lineage: view={}, cells=[{}]", self.view, cells.collect::<Vec<_>>().join(", "))
    }
}
