//! Functions that give rows, as lists with a row for each of their elements: `json_array_elements`, `json_object_keys` and
//! `json_each`, for `jsonb` too, `jsonb_path_query`, `regexp_matches`, `regexp_split_to_table` and `string_to_table`.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr, Ident, TableAlias,
    TableAliasColumnDef, TableFactor,
};

use super::call::{call, folded, literal, plain_arguments, take};
use crate::functions::pg::ordinals::ORDINALS;

/// A function that gives rows: its name, the lists that these are, what its columns are called in FROM, and how many
/// arguments it takes at least and at most.
struct RowsOf {
    name: &'static str,
    lists: &'static [&'static str],
    columns: &'static [&'static str],
    arguments: (usize, usize),
}

const fn rows_of(name: &'static str, lists: &'static [&'static str], columns: &'static [&'static str]) -> RowsOf {
    RowsOf { name, lists, columns, arguments: (1, 1) }
}

const FUNCTIONS: &[RowsOf] = &[
    rows_of("json_array_elements", &["onerow_json_elements"], &["value"]),
    rows_of("jsonb_array_elements", &["onerow_jsonb_elements"], &["value"]),
    rows_of("json_array_elements_text", &["onerow_json_element_texts"], &["value"]),
    rows_of("jsonb_array_elements_text", &["onerow_jsonb_element_texts"], &["value"]),
    rows_of("json_object_keys", &["onerow_json_keys"], &["json_object_keys"]),
    rows_of("jsonb_object_keys", &["onerow_jsonb_keys"], &["jsonb_object_keys"]),
    rows_of("json_each", &["onerow_json_names", "onerow_json_values"], &["key", "value"]),
    rows_of("jsonb_each", &["onerow_jsonb_names", "onerow_jsonb_values"], &["key", "value"]),
    rows_of("json_each_text", &["onerow_json_names", "onerow_json_value_texts"], &["key", "value"]),
    rows_of("jsonb_each_text", &["onerow_jsonb_names", "onerow_jsonb_value_texts"], &["key", "value"]),
    RowsOf {
        name: "jsonb_path_query",
        lists: &["onerow_jsonb_path_values"],
        columns: &["jsonb_path_query"],
        arguments: (2, 4),
    },
    RowsOf {
        name: "regexp_matches",
        lists: &["onerow_regexp_matches"],
        columns: &["regexp_matches"],
        arguments: (2, 3),
    },
    RowsOf {
        name: "regexp_split_to_table",
        lists: &["regexp_split_to_array"],
        columns: &["regexp_split_to_table"],
        arguments: (2, 3),
    },
    RowsOf {
        name: "string_to_table",
        lists: &["onerow_string_parts"],
        columns: &["string_to_table"],
        arguments: (2, 3),
    },
];

/// The column of a function whose one column is a value that its alias stands for too; none for others.
pub(super) fn value_column(name: &str) -> Option<&'static str> {
    let found = FUNCTIONS.iter().find(|function| function.name == name)?;
    matches!(found.columns, [column] if *column != found.name).then(|| found.columns.first().copied()).flatten()
}

/// The list that a call in a SELECT list is the rows of; none for other calls, and for those of two columns.
pub(super) fn list(function: &mut Function) -> Option<Expr> {
    let name = folded(&function.name)?;
    let found = FUNCTIONS.iter().find(|function| function.name == name)?;
    let [list] = found.lists else { return None };
    let arguments = plain_arguments(function)?;
    let fits = found.takes(arguments.len());
    fits.then(|| call(list, as_jsonb(&name, arguments.into_iter().map(take).collect())))
}

/// A document in quotes is written as jsonb is, where it is one.
fn as_jsonb(name: &str, mut arguments: Vec<Expr>) -> Vec<Expr> {
    if let Some(document) = arguments.first_mut()
        && name.starts_with("jsonb_")
        && literal(document).is_some()
    {
        let data_type = DataType::JSONB;
        let expr = Box::new(take(document));
        *document = Expr::Cast { kind: CastKind::DoubleColon, expr, data_type, array: false, format: None };
    }
    arguments
}

/// Whether an expression is a list that stands for the rows of such a function.
pub(super) fn is_list(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    let Some(name) = folded(&function.name) else { return false };
    FUNCTIONS.iter().any(|known| matches!(known.lists, [list] if *list == name))
}

/// The function that gives the members of such a list's elements, for `->` and `->>` with a key.
pub(super) fn members(list: &str, op: &BinaryOperator) -> Option<&'static str> {
    match (list, op) {
        ("onerow_json_elements", BinaryOperator::Arrow) => Some("onerow_json_element_members"),
        ("onerow_jsonb_elements", BinaryOperator::Arrow) => Some("onerow_jsonb_element_members"),
        ("onerow_json_elements", BinaryOperator::LongArrow) => Some("onerow_json_element_member_texts"),
        ("onerow_jsonb_elements", BinaryOperator::LongArrow) => Some("onerow_jsonb_element_member_texts"),
        _ => None,
    }
}

