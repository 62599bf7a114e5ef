//! Statements without the secrets that they hold. Nothing is parsed: a text that is no statement may hold secrets too.

use std::borrow::Cow;

/// What the name of a secret holds, in lower case.
const SECRET: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "api_key",
    "apikey",
    "access_key",
    "account_key",
    "private_key",
    "sas_key",
];
/// What is written for a secret.
const HIDDEN: &str = "***";
/// Texts in texts in texts.
const DEPTH: usize = 4;

/// A statement as it may be written down: what stands in quotes after a word such as PASSWORD, `password=` in a text,
/// and the password of a URL are left out.
pub(crate) fn redact(sql: &str) -> Cow<'_, str> {
    if is_secret(sql) || sql.contains("://") { Cow::Owned(hidden(sql, 0)) } else { Cow::Borrowed(sql) }
}

/// Whether a word of the list stands in it.
fn is_secret(text: &str) -> bool {
    let text = text.as_bytes();
    SECRET.iter().any(|word| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes())))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Blank,
    Comment,
    Word,
    /// With its quotes, perhaps without the last.
    Text,
    Other,
}

fn hidden(sql: &str, depth: usize) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    // What comes next is a secret.
    let mut secret = false;
    // It has come, and may go on.
    let mut given = false;
    let of_role = is_about_a_role(sql);
    while let Some((kind, piece, more)) = next(rest) {
        rest = more;
        match kind {
            Kind::Blank => out.push_str(piece),
            Kind::Comment if is_secret(piece) => out.push_str("/* */ "),
            Kind::Comment => out.push_str(piece),
            Kind::Text if secret => {
                out.push('\'');
                out.push_str(HIDDEN);
                out.push('\'');
                given = true;
            }
            Kind::Text => out.push_str(&inner(piece, depth)),
            Kind::Word if is_secret(piece) => {
                (secret, given) = (true, false);
                out.push_str(piece);
            }
            // It is wrong without quotes, and a password all the same.
            Kind::Word if secret && of_role && !given && !piece.eq_ignore_ascii_case("null") => {
                out.push_str(HIDDEN);
                secret = false;
            }
            // JSON in a text.
            Kind::Word if secret && depth > 0 && piece.starts_with('"') => {
                out.push_str("\"***\"");
                secret = false;
            }
            // Within a text `password=abc` needs no quotes.
            Kind::Word if secret && depth > 0 && out.ends_with('=') => {
                out.push_str(HIDDEN);
                let end =
                    rest.find(|c: char| c.is_whitespace() || matches!(c, '&' | ';' | ',' | '\'')).unwrap_or(rest.len());
                rest = rest.get(end..).unwrap_or_default();
                secret = false;
            }
            Kind::Word => {
                secret &= ["to", "is", "as", "like"].iter().any(|word| piece.eq_ignore_ascii_case(word));
                out.push_str(piece);
            }
            Kind::Other => {
                if secret && depth > 0 && out.ends_with('=') {
                    out.push_str(HIDDEN);
                    let end =
                        rest.find(|c: char| c.is_whitespace() || matches!(c, '&' | ';' | ',')).unwrap_or(rest.len());
                    rest = rest.get(end..).unwrap_or_default();
                    secret = false;
                } else {
                    secret &= matches!(piece, "=" | ":" | ">" | "(" | "|" | "+");
                    out.push_str(piece);
                }
            }
        }
    }
    if depth > 0 || out.contains("://") { without_url_passwords(&out) } else { out }
}

/// Whether a text begins as CREATE or ALTER of a user, role or group does.
fn is_about_a_role(sql: &str) -> bool {
    let mut words = sql.split_whitespace().map(str::to_ascii_lowercase);
    let verb = words.next().is_some_and(|verb| verb == "create" || verb == "alter");
    let role = words.next().is_some_and(|word| word == "user" || word == "role" || word == "group");
    verb && role && words.next().is_none_or(|word| word != "mapping")
}

