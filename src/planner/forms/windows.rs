//! `OVER (w ORDER BY a)`: a window that begins as another, which has a name. The planner forgets the other.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowDefinition, NamedWindowExpr, Query, Select, SetExpr, VisitMut, WindowSpec, WindowType,
};

use crate::error::{Error, Result, SqlState};
use crate::planner::own_level;

/// 42P20: a window that cannot be what it says.
const WINDOWING: SqlState = SqlState("42P20");

/// Writes out the windows of a SELECT that begin as those that it names.
pub(super) fn write_out(select: &mut Select) -> Result<()> {
    let known = named(select)?;
    written(&mut select.projection, &known)
}

/// The same for the ORDER BY of a query.
pub(super) fn write_out_order(query: &mut Query) -> Result<()> {
    match (query.body.as_mut(), &mut query.order_by) {
        (SetExpr::Select(select), Some(order)) => written(order, &named(select)?),
        _ => Ok(()),
    }
}

/// The windows that a SELECT names, themselves written out.
fn named(select: &mut Select) -> Result<Vec<(Ident, WindowSpec)>> {
    let mut known: Vec<(Ident, WindowSpec)> = vec![];
    for NamedWindowDefinition(name, definition) in &mut select.named_window {
        match definition {
            NamedWindowExpr::WindowSpec(spec) => {
                begin(spec, &known)?;
                known.push((name.clone(), spec.clone()));
            }
            NamedWindowExpr::NamedWindow(other) => known.push((name.clone(), find(other, &known)?.clone())),
        }
    }
    Ok(known)
}

fn written(part: &mut impl VisitMut, known: &[(Ident, WindowSpec)]) -> Result<()> {
    if known.is_empty() {
        return Ok(());
    }
    let written = own_level::visit_mut(part, |expr| {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let begun = match &mut function.over {
            Some(WindowType::WindowSpec(spec)) => begin(spec, known),
            Some(over @ WindowType::NamedWindow(_)) => whole(over, known),
            None => Ok(()),
        };
        begun.map_or_else(ControlFlow::Break, ControlFlow::Continue)
    });
    match written {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// Refuses what begins as a window that there is none of, once the others are written out.
pub(super) fn check(over: Option<&WindowType>) -> Result<()> {
    match over {
        Some(WindowType::WindowSpec(WindowSpec { window_name: Some(name), .. })) => Err(missing(name)),
        _ => Ok(()),
    }
}

fn missing(name: &Ident) -> Error {
    Error::new(SqlState("42704"), format!("window \"{}\" does not exist", name.value))
}

fn find<'a>(name: &Ident, known: &'a [(Ident, WindowSpec)]) -> Result<&'a WindowSpec> {
    let folded = |name: &Ident| if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
    let found = known.iter().find(|(known, _)| folded(known) == folded(name));
    found.map(|(_, spec)| spec).ok_or_else(|| missing(name))
}

/// `OVER w`
fn whole(over: &mut WindowType, known: &[(Ident, WindowSpec)]) -> Result<()> {
    if let WindowType::NamedWindow(name) = over {
        *over = WindowType::WindowSpec(find(name, known)?.clone());
    }
    Ok(())
}

fn begin(spec: &mut WindowSpec, known: &[(Ident, WindowSpec)]) -> Result<()> {
    let Some(name) = spec.window_name.take() else { return Ok(()) };
    let of = find(&name, known)?;
    let refused = |what: &str| Error::new(WINDOWING, format!("cannot {what} window \"{}\"", name.value));
    if !spec.partition_by.is_empty() {
        return Err(refused("override PARTITION BY clause of"));
    }
    if !spec.order_by.is_empty() && !of.order_by.is_empty() {
        return Err(refused("override ORDER BY clause of"));
    }
    if of.window_frame.is_some() {
        let because = format!("cannot copy window \"{}\" because it has a frame clause", name.value);
        return Err(Error::new(WINDOWING, because));
    }
    spec.partition_by.clone_from(&of.partition_by);
    if spec.order_by.is_empty() {
        spec.order_by.clone_from(&of.order_by);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;
    use crate::error::{Error, SqlState};

    fn rewritten(sql: &str) -> Result<String, Error> {
        let statement = script::parse(sql)?.pop().unwrap();
        let StatementKind::Plan(mut parsed) = statement.kind else { panic!("{sql} is no query") };
        super::super::rewrite(&mut parsed)?;
        Ok(parsed.to_string())
    }

    #[test]
    fn a_window_begins_as_another() {
        assert_eq!(
            rewritten("SELECT sum(a) OVER (w ORDER BY b) FROM t WINDOW w AS (PARTITION BY c)").unwrap(),
            "SELECT sum(a) OVER (PARTITION BY c ORDER BY b) FROM t WINDOW w AS (PARTITION BY c)"
        );
        let state = |sql: &str| rewritten(sql).unwrap_err().state();
        assert_eq!(state("SELECT sum(a) OVER (w PARTITION BY b) FROM t WINDOW w AS (ORDER BY c)"), super::WINDOWING);
        assert_eq!(state("SELECT sum(a) OVER (v) FROM t"), SqlState("42704"));
    }
}
