//! `onerow_similar_pattern(pattern, escape)`: a pattern of SIMILAR TO as a regular expression over the whole text.
//!
//! The rules are those of Postgres's `similar_to_escape`, written for the regular expressions of this program.

use datafusion::logical_expr::ScalarUDF;

use super::row_function::{Param, Spec, returns_text, text};
use crate::error::{Error, Result};

/// The function. An empty escape escapes nothing.
pub(super) fn udf() -> ScalarUDF {
    Spec::new("onerow_similar_pattern", &[Param::Text, Param::Text], returns_text, |call| {
        let escape = call.text(1).and_then(|escape| escape.chars().next());
        regex_of(call.text(0).unwrap_or_default(), escape).map(text)
    })
    .udf()
}

fn regex_of(pattern: &str, escape: Option<char>) -> Result<String> {
    let mut out = String::with_capacity(pattern.len() * 2 + 8);
    out.push_str("^(?:");
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        if Some(character) == escape {
            match characters.next() {
                Some('"') if !in_class => {
                    return Err(Error::unsupported("separators in a pattern of SIMILAR TO are not supported"));
                }
                Some(letter) if letter.is_ascii_alphanumeric() => out.extend(['\\', letter]),
                Some(other) => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
                // Postgres ignores an escape character at the end.
                None => {}
            }
        } else if in_class {
            match character {
                '[' if characters.peek() == Some(&':') => {
                    // A class by name, as in [[:alpha:]], up to its own bracket.
                    out.push('[');
                    while let Some(inner) = characters.next() {
                        out.push(inner);
                        if inner == ':' && characters.peek() == Some(&']') {
                            out.extend(characters.next());
                            break;
                        }
                    }
                }
                '[' | '&' | '~' | '\\' => out.extend(['\\', character]),
                ']' => {
                    in_class = false;
                    out.push(']');
                }
                other => out.push(other),
            }
        } else {
            match character {
                '[' => {
                    in_class = true;
                    out.push('[');
                    if characters.peek() == Some(&'^') {
                        out.extend(characters.next());
                    }
                    // A bracket that closes at once is a member.
                    if characters.peek() == Some(&']') {
                        characters.next();
                        out.push_str("\\]");
                    }
                }
                '%' => out.push_str("(?s:.)*"),
                '_' => out.push_str("(?s:.)"),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => out.extend(['\\', character]),
                other => out.push(other),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_postgres() {
        for (text, pattern, matches) in [
            ("abc", "a_c", true),
            ("abc", "a", false),
            ("abc", "%(b|d)%", true),
            ("abc", "(b|c)%", false),
            ("a.c", "a.c", true),
            ("abc", "a.c", false),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("aab", "a{2}b", true),
            ("x1", "[[:alpha:]][0-9]", true),
            ("x]", "x[]%]", true),
            ("a\nc", "a_c", true),
            ("^a$", "^a$", true),
        ] {
            let regex = regex::Regex::new(&regex_of(pattern, Some('\\')).unwrap()).unwrap();
            assert_eq!(regex.is_match(text), matches, "{text} {pattern}");
        }
        assert_eq!(regex_of("a#_", Some('#')).unwrap(), "^(?:a_)$");
        assert_eq!(regex_of("a\\", None).unwrap(), "^(?:a\\\\)$");
    }
}
