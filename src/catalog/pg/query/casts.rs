//! Casts to types that DataFusion does not know: the `reg*` types, `oid`, and built-in types with their schema.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, BinaryOperator, CastKind, DataType, Expr, Ident, ObjectName, Query, SelectItem, SetExpr,
    TimezoneInfo, Value, ValueWithSpan, VisitorMut,
};

use super::ast::{self, call, last, sql_type};
use crate::catalog::pg::functions::{REG_IN, REG_NAMES, REG_OUT};
use crate::catalog::types::PgType;

/// The types that are OIDs and print as names.
const REG_TYPES: &[&str] = &[
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
];

/// A type's name in lower case, without schema or arguments, as Postgres would name a column after it.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Custom(name, _) => last(name).unwrap_or_default(),
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => type_name(element),
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4".to_string(),
        DataType::BigInt(_) | DataType::Int8(_) => "int8".to_string(),
        DataType::SmallInt(_) | DataType::Int2(_) => "int2".to_string(),
        DataType::Boolean | DataType::Bool => "bool".to_string(),
        DataType::Real | DataType::Float4 => "float4".to_string(),
        DataType::DoublePrecision | DataType::Float8 => "float8".to_string(),
        other => {
            let name = other.to_string().to_lowercase();
            name.split(['(', ' ']).next().unwrap_or_default().to_string()
        }
    }
}

/// The `reg*` type that a type is.
pub fn reg_type(data_type: &DataType) -> Option<&'static str> {
    let name = match data_type {
        DataType::Regclass => "regclass".to_string(),
        DataType::Custom(name, args) if args.is_empty() => last(name)?,
        _ => return None,
    };
    REG_TYPES.iter().copied().find(|known| *known == name)
}

/// What a type is called here when it is one of Postgres's that DataFusion's planner does not read. None leaves it.
fn plain_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, size)) => {
            Some(DataType::Array(ArrayElemTypeDef::SquareBracket(Box::new(plain_type(element)?), *size)))
        }
        DataType::Regclass => Some(DataType::Int(None)),
        DataType::Custom(name, args) if args.is_empty() => {
            let qualified = name.0.len() > 1;
            let bare = last(name)?;
            Some(match bare.as_str() {
                "oid" => DataType::Int(None),
                reg if REG_TYPES.contains(&reg) => DataType::Int(None),
                "cardinal_number" => DataType::Int(None),
                "name" | "char" | "bpchar" | "xid" | "cid" | "tid" | "oidvector" | "int2vector" | "pg_node_tree"
                | "pg_lsn" | "aclitem" | "refcursor" | "unknown" | "cstring" | "sql_identifier" | "character_data"
                | "yes_or_no" => DataType::Text,
                "uuid" => DataType::Uuid,
                "json" => DataType::JSON,
                "jsonb" => DataType::JSONB,
                "time" => DataType::Time(None, TimezoneInfo::None),
                "interval" => DataType::Interval { fields: None, precision: None },
                _ if qualified => match PgType::parse(&bare) {
                    Some(known) => sql_type(&known),
                    None => DataType::Custom(ObjectName::from(vec![Ident::new(bare.as_str())]), vec![]),
                },
                _ => return None,
            })
        }
        _ => None,
    }
}

/// Whether a cast to this type asks for the name behind an OID.
pub fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Text | DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::String(_))
        || matches!(plain_type(data_type), Some(DataType::Text))
}

fn reg(function: &str, kind: &str, operand: &Expr) -> Expr {
    call(function, vec![ast::text(kind), operand.clone()])
}

/// An expression of a `reg*` type, a cast or a call of `to_regclass` and its like: the type and what holds the OID or the
/// name.
pub fn as_reg_cast(expr: &Expr) -> Option<(&'static str, &Expr)> {
    match expr {
        Expr::Function(function) => {
            let name = last(&function.name)?;
            let kind = name.strip_prefix("to_")?;
            Some((REG_TYPES.iter().copied().find(|known| *known == kind)?, expr))
        }
        Expr::Cast { expr, data_type, .. } => Some((reg_type(data_type)?, expr)),
        Expr::Nested(inner) => as_reg_cast(inner),
        _ => None,
    }
}

