//! Rows of tables as values: `to_jsonb(t)`, `json_agg(t)`, `SELECT t FROM t`, `(t).a`.
//!
//! Which columns a table has is not known in the syntax tree, and a name there may as well be a column's. So the name
//! becomes the operand of an operator that no user can write, which the planner hands to [`WholeRows`] with the columns
//! of FROM. A column of that name goes first, as in Postgres.

use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::Expr as PlannedExpr;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::scalar::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr,
    Ident, Join, JoinConstraint, JoinOperator, ObjectName, OrderByKind, Query, Select, SelectItem, SetExpr, TableAlias,
    TableFactor, TableWithJoins, Value, Visit, VisitMut, WildcardAdditionalOptions,
};

use super::call::{folded, text};
use super::{json_sets, rows};
use crate::error::{Error, Result, SqlState};
use crate::functions::pg::whole_row;
use crate::planner::{own_level, relation_function};

/// The operator: beside it stand the name, and whether an outer join may leave the table's row out.
const OPERATOR: &str = "onerow_row";

/// What stands between a column's name and its mark, where a query has two of that name; before a table's name it says
/// that no column is meant.
const MARK: char = '\u{1}';

/// The column of a table that an outer join may leave out: true where it does not.
const THERE: &str = "\u{1}there";

/// Counts rows that are there; of functions in FROM too.
const COUNT: &str = "count";

/// The functions that take rows.
const FUNCTIONS: &[&str] = &[
    COUNT,
    "row_to_json",
    "to_json",
    "to_jsonb",
    "json_agg",
    "jsonb_agg",
    "json_build_array",
    "jsonb_build_array",
    "json_build_object",
    "jsonb_build_object",
    "json_object_agg",
    "jsonb_object_agg",
];

/// A table of FROM.
struct Table {
    name: String,
    /// Whether an outer join may leave it out.
    optional: bool,
    /// Its one column, for a function whose rows are values: the name alone stands for them.
    value: Option<&'static str>,
    /// Whether it is a function of which rows are counted, and nothing else is made of them.
    counted: bool,
    /// Whether it has a column, [`THERE`], that says whether a joined row is of it.
    told: bool,
}

/// Marks the tables of FROM that are used as values in the select list and in its conditions.
pub(super) fn mark(select: &mut Select) {
    let mut tables = vec![];
    for from in &select.from {
        tables.extend(tables_of(from));
    }
    if tables.is_empty() {
        return;
    }
    tell_of_counted(select, &mut tables);
    for item in &mut select.projection {
        match item {
            SelectItem::UnnamedExpr(expr @ Expr::Identifier(_)) => {
                let Expr::Identifier(name) = &*expr else { continue };
                let name = Ident::with_quote('"', lower(name));
                if let Some(marked) = marked(&tables, expr) {
                    *item = SelectItem::ExprWithAlias { expr: marked, alias: name };
                }
            }
            SelectItem::ExprWithAlias { expr: expr @ Expr::Identifier(_), .. } => {
                if let Some(marked) = marked(&tables, expr) {
                    *expr = marked;
                }
            }
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                mark_arguments(expr, &tables);
            }
            _ => {}
        }
    }
    for expr in select.selection.iter_mut().chain(&mut select.having) {
        mark_arguments(expr, &tables);
    }
    let values: Vec<Table> = tables.into_iter().filter(|table| table.value.is_some()).collect();
    if values.is_empty() {
        return;
    }
    if let GroupByExpr::Expressions(keys, _) = &mut select.group_by {
        for key in keys {
            mark_arguments(key, &values);
        }
    }
    for join in select.from.iter_mut().flat_map(|from| &mut from.joins) {
        if let JoinOperator::Join(JoinConstraint::On(condition))
        | JoinOperator::Inner(JoinConstraint::On(condition))
        | JoinOperator::Left(JoinConstraint::On(condition))
        | JoinOperator::LeftOuter(JoinConstraint::On(condition)) = &mut join.join_operator
        {
            mark_arguments(condition, &values);
        }
    }
}

