//! `diff_views('customer', 'customer_next')`: what would change if one view took the place of another.
//!
//! The rows of both views meet in a group for each key, are unpivoted, and what is equal is left out. Why a cell is as
//! it is comes from the lineage of each view.

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, UnnestOptions};
use datafusion::functions_aggregate::expr_fn::{count, max};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, LogicalPlanBuilder, Operator, lit, when};
use datafusion::scalar::ScalarValue;

use super::candidates::merged_view;
use super::columns::Fixed;
use super::merged::Merges;
use super::node::Gives;
use super::{one_row, plan};
use crate::error::{Error, Result, SqlState};
use crate::planner::relation_function::{
    Argument, NamedRelation, RelationCall, RelationContext, RelationFunction, Takes,
};
use crate::planner::view::View;

/// The columns that are no keys, in order.
const FIXED: [&str; 6] = ["column_name", "change", "before", "after", "before_reason", "after_reason"];

/// `diff_views(before, after)`: the keys that only one of two merged views has, and the cells that differ, as texts,
/// with the reasons of both sides. A key that is added or removed has a row of its own, whose column_name is null,
/// before those of its cells.
#[derive(Debug)]
pub struct DiffViews;

#[async_trait]
impl RelationFunction for DiffViews {
    fn name(&self) -> &'static str {
        "diff_views"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[
            Argument { name: "before", takes: Takes::Relation, required: true },
            Argument { name: "after", takes: Takes::Relation, required: true },
        ]
    }

    fn description(&self) -> &'static str {
        "The keys and cells that differ between two merged views, with the reasons of both."
    }

    async fn plan(&self, call: &RelationCall, _: &dyn RelationContext) -> Result<LogicalPlan> {
        let before = Side::of(call.relation(0)?)?;
        let after = Side::of(call.relation(1)?)?;
        check_keys(&before, &after)?;
        let keys = &before.merges.keys;
        let told = LogicalPlanBuilder::from(differing(&before, &after)?)
            .union(before.reasons(keys, "#before_reason")?)?
            .union(after.reasons(keys, "#after_reason")?)?;
        // What differs and why meet in a group, so that a condition on a key reaches all that is read.
        let groups = keys.iter().map(String::as_str).chain(["#column_name"]).map(column);
        let told = told
            .aggregate(groups.collect::<Vec<_>>(), TOLD.map(|name| max(column(name)).alias(format!("{name} told"))))?
            .filter(column("#change told").is_not_null())?;
        let names = Names(keys);
        let shown = keys.iter().map(|key| column(key));
        let fixed = FIXED.iter().map(|name| {
            let made = if *name == "column_name" { "#column_name".to_string() } else { format!("#{name} told") };
            column(&made).alias(names.of_fixed(name))
        });
        Ok(told.project(shown.chain(fixed).collect::<Vec<_>>())?.build()?)
    }
}

/// What is told of a cell.
const TOLD: [&str; 5] = ["#change", "#before", "#after", "#before_reason", "#after_reason"];

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn word(word: &str) -> Expr {
    lit(ScalarValue::Utf8View(Some(word.to_string())))
}

fn no_text() -> Expr {
    Expr::Literal(ScalarValue::Utf8View(None), None)
}

/// The names of the columns that are no keys, among keys.
struct Names<'a>(&'a [String]);

impl Names<'_> {
    fn of_fixed(&self, name: &str) -> String {
        let mut name = name.to_string();
        while self.0.contains(&name) {
            name = format!("diff_{name}");
        }
        name
    }
}

/// One of the views.
struct Side<'a> {
    relation: &'a NamedRelation,
    view: &'a View,
    merges: Merges,
}

impl<'a> Side<'a> {
    fn of(relation: &'a NamedRelation) -> Result<Self> {
        let (view, merges) = merged_view(relation)?;
        // Without GROUP BY there is one row, and nothing to tell it by.
        if merges.parts.iter().any(|part| part.key_count() > 0 && part.lacks_keys()) {
            return Err(Error::unsupported(format!("\"{}\" does not show all its keys", view.name.shown()))
                .with_hint("Rows are compared by the columns of the GROUP BY: add them to the view."));
        }
        Ok(Side { relation, view, merges })
    }

    fn columns(&self) -> Vec<String> {
        let names = self.view.analyzed().schema().fields().iter().map(|field| field.name().clone());
        names.filter(|name| !self.merges.keys.contains(name)).collect()
    }

    /// The view's rows: the keys in this order, then for each column of either view its text, as `#before 0` or
    /// `#after 0` and on, and `#before there` or `#after there`; those of the other view are null.
    fn rows(&self, keys: &[String], names: &[String], is_before: bool) -> Result<LogicalPlan> {
        let scan = self.relation.scan()?;
        let own = scan.schema().columns();
        let of = |name: &String| own.iter().find(|column| column.name == *name).cloned().map(Expr::Column);
        let mut exprs = vec![];
        for key in keys {
            let Some(expr) = of(key) else {
                return Err(Error::internal(format!("view \"{}\" lost its key {key}", self.view.name.shown())));
            };
            exprs.push(expr.alias(key));
        }
        for (side, is_own) in [("before", is_before), ("after", !is_before)] {
            for (at, name) in names.iter().enumerate() {
                let text = match of(name).filter(|_| is_own) {
                    Some(expr) => Expr::Cast(Cast::new(Box::new(expr), DataType::Utf8View)),
                    None => no_text(),
                };
                exprs.push(text.alias(format!("#{side} {at}")));
            }
            let there = ScalarValue::Int64(is_own.then_some(1));
            exprs.push(Expr::Literal(there, None).alias(format!("#{side} there")));
        }
        Ok(scan.project(exprs)?.build()?)
    }

