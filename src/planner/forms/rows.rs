//! `(a, b) IN (SELECT x, y ..)`, which the planner knows for one column only, and the subqueries of ANY and ALL.

use std::sync::Arc;

use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, Select, SelectFlavor, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins, Value, WildcardAdditionalOptions,
    helpers::attached_token::AttachedToken,
};

use super::call::take;
use super::row_comparisons;

/// The name of the subquery's rows; no user can type it, so that no name of theirs is taken for one of its columns.
const ROWS: &str = "\u{1}rows";

/// `EXISTS (SELECT 1 FROM (SELECT x, y ..) AS rows (1, 2) WHERE a = rows.1 AND b = rows.2)`. Of NOT IN a row that
/// might be equal is enough, as one with a null.
pub(super) fn in_subquery(expr: &mut Expr) {
    let Expr::InSubquery { expr: row, subquery, negated } = expr else { return };
    let Some(values) = row_comparisons::fields(row).filter(|values| values.len() > 1) else { return };
    let name = |at: usize| Ident::with_quote('"', format!("\u{1}{at}"));
    let rows = Ident::with_quote('"', ROWS);
    // Two of the subquery's own columns may have one name.
    if let SetExpr::Select(select) = subquery.body.as_mut()
        && subquery.order_by.is_none()
    {
        for (at, item) in select.projection.iter_mut().enumerate() {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                *item = SelectItem::ExprWithAlias { expr: take(expr), alias: name(at) };
            }
        }
    }
    let columns = (0..values.len()).map(|at| TableAliasColumnDef { name: name(at), data_type: None }).collect();
    let equal = values
        .into_iter()
        .enumerate()
        .map(|(at, value)| Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(value))),
            op: BinaryOperator::Eq,
            right: Box::new(Expr::CompoundIdentifier(vec![rows.clone(), name(at)])),
        })
        .reduce(|all, next| Expr::BinaryOp { left: Box::new(all), op: BinaryOperator::And, right: Box::new(next) });
    let Some(equal) = equal else { return };
    let condition = if *negated { Expr::IsNotFalse(Box::new(Expr::Nested(Box::new(equal)))) } else { equal };
    let table = TableFactor::Derived {
        lateral: false,
        subquery: subquery.clone(),
        alias: Some(TableAlias { explicit: true, name: rows, columns, at: None }),
        sample: None,
    };
    let negated = *negated;
    let one = SelectItem::UnnamedExpr(Expr::value(Value::Number("1".to_string(), false)));
    let found = select(vec![one], Some(table), Some(condition));
    let _ = take(expr);
    *expr = Expr::Exists { subquery: Box::new(found), negated };
}

/// `x > ANY (SELECT y FROM t)` as `x > ANY (SELECT * FROM (SELECT y FROM t) AS rows)`: the planner would take the `x` of
/// a `t` outside for that of the `t` inside.
pub(super) fn set_aside(expr: &mut Expr) {
    let Expr::Subquery(subquery) = expr else { return };
    let rows = TableAlias { explicit: true, name: Ident::with_quote('"', ROWS), columns: vec![], at: None };
    let table = TableFactor::Derived { lateral: false, subquery: subquery.clone(), alias: Some(rows), sample: None };
    **subquery = select(vec![SelectItem::Wildcard(WildcardAdditionalOptions::default())], Some(table), None);
}

/// The rows of a subquery that [`set_aside`] has wrapped.
pub(super) fn taken_back(plan: &Arc<LogicalPlan>) -> Arc<LogicalPlan> {
    let LogicalPlan::Projection(projection) = plan.as_ref() else { return Arc::clone(plan) };
    match (projection.expr.as_slice(), projection.input.as_ref()) {
        ([PlanExpr::Column(_)], LogicalPlan::SubqueryAlias(alias))
            if alias.alias.table() == ROWS && alias.input.schema().fields().len() == 1 =>
        {
            Arc::clone(&alias.input)
        }
        _ => Arc::clone(plan),
    }
}

/// `SELECT items FROM table WHERE condition`
pub(super) fn select(items: Vec<SelectItem>, table: Option<TableFactor>, condition: Option<Expr>) -> Query {
    let select = Select {
        select_token: AttachedToken::empty(),
        optimizer_hints: vec![],
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection: items,
        exclude: None,
        into: None,
        from: table.into_iter().map(|relation| TableWithJoins { relation, joins: vec![] }).collect(),
        lateral_views: vec![],
        prewhere: None,
        selection: condition,
        connect_by: vec![],
        group_by: GroupByExpr::Expressions(vec![], vec![]),
        cluster_by: vec![],
        distribute_by: vec![],
        sort_by: vec![],
        having: None,
        named_window: vec![],
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: SelectFlavor::Standard,
    };
    Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: vec![],
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: vec![],
    }
}
