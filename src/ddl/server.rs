//! CREATE, ALTER and DROP of servers and user mappings.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::Ddl;
use crate::error::{Error, Result};

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["CREATE", "SERVER"]) {
        return create_server(cursor).map(Some);
    }
    if cursor.take(&["ALTER", "SERVER"]) {
        let name = cursor.identifier()?;
        for words in ["OWNER TO", "RENAME TO"] {
            if cursor.looking_at(&words.split(' ').collect::<Vec<_>>()) {
                return Err(Error::unsupported(format!("ALTER SERVER .. {words} is not supported")));
            }
        }
        if cursor.take(&["REFRESH"]) {
            return Ok(Some(Ddl::RefreshServer { name }));
        }
        let version = if cursor.take(&["VERSION"]) { Some(cursor.string()?) } else { None };
        let changes = cursor.option_changes(true)?;
        if version.is_none() && changes.is_empty() {
            return Err(cursor.unexpected("VERSION, OPTIONS or REFRESH"));
        }
        return Ok(Some(Ddl::AlterServer { name, version, changes }));
    }
    if cursor.take(&["DROP", "SERVER"]) {
        let if_exists = cursor.if_exists();
        let names = cursor.identifiers()?;
        return Ok(Some(Ddl::DropServer { names, if_exists, cascade: cursor.cascade() }));
    }
    if cursor.take(&["CREATE", "USER", "MAPPING"]) {
        let if_not_exists = cursor.if_not_exists();
        let (user, server) = mapping_of(cursor)?;
        return Ok(Some(Ddl::CreateUserMapping { user, server, if_not_exists, options: cursor.options()? }));
    }
    if cursor.take(&["ALTER", "USER", "MAPPING"]) {
        let (user, server) = mapping_of(cursor)?;
        return Ok(Some(Ddl::AlterUserMapping { user, server, changes: cursor.option_changes(true)? }));
    }
    if cursor.take(&["DROP", "USER", "MAPPING"]) {
        let if_exists = cursor.if_exists();
        let (user, server) = mapping_of(cursor)?;
        return Ok(Some(Ddl::DropUserMapping { user, server, if_exists }));
    }
    Ok(None)
}

fn create_server(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.identifier()?;
    let server_type = if cursor.take(&["TYPE"]) { Some(cursor.string()?) } else { None };
    let version = if cursor.take(&["VERSION"]) { Some(cursor.string()?) } else { None };
    cursor.expect(&["FOREIGN", "DATA", "WRAPPER"])?;
    let kind = cursor.identifier()?;
    Ok(Ddl::CreateServer { name, if_not_exists, kind, server_type, version, options: cursor.options()? })
}

/// `FOR user SERVER server`; the user is none for the one who asks.
fn mapping_of(cursor: &mut Cursor<'_>) -> Result<(Option<String>, String)> {
    cursor.expect(&["FOR"])?;
    let quoted = matches!(cursor.peek(0), Some(Token::Word(w)) if w.quote_style.is_some());
    let user = cursor.identifier()?;
    let user = match user.as_str() {
        "user" | "current_user" | "current_role" | "session_user" if !quoted => None,
        _ => Some(user),
    };
    cursor.expect(&["SERVER"])?;
    Ok((user, cursor.identifier()?))
}
