//! `SELECT DISTINCT ON (x) .. ORDER BY x, y DESC, y`: a key that stands twice in ORDER BY sorts nothing the second time,
//! and the planner takes each only once with DISTINCT ON.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{Distinct, Expr, OrderByKind, Query, SelectItem, SetExpr, Value};

/// Takes repeated keys out of the ORDER BY of a query with DISTINCT ON.
pub(super) fn take_out(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    if !matches!(select.distinct, Some(Distinct::On(_))) {
        return;
    }
    let Some(order) = &mut query.order_by else { return };
    let OrderByKind::Expressions(keys) = &mut order.kind else { return };
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(meant(&key.expr, &select.projection).to_string()));
}

/// The expression that a key names: the number or the name of a result column stands for it.
fn meant<'a>(key: &'a Expr, items: &'a [SelectItem]) -> &'a Expr {
    let expression = |item: &'a SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    };
    let starred = items.iter().any(|item| expression(item).is_none());
    let found = match key {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) if !starred => {
                let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                at.and_then(|at| items.get(at)).and_then(expression)
            }
            _ => None,
        },
        Expr::Identifier(name) => items.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if alias.value == name.value => Some(expr),
            _ => None,
        }),
        _ => None,
    };
    found.unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    fn rewritten(sql: &str) -> String {
        let statement = script::parse(sql).unwrap().pop().unwrap();
        let StatementKind::Plan(mut parsed) = statement.kind else { panic!("{sql} is no query") };
        super::super::rewrite(&mut parsed).unwrap();
        parsed.to_string()
    }

    #[test]
    fn a_key_stands_once() {
        for (order, becomes) in [
            ("x, y DESC, y", "x, y DESC"),
            ("1, z, x, 2", "1, z"),
            ("1, 2, y", "1, 2"),
            ("x, y + 1, y, y + 1 DESC", "x, y + 1, y"),
        ] {
            let sql = format!("SELECT DISTINCT ON (x) x, y AS z FROM t ORDER BY {order}");
            let expected = format!("SELECT DISTINCT ON (x) x, y AS z FROM t ORDER BY {becomes}");
            assert_eq!(rewritten(&sql), expected);
        }
        let plain = "SELECT x FROM t ORDER BY x, x";
        assert_eq!(rewritten(plain), plain);
    }
}
