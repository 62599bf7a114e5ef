//! Which statements are about the catalog at all.

/// Functions, types and words that mean the catalog, beside everything that begins with `pg_`.
const WORDS: &[&str] = &[
    "array_lower",
    "array_upper",
    "col_description",
    "current_catalog",
    "current_database",
    "current_role",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_user",
    "format_type",
    "generate_subscripts",
    "getdatabaseencoding",
    "inet_client_addr",
    "inet_client_port",
    "inet_server_addr",
    "inet_server_port",
    "information_schema",
    "obj_description",
    "quote_ident",
    "quote_literal",
    "quote_nullable",
    "regclass",
    "regcollation",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "row_security_active",
    "session_user",
    "set_config",
    "shobj_description",
    "to_regclass",
    "to_regnamespace",
    "to_regproc",
    "to_regprocedure",
    "to_regrole",
    "to_regtype",
    "txid_current",
    "user",
    "version",
];

/// Whether a statement mentions the system catalog: a name that begins with `pg_`, `information_schema`, one of the
/// `reg*` types, or a function of the session. What stands in text literals and comments does not count. It is a
/// single pass over the text.
pub fn mentions_catalog(sql: &str) -> bool {
    words(sql).any(|word| {
        let word = word.to_ascii_lowercase();
        word.starts_with("pg_")
            || (word.starts_with("has_") && word.ends_with("_privilege"))
            || WORDS.binary_search(&word.as_str()).is_ok()
    })
}

/// The words of a statement, quoted or not.
fn words(sql: &str) -> impl Iterator<Item = &str> {
    let bytes = sql.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'\'' => at = after_literal(bytes, at + 1, false),
                b'"' => {
                    let start = at + 1;
                    let end = find(bytes, start, b'"');
                    at = end + 1;
                    return Some(sql.get(start..end).unwrap_or_default());
                }
                b'-' if bytes.get(at + 1) == Some(&b'-') => at = find(bytes, at, b'\n'),
                b'/' if bytes.get(at + 1) == Some(&b'*') => at = after_comment(bytes, at + 2),
                b'$' => at = after_dollar(sql, at),
                _ if is_word(byte) => {
                    let start = at;
                    while bytes.get(at).is_some_and(|byte| is_word(*byte) || byte.is_ascii_digit() || *byte == b'$') {
                        at += 1;
                    }
                    let word = sql.get(start..at).unwrap_or_default();
                    if word.eq_ignore_ascii_case("e") && bytes.get(at) == Some(&b'\'') {
                        at = after_literal(bytes, at + 1, true);
                    }
                    return Some(word);
                }
                _ => at += 1,
            }
        }
        None
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> usize {
    bytes.iter().skip(from).position(|byte| *byte == wanted).map_or(bytes.len(), |at| from + at)
}

/// Past a literal's closing quote. A doubled quote ends one literal and begins the next, which comes to the same.
fn after_literal(bytes: &[u8], mut at: usize, backslashes: bool) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if backslashes => at += 2,
            b'\'' if backslashes && bytes.get(at + 1) == Some(&b'\'') => at += 2,
            b'\'' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Past a comment, which may hold others.
fn after_comment(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 1;
    while depth > 0 && at < bytes.len() {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'*'), Some(b'/')) => {
                depth -= 1;
                at += 2;
            }
            (Some(b'/'), Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    at
}

/// Past `$tag$ .. $tag$`; past one character where it is a parameter.
fn after_dollar(sql: &str, at: usize) -> usize {
    let Some(rest) = sql.get(at + 1..) else { return at + 1 };
    let Some(length) = rest.find('$') else { return at + 1 };
    let tag = rest.get(..length).unwrap_or_default();
    if tag.starts_with(|c: char| c.is_ascii_digit()) || !tag.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return at + 1;
    }
    let body = at + 1 + length + 1;
    let closing = format!("${tag}$");
    let end = sql.get(body..).and_then(|text| text.find(&closing));
    end.map_or(sql.len(), |end| body + end + closing.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted() {
        assert!(WORDS.is_sorted());
    }

    #[test]
    fn only_names_count() {
        for sql in [
            "SELECT * FROM pg_class",
            "select 'x'::REGCLASS",
            "SELECT \"pg_type\".oid FROM t",
            "select version()",
            "SELECT has_table_privilege('t', 'select')",
            "select E'\\'' , current_user",
            "SELECT $1, pg_backend_pid()",
            "/* a /* b */ */ select current_schema",
        ] {
            assert!(mentions_catalog(sql), "{sql}");
        }
        for sql in [
            "SELECT 'pg_class'",
            "SELECT a -- pg_class\n FROM t",
            "SELECT a /* pg_class */ FROM t",
            "SELECT $x$ pg_class $x$",
            "SELECT E'it\\'s pg_class' FROM t",
            "SELECT users, versions, upg_x FROM t WHERE a = 'it''s pg_class'",
            "'",
            "$",
            "/*",
        ] {
            assert!(!mentions_catalog(sql), "{sql}");
        }
    }
}
