//! `json_array_elements`, `json_object_keys` and `json_each`, for `jsonb` too, and `jsonb_path_query`: lists, a row for
//! each of their elements.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, Ident, TableAlias, TableAliasColumnDef, TableFactor,
};

use super::call::{call, folded, plain_arguments, take};

/// A function that gives rows: its name, the lists that these are, and what its columns are called in FROM.
struct RowsOf {
    name: &'static str,
    lists: &'static [&'static str],
    columns: &'static [&'static str],
}

const fn rows_of(name: &'static str, lists: &'static [&'static str], columns: &'static [&'static str]) -> RowsOf {
    RowsOf { name, lists, columns }
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
    rows_of(PATH_QUERY, &["onerow_jsonb_path_values"], &[PATH_QUERY]),
];

/// The one of them that takes more than a value.
const PATH_QUERY: &str = "jsonb_path_query";

/// The list that a call in a SELECT list is the rows of; none for other calls, and for those of two columns.
pub(super) fn list(function: &mut Function) -> Option<Expr> {
    let name = folded(&function.name)?;
    let found = FUNCTIONS.iter().find(|function| function.name == name)?;
    let [list] = found.lists else { return None };
    let arguments = plain_arguments(function)?;
    let fits = arguments.len() == 1 || found.name == PATH_QUERY;
    fits.then(|| call(list, arguments.into_iter().map(take).collect()))
}

/// Takes a call in FROM apart. Its columns have the names that Postgres gives them, unless the alias names them; the
/// one of `json_object_keys` is named as the alias.
pub(super) fn unnest(factor: &mut TableFactor) {
    let (name, args, alias) = match factor {
        TableFactor::Table { name, args: Some(list), alias, with_ordinality: false, .. } => (name, &list.args, alias),
        TableFactor::Function { name, args, alias, with_ordinality: false, .. } => (name, &*args, alias),
        _ => return,
    };
    let Some(name) = folded(name) else { return };
    let Some(found) = FUNCTIONS.iter().find(|function| function.name == name) else { return };
    let plain = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let Some(arguments) = args.iter().map(plain).collect::<Option<Vec<Expr>>>() else { return };
    if arguments.len() != 1 && found.name != PATH_QUERY {
        return;
    }
    let array_exprs = found.lists.iter().map(|list| call(list, arguments.clone())).collect();
    let column = |name: Ident| TableAliasColumnDef { name, data_type: None };
    let columns: Vec<TableAliasColumnDef> = found.columns.iter().map(|name| column(Ident::new(*name))).collect();
    let alias = match alias.take() {
        Some(alias) if !alias.columns.is_empty() => alias,
        Some(mut alias) => {
            let own = matches!(found.columns, [column] if *column == found.name);
            alias.columns = if own { vec![column(alias.name.clone())] } else { columns };
            alias
        }
        None => TableAlias { explicit: true, name: Ident::new(found.name), columns, at: None },
    };
    *factor = TableFactor::UNNEST {
        alias: Some(alias),
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    };
}
