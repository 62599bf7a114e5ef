//! CREATE, ALTER and DROP of roles, which users and groups are too.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::{Ddl, Grant, RoleGrant, RoleOptions};
use crate::error::{Error, Result, SqlState};

/// The words for a role in statements; a USER logs in where nothing else is said.
const KINDS: [&str; 3] = ["ROLE", "USER", "GROUP"];

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["DROP", "OWNED", "BY"]) {
        let owned = roles(cursor)?;
        return Ok(Some(Ddl::DropOwned { roles: owned, cascade: cursor.cascade() }));
    }
    if cursor.take(&["REASSIGN", "OWNED", "BY"]) {
        let owned = roles(cursor)?;
        cursor.expect(&["TO"])?;
        return Ok(Some(Ddl::ReassignOwned { roles: owned, to: role(cursor)? }));
    }
    for kind in KINDS {
        if cursor.take(&["CREATE", kind]) {
            let name = cursor.identifier()?;
            let mut options = options(cursor, true)?;
            if kind == "USER" {
                options.login.get_or_insert(true);
            }
            return Ok(Some(Ddl::CreateRole { name, options }));
        }
        if cursor.take(&["ALTER", kind]) {
            return alter(cursor, kind).map(Some);
        }
        if cursor.take(&["DROP", kind]) {
            let if_exists = cursor.if_exists();
            let names = roles(cursor)?;
            return Ok(Some(Ddl::DropRole { names, if_exists }));
        }
    }
    Ok(None)
}

fn alter(cursor: &mut Cursor<'_>, kind: &str) -> Result<Ddl> {
    let position = cursor.offset() + 1;
    if cursor.looking_at(&["ALL"]) {
        return Err(Error::unsupported("settings of roles are not supported").with_position(Some(position)));
    }
    let name = role(cursor)?;
    if kind == "GROUP" {
        for (word, revoke) in [("ADD", false), ("DROP", true)] {
            if cursor.take(&[word, "USER"]) {
                let members = roles(cursor)?;
                let grant =
                    RoleGrant { revoke, roles: vec![name], members, admin: false, granted_by: None, cascade: false };
                return Ok(Ddl::GrantRole(grant));
            }
        }
    }
    if cursor.take(&["RENAME", "TO"]) {
        if name == CURRENT_USER || name == SESSION_USER {
            let words = if name == CURRENT_USER { "CURRENT_USER" } else { "SESSION_USER" };
            let message = format!("{words} cannot be used as a role name here");
            return Err(Error::new(SqlState("42939"), message).with_position(Some(position)));
        }
        return Ok(Ddl::RenameRole { name, to: cursor.identifier()? });
    }
    for (words, message) in [
        (&["SET"][..], "settings of roles are not supported"),
        (&["RESET"], "settings of roles are not supported"),
        (&["IN", "DATABASE"], "settings of roles are not supported"),
    ] {
        if cursor.looking_at(words) {
            return Err(Error::unsupported(message).with_position(Some(cursor.offset() + 1)));
        }
    }
    let options = options(cursor, false)?;
    Ok(Ddl::AlterRole { name, options })
}

/// A role that is there: by its name, or one of the words for who asks, in capitals as the engine reads them.
pub(super) fn role(cursor: &mut Cursor<'_>) -> Result<String> {
    for me in ["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"] {
        if cursor.take(&[me]) {
            return Ok(if me == "SESSION_USER" { SESSION_USER } else { CURRENT_USER }.to_string());
        }
    }
    let position = cursor.offset() + 1;
    let name = cursor.identifier()?;
    if name == "none" || name == "public" {
        return Err(Error::new(
            SqlState("42939"),
            match name.as_str() {
                "none" => "role name \"none\" is reserved",
                _ => "role \"public\" does not exist",
            },
        )
        .with_position(Some(position)));
    }
    Ok(name)
}

/// Stands for the role that statements run as; no name has a zero byte.
pub const CURRENT_USER: &str = "\0current_user";
/// Stands for the role that the session began as, or that SET SESSION AUTHORIZATION made it.
pub const SESSION_USER: &str = "\0session_user";

impl Grant {
    /// The same with each role as `named` has it: the words for who asks become names.
    pub fn named(&self, named: &dyn Fn(&str) -> String) -> Grant {
        Grant {
            grantees: self.grantees.iter().map(|role| role.as_deref().map(named)).collect(),
            granted_by: self.granted_by.as_deref().map(named),
            ..self.clone()
        }
    }
}

