//! Paths as users write them: checked, matched against file names, and read for `key=value` folders.

use crate::error::{Error, Result, SqlState};

/// A table's path, relative to its server's location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePath {
    /// Without `.` segments, without slashes at either end; empty for the location itself.
    pub text: String,
    /// Whether it was written with a slash at its end, so that it can only be a folder.
    pub folder: bool,
}

/// Reads a table's path. One that could leave the location is refused (42501).
pub fn table_path(path: &str) -> Result<TablePath> {
    if path.starts_with('/') || path.split(['/', '\\']).any(|part| part == "..") {
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("path \"{path}\" does not lie in the server's location"),
        )
        .with_hint("Give a path relative to the location, without \"..\"."));
    }
    if path.chars().any(char::is_control) {
        return Err(Error::new(
            SqlState::FDW_INVALID_ATTRIBUTE_VALUE,
            "invalid value for option \"path\": it holds a control character",
        ));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    Ok(TablePath { text: parts.join("/"), folder: path.is_empty() || path.ends_with('/') || path == "." })
}

/// Whether a path has wildcards.
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{'])
}

/// Whether a file or folder of this name is skipped unless it is named: those of a dot or an underscore, which are
/// hidden or not finished. `_key=value` is a partition's folder.
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

/// A path with wildcards: `*` and `?` within a name, `[a-z]` and `[!a-z]`, `{a,b}`, and `**` for any folders.
#[derive(Clone, Debug)]
pub struct Pattern {
    alternatives: Vec<Vec<Segment>>,
    folder: String,
    deep: bool,
}

#[derive(Clone, Debug)]
enum Segment {
    AnyDepth,
    Name(Vec<Token>),
}

#[derive(Clone, Debug)]
enum Token {
    Char(char),
    One,
    Many,
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// Reads a pattern.
    pub fn new(path: &str) -> Pattern {
        let parts: Vec<&str> = path.split('/').collect();
        let plain = parts.iter().take(parts.len().saturating_sub(1)).take_while(|part| !is_pattern(part)).count();
        let folder = parts.get(..plain).unwrap_or_default().join("/");
        let rest = parts.get(plain..).unwrap_or_default();
        // A brace may hold slashes, so what is left can be deeper than it looks.
        let deep = rest.len() > 1 || rest.iter().any(|part| part.contains("**"));
        let alternatives = expand_braces(path)
            .iter()
            .map(|path| {
                path.split('/')
                    .map(|part| if part == "**" { Segment::AnyDepth } else { Segment::Name(tokens(part)) })
                    .collect()
            })
            .collect();
        Pattern { alternatives, folder, deep }
    }

    /// The folder that every match lies in: the segments before the first wildcard.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Whether a match can lie in a folder below [`Pattern::folder`].
    pub fn deep(&self) -> bool {
        self.deep
    }

    /// Whether a path matches. A hidden name matches only where the pattern spells its first character.
    pub fn matches(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').collect();
        self.alternatives.iter().any(|segments| match_segments(segments, &parts))
    }
}

fn match_segments(segments: &[Segment], parts: &[&str]) -> bool {
    match segments.split_first() {
        None => parts.is_empty(),
        Some((Segment::AnyDepth, rest)) => {
            match_segments(rest, parts)
                || parts.split_first().is_some_and(|(head, tail)| !is_hidden(head) && match_segments(segments, tail))
        }
        Some((Segment::Name(tokens), rest)) => {
            parts.split_first().is_some_and(|(head, tail)| match_name(tokens, head) && match_segments(rest, tail))
        }
    }
}

fn match_name(tokens: &[Token], name: &str) -> bool {
    if is_hidden(name) && !matches!((tokens.first(), name.chars().next()), (Some(Token::Char(a)), Some(b)) if *a == b) {
        return false;
    }
    let chars: Vec<char> = name.chars().collect();
    // The last `*` and where it stopped are enough to go back to: an earlier one gains nothing.
    let (mut t, mut c) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        match (tokens.get(t), chars.get(c)) {
            (None, None) => return true,
            (Some(Token::Many), _) => {
                back = Some((t + 1, c));
                t += 1;
            }
            (Some(token), Some(char)) if token.takes(*char) => {
                t += 1;
                c += 1;
            }
            _ => match back {
                Some((token, char)) if char < chars.len() => {
                    back = Some((token, char + 1));
                    t = token;
                    c = char + 1;
                }
                _ => return false,
            },
        }
    }
}

impl Token {
    fn takes(&self, char: char) -> bool {
        match self {
            Token::Char(own) => *own == char,
            Token::One | Token::Many => true,
            Token::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&char)) != *negated
            }
        }
    }
}

fn tokens(part: &str) -> Vec<Token> {
    let chars: Vec<char> = part.chars().collect();
    let mut tokens = vec![];
    let mut at = 0;
    while let Some(char) = chars.get(at) {
        at += 1;
        match char {
            '*' => tokens.push(Token::Many),
            '?' => tokens.push(Token::One),
            '[' => match class(chars.get(at..).unwrap_or_default()) {
                Some((token, length)) => {
                    tokens.push(token);
                    at += length;
                }
                None => tokens.push(Token::Char('[')),
            },
            other => tokens.push(Token::Char(*other)),
        }
    }
    tokens
}

