//! What windows above the merge fill in, put in the place of a merged value, or smooth: cells that are made of other
//! rows too.
//!
//! No group knows of it, so the view itself is asked: columns that say which function imputed or smoothed a value are
//! carried up beside it. What is imputed has a row of its own, and what was merged there is not chosen. What is smoothed
//! is still made of what was merged, of which it is told.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{Column, JoinType, NullEquality, UnnestOptions};
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, lit, when};
use datafusion::scalar::ScalarValue;

use super::changed;
use super::columns::Fixed;
use super::node::Gives;
use super::one_value::one_value;
use super::plan::as_text;
use crate::error::{Error, Result};
use crate::functions::effect::Effect;

/// The columns of what is filled in, beside the keys.
const COLUMN: &str = "#column";
const VALUE: &str = "#value";
const FILLER: &str = "#filler";
const SMOOTHER: &str = "#smoother";
/// Whether rows of the view that have the key differ in the value.
const DIFFER: &str = "#differ";

/// What is filled in of a view.
pub(super) struct Filled<'a> {
    /// The view, and its own plan.
    pub view: &'a str,
    pub plan: &'a LogicalPlan,
    /// Its columns that are keys.
    pub keys: &'a [String],
    /// Whether they do not tell the groups apart.
    pub hides_keys: bool,
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

fn nothing() -> Expr {
    Expr::Literal(ScalarValue::Utf8View(None), None)
}

/// What is said of a value that was smoothed; null where it was not.
fn smoothed() -> Result<Expr> {
    Ok(when(plain(SMOOTHER).is_not_null(), changed::done_by("smoothed", plain(SMOOTHER))).end()?)
}

