//! Names of relations in text, as a function is given them: `'customer'`, `'erp.customer'`, `'"My Schema"."Table"'`.

use super::cursor::Cursor;
use super::script;
use super::statement::NameRef;
use crate::error::{Error, Result, SqlState};

/// The relation that a text names: folded to lower case unless quoted, with or without a schema, as in a statement.
/// 42602 for a text that is no name, 0A000 for one in another database.
pub fn relation_name(text: &str) -> Result<NameRef> {
    let invalid = |_| {
        Error::new(SqlState::INVALID_NAME, format!("invalid name of a relation: \"{text}\""))
            .with_hint("Write it as in a statement, for example 'customer', 'erp.customer' or '\"My View\"'.")
    };
    let tokens = script::tokens(text).map_err(invalid)?;
    let mut cursor = Cursor::new(&tokens, text);
    let name = cursor.name();
    let name = match name {
        Err(error) if error.state() == SqlState::FEATURE_NOT_SUPPORTED => return Err(error.with_position(None)),
        other => other.map_err(invalid)?,
    };
    cursor.finish().map_err(invalid)?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_in_statements() {
        let read = |text: &str| relation_name(text).map(|name| (name.schema, name.name)).map_err(|e| e.state());
        let named = |schema: Option<&str>, name: &str| Ok((schema.map(str::to_string), name.to_string()));
        assert_eq!(read("Customer"), named(None, "customer"));
        assert_eq!(read(" erp . \"Kunde\"\"1\" "), named(Some("erp"), "Kunde\"1"));
        assert_eq!(read("onerow.erp.kunde"), named(Some("erp"), "kunde"));
        assert_eq!(read("\"a.b\""), named(None, "a.b"));
        assert_eq!(read("müşteri.客户"), named(Some("müşteri"), "客户"));
        assert_eq!(read("other.erp.kunde"), Err(SqlState::FEATURE_NOT_SUPPORTED));
        for text in ["", "a b", "a.", ".a", "a;", "1", "'a'", "\"a", "onerow.b.c.d", "a,b"] {
            assert_eq!(read(text), Err(SqlState::INVALID_NAME), "{text}");
        }
    }
}