/// A class after its opening bracket, and how many characters it took; none when it is not closed.
fn class(chars: &[char]) -> Option<(Token, usize)> {
    let negated = matches!(chars.first(), Some('!' | '^'));
    let start = usize::from(negated);
    // A bracket that comes first is a member.
    let close = chars.iter().skip(start + 1).position(|c| *c == ']')? + start + 1;
    let members = chars.get(start..close)?;
    let mut ranges = vec![];
    let mut at = 0;
    while let Some(low) = members.get(at) {
        match (members.get(at + 1), members.get(at + 2)) {
            (Some('-'), Some(high)) => {
                ranges.push((*low, *high));
                at += 3;
            }
            _ => {
                ranges.push((*low, *low));
                at += 1;
            }
        }
    }
    Some((Token::Class { negated, ranges }, close + 1))
}

/// How many patterns braces may stand for.
const MAX_ALTERNATIVES: usize = 1000;

/// `a{b,c}d` is `abd` and `acd`; braces that do not close stand for themselves.
fn expand_braces(path: &str) -> Vec<String> {
    let mut done = vec![];
    let mut open = vec![path.to_string()];
    while let Some(path) = open.pop() {
        match first_brace(&path) {
            Some((before, members, after)) if done.len() + open.len() + members.len() <= MAX_ALTERNATIVES => {
                open.extend(members.iter().map(|member| format!("{before}{member}{after}")));
            }
            _ => done.push(path),
        }
    }
    done
}

fn first_brace(path: &str) -> Option<(&str, Vec<&str>, &str)> {
    let start = path.find('{')?;
    let inner = path.get(start + 1..)?;
    let (mut depth, mut from) = (0usize, 0);
    let mut members = vec![];
    for (at, char) in inner.char_indices() {
        match char {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                members.push(inner.get(from..at)?);
                from = at + 1;
            }
            '}' => {
                members.push(inner.get(from..at)?);
                return Some((path.get(..start)?, members, inner.get(at + 1..)?));
            }
            _ => {}
        }
    }
    None
}

/// What Hive writes for a null in a folder's name.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The `key=value` folders of a file's path, in order; a null value is none.
pub fn hive_values(path: &str) -> Vec<(String, Option<String>)> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    parts
        .into_iter()
        .filter_map(|part| part.split_once('='))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (percent_decode(key), (value != HIVE_NULL).then(|| percent_decode(value))))
        .collect()
}

/// Undoes `%20` and the like; text that does not decode to UTF-8 stays as it is.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let hex = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (byte, hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).matches(path)
    }

    #[test]
    fn patterns_match_as_a_shell_does() {
        assert!(matches("event/*.parquet", "event/a.parquet"));
        assert!(!matches("event/*.parquet", "event/x/a.parquet"));
        assert!(matches("**/*.csv", "a.csv"));
        assert!(matches("**/*.csv", "x/y/a.csv"));
        assert!(matches("event/**", "event/x/y"));
        assert!(matches("a?c[0-9].{csv,json}", "abc7.json"));
        assert!(!matches("a?c[!0-9].{csv,json}", "abc7.json"));
        assert!(matches("*a*b*", "xxaxxbxx"));
        assert!(!matches("*a*b", "xxaxxbxx"));
        assert!(matches("year=*/x.csv", "year=2024/x.csv"));
    }

    #[test]
    fn hidden_names_match_only_when_spelled() {
        assert!(!matches("*.csv", ".a.csv"));
        assert!(!matches("**/*.csv", "_tmp/a.csv"));
        assert!(matches("_tmp/*.csv", "_tmp/a.csv"));
        assert!(matches("**/*.csv", "_day=1/a.csv"));
    }

    #[test]
    fn a_pattern_knows_where_to_list() {
        let one = Pattern::new("event/*.parquet");
        assert_eq!((one.folder(), one.deep()), ("event", false));
        let all = Pattern::new("a/b/**/*.csv");
        assert_eq!((all.folder(), all.deep()), ("a/b", true));
        let braces = Pattern::new("{x/y,z}.csv");
        assert_eq!((braces.folder(), braces.deep()), ("", true));
        assert!(braces.matches("x/y.csv"));
    }

    #[test]
    fn paths_stay_in_the_location() {
        assert!(table_path("../x.csv").is_err());
        assert!(table_path("a/../../x.csv").is_err());
        assert!(table_path("/etc/passwd").is_err());
        assert!(table_path("a..b/c.csv").is_ok());
        let folder = table_path("./event/").unwrap();
        assert_eq!((folder.text.as_str(), folder.folder), ("event", true));
    }

    #[test]
    fn hive_folders_are_read() {
        assert_eq!(
            hive_values("event/year=2024/city=S%C3%A3o/n=__HIVE_DEFAULT_PARTITION__/a=b.parquet"),
            vec![
                ("year".to_string(), Some("2024".to_string())),
                ("city".to_string(), Some("São".to_string())),
                ("n".to_string(), None),
            ]
        );
    }
}
