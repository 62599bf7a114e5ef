//! ALTER VIEW .. RENAME TO; ALTER TABLE says the same of any relation.

use super::cursor::Cursor;
use super::statement::{Ddl, DropKind};
use crate::error::Result;

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    // Other forms of ALTER are for others to read, or to refuse.
    let mut ahead = cursor.clone();
    let kind = if ahead.take(&["ALTER", "VIEW"]) {
        DropKind::View
    } else if ahead.take(&["ALTER", "TABLE"]) {
        DropKind::Table
    } else {
        return Ok(None);
    };
    let if_exists = ahead.if_exists();
    let Ok(name) = ahead.name() else { return Ok(None) };
    if !ahead.take(&["RENAME", "TO"]) {
        return Ok(None);
    }
    let to = ahead.identifier()?;
    *cursor = ahead;
    Ok(Some(Ddl::Rename { kind, name, if_exists, to }))
}

#[cfg(test)]
mod tests {
    use crate::ddl::script;
    use crate::ddl::statement::{Ddl, DropKind, StatementKind};

    #[test]
    fn a_view_gets_another_name() {
        let mut parsed = script::parse("alter table if exists \"onerow\".\"dbt\".\"a\" rename to \"B c\"").unwrap();
        let Some(StatementKind::Ddl(ddl)) = parsed.pop().map(|statement| statement.kind) else { panic!() };
        let Ddl::Rename { kind, name, if_exists, to } = *ddl else { panic!() };
        assert_eq!((kind, name.shown().as_str(), if_exists, to.as_str()), (DropKind::Table, "dbt.a", true, "B c"));
        for other in ["ALTER TABLE a ADD COLUMN b int", "ALTER TABLE a RENAME COLUMN b TO c", "ALTER VIEW a OWNER TO b"]
        {
            assert_eq!(script::parse(other).unwrap_err().state().0, "0A000", "{other}");
        }
    }
}
