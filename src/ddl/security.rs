//! Row level security and masks: ALTER .. ROW LEVEL SECURITY, policies, SECURITY LABEL.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::comment;
use super::cursor::Cursor;
use super::role;
use super::rule::expression;
use super::statement::{CommentTarget, Ddl, DropKind, PolicyChange, RowLevel, SecurityChange, SecurityStatement};
use crate::catalog::security::{PolicyCommand, PolicyDef};
use crate::error::{Error, Result, SqlState};

/// The provider of labels.
const PROVIDER: &str = "onerow";

impl SecurityStatement {
    /// The same with each role as `named` has it: the words for who asks become names.
    pub fn named(&self, named: &dyn Fn(&str) -> String) -> SecurityStatement {
        let mut change = self.change.clone();
        match &mut change {
            SecurityChange::CreatePolicy { policy, .. } => {
                policy.roles = policy.roles.iter().map(|role| named(role)).collect();
            }
            SecurityChange::AlterPolicy { change: PolicyChange::Parts { roles: Some(roles), .. }, .. } => {
                *roles = roles.iter().map(|role| named(role)).collect();
            }
            _ => {}
        }
        SecurityStatement { relation: self.relation.clone(), change }
    }
}

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    let statement = if cursor.take(&["CREATE", "POLICY"]) {
        create(cursor)?
    } else if cursor.take(&["ALTER", "POLICY"]) {
        alter(cursor)?
    } else if cursor.take(&["DROP", "POLICY"]) {
        let if_exists = cursor.if_exists();
        let name = cursor.identifier()?;
        cursor.expect(&["ON"])?;
        let relation = cursor.name()?;
        // Nothing depends on a policy.
        cursor.cascade();
        SecurityStatement { relation, change: SecurityChange::DropPolicy { name, if_exists } }
    } else if cursor.take(&["SECURITY", "LABEL"]) {
        label(cursor)?
    } else if cursor.take(&["ALTER", "TABLE"]) {
        row_level(cursor, DropKind::Table)?
    } else if cursor.take(&["ALTER", "FOREIGN", "TABLE"]) {
        row_level(cursor, DropKind::ForeignTable)?
    } else if cursor.take(&["ALTER", "VIEW"]) {
        row_level(cursor, DropKind::View)?
    } else {
        return Ok(None);
    };
    Ok(Some(Ddl::Security(statement)))
}

fn row_level(cursor: &mut Cursor<'_>, kind: DropKind) -> Result<SecurityStatement> {
    let if_exists = cursor.if_exists();
    cursor.take(&["ONLY"]);
    let relation = cursor.name()?;
    let mut changes = vec![];
    loop {
        let words = [
            (&["ENABLE"][..], RowLevel::Enable),
            (&["DISABLE"], RowLevel::Disable),
            (&["FORCE"], RowLevel::Force),
            (&["NO", "FORCE"], RowLevel::NoForce),
        ];
        let found = words.into_iter().find(|(words, _)| {
            let all: Vec<&str> = words.iter().copied().chain(["ROW", "LEVEL", "SECURITY"]).collect();
            cursor.take(&all)
        });
        let Some((_, change)) = found else {
            return Err(Error::unsupported("this form of ALTER is not supported").with_position(Some(1)));
        };
        changes.push(change);
        if !cursor.take_token(&Token::Comma) {
            break;
        }
    }
    Ok(SecurityStatement { relation, change: SecurityChange::RowLevel { kind, if_exists, changes } })
}

