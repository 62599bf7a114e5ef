//! Functions that give many rows: what their column is called in FROM, and where they stand in a SELECT list.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, FunctionArg, FunctionArgExpr, Ident, Interval, Query, SelectItem, TableFactor,
    TimezoneInfo, VisitMut, VisitorMut, visit_expressions,
};

use super::call::{call, folded, literal, take};
use super::json_sets;

/// Names the columns of `generate_series(..)` and `unnest(array)` in FROM: by the table's alias, else as the function.
pub(super) fn name_column(factor: &mut TableFactor) {
    let named = in_time(factor) || of_columns(factor);
    let (name, count, alias) = match factor {
        TableFactor::Table { name, args: Some(_), alias, with_ordinality: false, .. }
            if folded(name).as_deref() == Some("generate_series") =>
        {
            ("generate_series", 1, alias)
        }
        TableFactor::Function { name, alias, with_ordinality: false, .. }
            if folded(name).as_deref() == Some("generate_series") =>
        {
            ("generate_series", 1, alias)
        }
        TableFactor::UNNEST { alias, array_exprs, with_offset: false, .. } => {
            (if named { "generate_series" } else { "unnest" }, array_exprs.len(), alias)
        }
        _ => return,
    };
    let alias_given = alias.take();
    let columns = match &alias_given {
        Some(given) if count == 1 => vec![given.name.clone()],
        // Two of one name are told apart by a mark, which the answer does not show.
        _ => (0..count)
            .map(|nth| Ident::new(if nth == 0 { name.to_string() } else { format!("{name}\u{1}{nth}") }))
            .collect(),
    };
    *alias = Some(json_sets::named(alias_given, name, columns));
}

/// A series whose ends are columns or queries, or whose rows are numbered, as the elements of an array: the planner's own
/// takes constants. Whether it was one.
fn of_columns(factor: &mut TableFactor) -> bool {
    let (name, args, alias, with_ordinality) = match factor {
        TableFactor::Table { name, args: Some(list), alias, with_ordinality, .. } => {
            (name, &list.args, alias, *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } => (name, &*args, alias, *with_ordinality),
        _ => return false,
    };
    if folded(name).as_deref() != Some("generate_series") || !(with_ordinality || args.iter().any(has_names)) {
        return false;
    }
    let plain = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let Some(args) = args.iter().map(plain).collect::<Option<Vec<Expr>>>() else { return false };
    *factor = json_sets::rows(alias.take(), vec![call("generate_series", args)], with_ordinality);
    true
}

/// Whether anything in it is a column's name.
pub(super) fn has_names(argument: &FunctionArg) -> bool {
    let found = visit_expressions(argument, |expr: &Expr| match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// A series in time as the elements of an array: the planner's own takes times in nanoseconds. Whether it was one.
fn in_time(factor: &mut TableFactor) -> bool {
    let (name, args, alias, with_ordinality) = match factor {
        TableFactor::Table { name, args: Some(list), alias, with_ordinality, .. } => {
            (name, &list.args, alias, *with_ordinality)
        }
        TableFactor::Function { name, args, alias, with_ordinality, .. } => (name, &*args, alias, *with_ordinality),
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
    let instants = |to: &DataType| matches!(to, DataType::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone));
    let zone = if dates || is_cast(&first, instants) { TimezoneInfo::Tz } else { TimezoneInfo::None };
    let typed = |expr: Expr| Expr::Cast {
        kind: CastKind::DoubleColon,
        expr: Box::new(expr),
        data_type: DataType::Timestamp(None, zone),
        array: false,
        format: None,
    };
    let first = if dates { typed(first) } else { first };
    let last = if dates || literal(&last).is_some() { typed(last) } else { last };
    *factor = json_sets::rows(alias.take(), vec![call("generate_series", vec![first, last, step])], with_ordinality);
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
