//! Reads JSON text in place: what kind a value is, its members, its elements.

use crate::error::{Error, Result, SqlState};

/// How deeply a value may nest.
const DEEPEST: usize = 512;

/// A value and the text it stands in.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as it is written.
    Number(&'a str),
    /// A text, without its quotes and escapes.
    Text(String),
    /// An array's elements, each as it is written.
    Array(Vec<&'a str>),
    /// An object's members in order, each value as it is written.
    Object(Vec<(String, &'a str)>),
}

/// Reads the outermost level of a value. What is no JSON is 22P02.
pub(super) fn read(text: &str) -> Result<Json<'_>> {
    let text = text.trim_matches(is_space);
    let mut reader = Reader { rest: text };
    let value = match reader.peek() {
        Some('{') => reader.object(),
        Some('[') => reader.array(),
        Some('"') => string(text).map(Json::Text),
        Some('t') if text == "true" => Some(Json::Bool(true)),
        Some('f') if text == "false" => Some(Json::Bool(false)),
        Some('n') if text == "null" => Some(Json::Null),
        Some('-' | '0'..='9') => Some(Json::Number(text)),
        _ => None,
    };
    value.ok_or_else(invalid)
}

/// 22P02.
pub(super) fn invalid() -> Error {
    Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")
}

/// The last member of a name: of equal names the last one counts.
pub(super) fn member<'a>(members: &[(String, &'a str)], name: &str) -> Option<&'a str> {
    members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value)
}

/// A JSON string without its quotes and escapes.
fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches(is_space);
        self.rest.chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.rest = self.rest.get(wanted.len_utf8()..).unwrap_or_default();
        }
        there
    }

    fn take(&mut self, bytes: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    fn array(&mut self) -> Option<Json<'a>> {
        let mut elements = vec![];
        self.eat('[');
        if self.eat(']') {
            return Some(Json::Array(elements));
        }
        loop {
            elements.push(self.value()?);
            if self.eat(']') {
                return Some(Json::Array(elements));
            }
            self.eat(',').then_some(())?;
        }
    }

    fn object(&mut self) -> Option<Json<'a>> {
        let mut members = vec![];
        self.eat('{');
        if self.eat('}') {
            return Some(Json::Object(members));
        }
        loop {
            let name = string(self.value()?)?;
            self.eat(':').then_some(())?;
            members.push((name, self.value()?));
            if self.eat('}') {
                return Some(Json::Object(members));
            }
            self.eat(',').then_some(())?;
        }
    }

    /// The text of one value, whatever it holds.
    fn value(&mut self) -> Option<&'a str> {
        self.peek()?;
        let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
        let mut end = self.rest.len();
        for (at, byte) in self.rest.bytes().enumerate() {
            if quoted {
                quoted = byte != b'"' || escaped;
                escaped = byte == b'\\' && !escaped;
                if !quoted && depth == 0 {
                    end = at + 1;
                    break;
                }
                continue;
            }
            match byte {
                b'"' => (quoted, escaped) = (true, false),
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        end = at + 1;
                        break;
                    }
                }
                b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
            if depth > DEEPEST {
                return None;
            }
        }
        self.take(end).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_keep_their_text() {
        let Json::Object(members) = read(r#" {"a": [1, "],{"], "b" : {"x":"\"}"} ,"c":-1.50, "a":null}"#).unwrap()
        else {
            panic!("no object")
        };
        assert_eq!(members.len(), 4);
        assert_eq!(member(&members, "a"), Some("null"));
        assert_eq!(member(&members, "b"), Some(r#"{"x":"\"}"}"#));
        assert_eq!(member(&members, "c"), Some("-1.50"));
        assert_eq!(read(r#"[1, "],{" ,[]]"#).unwrap(), Json::Array(vec!["1", r#""],{""#, "[]"]));
        assert_eq!(read("[]").unwrap(), Json::Array(vec![]));
        assert_eq!(read(r#""a\nb""#).unwrap(), Json::Text("a\nb".to_string()));
        for wrong in ["", "{", "[1", "[1 2]", "{\"a\"}", "nul", "\"a"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