fn create(cursor: &mut Cursor<'_>) -> Result<SecurityStatement> {
    let name = cursor.identifier()?;
    cursor.expect(&["ON"])?;
    let relation = cursor.name()?;
    let mut policy =
        PolicyDef { command: PolicyCommand::All, permissive: true, roles: vec![], using: None, check: None };
    if cursor.take(&["AS"]) {
        policy.permissive = cursor.take(&["PERMISSIVE"]);
        if !policy.permissive && !cursor.take(&["RESTRICTIVE"]) {
            let position = Some(cursor.offset() + 1);
            let word = cursor.identifier()?;
            return Err(Error::syntax(format!("unrecognized row security option \"{word}\""), position)
                .with_hint("Only PERMISSIVE or RESTRICTIVE policies are supported currently."));
        }
    }
    if cursor.take(&["FOR"]) {
        let commands = [
            PolicyCommand::All,
            PolicyCommand::Select,
            PolicyCommand::Insert,
            PolicyCommand::Update,
            PolicyCommand::Delete,
        ];
        let found = commands.into_iter().find(|command| cursor.take(&[command.word()]));
        policy.command = found.ok_or_else(|| cursor.unexpected("ALL, SELECT, INSERT, UPDATE or DELETE"))?;
    }
    if cursor.take(&["TO"]) {
        policy.roles = roles(cursor)?;
    }
    let mut offsets = [0, 0];
    (policy.using, policy.check) = expressions(cursor, &mut offsets)?;
    Ok(SecurityStatement { relation, change: SecurityChange::CreatePolicy { name, policy, offsets } })
}

fn alter(cursor: &mut Cursor<'_>) -> Result<SecurityStatement> {
    let name = cursor.identifier()?;
    cursor.expect(&["ON"])?;
    let relation = cursor.name()?;
    let mut offsets = [0, 0];
    let change = if cursor.take(&["RENAME"]) {
        cursor.expect(&["TO"])?;
        PolicyChange::Rename(cursor.identifier()?)
    } else {
        let roles = if cursor.take(&["TO"]) { Some(roles(cursor)?) } else { None };
        let (using, check) = expressions(cursor, &mut offsets)?;
        PolicyChange::Parts { roles, using, check }
    };
    Ok(SecurityStatement { relation, change: SecurityChange::AlterPolicy { name, change, offsets } })
}

/// The roles of TO; nobody for PUBLIC, whoever else is named.
fn roles(cursor: &mut Cursor<'_>) -> Result<Vec<String>> {
    let (mut found, mut everyone) = (vec![], false);
    loop {
        match cursor.take(&["PUBLIC"]) {
            true => everyone = true,
            false => found.push(role::role(cursor)?),
        }
        if !cursor.take_token(&Token::Comma) {
            break;
        }
    }
    Ok(if everyone { vec![] } else { found })
}

/// USING (..) and WITH CHECK (..), and where they begin.
fn expressions(cursor: &mut Cursor<'_>, offsets: &mut [usize; 2]) -> Result<(Option<String>, Option<String>)> {
    let (mut using, mut check) = (None, None);
    if cursor.take(&["USING"]) {
        let (text, offset) = expression(cursor)?;
        (using, offsets[0]) = (Some(text), offset);
    }
    if cursor.take(&["WITH", "CHECK"]) {
        let (text, offset) = expression(cursor)?;
        (check, offsets[1]) = (Some(text), offset);
    }
    Ok((using, check))
}

