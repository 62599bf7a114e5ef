//! The owner's password, and roles, which there are none of yet.

use super::cursor::Cursor;
use super::statement::Ddl;
use crate::error::Result;

/// Statements about roles, by their first words.
const STATEMENTS: &[(&[&str], &str)] = &[
    (&["CREATE", "ROLE"], "CREATE ROLE"),
    (&["CREATE", "USER"], "CREATE USER"),
    (&["CREATE", "GROUP"], "CREATE GROUP"),
    (&["ALTER", "ROLE"], "ALTER ROLE"),
    (&["ALTER", "USER"], "ALTER USER"),
    (&["ALTER", "GROUP"], "ALTER GROUP"),
    (&["DROP", "ROLE"], "DROP ROLE"),
    (&["DROP", "USER"], "DROP USER"),
    (&["DROP", "GROUP"], "DROP GROUP"),
];

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    for kind in ["ROLE", "USER"] {
        if cursor.looking_at(&["ALTER", kind])
            && let Some(ddl) = password(&mut cursor.clone())?
        {
            skip_rest(cursor);
            return Ok(Some(ddl));
        }
    }
    let Some(&(_, words)) = STATEMENTS.iter().find(|(words, _)| cursor.take(words)) else { return Ok(None) };
    cursor.if_exists();
    cursor.identifier()?;
    skip_rest(cursor);
    Ok(Some(Ddl::Role { words }))
}

/// `ALTER ROLE role [WITH] [ENCRYPTED] PASSWORD 'password'`; none when it says something else of the role.
fn password(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    cursor.advance();
    cursor.advance();
    let role = cursor.identifier()?;
    cursor.take(&["WITH"]);
    cursor.take(&["ENCRYPTED"]);
    if !cursor.take(&["PASSWORD"]) {
        return Ok(None);
    }
    let password = if cursor.take(&["NULL"]) { None } else { Some(cursor.string()?) };
    cursor.finish()?;
    Ok(Some(Ddl::AlterRolePassword { role, password }))
}

fn skip_rest(cursor: &mut Cursor<'_>) {
    while !cursor.at_end() {
        cursor.advance();
    }
}
