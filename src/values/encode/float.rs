//! Floating-point numbers as Postgres shows them: the fewest digits that read back as the same number, with an
//! exponent below 1e-4 and from 1e15 (`double precision`) or 1e6 (`real`) on.

use std::fmt::{self, LowerExp, Write};

use bytes::{BufMut, BytesMut};

use super::digits;

/// Writes a `double precision`.
pub(super) fn double(value: f64, out: &mut BytesMut) {
    if value.is_finite() {
        shortest(value, 15, out);
    } else {
        special(value, out);
    }
}

/// Writes a `real`.
pub(super) fn single(value: f32, out: &mut BytesMut) {
    if value.is_finite() {
        shortest(value, 6, out);
    } else {
        special(f64::from(value), out);
    }
}

fn special(value: f64, out: &mut BytesMut) {
    out.extend_from_slice(if value.is_nan() {
        b"NaN"
    } else if value > 0.0 {
        b"Infinity"
    } else {
        b"-Infinity"
    });
}

/// Text of bounded length: `-1.2345678901234567e-308` has 24 characters.
struct Room {
    bytes: [u8; 32],
    len: usize,
}

impl Write for Room {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// `limit` is the first exponent that is written as one.
fn shortest(value: impl LowerExp, limit: i32, out: &mut BytesMut) {
    let mut room = Room { bytes: [0; 32], len: 0 };
    // The room is large enough for every finite number.
    let _ = write!(room, "{value:e}");
    let text = room.bytes.get(..room.len).unwrap_or_default();
    let (text, negative) = match text.split_first() {
        Some((b'-', rest)) => (rest, true),
        _ => (text, false),
    };
    let split = text.iter().position(|b| *b == b'e').unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(split);
    let exponent: i32 =
        std::str::from_utf8(exponent.get(1..).unwrap_or_default()).ok().and_then(|e| e.parse().ok()).unwrap_or(0);
    if negative {
        out.put_u8(b'-');
    }
    let (first, rest) = mantissa.split_at(mantissa.len().min(1));
    let rest = rest.get(1..).unwrap_or_default();
    if (-4..limit).contains(&exponent) {
        if exponent < 0 {
            out.extend_from_slice(b"0.");
            out.put_bytes(b'0', (-exponent - 1) as usize);
            out.extend_from_slice(first);
            out.extend_from_slice(rest);
            return;
        }
        let whole = exponent as usize;
        out.extend_from_slice(first);
        if rest.len() <= whole {
            out.extend_from_slice(rest);
            out.put_bytes(b'0', whole - rest.len());
        } else {
            let (whole, fraction) = rest.split_at(whole);
            out.extend_from_slice(whole);
            out.put_u8(b'.');
            out.extend_from_slice(fraction);
        }
        return;
    }
    out.extend_from_slice(first);
    if !rest.is_empty() {
        out.put_u8(b'.');
        out.extend_from_slice(rest);
    }
    out.put_u8(b'e');
    out.put_u8(if exponent < 0 { b'-' } else { b'+' });
    digits::padded(u64::from(exponent.unsigned_abs()), 2, out);
}
