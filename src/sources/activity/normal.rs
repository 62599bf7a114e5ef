//! A statement without its literals: what it does is told, and of whom is not.

/// How literals are written. Where two languages differ, more is taken for a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Literals {
    /// As in PostgreSQL: `'..'`, `E'..'` with backslashes, `$tag$..$tag$`. Between double quotes stands a name.
    Postgres,
    /// As in MySQL and MariaDB: between single or double quotes, with backslashes. Between backticks stands a name.
    Mysql,
    /// As in SQLite, in which what stands between double quotes may be a text: only backticks and brackets hold names.
    Sqlite,
    /// As in what this program writes for SQLite: between double quotes or backticks stands a name.
    Written,
    /// In a message: everything between quotes of either kind.
    Quoted,
}

/// The text with `?` for each literal, text or number, and without comments. Placeholders stay.
pub fn without_literals(text: &str, literals: Literals) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\'' => {
                let backslashes = literals == Literals::Mysql || escapes(&mut out, literals);
                literal(&mut out, rest, '\'', backslashes)
            }
            '"' if matches!(literals, Literals::Mysql | Literals::Sqlite | Literals::Quoted) => {
                literal(&mut out, rest, '"', literals == Literals::Mysql)
            }
            '"' | '`' => name(&mut out, rest, first),
            '[' if literals == Literals::Sqlite => name(&mut out, rest, ']'),
            '-' if rest.starts_with("--") && literals != Literals::Quoted => line(rest),
            '#' if literals == Literals::Mysql => line(rest),
            '/' if rest.starts_with("/*") && literals != Literals::Quoted => comment(rest, literals),
            '$' if literals == Literals::Postgres => match dollar(rest) {
                Some(length) => {
                    out.push('?');
                    length
                }
                None => word(&mut out, rest),
            },
            '0'..='9' => number(&mut out, rest),
            '.' if rest.get(1..).is_some_and(|after| after.starts_with(|c: char| c.is_ascii_digit()))
                && !out.ends_with(|c: char| is_word(c) || c == '"' || c == '`') =>
            {
                number(&mut out, rest)
            }
            '?' | ':' | '@' | '$' => word(&mut out, rest),
            first if is_word(first) => word(&mut out, rest),
            first => {
                out.push(first);
                first.len_utf8()
            }
        };
        rest = rest.get(taken.max(1)..).unwrap_or_default();
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether a literal has backslashes, by the letter before it, which goes: `E'..'`.
fn escapes(out: &mut String, literals: Literals) -> bool {
    if literals != Literals::Postgres {
        return false;
    }
    let mut letters = out.chars().rev();
    let is_prefix = matches!(letters.next(), Some('e' | 'E')) && !letters.next().is_some_and(is_word);
    if is_prefix {
        out.pop();
    }
    is_prefix
}

/// A literal; gives its length. One that does not end goes on to the text's end.
fn literal(out: &mut String, rest: &str, quote: char, backslashes: bool) -> usize {
    out.push('?');
    quoted(rest, quote, backslashes)
}

fn quoted(rest: &str, quote: char, backslashes: bool) -> usize {
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        if backslashes && letter == '\\' {
            letters.next();
        } else if letter == quote {
            match letters.peek() {
                Some((_, next)) if *next == quote => drop(letters.next()),
                _ => return at + letter.len_utf8(),
            }
        }
    }
    rest.len()
}

/// A name between quotes, as it is.
fn name(out: &mut String, rest: &str, end: char) -> usize {
    let length = quoted(rest, end, false);
    out.push_str(rest.get(..length).unwrap_or_default());
    length
}

fn line(rest: &str) -> usize {
    rest.find('\n').unwrap_or(rest.len())
}

/// A comment. In PostgreSQL one may hold others.
fn comment(rest: &str, literals: Literals) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(left) = rest.get(at..).filter(|left| !left.is_empty()) {
        if left.starts_with("/*") && (depth == 0 || literals == Literals::Postgres) {
            depth += 1;
            at += 2;
        } else if left.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += left.chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `$tag$ .. $tag$`; none for a placeholder.
fn dollar(rest: &str) -> Option<usize> {
    let after = rest.get(1..)?;
    let tag = after.get(..after.find('$')?)?;
    if tag.starts_with(|c: char| c.is_ascii_digit()) || !tag.chars().all(is_word) {
        return None;
    }
    let closing = format!("${tag}$");
    let body = closing.len();
    Some(rest.get(body..)?.find(&closing).map_or(rest.len(), |end| body + end + closing.len()))
}

/// A word or a placeholder with its number, as it is.
fn word(out: &mut String, rest: &str) -> usize {
    let first = rest.chars().next().map_or(1, char::len_utf8);
    let more = rest.get(first..).unwrap_or_default();
    let length = first + more.find(|c: char| !is_word(c) && c != '$').unwrap_or(more.len());
    out.push_str(rest.get(..length).unwrap_or_default());
    length
}

fn number(out: &mut String, rest: &str) -> usize {
    out.push('?');
    let mut length = 0;
    let mut exponent = false;
    for (at, letter) in rest.char_indices() {
        let sign = matches!(letter, '+' | '-') && exponent;
        if !(is_word(letter) || letter == '.' || sign) {
            break;
        }
        exponent = matches!(letter, 'e' | 'E');
        length = at + letter.len_utf8();
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_literal_stays() {
        use Literals::{Mysql, Postgres, Quoted, Sqlite, Written};
        let cases = [
            (
                Postgres,
                "SELECT \"a'b\", 'x''y' FROM t1 WHERE c1 = $1::text LIMIT 5",
                "SELECT \"a'b\", ? FROM t1 WHERE c1 = $1::text LIMIT ?",
            ),
            (Postgres, "SELECT E'a\\'b', 'c\\', $t$ it's $t$, 1.5e-3, .5, -- x\n t.c", "SELECT ?, ?, ?, ?, ?, t.c"),
            (Postgres, "SELECT 1 /* a /* b */ secret */ + 2", "SELECT ? + ?"),
            (Postgres, "SELECT ename'x'", "SELECT ename?"),
            (
                Mysql,
                "SELECT `a\"b`, \"x\\\"y\", 'p\\'q' # secret\nFROM t WHERE `id` = ? LIMIT 10",
                "SELECT `a\"b`, ?, ? FROM t WHERE `id` = ? LIMIT ?",
            ),
            (Mysql, "SELECT x'4a', 0x4A, _utf8mb4'z'", "SELECT x?, ?, _utf8mb4?"),
            (Sqlite, "SELECT \"Ann\", [a b], 'x\\' FROM t", "SELECT ?, [a b], ? FROM t"),
            (
                Written,
                "SELECT \"a\" FROM `main`.`t` WHERE \"b\" = ?1 LIMIT 3",
                "SELECT \"a\" FROM `main`.`t` WHERE \"b\" = ?1 LIMIT ?",
            ),
            (Quoted, "value -12.5 of \"Ann\" isn't 'right", "value -? of ? isn?right"),
        ];
        for (literals, text, wanted) in cases {
            assert_eq!(without_literals(text, literals), wanted, "{text}");
        }
        for text in ["'", "\"", "$", "$$", "/*", "é'ü", "E'\\", "1e", "--", "["] {
            for literals in [Postgres, Mysql, Sqlite, Written, Quoted] {
                without_literals(text, literals);
            }
        }
    }
}
