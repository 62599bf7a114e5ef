//! `ARRAY(SELECT ..)` and correlated scalar subqueries, in the forms that DataFusion plans.
//!
//! DataFusion wants a correlated scalar subquery to aggregate, and every condition in it that names the query around
//! it to be an equation. Catalog subqueries give one row by their keys, so taking the first value changes nothing;
//! conditions on the outer row alone are moved out, into a CASE.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, Distinct, DuplicateTreatment, Expr, FunctionArg, FunctionArgExpr,
    FunctionArgumentClause, FunctionArguments, GroupByExpr, LimitClause, OrderByExpr, OrderByKind, Query, Select,
    SelectItem, SetExpr, TableFactor, Value, ValueWithSpan, VisitorMut,
};

use super::ast::{self, all_of, call, conjuncts, ident, last, null};
use super::casts::expr_of;
use super::empty::aggregates;
use super::scope::Scope;
use crate::catalog::pg::functions::{OPTIONS_SHOWN, OR_EMPTY, ROLE_NAMES};

/// Rewrites subqueries that stand for a value.
pub struct Subqueries;

impl VisitorMut for Subqueries {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let changed = match expr {
            Expr::Function(function) if last(&function.name).as_deref() == Some("array") => match &function.args {
                FunctionArguments::Subquery(query) => array(query),
                _ => None,
            },
            Expr::Subquery(query) => base_type(query).or_else(|| scalar(query)),
            _ => None,
        };
        if let Some(changed) = changed {
            *expr = changed;
        }
        ControlFlow::Continue(())
    }
}

/// asyncpg follows a domain to its base by a recursive query over `pg_type.typbasetype`. No domain here is over another
/// domain, so that the first step is the last one.
fn base_type(query: &Query) -> Option<Expr> {
    let with = query.with.as_ref().filter(|with| with.recursive)?;
    let [cte] = with.cte_tables.as_slice() else { return None };
    let SetExpr::SetOperation { left, .. } = cte.query.body.as_ref() else { return None };
    let SetExpr::Select(select) = left.as_ref() else { return None };
    let (SelectItem::UnnamedExpr(found) | SelectItem::ExprWithAlias { expr: found, .. }) = select.projection.first()?
    else {
        return None;
    };
    let (Expr::CompoundIdentifier(found), Expr::BinaryOp { left, op: BinaryOperator::Eq, right }) =
        (found, select.selection.as_ref()?)
    else {
        return None;
    };
    let (Expr::CompoundIdentifier(inner), Expr::CompoundIdentifier(outer)) = (left.as_ref(), right.as_ref()) else {
        return None;
    };
    match (found.as_slice(), inner.as_slice(), outer.as_slice()) {
        ([own, base], [same, oid], [other, of])
            if own == same
                && base.value == "typbasetype"
                && oid.value == "oid"
                && of.value == "oid"
                && other != own =>
        {
            Some(Expr::CompoundIdentifier(vec![other.clone(), base.clone()]))
        }
        _ => None,
    }
}

/// `ARRAY(SELECT ..)`. None leaves it, for DataFusion to refuse.
fn array(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    if let Some(oids) = oids_of_roles(select) {
        return Some(call(ROLE_NAMES, vec![oids]));
    }
    if let Some(expr) = over_one_array(select) {
        return Some(call(OR_EMPTY, vec![expr]));
    }
    let (mut query, condition) = lifted(query);
    aggregate(&mut query, "array_agg")?;
    let value = Expr::Subquery(Box::new(query));
    Some(call(OR_EMPTY, vec![guarded(value, condition)]))
}

/// The array in `SELECT rolname FROM pg_roles WHERE oid = ANY (array)`, by which psql names the roles of a policy.
fn oids_of_roles(select: &Select) -> Option<Expr> {
    let [table] = select.from.as_slice() else { return None };
    let TableFactor::Table { name, args: None, .. } = &table.relation else { return None };
    let [SelectItem::UnnamedExpr(found)] = select.projection.as_slice() else { return None };
    let Some(Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, .. }) = &select.selection else { return None };
    let is_it = table.joins.is_empty()
        && last(name)? == "pg_roles"
        && last_part(found)? == "rolname"
        && last_part(left)? == "oid";
    let array = match right.as_ref() {
        Expr::Nested(array) => array,
        array => array,
    };
    (is_it && last_part(array)? == "polroles").then(|| array.clone())
}