/// Gives the tables that an outer join may leave out, and whose rows are counted, a column that says whether they are
/// there: `LEFT JOIN (SELECT *, true AS there FROM t) AS t`. Not where `*` would show it, nor where a join by names may
/// write the table's name with its schema.
fn tell_of_counted(select: &mut Select, tables: &mut [Table]) {
    let mut names = vec![];
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                counted(expr, &mut names);
            }
            _ => return,
        }
    }
    counted(&select.having, &mut names);
    let by_names = |join: &Join| {
        matches!(
            &join.join_operator,
            JoinOperator::Join(JoinConstraint::Using(_) | JoinConstraint::Natural)
                | JoinOperator::Inner(JoinConstraint::Using(_) | JoinConstraint::Natural)
                | JoinOperator::Left(JoinConstraint::Using(_) | JoinConstraint::Natural)
                | JoinOperator::LeftOuter(JoinConstraint::Using(_) | JoinConstraint::Natural)
                | JoinOperator::Right(JoinConstraint::Using(_) | JoinConstraint::Natural)
                | JoinOperator::RightOuter(JoinConstraint::Using(_) | JoinConstraint::Natural)
                | JoinOperator::FullOuter(JoinConstraint::Using(_) | JoinConstraint::Natural)
        )
    };
    if names.is_empty() || select.from.iter().flat_map(|from| &from.joins).any(by_names) {
        return;
    }
    for table in tables.iter_mut().filter(|table| table.optional && !table.counted && table.value.is_none()) {
        if !names.contains(&table.name) {
            continue;
        }
        let factors = select.from.iter_mut().flat_map(|from| {
            std::iter::once(&mut from.relation).chain(from.joins.iter_mut().map(|join| &mut join.relation))
        });
        for factor in factors {
            if let Some(alias) = alias_of(factor).filter(|alias| lower(alias) == table.name) {
                tell(factor, alias);
                table.told = true;
                break;
            }
        }
    }
}

/// What a table or a query in FROM is called by.
fn alias_of(factor: &TableFactor) -> Option<Ident> {
    match factor {
        TableFactor::Table { alias: Some(alias), args: None, .. }
        | TableFactor::Derived { lateral: false, alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, args: None, .. } => match name.0.as_slice() {
            [only] => only.as_ident().cloned(),
            _ => None,
        },
        _ => None,
    }
}

fn tell(factor: &mut TableFactor, name: Ident) {
    let there =
        SelectItem::ExprWithAlias { expr: Expr::value(Value::Boolean(true)), alias: Ident::with_quote('"', THERE) };
    let items = vec![SelectItem::Wildcard(WildcardAdditionalOptions::default()), there];
    let subquery = Box::new(rows::select(items, Some(factor.clone()), None));
    let alias = Some(TableAlias { explicit: true, name, columns: vec![], at: None });
    *factor = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
}

/// The names of what is counted, but for what is counted once.
fn counted(part: &impl Visit, names: &mut Vec<String>) {
    let _ = own_level::visit::<()>(part, |expr| {
        if let Expr::Function(function) = expr
            && counts_all(function)
            && let FunctionArguments::List(list) = &function.args
        {
            names.extend(list.args.iter().filter_map(name_of).map(lower));
        }
        ControlFlow::Continue(())
    });
}

/// Whether a function counts rows, and equal ones as often as they come.
fn counts_all(function: &Function) -> bool {
    let distinct = match &function.args {
        FunctionArguments::List(list) => list.duplicate_treatment == Some(DuplicateTreatment::Distinct),
        _ => false,
    };
    !distinct && folded(&function.name).is_some_and(|name| name == COUNT)
}

