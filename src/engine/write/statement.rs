//! What INSERT, UPDATE and DELETE say of their table, and the same with everything spelt out.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as DfResult;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Ident, ObjectName, SetExpr, Statement as SqlStatement, TableFactor, TableWithJoins, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalog::definitions::{LocalTableDef, RelationName};
use crate::ddl::dialect::PgDialect;
use crate::ddl::script;
use crate::ddl::statement::{Statement, StatementKind};
use crate::engine::places::start;
use crate::engine::planning;
use crate::error::{Error, Result, SqlState};

/// The columns that an INSERT fills: those that it names, else all.
pub(super) fn named_columns(parsed: &DfStatement, table: &LocalTableDef) -> Vec<String> {
    let all = || table.columns.iter().map(|column| column.name.clone()).collect();
    let DfStatement::Statement(statement) = parsed else { return all() };
    let SqlStatement::Insert(insert) = statement.as_ref() else { return all() };
    let named: Vec<String> = insert.columns.iter().filter_map(|c| c.0.last()?.as_ident().map(folded)).collect();
    if named.is_empty() { all() } else { named }
}

/// Whether a statement is INSERT .. DEFAULT VALUES.
pub(in crate::engine) fn has_no_values(parsed: &DfStatement) -> bool {
    let DfStatement::Statement(statement) = parsed else { return false };
    matches!(statement.as_ref(), SqlStatement::Insert(insert) if insert.source.is_none())
}

/// The columns that an INSERT names.
pub(super) fn inserted(parsed: &DfStatement) -> Vec<String> {
    let DfStatement::Statement(statement) = parsed else { return vec![] };
    let SqlStatement::Insert(insert) = statement.as_ref() else { return vec![] };
    insert.columns.iter().filter_map(|column| column.0.last()?.as_ident().map(folded)).collect()
}

/// Names the columns that `INSERT INTO t VALUES (..)` leaves out, and writes defaults where DEFAULT stands.
pub(super) fn spell_out(mut parsed: DfStatement, table: &LocalTableDef) -> Result<DfStatement> {
    let DfStatement::Statement(statement) = &mut parsed else { return Ok(parsed) };
    let SqlStatement::Insert(insert) = statement.as_mut() else { return Ok(parsed) };
    let named: Vec<String> = insert.columns.iter().filter_map(|c| c.0.last()?.as_ident().map(folded)).collect();
    for name in &named {
        if !table.columns.iter().any(|c| c.name == *name) {
            let of = insert.table.to_string();
            return Err(Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{name}\" of relation \"{of}\" does not exist"),
            ));
        }
    }
    if insert.source.is_none()
        && named.is_empty()
        && let Some(first) = table.columns.first()
    {
        // DEFAULT VALUES: what holds for one column holds for those that are left out.
        let one = Parser::new(&PgDialect).try_with_sql("VALUES (DEFAULT)").and_then(|mut parser| parser.parse_query());
        insert.source = Some(one.map_err(datafusion::error::DataFusionError::from)?);
        insert.columns = vec![ObjectName::from(Ident::with_quote('"', &first.name))];
    }
    let named = match insert.columns.as_slice() {
        [only] if named.is_empty() => only.0.last().and_then(|part| part.as_ident()).map(folded).into_iter().collect(),
        _ => named,
    };
    let Some(source) = &mut insert.source else { return Ok(parsed) };
    let SetExpr::Values(values) = source.body.as_mut() else { return Ok(parsed) };
    let widest = values.rows.iter().map(|row| row.content.len()).max().unwrap_or(0);
    let target: Vec<String> = match named.is_empty() {
        true => table.columns.iter().take(widest).map(|c| c.name.clone()).collect(),
        false => named,
    };
    let narrowest = values.rows.iter().map(|row| row.content.len()).min().unwrap_or(0);
    if narrowest != widest {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "VALUES lists must all be the same length"));
    }
    if widest > target.len() {
        let error = Error::new(SqlState::SYNTAX_ERROR, "INSERT has more expressions than target columns");
        let beyond = values.rows.first().and_then(|row| row.content.get(target.len())).and_then(start);
        return Err(match beyond.map(|at| (usize::try_from(at.line), usize::try_from(at.column))) {
            Some((Ok(line), Ok(column))) => error.with_line_column(line, column),
            _ => error,
        });
    }
    if !insert.columns.is_empty() && widest < target.len() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "INSERT has more target columns than expressions"));
    }
    if insert.columns.is_empty() {
        insert.columns = target.iter().map(|name| ObjectName::from(Ident::with_quote('"', name))).collect();
    }
    for row in &mut values.rows {
        for (value, name) in row.content.iter_mut().zip(&target) {
            let is_default = matches!(value, SqlExpr::Identifier(i) if i.quote_style.is_none() && i.value.eq_ignore_ascii_case("default"));
            if is_default {
                let default = table.columns.iter().find(|c| c.name == *name).and_then(|c| c.default.clone());
                let sql = default.unwrap_or_else(|| "NULL".to_string());
                *value = Parser::new(&PgDialect)
                    .try_with_sql(&sql)
                    .and_then(|mut parser| parser.parse_expr())
                    .map_err(datafusion::error::DataFusionError::from)?;
            }
        }
    }
    Ok(parsed)
}

