//! Where the columns of a view come from: the columns of what it reads, and what is done to them on the way.
//!
//! It is found from the plan as it was written, in which the views that it reads are still views: each view knows of
//! the step beneath it alone, and the steps are put together when they are asked for. So nothing is stale when a view
//! beneath is replaced.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, TableReference};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan};

use super::merged::is_merge_function;
use super::node::LineageNode;
use super::partitions;
use super::spelled;
use crate::catalog::definitions::{ColumnLineage, ColumnOrigin, PUBLIC, RelationName};
use crate::error::Result;
use crate::functions::pg::{mode, percentile};
use crate::planner::coercion::written_name;
use crate::planner::secured::Secured;
use crate::planner::view::View;

/// What is known of one column of a plan.
#[derive(Clone, Debug, Default)]
struct Made {
    origins: Vec<ColumnOrigin>,
    /// The merge functions in it, by name.
    rules: Vec<String>,
    /// The same in words: `newest by updated_at`.
    words: Vec<String>,
    /// The other aggregates in it, in words: `count DISTINCT`. They describe a column that no merge function is in, of a view
    /// that has some.
    plain: Vec<String>,
}

impl Made {
    fn take(&mut self, other: Made) {
        for origin in other.origins {
            if !self.origins.contains(&origin) {
                self.origins.push(origin);
            }
        }
        let words = [(&mut self.rules, other.rules), (&mut self.words, other.words), (&mut self.plain, other.plain)];
        for (into, from) in words {
            for one in from {
                if !into.contains(&one) {
                    into.push(one);
                }
            }
        }
    }
}

/// Where the columns of a view come from; `plan` is the view's own as it was written.
pub fn origins(plan: &LogicalPlan) -> Result<Vec<ColumnLineage>> {
    let made = columns(plan)?;
    // Of a view that merges nothing nobody expects rules.
    let merges = made.iter().any(|made| !made.words.is_empty());
    let fields = plan.schema().fields().iter();
    Ok(fields
        .zip(made)
        .map(|(field, made)| ColumnLineage {
            column: field.name().clone(),
            origins: made.origins,
            rule: joined(made.rules, ", "),
            description: joined(if made.words.is_empty() && merges { made.plain } else { made.words }, "; "),
        })
        .collect())
}

fn joined(words: Vec<String>, between: &str) -> Option<String> {
    (!words.is_empty()).then(|| words.join(between))
}

