//! `quality('view')`: how good each source is in each column that a view merges.
//!
//! The rows that are merged are joined with what came of them, by the view's own keys and its own merge functions, and
//! counted by source.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::expr::{AggregateFunction, Case, Cast, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::scalar::ScalarValue;

use super::checked::tested;
use super::merged::{Cell, Merged, find, relation_of};
use super::rule::{PlannedRule, query};
use super::share::{freshness, is_moment, share};
use crate::error::{Error, Result, SqlState};
use crate::functions::merge::Role;
use crate::lineage::{alike, hidden};
use crate::planner::relation_function::{Argument, Given, RelationCall, RelationContext, RelationFunction, Takes};

/// After how many days a value counts half, where the call does not say it.
const HALF_LIFE: f64 = 365.0;

/// The rows that are merged, and what came of them.
const FOUND: &str = "found";
const MERGED: &str = "merged";

/// The function.
#[derive(Debug)]
pub struct Quality;

#[async_trait]
impl RelationFunction for Quality {
    fn name(&self) -> &'static str {
        "quality"
    }

    fn arguments(&self) -> &'static [Argument] {
        &[
            Argument { name: "view", takes: Takes::Relation, required: true },
            Argument { name: "half_life_days", takes: Takes::Number, required: false },
        ]
    }

    fn description(&self) -> &'static str {
        "Completeness, agreement, freshness and validity of each source in each column that a view merges."
    }

    async fn plan(&self, call: &RelationCall, context: &dyn RelationContext) -> Result<LogicalPlan> {
        let relation = call.relation(0)?;
        let half_life = half_life(call.arguments.get(1))?;
        let Some(view) = relation.view() else {
            if let Some(error) = hidden(relation, "quality") {
                return Err(error);
            }
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a view that merges rows", relation.name().shown()),
            ));
        };
        let mut counted: Vec<LogicalPlan> = vec![];
        for merged in find(view)? {
            let rules = rules_of(&merged, context).await?;
            let first = counted.len();
            counted.push(Scores { merged, rules, half_life, context, first }.counted()?);
        }
        shares(counted)
    }
}

/// The columns that say which scores these are, and what is counted for them.
const OF: [&str; 4] = ["source", "column_name", "$part", "$position"];
const COUNTED: [&str; 6] = ["$rows", "$given", "$agreeing", "$contested", "$valid", "$tested"];

/// The scores of what was counted of each grouping. What several have in common is added up: a column of a union has
/// rows in each of its branches.
fn shares(parts: Vec<LogicalPlan>) -> Result<LogicalPlan> {
    let plain = |name: &str| Expr::Column(Column::new_unqualified(name));
    let mut parts = parts.into_iter();
    let none = || Error::internal("a view that merges merges nothing");
    let mut counted = LogicalPlanBuilder::from(parts.next().ok_or_else(none)?);
    let mut is_one = true;
    for part in parts {
        counted = counted.union(part)?;
        is_one = false;
    }
    if !is_one {
        // Of means the whole has the mean that its parts have by their numbers.
        let double = |expr: Expr| Expr::Cast(Cast::new(Box::new(expr), DataType::Float64));
        let ages = plain("$fresh") * double(plain("$aged"));
        let keys = ["source", "column_name", "$nth"].map(plain).to_vec();
        let mut sums: Vec<Expr> = COUNTED.iter().map(|name| sum(plain(name)).alias(format!("{name} all"))).collect();
        sums.push(sum(ages).alias("$ages"));
        sums.push(sum(plain("$aged")).alias("$aged all"));
        sums.push(min(plain("$part")).alias("$part all"));
        sums.push(min(plain("$position")).alias("$position all"));
        let mean = when(plain("$aged all").gt(lit(0_i64)), plain("$ages") / double(plain("$aged all")));
        let all = |name: &str| plain(&format!("{name} all")).alias(name);
        let mut shown = vec![plain("source"), plain("column_name"), all("$part"), all("$position")];
        shown.extend(COUNTED.iter().map(|name| all(name)));
        shown.push(mean.alias("$fresh"));
        counted = counted.aggregate(keys, sums)?.project(shown)?;
    }
    let shared = |part: &str, whole: &str| share(plain(part), plain(whole));
    let mut columns = OF.map(plain).to_vec();
    columns.push(shared("$given", "$rows").alias("completeness"));
    columns.push(shared("$agreeing", "$contested").alias("agreement"));
    columns.push(plain("$fresh").alias("freshness"));
    columns.push(shared("$valid", "$tested").alias("validity"));
    columns.push(plain("$rows").alias("rows"));
    let names = ["source", "column_name", "completeness", "agreement", "freshness", "validity", "rows"];
    let order = ["source", "$part", "$position"].map(|name| plain(name).sort(true, false));
    Ok(counted.project(columns)?.sort(order)?.project(names.map(plain))?.build()?)
}

