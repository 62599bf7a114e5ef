//! GRANT and REVOKE: of privileges, on relations, columns, schemas, servers, functions and the database, of membership in
//! roles, and of what is granted on everything that is made from now on.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::role::{role, roles};
use super::routine::{RoutineKind, routines};
use super::statement::{Ddl, DefaultPrivileges, Grant, GrantTarget, NamedPrivilege, RoleGrant};
use crate::catalog::acl::ObjectKind;
use crate::error::{Error, Result, SqlState};

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if cursor.take(&["ALTER", "DEFAULT", "PRIVILEGES"]) {
        return defaults(cursor).map(Some);
    }
    let revoke = if cursor.take(&["GRANT"]) {
        false
    } else if cursor.take(&["REVOKE"]) {
        true
    } else {
        return Ok(None);
    };
    if revoke && cursor.take(&["ADMIN", "OPTION", "FOR"]) {
        let names = cursor.identifiers()?;
        return membership(cursor, true, names, true).map(Some);
    }
    let option = revoke && cursor.take(&["GRANT", "OPTION", "FOR"]);
    let privileges = privileges(cursor)?;
    if !option && cursor.looking_at(&[if revoke { "FROM" } else { "TO" }]) {
        let names = privileges.into_iter().map(|privilege| match privilege {
            NamedPrivilege { name: Some(name), columns } if columns.is_empty() => Ok(name),
            _ => Err(cursor.unexpected("ON")),
        });
        let names = names.collect::<Result<Vec<String>>>()?;
        if names.is_empty() {
            return Err(cursor.unexpected("ON"));
        }
        return membership(cursor, revoke, names, false).map(Some);
    }
    cursor.expect(&["ON"])?;
    let on = target(cursor)?;
    if !matches!(on, GrantTarget::Relations(_)) && privileges.iter().any(|p| !p.columns.is_empty()) {
        return Err(Error::new(SqlState("0LP01"), "column privileges are only valid for relations"));
    }
    let mut grant = Grant { revoke, privileges, on, grantees: vec![], option, granted_by: None, cascade: false };
    to_whom(cursor, &mut grant)?;
    Ok(Some(Ddl::Grant(grant)))
}

/// TO or FROM whom, and what follows.
fn to_whom(cursor: &mut Cursor<'_>, grant: &mut Grant) -> Result<()> {
    cursor.expect(&[if grant.revoke { "FROM" } else { "TO" }])?;
    grant.grantees.push(grantee(cursor)?);
    while cursor.take_token(&Token::Comma) {
        grant.grantees.push(grantee(cursor)?);
    }
    let position = Some(cursor.offset() + 1);
    if !grant.revoke && cursor.take(&["WITH", "GRANT", "OPTION"]) {
        grant.option = true;
        if grant.grantees.contains(&None) {
            return Err(
                Error::new(SqlState("0LP01"), "grant options can only be granted to roles").with_position(position)
            );
        }
    }
    grant.granted_by = granted_by(cursor)?;
    if grant.revoke {
        grant.cascade = cursor.cascade();
    }
    Ok(())
}

fn membership(cursor: &mut Cursor<'_>, revoke: bool, names: Vec<String>, option: bool) -> Result<Ddl> {
    cursor.expect(&[if revoke { "FROM" } else { "TO" }])?;
    let members = roles(cursor)?;
    let admin = option || (!revoke && cursor.take(&["WITH", "ADMIN", "OPTION"]));
    let granted_by = granted_by(cursor)?;
    let cascade = revoke && cursor.cascade();
    Ok(Ddl::GrantRole(RoleGrant { revoke, roles: names, members, admin, granted_by, cascade }))
}

/// The role after GRANTED BY.
fn granted_by(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if cursor.take(&["GRANTED", "BY"]) { role(cursor).map(Some) } else { Ok(None) }
}

fn refused(cursor: &Cursor<'_>, message: &str) -> Error {
    Error::unsupported(message).with_position(Some(cursor.offset() + 1))
}

/// The privileges, with the columns that they are on.
fn privileges(cursor: &mut Cursor<'_>) -> Result<Vec<NamedPrivilege>> {
    if cursor.take(&["ALL"]) {
        cursor.take(&["PRIVILEGES"]);
        return Ok(vec![NamedPrivilege { name: None, columns: columns(cursor)? }]);
    }
    let mut privileges = vec![];
    loop {
        let name = Some(cursor.identifier()?);
        privileges.push(NamedPrivilege { name, columns: columns(cursor)? });
        if !cursor.take_token(&Token::Comma) {
            return Ok(privileges);
        }
    }
}