    /// Why each cell of the view is as it is: the keys in this order, `#column_name`, and what is told of a cell, of
    /// which only the column of this name is not null.
    fn reasons(&self, keys: &[String], name: &str) -> Result<LogicalPlan> {
        let reasons = plan::plan(&self.view.name.shown(), self.view.analyzed(), &self.merges, Gives::Reasons)?;
        let fixed = |fixed: Fixed| column(&fixed.name_among(&self.merges.keys));
        let mut exprs: Vec<Expr> = keys.iter().map(|key| column(key)).collect();
        exprs.push(fixed(Fixed::ColumnName).alias("#column_name"));
        for told in TOLD {
            exprs.push(if told == name { fixed(Fixed::Reason) } else { no_text() }.alias(told));
        }
        Ok(LogicalPlanBuilder::from(reasons).project(exprs)?.build()?)
    }
}

/// The cells that differ: the keys, `#column_name`, and what is told of a cell without the reasons.
fn differing(before: &Side<'_>, after: &Side<'_>) -> Result<LogicalPlan> {
    let keys = &before.merges.keys;
    let (mut names, newer) = (before.columns(), after.columns());
    // A column that one view lacks is no change of the rule for its cells.
    let removed = |name: &String| if newer.contains(name) { no_text() } else { word("column removed") };
    let mut only: Vec<Expr> = names.iter().map(removed).collect();
    for name in newer.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>() {
        only.push(word("column added"));
        names.push(name);
    }
    let cells = |side: &str| (0..names.len()).map(|at| format!("#{side} {at}")).collect::<Vec<_>>();
    let (old, new) = (cells("before"), cells("after"));
    // The two rows of a key become one. They are grouped, not joined: a condition on a key passes a group.
    let texts = old.iter().chain(&new).map(|name| max(column(name)).alias(format!("{name} one")));
    let rows = ["#before there", "#after there"].map(|name| count(column(name)).alias(format!("{name} one")));
    let both = LogicalPlanBuilder::from(before.rows(keys, &names, true)?)
        .union(after.rows(keys, &names, false)?)?
        .aggregate(keys.iter().map(|key| column(key)).collect::<Vec<_>>(), texts.chain(rows).collect::<Vec<_>>())?;
    let one = |name: &String| column(&format!("{name} one"));
    let views = [before, after].map(|side| side.view.name.shown());
    let change = one_row::change(views, column("#before there one"), column("#after there one"));
    // The first element is the key's own row.
    let with_key = |cells: Vec<Expr>| make_array(std::iter::once(no_text()).chain(cells).collect());
    let wide: Vec<Expr> = keys
        .iter()
        .map(|key| column(key))
        .chain([
            with_key(names.iter().map(|name| word(name)).collect()).alias("#column_name"),
            change.alias("#key change"),
            with_key(only).alias("#only"),
            with_key(old.iter().map(one).collect()).alias("#before"),
            with_key(new.iter().map(one).collect()).alias("#after"),
        ])
        .collect();
    let unpivoted = ["#column_name", "#only", "#before", "#after"].map(Column::new_unqualified);
    let is_key = column("#column_name").is_null();
    let differs = Expr::BinaryExpr(BinaryExpr::new(
        Box::new(column("#before")),
        Operator::IsDistinctFrom,
        Box::new(column("#after")),
    ));
    let stays = column("#key change").eq(word("changed"));
    let kept = is_key.clone().and(Expr::Not(Box::new(stays.clone()))).or(Expr::Not(Box::new(is_key)).and(differs));
    let change = when(stays.and(column("#only").is_not_null()), column("#only")).otherwise(column("#key change"))?;
    let shown = keys.iter().map(|key| column(key));
    let shown = shown.chain([column("#column_name"), change.alias("#change"), column("#before"), column("#after")]);
    let shown = shown.chain(["#before_reason", "#after_reason"].map(|name| no_text().alias(name)));
    let cells = both
        .project(wide)?
        .unnest_columns_with_options(unpivoted.to_vec(), UnnestOptions::default())?
        .filter(kept)?
        .project(shown.collect::<Vec<_>>())?;
    Ok(cells.build()?)
}

/// Rows of two views are compared by keys of the same names.
fn check_keys(before: &Side<'_>, after: &Side<'_>) -> Result<()> {
    let sorted = |side: &Side<'_>| {
        let mut keys = side.merges.keys.clone();
        keys.sort();
        keys
    };
    if sorted(before) == sorted(after) {
        return Ok(());
    }
    let of = |side: &Side<'_>| format!("\"{}\" has {}", side.view.name.shown(), side.merges.keys.join(", "));
    Err(Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{}\" and \"{}\" have different keys", before.view.name.shown(), after.view.name.shown()),
    )
    .with_detail(format!("{}; {}.", of(before), of(after))))
}
