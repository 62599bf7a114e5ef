//! Queries over tables that are always empty.
//!
//! Policies, publications, triggers: there are none here, so a SELECT that joins one of their tables gives
//! no rows whatever else it says. It is replaced by one that gives none, of the same columns, since much of what
//! clients compute from those tables is beyond DataFusion.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, Expr, GroupByExpr, Ident, JoinOperator, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, UnaryOperator, Value, ValueWithSpan,
    VisitorMut,
};

use super::ast::{self, boolean, call, catalog_table, ident, last, null, sql_type};
use super::casts::{expr_of, result_type};
use super::naming;
use super::scope::Scope;
use crate::catalog::pg::functions::OR_EMPTY;
use crate::catalog::pg::shapes::ALWAYS_EMPTY;
use crate::planner::own_level;

/// Replaces what reads an always-empty table.
pub struct Empty;

impl VisitorMut for Empty {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_ref()
            && is_empty(select)
        {
            // ORDER BY may name columns that are not there any more.
            query.order_by = None;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if is_empty(select) {
            blank(select);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Subquery(query) if query_is_empty(query) => *expr = null(first_type(query)),
            Expr::Subquery(query) => all_of_nothing(query),
            Expr::Exists { subquery, negated } if query_is_empty(subquery) => *expr = boolean(*negated),
            Expr::Function(function) => {
                if let datafusion::sql::sqlparser::ast::FunctionArguments::Subquery(query) = &function.args
                    && last(&function.name).as_deref() == Some("array")
                    && query_is_empty(query)
                {
                    *expr = call(OR_EMPTY, vec![Expr::Value(Value::Null.with_empty_span())]);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// An aggregate over no rows does not depend on the query around it, as its condition may have said.
fn all_of_nothing(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else { return };
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(exprs, _) if exprs.is_empty());
    if select.from.iter().any(needs_empty) && !grouped && select.having.is_none() && aggregates(&select.projection) {
        select.selection = Some(boolean(false));
        query.order_by = None;
        query.limit_clause = None;
    }
}

fn query_is_empty(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => is_empty(select),
        SetExpr::Query(query) => query_is_empty(query),
        _ => false,
    }
}

/// Whether a SELECT gives no rows: it needs a row of an always-empty table, and is no aggregate over all rows.
fn is_empty(select: &Select) -> bool {
    let grouped = match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(exprs, _) => !exprs.is_empty(),
    };
    let empty = select.from.iter().any(needs_empty) || wants_other_constraints(select) || wants_partitioned(select);
    empty && (grouped || (select.having.is_none() && !aggregates(&select.projection)))
}

/// Whether a SELECT wants constraints of a kind that is not here: those that can be deferred, and all but keys.
fn wants_other_constraints(select: &Select) -> bool {
    fn named(expr: &Expr, wanted: &[&str]) -> bool {
        let is_one = |name: &Ident| wanted.contains(&ast::folded(name).as_str());
        match expr {
            Expr::Identifier(name) => is_one(name),
            Expr::CompoundIdentifier(parts) => parts.last().is_some_and(is_one),
            _ => false,
        }
    }
    fn other_kind(expr: &Expr) -> bool {
        match expr {
            Expr::Cast { expr, .. } | Expr::Nested(expr) => other_kind(expr),
            other => ast::literal(other).is_some_and(|kind| ["c", "f", "t", "x"].contains(&kind)),
        }
    }
    fn wants(expr: &Expr) -> bool {
        match expr {
            Expr::Nested(inner) => wants(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => wants(left) || wants(right),
            Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => named(left, &["contype"]) && other_kind(right),
            Expr::InList { expr, list, negated: false } => {
                named(expr, &["contype"]) && !list.is_empty() && list.iter().all(other_kind)
            }
            other => named(other, &["condeferrable", "condeferred"]),
        }
    }
    select.selection.as_ref().is_some_and(wants) && select.from.iter().any(|table| reads(table, "pg_constraint"))
}

/// Whether a SELECT wants partitioned tables and their indexes alone, as psql does for `\dP`: it calls functions for them
/// that are not here.
fn wants_partitioned(select: &Select) -> bool {
    fn wants(expr: &Expr) -> bool {
        match expr {
            Expr::Nested(inner) => wants(inner),
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => wants(left) || wants(right),
            Expr::InList { expr, list, negated: false } => {
                let name = match expr.as_ref() {
                    Expr::Identifier(name) => Some(name),
                    Expr::CompoundIdentifier(parts) => parts.last(),
                    _ => None,
                };
                let is_none = |kind: &Expr| ast::literal(kind).is_some_and(|kind| ["p", "I", ""].contains(&kind));
                name.is_some_and(|name| ast::folded(name) == "relkind") && !list.is_empty() && list.iter().all(is_none)
            }
            _ => false,
        }
    }
    select.selection.as_ref().is_some_and(wants) && select.from.iter().any(|table| reads(table, "pg_class"))
}

/// Whether a catalog table stands in a FROM clause.
fn reads(table: &TableWithJoins, wanted: &str) -> bool {
    let is_it = |factor: &TableFactor| match factor {
        TableFactor::Table { name, args: None, .. } => catalog_table(name).is_some_and(|shape| shape.name == wanted),
        _ => false,
    };
    is_it(&table.relation) || table.joins.iter().any(|join| is_it(&join.relation))
}

fn needs_empty(table: &TableWithJoins) -> bool {
    use JoinOperator::{CrossJoin, FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter};
    let mut empty = factor_is_empty(&table.relation);
    for join in &table.joins {
        let right = factor_is_empty(&join.relation);
        empty = match &join.join_operator {
            Join(_) | Inner(_) | CrossJoin(_) => empty || right,
            Left(_) | LeftOuter(_) => empty,
            Right(_) | RightOuter(_) => right,
            FullOuter(_) => empty && right,
            _ => return false,
        };
    }
    empty
}

fn factor_is_empty(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::Table { name, args: None, .. } => {
            catalog_table(name).is_some_and(|shape| ALWAYS_EMPTY.contains(&shape.name))
        }
        TableFactor::NestedJoin { table_with_joins, .. } => needs_empty(table_with_joins),
        TableFactor::Derived { subquery, .. } => query_is_empty(subquery),
        _ => false,
    }
}

/// Whether an expression aggregates, outside of its subqueries and windows.
pub fn aggregates(items: &[SelectItem]) -> bool {
    const AGGREGATES: &[&str] = &[
        "array_agg",
        "avg",
        "bit_and",
        "bit_or",
        "bool_and",
        "bool_or",
        "count",
        "every",
        "first_value",
        "json_agg",
        "json_object_agg",
        "jsonb_agg",
        "last_value",
        "max",
        "min",
        "string_agg",
        "sum",
    ];
    items.iter().filter_map(expr_of).any(|expr| {
        let found = own_level::visit(expr, |part| match part {
            Expr::Function(function)
                if function.over.is_none()
                    && last(&function.name).is_some_and(|name| AGGREGATES.contains(&name.as_str())) =>
            {
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        });
        found.is_break()
    })
}

/// Makes a SELECT give the same columns from nothing. Wildcards over tables that are not the catalog's keep it as it
/// is, with a condition that is never true.
fn blank(select: &mut Select) {
    let scope = Scope::of(&select.from);
    let Some(projection) = blank_items(&select.projection, &scope) else {
        select.selection = Some(boolean(false));
        return;
    };
    select.projection = projection;
    select.from = vec![];
    select.selection = Some(boolean(false));
    select.group_by = GroupByExpr::Expressions(vec![], vec![]);
    select.having = None;
    select.distinct = None;
    select.named_window = vec![];
}

fn blank_items(items: &[SelectItem], scope: &Scope) -> Option<Vec<SelectItem>> {
    let mut blank: Vec<SelectItem> = vec![];
    let mut push = |data_type: DataType, name: String| {
        let mut unique = name.clone();
        let mut count = 1;
        while blank.iter().any(|item| matches!(item, SelectItem::ExprWithAlias { alias, .. } if alias.value == unique))
        {
            count += 1;
            unique = format!("{name}_{count}");
        }
        blank.push(SelectItem::ExprWithAlias { expr: null(data_type), alias: ident(&unique) });
    };
    for item in items {
        match item {
            SelectItem::UnnamedExpr(expr) => push(type_of(expr, scope), naming::name_of(expr)),
            SelectItem::ExprWithAlias { expr, alias } => push(type_of(expr, scope), ast::folded(alias)),
            SelectItem::Wildcard(_) if scope.is_known() => {
                for shape in scope.tables.iter().filter_map(|(_, shape)| *shape) {
                    for column in &shape.columns {
                        push(sql_type(&column.pg_type()), column.name.to_string());
                    }
                }
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) => {
                for column in &scope.table(&last(name)?)?.columns {
                    push(sql_type(&column.pg_type()), column.name.to_string());
                }
            }
            _ => return None,
        }
    }
    Some(blank)
}

/// The type of an expression as far as it shows; text where it does not.
fn type_of(expr: &Expr, scope: &Scope) -> DataType {
    let column = |table: Option<&str>, column: &str| {
        let found = match table {
            Some(table) => scope.table(table).and_then(|shape| shape.column(column)),
            None => scope.tables.iter().find_map(|(_, shape)| shape.as_ref()?.column(column)),
        };
        found.map_or(DataType::Text, |column| sql_type(&column.pg_type()))
    };
    match expr {
        Expr::Identifier(name) if ast::folded(name) == "tableoid" => DataType::Int(None),
        Expr::Identifier(name) => column(None, &ast::folded(name)),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., _, name] if ast::folded(name) == "tableoid" => DataType::Int(None),
            [.., table, name] => column(Some(&ast::folded(table)), &ast::folded(name)),
            _ => DataType::Text,
        },
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => type_of(inner, scope),
        Expr::Cast { data_type, .. } => result_type(data_type),
        Expr::Value(ValueWithSpan { value: Value::Number(..), .. }) => DataType::Int(None),
        Expr::Value(ValueWithSpan { value: Value::Boolean(_), .. })
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Exists { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Between { .. }
        | Expr::UnaryOp { op: UnaryOperator::Not, .. } => DataType::Boolean,
        Expr::BinaryOp { left, op, .. } => match op {
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::PGRegexMatch
            | BinaryOperator::PGRegexNotMatch
            | BinaryOperator::PGRegexIMatch
            | BinaryOperator::PGRegexNotIMatch => DataType::Boolean,
            BinaryOperator::StringConcat => DataType::Text,
            _ => type_of(left, scope),
        },
        Expr::Case { conditions, .. } => conditions.first().map_or(DataType::Text, |when| type_of(&when.result, scope)),
        Expr::Function(function) => match last(&function.name).as_deref() {
            Some("count" | "row_number" | "rank") => DataType::BigInt(None),
            Some("unnest") => {
                let array = ast::arguments(function).and_then(|arguments| Some(type_of(arguments.first()?, scope)));
                match array {
                    Some(DataType::Array(ArrayElemTypeDef::SquareBracket(element, _))) => *element,
                    _ => DataType::Text,
                }
            }
            Some("coalesce" | "nullif" | "min" | "max") => ast::arguments(function)
                .and_then(|arguments| arguments.first().map(|first| type_of(first, scope)))
                .unwrap_or(DataType::Text),
            Some(name) if name.ends_with("_is_visible") || name.ends_with("_privilege") => DataType::Boolean,
            _ => DataType::Text,
        },
        _ => DataType::Text,
    }
}

fn first_type(query: &Query) -> DataType {
    match query.body.as_ref() {
        SetExpr::Select(select) => {
            let scope = Scope::of(&select.from);
            select.projection.first().and_then(expr_of).map_or(DataType::Text, |expr| type_of(expr, &scope))
        }
        SetExpr::Query(query) => first_type(query),
        _ => DataType::Text,
    }
}