fn columns(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    if !cursor.take_token(&Token::LParen) {
        return Ok(vec![]);
    }
    let columns = cursor.identifiers()?;
    cursor.expect_token(&Token::RParen)?;
    Ok(columns)
}

/// What Postgres grants privileges on and this program does not, by its first word.
const OTHERS: &[&str] =
    &["ALL", "DOMAIN", "FOREIGN", "LANGUAGE", "LARGE", "PARAMETER", "SEQUENCE", "TABLESPACE", "TYPE"];

/// How functions are named, all of them and one.
const ROUTINES: [(&str, RoutineKind); 3] =
    [("FUNCTIONS", RoutineKind::Function), ("PROCEDURES", RoutineKind::Procedure), ("ROUTINES", RoutineKind::Routine)];

fn target(cursor: &mut Cursor<'_>) -> Result<GrantTarget> {
    if cursor.take(&["ALL", "TABLES", "IN", "SCHEMA"]) {
        return Ok(GrantTarget::AllIn(cursor.identifiers()?));
    }
    for (words, kind) in ROUTINES {
        if cursor.take(&["ALL", words, "IN", "SCHEMA"]) {
            return Ok(GrantTarget::FunctionsIn(kind, cursor.identifiers()?));
        }
    }
    if cursor.take(&["FOREIGN", "SERVER"]) {
        return Ok(GrantTarget::Servers(cursor.identifiers()?));
    }
    // A relation may have such a name: then no other name follows.
    let another = matches!(cursor.peek(1), Some(Token::Word(word)) if !["TO", "FROM"].iter().any(|end| {
        word.quote_style.is_none() && word.value.eq_ignore_ascii_case(end)
    }));
    if another && cursor.take(&["SCHEMA"]) {
        return Ok(GrantTarget::Schemas(cursor.identifiers()?));
    }
    if another && cursor.take(&["DATABASE"]) {
        return Ok(GrantTarget::Databases(cursor.identifiers()?));
    }
    if another && let Some((_, kind)) = ROUTINES.into_iter().find(|(_, kind)| cursor.take(&[kind.word()])) {
        return Ok(GrantTarget::Functions(kind, routines(cursor)?));
    }
    if another && let Some(kind) = OTHERS.iter().find(|kind| cursor.looking_at(&[kind])) {
        return Err(refused(cursor, &format!("privileges ON {kind} are not supported")).with_hint(
            "They can be granted on tables, views, foreign tables, their columns, schemas, foreign servers, \
             functions and the database.",
        ));
    }
    if another {
        cursor.take(&["TABLE"]);
    }
    Ok(GrantTarget::Relations(cursor.names()?))
}

/// A role, or none for PUBLIC.
fn grantee(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if cursor.take(&["PUBLIC"]) {
        return Ok(None);
    }
    cursor.take(&["GROUP"]);
    role(cursor).map(Some)
}