fn half_life(given: Option<&Given>) -> Result<f64> {
    let Some(Given::Number(text)) = given else { return Ok(HALF_LIFE) };
    let days = text.parse::<f64>().ok().filter(|days| days.is_finite() && *days > 0.0);
    days.ok_or_else(|| Error::new(SqlState::INVALID_PARAMETER_VALUE, "half_life_days must be greater than 0"))
}

/// The rules on the rows that are merged, over those rows: where they are one relation's, and still have the columns
/// that the rule reads.
async fn rules_of(merged: &Merged, context: &dyn RelationContext) -> Result<Vec<PlannedRule>> {
    let rows = merged.aggregate.input.as_ref();
    let Some((relation, names)) = relation_of(rows) else { return Ok(vec![]) };
    let mut rules = vec![];
    for rule in context.definitions().rules_on(&relation) {
        let named = |error: Error| error.with_position(None).with_context(rule.label());
        let written = context.query(&query(rule)).await.map_err(named)?;
        let mut planned = PlannedRule::new(rule.clone(), &written, context.state()).map_err(named)?;
        let read = planned.expr.column_refs().into_iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        if !read.iter().all(|name| names.contains(name) && column_of(rows, name).is_some()) {
            continue;
        }
        planned.expr = requalified(planned.expr, rows)?;
        rules.push(planned);
    }
    Ok(rules)
}

/// A column of the rows by its name; none where there is none, or more than one.
fn column_of(rows: &LogicalPlan, name: &str) -> Option<Column> {
    let mut found = rows.schema().columns().into_iter().filter(|column| column.name == name);
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

fn requalified(expr: Expr, rows: &LogicalPlan) -> Result<Expr> {
    let moved = expr.transform_up(|part| {
        Ok(match &part {
            Expr::Column(column) => match column_of(rows, &column.name) {
                Some(there) => Transformed::yes(Expr::Column(there)),
                None => Transformed::no(part),
            },
            _ => Transformed::no(part),
        })
    })?;
    Ok(moved.data)
}

/// What the plan is made of.
struct Scores<'a> {
    merged: Merged,
    rules: Vec<PlannedRule>,
    half_life: f64,
    context: &'a dyn RelationContext,
    /// How many groupings of the view come before.
    first: usize,
}

