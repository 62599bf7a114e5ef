//! `(a, b) IN (SELECT x, y ..)`, which the planner knows for one column only, and the subqueries of ANY and ALL.

use std::sync::Arc;

use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, GroupByExpr, Ident, Query, Select, SelectFlavor, SelectItem, SetExpr, TableAlias,
    TableAliasColumnDef, TableFactor, TableWithJoins, UnaryOperator, Value, WildcardAdditionalOptions,
    helpers::attached_token::AttachedToken,
};

use super::call::take;
use super::row_comparisons;
use crate::error::Result;

/// The name of the subquery's rows; no user can type it, so that no name of theirs is taken for one of its columns.
const ROWS: &str = "\u{1}rows";

/// `CASE WHEN EXISTS (SELECT 1 FROM (SELECT x, y ..) AS rows (1, 2) WHERE a = rows.1 AND b = rows.2) THEN true WHEN EXISTS (..
/// WHERE (..) IS NULL) THEN NULL ELSE false END`, which [`as_condition`] makes shorter.
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
    let table = derived(subquery.clone(), columns);
    let negated = *negated;
    let _ = take(expr);
    *expr = three_valued(table, equal.clone(), equal, !negated);
}

/// A comparison of something with ANY or ALL of the values of a query.
pub(super) fn compared(subquery: Box<Query>, any: bool, comparison: impl FnOnce(Expr) -> Result<Expr>) -> Result<Expr> {
    let value = Ident::with_quote('"', "\u{1}0");
    let table = derived(subquery, vec![TableAliasColumnDef { name: value.clone(), data_type: None }]);
    let rows = Ident::with_quote('"', ROWS);
    let one = comparison(Expr::CompoundIdentifier(vec![rows, value]))?;
    // Of ALL one that is false decides.
    let decides = match any {
        true => one.clone(),
        false => Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(Expr::Nested(Box::new(one.clone()))) },
    };
    Ok(three_valued(table, decides, one, any))
}

/// `(subquery) AS rows (columns)`
fn derived(subquery: Box<Query>, columns: Vec<TableAliasColumnDef>) -> TableFactor {
    let name = Ident::with_quote('"', ROWS);
    let alias = Some(TableAlias { explicit: true, name, columns, at: None });
    TableFactor::Derived { lateral: false, subquery, alias, sample: None }
}

/// What is `decided` where a row of the table decides, not known where `unknown` is not known of a row, and the contrary
/// else.
fn three_valued(table: TableFactor, decides: Expr, unknown: Expr, decided: bool) -> Expr {
    let unknown = Expr::IsNull(Box::new(Expr::Nested(Box::new(unknown))));
    let boolean = |value: bool| Expr::value(Value::Boolean(value));
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![
            CaseWhen { condition: any(table.clone(), decides), result: boolean(decided) },
            CaseWhen { condition: any(table, unknown), result: Expr::value(Value::Null) },
        ],
        else_result: Some(Box::new(boolean(!decided))),
    }
}

/// `EXISTS (SELECT 1 FROM table WHERE condition)`
fn any(table: TableFactor, condition: Expr) -> Expr {
    let one = SelectItem::UnnamedExpr(Expr::value(Value::Number("1".to_string(), false)));
    Expr::Exists { subquery: Box::new(select(vec![one], Some(table), Some(condition))), negated: false }
}

/// What [`three_valued`] has made, or its NOT, as a condition, which lets no row through where it is not known: EXISTS, and
/// of NOT IN and ALL no row that might decide, as one with a null. False for any other expression, which stays.
pub(super) fn as_condition(condition: &mut Expr) -> bool {
    let (case, turned) = match &mut *condition {
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
            let mut inner = expr.as_mut();
            while let Expr::Nested(nested) = inner {
                inner = nested.as_mut();
            }
            (inner, true)
        }
        other => (other, false),
    };
    let Expr::Case { operand: None, conditions, else_result: Some(otherwise), .. } = case else { return false };
    let [CaseWhen { condition: Expr::Exists { subquery, negated: false }, .. }, _] = conditions.as_mut_slice() else {
        return false;
    };
    let SetExpr::Select(found) = subquery.body.as_mut() else { return false };
    let is_own = found.from.iter().any(
        |table| matches!(&table.relation, TableFactor::Derived { alias: Some(alias), .. } if alias.name.value == ROWS),
    );
    if !is_own {
        return false;
    }
    let negated = turned != matches!(otherwise.as_ref(), Expr::Value(value) if value.value == Value::Boolean(true));
    if let (true, Some(equal)) = (negated, found.selection.as_mut()) {
        let inner = take(equal);
        *equal = Expr::IsNotFalse(Box::new(Expr::Nested(Box::new(inner))));
    }
    let subquery = subquery.clone();
    *condition = Expr::Exists { subquery, negated };
    true
}

/// `(a, b) = ANY (SELECT x, y ..)` is IN, and `(a, b) <> ALL (SELECT x, y ..)` NOT IN.
pub(super) fn as_in(expr: &mut Expr) {
    let (row, right, negated) = match expr {
        Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. } => (left, right, false),
        Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right } => (left, right, true),
        _ => return,
    };
    let Expr::Subquery(subquery) = right.as_mut() else { return };
    if row_comparisons::fields(row).is_none_or(|fields| fields.len() < 2) {
        return;
    }
    *expr = Expr::InSubquery { expr: Box::new(take(row)), subquery: subquery.clone(), negated };
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
