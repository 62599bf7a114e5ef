//! CREATE [OR REPLACE] VIEW, CREATE SCHEMA.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::{Ddl, ViewOptions};
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
    let options = if cursor.take(&["WITH"]) { options(cursor)? } else { ViewOptions::default() };
    cursor.expect(&["AS"])?;
    if cursor.at_end() {
        return Err(cursor.unexpected("a query"));
    }
    let (query, query_offset) = cursor.rest();
    while cursor.advance().is_some() && !cursor.at_end() {}
    Ok(Ddl::CreateView { name, or_replace, columns, options, query, query_offset })
}

/// `(security_invoker [= true], security_barrier [= true])`
fn options(cursor: &mut Cursor<'_>) -> Result<ViewOptions> {
    cursor.expect_token(&Token::LParen)?;
    let mut options = ViewOptions::default();
    loop {
        let position = Some(cursor.offset() + 1);
        let name = cursor.identifier()?;
        let option = match name.as_str() {
            "security_invoker" => &mut options.security_invoker,
            "security_barrier" => &mut options.security_barrier,
            _ => {
                return Err(Error::unsupported(format!("view option \"{name}\" is not supported"))
                    .with_hint("The options that are known are security_barrier and security_invoker.")
                    .with_position(position));
            }
        };
        *option = !cursor.take_token(&Token::Eq) || boolean(cursor, &name)?;
        if !cursor.take_token(&Token::Comma) {
            break;
        }
    }
    cursor.expect_token(&Token::RParen)?;
    Ok(options)
}

fn boolean(cursor: &mut Cursor<'_>, option: &str) -> Result<bool> {
    let position = Some(cursor.offset() + 1);
    let text = match cursor.peek(0) {
        Some(Token::Word(_)) => cursor.identifier()?,
        Some(Token::Number(digits, _)) => {
            cursor.advance();
            digits.clone()
        }
        _ => cursor.string()?,
    };
    match text.to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid value for boolean option \"{option}\": {text}"),
        )
        .with_position(position)),
    }
}
