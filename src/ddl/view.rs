//! CREATE [OR REPLACE] VIEW, CREATE SCHEMA.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::Ddl;
use crate::error::{Error, Result, SqlState};

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["CREATE", "SCHEMA"]) {
        let if_not_exists = cursor.if_not_exists();
        let position = cursor.offset() + 1;
        let name = cursor.identifier()?;
        if name.starts_with("pg_") {
            return Err(Error::new(SqlState("42939"), format!("unacceptable schema name \"{name}\""))
                .with_detail("The prefix \"pg_\" is reserved for system schemas.")
                .with_position(Some(position)));
        }
        return Ok(Some(Ddl::CreateSchema { name, if_not_exists }));
    }
    if cursor.take(&["CREATE", "VIEW"]) {
        return create_view(cursor, false).map(Some);
    }
    if cursor.take(&["CREATE", "OR", "REPLACE", "VIEW"]) {
        return create_view(cursor, true).map(Some);
    }
    Ok(None)
}

fn create_view(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<Ddl> {
    let name = cursor.name()?;
    let mut columns = vec![];
    if cursor.take_token(&Token::LParen) {
        columns = cursor.identifiers()?;
        cursor.expect_token(&Token::RParen)?;
    }
    if cursor.looking_at(&["WITH"]) {
        return Err(Error::unsupported("view options are not supported").with_position(Some(cursor.offset() + 1)));
    }
    cursor.expect(&["AS"])?;
    if cursor.at_end() {
        return Err(cursor.unexpected("a query"));
    }
    let (query, query_offset) = cursor.rest();
    while cursor.advance().is_some() && !cursor.at_end() {}
    Ok(Ddl::CreateView { name, or_replace, columns, query, query_offset })
}
