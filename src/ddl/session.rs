//! SET, SHOW, RESET, transactions and what else concerns only the session.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::statement::{SessionStatement, TransactionModes};
use crate::error::Result;

pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<SessionStatement>> {
    let statement = if cursor.take(&["SET"]) {
        set(cursor)?
    } else if cursor.take(&["SHOW"]) {
        SessionStatement::Show(setting_name(cursor)?)
    } else if cursor.take(&["RESET"]) {
        match setting_name(cursor)?.as_str() {
            "role" => SessionStatement::SetRole { role: None, local: false, reset: true },
            "session_authorization" => SessionStatement::SetAuthorization { role: None, local: false, reset: true },
            name => SessionStatement::Reset(name.to_string()),
        }
    } else if cursor.take(&["BEGIN"]) {
        if !cursor.take(&["TRANSACTION"]) {
            cursor.take(&["WORK"]);
        }
        SessionStatement::Begin("BEGIN", modes(cursor)?)
    } else if cursor.take(&["START", "TRANSACTION"]) {
        SessionStatement::Begin("START TRANSACTION", modes(cursor)?)
    } else if cursor.take(&["COMMIT"]) || cursor.take(&["END"]) {
        SessionStatement::Commit { chain: chain(cursor) }
    } else if cursor.take(&["ROLLBACK"]) || cursor.take(&["ABORT"]) {
        let chain = chain(cursor);
        if cursor.take(&["TO"]) {
            cursor.take(&["SAVEPOINT"]);
            SessionStatement::RollbackTo(cursor.identifier()?)
        } else {
            SessionStatement::Rollback { chain }
        }
    } else if cursor.take(&["SAVEPOINT"]) {
        SessionStatement::Savepoint(cursor.identifier()?)
    } else if cursor.take(&["RELEASE"]) {
        cursor.take(&["SAVEPOINT"]);
        SessionStatement::Release(cursor.identifier()?)
    } else if cursor.take(&["DISCARD"]) {
        SessionStatement::Discard(discard(cursor)?)
    } else if cursor.take(&["LISTEN"]) {
        SessionStatement::Listen(cursor.identifier()?)
    } else if cursor.take(&["UNLISTEN"]) {
        let all = cursor.take_token(&Token::Mul);
        SessionStatement::Unlisten(if all { None } else { Some(cursor.identifier()?) })
    } else if cursor.take(&["NOTIFY"]) {
        let channel = cursor.identifier()?;
        let payload = if cursor.take_token(&Token::Comma) { cursor.string()? } else { String::new() };
        SessionStatement::Notify { channel, payload }
    } else {
        return Ok(None);
    };
    cursor.finish()?;
    Ok(Some(statement))
}

fn set(cursor: &mut Cursor<'_>) -> Result<SessionStatement> {
    let local = cursor.take(&["LOCAL"]);
    if !local && cursor.take(&["SESSION", "CHARACTERISTICS", "AS", "TRANSACTION"]) {
        return Ok(SessionStatement::SetCharacteristics(modes(cursor)?));
    }
    if cursor.take(&["TRANSACTION"]) {
        return Ok(SessionStatement::SetTransaction(modes(cursor)?));
    }
    if cursor.take(&["CONSTRAINTS"]) {
        skip_rest(cursor);
        return Ok(SessionStatement::Accepted("SET CONSTRAINTS"));
    }
    let is_name = cursor.looking_at(&["SESSION", "TO"]) || cursor.looking_at(&["SESSION", "AUTHORIZATION"]);
    if !local && !matches!(cursor.peek(1), Some(Token::Eq)) && !is_name {
        cursor.take(&["SESSION"]);
    }
    let name = if cursor.take(&["TIME", "ZONE"]) {
        if cursor.take(&["INTERVAL"]) {
            let mut text = cursor.string()?;
            // A number alone is of the last field.
            let unit = if cursor.take(&["HOUR", "TO", "MINUTE"]) {
                " minutes"
            } else if cursor.take(&["HOUR"]) {
                " hours"
            } else {
                ""
            };
            if text.trim().trim_start_matches(['+', '-']).bytes().all(|b| b.is_ascii_digit()) {
                text.push_str(unit);
            }
            let value = Some(format!("INTERVAL '{text}'"));
            return Ok(SessionStatement::Set { name: "timezone".into(), value, local });
        }
        let value = value(cursor)?;
        let value = value.filter(|v| !v.eq_ignore_ascii_case("local"));
        return Ok(SessionStatement::Set { name: "timezone".into(), value, local });
    } else if cursor.take(&["NAMES"]) {
        return Ok(SessionStatement::Set { name: "client_encoding".into(), value: value(cursor)?, local });
    } else if cursor.take(&["SESSION", "AUTHORIZATION"]) || cursor.take(&["SESSION_AUTHORIZATION"]) {
        return Ok(SessionStatement::SetAuthorization { role: role(cursor)?, local, reset: false });
    } else if cursor.take(&["ROLE"]) {
        return Ok(SessionStatement::SetRole { role: role(cursor)?, local, reset: false });
    } else {
        dotted_name(cursor)?
    };
    if !cursor.take_token(&Token::Eq) && !cursor.take(&["TO"]) {
        return Err(cursor.unexpected("= or TO"));
    }
    Ok(SessionStatement::Set { name, value: value(cursor)?, local })
}

