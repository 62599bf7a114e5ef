//! A part of a plan as far as it is written.

use datafusion::common::{Column, DFSchema};

use crate::federation::dialect::{Operand, RemoteDialect};
use crate::federation::fragment::Fragment;
use crate::federation::predicate::Scope;
use crate::federation::query::{From, Select, column_name};

/// Why a part of a plan is not shipped.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stay {
    /// Nothing in it is at a server that speaks SQL, or it is too little to say anything of.
    Silent,
    /// For this reason.
    Because(String),
}

impl Stay {
    pub(super) fn because(reason: impl Into<String>) -> Stay {
        Stay::Because(reason.into())
    }
}

/// A part that one server can run. The select's items are the columns of the plan node.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub select: Select,
    /// The foreign tables in it.
    pub tables: Vec<String>,
    /// About how many rows it gives.
    pub rows: Option<u64>,
    /// About how many rows reading each table by itself would give.
    pub read: Option<u64>,
    /// About how many rows its one table has, before any filter.
    pub base: Option<u64>,
    /// About how many rows the largest of its joins gives; none without a join, or where that is not known.
    pub joined: Option<u64>,
    /// Sets of bare columns that no two rows share.
    pub unique: Vec<Vec<Fragment>>,
    /// About how many groups bare columns make by themselves.
    pub values: Vec<(Fragment, u64)>,
    /// Whether it does more than reading one table: joins, groups, counts off.
    pub works: bool,
    /// Whether computed columns are among its items.
    pub computes: bool,
}

impl Part {
    /// The same rows as a derived table, so that further clauses can be added.
    pub(super) fn wrapped(self, dialect: &dyn RemoteDialect, alias: String) -> Part {
        let mut inner = self.select;
        let from_items: Vec<Operand> = inner
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                let name = column_name(index);
                let mut column = dialect.selected(item).column;
                column.remote.clone_from(&name);
                Operand::new(Fragment::sql(format!("{alias}.{}", dialect.quote(&name))), column)
            })
            .collect();
        let columns = from_items.iter().map(|item| item.sql.clone()).collect();
        if !inner.is_limited() {
            // Nothing depends on it.
            inner.order.clear();
        }
        let from = From::Query { branches: vec![inner], alias, columns };
        Part { select: Select::new(from, from_items), unique: vec![], values: vec![], computes: false, ..self }
    }
}

/// The columns of a plan node whose operands are at hand.
pub(super) struct PlanScope<'a> {
    pub schema: &'a DFSchema,
    pub items: &'a [Operand],
}

impl Scope for PlanScope<'_> {
    fn operand(&self, column: &Column) -> Option<Operand> {
        let index = self.schema.maybe_index_of_column(column)?;
        self.items.get(index).cloned()
    }
}
