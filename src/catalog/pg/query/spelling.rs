//! Ways of writing that DataFusion reads otherwise or not at all: registers, operators by name, bare names of
//! catalog tables, arrays as text, `regproc` columns.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Array, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
    ObjectNamePart, Query, Subscript, TableAlias, TableFactor, Value, ValueWithSpan, VisitorMut,
};

use super::ast::{self, call, catalog_table, folded, last};
use super::casts;
use crate::catalog::pg::functions::{LIKE_PATTERN, OR_EMPTY, REG_IN};
use crate::catalog::pg::shapes::{PG_CATALOG, ShapeColumn, pg_catalog};
use crate::catalog::types::PgType;

/// Functions that are called without parentheses.
const REGISTERS: &[&str] =
    &["current_catalog", "current_role", "current_schema", "current_user", "session_user", "user"];

/// Whether a bare name is a function of the session.
pub fn is_register(name: &str) -> bool {
    REGISTERS.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Brings a statement's spelling into DataFusion's.
#[derive(Default)]
pub struct Spelling {
    /// Names that WITH gives, which hide the catalog's.
    pub common: HashSet<String>,
}

impl VisitorMut for Spelling {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(with) = &query.with {
            self.common.extend(with.cte_tables.iter().map(|cte| folded(&cte.alias.name)));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table { name, args: None, .. }
                if name.0.len() == 1
                    && catalog_table(name).is_some()
                    && !last(name).is_some_and(|name| self.common.contains(&name)) =>
            {
                name.0.insert(0, ObjectNamePart::Identifier(Ident::new(PG_CATALOG)));
            }
            // The function behind the view.
            TableFactor::Table { name, alias, args: args @ Some(_), .. }
                if last(name).as_deref() == Some("pg_show_all_settings") =>
            {
                if alias.is_none() {
                    *alias = Some(TableAlias {
                        explicit: true,
                        name: Ident::new("pg_show_all_settings"),
                        columns: vec![],
                        at: None,
                    });
                }
                *name = ObjectName::from(vec![Ident::new(PG_CATALOG), Ident::new("pg_settings")]);
                *args = None;
            }
            TableFactor::Table { name, alias, args: Some(args), with_ordinality, .. }
                if last(name).as_deref() == Some("unnest") =>
            {
                let exprs: Option<Vec<Expr>> = args
                    .args
                    .iter()
                    .map(|arg| match arg {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                        _ => None,
                    })
                    .collect();
                if let Some(array_exprs) = exprs {
                    *factor = TableFactor::UNNEST {
                        alias: alias.take(),
                        array_exprs,
                        with_offset: false,
                        with_offset_alias: None,
                        with_ordinality: *with_ordinality,
                    };
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) if name.quote_style.is_none() && is_register(&name.value) => {
                *expr = call(&name.value.to_lowercase(), vec![]);
            }
            Expr::Function(function) => {
                let Some(name) = last(&function.name) else { return ControlFlow::Continue(()) };
                if matches!(function.args, FunctionArguments::None) && is_register(&name) {
                    *expr = call(&name, vec![]);
                } else if name == "generate_subscripts"
                    && let Some(arguments) = ast::arguments(function)
                    && let Some(array) = arguments.first()
                {
                    let length = call("array_length", vec![(*array).clone()]);
                    let subscripts = call("generate_series", vec![ast::number(1), length]);
                    *expr = call("unnest", vec![subscripts]);
                } else if name == "coalesce"
                    && let Some(arguments) = ast::arguments(function)
                    && let [array, otherwise] = arguments.as_slice()
                    && is_empty_array(otherwise)
                {
                    *expr = call(OR_EMPTY, vec![(*array).clone()]);
                }
            }
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                // DataFusion knows the backslash alone.
                if let Some(escape) = escape_char.take() {
                    **pattern = call(LIKE_PATTERN, vec![(**pattern).clone(), Expr::Value(escape)]);
                }
            }
            // A vector is written without braces.
            Expr::Cast { expr: vector, data_type, .. } if casts::is_text(data_type) && is_vector(vector) => {
                **vector = call("array_to_string", vec![(**vector).clone(), ast::text(" ")]);
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                // `i.indkey[0]` has its column among the steps.
                let vector = match access_chain.as_slice() {
                    [AccessExpr::Subscript(_)] => is_vector(root),
                    [.., AccessExpr::Dot(column), AccessExpr::Subscript(_)] => is_vector(column),
                    _ => false,
                };
                if vector && let Some(AccessExpr::Subscript(Subscript::Index { index })) = access_chain.last_mut() {
                    *index = Expr::BinaryOp {
                        left: Box::new(Expr::Nested(Box::new(index.clone()))),
                        op: BinaryOperator::Plus,
                        right: Box::new(ast::number(1)),
                    };
                }
            }
            Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } => {
                if let Some(array) = array_of_text(right) {
                    **right = array;
                }
            }
            Expr::BinaryOp { left, op, right } => {
                if let BinaryOperator::PGCustomBinaryOperator(name) = op
                    && let Some(plain) = name.last().and_then(|name| operator(name))
                {
                    *op = plain;
                }
                if matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq) {
                    compare_regproc(left, right);
                    compare_regproc(right, left);
                    compare_array(left, right);
                    compare_array(right, left);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Whether an expression is a column of the catalog that is a vector, whose first element has the number 0.
fn is_vector(expr: &Expr) -> bool {
    let name = match expr {
        Expr::Nested(inner) => return is_vector(inner),
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(names) => names.last(),
        _ => None,
    };
    name.is_some_and(|name| matches!(folded(name).as_str(), "indkey" | "indoption" | "indclass" | "indcollation"))
}

/// The operator behind `OPERATOR(pg_catalog.name)`; the regular expressions' are changed before.
fn operator(name: &str) -> Option<BinaryOperator> {
    Some(match name {
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "||" => BinaryOperator::StringConcat,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "!~~*" => BinaryOperator::PGNotILikeMatch,
        _ => return None,
    })
}

/// Whether this is `'{}'`, perhaps cast.
fn is_empty_array(expr: &Expr) -> bool {
    match expr {
        Expr::Cast { expr, .. } | Expr::Nested(expr) => is_empty_array(expr),
        other => ast::literal(other) == Some("{}"),
    }
}

/// `'{a,b}'` as `ARRAY['a', 'b']`; none for what is no such literal.
fn array_of_text(expr: &Expr) -> Option<Expr> {
    let inside = ast::literal(expr)?.trim().strip_prefix('{')?.strip_suffix('}')?;
    let items = inside.split(',').map(|item| item.trim().trim_matches('"')).filter(|item| !item.is_empty());
    Some(Expr::Array(Array { elem: items.map(ast::text).collect(), named: true }))
}

/// An array column of the catalog that is compared with an array in quotes.
fn compare_array(column: &Expr, other: &mut Expr) {
    let name = match column {
        Expr::Identifier(name) => folded(name),
        Expr::CompoundIdentifier(parts) => match parts.last() {
            Some(name) => folded(name),
            None => return,
        },
        _ => return,
    };
    let Some(array) = array_of_text(other) else { return };
    // Columns of one name have one type in all tables of the catalog.
    let found = pg_catalog().values().find_map(|shape| shape.column(&name)).map(ShapeColumn::pg_type);
    if let Some(pg_type @ PgType::Array(_)) = found {
        *other = ast::cast(array, ast::sql_type(&pg_type));
    }
}

/// `regproc` columns are held as names: what they are compared with is brought to one, or they to an OID.
fn compare_regproc(column: &mut Expr, other: &mut Expr) {
    let name = match column {
        Expr::Identifier(name) => folded(name),
        Expr::CompoundIdentifier(parts) => match parts.last() {
            Some(name) => folded(name),
            None => return,
        },
        _ => return,
    };
    if !is_regproc(&name) {
        return;
    }
    match other {
        Expr::Value(ValueWithSpan { value: Value::Number(number, _), .. }) if number.as_str() == "0" => {
            *other = ast::text("-")
        }
        Expr::Identifier(name) if folded(name) == "oid" => *column = oid_of(column),
        Expr::CompoundIdentifier(parts) if parts.last().is_some_and(|name| folded(name) == "oid") => {
            *column = oid_of(column);
        }
        _ => {
            if let Some(name) = casts::reg_name(other) {
                *other = name;
            }
        }
    }
}

fn oid_of(column: &Expr) -> Expr {
    call(REG_IN, vec![ast::text("regproc"), column.clone()])
}

fn is_regproc(column: &str) -> bool {
    // No two catalog tables share a column name of which only one is a regproc.
    pg_catalog().values().filter_map(|shape| shape.column(column)).any(|column| column.type_name == "regproc")
}