/// A text in quotes, without the secrets in it.
fn inner(piece: &str, depth: usize) -> String {
    if depth >= DEPTH || !(is_secret(piece) || piece.contains("://")) {
        return piece.to_string();
    }
    let begin = piece.find(['\'', '$']).map_or(0, |at| at + 1);
    let (before, text) = piece.split_at(begin);
    let (text, after) = match text.strip_suffix('\'') {
        Some(text) => (text, "'"),
        None => (text, ""),
    };
    if before.ends_with('$') {
        return format!("{before}{}{after}", hidden(text, depth + 1));
    }
    format!("{before}{}{after}", hidden(&text.replace("''", "'"), depth + 1).replace('\'', "''"))
}

/// `//user:password@host` without the password.
fn without_url_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, from) = rest.split_at(at + 3);
        out.push_str(before);
        // A password may hold a slash that nobody has written as %2F.
        let end = from.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"')).unwrap_or(from.len());
        let (authority, after) = from.split_at(end);
        match authority.rfind('@').and_then(|at| Some((authority.get(..at)?.find(':')?, at))) {
            Some((colon, at)) => {
                out.push_str(authority.get(..=colon).unwrap_or_default());
                out.push_str(HIDDEN);
                out.push_str(authority.get(at..).unwrap_or_default());
            }
            None => out.push_str(authority),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The first piece of a text, and what is left.
fn next(text: &str) -> Option<(Kind, &str, &str)> {
    let first = text.chars().next()?;
    let (kind, length) = if first.is_whitespace() {
        (Kind::Blank, run(text, char::is_whitespace))
    } else if text.starts_with("--") {
        (Kind::Comment, text.find('\n').unwrap_or(text.len()))
    } else if text.starts_with("/*") {
        (Kind::Comment, comment(text))
    } else if first == '\'' {
        (Kind::Text, quoted(text, 1, '\'', false))
    } else if let Some(prefix) = prefixed(text) {
        (Kind::Text, quoted(text, prefix, '\'', matches!(first, 'e' | 'E')))
    } else if first == '"' {
        (Kind::Word, quoted(text, 1, '"', false))
    } else if let Some(length) = dollar_quoted(text) {
        (Kind::Text, length)
    } else if first.is_alphanumeric() || first == '_' {
        (Kind::Word, run(text, |c| c.is_alphanumeric() || matches!(c, '_' | '$')))
    } else {
        (Kind::Other, first.len_utf8())
    };
    let (piece, rest) = text.split_at_checked(length.max(first.len_utf8()))?;
    Some((kind, piece, rest))
}

fn run(text: &str, of: impl Fn(char) -> bool) -> usize {
    text.find(|c| !of(c)).unwrap_or(text.len())
}

/// The length of a comment, which may hold others; to the end if it has none.
fn comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0usize, 0);
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => {
                (depth, at) = (depth.saturating_sub(1), at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

/// Where `E'..'`, `B'..'`, `X'..'`, `N'..'` and `U&'..'` have their text.
fn prefixed(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes {
        [b'e' | b'E' | b'b' | b'B' | b'x' | b'X' | b'n' | b'N', b'\'', ..] => Some(2),
        [b'u' | b'U', b'&', b'\'', ..] => Some(3),
        _ => None,
    }
}

/// The length of what is quoted; a quote that is doubled is none, nor with `escapes` one after a backslash.
fn quoted(text: &str, begin: usize, quote: char, escapes: bool) -> usize {
    let mut characters = text.char_indices().skip_while(|(at, _)| *at < begin).peekable();
    while let Some((at, character)) = characters.next() {
        if escapes && character == '\\' {
            characters.next();
        } else if character == quote {
            match characters.peek() {
                Some((_, again)) if *again == quote => drop(characters.next()),
                _ => return at + quote.len_utf8(),
            }
        }
    }
    text.len()
}

/// The length of `$tag$..$tag$`.
fn dollar_quoted(text: &str) -> Option<usize> {
    let tag = text.strip_prefix('$')?;
    let end = tag.find('$')?;
    let named = tag.get(..end)?;
    if named.starts_with(|c: char| c.is_ascii_digit()) || !named.chars().all(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let tag = text.get(..end + 2)?;
    let body = text.get(tag.len()..)?;
    Some(body.find(tag).map_or(text.len(), |at| at + 2 * tag.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out() {
        for (sql, expected) in [
            ("ALTER USER onerow PASSWORD 's3cret'", "ALTER USER onerow PASSWORD '***'"),
            (
                "alter role \"Ann\" encrypted password\n 'it''s' VALID UNTIL '2030-01-01'",
                "alter role \"Ann\" encrypted password\n '***' VALID UNTIL '2030-01-01'",
            ),
            ("ALTER USER a PASSWORD /* x */ E's3\\'cret' 'more'", "ALTER USER a PASSWORD /* x */ '***' '***'"),
            ("ALTER USER a PASSWORD $$s3cret$$; SELECT 'kept'", "ALTER USER a PASSWORD '***'; SELECT 'kept'"),
            ("ALTER USER a PASSWORD U&'s3cret'", "ALTER USER a PASSWORD '***'"),
            ("ALTER USER a PASSWORD NULL, x 'kept'", "ALTER USER a PASSWORD NULL, x 'kept'"),
            // It does not parse, and is written down all the same.
            ("ALTER USER a PASSWORD 's3cret", "ALTER USER a PASSWORD '***'"),
            ("ALTER USER a PASSWORD $x$s3cret", "ALTER USER a PASSWORD '***'"),
            (
                "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'u', \"password\" 's3cret', secret_access_key 's3cret', region 'r')",
                "CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (user 'u', \"password\" '***', secret_access_key '***', region 'r')",
            ),
            (
                "ALTER USER MAPPING FOR a SERVER s OPTIONS (SET password 's3cret')",
                "ALTER USER MAPPING FOR a SERVER s OPTIONS (SET password '***')",
            ),
            (
                "SELECT * FROM remote_query('erp', 'ALTER USER a PASSWORD ''s3cret''')",
                "SELECT * FROM remote_query('erp', 'ALTER USER a PASSWORD ''***''')",
            ),
            ("SELECT 'host=h password=s3cret user=u'", "SELECT 'host=h password=*** user=u'"),
            ("SELECT 'host=h password=$3cret-x user=u'", "SELECT 'host=h password=*** user=u'"),
            ("OPTIONS (location 'https://u:s3cret@host/x')", "OPTIONS (location 'https://u:***@host/x')"),
            ("OPTIONS (location 'https://u:s3cret/3cret@host/x')", "OPTIONS (location 'https://u:***@host/x')"),
            ("ALTER USER a PASSWORD s3cret VALID UNTIL 'x'", "ALTER USER a PASSWORD *** VALID UNTIL 'x'"),
            (
                "SELECT '{\"user\": \"u\", \"password\": \"s3cret\"}'",
                "SELECT '{\"user\": \"u\", \"password\": \"***\"}'",
            ),
            ("-- the password is s3cret\nSELECT 1", "/* */ \nSELECT 1"),
            ("SELECT token = 's3cret', 张 = '张'", "SELECT token = '***', 张 = '张'"),
            ("SELECT password, 'kept' FROM t", "SELECT password, 'kept' FROM t"),
            ("SELECT '%password%' FROM t WHERE a > 'kept'", "SELECT '%password%' FROM t WHERE a > 'kept'"),
            ("SELECT 'https://host/x', 'a://b", "SELECT 'https://host/x', 'a://b"),
            ("SELECT $1, $2::text, 'x'", "SELECT $1, $2::text, 'x'"),
        ] {
            let found = redact(sql);
            assert_eq!(found, expected, "{sql}");
            assert!(!found.contains("3cret"), "{found}");
        }
    }

    #[test]
    fn any_text_is_taken() {
        for text in [
            "",
            "'",
            "$",
            "$$",
            "password",
            "password '",
            "/*password",
            "U&'password",
            "\"password",
            "E'password\\",
            "é'passwordé",
        ] {
            redact(text);
        }
    }
}
