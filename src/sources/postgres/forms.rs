//! In what forms the values of a large answer travel.
//!
//! The driver asks for every column in binary. A server makes the binary form of a numeric digit by digit in a buffer of
//! its own, which takes it longer than to write it out, and more bytes. So where rows go past the driver, what it says on
//! the way to the server is changed: in its Bind message the columns of type numeric are asked for as text.

use crate::catalog::types::PgType;

/// A form of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Binary,
    Text,
}

impl Form {
    /// In which form values of a type are asked for when there are many.
    pub(super) fn of(wire: &PgType) -> Form {
        match wire {
            PgType::Numeric(_) => Form::Text,
            _ => Form::Binary,
        }
    }
}

/// The tag of a message that gives a statement its values, and says in what form the answer's are wanted.
const BIND: u8 = b'B';

/// What the driver says of the answer's forms, at the end of a Bind: one for all columns, binary.
const ALL_BINARY: [u8; 4] = [0, 1, 0, 1];

/// What a driver wrote, as far as forms are concerned.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Whole messages, of which one asks for an answer: the same asking for it in other forms.
    Asking(Vec<u8>),
    /// Whole messages that ask for none.
    Other,
    /// Something else.
    Unknown,
}

/// What to write in place of what the driver writes, so that an answer's columns come in these forms.
pub(super) fn asked(written: &[u8], forms: &[Form]) -> Written {
    let mut rest = written;
    while let Some((header, behind)) = rest.split_first_chunk::<5>() {
        let [tag, length @ ..] = *header;
        let length = usize::try_from(u32::from_be_bytes(length)).ok().and_then(|length| length.checked_sub(4));
        let Some((body, after)) = length.and_then(|length| behind.split_at_checked(length)) else {
            return Written::Unknown;
        };
        if tag == BIND {
            let before = written.len() - rest.len();
            return match with_forms(body, forms) {
                Some(bind) => {
                    let made = [written.get(..before).unwrap_or_default(), &bind, after].concat();
                    Written::Asking(made)
                }
                None => Written::Unknown,
            };
        }
        rest = after;
    }
    if rest.is_empty() { Written::Other } else { Written::Unknown }
}

/// A Bind of this body that asks for these forms; none when it asks for others than the driver does.
fn with_forms(body: &[u8], forms: &[Form]) -> Option<Vec<u8>> {
    // The names of the portal and of the statement.
    let mut rest = after_name(after_name(body)?)?;
    let (count, behind) = number(rest)?;
    rest = behind.get(2 * usize::from(count)..)?;
    let (count, behind) = number(rest)?;
    rest = behind;
    for _ in 0..count {
        let (length, behind) = rest.split_first_chunk::<4>()?;
        // A length of -1 is null's.
        let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
        rest = behind.get(length..)?;
    }
    if rest != ALL_BINARY {
        return None;
    }
    let values = body.get(..body.len() - ALL_BINARY.len())?;
    let count = u16::try_from(forms.len()).ok()?;
    let length = u32::try_from(4 + values.len() + 2 + 2 * forms.len()).ok()?;
    let mut bind = vec![BIND];
    bind.extend_from_slice(&length.to_be_bytes());
    bind.extend_from_slice(values);
    bind.extend_from_slice(&count.to_be_bytes());
    for form in forms {
        bind.extend_from_slice(&u16::from(*form == Form::Binary).to_be_bytes());
    }
    Some(bind)
}

/// What comes after a text that ends with a zero.
fn after_name(data: &[u8]) -> Option<&[u8]> {
    let end = data.iter().position(|byte| *byte == 0)?;
    data.get(end + 1..)
}

fn number(data: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = data.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag], &u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..], body].concat()
    }

    /// A Bind of values in text that asks for these forms, between other messages.
    fn question(values: &[Option<&[u8]>], forms: &[u8]) -> Vec<u8> {
        let count = u16::try_from(values.len()).unwrap().to_be_bytes();
        let mut body = [b"\0s7\0", &count[..], &vec![0; 2 * values.len()], &count].concat();
        for value in values {
            let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
            body.extend_from_slice(&length.to_be_bytes());
            body.extend_from_slice(value.unwrap_or_default());
        }
        body.extend_from_slice(forms);
        let closing = [message(b'C', b"Ss6\0"), message(b'S', b"")].concat();
        [closing, message(BIND, &body), message(b'E', &[0; 5]), message(b'S', b"")].concat()
    }

    #[test]
    fn columns_are_asked_for_in_their_forms() {
        let forms = [Form::Binary, Form::Text, Form::Binary];
        for values in [&[][..], &[Some(&b"x\0\0\x01\0B"[..]), None, Some(b"")]] {
            let written = question(values, &[0, 1, 0, 1]);
            let expected = question(values, &[0, 3, 0, 1, 0, 0, 0, 1]);
            assert_eq!(asked(&written, &forms), Written::Asking(expected));
            // What begins or ends in the midst of a message is left alone.
            let bind = 9 + 5;
            assert_eq!(asked(&written[..bind], &forms), Written::Other);
            for cut in bind + 1..written.len() - 15 {
                assert_eq!(asked(&written[..cut], &forms), Written::Unknown, "{cut}");
            }
            for begun in 1..9 {
                assert_eq!(asked(&written[begun..], &forms), Written::Unknown, "{begun}");
            }
        }
    }

    #[test]
    fn other_questions_are_left_alone() {
        // In text, in two forms, and in binary by no form.
        for forms in [&[0, 1, 0, 0][..], &[0, 2, 0, 1, 0, 1], &[0, 0], &[]] {
            assert_eq!(asked(&question(&[Some(b"x")], forms), &[Form::Text]), Written::Unknown);
        }
        assert_eq!(asked(&message(b'Q', b"BEGIN\0"), &[Form::Text]), Written::Other);
        assert_eq!(asked(b"", &[Form::Text]), Written::Other);
    }
}
