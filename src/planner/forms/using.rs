//! `JOIN .. USING (c)` has one column `c`, which is neither side's alone.
//!
//! It comes first in `*`, and after an outer join it is the value of whichever side has a row. DataFusion takes the left
//! side's, which is NULL where only the right side has a row, and leaves it where the left table has it. So the columns
//! are written out: `x FULL JOIN y USING (c)` becomes a join ON `x.c = y.c`, in whose query `c` is `coalesce(x.c, y.c)`
//! and `*` is that followed by the other columns of both.
//!
//! Which table a column is of is known from the text only where a join's left side is one table or has merged the column
//! before. Elsewhere inner and left joins are left to DataFusion, whose rows are right; others are refused (0A000). So
//! are NATURAL joins that are right or full.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, ExceptSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, OrderByKind, Query,
    Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins, VisitMut,
    WildcardAdditionalOptions,
};

use super::call::call;
use crate::error::{Error, Result};
use crate::planner::own_level;

/// Writes out the columns that the joins of a query's own SELECTs merge.
pub(super) fn merged_columns(query: &mut Query) -> Result<()> {
    let order = match (query.body.as_ref(), &mut query.order_by) {
        (SetExpr::Select(_), Some(order)) => Some(&mut order.kind),
        _ => None,
    };
    body(&mut query.body, order)
}

fn body(of: &mut SetExpr, order: Option<&mut OrderByKind>) -> Result<()> {
    match of {
        SetExpr::Select(of) => select(of, order),
        SetExpr::SetOperation { left, right, .. } => {
            body(left, None)?;
            body(right, None)
        }
        // A query in parentheses is visited by itself.
        _ => Ok(()),
    }
}

fn select(select: &mut Select, order: Option<&mut OrderByKind>) -> Result<()> {
    if !select.from.iter().any(has_using) {
        return Ok(());
    }
    let outer = select.from.iter().any(has_outer);
    let Some(tables) = select.from.iter().map(joined).collect::<Option<Vec<_>>>() else {
        return if outer { Err(refused()) } else { Ok(()) };
    };
    let star = select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
    let merged: Vec<Merged> = tables.iter().flat_map(|table| table.merged.iter().cloned()).collect();
    let ambiguous =
        merged.iter().enumerate().any(|(at, one)| merged.iter().skip(at + 1).any(|other| other.is(&one.name)));
    if ambiguous || (!outer && !star) {
        // Ambiguous names are for DataFusion to refuse.
        return Ok(());
    }
    let shown: Vec<Shown> = tables.into_iter().flat_map(|table| table.shown).collect();
    let mut items = Vec::with_capacity(select.projection.len());
    for item in select.projection.drain(..) {
        match item {
            SelectItem::Wildcard(options) if options == WildcardAdditionalOptions::default() => {
                items.extend(shown.iter().map(|shown| shown.item(&merged)));
            }
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => match find(&merged, &ident) {
                Some(column) => items.push(column.item()),
                None => items.push(SelectItem::UnnamedExpr(Expr::Identifier(ident))),
            },
            other => items.push(other),
        }
    }
    select.projection = items;
    let named: Vec<String> = select.projection.iter().filter_map(output_name).collect();
    for table in &mut select.from {
        spell_out(table)?;
    }
    let from = std::mem::take(&mut select.from);
    replace(select, &merged);
    select.from = from;
    if let Some(OrderByKind::Expressions(order)) = order {
        for by in order {
            // A bare name is an output column's, where one has it.
            let is_output = matches!(&by.expr, Expr::Identifier(ident) if named.contains(&folded(ident)));
            if !is_output {
                replace(&mut by.expr, &merged);
            }
        }
    }
    Ok(())
}

/// A column that joins have merged.
#[derive(Clone, Debug)]
struct Merged {
    name: Ident,
    value: Expr,
}

impl Merged {
    fn is(&self, ident: &Ident) -> bool {
        folded(&self.name) == folded(ident)
    }

    fn item(&self) -> SelectItem {
        SelectItem::ExprWithAlias { expr: self.value.clone(), alias: Ident::with_quote('"', folded(&self.name)) }
    }
}

