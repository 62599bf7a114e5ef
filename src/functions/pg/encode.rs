//! `encode(bytea, format)` and `decode(text, format)`: `hex`, `base64` in lines of 76 characters, and `escape`.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec, returns_text, text};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// How many characters a line of base64 has.
const LINE: usize = 76;

/// `encode`
pub(super) fn encode() -> ScalarUDF {
    Spec::new("encode", &[Param::Bytes, Param::Text], returns_text, |call| {
        let (Some(ScalarValue::Binary(Some(bytes))), Some(format)) = (call.values.first(), call.text(1)) else {
            return Ok(None);
        };
        Ok(text(match format.to_ascii_lowercase().as_str() {
            "hex" => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            "base64" => to_base64(bytes),
            "escape" => to_escape(bytes),
            _ => return Err(unknown(format)),
        }))
    })
    .udf()
}

/// `decode`
pub(super) fn decode() -> ScalarUDF {
    Spec::new(
        "decode",
        &[Param::Text, Param::Text],
        |_| PgType::Bytea,
        |call| {
            let (Some(written), Some(format)) = (call.text(0), call.text(1)) else { return Ok(None) };
            let bytes = match format.to_ascii_lowercase().as_str() {
                "hex" => from_hex(written)?,
                "base64" => from_base64(written)?,
                "escape" => from_escape(written)?,
                _ => return Err(unknown(format)),
            };
            Ok(Some(ScalarValue::Binary(Some(bytes))))
        },
    )
    .udf()
}

fn unknown(format: &str) -> Error {
    invalid(format!("unrecognized encoding: \"{format}\""))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message.into())
}

fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + bytes.len() / 57 + 4);
    let mut on_line = 0;
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, at| (bits << 8) | u32::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at)) & 63;
            let letter = usize::try_from(digit).ok().and_then(|digit| DIGITS.get(digit)).copied().unwrap_or(b'A');
            out.push(if at > three.len() { '=' } else { char::from(letter) });
        }
        on_line += 4;
        // A full line ends, also where nothing follows; what is filled up ends none.
        if on_line == LINE && three.len() == 3 {
            out.push('\n');
            on_line = 0;
        }
    }
    out
}

fn from_base64(written: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(written.len() / 4 * 3);
    let (mut bits, mut digits, mut ended) = (0u32, 0, 0);
    for letter in written.chars() {
        if letter.is_ascii_whitespace() {
            continue;
        }
        let value = if letter == '=' {
            if ended == 0 && digits < 2 {
                return Err(invalid("unexpected \"=\" while decoding base64 sequence"));
            }
            ended += 1;
            0
        } else {
            let found = DIGITS.iter().position(|digit| char::from(*digit) == letter);
            match found.and_then(|at| u32::try_from(at).ok()) {
                Some(value) if ended == 0 => value,
                _ => return Err(invalid(format!("invalid symbol \"{letter}\" found while decoding base64 sequence"))),
            }
        };
        bits = (bits << 6) | value;
        digits += 1;
        if digits == 4 {
            let [_, all @ ..] = bits.to_be_bytes();
            bytes.extend(all.iter().take(3usize.saturating_sub(ended)));
            (bits, digits) = (0, 0);
        }
    }
    if digits != 0 {
        return Err(invalid("invalid base64 end sequence")
            .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
    }
    Ok(bytes)
}

fn from_hex(written: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(written.len() / 2);
    let mut first: Option<u32> = None;
    for letter in written.chars().filter(|letter| !letter.is_ascii_whitespace()) {
        let digit = letter.to_digit(16).ok_or_else(|| invalid(format!("invalid hexadecimal digit: \"{letter}\"")))?;
        match first.take() {
            Some(before) => bytes.extend(u8::try_from(before * 16 + digit)),
            None => first = Some(digit),
        }
    }
    match first {
        Some(_) => Err(invalid("invalid hexadecimal data: odd number of digits")),
        None => Ok(bytes),
    }
}

/// Zero bytes and those that are no ASCII are `\` and three octal digits.
fn to_escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            0 | 128.. => out.push_str(&format!("\\{byte:03o}")),
            byte => out.push(char::from(*byte)),
        }
    }
    out
}

fn from_escape(written: &str) -> Result<Vec<u8>> {
    let wrong = || {
        let message = "invalid input syntax for type bytea";
        Error::new(SqlState::INVALID_TEXT_REPRESENTATION, message)
    };
    let mut bytes = Vec::with_capacity(written.len());
    let mut rest = written.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let first = rest.next().ok_or_else(wrong)?;
        if first == b'\\' {
            bytes.push(first);
            continue;
        }
        let mut value = 0u32;
        for digit in [Some(first), rest.next(), rest.next()] {
            let digit = digit.and_then(|digit| char::from(digit).to_digit(8)).ok_or_else(wrong)?;
            value = value * 8 + digit;
        }
        bytes.push(u8::try_from(value).map_err(|_| wrong())?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_filled_and_in_lines() {
        assert_eq!([&b""[..], b"\0", b"\0\xff", b"\0\xff\x01"].map(to_base64), ["", "AA==", "AP8=", "AP8B"]);
        let long = to_base64(&[b'a'; 60]);
        assert_eq!(long.lines().map(str::len).collect::<Vec<_>>(), [76, 4]);
        assert_eq!([56, 57, 58].map(|count| to_base64(&vec![b'a'; count]).len()), [76, 77, 81]);
        assert_eq!(from_base64(&long).unwrap(), [b'a'; 60]);
        assert_eq!(from_base64("AP8=").unwrap(), b"\0\xff");
        assert_eq!(from_base64("AA ==\n").unwrap(), b"\0");
        assert!(from_base64("AP8").is_err());
        assert!(from_base64("A*==").is_err());
    }

    #[test]
    fn bytes_are_escaped() {
        assert_eq!(to_escape(b"\0\xffa\\"), "\\000\\377a\\\\");
        assert_eq!(from_escape("\\000\\377a\\\\").unwrap(), b"\0\xffa\\");
        assert!(from_escape("\\9").is_err());
    }

    #[test]
    fn two_digits_are_a_byte() {
        assert_eq!(from_hex("00 fF").unwrap(), b"\0\xff");
        assert!(from_hex("0").is_err());
        assert!(from_hex("0g").is_err());
    }
}
