//! `FETCH FIRST n ROWS WITH TIES`: the rows whose rank in the query's order is n at most.
//!
//! With OFFSET m the last of the rows that are fetched is the (m + n)th: its peers have a rank of m + n at most, and the
//! first m rows are left out as ever.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExceptSelectItem, Expr, Function, Ident, LimitClause, Offset, OrderBy, OrderByExpr, OrderByKind,
    Query, Select, SelectItem, SetExpr, TableAlias, TableFactor, Value, WildcardAdditionalOptions, WindowSpec,
    WindowType,
};

use super::call::call;
use super::rows::select;
use crate::error::{Error, Result};

/// The column that holds a row's rank. No column that is typed has such a name.
const RANK: &str = "\u{1}rank";
/// What the query itself is named.
const ROWS: &str = "\u{1}ties";

/// Rewrites a query of which the first `count` rows and their peers are wanted.
pub(super) fn fetch(query: &mut Query, count: Expr) -> Result<()> {
    let keys = match query.order_by.take() {
        Some(OrderBy { kind: OrderByKind::Expressions(keys), .. }) if !keys.is_empty() => keys,
        _ => return Err(Error::syntax("WITH TIES cannot be specified without ORDER BY clause", None)),
    };
    let offset = match query.limit_clause.take() {
        None => None,
        Some(LimitClause::LimitOffset { limit: None, offset, .. }) => offset,
        Some(_) => return Err(Error::syntax("multiple LIMIT clauses not allowed", None)),
    };
    let ranked = match query.body.as_mut() {
        SetExpr::Select(select) if select.distinct.is_none() => {
            let keys = keys.into_iter().map(|key| of_item(key, select)).collect::<Result<_>>()?;
            select.projection.push(rank(keys));
            query_of((**select).clone())
        }
        body => {
            // What is sorted are columns that come out.
            if keys.iter().any(|key| position(&key.expr).is_some()) {
                return Err(Error::unsupported("WITH TIES over the number of a column is not supported here")
                    .with_hint("Name the column in ORDER BY."));
            }
            let mut ranked = select(vec![everything(None)], Some(table(query_body(body.clone()))), None);
            if let SetExpr::Select(select) = ranked.body.as_mut() {
                select.projection.push(rank(keys));
            }
            ranked
        }
    };
    let most = match &offset {
        None => count,
        Some(Offset { value, .. }) => added(count, value.clone()),
    };
    let within = binary(column(RANK), BinaryOperator::LtEq, Expr::Nested(Box::new(most)));
    let outer = select(vec![everything(Some(RANK))], Some(table(ranked)), Some(within));
    query.body = outer.body;
    query.order_by = Some(OrderBy {
        kind: OrderByKind::Expressions(vec![OrderByExpr::from(Ident::with_quote('"', RANK))]),
        interpolate: None,
    });
    query.limit_clause =
        offset.map(|offset| LimitClause::LimitOffset { limit: None, offset: Some(offset), limit_by: vec![] });
    Ok(())
}

/// A key of ORDER BY as it can stand in a window: numbers and names of items become what they stand for.
fn of_item(mut key: OrderByExpr, select: &Select) -> Result<OrderByExpr> {
    let item = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr.clone()),
        _ => None,
    };
    if let Some(position) = position(&key.expr) {
        let stars = select.projection.iter().any(|one| item(one).is_none());
        let found = select.projection.get(position.wrapping_sub(1)).and_then(item);
        key.expr = match found {
            Some(found) if !stars => Expr::Nested(Box::new(found)),
            _ if stars => {
                return Err(Error::unsupported("WITH TIES over the number of a column is not supported beside a star")
                    .with_hint("Name the column in ORDER BY."));
            }
            _ => return Err(Error::syntax(format!("ORDER BY position {position} is not in select list"), None)),
        };
        return Ok(key);
    }
    if let Expr::Identifier(name) = &key.expr {
        let named = select.projection.iter().find_map(|one| match one {
            SelectItem::ExprWithAlias { expr, alias } if is_same(alias, name) => Some(expr.clone()),
            _ => None,
        });
        if let Some(named) = named {
            key.expr = Expr::Nested(Box::new(named));
        }
    }
    Ok(key)
}

fn is_same(one: &Ident, other: &Ident) -> bool {
    let folded = |name: &Ident| match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    };
    folded(one) == folded(other)
}

/// The number of a column.
fn position(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

/// `rank() OVER (ORDER BY keys)`
fn rank(keys: Vec<OrderByExpr>) -> SelectItem {
    let expr = match call("rank", vec![]) {
        Expr::Function(function) => {
            let spec = WindowSpec { window_name: None, partition_by: vec![], order_by: keys, window_frame: None };
            Expr::Function(Function { over: Some(WindowType::WindowSpec(spec)), ..function })
        }
        other => other,
    };
    SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', RANK) }
}

/// All columns but one.
fn everything(but: Option<&str>) -> SelectItem {
    let opt_except =
        but.map(|name| ExceptSelectItem { first_element: Ident::with_quote('"', name), additional_elements: vec![] });
    SelectItem::Wildcard(WildcardAdditionalOptions { opt_except, ..Default::default() })
}

fn table(query: Query) -> TableFactor {
    let name = Ident::with_quote('"', ROWS);
    TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query),
        alias: Some(TableAlias { explicit: true, name, columns: vec![], at: None }),
        sample: None,
    }
}

fn query_of(select: Select) -> Query {
    query_body(SetExpr::Select(Box::new(select)))
}

/// A query of this body and nothing else.
fn query_body(body: SetExpr) -> Query {
    Query {
        with: None,
        body: Box::new(body),
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

fn column(name: &str) -> Expr {
    Expr::Identifier(Ident::with_quote('"', name))
}

fn added(one: Expr, other: Expr) -> Expr {
    binary(Expr::Nested(Box::new(one)), BinaryOperator::Plus, Expr::Nested(Box::new(other)))
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}