fn find<'a>(merged: &'a [Merged], ident: &Ident) -> Option<&'a Merged> {
    merged.iter().find(|column| column.is(ident))
}

/// What `*` shows, in its order.
#[derive(Clone, Debug)]
enum Shown {
    Merged(Ident),
    /// A table's columns but some.
    Table {
        name: ObjectName,
        but: Vec<Ident>,
    },
}

impl Shown {
    fn item(&self, merged: &[Merged]) -> SelectItem {
        match self {
            Shown::Merged(name) => match find(merged, name) {
                Some(column) => column.item(),
                None => SelectItem::UnnamedExpr(Expr::Identifier(name.clone())),
            },
            Shown::Table { name, but } => {
                let mut but = but.iter().map(|ident| Ident::with_quote('"', folded(ident)));
                let except = but
                    .next()
                    .map(|first_element| ExceptSelectItem { first_element, additional_elements: but.collect() });
                let options = WildcardAdditionalOptions { opt_except: except, ..Default::default() };
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name.clone()), options)
            }
        }
    }
}

/// What is known of the columns of joined tables.
struct Joined {
    merged: Vec<Merged>,
    shown: Vec<Shown>,
}

impl Joined {
    /// The column of this name, as a value; none when it may be of several tables.
    fn value(&self, ident: &Ident) -> Option<Expr> {
        if let Some(column) = find(&self.merged, ident) {
            return Some(column.value.clone());
        }
        match self.shown.as_slice() {
            [Shown::Table { name, .. }] => column_of(name, ident),
            _ => None,
        }
    }

    /// Leaves a column out of what is shown.
    fn hide(&mut self, ident: &Ident) {
        self.shown.retain(|shown| !matches!(shown, Shown::Merged(name) if folded(name) == folded(ident)));
        if let [Shown::Table { but, .. }] = self.shown.as_mut_slice()
            && find(&self.merged, ident).is_none()
        {
            but.push(ident.clone());
        }
    }
}

fn column_of(table: &ObjectName, column: &Ident) -> Option<Expr> {
    let mut parts: Vec<Ident> = table.0.iter().map(|part| part.as_ident().cloned()).collect::<Option<_>>()?;
    parts.push(column.clone());
    Some(Expr::CompoundIdentifier(parts))
}

/// Follows the joins of a table; none where the text does not tell whose a column is.
fn joined(table: &TableWithJoins) -> Option<Joined> {
    let mut left = factor(&table.relation)?;
    for join in &table.joins {
        let mut right = factor(&join.relation)?;
        let (side, constraint) = parts(&join.join_operator)?;
        let columns = match constraint {
            JoinConstraint::Using(columns) => columns,
            JoinConstraint::Natural => return None,
            JoinConstraint::On(_) | JoinConstraint::None => {
                left.merged.extend(right.merged);
                left.shown.extend(right.shown);
                continue;
            }
        };
        let mut merged = vec![];
        for column in columns {
            let name = using_name(column)?;
            let (of_left, of_right) = (left.value(&name)?, right.value(&name)?);
            let value = match side {
                Side::Left => of_left,
                Side::Right => of_right,
                Side::Both => call("coalesce", vec![of_left, of_right]),
            };
            merged.push(Merged { name, value });
        }
        for column in &merged {
            left.hide(&column.name);
            right.hide(&column.name);
        }
        let is_kept = |kept: &Merged| find(&merged, &kept.name).is_none();
        let before: Vec<Merged> = left.merged.into_iter().chain(right.merged).filter(is_kept).collect();
        let mut shown: Vec<Shown> = merged.iter().map(|column| Shown::Merged(column.name.clone())).collect();
        shown.extend(left.shown.into_iter().chain(right.shown));
        merged.extend(before);
        left = Joined { merged, shown };
    }
    Some(left)
}

fn factor(factor: &TableFactor) -> Option<Joined> {
    let name = match factor {
        TableFactor::NestedJoin { table_with_joins, alias: None } => return joined(table_with_joins),
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => ObjectName::from(alias.name.clone()),
        TableFactor::Table { name, alias: None, args: None, .. } => name.clone(),
        _ => return None,
    };
    Some(Joined { merged: vec![], shown: vec![Shown::Table { name, but: vec![] }] })
}