/// What `ARRAY(SELECT .. FROM unnest(array))` and the options that psql prints come to without a subquery.
fn over_one_array(select: &Select) -> Option<Expr> {
    let [table] = select.from.as_slice() else { return None };
    if !table.joins.is_empty() || select.selection.is_some() {
        return None;
    }
    match &table.relation {
        // psql and pg_dump ask for `quote_ident(option_name) || ' ' || quote_literal(option_value)`.
        TableFactor::Table { name, args: Some(args), .. } if last(name)? == "pg_options_to_table" => {
            match args.args.first()? {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(options)) => {
                    Some(call(OPTIONS_SHOWN, vec![options.clone()]))
                }
                _ => None,
            }
        }
        // The items themselves. psql also asks for the TOAST table's options with a prefix; no relation here has
        // any, so that array is NULL and what is done to its items does not matter.
        TableFactor::UNNEST { array_exprs, .. } => match array_exprs.as_slice() {
            [array] if is_plain(select) || last_part(array).as_deref() == Some("reloptions") => Some(array.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn is_plain(select: &Select) -> bool {
    matches!(
        select.projection.as_slice(),
        [SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
            | SelectItem::ExprWithAlias { expr: Expr::Identifier(_) | Expr::CompoundIdentifier(_), .. }]
    )
}

fn last_part(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(name) => Some(ast::folded(name)),
        Expr::CompoundIdentifier(parts) => parts.last().map(ast::folded),
        _ => None,
    }
}

/// A scalar subquery. None leaves it as it is.
fn scalar(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let scope = Scope::of(&select.from);
    if !scope.uses(select.as_ref()).outer {
        return None;
    }
    // psql asks for a collation that differs from its type's. None does here, and the condition is no equation.
    let collations = scope.tables.iter().any(|(_, shape)| shape.is_some_and(|shape| shape.name == "pg_collation"));
    if collations && scope.tables.iter().any(|(_, shape)| shape.is_some_and(|shape| shape.name == "pg_type")) {
        return Some(null(DataType::Text));
    }
    let (mut query, condition) = lifted(query);
    if !aggregates(&select.projection) {
        aggregate(&mut query, "first_value")?;
        query.limit_clause = None;
        query.fetch = None;
    } else if !without_limit(&mut query) && condition.is_none() {
        return None;
    }
    Some(guarded(Expr::Subquery(Box::new(query)), condition))
}

/// Takes LIMIT from a query that gives one row anyway: DataFusion plans no correlated subquery with it. Whether there
/// was such a one.
fn without_limit(query: &mut Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    let is_whole =
        matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty()) && select.having.is_none();
    let Some(LimitClause::LimitOffset { limit: Some(limit), offset: None, limit_by }) = &query.limit_clause else {
        return false;
    };
    let is_some =
        matches!(limit, Expr::Value(ValueWithSpan { value: Value::Number(count, _), .. }) if count.as_str() != "0");
    if is_whole && is_some && limit_by.is_empty() {
        query.limit_clause = None;
        return true;
    }
    false
}

/// The query without the conditions that name only the outer row, and those conditions.
fn lifted(query: &Query) -> (Query, Option<Expr>) {
    let mut query = query.clone();
    let SetExpr::Select(select) = query.body.as_mut() else { return (query, None) };
    let scope = Scope::of(&select.from);
    let mut conditions = vec![];
    if let Some(selection) = select.selection.take() {
        conjuncts(selection, &mut conditions);
    }
    let (outer, inner): (Vec<Expr>, Vec<Expr>) = conditions.into_iter().partition(|condition| {
        let uses = scope.uses(condition);
        uses.outer && !uses.inner
    });
    select.selection = all_of(inner);
    (query, all_of(outer))
}

fn guarded(value: Expr, condition: Option<Expr>) -> Expr {
    match condition {
        None => value,
        Some(condition) => Expr::Case {
            case_token: AttachedToken::empty(),
            end_token: AttachedToken::empty(),
            operand: None,
            conditions: vec![CaseWhen { condition, result: value }],
            else_result: None,
        },
    }
}

/// Puts an aggregate around the one column of a query, with the query's own order. None when it has not just one, or
/// is grouped.
fn aggregate(query: &mut Query, name: &str) -> Option<()> {
    let order = match query.order_by.take().map(|order| order.kind) {
        Some(OrderByKind::Expressions(order)) => order,
        _ => vec![],
    };
    let SetExpr::Select(select) = query.body.as_mut() else { return None };
    if !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty()) {
        return None;
    }
    let [item] = select.projection.as_slice() else { return None };
    let value = expr_of(item)?.clone();
    let distinct = matches!(select.distinct, Some(Distinct::Distinct));
    select.distinct = None;
    let mut function = ast::function(name, vec![value.clone()]);
    if let FunctionArguments::List(list) = &mut function.args {
        list.duplicate_treatment = distinct.then_some(DuplicateTreatment::Distinct);
        if !order.is_empty() {
            let order: Vec<OrderByExpr> = order
                .into_iter()
                .map(|mut by| {
                    // `ORDER BY 1` is the one column.
                    if matches!(&by.expr, Expr::Value(ValueWithSpan { value: Value::Number(..), .. })) {
                        by.expr = value.clone();
                    }
                    by
                })
                .collect();
            list.clauses.push(FunctionArgumentClause::OrderBy(order));
        }
    }
    select.projection = vec![SelectItem::ExprWithAlias { expr: Expr::Function(function), alias: ident("value") }];
    Some(())
}
