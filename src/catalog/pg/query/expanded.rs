//! Arrays of a catalog table taken apart in FROM: `unnest(con.conkey) WITH ORDINALITY AS k(attnum, ord)`, and
//! `information_schema._pg_expandarray(i.indkey)` in the select list.
//!
//! DataFusion takes an array apart in a select list only. So the table whose column it is becomes a subquery that has
//! the elements as further columns, and what named them names those.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, DataType, Expr, Ident, Join, JoinConstraint, JoinOperator, OrderByKind, Query, Select, SelectItem,
    SetExpr, Statement, TableAlias, TableFactor, TableWithJoins, Visit, VisitMut, Visitor, VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::ast::{self, all_of, call, cast, catalog_table, folded, ident, last};
use crate::catalog::definitions::quote_identifier;
use crate::ddl::dialect::PgDialect;

/// Brings arrays that are taken apart into the select list.
pub struct Expanded {
    /// The names of expanded arrays after whose fields `x` and `n` a statement asks, as in `(result.keys).x`.
    fields: HashSet<String>,
    /// Those after whose numbers it asks.
    numbered: HashSet<String>,
}

impl Expanded {
    /// For one statement.
    pub fn of(statement: &Statement) -> Self {
        let mut asked = Asked::default();
        // The visitor never breaks.
        let _ = Visit::visit(statement, &mut asked);
        Expanded { fields: asked.fields.intersection(&asked.arrays).cloned().collect(), numbered: asked.numbered }
    }
}

/// Finds the names after whose fields a statement asks, and the names of expanded arrays.
#[derive(Default)]
struct Asked {
    fields: HashSet<String>,
    numbered: HashSet<String>,
    arrays: HashSet<String>,
}

impl Visitor for Asked {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { expr, alias } = item
                && expanded_array(expr).is_some()
            {
                self.arrays.insert(folded(alias));
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Some((root, which)) = field(expr)
            && let Some(name) = column(root).and_then(|(_, name)| name)
        {
            if which == "n" {
                self.numbered.insert(name.clone());
            }
            self.fields.insert(name);
        }
        ControlFlow::Continue(())
    }
}

impl VisitorMut for Expanded {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let SetExpr::Select(select) = query.body.as_mut() {
            let renamed = lateral(select);
            if !renamed.is_empty()
                && let Some(order) = &mut query.order_by
                && let OrderByKind::Expressions(by) = &mut order.kind
            {
                for item in by {
                    // The visitor never breaks.
                    let _ = VisitMut::visit(&mut item.expr, &mut Renames(&renamed));
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        lateral(select);
        let mut further = vec![];
        for item in &mut select.projection {
            let SelectItem::ExprWithAlias { expr, alias } = item else { continue };
            let Some(array) = expanded_array(expr).cloned() else { continue };
            let name = folded(alias);
            if self.fields.contains(&name) {
                if self.numbered.contains(&name) {
                    let alias = ident(&number_name(&name));
                    further.push(SelectItem::ExprWithAlias { expr: number_of(&array), alias });
                }
                *expr = call("unnest", vec![array]);
            }
        }
        select.projection.extend(further);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Some((root, name)) = field(expr) else { return ControlFlow::Continue(()) };
        if let Some(array) = expanded_array(root) {
            *expr = if name == "x" { call("unnest", vec![array.clone()]) } else { number_of(array) };
        } else if let Some((table, Some(column))) = column(root)
            && self.fields.contains(&column)
        {
            let name = if name == "x" { column } else { number_name(&column) };
            *expr = match table {
                Some(table) => Expr::CompoundIdentifier(vec![table, ident(&name)]),
                None => Expr::Identifier(ident(&name)),
            };
        }
        ControlFlow::Continue(())
    }
}

fn number_name(name: &str) -> String {
    format!("{name}.n")
}

/// `(value).x` and `(value).n`: the value, and which field.
fn field(expr: &Expr) -> Option<(&Expr, &'static str)> {
    let Expr::CompoundFieldAccess { root, access_chain } = expr else { return None };
    let ([AccessExpr::Dot(Expr::Identifier(name))], Expr::Nested(root)) = (access_chain.as_slice(), root.as_ref())
    else {
        return None;
    };
    match folded(name).as_str() {
        "x" => Some((root.as_ref(), "x")),
        "n" => Some((root.as_ref(), "n")),
        _ => None,
    }
}

/// A plain column: its table, and its name.
fn column(expr: &Expr) -> Option<(Option<Ident>, Option<String>)> {
    match expr {
        Expr::Identifier(name) => Some((None, Some(folded(name)))),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [.., table, name] => Some((Some(table.clone()), Some(folded(name)))),
            _ => None,
        },
        _ => None,
    }
}

/// What `information_schema._pg_expandarray(array)` is called with.
fn expanded_array(expr: &Expr) -> Option<&Expr> {
    let Expr::Function(function) = expr else { return None };
    if last(&function.name)? != "_pg_expandarray" {
        return None;
    }
    match ast::arguments(function)?.as_slice() {
        [array] => Some(*array),
        _ => None,
    }
}

/// The numbers of an array's elements from 1, one a row.
fn number_of(array: &Expr) -> Expr {
    let length = call("array_length", vec![array.clone()]);
    cast(call("unnest", vec![call("generate_series", vec![ast::number(1), length])]), DataType::Int(None))
}

/// An array that FROM takes apart: which column of which table, and what its elements and their numbers are called.
struct Taken {
    table: String,
    column: String,
    alias: String,
    element: String,
    ordinal: Option<String>,
}

impl Taken {
    /// The name of a column of the subquery.
    fn named(&self, column: &str) -> String {
        format!("{}.{column}", self.alias)
    }
}

/// Names of what was taken apart, with the table and the column that they are now; by table and column, and by column.
type Renamed = HashMap<(Option<String>, String), (String, String)>;

/// Makes subqueries of the tables of a SELECT whose arrays its FROM takes apart. What they are called now.
fn lateral(select: &mut Select) -> Renamed {
    let mut renamed = Renamed::new();
    while let Some((place, taken)) = find(select) {
        if !expand(select, &taken) {
            break;
        }
        remove(select, place);
        for column in [Some(&taken.element), taken.ordinal.as_ref()].into_iter().flatten() {
            let now = (taken.table.clone(), taken.named(column));
            renamed.insert((Some(taken.alias.clone()), column.clone()), now.clone());
            renamed.insert((None, column.clone()), now);
        }
    }
    if renamed.is_empty() {
        return renamed;
    }
    for item in &mut select.projection {
        // A plain column keeps its name.
        if let SelectItem::UnnamedExpr(expr) = item
            && let Some((_, Some(name))) = column(expr)
            && is_renamed(expr, &renamed)
        {
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: ident(&name) };
        }
    }
    // The visitor never breaks.
    let _ = VisitMut::visit(select, &mut Renames(&renamed));
    renamed
}

