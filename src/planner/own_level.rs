//! The expressions of one query alone: queries within it have tables, windows and rows of their own.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Visit, VisitMut, Visitor, VisitorMut};

/// Calls `on` for each expression outside of subqueries, an expression before its operands, until it breaks.
pub(crate) fn visit<B>(part: &impl Visit, on: impl FnMut(&Expr) -> ControlFlow<B>) -> ControlFlow<B> {
    part.visit(&mut Walk { on, depth: 0 })
}

/// As [`visit`], and the expressions may be changed.
pub(crate) fn visit_mut<B>(part: &mut impl VisitMut, on: impl FnMut(&mut Expr) -> ControlFlow<B>) -> ControlFlow<B> {
    part.visit(&mut Change { on, depth: 0, after: false })
}

/// As [`visit_mut`], an expression after its operands: what takes its place is not visited.
pub(crate) fn replace<B>(part: &mut impl VisitMut, on: impl FnMut(&mut Expr) -> ControlFlow<B>) -> ControlFlow<B> {
    part.visit(&mut Change { on, depth: 0, after: true })
}

struct Walk<F> {
    on: F,
    /// How many queries are around.
    depth: usize,
}

impl<B, F: FnMut(&Expr) -> ControlFlow<B>> Visitor for Walk<F> {
    type Break = B;

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<B> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<B> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<B> {
        if self.depth == 0 { (self.on)(expr) } else { ControlFlow::Continue(()) }
    }
}

struct Change<F> {
    on: F,
    /// How many queries are around.
    depth: usize,
    after: bool,
}

impl<B, F: FnMut(&mut Expr) -> ControlFlow<B>> VisitorMut for Change<F> {
    type Break = B;

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<B> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<B> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<B> {
        if self.depth == 0 && !self.after { (self.on)(expr) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<B> {
        if self.depth == 0 && self.after { (self.on)(expr) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;
    use crate::ddl::dialect::PgDialect;

    fn parsed(text: &str) -> Expr {
        Parser::new(&PgDialect).try_with_sql(text).unwrap().parse_expr().unwrap()
    }

    #[test]
    fn subqueries_are_left_out() {
        let mut expr = parsed("f(a) + (SELECT b FROM t WHERE c = g(d)) + CASE WHEN e IN (SELECT h) THEN i END");
        let mut names = vec![];
        let walked = visit::<()>(&expr, |part| {
            if let Expr::Identifier(name) = part {
                names.push(name.value.clone());
            }
            ControlFlow::Continue(())
        });
        assert!(walked.is_continue());
        assert_eq!(names, ["a", "e", "i"]);
        // What takes a name's place holds the name.
        let _ = replace::<()>(&mut expr, |part| {
            if matches!(part, Expr::Identifier(_)) {
                *part = parsed("a + 1");
            }
            ControlFlow::Continue(())
        });
        assert_eq!(
            expr.to_string(),
            "f(a + 1) + (SELECT b FROM t WHERE c = g(d)) + CASE WHEN a + 1 IN (SELECT h) THEN a + 1 END"
        );
    }

    #[test]
    fn it_ends_where_it_is_told_to() {
        let mut expr = parsed("a + b + c");
        let mut seen = 0;
        let broken = visit_mut(&mut expr, |part| match part {
            Expr::Identifier(name) if name.value == "b" => ControlFlow::Break(7),
            _ => {
                seen += 1;
                ControlFlow::Continue(())
            }
        });
        assert_eq!((broken, seen), (ControlFlow::Break(7), 3));
    }
}
