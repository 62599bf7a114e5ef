//! Quoting of what stands inside the text of an array or a record.

use bytes::{BufMut, BytesMut};

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `{a,"b c"}`: a quote or backslash takes a backslash before it, and the word NULL is quoted.
    Array,
    /// `(a,"b c")`: a quote or backslash is doubled.
    Record,
}

/// Quotes what was written from `start` on, if its text asks for it.
pub(super) fn quote(style: Style, start: usize, out: &mut BytesMut) {
    let Some(text) = out.get(start..) else { return };
    let special = |b: &u8| match b {
        b'"' | b'\\' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C => true,
        b'{' | b'}' => style == Style::Array,
        b'(' | b')' => style == Style::Record,
        _ => false,
    };
    let null = style == Style::Array && text.eq_ignore_ascii_case(b"null");
    if !text.is_empty() && !null && !text.iter().any(special) {
        return;
    }
    let text = text.to_vec();
    out.truncate(start);
    out.put_u8(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' if style == Style::Array => out.put_u8(b'\\'),
            b'"' | b'\\' => out.put_u8(byte),
            _ => {}
        }
        out.put_u8(byte);
    }
    out.put_u8(b'"');
}
