//! `ARRAY(SELECT jsonb_array_elements_text(d))` and `(SELECT array_agg(e) FROM jsonb_array_elements_text(d) AS e)`: the
//! elements of one list, which are that list.
//!
//! The subquery reads no table, and may name columns of the query around it. It is looked at after the functions in it
//! have become lists, see `json_sets`.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SelectItem, SetExpr, TableFactor,
};

use super::call::folded;
use super::json_sets;

/// The list that a query gives the elements of, and nothing besides.
pub(super) fn of_elements(query: &Query) -> Option<Expr> {
    let (select, item, value) = single(query)?;
    if select.from.is_empty() {
        let list = unnested(value).filter(|list| json_sets::is_list(list))?;
        return (query.to_string() == format!("SELECT {item}")).then(|| list.clone());
    }
    let (list, spellings) = from_list(query)?;
    spellings.iter().any(|element| is_spelled(value, element)).then_some(list)
}

/// The list of whose elements a query gives the array, in their order.
pub(super) fn of_aggregate(query: &Query) -> Option<Expr> {
    let (_, _, value) = single(query)?;
    let (list, spellings) = from_list(query)?;
    spellings.iter().any(|element| is_spelled(value, &format!("array_agg({element})"))).then_some(list)
}

/// The one item of a SELECT, and its value.
fn single(query: &Query) -> Option<(&Select, &SelectItem, &Expr)> {
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let [item] = select.projection.as_slice() else { return None };
    match item {
        SelectItem::UnnamedExpr(value) | SelectItem::ExprWithAlias { expr: value, .. } => Some((select, item, value)),
        _ => None,
    }
}

/// The list that FROM is the rows of, in a query that has no other clause, and the ways to write its element.
fn from_list(query: &Query) -> Option<(Expr, [String; 3])> {
    let (select, item, _) = single(query)?;
    let [from] = select.from.as_slice() else { return None };
    let TableFactor::UNNEST { alias: Some(alias), array_exprs, with_ordinality: false, .. } = &from.relation else {
        return None;
    };
    let ([list], [column]) = (array_exprs.as_slice(), alias.columns.as_slice()) else { return None };
    if !json_sets::is_list(list) || query.to_string() != format!("SELECT {item} FROM {}", from.relation) {
        return None;
    }
    let (table, column) = (&alias.name, &column.name);
    let row = format!("'{}' OPERATOR(onerow_row) '{}'", table.value, column.value);
    Some((list.clone(), [column.to_string(), format!("{table}.{column}"), row]))
}

/// Names without quotes are the same in any case.
fn is_spelled(value: &Expr, wanted: &str) -> bool {
    let value = value.to_string();
    value == wanted || (!value.contains('"') && value.eq_ignore_ascii_case(wanted))
}

/// The list in `unnest(list)`.
fn unnested(expr: &Expr) -> Option<&Expr> {
    let Expr::Function(function) = expr else { return None };
    if folded(&function.name).as_deref() != Some("unnest") {
        return None;
    }
    let FunctionArguments::List(arguments) = &function.args else { return None };
    match arguments.args.as_slice() {
        [FunctionArg::Unnamed(FunctionArgExpr::Expr(list))] => Some(list),
        _ => None,
    }
}