/// The name that an argument is, or the last part of `name.*`.
fn name_of(argument: &FunctionArg) -> Option<&Ident> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) => Some(name),
        FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(ObjectName(parts))) => parts.last()?.as_ident(),
        _ => None,
    }
}

/// A name's spelling where it is compared.
fn lower(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

/// The tables and queries of one item of FROM. Most functions are none: their one column has their name.
fn tables_of(from: &TableWithJoins) -> Vec<Table> {
    let mut tables = tables_in(&from.relation);
    for join in &from.joins {
        let mut joined = tables_in(&join.relation);
        let (left, right) = match join.join_operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => (false, true),
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (true, false),
            JoinOperator::FullOuter(_) => (true, true),
            _ => (false, false),
        };
        tables.iter_mut().for_each(|table| table.optional |= left);
        joined.iter_mut().for_each(|table| table.optional |= right);
        tables.append(&mut joined);
    }
    tables
}

fn tables_in(factor: &TableFactor) -> Vec<Table> {
    let counted = |name: &Ident| Table { name: lower(name), optional: false, value: None, counted: true, told: false };
    let table = |name: &Ident| vec![Table { counted: false, ..counted(name) }];
    match factor {
        TableFactor::Table { name, args: Some(_), alias: Some(alias), with_ordinality: false, .. }
        | TableFactor::Function { name, alias: Some(alias), with_ordinality: false, .. }
            if alias.columns.is_empty() =>
        {
            if folded(name).is_some_and(|name| relation_function::NAMES.contains(&name.as_str())) {
                return table(&alias.name);
            }
            let value = folded(name).and_then(|name| json_sets::value_column(&name));
            let rows = counted(&alias.name);
            vec![Table { value, counted: value.is_none(), ..rows }]
        }
        // Of a function with one column, which is given a name of its own, the row is that column.
        TableFactor::Table { args: Some(_), alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. }
            if alias.columns.len() != 1 =>
        {
            vec![counted(&alias.name)]
        }
        TableFactor::Table { alias: Some(alias), args: None, .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            table(&alias.name)
        }
        TableFactor::Table { name, alias: None, args: None, .. } => {
            name.0.last().and_then(|part| part.as_ident()).map(table).unwrap_or_default()
        }
        TableFactor::NestedJoin { table_with_joins, alias: None } => tables_of(table_with_joins),
        TableFactor::NestedJoin { alias: Some(alias), .. } => table(&alias.name),
        _ => vec![],
    }
}

fn marked(tables: &[Table], expr: &Expr) -> Option<Expr> {
    let Expr::Identifier(name) = expr else { return None };
    of_name(tables, &lower(name), None)
}

/// What stands for a table's row; `optional` where it does not matter what joins there are.
fn of_name(tables: &[Table], name: &str, optional: Option<bool>) -> Option<Expr> {
    let table = tables.iter().find(|table| table.name == name && !table.counted)?;
    Some(of_table(table, optional))
}

fn of_table(table: &Table, optional: Option<bool>) -> Expr {
    let of = match table.value {
        Some(column) => text(column),
        None => Expr::value(Value::Boolean(optional.unwrap_or(table.optional))),
    };
    operator(&table.name, of)
}

/// The operator: a column of a table where `of` is its name.
fn operator(name: &str, of: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(text(name)),
        op: BinaryOperator::PGCustomBinaryOperator(vec![OPERATOR.to_string()]),
        right: Box::new(of),
    }
}

/// Marks the tables of FROM whose rows are counted in the keys that a query's rows are sorted by. Nothing else of rows is
/// made there: their columns come in another order where the select list names some.
pub(super) fn mark_order(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let mut tables: Vec<Table> = select.from.iter().flat_map(tables_of).collect();
    if let Some(OrderByKind::Expressions(keys)) = query.order_by.as_mut().map(|order| &mut order.kind) {
        let mut names = vec![];
        for key in keys.iter() {
            counted(&key.expr, &mut names);
        }
        // What the select list counts is told apart there.
        if tables.iter().any(|table| table.optional && names.contains(&table.name)) {
            tell_of_counted(&mut select.as_ref().clone(), &mut tables);
        }
        for key in keys {
            mark_counts(&mut key.expr, &tables);
        }
    }
}

