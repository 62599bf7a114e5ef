//! What INSERT, UPDATE and DELETE say of their table, and the same with everything spelt out.

use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Ident, ObjectName, SetExpr, Statement as SqlStatement, TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalog::definitions::LocalTableDef;
use crate::ddl::dialect::PgDialect;
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
    let Some(source) = &mut insert.source else { return Ok(parsed) };
    let SetExpr::Values(values) = source.body.as_mut() else { return Ok(parsed) };
    let widest = values.rows.iter().map(|row| row.content.len()).max().unwrap_or(0);
    let target: Vec<String> = match named.is_empty() {
        true => table.columns.iter().take(widest).map(|c| c.name.clone()).collect(),
        false => named,
    };
    if widest > target.len() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "INSERT has more expressions than target columns"));
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

pub(super) fn one_table(table: &TableWithJoins) -> Result<(&ObjectName, Option<String>)> {
    match &table.relation {
        TableFactor::Table { name, alias, .. } if table.joins.is_empty() => {
            Ok((name, alias.as_ref().map(ToString::to_string)))
        }
        _ => Err(Error::unsupported("UPDATE and DELETE take one table")),
    }
}

/// The name under which the rows of the table stand in a query of its own.
pub(super) fn rows_name(name: &ObjectName, alias: Option<String>) -> String {
    alias.map_or_else(
        || name.0.last().map(ToString::to_string).unwrap_or_default(),
        |alias| alias.trim_start_matches("AS ").to_string(),
    )
}

pub(super) fn from_clause(name: &ObjectName, alias: Option<&String>) -> String {
    match alias {
        Some(alias) => format!("{name} {alias}"),
        None => name.to_string(),
    }
}