impl Filled<'_> {
    /// What is told of merges, and of those cells of the columns `names` that windows above make.
    pub fn beside(&self, told: LogicalPlan, names: &[String]) -> Result<LogicalPlan> {
        let Some(cells) = self.cells(names)? else { return Ok(told) };
        if self.hides_keys {
            let view = self.view;
            return Err(Error::unsupported(format!(
                "\"{view}\" imputes or smooths what is merged and does not show all its keys"
            ))
            .with_hint("Add the columns of the GROUP BY to the view."));
        }
        if self.gives == Gives::Cells {
            return self.shown(told, cells);
        }
        let own = self.rows(cells.clone())?;
        let told = self.beneath(told, cells)?;
        Ok(LogicalPlanBuilder::from(told).union(own)?.build()?)
    }

    /// The cells that are filled in or smoothed: the keys, then the column, its value and the functions. Where cells are
    /// told of as they are shown, all those of such columns. None where none can be.
    fn cells(&self, names: &[String]) -> Result<Option<LogicalPlan>> {
        let touches = |node: &LogicalPlan| match node {
            LogicalPlan::Window(window) => window.window_expr.iter().any(changed::is_over_rows),
            _ => false,
        };
        if !self.plan.exists(|node| Ok(touches(node)))? {
            return Ok(None);
        }
        let columns = self.plan.schema().columns();
        let columns: Vec<Column> = columns.into_iter().filter(|column| names.contains(&column.name)).collect();
        let wanted: Vec<Expr> = columns.iter().cloned().map(Expr::Column).collect();
        let (plan, fillers) = changed::over_rows(self.plan, &wanted, Effect::Imputes)?;
        let (plan, smoothers) = changed::over_rows(&plan, &wanted, Effect::Smooths)?;
        let made = columns.iter().zip(fillers.into_iter().zip(smoothers));
        let made: Vec<(&Column, Expr, Expr)> = made
            .filter(|(_, (filler, smoother))| filler.is_some() || smoother.is_some())
            .map(|(column, (filler, smoother))| {
                (column, filler.unwrap_or_else(nothing), smoother.unwrap_or_else(nothing))
            })
            .collect();
        if made.is_empty() {
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
        let texts = made.iter().map(|(column, ..)| as_text(Expr::Column((*column).clone()), &schema));
        let texts = texts.collect::<Result<Vec<_>>>()?;
        let named = made.iter().map(|(column, ..)| word(&column.name)).collect();
        let (fillers, smoothers): (Vec<Expr>, Vec<Expr>) =
            made.into_iter().map(|(_, filler, smoother)| (filler, smoother)).unzip();
        for (list, name) in [(named, COLUMN), (texts, VALUE), (fillers, FILLER), (smoothers, SMOOTHER)] {
            wide.push(make_array(list).alias(name));
        }
        let rows = LogicalPlanBuilder::from(plan).project(wide)?.unnest_columns_with_options(
            [COLUMN, VALUE, FILLER, SMOOTHER].map(Column::new_unqualified).to_vec(),
            UnnestOptions::default(),
        )?;
        // Rows of the view that have the same key are told of together, and compared, those too that nothing is filled
        // in of.
        let made = [VALUE, FILLER, SMOOTHER];
        let groups = self.keys.iter().map(|key| plain(key)).chain([plain(COLUMN)]);
        let greatest = made.map(|name| max(plain(name)).alias(format!("{name} one")));
        let compared =
            [min(plain(VALUE)).alias("#least"), count(plain(VALUE)).alias("#held"), count(lit(1_i64)).alias("#rows")];
        let [value, filler, smoother] = made.map(|name| plain(&format!("{name} one")));
        let is_made = filler.is_not_null().or(smoother.is_not_null());
        let some_held = plain("#held").gt(lit(0_i64)).and(plain("#held").lt(plain("#rows")));
        let differ = Expr::IsTrue(Box::new(plain("#least").not_eq(value))).or(some_held);
        let shown = self.keys.iter().map(|key| plain(key)).chain([plain(COLUMN)]);
        let shown = shown.chain(made.map(|name| plain(&format!("{name} one")).alias(name)));
        let shown = shown.chain([is_made.clone().and(differ).alias(DIFFER)]);
        let mut cells =
            rows.aggregate(groups.collect::<Vec<_>>(), greatest.into_iter().chain(compared).collect::<Vec<_>>())?;
        if self.gives != Gives::Cells {
            cells = cells.filter(is_made)?;
        }
        Ok(Some(cells.project(shown.collect::<Vec<_>>())?.build()?))
    }

    /// A row for each of these cells that is filled in.
    fn rows(&self, cells: LogicalPlan) -> Result<LogicalPlan> {
        let mut exprs: Vec<Expr> = self.keys.iter().map(|key| plain(key)).collect();
        for fixed in Fixed::of(self.gives) {
            let made = match fixed {
                Fixed::ColumnName => plain(COLUMN),
                Fixed::Value => plain(VALUE),
                Fixed::Rule => plain(FILLER),
                Fixed::Changed | Fixed::Reason => {
                    let filled = changed::done_by("imputed", plain(FILLER));
                    changed::one_text(changed::BETWEEN, vec![filled, smoothed()?])
                }
                Fixed::ObservedAt => Expr::Literal(ScalarValue::try_from(self.time)?, None),
                Fixed::Trust => Expr::Literal(ScalarValue::try_from(self.trust)?, None),
                Fixed::Chosen => lit(true),
                Fixed::TieLevel => word("only"),
                Fixed::Candidates | Fixed::DistinctValues => lit(1_i64),
                Fixed::Source | Fixed::RecordId | Fixed::Values | Fixed::Sources | Fixed::Single => nothing(),
            };
            exprs.push(made.alias(fixed.name_among(self.keys)));
        }
        let held =
            LogicalPlanBuilder::from(cells).filter(plain(VALUE).is_not_null().and(plain(FILLER).is_not_null()))?;
        let held = held.filter(one_value(self.view, plain(DIFFER), plain(COLUMN)))?;
        Ok(held.project(exprs)?.build()?)
    }

    /// What is told of merges beside what is known of these cells; also the name of the column that is not null where
    /// there is such a cell.
    fn met(&self, told: LogicalPlan, cells: LogicalPlan) -> Result<(LogicalPlanBuilder, String)> {
        let column = Fixed::ColumnName.name_among(self.keys);
        let left: Vec<Column> = self.keys.iter().chain([&column]).map(Column::new_unqualified).collect();
        let same = |at: usize| format!("#same {at}");
        let of_cell = self.keys.iter().map(String::as_str).chain([COLUMN]).map(plain);
        let mut of_cell: Vec<Expr> = of_cell.enumerate().map(|(at, expr)| expr.alias(same(at))).collect();
        let right: Vec<Column> = (0..of_cell.len()).map(|at| Column::new_unqualified(same(at))).collect();
        of_cell.extend([VALUE, FILLER, SMOOTHER, DIFFER].map(plain));
        let cells = LogicalPlanBuilder::from(cells).project(of_cell)?.build()?;
        let equal = NullEquality::NullEqualsNull;
        let met = LogicalPlanBuilder::from(told).join_detailed(cells, JoinType::Left, (left, right), None, equal)?;
        let is_made = same(self.keys.len());
        // It is looked at above the join, so that only the cells that are asked for must have one value.
        let met = met.filter(one_value(self.view, plain(DIFFER), plain(&is_made)))?;
        Ok((met, is_made))
    }

    /// The cells of merges with the value that the view shows of them.
    fn shown(&self, told: LogicalPlan, cells: LogicalPlan) -> Result<LogicalPlan> {
        let columns = told.schema().columns();
        let (met, is_made) = self.met(told, cells)?;
        let value = Fixed::Value.name_among(self.keys);
        let mut exprs = vec![];
        for column in columns {
            let name = column.name.clone();
            let own = Expr::Column(column);
            exprs.push(match name == value && !self.keys.contains(&name) {
                true => when(plain(&is_made).is_not_null(), plain(VALUE)).otherwise(own)?.alias(name),
                false => own,
            });
        }
        Ok(met.project(exprs)?.build()?)
    }

    /// What is told of merges: where another value was put in the place of what was merged, nothing is chosen; where it
    /// was smoothed, it is said.
    fn beneath(&self, told: LogicalPlan, cells: LogicalPlan) -> Result<LogicalPlan> {
        let columns = told.schema().columns();
        let (met, _) = self.met(told, cells)?;
        let is_left = || plain(FILLER).is_null();
        let chosen = Fixed::Chosen.name_among(self.keys);
        let tie = Fixed::TieLevel.name_among(self.keys);
        let changes = Fixed::Changed.name_among(self.keys);
        let reason = Fixed::Reason.name_among(self.keys);
        let mut exprs = vec![];
        for column in columns {
            let name = column.name.clone();
            let own = Expr::Column(column);
            if self.keys.contains(&name) {
                exprs.push(own);
                continue;
            }
            let made = if name == chosen {
                own.and(is_left())
            } else if name == tie {
                when(is_left(), own).end()?
            } else if name == changes && self.gives == Gives::Candidates {
                let is_smoothed = plain(&chosen).and(is_left()).and(plain(SMOOTHER).is_not_null());
                let both = changed::one_text(changed::BETWEEN, vec![own.clone(), smoothed()?]);
                when(is_smoothed, both).otherwise(own)?
            } else if name == reason && self.gives == Gives::Reasons {
                let both = changed::one_text("", vec![own.clone(), word(" ("), smoothed()?, word(")")]);
                when(plain(SMOOTHER).is_not_null(), both).otherwise(own)?
            } else {
                own
            };
            exprs.push(made.alias(name));
        }
        // A constant that stands for a missing value was asked for what is filled in: nobody offered it.
        let rule = Fixed::Rule.name_among(self.keys);
        let met = match self.gives {
            Gives::Reasons => met.filter(is_left())?,
            _ => met.filter(is_left().or(plain(&rule).not_eq(word("coalesce"))))?,
        };
        Ok(met.project(exprs)?.build()?)
    }
}
