//! IMPORT FOREIGN SCHEMA and CREATE FOREIGN TABLE.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::Ddl;
use crate::catalog::time_precision;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};
use crate::sources::kind::ImportTables;
use crate::sources::table::ColumnSpec;

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["IMPORT", "FOREIGN", "SCHEMA"]) {
        return import(cursor).map(Some);
    }
    if cursor.take(&["CREATE", "FOREIGN", "TABLE"]) {
        return create(cursor).map(Some);
    }
    Ok(None)
}

fn import(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let remote_schema = cursor.identifier()?;
    let tables = if cursor.take(&["LIMIT", "TO"]) {
        ImportTables::LimitTo(listed(cursor)?)
    } else if cursor.take(&["EXCEPT"]) {
        ImportTables::Except(listed(cursor)?)
    } else {
        ImportTables::All
    };
    cursor.expect(&["FROM", "SERVER"])?;
    let server = cursor.identifier()?;
    cursor.expect(&["INTO"])?;
    let into = cursor.identifier()?;
    Ok(Ddl::Import { remote_schema, tables, server, into, options: cursor.options()? })
}

fn listed(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    cursor.expect_token(&Token::LParen)?;
    let names = cursor.identifiers()?;
    cursor.expect_token(&Token::RParen)?;
    Ok(names)
}

fn create(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.name()?;
    let mut columns: Vec<ColumnSpec> = vec![];
    if cursor.take_token(&Token::LParen) && !cursor.take_token(&Token::RParen) {
        loop {
            let position = cursor.offset() + 1;
            let column = column(cursor)?;
            if columns.iter().any(|c| c.name == column.name) {
                return Err(Error::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("column \"{}\" specified more than once", column.name),
                )
                .with_position(Some(position)));
            }
            columns.push(column);
            if !cursor.take_token(&Token::Comma) {
                break;
            }
        }
        cursor.expect_token(&Token::RParen)?;
    }
    cursor.expect(&["SERVER"])?;
    let server = cursor.identifier()?;
    Ok(Ddl::CreateForeignTable { name, if_not_exists, columns, server, options: cursor.options()? })
}

fn column(cursor: &mut Cursor<'_>) -> Result<ColumnSpec> {
    let name = cursor.identifier()?;
    let pg_type = known_type(cursor)?;
    let mut column = ColumnSpec::new(name, pg_type);
    // Postgres has OPTIONS before the constraints; either order is taken.
    loop {
        if cursor.looking_at(&["OPTIONS"]) {
            column.options = cursor.options()?;
        } else if cursor.take(&["NOT", "NULL"]) {
            column.nullable = false;
        } else if cursor.take(&["NULL"]) {
            column.nullable = true;
        } else if cursor.take(&["COLLATE"]) {
            cursor.name()?;
        } else {
            break;
        }
    }
    if let Some(remote) = column.options.get("column_name") {
        column.remote = remote.to_string();
    }
    Ok(column)
}

/// A type that this program carries, or 42704 at its place.
pub(super) fn known_type(cursor: &mut Cursor<'_>) -> Result<PgType> {
    let (name, position) = cursor.type_name()?;
    parsed(&name, position)
}

/// The name of such a type, as `format_type` prints it, with the digits that a time keeps; an error for a numeric that no
/// column can hold.
pub(super) fn known_type_name(cursor: &mut Cursor<'_>) -> Result<String> {
    let (name, position) = cursor.type_name()?;
    let kind = parsed(&name, position)?;
    match kind.fault() {
        Some(fault) => Err(fault.with_position(Some(position))),
        None => Ok(time_precision::name(&kind, time_precision::of_name(&name))),
    }
}

fn parsed(name: &str, position: usize) -> Result<PgType> {
    PgType::parse(name).ok_or_else(|| {
        Error::new(SqlState::UNDEFINED_OBJECT, format!("type \"{name}\" does not exist")).with_position(Some(position))
    })
}
