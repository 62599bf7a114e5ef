//! One JSON object's members as slices of its text, so that no digit of a number is lost on the way.
//!
//! The text is checked as a whole first ([`check`]); the walk over it can then be a simple one.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// What a JSON value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What a value's text is.
pub fn kind(raw: &str) -> Kind {
    match raw.as_bytes().first() {
        Some(b'"') => Kind::String,
        Some(b'{') => Kind::Object,
        Some(b'[') => Kind::Array,
        Some(b't' | b'f') => Kind::Bool,
        Some(b'n') => Kind::Null,
        _ => Kind::Number,
    }
}

/// Whether text is one JSON value; the error says where it is not.
pub fn check(text: &str) -> Result<(), serde_json::Error> {
    serde_json::from_str::<IgnoredAny>(text).map(|_| ())
}

/// A string's value; none when it holds half a surrogate pair.
pub fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Calls `each` with the key and the value's text of each member of an object; a key is none when it holds half a
/// surrogate pair.
pub fn members<'a>(object: &'a str, mut each: impl FnMut(Cow<'a, str>, &'a str)) {
    let mut walk = Walk { text: object, at: 0 };
    walk.skip_byte(b'{');
    while walk.peek() == Some(b'"') {
        let key = walk.value();
        walk.skip_byte(b':');
        let value = walk.value();
        if let Some(key) = string(key) {
            each(key, value);
        }
        walk.skip_byte(b',');
    }
}

/// The texts of an array's elements.
pub fn elements(array: &str) -> Vec<&str> {
    let mut walk = Walk { text: array, at: 0 };
    let mut found = vec![];
    walk.skip_byte(b'[');
    while !matches!(walk.peek(), None | Some(b']')) {
        found.push(walk.value());
        walk.skip_byte(b',');
    }
    found
}

/// The value that a path of keys and indexes leads to.
pub fn locate<'a>(raw: &'a str, path: &[String]) -> Option<&'a str> {
    let Some((step, rest)) = path.split_first() else { return Some(raw) };
    let next = match kind(raw) {
        Kind::Object => {
            let mut found = None;
            members(raw, |key, value| {
                if key == step.as_str() {
                    found = Some(value);
                }
            });
            found?
        }
        Kind::Array => elements(raw).get(step.parse::<usize>().ok()?).copied()?,
        _ => return None,
    };
    locate(next, rest)
}

/// The steps of a JSON pointer (RFC 6901); none when it does not begin with a slash.
pub fn pointer(text: &str) -> Option<Vec<String>> {
    Some(text.strip_prefix('/')?.split('/').map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// A place in valid JSON.
struct Walk<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Walk<'a> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.as_bytes().get(self.at) {
            if !byte.is_ascii_whitespace() {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn skip_byte(&mut self, byte: u8) {
        if self.peek() == Some(byte) {
            self.at += 1;
        }
    }

    /// The next value's text. It always moves on, so that a walk ends even on text that is no JSON.
    fn value(&mut self) -> &'a str {
        self.peek();
        let start = self.at;
        let bytes = self.text.as_bytes();
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        while let Some(byte) = bytes.get(self.at) {
            if in_string {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' => escaped = true,
                    b'"' => in_string = false,
                    _ => {}
                }
                self.at += 1;
                if !in_string && depth == 0 {
                    break;
                }
                continue;
            }
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        break;
                    }
                }
                // The end of a number, of true, false or null.
                b',' | b'}' | b']' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        if self.at == start {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_text() {
        let text = r#" { "a" : 1.10 , "b\u0041":"x,\"}", "c":[1, {"d":null}],"e":{ } ,"f":true}"#;
        check(text).unwrap();
        let mut found = vec![];
        members(text.trim(), |key, value| found.push((key.into_owned(), value)));
        let expected = [("a", "1.10"), ("bA", r#""x,\"}""#), ("c", r#"[1, {"d":null}]"#), ("e", "{ }"), ("f", "true")];
        assert_eq!(found, expected.map(|(k, v)| (k.to_string(), v)));
        assert_eq!(elements(r#"[1, {"d":null} ,"x"]"#), vec!["1", r#"{"d":null}"#, r#""x""#]);
        assert!(elements("[ ]").is_empty());
    }

    #[test]
    fn pointers_lead_to_values() {
        let text = r#"{"a":{"b/c":[10,20]}}"#;
        assert_eq!(locate(text, &pointer("/a/b~1c/1").unwrap()), Some("20"));
        assert_eq!(locate(text, &pointer("/a/x").unwrap()), None);
        assert_eq!(pointer("a"), None);
    }
}