/// 0A000 for a row that is counted still: the planner would count `*`, and ask for no privilege on the row's columns.
pub(super) fn refuse_counted(function: &Function) -> Result<()> {
    let FunctionArguments::List(list) = &function.args else { return Ok(()) };
    if folded(&function.name).is_none_or(|name| name != COUNT) {
        return Ok(());
    }
    for argument in &list.args {
        match argument {
            FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
                return Err(no_row_here(&name.to_string()));
            }
            FunctionArg::Unnamed(FunctionArgExpr::Wildcard)
                if list.duplicate_treatment == Some(DuplicateTreatment::Distinct) =>
            {
                return Err(Error::syntax("syntax error at or near \"*\"", None));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A row where it is no value here.
pub(super) fn no_row_here(name: &str) -> Error {
    Error::unsupported(format!("the row of \"{name}\" is no value in this place"))
        .with_hint("Name the columns that are meant.")
}

/// Marks an argument that is a row.
fn mark_argument(tables: &[Table], argument: &mut FunctionArg, counts: bool, counts_all: bool) {
    let is_star = matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(_)));
    let name = name_of(argument).map(lower).filter(|_| counts);
    if let Some(table) = tables.iter().find(|table| name.as_ref() == Some(&table.name)) {
        let of = match (table.value, table.told && counts_all) {
            (Some(column), _) => text(column),
            (None, true) => text(THERE),
            (None, false) => Expr::value(Value::Boolean(table.optional)),
        };
        // Of a function the row is its one column, if that is what it has.
        let is_row = is_star && table.value.is_none() && !table.counted;
        if is_star || !table.counted {
            let name = if is_row { format!("{MARK}{}", table.name) } else { table.name.clone() };
            *argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(operator(&name, of)));
        }
        return;
    }
    let FunctionArg::Unnamed(argument) = argument else { return };
    let marked = match &*argument {
        FunctionArgExpr::Expr(expr) => marked(tables, expr),
        FunctionArgExpr::QualifiedWildcard(ObjectName(parts)) => {
            let name = parts.last().and_then(|part| part.as_ident()).map(lower);
            name.and_then(|name| of_name(tables, &name, None))
        }
        _ => None,
    };
    if let Some(marked) = marked {
        *argument = FunctionArgExpr::Expr(marked);
    }
}

/// Marks the arguments of functions that take rows; not those in subqueries, which have a FROM of their own.
fn mark_arguments(part: &mut impl VisitMut, tables: &[Table]) {
    let _ = own_level::visit_mut::<()>(part, |expr| {
        if let Expr::Identifier(name) = expr {
            let name = lower(name);
            if tables.iter().any(|table| table.value.is_some() && table.name == name)
                && let Some(marked) = of_name(tables, &name, None)
            {
                *expr = marked;
            }
            return ControlFlow::Continue(());
        }
        // `(t).a`, which is NULL too where an outer join leaves the row out.
        if let Expr::CompoundFieldAccess { root, .. } = expr
            && let Expr::Nested(inner) = root.as_mut()
            && let Expr::Identifier(name) = inner.as_ref()
            && let Some(marked) = of_name(tables, &lower(name), Some(false))
        {
            **inner = marked;
        }
        if let Expr::Function(function) = expr
            && let counts_all = counts_all(function)
            && let Some(name) = folded(&function.name)
            && FUNCTIONS.contains(&name.as_str())
            && let FunctionArguments::List(list) = &mut function.args
        {
            list.args.iter_mut().for_each(|argument| mark_argument(tables, argument, name == COUNT, counts_all));
        }
        ControlFlow::Continue(())
    });
}