impl RoleGrant {
    /// The same with each role as `named` has it.
    pub fn named(&self, named: &dyn Fn(&str) -> String) -> RoleGrant {
        RoleGrant {
            members: all_named(&self.members, named),
            granted_by: self.granted_by.as_deref().map(named),
            ..self.clone()
        }
    }
}

impl RoleOptions {
    /// The same with each role as `named` has it.
    pub fn named(&self, named: &dyn Fn(&str) -> String) -> RoleOptions {
        RoleOptions {
            in_roles: all_named(&self.in_roles, named),
            members: all_named(&self.members, named),
            admins: all_named(&self.admins, named),
            ..self.clone()
        }
    }
}

fn all_named(roles: &[String], named: &dyn Fn(&str) -> String) -> Vec<String> {
    roles.iter().map(|role| named(role)).collect()
}

pub(super) fn roles(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    let mut found = vec![role(cursor)?];
    while cursor.take_token(&Token::Comma) {
        found.push(role(cursor)?);
    }
    Ok(found)
}

/// What Postgres lets a role be and only the owner is here, with what to say.
const OWNERS: &[(&str, &str)] = &[
    ("SUPERUSER", "The only superuser is the owner, onerow."),
    ("CREATEDB", "There is one database, and none can be made."),
    ("CREATEROLE", "Roles are made by the owner, onerow."),
    ("REPLICATION", "There is no replication."),
];

fn options(cursor: &mut Cursor<'_>, new: bool) -> Result<RoleOptions> {
    let mut options = RoleOptions::default();
    cursor.take(&["WITH"]);
    while !cursor.at_end() {
        let position = Some(cursor.offset() + 1);
        if let Some((word, hint)) = OWNERS.iter().find(|(word, _)| cursor.looking_at(&[word])) {
            return Err(Error::unsupported(format!("{word} is not supported for roles"))
                .with_hint(*hint)
                .with_position(position));
        }
        if OWNERS.iter().any(|(word, _)| cursor.take(&[format!("NO{word}").as_str()])) {
            continue;
        }
        let again = |there: bool| match there {
            true => Err(Error::syntax("conflicting or redundant options", position)),
            false => Ok(()),
        };
        if cursor.looking_at(&["LOGIN"]) || cursor.looking_at(&["NOLOGIN"]) {
            again(options.login.is_some())?;
            options.login = Some(cursor.take(&["LOGIN"]));
            if options.login == Some(false) {
                cursor.advance();
            }
        } else if cursor.looking_at(&["INHERIT"]) || cursor.looking_at(&["NOINHERIT"]) {
            again(options.inherit.is_some())?;
            options.inherit = Some(cursor.take(&["INHERIT"]));
            if options.inherit == Some(false) {
                cursor.advance();
            }
        } else if cursor.looking_at(&["BYPASSRLS"]) || cursor.looking_at(&["NOBYPASSRLS"]) {
            again(options.bypass_rls.is_some())?;
            options.bypass_rls = Some(cursor.take(&["BYPASSRLS"]));
            if options.bypass_rls == Some(false) {
                cursor.advance();
            }
        } else if cursor.take(&["CONNECTION", "LIMIT"]) {
            again(options.connection_limit.is_some())?;
            options.connection_limit = Some(limit(cursor, "connection")?);
        } else if cursor.take(&["STATEMENT", "LIMIT"]) {
            again(options.statement_limit.is_some())?;
            options.statement_limit = Some(limit(cursor, "statement")?);
        } else if cursor.take(&["VALID", "UNTIL"]) {
            again(options.valid_until.is_some())?;
            options.valid_until = Some(cursor.string()?);
        } else if cursor.looking_at(&["UNENCRYPTED"]) {
            return Err(Error::unsupported("UNENCRYPTED PASSWORD is no longer supported")
                .with_hint("Remove UNENCRYPTED to store the password in encrypted form instead.")
                .with_position(position));
        } else if cursor.looking_at(&["ENCRYPTED", "PASSWORD"]) || cursor.looking_at(&["PASSWORD"]) {
            again(options.password.is_some())?;
            cursor.take(&["ENCRYPTED"]);
            cursor.take(&["PASSWORD"]);
            options.password = Some(if cursor.take(&["NULL"]) { None } else { Some(cursor.string()?) });
        } else if new && cursor.take(&["SYSID"]) {
            limit(cursor, "connection")?;
        } else if new && (cursor.take(&["IN", "ROLE"]) || cursor.take(&["IN", "GROUP"])) {
            again(!options.in_roles.is_empty())?;
            options.in_roles = roles(cursor)?;
        } else if new && (cursor.take(&["ROLE"]) || cursor.take(&["USER"])) {
            again(!options.members.is_empty())?;
            options.members = roles(cursor)?;
        } else if new && cursor.take(&["ADMIN"]) {
            again(!options.admins.is_empty())?;
            options.admins = roles(cursor)?;
        } else {
            return Err(cursor.unexpected("an option of a role"));
        }
    }
    Ok(options)
}

