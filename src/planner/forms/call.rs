//! Small pieces of syntax trees.

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, ObjectName,
    Value, ValueWithSpan,
};

/// `name(args)`
pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: name_of(name),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(argument).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// A function's name.
pub(super) fn name_of(name: &str) -> ObjectName {
    ObjectName::from(vec![Ident::new(name)])
}

/// An argument without a name.
pub(super) fn argument(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

/// A text literal.
pub(super) fn text(value: impl Into<String>) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.into()).with_empty_span())
}

/// The text of a literal.
pub(super) fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => literal_value(value),
        Expr::Nested(inner) => literal(inner),
        _ => None,
    }
}

/// The text of a value.
pub(super) fn literal_value(value: &ValueWithSpan) -> Option<&str> {
    match &value.value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
        _ => None,
    }
}

/// The whole number that stands under casts to whole numbers; none where there is nothing to take off.
pub(super) fn number_under_casts(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::Cast { expr, data_type: DataType::Integer(_) | DataType::Int(_) | DataType::SmallInt(_), .. } => {
            let mut inner = expr.as_ref();
            while let Expr::Nested(nested) = inner {
                inner = nested.as_ref();
            }
            let whole = matches!(inner, Expr::Value(value)
                if matches!(&value.value, Value::Number(digits, _) if digits.bytes().all(|b| b.is_ascii_digit())));
            if whole { Some(inner.clone()) } else { number_under_casts(inner) }
        }
        Expr::Nested(nested) => number_under_casts(nested),
        _ => None,
    }
}

/// Takes an expression out; NULL stands in its place until another does.
pub(super) fn take(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::Value(Value::Null.with_empty_span()))
}

/// A function's name in lower case, without `pg_catalog`; none for another schema's.
pub(super) fn folded(name: &ObjectName) -> Option<String> {
    let part = |at: usize| name.0.get(at)?.as_ident().map(|ident| ident.value.to_lowercase());
    match name.0.len() {
        1 => part(0),
        2 if part(0)? == "pg_catalog" => part(1),
        _ => None,
    }
}

/// The arguments of a plain call: no names, no clauses, no FILTER, no OVER.
pub(super) fn plain_arguments(function: &mut Function) -> Option<Vec<&mut Expr>> {
    if function.filter.is_some() || function.over.is_some() || !function.within_group.is_empty() {
        return None;
    }
    let FunctionArguments::List(list) = &mut function.args else { return None };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    list.args
        .iter_mut()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect()
}