/// The name that a cast to a `reg*` type prints; none for any other expression.
pub fn reg_name(expr: &Expr) -> Option<Expr> {
    as_reg_cast(expr).map(|(kind, operand)| reg(REG_OUT, kind, operand))
}

/// A `reg*` value that a statement gives out is sent as its name.
pub fn name_results(query: &mut Query) {
    fn select_items(body: &mut SetExpr) {
        match body {
            SetExpr::Select(select) => {
                for item in &mut select.projection {
                    if let Some(expr) = ast::item_expr(item)
                        && let Some(name) = reg_name(expr)
                    {
                        *expr = name;
                    }
                }
            }
            SetExpr::Query(query) => select_items(&mut query.body),
            SetExpr::SetOperation { left, right, .. } => {
                select_items(left);
                select_items(right);
            }
            _ => {}
        }
    }
    select_items(&mut query.body);
}

fn is_parameter(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(ValueWithSpan { value: Value::Placeholder(_), .. }))
}

/// Brings every cast into one that DataFusion plans.
pub struct Casts;

impl VisitorMut for Casts {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // Text is built from the name, not from the number.
        if let Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } = expr {
            for side in [left, right] {
                if let Some(name) = reg_name(side) {
                    **side = name;
                }
            }
        }
        if let Expr::Function(function) = expr
            && last(&function.name).as_deref() == Some("pg_typeof")
            && let Some(arguments) = ast::arguments(function)
            && let [argument] = arguments.as_slice()
            && let Some((kind, _)) = as_reg_cast(argument)
        {
            *expr = ast::text(kind);
            return ControlFlow::Continue(());
        }
        let Expr::Cast { expr: operand, data_type, .. } = expr else { return ControlFlow::Continue(()) };
        if let DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) = data_type
            && let Some(kind) = reg_type(element)
        {
            *expr = call(REG_NAMES, vec![ast::text(kind), (**operand).clone()]);
            return ControlFlow::Continue(());
        }
        // A parameter keeps the type that its client is told; what it is cast to then is what the catalog has.
        if matches!(data_type, DataType::Array(_)) && type_name(data_type) == "oid" {
            match operand.as_ref() {
                Expr::Nested(inner) if is_parameter(inner) => return ControlFlow::Continue(()),
                parameter if is_parameter(parameter) => {
                    let kept = Expr::Cast {
                        kind: CastKind::DoubleColon,
                        expr: Box::new(Expr::Nested(operand.clone())),
                        data_type: data_type.clone(),
                        array: false,
                        format: None,
                    };
                    **operand = kept;
                }
                _ => {}
            }
        }
        if let Some((kind, inner)) = as_reg_cast(operand) {
            let function = if is_text(data_type) { REG_OUT } else { REG_IN };
            let value = reg(function, kind, inner);
            // What is wanted as a text or as an OID is that already.
            if is_text(data_type) || type_name(data_type) == "oid" || reg_type(data_type).is_some() {
                *expr = value;
                return ControlFlow::Continue(());
            }
            **operand = value;
        }
        if let Some(kind) = reg_type(data_type) {
            let value = reg(REG_IN, kind, operand);
            *expr = value;
        } else if let Some(plain) = plain_type(data_type) {
            *data_type = plain;
        }
        ControlFlow::Continue(())
    }
}

/// The same types in `SELECT` items that stand for rows of an empty table.
pub fn result_type(data_type: &DataType) -> DataType {
    if reg_type(data_type).is_some() {
        return DataType::Text;
    }
    plain_type(data_type).unwrap_or_else(|| data_type.clone())
}

/// A select item's expression without its name.
pub fn expr_of(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}
