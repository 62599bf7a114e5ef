//! `ARRAY(SELECT jsonb_array_elements_text(d))` and `(SELECT array_agg(e) FROM jsonb_array_elements_text(d) AS e)`: the
//! elements of one list, which are that list. With `e ->> 'a'` in the place of `e` they are the members of the elements.
//!
//! The subquery reads no table, and may name columns of the query around it. It is looked at after the functions in it
//! have become lists, see `json_sets`.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select,
    SelectItem, SetExpr, TableFactor,
};

use super::call::{call, folded, literal, plain_arguments, take, text};
use super::json_sets;

/// The list that a query gives the elements of, or of something of each of them, and nothing besides.
pub(super) fn of_elements(query: &Query) -> Option<Expr> {
    let (select, item, value) = single(query)?;
    if select.from.is_empty() {
        let list = unnested(value).filter(|list| json_sets::is_list(list))?;
        return (query.to_string() == format!("SELECT {item}")).then(|| list.clone());
    }
    from_list(query)?.of(value)
}

/// The list of whose elements a query gives the array, in their order.
pub(super) fn of_aggregate(query: &Query) -> Option<Expr> {
    let (_, _, value) = single(query)?;
    let Expr::Function(function) = value else { return None };
    if folded(&function.name).as_deref() != Some("array_agg") {
        return None;
    }
    let mut function = function.clone();
    let [element]: [&mut Expr; 1] = plain_arguments(&mut function)?.try_into().ok()?;
    from_list(query)?.of(element)
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

/// A list in FROM.
struct Rows {
    list: Expr,
    /// The ways to write its element.
    spellings: [String; 3],
}

/// The list that FROM is the rows of, in a query that has no other clause.
fn from_list(query: &Query) -> Option<Rows> {
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
    Some(Rows { list: list.clone(), spellings: [column.to_string(), format!("{table}.{column}"), row] })
}

impl Rows {
    /// The list of what an expression makes of each element: the element itself, a member of it, or a cast of these.
    fn of(&self, value: &Expr) -> Option<Expr> {
        match value {
            value if self.is_element(value) => Some(self.list.clone()),
            Expr::Nested(value) => self.of(value),
            Expr::Cast {
                kind: kind @ (CastKind::Cast | CastKind::DoubleColon),
                expr,
                data_type,
                array: false,
                format: None,
            } if !matches!(data_type, DataType::Array(_)) => {
                let items = ArrayElemTypeDef::SquareBracket(Box::new(data_type.clone()), None);
                Some(Expr::Cast {
                    kind: kind.clone(),
                    expr: Box::new(self.of(expr)?),
                    data_type: DataType::Array(items),
                    array: false,
                    format: None,
                })
            }
            Expr::BinaryOp { left, op, right } if self.is_element(left) => {
                let Expr::Function(list) = &self.list else { return None };
                let members = json_sets::members(&folded(&list.name)?, op)?;
                let key = literal(right)?.to_string();
                let mut list = list.clone();
                let [json]: [&mut Expr; 1] = plain_arguments(&mut list)?.try_into().ok()?;
                Some(call(members, vec![take(json), text(key)]))
            }
            _ => None,
        }
    }

    fn is_element(&self, value: &Expr) -> bool {
        let value = value.to_string();
        // Names without quotes are the same in any case.
        self.spellings
            .iter()
            .any(|spelling| value == *spelling || (!value.contains('"') && value.eq_ignore_ascii_case(spelling)))
    }
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
