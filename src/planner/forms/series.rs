//! Functions that give many rows: what their column is called in FROM, and where they stand in a SELECT list.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, Ident, Interval, Query, SelectItem, TableAlias,
    TableAliasColumnDef, TableFactor, TimezoneInfo, VisitMut, VisitorMut,
};

use super::call::{call, folded, literal, take};
use super::json_sets;

/// Names the one column of `generate_series(..)` and `unnest(array)` in FROM: by the table's alias, else as the
/// function.
pub(super) fn name_column(factor: &mut TableFactor) {
    let named = in_time(factor);
    let (name, alias) = match factor {
        TableFactor::Table { name, args: Some(_), alias, with_ordinality: false, .. }
            if folded(name).as_deref() == Some("generate_series") =>
        {
            ("generate_series", alias)
        }
        TableFactor::Function { name, alias, with_ordinality: false, .. }
            if folded(name).as_deref() == Some("generate_series") =>
        {
            ("generate_series", alias)
        }
        TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_ordinality: false, .. }
            if array_exprs.len() == 1 =>
        {
            (if named { "generate_series" } else { "unnest" }, alias)
        }
        _ => return,
    };
    let column = |name: &Ident| TableAliasColumnDef { name: name.clone(), data_type: None };
    match alias {
        Some(alias) if alias.columns.is_empty() => alias.columns = vec![column(&alias.name)],
        Some(_) => {}
        None => {
            let name = Ident::new(name);
            *alias = Some(TableAlias { explicit: true, columns: vec![column(&name)], name, at: None });
        }
    }
}

/// A series in time as the elements of an array: the planner's own takes times in nanoseconds. Whether it was one.
fn in_time(factor: &mut TableFactor) -> bool {
    let (name, args, alias) = match factor {
        TableFactor::Table { name, args: Some(list), alias, with_ordinality: false, .. } => (name, &list.args, alias),
        TableFactor::Function { name, args, alias, with_ordinality: false, .. } => (name, &*args, alias),
        _ => return false,
    };
    if folded(name).as_deref() != Some("generate_series") {
        return false;
    }
    let args: Option<Vec<Expr>> = args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect();
    let Some(Ok([first, last, step])) = args.map(<[Expr; 3]>::try_from) else { return false };
    let step = match literal(&step) {
        Some(text) => Expr::Interval(Interval {
            value: Box::new(super::call::text(text)),
            leading_field: None,
            leading_precision: None,
            last_field: None,
            fractional_seconds_precision: None,
        }),
        None if matches!(step, Expr::Interval(_)) || is_cast(&step, |to| matches!(to, DataType::Interval { .. })) => {
            step
        }
        None => return false,
    };
    // Between dates it is one of instants, as in Postgres.
    let dates = is_cast(&first, |to| *to == DataType::Date);
    let zone = if dates { TimezoneInfo::Tz } else { TimezoneInfo::None };
    let typed = |expr: Expr| Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(expr),
        data_type: DataType::Timestamp(None, zone),
        array: false,
        format: None,
    };
    let first = if dates { typed(first) } else { first };
    let last = if dates || literal(&last).is_some() { typed(last) } else { last };
    *factor = TableFactor::UNNEST {
        alias: alias.take(),
        array_exprs: vec![call("generate_series", vec![first, last, step])],
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    };
    true
}

/// Whether an expression says itself that it is of a type.
fn is_cast(expr: &Expr, of: impl Fn(&DataType) -> bool) -> bool {
    match expr {
        Expr::Cast { data_type, .. } => of(data_type),
        Expr::TypedString(typed) => of(&typed.data_type),
        Expr::Nested(inner) => is_cast(inner, of),
        _ => false,
    }
}

/// `SELECT generate_series(1, 3)`: a row for each.
pub(super) fn unnest_items(items: &mut [SelectItem]) {
    for item in items {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _ = VisitMut::visit(expr, &mut Unnesting { depth: 0 });
        }
    }
}

/// Unnests calls, but not those of subqueries, nor those whose rows are taken apart already.
struct Unnesting {
    depth: usize,
}

impl VisitorMut for Unnesting {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = &*expr
            && folded(&function.name).as_deref() == Some("unnest")
        {
            self.depth += 1;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        if self.depth == 0
            && let Some(list) = json_sets::list(function)
        {
            *expr = call("unnest", vec![list]);
            return ControlFlow::Continue(());
        }
        match folded(&function.name).as_deref() {
            Some("unnest") => self.depth = self.depth.saturating_sub(1),
            Some("generate_series") if self.depth == 0 => *expr = call("unnest", vec![take(expr)]),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
