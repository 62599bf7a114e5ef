//! CREATE TABLE and TRUNCATE of small local tables.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::foreign::known_type_name;
use super::statement::{Ddl, NameRef};
use crate::catalog::definitions::ColumnDef;
use crate::error::{Error, Result, SqlState};

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["CREATE", "TABLE"]) {
        return create(cursor).map(Some);
    }
    if cursor.take(&["TRUNCATE"]) {
        cursor.take(&["TABLE"]);
        let names = cursor.names()?;
        cursor.take(&["RESTART", "IDENTITY"]);
        cursor.take(&["CONTINUE", "IDENTITY"]);
        cursor.cascade();
        return Ok(Some(Ddl::Truncate { names }));
    }
    Ok(None)
}

#[derive(Default)]
struct Table {
    columns: Vec<ColumnDef>,
    primary_key: Vec<String>,
    unique_keys: Vec<Vec<String>>,
}

fn create(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.name()?;
    if cursor.take(&["AS"]) {
        let (query, _) = cursor.rest();
        while cursor.advance().is_some() && !cursor.at_end() {}
        return Ok(Ddl::CreateTable {
            name,
            if_not_exists,
            columns: vec![],
            primary_key: vec![],
            unique_keys: vec![],
            query: Some(query),
        });
    }
    cursor.expect_token(&Token::LParen)?;
    let mut table = Table::default();
    loop {
        element(cursor, &name, &mut table)?;
        if !cursor.take_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect_token(&Token::RParen)?;
    check_keys(&table)?;
    for column in &mut table.columns {
        if table.primary_key.contains(&column.name) {
            column.nullable = false;
        }
    }
    let Table { columns, primary_key, unique_keys } = table;
    Ok(Ddl::CreateTable { name, if_not_exists, columns, primary_key, unique_keys, query: None })
}

/// One column or table constraint.
fn element(cursor: &mut Cursor<'_>, of: &NameRef, table: &mut Table) -> Result<()> {
    if cursor.take(&["CONSTRAINT"]) {
        cursor.identifier()?;
    }
    if cursor.take(&["PRIMARY", "KEY"]) {
        let key = key_columns(cursor)?;
        return primary_key(table, of, key);
    }
    if cursor.take(&["UNIQUE"]) {
        let key = key_columns(cursor)?;
        table.unique_keys.push(key);
        return Ok(());
    }
    for word in ["CHECK", "FOREIGN", "EXCLUDE", "LIKE"] {
        if cursor.looking_at(&[word]) {
            return Err(refused(cursor, word));
        }
    }
    let position = cursor.offset() + 1;
    let name = cursor.identifier()?;
    let pg_type = known_type_name(cursor)?;
    if table.columns.iter().any(|c| c.name == name) {
        return Err(Error::new(SqlState::DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once"))
            .with_position(Some(position)));
    }
    let mut column = ColumnDef { name: name.clone(), pg_type, nullable: true, default: None };
    loop {
        if cursor.take(&["CONSTRAINT"]) {
            cursor.identifier()?;
        } else if cursor.take(&["NOT", "NULL"]) {
            column.nullable = false;
        } else if cursor.take(&["NULL"]) {
        } else if cursor.take(&["PRIMARY", "KEY"]) {
            primary_key(table, of, vec![name.clone()])?;
        } else if cursor.take(&["UNIQUE"]) {
            table.unique_keys.push(vec![name.clone()]);
        } else if cursor.take(&["DEFAULT"]) {
            column.default = Some(default_expression(cursor)?);
        } else if cursor.take(&["COLLATE"]) {
            cursor.name()?;
        } else {
            break;
        }
    }
    for word in ["CHECK", "REFERENCES", "GENERATED"] {
        if cursor.looking_at(&[word]) {
            return Err(refused(cursor, word));
        }
    }
    table.columns.push(column);
    Ok(())
}

fn refused(cursor: &Cursor<'_>, word: &str) -> Error {
    Error::unsupported(format!("{word} is not supported in CREATE TABLE")).with_position(Some(cursor.offset() + 1))
}

fn primary_key(table: &mut Table, of: &NameRef, key: Vec<String>) -> Result<()> {
    if !table.primary_key.is_empty() {
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("multiple primary keys for table \"{}\" are not allowed", of.name),
        ));
    }
    table.primary_key = key;
    Ok(())
}

fn key_columns(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    cursor.expect_token(&Token::LParen)?;
    let columns = cursor.identifiers()?;
    cursor.expect_token(&Token::RParen)?;
    Ok(columns)
}

fn check_keys(table: &Table) -> Result<()> {
    let keys = std::iter::once(&table.primary_key).chain(&table.unique_keys);
    match keys.flatten().find(|name| !table.columns.iter().any(|c| c.name == **name)) {
        Some(name) => {
            Err(Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" named in key does not exist")))
        }
        None => Ok(()),
    }
}

/// A default's SQL: up to a comma, a closing parenthesis or the next constraint.
fn default_expression(cursor: &mut Cursor<'_>) -> Result<String> {
    const ENDS: [&str; 7] = ["NOT", "NULL", "PRIMARY", "UNIQUE", "CONSTRAINT", "CHECK", "REFERENCES"];
    let start = cursor.offset();
    let mut depth = 0usize;
    while let Some(token) = cursor.peek(0) {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => break,
            Token::RParen => depth -= 1,
            Token::Comma if depth == 0 => break,
            _ if depth == 0 && cursor.offset() > start && ENDS.iter().any(|end| cursor.looking_at(&[end])) => break,
            _ => {}
        }
        cursor.advance();
    }
    let end = cursor.end_of_last();
    let text: String = cursor.text.chars().skip(start).take(end.saturating_sub(start)).collect();
    if text.trim().is_empty() { Err(cursor.unexpected("an expression")) } else { Ok(text) }
}