/// Marks what is counted, and nothing else.
fn mark_counts(part: &mut impl VisitMut, tables: &[Table]) {
    let _ = own_level::visit_mut::<()>(part, |expr| {
        if let Expr::Function(function) = expr
            && let counts_all = counts_all(function)
            && folded(&function.name).is_some_and(|name| name == COUNT)
            && let FunctionArguments::List(list) = &mut function.args
        {
            list.args.iter_mut().for_each(|argument| mark_argument(tables, argument, true, counts_all));
        }
        ControlFlow::Continue(())
    });
}

/// Plans what was marked.
#[derive(Debug)]
pub struct WholeRows;

impl ExprPlanner for WholeRows {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> DfResult<PlannerResult<RawBinaryExpr>> {
        let is_ours = matches!(&expr.op, BinaryOperator::PGCustomBinaryOperator(words) if *words == [OPERATOR]);
        let (true, PlannedExpr::Literal(name, _), PlannedExpr::Literal(of, _)) = (is_ours, &expr.left, &expr.right)
        else {
            return Ok(PlannerResult::Original(expr));
        };
        let name = name.try_as_str().flatten().unwrap_or_default();
        let (name, is_row) = name.strip_prefix(MARK).map_or((name, false), |name| (name, true));
        let column = if is_row { None } else { of_that_name(name, schema) };
        Ok(PlannerResult::Planned(match (column, of.try_as_str()) {
            (Some(column), _) => PlannedExpr::Column(column),
            (None, Some(value)) => the_value(name, value.unwrap_or_default(), schema),
            (None, None) => planned(name, *of == ScalarValue::Boolean(Some(true)), schema)?,
        }))
    }
}

/// A function's rows by its name alone.
fn the_value(name: &str, value: &str, schema: &DFSchema) -> PlannedExpr {
    let found = schema.iter().find_map(|(qualifier, field)| {
        let qualifier = qualifier.filter(|qualifier| qualifier.table() == name && field.name() == value)?;
        Some(Column::from((Some(qualifier), field)))
    });
    PlannedExpr::Column(found.unwrap_or_else(|| Column::new_unqualified(name)))
}

/// The column of that name, if there is one. Of several it is the planner's to say that they are.
fn of_that_name(name: &str, schema: &DFSchema) -> Option<Column> {
    schema.has_column_with_unqualified_name(name).then(|| match schema.qualified_field_with_unqualified_name(name) {
        Ok((qualifier, field)) => Column::from((qualifier, field)),
        Err(_) => Column::new_unqualified(name),
    })
}

fn planned(name: &str, optional: bool, schema: &DFSchema) -> DfResult<PlannedExpr> {
    let mut of: Option<&TableReference> = None;
    let (mut names, mut columns) = (vec![], vec![]);
    for (qualifier, field) in schema.iter() {
        let Some(qualifier) = qualifier.filter(|qualifier| qualifier.table() == name) else { continue };
        if of.is_some_and(|of| of != qualifier) {
            return Err(Error::new(SqlState("42P09"), format!("table reference \"{name}\" is ambiguous")).into());
        }
        of = Some(qualifier);
        if field.name() == THERE {
            continue;
        }
        names.push(field.name().split(MARK).next().unwrap_or_default().to_string());
        columns.push(PlannedExpr::Column(Column::from((Some(qualifier), field))));
    }
    if columns.is_empty() {
        return Ok(PlannedExpr::Column(Column::new_unqualified(name)));
    }
    if optional {
        return Err(Error::unsupported(format!("the row of \"{name}\" may be left out by an outer join"))
            .with_hint("Make it a value in a subquery below the join: (SELECT t.*, to_jsonb(t) AS doc FROM t).")
            .into());
    }
    Ok(PlannedExpr::ScalarFunction(ScalarFunction::new_udf(Arc::new(whole_row::of_columns(names)), columns)))
}