/// What each column of a plan is made of.
fn columns(plan: &LogicalPlan) -> Result<Vec<Made>> {
    let found = match plan {
        LogicalPlan::TableScan(scan) => {
            let provider = source_as_provider(&scan.source).ok();
            let view = provider.as_ref().and_then(|provider| provider.downcast_ref::<View>());
            match view {
                // A function over relations: it is no relation itself.
                Some(view) if view.name.schema == "pg_catalog" => {
                    let made = columns(&view.written)?;
                    match &scan.projection {
                        Some(wanted) => wanted.iter().filter_map(|at| made.get(*at).cloned()).collect(),
                        None => made,
                    }
                }
                other => {
                    // What policies and masks leave of a relation has its columns.
                    let secured = provider.as_ref().and_then(|provider| provider.downcast_ref::<Secured>());
                    let name = other.map(|view| &view.name).or_else(|| secured.map(|secured| &secured.name));
                    let relation = name.cloned().unwrap_or_else(|| named(&scan.table_name));
                    let fields = scan.projected_schema.fields().iter();
                    fields
                        .map(|field| Made {
                            origins: vec![ColumnOrigin {
                                relation: relation.clone(),
                                column: field.name().clone(),
                                functions: vec![],
                            }],
                            ..Made::default()
                        })
                        .collect()
                }
            }
        }
        LogicalPlan::Projection(projection) => of_all(&projection.expr, &projection.input)?,
        LogicalPlan::Aggregate(aggregate) => {
            let groups = grouping_set_to_exprlist(&aggregate.group_expr)?;
            let groups: Vec<Expr> = groups.into_iter().cloned().collect();
            let mut made = of_all(&groups, &aggregate.input)?;
            // Sets of groups have a column of their own.
            let own = plan.schema().fields().len().saturating_sub(aggregate.aggr_expr.len());
            made.resize(own, Made::default());
            made.extend(of_all(&aggregate.aggr_expr, &aggregate.input)?);
            made
        }
        LogicalPlan::Window(window) => {
            let mut made = columns(&window.input)?;
            let mut over = of_all(&window.window_expr, &window.input)?;
            // Beside merge functions the aggregates of their partitions are rules too.
            if partitions::merges_partitions(window) {
                for (made, expr) in over.iter_mut().zip(&window.window_expr) {
                    made.plain.extend(partitions::plain_over(expr).and_then(over_window));
                }
            }
            made.extend(over);
            made
        }
        LogicalPlan::Filter(filter) => columns(&filter.input)?,
        LogicalPlan::Sort(sort) => columns(&sort.input)?,
        LogicalPlan::Limit(limit) => columns(&limit.input)?,
        LogicalPlan::Repartition(repartition) => columns(&repartition.input)?,
        LogicalPlan::SubqueryAlias(alias) => columns(&alias.input)?,
        LogicalPlan::Subquery(subquery) => columns(&subquery.subquery)?,
        LogicalPlan::Distinct(Distinct::All(input)) => columns(input)?,
        LogicalPlan::Distinct(Distinct::On(on)) => of_all(&on.select_expr, &on.input)?,
        LogicalPlan::Join(join) => {
            let (mut left, right) = (columns(&join.left)?, columns(&join.right)?);
            let width = plan.schema().fields().len();
            if width == left.len() + right.len() {
                left.extend(right);
                left
            } else if width == right.len() && width != left.len() {
                right
            } else {
                left
            }
        }
        LogicalPlan::Union(union) => {
            let mut made: Vec<Made> = vec![];
            for input in &union.inputs {
                let branch = columns(input)?;
                made.resize(made.len().max(branch.len()), Made::default());
                for (made, branch) in made.iter_mut().zip(branch) {
                    made.take(branch);
                }
            }
            made
        }
        // Of lineage the keys are columns; what it tells is none.
        LogicalPlan::Extension(extension) => match extension.node.as_any().downcast_ref::<LineageNode>() {
            Some(lineage) => {
                let below = columns(&lineage.input)?;
                let mut made: Vec<Made> =
                    lineage.layout.shown.iter().map(|key| below.get(*key).cloned().unwrap_or_default()).collect();
                made.resize(plan.schema().fields().len(), Made::default());
                made
            }
            // What tests rules or hides rows gives its input's columns first.
            None => match extension.node.inputs().as_slice() {
                [input] if begins_with(plan.schema(), input.schema()) => {
                    let mut made = columns(input)?;
                    made.resize(plan.schema().fields().len(), Made::default());
                    made
                }
                _ => vec![],
            },
        },
        LogicalPlan::RecursiveQuery(query) => columns(&query.static_term)?,
        LogicalPlan::Unnest(unnest) => {
            let made = columns(&unnest.input)?;
            unnest.dependency_indices.iter().map(|from| made.get(*from).cloned().unwrap_or_default()).collect()
        }
        _ => vec![],
    };
    let width = plan.schema().fields().len();
    Ok(if found.len() == width { found } else { vec![Made::default(); width] })
}

/// Whether the columns of a plan begin with those of its input, by their names.
fn begins_with(schema: &DFSchema, input: &DFSchema) -> bool {
    let own = schema.iter().map(|(table, field)| (table, field.name()));
    let below = input.iter().map(|(table, field)| (table, field.name()));
    schema.fields().len() >= input.fields().len() && own.zip(below).all(|(own, below)| own == below)
}

/// A table that is no view: names without a schema are in `public`, where a view's own are looked up.
fn named(table: &TableReference) -> RelationName {
    RelationName::new(table.schema().unwrap_or(PUBLIC), table.table())
}

fn of_all(exprs: &[Expr], input: &LogicalPlan) -> Result<Vec<Made>> {
    let below = columns(input)?;
    exprs.iter().map(|expr| made_of(expr, input.schema(), &below)).collect()
}

