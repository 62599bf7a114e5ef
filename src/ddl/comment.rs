//! COMMENT ON.

use super::cursor::Cursor;
use super::statement::{CommentTarget, Ddl, DropKind, NameRef};
use crate::error::{Error, Result};

/// What else Postgres has comments on, by the first word.
const OTHERS: &[&str] = &[
    "ACCESS",
    "AGGREGATE",
    "CAST",
    "COLLATION",
    "CONSTRAINT",
    "CONVERSION",
    "DATABASE",
    "DOMAIN",
    "EVENT",
    "EXTENSION",
    "FOREIGN",
    "FUNCTION",
    "INDEX",
    "LANGUAGE",
    "LARGE",
    "MATERIALIZED",
    "OPERATOR",
    "POLICY",
    "PROCEDURAL",
    "PROCEDURE",
    "PUBLICATION",
    "ROLE",
    "ROUTINE",
    "RULE",
    "SEQUENCE",
    "STATISTICS",
    "SUBSCRIPTION",
    "TABLESPACE",
    "TEXT",
    "TRANSFORM",
    "TRIGGER",
    "TYPE",
];

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Ddl>> {
    if !cursor.take(&["COMMENT", "ON"]) {
        return Ok(None);
    }
    let target = if cursor.take(&["COLUMN"]) {
        column(cursor)?
    } else if cursor.take(&["FOREIGN", "TABLE"]) {
        CommentTarget::Relation(DropKind::ForeignTable, cursor.name()?)
    } else if cursor.take(&["TABLE"]) {
        CommentTarget::Relation(DropKind::Table, cursor.name()?)
    } else if cursor.take(&["VIEW"]) {
        CommentTarget::Relation(DropKind::View, cursor.name()?)
    } else if cursor.take(&["SCHEMA"]) {
        CommentTarget::Schema(cursor.identifier()?)
    } else if cursor.take(&["MODEL"]) {
        CommentTarget::Model(cursor.name()?)
    } else if cursor.take(&["SERVER"]) {
        CommentTarget::Server(cursor.identifier()?)
    } else if OTHERS.iter().any(|&word| cursor.looking_at(&[word])) {
        return Err(Error::unsupported(
            "comments on other objects than relations, columns, schemas, servers \
             and models are not supported",
        ));
    } else {
        return Err(cursor.unexpected("COLUMN, TABLE, FOREIGN TABLE, VIEW, SCHEMA, SERVER or MODEL"));
    };
    cursor.expect(&["IS"])?;
    let text = if cursor.take(&["NULL"]) { None } else { Some(cursor.string()?) };
    Ok(Some(Ddl::Comment { target, text: text.filter(|t| !t.is_empty()) }))
}

/// `relation.column` or `schema.relation.column`.
pub(super) fn column(cursor: &mut Cursor<'_>) -> Result<CommentTarget> {
    let position = cursor.offset() + 1;
    let mut parts = vec![cursor.identifier()?];
    while cursor.take_token(&datafusion::sql::sqlparser::tokenizer::Token::Period) {
        parts.push(cursor.identifier()?);
    }
    let column = parts.pop().unwrap_or_default();
    match (parts.pop(), parts.pop(), parts.is_empty()) {
        (Some(name), schema, true) => Ok(CommentTarget::Column(NameRef { schema, name, position }, column)),
        _ => Err(Error::syntax("column name must be qualified", Some(position))),
    }
}