impl RowsOf {
    fn takes(&self, arguments: usize) -> bool {
        (self.arguments.0..=self.arguments.1).contains(&arguments)
    }
}

/// Takes a call in FROM apart, one of `unnest` after LATERAL too. Its columns have the names that Postgres gives them,
/// as far as the alias does not name them; where the column has the function's name, it is named as the alias.
pub(super) fn unnest(factor: &mut TableFactor) {
    let (name, args, alias, with_ordinality) = match factor {
        TableFactor::Table { name, args: Some(list), alias, with_ordinality, .. } => {
            (name, &list.args, alias, *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } => (name, &*args, alias, *with_ordinality),
        _ => return,
    };
    let Some(name) = folded(name) else { return };
    let plain = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let Some(arguments) = args.iter().map(plain).collect::<Option<Vec<Expr>>>() else { return };
    if name == "unnest" && !arguments.is_empty() {
        *factor = rows(alias.take(), arguments, with_ordinality);
        return;
    }
    let Some(found) = FUNCTIONS.iter().find(|function| function.name == name) else { return };
    if !found.takes(arguments.len()) {
        return;
    }
    let arguments = as_jsonb(&name, arguments);
    let lists = found.lists.iter().map(|list| call(list, arguments.clone())).collect();
    let alias = alias.take();
    let own = matches!(found.columns, [column] if *column == found.name);
    let columns = match &alias {
        Some(alias) if own => vec![alias.name.clone()],
        _ => found.columns.iter().map(|name| Ident::new(*name)).collect(),
    };
    *factor = rows(Some(named(alias, found.name, columns)), lists, with_ordinality);
}

/// The rows of lists, side by side.
pub(super) fn rows(alias: Option<TableAlias>, array_exprs: Vec<Expr>, with_ordinality: bool) -> TableFactor {
    TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_offset_alias: None, with_ordinality }
}

/// An alias with a name for every column: those that it lacks come from `columns`.
pub(super) fn named(alias: Option<TableAlias>, table: &str, columns: Vec<Ident>) -> TableAlias {
    let mut alias =
        alias.unwrap_or_else(|| TableAlias { explicit: true, name: Ident::new(table), columns: vec![], at: None });
    let given = alias.columns.len();
    alias.columns.extend(columns.into_iter().skip(given).map(|name| TableAliasColumnDef { name, data_type: None }));
    alias
}

/// `WITH ORDINALITY`: one list more, of numbers.
pub(super) fn number_rows(factor: &mut TableFactor) {
    let TableFactor::UNNEST { alias: Some(alias), array_exprs, with_ordinality, .. } = factor else { return };
    if !std::mem::take(with_ordinality) {
        return;
    }
    if alias.columns.len() == array_exprs.len() {
        alias.columns.push(TableAliasColumnDef { name: Ident::new("ordinality"), data_type: None });
    }
    array_exprs.push(call(ORDINALS, array_exprs.clone()));
}
