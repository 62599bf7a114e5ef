//! How many tables a statement reads once every query of its WITH stands wherever it is named.
//!
//! DataFusion plans such a query anew for each place, while it reads the statement. One that reads the one before it
//! twice, and so on, has a thousand tables after ten and a billion after thirty.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Ident, ObjectName, Query, Visit, Visitor};

use crate::error::{Error, Result, SqlState};

/// The most tables.
const MOST: usize = 4_000;

/// Refuses a statement that reads too many tables (54001).
pub(super) fn check(statement: &DfStatement) -> Result<()> {
    let mut count = Count { frames: vec![Frame::default()] };
    let ended = match statement {
        DfStatement::Statement(statement) => statement.visit(&mut count),
        DfStatement::Explain(explain) => return check(&explain.statement),
        _ => return Ok(()),
    };
    if ended.is_continue() {
        return Ok(());
    }
    Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "the statement is too complex")
        .with_detail(format!("With every query of WITH where it is named it reads more than {MOST} tables."))
        .with_hint("Name each of them fewer times."))
}

/// Counts the tables of the queries that are being visited, the innermost last.
struct Count {
    frames: Vec<Frame>,
}

/// One query.
#[derive(Default)]
struct Frame {
    tables: usize,
    /// The queries of its WITH that were not visited yet, by their address: the statement is borrowed meanwhile.
    coming: Vec<(usize, String)>,
    /// Those that were, with how many tables each reads.
    known: Vec<(String, usize)>,
}

impl Count {
    fn add(&mut self, tables: usize) -> ControlFlow<()> {
        let Some(frame) = self.frames.last_mut() else { return ControlFlow::Continue(()) };
        frame.tables = frame.tables.saturating_add(tables);
        if frame.tables > MOST { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Visitor for Count {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let coming = query.with.iter().flat_map(|with| &with.cte_tables);
        let coming = coming.map(|cte| (std::ptr::from_ref(cte.query.as_ref()).addr(), folded(&cte.alias.name)));
        self.frames.push(Frame { coming: coming.collect(), ..Frame::default() });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let Some(done) = self.frames.pop() else { return ControlFlow::Continue(()) };
        let address = std::ptr::from_ref(query).addr();
        if let Some(around) = self.frames.last_mut()
            && let Some(found) = around.coming.iter().position(|(coming, _)| *coming == address)
        {
            let (_, name) = around.coming.swap_remove(found);
            around.known.push((name, done.tables.max(1)));
            return ControlFlow::Continue(());
        }
        self.add(done.tables)
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let name = match relation.0.as_slice() {
            [only] => only.as_ident().map(folded),
            _ => None,
        };
        let known = |name: &String| {
            self.frames.iter().rev().flat_map(|frame| &frame.known).find(|(known, _)| known == name).map(|(_, n)| *n)
        };
        let tables = name.as_ref().and_then(known).unwrap_or(1);
        self.add(tables)
    }
}

fn folded(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::super::script;

    fn refused(sql: &str) -> bool {
        match script::parse(sql) {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.state(), crate::error::SqlState::STATEMENT_TOO_COMPLEX);
                true
            }
        }
    }

    #[test]
    fn queries_count_as_often_as_they_are_named() {
        let twice = |levels: usize, after: &str| {
            let each = (1..=levels).map(|i| format!(", A{i} AS (SELECT 1 FROM a{} p, \"a{}\" q)", i - 1, i - 1));
            format!("WITH a0 AS (SELECT 1){} {after}", each.collect::<String>())
        };
        assert!(!refused(&twice(10, "SELECT 1 FROM a10")));
        assert!(refused(&twice(13, "SELECT 1 FROM a13")));
        assert!(refused(&format!("EXPLAIN {}", twice(60, "SELECT 1 FROM a60"))));
        assert!(refused(&format!("INSERT INTO t {}", twice(60, "SELECT 1 FROM a60"))));
        assert!(refused(&twice(12, "SELECT (SELECT count(*) FROM a12)")));
        // A table of another schema is another.
        assert!(!refused(&twice(11, "SELECT 1 FROM s.a11, s.a11, s.a11, s.a11")));
        assert!(!refused("WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT 1 FROM a, a) SELECT 1 FROM a, a"));
    }
}