fn label(cursor: &mut Cursor<'_>) -> Result<SecurityStatement> {
    if cursor.take(&["FOR"]) {
        let position = Some(cursor.offset() + 1);
        let provider = match cursor.peek(0) {
            Some(Token::Word(_)) => cursor.identifier()?,
            _ => cursor.string()?,
        };
        if provider != PROVIDER {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("security label provider \"{provider}\" is not loaded"),
            )
            .with_hint(format!("The provider is {PROVIDER}."))
            .with_position(position));
        }
    }
    cursor.expect(&["ON"])?;
    if !cursor.take(&["COLUMN"]) {
        return Err(Error::unsupported("security labels on other objects than columns are not supported")
            .with_position(Some(cursor.offset() + 1)));
    }
    let CommentTarget::Column(relation, column) = comment::column(cursor)? else {
        return Err(cursor.unexpected("a column"));
    };
    cursor.expect(&["IS"])?;
    let label = if cursor.take(&["NULL"]) { None } else { Some(cursor.string()?) };
    Ok(SecurityStatement { relation, change: SecurityChange::Label { column, label } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ddl::script;
    use crate::ddl::statement::StatementKind;

    fn parsed(sql: &str) -> Result<SecurityStatement> {
        match script::parse(sql)?.pop().map(|statement| statement.kind) {
            Some(StatementKind::Ddl(ddl)) => match *ddl {
                Ddl::Security(statement) => Ok(statement),
                other => panic!("{sql}: {other:?}"),
            },
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn policies_are_read() {
        let sql = "CREATE POLICY \"Kendi\" ON s.\"T\" AS RESTRICTIVE FOR UPDATE TO ann, CURRENT_USER \
                   USING ((a) = ')') WITH CHECK (b)";
        let statement = parsed(sql).unwrap();
        assert_eq!(statement.relation.shown(), "s.T");
        let SecurityChange::CreatePolicy { name, policy, offsets } = statement.change else { panic!() };
        assert_eq!((name.as_str(), policy.command, policy.permissive), ("Kendi", PolicyCommand::Update, false));
        assert_eq!(policy.roles, ["ann", role::CURRENT_USER]);
        assert_eq!((policy.using.as_deref(), policy.check.as_deref()), (Some("(a) = ')'"), Some("b")));
        assert!(sql.chars().skip(offsets[0]).collect::<String>().starts_with("(a)"));
        let everyone = parsed("create policy p on t to ann, public").unwrap();
        assert!(matches!(everyone.change, SecurityChange::CreatePolicy { policy, .. } if policy.roles.is_empty()));
        let altered = parsed("ALTER POLICY p ON t TO bob USING (true)").unwrap();
        let SecurityChange::AlterPolicy { change, .. } = altered.change else { panic!() };
        assert!(matches!(change, PolicyChange::Parts { roles: Some(_), using: Some(_), check: None }));
        let renamed = parsed("ALTER POLICY p ON t RENAME TO q").unwrap();
        let SecurityChange::AlterPolicy { change, .. } = renamed.change else { panic!() };
        assert_eq!(change, PolicyChange::Rename("q".into()));
        let dropped = parsed("DROP POLICY IF EXISTS p ON t RESTRICT").unwrap();
        assert!(matches!(dropped.change, SecurityChange::DropPolicy { if_exists: true, .. }));
    }

    #[test]
    fn row_level_security_is_read() {
        let changed = parsed("ALTER FOREIGN TABLE IF EXISTS t ENABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY");
        let SecurityChange::RowLevel { kind, if_exists, changes } = changed.unwrap().change else { panic!() };
        assert_eq!((kind, if_exists), (DropKind::ForeignTable, true));
        assert_eq!(changes, [RowLevel::Enable, RowLevel::NoForce]);
        assert_eq!(parsed("ALTER TABLE t ADD COLUMN a int").unwrap_err().state().0, "0A000");
        assert!(parsed("ALTER VIEW v DISABLE ROW LEVEL SECURITY").is_ok());
    }

    #[test]
    fn labels_are_read() {
        let statement = parsed("SECURITY LABEL FOR onerow ON COLUMN s.t.\"E\" IS 'MASKED WITH FUNCTION null()'");
        let SecurityChange::Label { column, label } = statement.unwrap().change else { panic!() };
        assert_eq!((column.as_str(), label.as_deref()), ("E", Some("MASKED WITH FUNCTION null()")));
        assert!(matches!(
            parsed("security label on column t.c is null").unwrap().change,
            SecurityChange::Label { label: None, .. }
        ));
        for (sql, state) in [
            ("SECURITY LABEL FOR other ON COLUMN t.c IS 'x'", "22023"),
            ("SECURITY LABEL ON TABLE t IS 'x'", "0A000"),
            ("SECURITY LABEL ON COLUMN c IS 'x'", "42601"),
            ("CREATE POLICY p ON t AS STRICT", "42601"),
            ("CREATE POLICY p ON t FOR TRUNCATE", "42601"),
            ("CREATE POLICY p ON t USING ()", "42601"),
            ("CREATE POLICY p ON t WITH CHECK (a) USING (a)", "42601"),
        ] {
            assert_eq!(parsed(sql).unwrap_err().state().0, state, "{sql}");
        }
    }
}