/// What an expression over columns is made of. Of a merge function that is its value: what it ranks by decides, and is
/// not in the result.
fn made_of(expr: &Expr, schema: &DFSchema, below: &[Made]) -> Result<Made> {
    let mut made = Made::default();
    let (function, parts): (Option<String>, Vec<&Expr>) = match expr {
        Expr::Column(column) => {
            if let Some(known) = schema.maybe_index_of_column(column).and_then(|at| below.get(at)) {
                made.take(known.clone());
            }
            return Ok(made);
        }
        // The array is none that anybody wrote.
        Expr::ScalarFunction(call) if ordered_set(call.func.name()).is_some() => {
            let Some((array, _)) = call.args.split_first() else { return Ok(made) };
            let mut inner = made_of(array, schema, below)?;
            for origin in &mut inner.origins {
                if origin.functions.last().is_some_and(|function| function == "array_agg") {
                    origin.functions.pop();
                }
                origin.functions.extend(ordered_set(call.func.name()).map(str::to_string));
            }
            for word in &mut inner.plain {
                let condition = word.find(FILTER).and_then(|at| word.get(at..)).unwrap_or_default();
                *word = format!("{}{condition}", ordered_set(call.func.name()).unwrap_or_default());
            }
            made.take(inner);
            return Ok(made);
        }
        Expr::ScalarFunction(call) => (Some(call.func.name().to_string()), call.args.iter().collect()),
        Expr::AggregateFunction(call) => {
            let mut parts: Vec<&Expr> = call.params.args.iter().collect();
            if is_merge_function(expr) {
                parts.truncate(1);
                made.rules.push(call.func.name().to_string());
                made.words.push(described(call));
            } else {
                made.plain.push(plainly(call));
            }
            (Some(written_name(call).to_string()), parts)
        }
        Expr::WindowFunction(call) => {
            let mut parts: Vec<&Expr> = call.params.args.iter().collect();
            if partitions::is_merge(call) {
                parts.truncate(1);
                made.rules.push(call.fun.name().to_string());
                made.words.extend(over_window(call));
            }
            (Some(call.fun.name().to_string()), parts)
        }
        Expr::ScalarSubquery(query) => {
            if let Some(first) = columns(&query.subquery)?.into_iter().next() {
                // What is counted elsewhere is no rule of this view.
                made.take(Made { plain: vec![], ..first });
            }
            return Ok(made);
        }
        other => {
            let mut inner = vec![];
            other.apply_children(|child| {
                inner.push(made_of(child, schema, below));
                Ok(TreeNodeRecursion::Continue)
            })?;
            for inner in inner {
                made.take(inner?);
            }
            return Ok(made);
        }
    };
    for part in parts {
        let mut inner = made_of(part, schema, below)?;
        if let Some(function) = &function {
            for origin in &mut inner.origins {
                origin.functions.push(function.clone());
            }
        }
        made.take(inner);
    }
    Ok(made)
}

/// An aggregate over a window: `newest by updated_at OVER (PARTITION BY email)`, `avg OVER (PARTITION BY email)`.
fn over_window(call: &WindowFunction) -> Option<String> {
    let Expr::AggregateFunction(aggregate) = partitions::as_aggregate(call)? else { return None };
    let listed = |words: Vec<String>| joined(words, ", ");
    let keys = listed(call.params.partition_by.iter().map(spelled::sql).collect());
    let order = listed(call.params.order_by.iter().map(spelled::sort_key).collect());
    let over = [keys.map(|keys| format!("PARTITION BY {keys}")), order.map(|order| format!("ORDER BY {order}"))];
    let over: Vec<String> = over.into_iter().flatten().collect();
    let words = if partitions::is_merge(call) { described(&aggregate) } else { plainly(&aggregate) };
    Some(format!("{words} OVER ({})", over.join(" ")))
}

/// The name in SQL of a function of a sorted array that stands for an ordered-set aggregate.
fn ordered_set(name: &str) -> Option<&'static str> {
    if name == mode::OF_ARRAY { Some("mode") } else { percentile::of_array(name) }
}

/// What stands before a condition.
const FILTER: &str = " FILTER (WHERE ";

/// An aggregate that is no merge function: `avg`, `count DISTINCT FILTER (WHERE active)`.
fn plainly(call: &AggregateFunction) -> String {
    let distinct = if call.params.distinct { " DISTINCT" } else { "" };
    format!("{}{distinct}{}", written_name(call), condition(call))
}

fn condition(call: &AggregateFunction) -> String {
    match &call.params.filter {
        Some(filter) => format!("{FILTER}{})", spelled::sql(filter)),
        None => String::new(),
    }
}

/// A merge function with what it ranks by: `newest by updated_at`, `most_trusted by trust, updated_at`, `majority FILTER
/// (WHERE active)`.
fn described(call: &AggregateFunction) -> String {
    let name = call.func.name();
    // A model's tree stands for its name and the features.
    let argument = |expr: &Expr| {
        let text = spelled::sql(expr);
        text.strip_prefix("tree ").filter(|_| name == "tree_choice").map_or(text.clone(), str::to_string)
    };
    let arguments = call.params.args.iter().skip(1).map(argument);
    let by: Vec<String> = arguments.chain(call.params.order_by.iter().map(spelled::sort_key)).collect();
    let rule = if by.is_empty() { name.to_string() } else { format!("{name} by {}", by.join(", ")) };
    format!("{rule}{}", condition(call))
}
