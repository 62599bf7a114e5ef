//! Small pieces of syntax trees.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, DataType, ExactNumberInfo, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, SelectItem, TimezoneInfo, Value, ValueWithSpan,
};

use crate::catalog::pg::shapes::{self, PG_CATALOG, Shape};
use crate::catalog::types::PgType;

/// An identifier as names are compared: folded to lower case unless it was quoted.
pub fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// An identifier that keeps its spelling.
pub fn ident(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// The parts of a name, folded; none when one of them is no identifier.
pub fn parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(folded)).collect()
}

/// A function's or type's name without its schema.
pub fn last(name: &ObjectName) -> Option<String> {
    parts(name)?.pop()
}

/// The table of `pg_catalog` that a name means: with that schema, or bare, since it is searched first.
pub fn catalog_table(name: &ObjectName) -> Option<&'static Shape> {
    let parts = parts(name)?;
    match parts.as_slice() {
        [table] => shapes::pg_catalog().get(table.as_str()),
        [.., schema, table] if schema == PG_CATALOG => shapes::pg_catalog().get(table.as_str()),
        _ => None,
    }
}

/// `name(args)`
pub fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(function(name, args))
}

/// The same, to be changed further.
pub fn function(name: &str, args: Vec<Expr>) -> Function {
    Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    }
}

/// A text literal.
pub fn text(value: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(value.to_string()).with_empty_span())
}

/// A number.
pub fn number(value: i32) -> Expr {
    Expr::Value(Value::Number(value.to_string(), false).with_empty_span())
}

/// TRUE or FALSE.
pub fn boolean(value: bool) -> Expr {
    Expr::Value(Value::Boolean(value).with_empty_span())
}

/// NULL of a type.
pub fn null(data_type: DataType) -> Expr {
    cast(Expr::Value(Value::Null.with_empty_span()), data_type)
}

/// CAST(expr AS type)
pub fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: datafusion::sql::sqlparser::ast::CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

/// The text of a literal.
pub fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(ValueWithSpan {
            value: Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text),
            ..
        }) => Some(text.as_str()),
        Expr::Nested(inner) => literal(inner),
        _ => None,
    }
}

/// A plain argument list; none for any other form of call.
pub fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    match &function.args {
        FunctionArguments::List(list) if list.clauses.is_empty() => list
            .args
            .iter()
            .map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// What a SELECT item computes.
pub fn item_expr(item: &mut SelectItem) -> Option<&mut Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The conditions that AND joins.
pub fn conjuncts(expr: Expr, into: &mut Vec<Expr>) {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            conjuncts(*left, into);
            conjuncts(*right, into);
        }
        Expr::Nested(inner) if matches!(*inner, Expr::BinaryOp { op: BinaryOperator::And, .. }) => {
            conjuncts(*inner, into);
        }
        other => into.push(other),
    }
}

/// Joins conditions by AND; none for no conditions.
pub fn all_of(conditions: Vec<Expr>) -> Option<Expr> {
    conditions.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(nested(left)),
        op: BinaryOperator::And,
        right: Box::new(nested(right)),
    })
}

fn nested(expr: Expr) -> Expr {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::Or, .. } => Expr::Nested(Box::new(expr)),
        other => other,
    }
}

/// A type as DataFusion's planner reads it.
pub fn sql_type(pg_type: &PgType) -> DataType {
    match pg_type {
        PgType::Bool => DataType::Boolean,
        PgType::Int2 => DataType::SmallInt(None),
        PgType::Int4 | PgType::Oid => DataType::Int(None),
        PgType::Int8 => DataType::BigInt(None),
        PgType::Float4 => DataType::Real,
        PgType::Float8 => DataType::DoublePrecision,
        PgType::Numeric(_) => DataType::Numeric(ExactNumberInfo::None),
        PgType::Bytea => DataType::Bytea,
        PgType::Date => DataType::Date,
        PgType::Timestamp => DataType::Timestamp(None, TimezoneInfo::None),
        PgType::TimestampTz => DataType::Timestamp(None, TimezoneInfo::WithTimeZone),
        PgType::Array(element) => DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(sql_type(element)), None)),
        _ => DataType::Text,
    }
}