fn is_renamed(expr: &Expr, renamed: &Renamed) -> bool {
    column(expr)
        .is_some_and(|(table, name)| name.is_some_and(|name| renamed.contains_key(&(table.as_ref().map(folded), name))))
}

struct Renames<'a>(&'a Renamed);

impl VisitorMut for Renames<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some((table, Some(name))) = column(expr)
            && let Some((table, column)) = self.0.get(&(table.as_ref().map(folded), name))
        {
            *expr = Expr::CompoundIdentifier(vec![ident(table), ident(column)]);
        }
        ControlFlow::Continue(())
    }
}

/// Where in FROM something stands: the item, and its join or none for its first table.
type Place = (usize, Option<usize>);

/// The first array that FROM takes apart, in a way that is known.
fn find(select: &Select) -> Option<(Place, Taken)> {
    for (at, item) in select.from.iter().enumerate() {
        if let Some(taken) = taken(&item.relation, select) {
            // Something must be left that its joins can be joined with.
            return (at > 0).then_some(((at, None), taken));
        }
        for (number, join) in item.joins.iter().enumerate() {
            if let Some(taken) = taken(&join.relation, select) {
                return condition(&join.join_operator).map(|_| ((at, Some(number)), taken));
            }
        }
    }
    None
}

/// What joins an array's elements, where all of them are wanted. The inner none is no condition.
fn condition(operator: &JoinOperator) -> Option<Option<&Expr>> {
    match operator {
        JoinOperator::CrossJoin(_) => Some(None),
        JoinOperator::Join(JoinConstraint::On(on)) | JoinOperator::Inner(JoinConstraint::On(on)) => Some(Some(on)),
        _ => None,
    }
}

