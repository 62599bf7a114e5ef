//! `json_to_record(..) AS r(a integer, b text)` and `json_to_recordset`, for `jsonb` too: a subquery that takes the
//! members out and casts each to the type of its column.

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CaseWhen, CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, Ident,
    SelectItem, TableAlias, TableAliasColumnDef, TableFactor,
};

use super::call::{call, folded, text};
use super::rows::select;
use super::series::has_names;

/// The functions, and what gives their objects.
const FUNCTIONS: &[(&str, &str, bool)] = &[
    ("json_to_record", "onerow_json_record", false),
    ("jsonb_to_record", "onerow_jsonb_record", false),
    ("json_to_recordset", "onerow_json_records", true),
    ("jsonb_to_recordset", "onerow_jsonb_records", true),
];

/// The column that an object stands in, which no user can name.
const OBJECT: &str = "\u{1}object";

/// Takes a call in FROM with a list of columns apart; any other stays.
pub fn unfold(factor: &mut TableFactor) {
    let (name, args, alias) = match factor {
        TableFactor::Table { name, args: Some(list), alias: Some(alias), with_ordinality: false, .. } => {
            (name, &list.args, alias)
        }
        TableFactor::Function { name, args, alias: Some(alias), with_ordinality: false, .. } => (name, &*args, alias),
        _ => return,
    };
    let Some(name) = folded(name) else { return };
    let Some((_, objects, many)) = FUNCTIONS.iter().find(|(known, ..)| *known == name) else { return };
    let [given @ FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = args.as_slice() else { return };
    let lateral = has_names(given);
    let Some(members) = alias.columns.iter().map(member).collect::<Option<Vec<SelectItem>>>() else { return };
    if members.is_empty() {
        return;
    }
    let objects = call(objects, vec![argument.clone(), text(name)]);
    let objects = if *many { call("unnest", vec![objects]) } else { objects };
    let rows = select(vec![SelectItem::ExprWithAlias { expr: objects, alias: object() }], None, None);
    let rows = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(rows),
        alias: Some(TableAlias { explicit: true, name: object(), columns: vec![], at: None }),
        sample: None,
    };
    let alias = TableAlias { explicit: true, name: alias.name.clone(), columns: vec![], at: None };
    let subquery = Box::new(select(members, Some(rows), None));
    *factor = TableFactor::Derived { lateral, subquery, alias: Some(alias), sample: None };
}

fn object() -> Ident {
    Ident::with_quote('"', OBJECT)
}

/// The member that a column is called as, cast to its type; none for a column without a type.
fn member(column: &TableAliasColumnDef) -> Option<SelectItem> {
    let name = &column.name;
    let data_type = column.data_type.clone()?;
    let key = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
    let part = |op: BinaryOperator| {
        let taken =
            Expr::BinaryOp { left: Box::new(Expr::Identifier(object())), op, right: Box::new(text(key.clone())) };
        Expr::Nested(Box::new(taken))
    };
    let typed = |expr: Expr| Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(expr),
        data_type: data_type.clone(),
        array: false,
        format: None,
    };
    let expr = match &data_type {
        // The value itself, but NULL for its null.
        DataType::JSON | DataType::JSONB => Expr::Case {
            case_token: AttachedToken::empty(),
            end_token: AttachedToken::empty(),
            operand: None,
            conditions: vec![CaseWhen {
                condition: Expr::IsNotNull(Box::new(part(BinaryOperator::LongArrow))),
                result: typed(part(BinaryOperator::Arrow)),
            }],
            else_result: None,
        },
        DataType::Array(of) => {
            let of_json = matches!(of, ArrayElemTypeDef::SquareBracket(item, _)
                if matches!(item.as_ref(), DataType::JSON | DataType::JSONB));
            let literal = if of_json { "onerow_json_array_of_json" } else { "onerow_json_array_literal" };
            typed(call(literal, vec![part(BinaryOperator::Arrow)]))
        }
        _ => typed(part(BinaryOperator::LongArrow)),
    };
    Some(SelectItem::ExprWithAlias { expr, alias: name.clone() })
}
