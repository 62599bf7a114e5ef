//! What windows above the merge fill in, or put in the place of a merged value: cells that are made of other rows too.
//!
//! No group knows of it, so the view itself is asked: a column that says which function imputed a value is carried up
//! beside it. Such a cell has a row of its own, and what was merged there is not chosen.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, JoinType, NullEquality, UnnestOptions};
use datafusion::functions_aggregate::expr_fn::max;
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, when};
use datafusion::scalar::ScalarValue;

use super::changed;
use super::columns::Fixed;
use super::node::Gives;
use super::plan::as_text;
use crate::error::{Error, Result};

/// The columns of what is filled in, beside the keys.
const COLUMN: &str = "#column";
const VALUE: &str = "#value";
const FILLER: &str = "#filler";

/// What is filled in of a view.
pub(super) struct Filled<'a> {
    /// The view, and its own plan.
    pub view: &'a str,
    pub plan: &'a LogicalPlan,
    /// Its columns that are keys.
    pub keys: &'a [String],
    pub gives: Gives,
    /// The types of the columns that all cells share.
    pub time: &'a DataType,
    pub trust: &'a DataType,
}

fn plain(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn word(word: &str) -> Expr {
    Expr::Literal(ScalarValue::Utf8View(Some(word.to_string())), None)
}

impl Filled<'_> {
    /// What is told of merges, and of those cells of the columns `names` that are filled in.
    pub fn beside(&self, told: LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
        if self.gives == Gives::Cells {
            // There is one candidate, and nothing that it could disagree with.
            return Ok(told);
        }
        let Some(cells) = self.cells(names)? else { return Ok(told) };
        let own = self.rows(cells.clone())?;
        let told = self.without(told, cells)?;
        Ok(LogicalPlanBuilder::from(told).union(own)?.build()?)
    }

    /// The cells that are filled in: the keys, then the column, its value and the function. None where none can be.
    fn cells(&self, names: &[String]) -> Result<Option<LogicalPlan>> {
        let imputes = |node: &LogicalPlan| match node {
            LogicalPlan::Window(window) => window.window_expr.iter().any(changed::imputes),
            _ => false,
        };
        if !self.plan.exists(|node| Ok(imputes(node)))? {
            return Ok(None);
        }
        let columns = self.plan.schema().columns();
        let columns: Vec<Column> = columns.into_iter().filter(|column| names.contains(&column.name)).collect();
        let wanted: Vec<Expr> = columns.iter().cloned().map(Expr::Column).collect();
        let (plan, fillers) = changed::filled(self.plan, &wanted)?;
        let filled: Vec<(&Column, Expr)> =
            columns.iter().zip(fillers).filter_map(|(column, filler)| Some((column, filler?))).collect();
        if filled.is_empty() {
            return Ok(None);
        }
        let schema = Arc::clone(plan.schema());
        let mut wide: Vec<Expr> = vec![];
        for key in self.keys {
            let Some(column) = schema.columns().into_iter().find(|column| column.name == *key) else {
                return Err(Error::internal(format!("view \"{}\" lost its key {key}", self.view)));
            };
            wide.push(Expr::Column(column).alias(key));
        }
        let texts = filled.iter().map(|(column, _)| as_text(Expr::Column((*column).clone()), &schema));
        let texts = texts.collect::<Result<Vec<_>>>()?;
        let named = filled.iter().map(|(column, _)| word(&column.name)).collect();
        let fillers = filled.into_iter().map(|(_, filler)| filler).collect();
        for (list, name) in [(named, COLUMN), (texts, VALUE), (fillers, FILLER)] {
            wide.push(make_array(list).alias(name));
        }
        // Rows of the view that have the same key are told of together.
        let groups = self.keys.iter().map(|key| plain(key)).chain([plain(COLUMN)]);
        let made = [VALUE, FILLER].map(|name| max(plain(name)).alias(format!("{name} one")));
        let shown = self.keys.iter().map(|key| plain(key)).chain([plain(COLUMN)]);
        let shown = shown.chain([VALUE, FILLER].map(|name| plain(&format!("{name} one")).alias(name)));
        let cells = LogicalPlanBuilder::from(plan)
            .project(wide)?
            .unnest_columns_with_options(
                [COLUMN, VALUE, FILLER].map(Column::new_unqualified).to_vec(),
                UnnestOptions::default(),
            )?
            .filter(plain(FILLER).is_not_null())?
            .aggregate(groups.collect::<Vec<_>>(), made)?
            .project(shown.collect::<Vec<_>>())?
            .build()?;
        Ok(Some(cells))
    }

    /// A row for each of these cells that has a value.
    fn rows(&self, cells: LogicalPlan) -> Result<LogicalPlan> {
        let mut exprs: Vec<Expr> = self.keys.iter().map(|key| plain(key)).collect();
        for fixed in Fixed::of(self.gives) {
            let made = match fixed {
                Fixed::ColumnName => plain(COLUMN),
                Fixed::Value => plain(VALUE),
                Fixed::Rule => plain(FILLER),
                Fixed::Changed | Fixed::Reason => changed::filled_by(plain(FILLER)),
                Fixed::ObservedAt => Expr::Literal(ScalarValue::try_from(self.time)?, None),
                Fixed::Trust => Expr::Literal(ScalarValue::try_from(self.trust)?, None),
                Fixed::Chosen => lit(true),
                Fixed::TieLevel => word("only"),
                Fixed::Candidates | Fixed::DistinctValues => lit(1_i64),
                Fixed::Source | Fixed::RecordId | Fixed::Values | Fixed::Sources | Fixed::Single => {
                    Expr::Literal(ScalarValue::Utf8View(None), None)
                }
            };
            exprs.push(made.alias(fixed.name_among(self.keys)));
        }
        let held = LogicalPlanBuilder::from(cells).filter(plain(VALUE).is_not_null())?;
        Ok(held.project(exprs)?.build()?)
    }

    /// What is told of merges without what is said of these cells: nothing is chosen there.
    fn without(&self, told: LogicalPlan, cells: LogicalPlan) -> Result<LogicalPlan> {
        let shown = told.schema().columns();
        let column = Fixed::ColumnName.name_among(self.keys);
        let left: Vec<Column> = self.keys.iter().chain([&column]).map(Column::new_unqualified).collect();
        let same = |at: usize| format!("#same {at}");
        let of_cell = self.keys.iter().map(String::as_str).chain([COLUMN]).map(plain);
        let mut of_cell: Vec<Expr> = of_cell.enumerate().map(|(at, expr)| expr.alias(same(at))).collect();
        let right: Vec<Column> = (0..of_cell.len()).map(|at| Column::new_unqualified(same(at))).collect();
        of_cell.push(plain(FILLER));
        let cells = LogicalPlanBuilder::from(cells).project(of_cell)?.build()?;
        let equal = NullEquality::NullEqualsNull;
        let met = LogicalPlanBuilder::from(told).join_detailed(cells, JoinType::Left, (left, right), None, equal)?;
        let is_left = || plain(FILLER).is_null();
        let chosen = Fixed::Chosen.name_among(self.keys);
        let tie = Fixed::TieLevel.name_among(self.keys);
        let mut exprs = vec![];
        for column in shown {
            let name = column.name.clone();
            let is_key = self.keys.contains(&name);
            exprs.push(match &name {
                name if *name == chosen && !is_key => Expr::Column(column).and(is_left()).alias(name),
                name if *name == tie && !is_key => when(is_left(), Expr::Column(column)).end()?.alias(name),
                _ => Expr::Column(column),
            });
        }
        let met = if self.gives == Gives::Reasons { met.filter(is_left())? } else { met };
        Ok(met.project(exprs)?.build()?)
    }
}