impl Scores<'_> {
    /// What is counted: a row for each source and each cell.
    fn counted(self) -> Result<LogicalPlan> {
        let cells = self.merged.cells.clone();
        let found = LogicalPlanBuilder::from(self.found()?).alias(FOUND)?;
        let merged = LogicalPlanBuilder::from(self.came()?).alias(MERGED)?.build()?;
        let keys = |of: &str| -> Vec<Column> {
            (0..self.merged.aggregate.group_expr.len()).map(|at| Column::new(Some(of), format!("$key{at}"))).collect()
        };
        let joined = match self.merged.aggregate.group_expr.is_empty() {
            true => found.cross_join(merged)?,
            // Null keys make one group.
            false => found.join_detailed(
                merged,
                JoinType::Inner,
                (keys(FOUND), keys(MERGED)),
                None,
                NullEquality::NullEqualsNull,
            )?,
        };
        let mut counts = vec![count(lit(1_i64)).alias("$rows")];
        for (at, cell) in cells.iter().enumerate() {
            counts.extend(self.counts(at, cell)?);
        }
        let counted = joined.aggregate(vec![of(FOUND, "$source")], counts)?;
        let positions = (0_i64..).take(cells.len()).map(|at| vec![lit(at)]).collect();
        let positions = LogicalPlanBuilder::values(positions)?.alias("cell")?.build()?;
        let rows = counted.cross_join(positions)?;
        let position = || of("cell", "column1");
        let each = |value: &dyn Fn(usize, &Cell) -> Expr| {
            let whens = (0_i64..).zip(cells.iter().enumerate());
            let whens = whens.map(|(number, (at, cell))| (Box::new(lit(number)), Box::new(value(at, cell))));
            Expr::Case(Case::new(Some(Box::new(position())), whens.collect(), None))
        };
        let plain = |name: String| Expr::Column(Column::new_unqualified(name));
        let part = |name: &'static str| move |at: usize, _: &Cell| plain(format!("${name}{at}"));
        let number = |number: usize| lit(i64::try_from(number).unwrap_or(i64::MAX));
        // How many calls of the same column come before.
        let nth =
            |at: usize, cell: &Cell| number(cells.iter().take(at).filter(|before| before.name == cell.name).count());
        let columns = vec![
            of(FOUND, "$source").alias("source"),
            each(&|_, cell| text(&cell.name)).alias("column_name"),
            number(self.first).alias("$part"),
            position().alias("$position"),
            plain("$rows".to_string()).alias("$rows"),
            each(&part("given")).alias("$given"),
            each(&part("agreeing")).alias("$agreeing"),
            each(&part("contested")).alias("$contested"),
            each(&part("valid")).alias("$valid"),
            each(&part("tested")).alias("$tested"),
            each(&part("fresh")).alias("$fresh"),
            each(&part("aged")).alias("$aged"),
            each(&nth).alias("$nth"),
        ];
        Ok(rows.project(columns)?.build()?)
    }

    /// The rows that are merged: keys, source, and of each cell the value, its time, and whether it breaks a rule.
    fn found(&self) -> Result<LogicalPlan> {
        let rows = self.merged.aggregate.input.as_ref();
        let (plan, broken) = tested(rows.clone(), self.rules.clone())?;
        let keys = self.merged.aggregate.group_expr.iter().enumerate();
        let mut columns: Vec<Expr> = keys.map(|(at, key)| key.clone().unalias().alias(format!("$key{at}"))).collect();
        columns.push(source_of(rows).alias("$source"));
        for (at, cell) in self.merged.cells.iter().enumerate() {
            columns.push(self.value_of(cell)?.alias(format!("$value{at}")));
            if let Some(time) = self.time_of(cell) {
                columns.push(time.alias(format!("$time{at}")));
            }
            let read = self.value_of(cell)?;
            let read: Vec<&str> = read.column_refs().into_iter().map(|column| column.name.as_str()).collect();
            let about = self.rules.iter().zip(&broken).filter(|(rule, _)| {
                rule.expr.column_refs().into_iter().any(|column| read.contains(&column.name.as_str()))
            });
            let breaks = about.map(|(_, (_, broken))| broken.clone()).reduce(Expr::or);
            if let Some(breaks) = breaks {
                columns.push(breaks.alias(format!("$broken{at}")));
            }
        }
        Ok(LogicalPlanBuilder::from(plan).project(columns)?.build()?)
    }

    /// What came of the rows: keys, and of each cell the merged value, and the least and the greatest source that has
    /// one.
    fn came(&self) -> Result<LogicalPlan> {
        let aggregate = &self.merged.aggregate;
        let rows = aggregate.input.as_ref();
        // Rows that name no source are of another one than those that do.
        let named = source_of(rows);
        let source = when_or(named.clone().is_not_null(), named, text(NAMELESS));
        let keys: Vec<Expr> = (aggregate.group_expr.iter().enumerate())
            .map(|(at, key)| key.clone().unalias().alias(format!("$key{at}")))
            .collect();
        let mut made = vec![];
        for (at, cell) in self.merged.cells.iter().enumerate() {
            let has_value = when(self.value_of(cell)?.is_not_null(), source.clone());
            made.push(Expr::AggregateFunction(cell.call.clone()).alias(format!("$merged{at}")));
            made.push(min(has_value.clone()).alias(format!("$least{at}")));
            made.push(max(has_value).alias(format!("$greatest{at}")));
        }
        Ok(LogicalPlanBuilder::from(rows.clone()).aggregate(keys, made)?.build()?)
    }

    /// What is counted of a cell for each source.
    fn counts(&self, at: usize, cell: &Cell) -> Result<Vec<Expr>> {
        let found = |name: &str| of(FOUND, &format!("${name}{at}"));
        let merged = |name: &str| of(MERGED, &format!("${name}{at}"));
        let given = found("value").is_not_null();
        let none = || Expr::Literal(ScalarValue::Int64(None), None);
        let mut counts = vec![count(found("value")).alias(format!("$given{at}"))];
        // A mean or a collection is no value of a source's that others could agree with.
        let contested = given.clone().and(merged("least").not_eq(merged("greatest")));
        let (agreeing, contested) = match cell.rule.returns_input() {
            true => {
                let (own, came) = (found("value"), self.part(cell, merged("merged"))?);
                // What `=` does not compare is compared as merge functions do.
                let agrees = if self.is_nested(cell)? { alike(own, came) } else { own.eq(came) };
                let agreeing = contested.clone().and(agrees);
                (count(when(agreeing, lit(1_i64))), count(when(contested, lit(1_i64))))
            }
            false => (count(none()), count(none())),
        };
        counts.push(agreeing.alias(format!("$agreeing{at}")));
        counts.push(contested.alias(format!("$contested{at}")));
        counts.push(self.freshness(at, cell)?.alias(format!("$fresh{at}")));
        let aged = match self.time_of(cell) {
            Some(_) => when(found("value").is_not_null(), found("time")),
            None => none(),
        };
        counts.push(count(aged).alias(format!("$aged{at}")));
        let (valid, tested) = match self.is_ruled(cell)? {
            true => {
                let valid = given.clone().and(Expr::IsNotTrue(Box::new(found("broken"))));
                (count(when(valid, lit(1_i64))), count(when(given, lit(1_i64))))
            }
            false => (count(none()), count(none())),
        };
        counts.push(valid.alias(format!("$valid{at}")));
        counts.push(tested.alias(format!("$tested{at}")));
        Ok(counts)
    }

    /// The mean freshness of a source's values; null where the merge function is told no time.
    fn freshness(&self, at: usize, cell: &Cell) -> Result<Expr> {
        let state = self.context.state();
        let average = state.aggregate_functions().get("avg");
        let now = state.scalar_functions().get("now");
        let (Some(average), Some(now)) = (average, now) else {
            return Err(Error::internal("a function that scores need is not there"));
        };
        let value = match self.time_of(cell) {
            Some(_) => {
                let now = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(now), vec![]));
                let fresh = freshness(now, of(FOUND, &format!("$time{at}")), self.half_life);
                when(of(FOUND, &format!("$value{at}")).is_not_null(), fresh)
            }
            None => Expr::Literal(ScalarValue::Float64(None), None),
        };
        let function = Arc::clone(average);
        Ok(Expr::AggregateFunction(AggregateFunction::new_udf(function, vec![value], false, None, vec![], None)))
    }

    /// The time that a merge function is told, where it is a moment.
    fn time_of(&self, cell: &Cell) -> Option<Expr> {
        let time = cell.call.params.args.get(cell.rule.position(Role::Time)?)?;
        let kind = time.get_type(self.merged.aggregate.input.schema().as_ref()).ok()?;
        is_moment(&kind).then(|| time.clone())
    }

    /// What a cell is merged of; null where the call's FILTER leaves the row out, and where no field of a struct holds
    /// anything.
    fn value_of(&self, cell: &Cell) -> Result<Expr> {
        let value = cell.call.params.args.first().cloned();
        let value = value.ok_or_else(|| Error::internal("a merge function was given no arguments"))?;
        let value = self.part(cell, value)?;
        let kind = value.get_type(self.merged.aggregate.input.schema().as_ref())?;
        let value = if matches!(kind, DataType::Struct(_)) { when(self.held(&value, &kind)?, value) } else { value };
        Ok(match &cell.call.params.filter {
            Some(filter) => when(filter.as_ref().clone(), value),
            None => value,
        })
    }

    /// The part of a value that the view shows.
    fn part(&self, cell: &Cell, value: Expr) -> Result<Expr> {
        match self.context.state().scalar_functions().get("get_field") {
            Some(get_field) => Ok(cell.part(get_field, value)),
            None => Err(Error::internal("a function that scores need is not there")),
        }
    }

    /// What says that a value holds something, as merge functions see it: a struct by one of its fields.
    fn held(&self, value: &Expr, kind: &DataType) -> Result<Expr> {
        let mut held: Option<Expr> = None;
        if let DataType::Struct(fields) = kind {
            let Some(get_field) = self.context.state().scalar_functions().get("get_field") else {
                return Err(Error::internal("a function that scores need is not there"));
            };
            for field in fields {
                let args = vec![value.clone(), lit(field.name().as_str())];
                let of_field = Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(get_field), args));
                let of_field = self.held(&of_field, field.data_type())?;
                held = Some(match held {
                    Some(held) => held.or(of_field),
                    None => of_field,
                });
            }
        }
        Ok(held.unwrap_or_else(|| value.clone().is_not_null()))
    }

    /// Whether values are arrays or structs.
    fn is_nested(&self, cell: &Cell) -> Result<bool> {
        Ok(self.value_of(cell)?.get_type(self.merged.aggregate.input.schema().as_ref())?.is_nested())
    }

    /// Whether a rule is about a cell's value.
    fn is_ruled(&self, cell: &Cell) -> Result<bool> {
        let value = self.value_of(cell)?;
        let read: Vec<&str> = value.column_refs().into_iter().map(|column| column.name.as_str()).collect();
        Ok(self
            .rules
            .iter()
            .any(|rule| rule.expr.column_refs().into_iter().any(|column| read.contains(&column.name.as_str()))))
    }
}

/// The source of a row as text; null where the rows do not say it.
fn source_of(rows: &LogicalPlan) -> Expr {
    match column_of(rows, "source") {
        Some(source) => Expr::Cast(Cast::new(Box::new(Expr::Column(source)), DataType::Utf8View)),
        None => Expr::Literal(ScalarValue::Utf8View(None), None),
    }
}

/// What stands for the source of rows that name none; no source is called so.
const NAMELESS: &str = "\u{1}";

fn when_or(condition: Expr, value: Expr, otherwise: Expr) -> Expr {
    Expr::Case(Case::new(None, vec![(Box::new(condition), Box::new(value))], Some(Box::new(otherwise))))
}

fn when(condition: Expr, value: Expr) -> Expr {
    Expr::Case(Case::new(None, vec![(Box::new(condition), Box::new(value))], None))
}

fn text(text: &str) -> Expr {
    Expr::Literal(ScalarValue::Utf8View(Some(text.to_string())), None)
}

fn of(table: &str, name: &str) -> Expr {
    Expr::Column(Column::new(Some(table), name))
}
