//! Items of FROM that are made of the row before them: `FROM t, unnest(t.tags)`, `LEFT JOIN LATERAL (SELECT ..) ON true`.
//!
//! DataFusion's planner makes a join of them whose right side refers to the left one's columns. Its optimizer can only
//! turn that into a plain join where the references are in conditions. Here the right side reads no table where it
//! refers to them, and gives rows for each row by itself: so it is put on top of the left side, in the place of its one
//! row without columns, and takes the left columns along.

use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, NullHandling, RecursionUnnestOption, UnnestOptions};
use datafusion::error::Result as DfResult;
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::expr::{Exists, InSubquery, SetComparison};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Filter, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, Unnest, when,
};
use datafusion::scalar::ScalarValue;

use crate::error::Error;
use crate::functions::pg::ordinals;

/// What the columns of the right side are called on their way, which no user can write.
const HIDDEN: &str = "\u{1}lateral";

/// Puts every such item of a plan on top of what stands before it. Those that read tables stay for the optimizer.
///
/// # Errors
/// 0A000 for those that neither can do.
pub fn joined(plan: LogicalPlan) -> DfResult<LogicalPlan> {
    if !holds(&plan, |node| matches!(node, LogicalPlan::Subquery(_)))? {
        return Ok(plan);
    }
    let placed = plan.transform_up_with_subqueries(|node| match asked_anew(node)?.data {
        LogicalPlan::Join(join) if is_lateral(&join)? => match placed(&join)? {
            Some(plan) => Ok(Transformed::yes(plan)),
            None if holds(&join.right, |node| matches!(node, LogicalPlan::Unnest(_)))? => Err(refused(&join).into()),
            None => Ok(Transformed::yes(LogicalPlan::Join(join))),
        },
        node => Ok(Transformed::yes(node)),
    })?;
    Ok(placed.data)
}

/// A node whose subqueries know what they refer to outside: less than before, where that was an item of their own FROM.
fn asked_anew(node: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    let anew = |subquery: Subquery| Subquery { outer_ref_columns: subquery.subquery.all_out_ref_exprs(), ..subquery };
    node.map_expressions(|expr| {
        expr.transform_up(|expr| {
            Ok(match expr {
                Expr::ScalarSubquery(subquery) => Transformed::yes(Expr::ScalarSubquery(anew(subquery))),
                Expr::Exists(Exists { subquery, negated }) => {
                    Transformed::yes(Expr::Exists(Exists { subquery: anew(subquery), negated }))
                }
                Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                    Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery: anew(subquery), negated }))
                }
                Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
                    let subquery = anew(subquery);
                    Transformed::yes(Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }))
                }
                expr => Transformed::no(expr),
            })
        })
    })
}

