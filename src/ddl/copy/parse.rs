//! How COPY is written: its old form and the one with parentheses.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Copy, CopyOption, CopyWhat, OptionValue};
use crate::ddl::cursor::Cursor;
use crate::ddl::script;
use crate::ddl::statement::Statement;
use crate::error::{Error, Result};

/// Parses one statement. Mistakes are errors with their position in it.
pub fn parse(text: &str) -> Result<Copy> {
    let tokens = script::tokens(text)?;
    let mut cursor = Cursor::new(&tokens, text);
    cursor.expect(&["COPY"])?;
    let mut options = vec![];
    let of_query = cursor.peek(0) == Some(&Token::LParen);
    let (what, from) = if of_query {
        let what = query(&mut cursor)?;
        cursor.expect(&["TO"])?;
        (what, false)
    } else {
        let position = cursor.offset() + 1;
        if cursor.take(&["BINARY"]) {
            options.push(said("format", "binary", position));
        }
        let name = cursor.name()?;
        let columns = if cursor.take_token(&Token::LParen) {
            let columns = cursor.identifiers()?;
            cursor.expect_token(&Token::RParen)?;
            columns
        } else {
            vec![]
        };
        let from = cursor.take(&["FROM"]);
        if !from {
            cursor.expect(&["TO"])?;
        }
        (CopyWhat::Relation { name, columns }, from)
    };
    let program = cursor.take(&["PROGRAM"]);
    let client = cursor.take(&["STDIN"]) || cursor.take(&["STDOUT"]);
    if client && program {
        return Err(Error::syntax("STDIN/STDOUT not allowed with PROGRAM", None));
    }
    if !client {
        cursor.string()?;
    }
    if !of_query {
        let position = cursor.offset() + 1;
        let using = cursor.take(&["USING"]);
        if using || cursor.looking_at(&["DELIMITERS"]) {
            cursor.expect(&["DELIMITERS"])?;
            options.push(said("delimiter", cursor.string()?, position));
        }
    }
    cursor.take(&["WITH"]);
    if cursor.take_token(&Token::LParen) {
        generic(&mut cursor, &mut options)?;
    } else {
        plain(&mut cursor, &mut options)?;
    }
    let mut filter = None;
    if !of_query && cursor.looking_at(&["WHERE"]) {
        let position = cursor.offset() + 1;
        if !from {
            return Err(Error::syntax("WHERE clause not allowed with COPY TO", Some(position)));
        }
        filter = Some(position);
        while cursor.advance().is_some() {}
    }
    cursor.finish()?;
    Ok(Copy { what, from, at_server: !client, filter, options })
}

/// `EXPLAIN COPY ..` is no statement of Postgres's.
pub(in crate::ddl) fn refuse_explained(cursor: &Cursor<'_>) -> Result<()> {
    let mut cursor = cursor.clone();
    if !cursor.take(&["EXPLAIN"]) {
        return Ok(());
    }
    if cursor.peek(0) == Some(&Token::LParen) {
        while cursor.advance().is_some_and(|token| *token != Token::RParen) {}
    } else {
        cursor.take(&["ANALYZE"]);
        cursor.take(&["VERBOSE"]);
    }
    if cursor.looking_at(&["COPY"]) { Err(cursor.unexpected("a query")) } else { Ok(()) }
}

fn said(name: &str, value: impl Into<String>, position: usize) -> CopyOption {
    CopyOption { name: name.to_string(), value: OptionValue::Text(value.into()), position }
}

/// The query in parentheses.
fn query(cursor: &mut Cursor<'_>) -> Result<CopyWhat> {
    cursor.expect_token(&Token::LParen)?;
    if !["SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE"]
        .iter()
        .any(|verb| cursor.looking_at(&[verb]))
        && cursor.peek(0) != Some(&Token::LParen)
    {
        return Err(cursor.unexpected("a query"));
    }
    let offset = cursor.offset();
    let mut depth = 0usize;
    loop {
        match cursor.peek(0) {
            Some(Token::LParen) => depth += 1,
            Some(Token::RParen) if depth == 0 => break,
            Some(Token::RParen) => depth -= 1,
            Some(_) => {}
            None => return Err(cursor.unexpected(")")),
        }
        cursor.advance();
    }
    let text: String = cursor.text.chars().skip(offset).take(cursor.end_of_last().saturating_sub(offset)).collect();
    cursor.expect_token(&Token::RParen)?;
    let mut statements = script::parse(&text).map_err(|error| error.shifted(offset))?;
    match (statements.pop(), statements.is_empty()) {
        (Some(query), true) => Ok(CopyWhat::Query(Box::new(Statement { offset: query.offset + offset, ..query }))),
        _ => Err(Error::syntax("COPY takes one query", Some(offset + 1))),
    }
}