fn limit(cursor: &mut Cursor<'_>, of: &str) -> Result<i32> {
    let position = Some(cursor.offset() + 1);
    let negative = cursor.take_token(&Token::Minus);
    let Some(Token::Number(digits, _)) = cursor.peek(0) else { return Err(cursor.unexpected("a number")) };
    let number = digits.parse::<i32>().map_err(|_| cursor.unexpected("a whole number"))?;
    cursor.advance();
    match (negative, number) {
        (false, number) => Ok(number),
        (true, 1) => Ok(-1),
        (true, number) => Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid {of} limit: -{number}"))
            .with_position(position)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    fn parsed(sql: &str) -> Result<Ddl> {
        match script::parse(sql)?.pop().map(|statement| statement.kind) {
            Some(StatementKind::Ddl(ddl)) => Ok(*ddl),
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn options_are_read() {
        let Ddl::CreateRole { name, options } = parsed(
            "CREATE USER \"Ayşe\" WITH NOINHERIT ENCRYPTED PASSWORD 'p''w' CONNECTION LIMIT -1 NOSUPERUSER VALID UNTIL \
             'infinity' IN ROLE a, \"B c\" ADMIN CURRENT_USER",
        )
        .unwrap() else {
            panic!()
        };
        assert_eq!((name.as_str(), options.login, options.inherit), ("Ayşe", Some(true), Some(false)));
        assert_eq!(options.password, Some(Some("p'w".to_string())));
        assert_eq!((options.in_roles, options.admins), (vec!["a".into(), "B c".into()], vec![CURRENT_USER.into()]));
        assert_eq!((options.connection_limit, options.valid_until.as_deref()), (Some(-1), Some("infinity")));
        let Ddl::AlterRole { options, .. } = parsed("ALTER ROLE a NOLOGIN PASSWORD NULL").unwrap() else { panic!() };
        assert_eq!((options.login, options.password), (Some(false), Some(None)));
        assert!(matches!(parsed("DROP ROLE IF EXISTS a, b").unwrap(), Ddl::DropRole { if_exists: true, .. }));
        assert!(matches!(
            parsed("DROP OWNED BY a, CURRENT_USER CASCADE").unwrap(),
            Ddl::DropOwned { cascade: true, .. }
        ));
        assert!(matches!(parsed("REASSIGN OWNED BY a TO \"B\"").unwrap(), Ddl::ReassignOwned { to, .. } if to == "B"));
        assert!(matches!(parsed("ALTER GROUP g DROP USER a").unwrap(), Ddl::GrantRole(grant) if grant.revoke));
    }

    #[test]
    fn what_a_role_cannot_be_is_refused() {
        for (sql, state) in [
            ("CREATE ROLE a SUPERUSER", "0A000"),
            ("ALTER ROLE a RENAME b", "42601"),
            ("ALTER ROLE a SET search_path = x", "0A000"),
            ("CREATE ROLE a LOGIN NOLOGIN", "42601"),
            ("CREATE ROLE a CONNECTION LIMIT -2", "22023"),
            ("ALTER ROLE a STATEMENT LIMIT -2", "22023"),
            ("ALTER ROLE a STATEMENT LIMIT 1 STATEMENT LIMIT 2", "42601"),
            ("CREATE ROLE a FLYING", "42601"),
            ("ALTER ROLE a IN ROLE b", "42601"),
            ("DROP ROLE none", "42939"),
        ] {
            assert_eq!(parsed(sql).unwrap_err().state().0, state, "{sql}");
        }
    }
}
