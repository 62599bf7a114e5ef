//! `x = ANY(array)` of an array with nulls: where nothing in it decides, it is not known.
//!
//! The planner makes it false. `onerow_any` puts that right, but no source knows it; so it is left out of conditions,
//! which let no row through either way.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArguments, JoinConstraint, JoinOperator, Select, Value, Visit, Visitor,
};

use super::call::{call, folded, plain_arguments, take};
use super::rows;

const ANY: &str = "onerow_any";

/// Marks `x = ANY(array)`. A parameter is not marked: it would stand there twice.
pub(super) fn mark(expr: &mut Expr) {
    let Expr::AnyOp { right, .. } = expr else { return };
    if matches!(right.as_ref(), Expr::Subquery(_)) || has_parameter(right) {
        return;
    }
    let array = right.as_ref().clone();
    let any = take(expr);
    *expr = call(ANY, vec![any, array]);
}

/// Whether there is a parameter in it.
pub(super) fn has_parameter(within: &impl Visit) -> bool {
    within.visit(&mut Parameters).is_break()
}

struct Parameters;

impl Visitor for Parameters {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Takes the marks off the conditions of a SELECT, where what is not known is as good as false.
pub(super) fn unmark_conditions(select: &mut Select) {
    select.selection.iter_mut().chain(&mut select.having).for_each(unmark);
    for join in select.from.iter_mut().flat_map(|table| &mut table.joins) {
        if let JoinOperator::Join(JoinConstraint::On(condition))
        | JoinOperator::Inner(JoinConstraint::On(condition))
        | JoinOperator::Left(JoinConstraint::On(condition))
        | JoinOperator::LeftOuter(JoinConstraint::On(condition))
        | JoinOperator::Right(JoinConstraint::On(condition))
        | JoinOperator::RightOuter(JoinConstraint::On(condition))
        | JoinOperator::FullOuter(JoinConstraint::On(condition)) = &mut join.join_operator
        {
            unmark(condition);
        }
    }
}

/// The same for one condition.
pub(super) fn unmark(condition: &mut Expr) {
    if rows::as_condition(condition) {
        return;
    }
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            unmark(left);
            unmark(right);
        }
        Expr::Nested(inner) => unmark(inner),
        Expr::Function(function)
            if folded(&function.name).as_deref() == Some(ANY)
                && matches!(&function.args, FunctionArguments::List(list) if list.args.len() == 2) =>
        {
            let any = plain_arguments(function).and_then(|args| args.into_iter().next()).map(take);
            if let Some(any) = any {
                *condition = any;
            }
        }
        _ => {}
    }
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
    fn only_values_are_marked() {
        for (sql, becomes) in [
            ("SELECT 2 = ANY(a) FROM t", "SELECT onerow_any(2 = ANY(a), a) FROM t"),
            ("SELECT 2 <> ALL(a) FROM t", "SELECT 2 <> ALL(a) FROM t"),
            ("SELECT 2 = ANY($1)", "SELECT 2 = ANY($1)"),
            ("SELECT 1 FROM t WHERE b AND (2 = ANY(a) OR c)", "SELECT 1 FROM t WHERE b AND (2 = ANY(a) OR c)"),
            ("SELECT 1 FROM t WHERE NOT 2 = ANY(a)", "SELECT 1 FROM t WHERE NOT onerow_any(2 = ANY(a), a)"),
            ("SELECT 1 FROM t JOIN u ON u.b = ANY(t.a)", "SELECT 1 FROM t JOIN u ON u.b = ANY(t.a)"),
        ] {
            assert_eq!(rewritten(sql), becomes);
        }
    }
}