/// ALTER DEFAULT PRIVILEGES
fn defaults(cursor: &mut Cursor<'_>) -> Result<Ddl> {
    let mut of = vec![];
    let mut schemas = vec![];
    loop {
        if cursor.take(&["FOR", "ROLE"]) || cursor.take(&["FOR", "USER"]) {
            of = roles(cursor)?;
        } else if cursor.take(&["IN", "SCHEMA"]) {
            schemas = cursor.identifiers()?;
        } else {
            break;
        }
    }
    let revoke = cursor.take(&["REVOKE"]);
    if !revoke {
        cursor.expect(&["GRANT"])?;
    }
    let option = revoke && cursor.take(&["GRANT", "OPTION", "FOR"]);
    let privileges = privileges(cursor)?;
    if privileges.iter().any(|privilege| !privilege.columns.is_empty()) {
        return Err(Error::new(SqlState("0LP01"), "default privileges cannot be set for columns"));
    }
    cursor.expect(&["ON"])?;
    let kind = if cursor.take(&["SCHEMAS"]) {
        ObjectKind::Schema
    } else if cursor.take(&["TABLES"]) {
        ObjectKind::Relation
    } else if cursor.take(&["FUNCTIONS"]) || cursor.take(&["ROUTINES"]) {
        ObjectKind::Function
    } else {
        return Err(refused(cursor, "default privileges are of TABLES, SCHEMAS and FUNCTIONS only"));
    };
    if kind == ObjectKind::Schema && !schemas.is_empty() {
        return Err(Error::new(SqlState("0LP01"), "cannot use IN SCHEMA clause when using GRANT/REVOKE ON SCHEMAS"));
    }
    let on = GrantTarget::Schemas(vec![]);
    let mut grant = Grant { revoke, privileges, on, grantees: vec![], option, granted_by: None, cascade: false };
    to_whom(cursor, &mut grant)?;
    Ok(Ddl::DefaultPrivileges(DefaultPrivileges { roles: of, schemas, kind, grant }))
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
    fn privileges_and_membership_are_told_apart() {
        let Ddl::Grant(grant) =
            parsed("GRANT SELECT (a, \"B\"), INSERT ON s.t, \"T\" TO ann, PUBLIC, GROUP \"Ayşe\"").unwrap()
        else {
            panic!()
        };
        assert_eq!(grant.privileges[0].columns, ["a", "B"]);
        assert_eq!(grant.grantees, [Some("ann".to_string()), None, Some("Ayşe".to_string())]);
        let Ddl::GrantRole(grant) = parsed("GRANT a, \"B\" TO c WITH ADMIN OPTION").unwrap() else { panic!() };
        assert_eq!((grant.roles, grant.admin), (vec!["a".to_string(), "B".into()], true));
        let Ddl::GrantRole(grant) = parsed("REVOKE ADMIN OPTION FOR a FROM c CASCADE").unwrap() else { panic!() };
        assert!(grant.revoke && grant.admin && grant.cascade);
        let Ddl::Grant(grant) = parsed("REVOKE GRANT OPTION FOR ALL ON DATABASE onerow FROM c").unwrap() else {
            panic!()
        };
        assert!(grant.option && grant.on == GrantTarget::Databases(vec!["onerow".into()]));
        let Ddl::DefaultPrivileges(defaults) =
            parsed("ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA s GRANT SELECT ON TABLES TO b").unwrap()
        else {
            panic!()
        };
        assert_eq!((defaults.roles, defaults.schemas), (vec!["a".to_string()], vec!["s".to_string()]));
    }

    #[test]
    fn functions_are_named_by_their_arguments() {
        let Ddl::Grant(grant) =
            parsed("GRANT EXECUTE ON FUNCTION f, s.\"G\"(IN a int, OUT b text, VARIADIC double precision[]), h() TO a")
                .unwrap()
        else {
            panic!()
        };
        let GrantTarget::Functions(RoutineKind::Function, named) = grant.on else { panic!() };
        assert_eq!(named.iter().map(|f| f.name.name.as_str()).collect::<Vec<_>>(), ["f", "G", "h"]);
        assert_eq!(named[0].arguments, None);
        assert_eq!(named[1].arguments, Some(vec!["a int".to_string(), "double precision[]".to_string()]));
        assert_eq!(named[2].arguments, Some(vec![]));
        let Ddl::Grant(grant) = parsed("REVOKE ALL ON ALL ROUTINES IN SCHEMA s, t FROM PUBLIC CASCADE").unwrap() else {
            panic!()
        };
        assert_eq!(grant.on, GrantTarget::FunctionsIn(RoutineKind::Routine, vec!["s".into(), "t".into()]));
        let Ddl::Grant(grant) = parsed("GRANT SELECT ON function TO a").unwrap() else { panic!() };
        assert!(matches!(grant.on, GrantTarget::Relations(_)));
    }

    #[test]
    fn what_cannot_be_granted_is_refused() {
        for (sql, state) in [
            ("GRANT USAGE ON LANGUAGE sql TO a", "0A000"),
            ("GRANT EXECUTE ON FUNCTION f( TO a", "42601"),
            ("GRANT USAGE (a) ON SCHEMA s TO a", "0LP01"),
            ("GRANT SELECT ON t TO PUBLIC WITH GRANT OPTION", "0LP01"),
            ("GRANT SELECT ON t TO a GRANTED b", "42601"),
            ("GRANT ALL TO a", "42601"),
            ("GRANT SELECT ON t", "42601"),
        ] {
            assert_eq!(parsed(sql).unwrap_err().state().0, state, "{sql}");
        }
    }
}
