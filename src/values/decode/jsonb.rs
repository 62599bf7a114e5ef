//! `jsonb` in its one form, Postgres's: keys by length and then by bytes, the last of equal keys, numbers without
//! exponents, one blank after commas and colons.

use bytes::BytesMut;

use crate::error::{Error, Result, SqlState};
use crate::values::decimal::{Numeric, write_text};

/// How deep JSON may nest: its readers call themselves, on stacks of two megabytes.
const DEEPEST: usize = 500;

/// Refuses JSON that nests too deeply (54001). The check of its syntax does not: it never looks at depths.
pub(crate) fn check_depth(json: &str) -> Result<()> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                if depth > DEEPEST {
                    return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "json nests too deeply")
                        .with_detail(format!("It may nest {DEEPEST} levels.")));
                }
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Brings JSON into its form. The text must be JSON.
pub(super) fn normal(json: &str) -> Result<String> {
    check_depth(json)?;
    let mut out = String::with_capacity(json.len() + json.len() / 8);
    let mut reader = Reader { rest: json, zero: false };
    match reader.value(&mut out) {
        Some(()) => Ok(out),
        None if reader.zero => Err(Error::new(SqlState("22P05"), "unsupported Unicode escape sequence")
            .with_detail("\\u0000 cannot be converted to text.")),
        None => Err(Error::new(SqlState::INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json")),
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// Whether a string with a zero character made it fail.
    zero: bool,
}

impl<'a> Reader<'a> {
    fn value(&mut self, out: &mut String) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(out),
            b'[' => self.array(out),
            b'"' => {
                let text = self.string()?;
                quote(&text, out);
                Some(())
            }
            _ => {
                let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
                let word = self.take(end.unwrap_or(self.rest.len()))?;
                match Numeric::parse(word) {
                    Ok(Numeric::Number(number)) => {
                        let mut text = BytesMut::with_capacity(number.digits.len() + 2);
                        let zero = number.digits.iter().all(|digit| *digit == b'0');
                        let scale = i32::try_from(number.scale).ok()?;
                        write_text(number.negative && !zero, &number.digits, scale, &mut text);
                        out.push_str(std::str::from_utf8(&text).ok()?);
                    }
                    // true, false, null, and numbers that are too long to change.
                    _ => out.push_str(word),
                }
                Some(())
            }
        }
    }

    fn object(&mut self, out: &mut String) -> Option<()> {
        let mut members: Vec<(String, String)> = Vec::new();
        self.take(1)?;
        while self.peek()? != b'}' {
            let name = self.string()?;
            (self.peek()? == b':').then_some(())?;
            self.take(1)?;
            let mut value = String::new();
            self.value(&mut value)?;
            members.push((name, value));
            if self.peek()? == b',' {
                self.take(1)?;
            }
        }
        self.take(1)?;
        // Sorting keeps the order of equal keys, and the last of them counts.
        members.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        out.push('{');
        let mut first = true;
        for (at, (name, value)) in members.iter().enumerate() {
            if members.get(at + 1).is_some_and(|(next, _)| next == name) {
                continue;
            }
            if !first {
                out.push_str(", ");
            }
            first = false;
            quote(name, out);
            out.push_str(": ");
            out.push_str(value);
        }
        out.push('}');
        Some(())
    }

    fn array(&mut self, out: &mut String) -> Option<()> {
        self.take(1)?;
        out.push('[');
        while self.peek()? != b']' {
            self.value(out)?;
            if self.peek()? == b',' {
                self.take(1)?;
                out.push_str(", ");
            }
        }
        self.take(1)?;
        out.push(']');
        Some(())
    }

    /// A string without its quotes and escapes.
    fn string(&mut self) -> Option<String> {
        (self.peek()? == b'"').then_some(())?;
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })?;
        let text: String = serde_json::from_str(self.take(end + 2)?).ok()?;
        if text.contains('\0') {
            self.zero = true;
            return None;
        }
        Some(text)
    }

    /// The first byte after white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.bytes().next()
    }

    fn take(&mut self, bytes: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(bytes).filter(|(taken, _)| !taken.is_empty())?;
        self.rest = rest;
        Some(taken)
    }
}

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_postgres_writes_it() {
        for (json, form) in [
            (r#"{"bb":1,"a":2,"c":{"x":[]}, "a":3}"#, r#"{"a": 3, "c": {"x": []}, "bb": 1}"#),
            (r#" [1, 2.50 ,null,true,"x" ] "#, r#"[1, 2.50, null, true, "x"]"#),
            (
                r#"[1e3,-0,-0.0,1.5E-2,100000000000000000000,12e-1]"#,
                "[1000, 0, 0.0, 0.015, 100000000000000000000, 1.2]",
            ),
            (r#""\u00e9\n\/\"\\\u0001""#, "\"é\\n/\\\"\\\\\\u0001\""),
            ("{}", "{}"),
            ("[]", "[]"),
            ("[[],{}]", "[[], {}]"),
            (r#"{"":0,"é":1,"b":2}"#, r#"{"": 0, "b": 2, "é": 1}"#),
        ] {
            assert_eq!(normal(json).unwrap(), form);
        }
        assert_eq!(normal(r#"{"a":"\u0000"}"#).unwrap_err().state(), SqlState("22P05"));
    }

    #[test]
    fn what_is_no_json_is_an_error() {
        for json in ["", "{", "[1", "\"", "{\"a\"", "{\"a\":", "{1:2}", "[}"] {
            assert!(normal(json).is_err(), "{json}");
        }
    }
}
