//! Gives result columns the names that Postgres gives them. Where two are the same the later one has a mark, which the
//! answer does not show: DataFusion refuses those.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Select, SelectItem, TrimWhereField, Value, ValueWithSpan, VisitorMut,
};

use super::ast::{folded, ident, last};
use super::casts;
use super::scope::is_system_column;

/// What stands between a name and its number where it is there already; no user can type it by accident.
pub const MARK: char = '\u{1}';

/// Names every unnamed expression of every SELECT.
pub struct Naming;

impl VisitorMut for Naming {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        // With DISTINCT, DataFusion wants to find what ORDER BY says in the select list as it is written.
        if select.distinct.is_some() {
            return ControlFlow::Continue(());
        }
        let mut taken: HashSet<String> = select
            .projection
            .iter()
            .filter_map(|item| match item {
                SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
                _ => None,
            })
            .collect();
        let mut plain: HashSet<String> = HashSet::new();
        for item in &select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some(name) = column(expr)
            {
                taken.insert(name);
            }
        }
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(expr) = item else { continue };
            // A column keeps its name, unless the very same one stands there already.
            if column(expr).is_some() && plain.insert(expr.to_string()) {
                continue;
            }
            let base = name_of(expr);
            let mut name = base.clone();
            let mut count = 1;
            while !taken.insert(name.clone()) {
                count += 1;
                name = format!("{base}{MARK}{count}");
            }
            *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: ident(&name) };
        }
        ControlFlow::Continue(())
    }
}

/// The name of a plain column; none for what is no column of a table: an expression, a register, `tableoid`.
fn column(expr: &Expr) -> Option<String> {
    let name = match expr {
        Expr::Identifier(ident) => {
            if ident.quote_style.is_none() && super::spelling::is_register(&ident.value) {
                return None;
            }
            folded(ident)
        }
        Expr::CompoundIdentifier(parts) => folded(parts.last()?),
        _ => return None,
    };
    (!is_system_column(&name)).then_some(name)
}

/// Whether an expression is a plain column, which keeps its name.
pub fn is_column(expr: &Expr) -> bool {
    column(expr).is_some()
}

/// The name that Postgres gives an expression.
pub fn name_of(expr: &Expr) -> String {
    strong_name(expr).or_else(|| weak_name(expr)).unwrap_or_else(|| "?column?".to_string())
}

/// A name that a cast around it keeps.
fn strong_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(folded(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } | Expr::Cast { expr: inner, .. } => strong_name(inner),
        Expr::Function(function) => last(&function.name),
        Expr::CompoundFieldAccess { root, access_chain } => {
            let field = access_chain.iter().rev().find_map(|access| match access {
                AccessExpr::Dot(Expr::Identifier(ident)) => Some(folded(ident)),
                _ => None,
            });
            field.or_else(|| strong_name(root))
        }
        Expr::Case { else_result, .. } => else_result.as_deref().and_then(strong_name),
        Expr::Array(_) => Some("array".to_string()),
        Expr::Exists { .. } => Some("exists".to_string()),
        Expr::Extract { .. } => Some("extract".to_string()),
        Expr::Substring { .. } => Some("substring".to_string()),
        Expr::Position { .. } => Some("position".to_string()),
        Expr::Overlay { .. } => Some("overlay".to_string()),
        Expr::AtTimeZone { .. } => Some("timezone".to_string()),
        Expr::Trim { trim_where, .. } => Some(
            match trim_where {
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
                _ => "btrim",
            }
            .to_string(),
        ),
        Expr::Subquery(query) => match query.body.as_ref() {
            datafusion::sql::sqlparser::ast::SetExpr::Select(select) => match select.projection.first() {
                Some(SelectItem::UnnamedExpr(expr)) => strong_name(expr),
                Some(SelectItem::ExprWithAlias { alias, .. }) => Some(folded(alias)),
                _ => None,
            },
            datafusion::sql::sqlparser::ast::SetExpr::Values(_) => Some("column1".to_string()),
            _ => None,
        },
        _ => None,
    }
}

fn weak_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => weak_name(inner),
        Expr::Cast { data_type, .. } => Some(casts::type_name(data_type)),
        Expr::Case { .. } => Some("case".to_string()),
        Expr::Value(ValueWithSpan { value: Value::Boolean(_), .. }) => Some("bool".to_string()),
        Expr::Interval(_) => Some("interval".to_string()),
        _ => None,
    }
}