/// Names the columns that `INSERT INTO t SELECT ..` fills when it gives fewer than the table has.
pub(super) async fn name_targets(state: &SessionState, parsed: &mut DfStatement, table: &LocalTableDef) -> Result<()> {
    let DfStatement::Statement(statement) = parsed else { return Ok(()) };
    let SqlStatement::Insert(insert) = statement.as_mut() else { return Ok(()) };
    let Some(source) = insert.source.as_ref().filter(|_| insert.columns.is_empty()) else { return Ok(()) };
    let query = DfStatement::Statement(Box::new(SqlStatement::Query(source.clone())));
    let given = planning::to_plan(state, query, "").await?.schema().fields().len();
    if given > table.columns.len() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "INSERT has more expressions than target columns"));
    }
    let names = table.columns.iter().take(given);
    insert.columns = names.map(|c| ObjectName::from(Ident::with_quote('"', &c.name))).collect();
    Ok(())
}

pub(super) fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

/// The one table that a statement changes, and the name that its rows go by in it. 42601 for what is no plain table.
pub(super) fn one_table(table: &TableWithJoins) -> Result<(&ObjectName, Ident)> {
    let TableFactor::Table { name, alias, args: None, with_hints, version: None, sample: None, .. } = &table.relation
    else {
        return Err(Error::unsupported("UPDATE and DELETE take one table"));
    };
    if !table.joins.is_empty() || !with_hints.is_empty() {
        return Err(Error::unsupported("UPDATE and DELETE take one table"));
    }
    match alias {
        // Other names for its columns are none of the statement's to give.
        Some(alias) if !alias.columns.is_empty() || alias.at.is_some() => {
            Err(Error::syntax("syntax error at or near \"(\"", None))
        }
        Some(alias) => Ok((name, alias.name.clone())),
        None => {
            let last = name.0.last().and_then(|part| part.as_ident());
            Ok((name, last.cloned().unwrap_or_else(|| Ident::new(""))))
        }
    }
}

/// The name in a text for the expression with this number; no user can type it.
pub(super) fn place(number: usize) -> String {
    format!("\"{PLACE}{number}\"")
}

const PLACE: &str = "\u{1}expression ";

/// The statement of a text in which some expressions have their places. They are put in as they were parsed: what is
/// written out and read again may be read as something else.
pub(super) fn filled(text: &str, expressions: &[SqlExpr]) -> Result<DfStatement> {
    let parsed = script::parse(text)?.pop();
    let Some(Statement { kind: StatementKind::Plan(mut parsed), .. }) = parsed else {
        return Err(Error::internal("a statement of our own did not parse"));
    };
    if let DfStatement::Statement(statement) = parsed.as_mut() {
        // It never breaks.
        let _ = VisitMut::visit(statement.as_mut(), &mut Filling(expressions));
    }
    Ok(*parsed)
}

struct Filling<'a>(&'a [SqlExpr]);

impl VisitorMut for Filling<'_> {
    type Break = ();

    // After what it holds was visited, so that what is put in is not.
    fn post_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
        if let SqlExpr::Identifier(name) = expr
            && let Some(number) = name.value.strip_prefix(PLACE)
            && let Some(filling) = number.parse::<usize>().ok().and_then(|number| self.0.get(number))
        {
            *expr = SqlExpr::Nested(Box::new(filling.clone()));
        }
        ControlFlow::Continue(())
    }
}

/// The same with `schema.table.column` as `table.column`, where that is this relation: its rows stand under that name alone.
pub(super) fn unqualified(mut expr: SqlExpr, relation: &RelationName) -> SqlExpr {
    struct Shortening<'a>(&'a RelationName);
    impl VisitorMut for Shortening<'_> {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
            if let SqlExpr::CompoundIdentifier(parts) = expr
                && let [schema, table, _] = parts.as_slice()
                && folded(schema) == self.0.schema
                && folded(table) == self.0.name
            {
                parts.remove(0);
            }
            ControlFlow::Continue(())
        }
    }
    let _ = VisitMut::visit(&mut expr, &mut Shortening(relation));
    expr
}

/// 42803, 42P20 or 0A000 where what a plan computes for one row takes or gives several.
pub(super) fn refuse_several_rows(plan: &LogicalPlan, clause: &str) -> Result<()> {
    let mut refused = None;
    plan.apply(|node| {
        let (state, what) = match node {
            LogicalPlan::Aggregate(_) => (SqlState("42803"), "aggregate"),
            LogicalPlan::Window(_) => (SqlState("42P20"), "window"),
            LogicalPlan::Unnest(_) => (SqlState("0A000"), "set-returning"),
            LogicalPlan::Filter(filter) if has(&filter.predicate, |e| matches!(e, Expr::WindowFunction(_)))? => {
                (SqlState("42P20"), "window")
            }
            LogicalPlan::Filter(filter) if has(&filter.predicate, |e| matches!(e, Expr::Unnest(_)))? => {
                (SqlState("0A000"), "set-returning")
            }
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        refused = Some(Error::new(state, format!("{what} functions are not allowed in {clause}")));
        Ok(TreeNodeRecursion::Stop)
    })?;
    refused.map_or(Ok(()), Err)
}

fn has(expr: &Expr, what: impl Fn(&Expr) -> bool) -> DfResult<bool> {
    expr.exists(|e| Ok(what(e)))
}