/// A role, by its name or as text; none for NONE and DEFAULT.
fn role(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if !cursor.take_token(&Token::Eq) {
        cursor.take(&["TO"]);
    }
    if cursor.take(&["NONE"]) || cursor.take(&["DEFAULT"]) {
        return Ok(None);
    }
    let named = match cursor.peek(0) {
        Some(Token::Word(_)) => cursor.identifier()?,
        _ => cursor.string()?,
    };
    Ok(Some(named).filter(|name| name != "none"))
}

/// A setting's value as text; none for DEFAULT. A list keeps its commas.
fn value(cursor: &mut Cursor<'_>) -> Result<Option<String>> {
    if cursor.take(&["DEFAULT"]) {
        return Ok(None);
    }
    let mut parts = vec![];
    loop {
        let negative = cursor.take_token(&Token::Minus);
        cursor.take_token(&Token::Plus);
        let part = match cursor.peek(0) {
            Some(Token::Number(digits, _)) => {
                let digits = digits.clone();
                cursor.advance();
                if negative { format!("-{digits}") } else { digits }
            }
            Some(Token::Word(word)) => {
                // A quoted name in a list, such as "$user", keeps its quotes only in what SHOW prints.
                let text = if word.quote_style.is_some() { format!("\"{}\"", word.value) } else { word.value.clone() };
                cursor.advance();
                text
            }
            _ => cursor.string()?,
        };
        parts.push(part);
        if !cursor.take_token(&Token::Comma) {
            break;
        }
    }
    Ok(Some(parts.join(", ")))
}

fn setting_name(cursor: &mut Cursor<'_>) -> Result<String> {
    if cursor.take(&["TIME", "ZONE"]) {
        return Ok("timezone".into());
    }
    if cursor.take(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
        return Ok("transaction_isolation".into());
    }
    if cursor.take(&["SESSION", "AUTHORIZATION"]) {
        return Ok("session_authorization".into());
    }
    dotted_name(cursor)
}

fn dotted_name(cursor: &mut Cursor<'_>) -> Result<String> {
    let mut name = cursor.identifier()?.to_lowercase();
    while cursor.take_token(&Token::Period) {
        name = format!("{name}.{}", cursor.identifier()?.to_lowercase());
    }
    Ok(name)
}

/// What follows COMMIT and ROLLBACK; whether another block begins.
fn chain(cursor: &mut Cursor<'_>) -> bool {
    if !cursor.take(&["TRANSACTION"]) {
        cursor.take(&["WORK"]);
    }
    !cursor.take(&["AND", "NO", "CHAIN"]) && cursor.take(&["AND", "CHAIN"])
}

/// ISOLATION LEVEL .., READ ONLY, READ WRITE and DEFERRABLE, with or without commas between.
fn modes(cursor: &mut Cursor<'_>) -> Result<TransactionModes> {
    const LEVELS: [(&[&str], &str); 4] = [
        (&["ISOLATION", "LEVEL", "SERIALIZABLE"], "serializable"),
        (&["ISOLATION", "LEVEL", "REPEATABLE", "READ"], "repeatable read"),
        (&["ISOLATION", "LEVEL", "READ", "COMMITTED"], "read committed"),
        (&["ISOLATION", "LEVEL", "READ", "UNCOMMITTED"], "read uncommitted"),
    ];
    let mut modes = TransactionModes::default();
    while !cursor.at_end() {
        if let Some((words, level)) = LEVELS.iter().find(|(words, _)| cursor.looking_at(words)) {
            cursor.take(words);
            modes.isolation = Some(*level);
        } else if cursor.take(&["READ", "ONLY"]) {
            modes.read_only = Some(true);
        } else if cursor.take(&["READ", "WRITE"]) {
            modes.read_only = Some(false);
        } else if !cursor.take(&["NOT", "DEFERRABLE"]) && !cursor.take(&["DEFERRABLE"]) {
            return Err(cursor.unexpected("a transaction mode"));
        }
        cursor.take_token(&Token::Comma);
    }
    Ok(modes)
}

/// What DISCARD is to forget, as its command tag.
fn discard(cursor: &mut Cursor<'_>) -> Result<&'static str> {
    for (word, tag) in [
        ("ALL", "DISCARD ALL"),
        ("PLANS", "DISCARD PLANS"),
        ("SEQUENCES", "DISCARD SEQUENCES"),
        ("TEMP", "DISCARD TEMP"),
        ("TEMPORARY", "DISCARD TEMP"),
    ] {
        if cursor.take(&[word]) {
            return Ok(tag);
        }
    }
    Err(cursor.unexpected("ALL, PLANS, SEQUENCES or TEMP"))
}

fn skip_rest(cursor: &mut Cursor<'_>) {
    while !cursor.at_end() {
        cursor.advance();
    }
}