fn taken(factor: &TableFactor, select: &Select) -> Option<Taken> {
    let (array, alias, ordinal) = match factor {
        TableFactor::UNNEST { array_exprs, alias, with_ordinality, with_offset: false, .. } => {
            match array_exprs.as_slice() {
                [array] => (array.clone(), alias, *with_ordinality),
                _ => return None,
            }
        }
        TableFactor::Table { name, args: Some(args), alias, with_ordinality, .. } if last(name)? == "unnest" => {
            (only_argument(&args.args)?, alias, *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } if last(name)? == "unnest" => {
            (only_argument(args)?, alias, *with_ordinality)
        }
        _ => return None,
    };
    let (table, column) = match column(&array)? {
        (Some(table), Some(column)) => (folded(&table), column),
        (None, Some(column)) => (owner(select, &column)?, column),
        _ => return None,
    };
    let own = alias.as_ref().map_or_else(|| "unnest".to_string(), |alias| folded(&alias.name));
    let names: Vec<String> =
        alias.as_ref().map(|alias| alias.columns.iter().map(|c| folded(&c.name)).collect()).unwrap_or_default();
    Some(Taken {
        table,
        column,
        element: names.first().cloned().unwrap_or_else(|| own.clone()),
        ordinal: ordinal.then(|| names.get(1).cloned().unwrap_or_else(|| "ordinality".to_string())),
        alias: own,
    })
}

fn only_argument(args: &[datafusion::sql::sqlparser::ast::FunctionArg]) -> Option<Expr> {
    use datafusion::sql::sqlparser::ast::{FunctionArg, FunctionArgExpr};
    match args {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => Some(expr.clone()),
        _ => None,
    }
}

/// The catalog table and the name it goes by, where a factor is one that can become a subquery.
fn table_of(factor: &TableFactor) -> Option<(&'static str, String)> {
    let TableFactor::Table { name, args: None, alias, .. } = factor else { return None };
    if alias.as_ref().is_some_and(|alias| !alias.columns.is_empty()) {
        return None;
    }
    let shape = catalog_table(name)?;
    let own = alias.as_ref().map(|alias| folded(&alias.name)).or_else(|| last(name))?;
    Some((shape.name, own))
}

/// The table of FROM that has a column.
fn owner(select: &Select, column: &str) -> Option<String> {
    let factors = select
        .from
        .iter()
        .flat_map(|item| std::iter::once(&item.relation).chain(item.joins.iter().map(|join| &join.relation)));
    factors
        .filter_map(|factor| match factor {
            TableFactor::Table { name, .. } => Some((catalog_table(name)?, table_of(factor)?.1)),
            _ => None,
        })
        .find(|(shape, _)| shape.column(column).is_some())
        .map(|(_, own)| own)
        .or_else(|| derived(select))
}

/// The one subquery of FROM, whose columns have been added to before.
fn derived(select: &Select) -> Option<String> {
    let mut subqueries = select.from.iter().filter_map(|item| match &item.relation {
        TableFactor::Derived { alias: Some(alias), .. } => Some(folded(&alias.name)),
        _ => None,
    });
    subqueries.next().filter(|_| subqueries.next().is_none())
}

/// Whether a join keeps only rows that its tables have, so that a table of it may lose some.
fn keeps_both(join: &Join) -> bool {
    matches!(join.join_operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_))
}

fn keeps_left(join: &Join) -> bool {
    keeps_both(join) || matches!(join.join_operator, JoinOperator::Left(_) | JoinOperator::LeftOuter(_))
}

/// Makes a subquery of the table whose array is taken apart. False where that would mean something else.
fn expand(select: &mut Select, taken: &Taken) -> bool {
    for item in &mut select.from {
        if !item.joins.iter().all(keeps_left) {
            continue;
        }
        if replace(&mut item.relation, taken) {
            return true;
        }
        for join in &mut item.joins {
            if keeps_both(join) && replace(&mut join.relation, taken) {
                return true;
            }
        }
    }
    false
}

fn replace(factor: &mut TableFactor, taken: &Taken) -> bool {
    let inner = match table_of(factor) {
        Some((name, own)) if own == taken.table => format!("pg_catalog.{}", quote_identifier(name)),
        Some(_) => return false,
        // Its second array is taken apart around the first.
        None => match factor {
            TableFactor::Derived { alias: Some(alias), subquery, lateral: false, .. }
                if folded(&alias.name) == taken.table =>
            {
                format!("({subquery})")
            }
            _ => return false,
        },
    };
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let (table, column) = (quoted(&taken.table), quoted(&taken.column));
    let ordinal = taken.ordinal.as_ref().map_or_else(String::new, |ordinal| {
        let name = quoted(&taken.named(ordinal));
        format!(", CAST(unnest(generate_series(1, array_length({table}.{column}))) AS BIGINT) AS {name}")
    });
    let element = quoted(&taken.named(&taken.element));
    let sql = format!("SELECT {table}.*, unnest({table}.{column}) AS {element}{ordinal} FROM {inner} AS {table}");
    let Ok(mut parsed) = Parser::parse_sql(&PgDialect, &sql) else { return false };
    let Some(Statement::Query(subquery)) = parsed.pop() else { return false };
    let alias = TableAlias { explicit: true, name: ident(&taken.table), columns: vec![], at: None };
    *factor = TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None };
    true
}

/// Takes the elements out of FROM; their condition becomes one of WHERE.
fn remove(select: &mut Select, (at, join): Place) {
    match join {
        Some(number) => {
            let Some(item) = select.from.get_mut(at).filter(|item| number < item.joins.len()) else { return };
            let removed = item.joins.remove(number);
            if let Some(Some(on)) = condition(&removed.join_operator) {
                let conditions = select.selection.take().into_iter().chain([on.clone()]).collect();
                select.selection = all_of(conditions);
            }
        }
        None => {
            let TableWithJoins { joins, .. } = select.from.remove(at);
            if let Some(before) = select.from.get_mut(at.saturating_sub(1)) {
                before.joins.extend(joins);
            }
        }
    }
}
