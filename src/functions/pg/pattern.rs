//! Postgres's regular expressions as those of this program.

use std::sync::Arc;

use regex::Regex;

use super::row_function::Call;
use crate::error::{Error, Result, SqlState};

/// What the flags of a pattern say.
#[derive(Clone, Copy, Debug)]
struct Flags {
    insensitive: bool,
    /// Whether `^` and `$` meet the ends of lines.
    lines: bool,
    extended: bool,
    /// Whether a dot meets the end of a line.
    dot: bool,
    /// Whether the pattern is a text that is looked for.
    literal: bool,
}

impl Flags {
    const NONE: Flags = Flags { insensitive: false, lines: false, extended: false, dot: true, literal: false };

    /// The same with a flag more; none for a letter that is no flag.
    fn with(mut self, flag: char) -> Option<Flags> {
        match flag {
            'i' => self.insensitive = true,
            'c' => self.insensitive = false,
            's' => (self.lines, self.dot) = (false, true),
            'n' | 'm' => (self.lines, self.dot) = (true, false),
            'p' => (self.lines, self.dot) = (false, false),
            'w' => (self.lines, self.dot) = (true, true),
            'x' => self.extended = true,
            'q' => self.literal = true,
            't' | 'e' | 'b' => {}
            _ => return None,
        }
        Some(self)
    }

    fn written(self) -> String {
        let set = [(self.insensitive, 'i'), (self.lines, 'm'), (self.dot, 's'), (self.extended, 'x')];
        let set: String = set.iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
        if set.is_empty() { set } else { format!("(?{set})") }
    }
}

/// Compiles a pattern with flags: `i`, `c`, `s`, `n` (or `m`), `p`, `x`, `w`, `q`; `g` where a function allows it. A dot
/// meets line breaks unless `n` or `p` is given.
pub(super) fn regex(call: &Call<'_>, pattern: &str, flags: &str) -> Result<Arc<Regex>> {
    let mut set = Flags::NONE;
    for flag in flags.chars() {
        set = set.with(flag).ok_or_else(|| {
            let message = format!("invalid regular expression option: \"{flag}\"");
            Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
        })?;
    }
    call.regex(&translated(pattern, set))
}

/// A pattern of an operator, such as `~`, as one of the regular expressions of this program. What means the same stays as
/// it is.
pub(crate) fn of_operator(pattern: &str) -> String {
    let (set, body) = options(pattern, Flags::NONE);
    let words = written(body);
    let is_plain = set.dot && !set.lines && !set.literal;
    if is_plain && words == body && !has_dot(body) { pattern.to_string() } else { translated(pattern, Flags::NONE) }
}

fn translated(pattern: &str, flags: Flags) -> String {
    let (flags, body) = options(pattern, flags);
    let body = if flags.literal { regex::escape(body) } else { written(body) };
    format!("{}{body}", flags.written())
}

/// The options that a pattern begins with, `***=` or `(?i)`, and what follows them.
fn options(pattern: &str, flags: Flags) -> (Flags, &str) {
    if let Some(text) = pattern.strip_prefix("***=") {
        return (Flags { literal: true, ..flags }, text);
    }
    let pattern = pattern.strip_prefix("***:").unwrap_or(pattern);
    let Some((letters, rest)) = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')')) else {
        return (flags, pattern);
    };
    let set = letters.chars().try_fold(flags, Flags::with);
    match set {
        Some(set) if !letters.is_empty() => (set, rest),
        _ => (flags, pattern),
    }
}

/// Whether a dot in it is one that meets any character.
fn has_dot(body: &str) -> bool {
    let (mut escaped, mut in_class) = (false, false);
    body.chars().any(|character| {
        let meets = character == '.' && !escaped && !in_class;
        match character {
            '[' if !escaped => in_class = true,
            ']' if !escaped => in_class = false,
            _ => {}
        }
        escaped = character == '\\' && !escaped;
        meets
    })
}

/// The body of a pattern with other names for the beginnings and ends of words, and brackets within brackets as members.
fn written(body: &str) -> String {
    let mut out = String::with_capacity(body.len() + 8);
    let mut rest = body;
    let mut in_class = false;
    while let Some(character) = rest.chars().next() {
        let words: &[(&str, &str)] = match in_class {
            true => &[],
            false => &[
                ("[[:<:]]", "\\b{start}"),
                ("[[:>:]]", "\\b{end}"),
                ("\\m", "\\b{start}"),
                ("\\M", "\\b{end}"),
                ("\\y", "\\b"),
                ("\\Y", "\\B"),
                ("\\Z", "\\z"),
            ],
        };
        if let Some((word, becomes)) = words.iter().find(|(word, _)| rest.starts_with(word)) {
            out.push_str(becomes);
            rest = rest.get(word.len()..).unwrap_or_default();
            continue;
        }
        let mut taken = character.len_utf8();
        match character {
            '\\' => {
                taken += rest.chars().nth(1).map_or(0, char::len_utf8);
                out.push_str(rest.get(..taken).unwrap_or_default());
            }
            '[' if !in_class => {
                in_class = true;
                taken = if rest.starts_with("[^]") {
                    3
                } else if rest.starts_with("[^") || rest.starts_with("[]") {
                    2
                } else {
                    1
                };
                // A bracket that closes at once is a member.
                out.push_str(match rest.get(..taken) {
                    Some("[^]") => "[^\\]",
                    Some("[]") => "[\\]",
                    Some("[^") => "[^",
                    _ => "[",
                });
            }
            '[' if rest.starts_with("[:") => {
                taken = rest.find(":]").map_or(1, |end| end + 2);
                out.push_str(rest.get(..taken).unwrap_or("["));
            }
            '[' | '&' | '~' if in_class => out.extend(['\\', character]),
            ']' => {
                in_class = false;
                out.push(']');
            }
            other => out.push(other),
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_postgres() {
        for (text, pattern, found) in [
            ("a\nb", "a.b", true),
            ("a\nb", "(?n)a.b", false),
            ("a\nb", "(?n)^b", true),
            ("a\nb", "^b", false),
            ("foo bar", "\\mbar\\M", true),
            ("foobar", "\\mbar", false),
            ("foo bar", "[[:<:]]bar[[:>:]]", true),
            ("foo", "o\\y", true),
            ("foo bar", "\\Bo\\y", true),
            ("ab", "(?i)AB", true),
            ("a.b", "***=a.b", true),
            ("axb", "***=a.b", false),
            ("[", "[[]", true),
            ("]", "[]]", true),
            ("x", "[^]]", true),
            ("a&b", "a[&&]b", true),
            ("x1", "^[[:alpha:]][0-9]$", true),
        ] {
            let regex = Regex::new(&of_operator(pattern)).unwrap();
            assert_eq!(regex.is_match(text), found, "{text} {pattern}");
        }
    }

    #[test]
    fn what_means_the_same_stays() {
        for pattern in ["^abc$", "a\\.b", "[.]", "(?i)x", "\\d+", "(?:x)", "a{2}"] {
            assert_eq!(of_operator(pattern), pattern);
        }
        assert_eq!(of_operator("a.b"), "(?s)a.b");
        assert_eq!(of_operator("(?i)a.b"), "(?is)a.b");
    }
}