/// Whose value a merged column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
    Both,
}

fn parts(join: &JoinOperator) -> Option<(Side, &JoinConstraint)> {
    match join {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some((Side::Left, constraint)),
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => Some((Side::Right, constraint)),
        JoinOperator::FullOuter(constraint) => Some((Side::Both, constraint)),
        _ => None,
    }
}

/// Writes the joins of a table ON their columns.
fn spell_out(table: &mut TableWithJoins) -> Result<()> {
    // What was merged before is found by the joins as they were written.
    let written = table.clone();
    for (at, join) in table.joins.iter_mut().enumerate() {
        let Some((_, JoinConstraint::Using(columns))) = parts(&join.join_operator) else { continue };
        let joins = written.joins.get(..at).map(<[_]>::to_vec).unwrap_or_default();
        let left = joined(&TableWithJoins { relation: written.relation.clone(), joins }).ok_or_else(refused)?;
        let right = factor(&join.relation).ok_or_else(refused)?;
        let mut equal = vec![];
        for column in columns {
            let name = using_name(column).ok_or_else(refused)?;
            equal.push(Expr::BinaryOp {
                left: Box::new(left.value(&name).ok_or_else(refused)?),
                op: BinaryOperator::Eq,
                right: Box::new(right.value(&name).ok_or_else(refused)?),
            });
        }
        let all = |left: Expr, right: Expr| Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::And,
            right: Box::new(right),
        };
        if let (Some(on), Some(constraint)) = (equal.into_iter().reduce(all), constraint_of(&mut join.join_operator)) {
            *constraint = JoinConstraint::On(on);
        }
    }
    nested(&mut table.relation)?;
    table.joins.iter_mut().try_for_each(|join| nested(&mut join.relation))
}

fn nested(factor: &mut TableFactor) -> Result<()> {
    match factor {
        TableFactor::NestedJoin { table_with_joins, alias: None } => spell_out(table_with_joins),
        _ => Ok(()),
    }
}

fn constraint_of(join: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match join {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

/// Whether any join merges columns.
fn has_using(table: &TableWithJoins) -> bool {
    any_join(table, &|join| parts(join).is_some_and(|(_, constraint)| merges(constraint)))
}

/// Whether any join that merges columns may have rows of its right side alone.
fn has_outer(table: &TableWithJoins) -> bool {
    any_join(table, &|join| parts(join).is_some_and(|(side, constraint)| side != Side::Left && merges(constraint)))
}

fn merges(constraint: &JoinConstraint) -> bool {
    matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural)
}

fn any_join(table: &TableWithJoins, wanted: &dyn Fn(&JoinOperator) -> bool) -> bool {
    let nested = |factor: &TableFactor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => any_join(table_with_joins, wanted),
        _ => false,
    };
    nested(&table.relation) || table.joins.iter().any(|join| wanted(&join.join_operator) || nested(&join.relation))
}

fn using_name(name: &ObjectName) -> Option<Ident> {
    match name.0.as_slice() {
        [part] => part.as_ident().cloned(),
        _ => None,
    }
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The name that an item of the select list gives its column, where the text tells it.
fn output_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(Expr::Identifier(ident)) => Some(folded(ident)),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => parts.last().map(folded),
        _ => None,
    }
}

/// Puts merged columns' values in the place of their names, but not in subqueries: a name there may be another's.
fn replace(part: &mut impl VisitMut, merged: &[Merged]) {
    let _ = own_level::replace::<()>(part, |expr| {
        if let Expr::Identifier(ident) = expr
            && let Some(column) = find(merged, ident)
        {
            *expr = column.value.clone();
        }
        ControlFlow::Continue(())
    });
}

fn refused() -> Error {
    Error::unsupported("USING and NATURAL in this right or full join are not supported")
        .with_hint("Join ON the columns, give each table an alias, and name the columns that are wanted.")
}
