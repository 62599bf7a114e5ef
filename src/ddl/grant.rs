//! GRANT and REVOKE of privileges on relations, schemas and servers.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::{Ddl, Grant, GrantTarget};
use crate::catalog::definitions::OWNER;
use crate::error::{Error, Result};

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    let revoke = if cursor.take(&["GRANT"]) {
        false
    } else if cursor.take(&["REVOKE"]) {
        true
    } else {
        return Ok(None);
    };
    if revoke && (cursor.looking_at(&["GRANT", "OPTION"]) || cursor.looking_at(&["ADMIN", "OPTION"])) {
        return Err(refused(cursor, "grant options are not supported"));
    }
    let privileges = privileges(cursor)?;
    if cursor.looking_at(&[if revoke { "FROM" } else { "TO" }]) {
        return Err(refused(cursor, "membership in roles is not supported yet")
            .with_hint(format!("There is one role, {OWNER}, which owns everything.")));
    }
    cursor.expect(&["ON"])?;
    let on = target(cursor)?;
    cursor.expect(&[if revoke { "FROM" } else { "TO" }])?;
    let mut grantees = vec![grantee(cursor)?];
    while cursor.take_token(&Token::Comma) {
        grantees.push(grantee(cursor)?);
    }
    if cursor.looking_at(&["WITH", "GRANT", "OPTION"]) {
        return Err(refused(cursor, "grant options are not supported"));
    }
    if cursor.looking_at(&["GRANTED", "BY"]) {
        return Err(refused(cursor, "GRANTED BY is not supported"));
    }
    if revoke {
        cursor.cascade();
    }
    Ok(Some(Ddl::Grant(Grant { revoke, privileges, on, grantees })))
}

fn refused(cursor: &Cursor<'_>, message: &str) -> Error {
    Error::unsupported(message).with_position(Some(cursor.offset() + 1))
}

/// The privileges in lower case; none for ALL.
fn privileges(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    if cursor.take(&["ALL"]) {
        cursor.take(&["PRIVILEGES"]);
        if cursor.peek(0) == Some(&Token::LParen) {
            return Err(refused(cursor, "privileges on columns are not supported"));
        }
        return Ok(vec![]);
    }
    let mut privileges = vec![];
    loop {
        privileges.push(cursor.identifier()?);
        if cursor.peek(0) == Some(&Token::LParen) {
            return Err(refused(cursor, "privileges on columns are not supported"));
        }
        if !cursor.take_token(&Token::Comma) {
            return Ok(privileges);
        }
    }
}

/// What Postgres grants privileges on and this program does not, by its first word.
const OTHERS: &[&str] = &[
    "ALL",
    "DATABASE",
    "DOMAIN",
    "FOREIGN",
    "FUNCTION",
    "LANGUAGE",
    "LARGE",
    "PARAMETER",
    "PROCEDURE",
    "ROUTINE",
    "SEQUENCE",
    "TABLESPACE",
    "TYPE",
];

fn target(cursor: &mut Cursor<'_>) -> Result<GrantTarget> {
    if cursor.take(&["ALL", "TABLES", "IN", "SCHEMA"]) {
        return Ok(GrantTarget::AllIn(cursor.identifiers()?));
    }
    if cursor.take(&["SCHEMA"]) {
        return Ok(GrantTarget::Schemas(cursor.identifiers()?));
    }
    if cursor.take(&["FOREIGN", "SERVER"]) {
        return Ok(GrantTarget::Servers(cursor.identifiers()?));
    }
    // A relation may have such a name: then no other name follows.
    let another = matches!(cursor.peek(1), Some(Token::Word(word)) if !["TO", "FROM"].iter().any(|end| {
        word.quote_style.is_none() && word.value.eq_ignore_ascii_case(end)
    }));
    if another && let Some(kind) = OTHERS.iter().find(|kind| cursor.looking_at(&[kind])) {
        return Err(refused(cursor, &format!("privileges ON {kind} are not supported"))
            .with_hint("They can be granted on tables, views, foreign tables, schemas and foreign servers."));
    }
    cursor.take(&["TABLE"]);
    Ok(GrantTarget::Relations(cursor.names()?))
}

/// A role, or none for PUBLIC.
fn grantee(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if cursor.take(&["PUBLIC"]) {
        return Ok(None);
    }
    for me in ["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"] {
        if cursor.take(&[me]) {
            return Ok(Some(OWNER.to_string()));
        }
    }
    cursor.take(&["GROUP"]);
    cursor.identifier().map(Some)
}