/// Whether a plan has a node like that, in subqueries too.
fn holds(plan: &LogicalPlan, wanted: impl Fn(&LogicalPlan) -> bool) -> DfResult<bool> {
    let found = plan.apply_with_subqueries(|node| {
        Ok(if wanted(node) { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found == TreeNodeRecursion::Stop)
}

/// Whether the right side refers to the left one, and makes rows without a table.
fn is_lateral(join: &Join) -> DfResult<bool> {
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        return Ok(false);
    }
    let mut right = join.right.as_ref();
    while let LogicalPlan::SubqueryAlias(alias) = right {
        right = alias.input.as_ref();
    }
    if !matches!(right, LogicalPlan::Subquery(_)) {
        return Ok(false);
    }
    holds(right, |node| match node {
        LogicalPlan::Unnest(_) | LogicalPlan::Values(_) => true,
        LogicalPlan::EmptyRelation(empty) => empty.produce_one_row,
        _ => false,
    })
}

/// Rows that are written out, `VALUES (t.a), (t.b)` or `SELECT t.a UNION ALL SELECT t.b`; none for other plans.
fn written(node: &LogicalPlan) -> Option<Vec<Vec<Expr>>> {
    match node {
        LogicalPlan::Values(values) => Some(values.values.clone()),
        LogicalPlan::Union(union) => union.inputs.iter().map(|input| one_row(input)).collect(),
        _ => None,
    }
}

fn one_row(node: &LogicalPlan) -> Option<Vec<Expr>> {
    let LogicalPlan::Projection(projection) = node else { return None };
    match projection.input.as_ref() {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {
            Some(projection.expr.iter().map(|expr| expr.clone().unalias()).collect())
        }
        _ => None,
    }
}

fn refused(join: &Join) -> Error {
    let error = Error::unsupported("this form of LATERAL is not supported");
    match join.join_type {
        JoinType::Left => error.with_hint("LEFT JOIN LATERAL takes one function or a SELECT of one, and ON true."),
        _ => {
            error.with_hint("A lateral SELECT over a function takes columns and WHERE, but no groups, order or limit.")
        }
    }
}

/// The join as one plan, with its columns; none where the right side is not of that kind.
fn placed(join: &Join) -> DfResult<Option<LogicalPlan>> {
    let outer = join.join_type == JoinType::Left;
    if outer && !(join.on.is_empty() && join.filter.as_ref().is_none_or(is_true) && is_simple(&join.right)) {
        return Ok(None);
    }
    let mut placing = Placing { left: join.left.schema(), outer, next: 0, found: None };
    let Some(placed) = placing.place(&join.right, join.left.as_ref().clone())? else { return Ok(None) };
    let Placed { mut plan, columns } = placed;
    let conditions = join.on.iter().map(|(left, right)| left.clone().eq(right.clone())).chain(join.filter.clone());
    for condition in conditions.filter(|condition| !is_true(condition)) {
        let Some(condition) = on_placed(condition, join.right.schema(), &columns)? else { return Ok(None) };
        plan = filtered(plan, condition)?;
    }
    let mut shown: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    for (column, (qualifier, field)) in columns.into_iter().zip(join.right.schema().iter()) {
        let column = match &placing.found {
            // An element is NULL already in a row that stands for none.
            Some((found, elements)) if !elements.contains(&column) => {
                when(found.clone().is_not_null(), column).end()?
            }
            _ => column,
        };
        let types = (!field.metadata().is_empty()).then(|| FieldMetadata::new_from_field(field));
        shown.push(column.alias_qualified_with_metadata(qualifier.cloned(), field.name(), types));
    }
    Ok(Some(LogicalPlan::Projection(Projection::try_new(shown, plan.into())?)))
}

fn filtered(plan: LogicalPlan, condition: Expr) -> DfResult<LogicalPlan> {
    Ok(LogicalPlan::Filter(Filter::try_new(condition, plan.into())?))
}

fn is_true(condition: &Expr) -> bool {
    matches!(condition, Expr::Literal(ScalarValue::Boolean(Some(true)), _))
}

/// Whether a right side is columns over one function at the most: it has rows unless the function has none.
fn is_simple(plan: &LogicalPlan) -> bool {
    let (mut plan, mut functions) = (plan, 0);
    loop {
        plan = match plan {
            LogicalPlan::Subquery(inner) => &inner.subquery,
            LogicalPlan::SubqueryAlias(inner) => &inner.input,
            LogicalPlan::Projection(inner) => &inner.input,
            LogicalPlan::Unnest(inner) => {
                functions += 1;
                &inner.input
            }
            LogicalPlan::EmptyRelation(empty) => return empty.produce_one_row && functions < 2,
            plan => return functions == 0 && written(plan).is_some_and(|rows| !rows.is_empty()),
        };
    }
}

/// A plan that was put on top of another: what stands for each of its columns there.
struct Placed {
    plan: LogicalPlan,
    columns: Vec<Expr>,
}

struct Placing<'a> {
    left: &'a DFSchema,
    /// Whether a left row without right ones stays.
    outer: bool,
    /// The number of the next hidden column.
    next: usize,
    /// What is NULL in a row that stands for none, and what the elements of lists are.
    found: Option<(Expr, Vec<Expr>)>,
}

impl Placing<'_> {
    fn place(&mut self, node: &LogicalPlan, below: LogicalPlan) -> DfResult<Option<Placed>> {
        match node {
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {
                Ok(Some(Placed { plan: below, columns: vec![] }))
            }
            // Where a row may have none beside it, each node is looked at.
            node if !self.outer && is_closed(node)? => self.cross(node, below).map(Some),
            LogicalPlan::Subquery(subquery) => self.place(&subquery.subquery, below),
            LogicalPlan::SubqueryAlias(alias) => self.place(&alias.input, below),
            LogicalPlan::Projection(projection) => {
                let Some(input) = self.place(&projection.input, below)? else { return Ok(None) };
                let mut values = vec![];
                for expr in &projection.expr {
                    let Some(expr) = self.own(expr, projection.input.schema(), &input.columns)? else {
                        return Ok(None);
                    };
                    values.push(expr);
                }
                self.beside(input.plan, values).map(Some)
            }
            LogicalPlan::Filter(filter) => {
                let Some(input) = self.place(&filter.input, below)? else { return Ok(None) };
                let Some(condition) = self.own(&filter.predicate, filter.input.schema(), &input.columns)? else {
                    return Ok(None);
                };
                let plan = filtered(input.plan, condition)?;
                Ok(Some(Placed { plan, ..input }))
            }
            LogicalPlan::Unnest(unnest) => self.unnest(unnest, below),
            node if written(node).is_some() => self.rows(node, below),
            LogicalPlan::Join(join) if join.join_type == JoinType::Inner => self.join(join, below),
            _ => Ok(None),
        }
    }

    /// A name that no other column has.
    fn name(&mut self) -> String {
        self.next += 1;
        format!("{HIDDEN}{}", self.next)
    }

    /// An expression of the right side, over the columns that stand for its own and those of the left side.
    fn own(&self, expr: &Expr, schema: &DFSchema, columns: &[Expr]) -> DfResult<Option<Expr>> {
        let outer = expr.clone().transform_up(|expr| match expr {
            Expr::OuterReferenceColumn(_, column) if self.left.has_column(&column) => {
                // Not to be taken for a column of the right side.
                let (qualifier, field) = self.left.qualified_field_from_column(&column)?;
                let name = format!("{HIDDEN} {}", field.name());
                Ok(Transformed::yes(Expr::Column(Column::new(qualifier.cloned(), name))))
            }
            expr => Ok(Transformed::no(expr)),
        })?;
        on_placed(outer.data, schema, columns)
    }

    /// Values as columns beside those that are there.
    fn beside(&mut self, plan: LogicalPlan, values: Vec<Expr>) -> DfResult<Placed> {
        if values.iter().all(|value| matches!(value, Expr::Column(_))) {
            return Ok(Placed { plan, columns: values });
        }
        let mut exprs: Vec<Expr> = plan.schema().columns().into_iter().map(Expr::Column).collect();
        let mut columns = Vec::with_capacity(values.len());
        for value in values {
            if matches!(value, Expr::Column(_)) {
                columns.push(value);
                continue;
            }
            let name = self.name();
            columns.push(Expr::Column(Column::new_unqualified(name.as_str())));
            exprs.push(value.alias(name));
        }
        let plan = LogicalPlan::Projection(Projection::try_new(exprs, plan.into())?);
        Ok(Placed { plan, columns })
    }

    fn unnest(&mut self, unnest: &Unnest, below: LogicalPlan) -> DfResult<Option<Placed>> {
        if !unnest.struct_type_columns.is_empty() {
            return Ok(None);
        }
        let Some(input) = self.place(&unnest.input, below)? else { return Ok(None) };
        let lists: Vec<Expr> =
            unnest.list_type_columns.iter().filter_map(|(at, _)| input.columns.get(*at).cloned()).collect();
        let handling = if self.outer { NullHandling::PreserveAndExpandEmpty } else { unnest.options.null_handling };
        let mut options = UnnestOptions::new().with_null_handling(handling);
        let mut exprs: Vec<Expr> = input.plan.schema().columns().into_iter().map(Expr::Column).collect();
        let mut hidden = vec![];
        for (list, (_, of)) in lists.iter().zip(&unnest.list_type_columns) {
            let column = Column::new_unqualified(self.name());
            exprs.push(list.clone().alias(column.name()));
            if of.depth > 1 {
                let output_column = column.clone();
                let recursion = RecursionUnnestOption { input_column: column.clone(), output_column, depth: of.depth };
                options = options.with_recursions(recursion);
            }
            hidden.push(column);
        }
        let mut exec = hidden.clone();
        if self.outer {
            let column = Column::new_unqualified(self.name());
            exprs.push(ordinals::udf().call(lists).alias(column.name()));
            let elements = hidden.iter().cloned().map(Expr::Column).collect();
            self.found = Some((Expr::Column(column.clone()), elements));
            exec.push(column);
        }
        let listed = Projection::try_new(exprs, input.plan.into())?;
        let plan = LogicalPlanBuilder::from(LogicalPlan::Projection(listed))
            .unnest_columns_with_options(exec, options)?
            .build()?;
        // A list that is unnested to several depths has a column for each, in order.
        let mut taken = vec![false; hidden.len()];
        let mut columns = vec![];
        for at in &unnest.dependency_indices {
            let list = unnest.list_type_columns.iter().zip(&taken).position(|((of, _), taken)| of == at && !taken);
            let column = match list {
                Some(list) => {
                    if let Some(taken) = taken.get_mut(list) {
                        *taken = true;
                    }
                    hidden.get(list).cloned().map(Expr::Column)
                }
                None => input.columns.get(*at).cloned(),
            };
            let Some(column) = column else { return Ok(None) };
            columns.push(column);
        }
        Ok(Some(Placed { plan, columns }))
    }

    /// Rows that are written out, as the elements of a list for each column.
    fn rows(&mut self, node: &LogicalPlan, below: LogicalPlan) -> DfResult<Option<Placed>> {
        let Some(rows) = written(node).filter(|rows| !rows.is_empty()) else { return Ok(None) };
        let mut exprs: Vec<Expr> = below.schema().columns().into_iter().map(Expr::Column).collect();
        let mut hidden = vec![];
        for (at, field) in node.schema().fields().iter().enumerate() {
            let mut elements = Vec::with_capacity(rows.len());
            for row in &rows {
                let Some(value) = row.get(at) else { return Ok(None) };
                let Some(value) = self.own(value, node.schema(), &[])? else { return Ok(None) };
                elements.push(value.cast_to(field.data_type(), below.schema())?);
            }
            let column = Column::new_unqualified(self.name());
            exprs.push(make_array(elements).alias(column.name()));
            hidden.push(column);
        }
        let listed = Projection::try_new(exprs, below.into())?;
        let plan = LogicalPlanBuilder::from(LogicalPlan::Projection(listed))
            .unnest_columns_with_options(hidden.clone(), UnnestOptions::new())?
            .build()?;
        Ok(Some(Placed { plan, columns: hidden.into_iter().map(Expr::Column).collect() }))
    }

    fn join(&mut self, join: &Join, below: LogicalPlan) -> DfResult<Option<Placed>> {
        let Some(left) = self.place(&join.left, below)? else { return Ok(None) };
        let Some(right) = self.place(&join.right, left.plan)? else { return Ok(None) };
        let Placed { mut plan, columns } = right;
        let columns: Vec<Expr> = left.columns.into_iter().chain(columns).collect();
        let conditions = join.on.iter().map(|(left, right)| left.clone().eq(right.clone())).chain(join.filter.clone());
        for condition in conditions {
            let Some(condition) = self.own(&condition, &join.schema, &columns)? else { return Ok(None) };
            plan = filtered(plan, condition)?;
        }
        Ok(Some(Placed { plan, columns }))
    }

    /// A plan that refers to nothing outside, beside every row.
    fn cross(&mut self, node: &LogicalPlan, below: LogicalPlan) -> DfResult<Placed> {
        let names: Vec<String> = node.schema().fields().iter().map(|_| self.name()).collect();
        let named =
            node.schema().columns().into_iter().zip(&names).map(|(column, name)| Expr::Column(column).alias(name));
        let named = Projection::try_new(named.collect(), node.clone().into())?;
        let plan = LogicalPlanBuilder::from(below).cross_join(LogicalPlan::Projection(named))?.build()?;
        let columns = names.into_iter().map(|name| Expr::Column(Column::new_unqualified(name))).collect();
        Ok(Placed { plan, columns })
    }
}

/// Whether nothing in a plan refers to what is outside of it.
fn is_closed(plan: &LogicalPlan) -> DfResult<bool> {
    Ok(!holds(plan, LogicalPlan::contains_outer_reference)?)
}

/// An expression with what stands for the columns of `schema`; those of the left side are left alone. None for one with
/// a subquery, which may refer to the columns as well.
fn on_placed(expr: Expr, schema: &DFSchema, columns: &[Expr]) -> DfResult<Option<Expr>> {
    let has_query = expr.exists(|expr| {
        Ok(matches!(expr, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)))
    })?;
    if has_query {
        return Ok(None);
    }
    let placed = expr.transform_up(|expr| {
        let Expr::Column(column) = &expr else { return Ok(Transformed::no(expr)) };
        if let Some(name) = column.name.strip_prefix(HIDDEN).and_then(|name| name.strip_prefix(' ')) {
            return Ok(Transformed::yes(Expr::Column(Column::new(column.relation.clone(), name))));
        }
        match schema.maybe_index_of_column(column).and_then(|at| columns.get(at)) {
            Some(value) => Ok(Transformed::yes(value.clone())),
            None => Ok(Transformed::no(expr)),
        }
    })?;
    Ok(Some(placed.data))
}