/// `FORMAT csv, HEADER)`
fn generic(cursor: &mut Cursor<'_>, options: &mut Vec<CopyOption>) -> Result<()> {
    loop {
        let position = cursor.offset() + 1;
        let name = cursor.identifier()?;
        let value = match cursor.peek(0) {
            Some(Token::Comma | Token::RParen) => OptionValue::Nothing,
            Some(Token::Mul) => {
                cursor.advance();
                OptionValue::Star
            }
            Some(Token::LParen) => {
                cursor.advance();
                let mut names = vec![word(cursor)?];
                while cursor.take_token(&Token::Comma) {
                    names.push(word(cursor)?);
                }
                cursor.expect_token(&Token::RParen)?;
                OptionValue::Names(names)
            }
            Some(Token::Number(..) | Token::Plus | Token::Minus) => number(cursor)?,
            _ => OptionValue::Text(word(cursor)?),
        };
        options.push(CopyOption { name, value, position });
        if !cursor.take_token(&Token::Comma) {
            return cursor.expect_token(&Token::RParen);
        }
    }
}

fn number(cursor: &mut Cursor<'_>) -> Result<OptionValue> {
    let sign = if cursor.take_token(&Token::Minus) { "-" } else { "" };
    if sign.is_empty() {
        cursor.take_token(&Token::Plus);
    }
    match cursor.peek(0) {
        Some(Token::Number(digits, _)) => {
            cursor.advance();
            Ok(OptionValue::Number(format!("{sign}{digits}")))
        }
        _ => Err(cursor.unexpected("a number")),
    }
}

/// A word or a string.
fn word(cursor: &mut Cursor<'_>) -> Result<String> {
    match cursor.peek(0) {
        Some(Token::Word(_)) => cursor.identifier(),
        _ => cursor.string(),
    }
}

/// `CSV HEADER DELIMITER AS ';'`
fn plain(cursor: &mut Cursor<'_>, options: &mut Vec<CopyOption>) -> Result<()> {
    loop {
        let position = cursor.offset() + 1;
        let mut add = |name: &str, value| options.push(CopyOption { name: name.to_string(), value, position });
        let of_name =
            ["DELIMITER", "NULL", "QUOTE", "ESCAPE", "ENCODING"].iter().find(|name| cursor.looking_at(&[name]));
        if let Some(name) = of_name {
            cursor.advance();
            if *name != "ENCODING" {
                cursor.take(&["AS"]);
            }
            add(&name.to_lowercase(), OptionValue::Text(cursor.string()?));
        } else if cursor.take(&["BINARY"]) {
            add("format", OptionValue::Text("binary".to_string()));
        } else if cursor.take(&["CSV"]) {
            add("format", OptionValue::Text("csv".to_string()));
        } else if cursor.take(&["FREEZE"]) {
            add("freeze", OptionValue::Nothing);
        } else if cursor.take(&["HEADER"]) {
            add("header", OptionValue::Nothing);
        } else if cursor.take(&["FORCE", "QUOTE"]) {
            let all = cursor.take_token(&Token::Mul);
            add("force_quote", if all { OptionValue::Star } else { OptionValue::Names(cursor.identifiers()?) });
        } else if cursor.take(&["FORCE", "NOT", "NULL"]) {
            add("force_not_null", OptionValue::Names(cursor.identifiers()?));
        } else if cursor.take(&["FORCE", "NULL"]) {
            add("force_null", OptionValue::Names(cursor.identifiers()?));
        } else {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms() {
        let copy = parse("copy public.\"T\" (a, \"B\") FROM STDIN WITH (FORMAT csv, HEADER, NULL '-', FORCE_NULL (a))")
            .unwrap();
        let CopyWhat::Relation { name, columns } = &copy.what else { panic!() };
        assert_eq!((name.schema.as_deref(), name.name.as_str()), (Some("public"), "T"));
        assert_eq!(columns, &["a", "B"]);
        assert!(copy.from && !copy.at_server);
        let old = parse("copy public.\"T\" (a, \"B\") FROM STDIN CSV HEADER NULL AS '-' FORCE NULL a").unwrap();
        assert_eq!(copy.format().unwrap(), old.format().unwrap());
        let copy = parse("COPY (SELECT ')' FROM (VALUES (1)) AS é) TO STDOUT").unwrap();
        let CopyWhat::Query(query) = copy.what else { panic!() };
        assert_eq!((query.text(), query.offset), ("SELECT ')' FROM (VALUES (1)) AS é", 6));
        assert!(parse("COPY t TO '/tmp/x'").unwrap().at_server);
        assert!(parse("COPY t FROM PROGRAM 'ls'").unwrap().at_server);
        assert_eq!(parse("COPY t FROM STDIN WHERE a > 1").unwrap().filter, Some(19));
        assert!(parse("COPY BINARY t TO STDOUT").is_ok());
        assert!(parse("COPY t TO STDOUT USING DELIMITERS ';' WITH NULL 'x'").is_ok());
    }

    #[test]
    fn mistakes_have_places() {
        for (text, position) in [
            ("COPY", 5),
            ("COPY t", 7),
            ("COPY t TO", 10),
            ("COPY (SELECT 1) FROM STDIN", 17),
            ("COPY (SHOW all) TO STDOUT", 7),
            ("COPY (SELECT 1 TO STDOUT", 25),
            ("COPY t TO STDOUT WHERE a = 1", 18),
            ("COPY t TO STDOUT WITH csv, header", 26),
            ("COPY t TO STDOUT (FORMAT csv HEADER)", 30),
            ("COPY t TO STDOUT ()", 19),
            ("COPY t () TO STDOUT", 9),
            ("COPY t TO STDOUT csv null 5", 27),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.state().0, error.position()), ("42601", Some(position)), "{text}");
        }
    }
}
