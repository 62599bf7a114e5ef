//! The chain: what a record's code covers, and how a record is written as a line.
//!
//! A line is `{"seq":12,"prev":"CODE",.. ,"mac":"CODE"}`. Its own code is over everything before `,"mac":`, byte for
//! byte, so that no other way to write the same JSON has to be thought of. As the code of the record before it is in
//! there, a line can be judged by itself, and the order of lines by comparing.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, SqlState};

/// The bytes of a code.
pub(super) const CODE: usize = 32;
/// Fewer bytes than this can be guessed.
const KEY_MIN: usize = 16;
/// What stands before a record's code.
const MAC: &str = ",\"mac\":\"";
/// What stands after it.
const END: &str = "\"}";

/// A record's code.
pub(super) type Code = [u8; CODE];

/// The secret.
#[derive(Clone)]
pub(super) struct Key(Hmac<Sha256>);

impl Key {
    /// Takes a secret of at least 16 bytes (F0000 else).
    pub fn new(secret: &[u8]) -> Result<Key> {
        let wrong = |what: &str| {
            Error::new(SqlState::CONFIG_FILE_ERROR, what)
                .with_hint("Make one with, for example, openssl rand -hex 32, and keep it away from the log.")
        };
        if secret.len() < KEY_MIN {
            return Err(wrong("the audit key is too short").with_detail(format!("It needs {KEY_MIN} bytes.")));
        }
        Hmac::new_from_slice(secret).map(Key).map_err(|_| wrong("the audit key cannot be used"))
    }

    fn code(&self, covered: &[u8]) -> Code {
        let mut mac = self.0.clone();
        mac.update(covered);
        mac.finalize().into_bytes().into()
    }

    /// Whether a code is that of what it covers; the time it takes tells nothing.
    fn is_code(&self, covered: &[u8], code: &Code) -> bool {
        let mut mac = self.0.clone();
        mac.update(covered);
        mac.verify_slice(code).is_ok()
    }
}

/// The last record: its number and its code. Written as `12:CODE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// How many records there are, over all files.
    pub seq: u64,
    /// The last one's code; zeros before the first.
    pub(super) mac: Code,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.mac))
    }
}

impl FromStr for Head {
    type Err = Error;

    fn from_str(text: &str) -> Result<Head> {
        let parts = text.trim().split_once(':');
        let head = parts.and_then(|(seq, mac)| Some(Head { seq: seq.parse().ok()?, mac: from_hex(mac)? }));
        head.ok_or_else(|| {
            Error::new(SqlState::CONFIG_FILE_ERROR, format!("\"{text}\" is no head of an audit log"))
                .with_hint("The server logs it as number:code, when it starts and stops and once a minute.")
        })
    }
}

impl Head {
    /// Writes a record as a line after this one, and becomes it. `body` is a JSON object that is not empty.
    pub(super) fn seal(&mut self, key: &Key, body: &str, out: &mut Vec<u8>) {
        let start = out.len();
        let seq = self.seq + 1;
        let inner = body.strip_prefix('{').and_then(|body| body.strip_suffix('}')).unwrap_or(body);
        out.extend_from_slice(format!("{{\"seq\":{seq},\"prev\":\"{}\",{inner}", hex(&self.mac)).as_bytes());
        let mac = key.code(out.get(start..).unwrap_or_default());
        out.extend_from_slice(format!("{MAC}{}{END}\n", hex(&mac)).as_bytes());
        *self = Head { seq, mac };
    }
}

/// A line that has the form of a record. Whether it is one, its code says.
#[derive(Debug)]
pub(super) struct Line<'a> {
    covered: &'a [u8],
    pub seq: u64,
    pub prev: Code,
    pub mac: Code,
    /// Whether the code is written as it always is: in small letters.
    spelled: bool,
}

impl<'a> Line<'a> {
    /// Takes a line without its line end; none when it has not the form of a record.
    pub fn read(line: &'a [u8]) -> Option<Line<'a>> {
        let body = line.strip_suffix(END.as_bytes())?;
        let (rest, mac) = body.split_at_checked(body.len().checked_sub(2 * CODE)?)?;
        let covered = rest.strip_suffix(MAC.as_bytes())?;
        let written = mac;
        let mac = from_hex(std::str::from_utf8(mac).ok()?)?;
        let spelled = hex(&mac).as_bytes() == written;
        let (seq, rest) = std::str::from_utf8(covered).ok()?.strip_prefix("{\"seq\":")?.split_once(",\"prev\":\"")?;
        let prev = from_hex(rest.get(..2 * CODE)?)?;
        Some(Line { covered, seq: seq.parse().ok()?, prev, mac, spelled })
    }

    /// Whether it is as it was written.
    pub fn is_whole(&self, key: &Key) -> bool {
        self.spelled && key.is_code(self.covered, &self.mac)
    }

    /// The last record, if this is it.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, mac: self.mac }
    }

    /// What it says.
    pub fn json(&self) -> Option<serde_json::Value> {
        let text = [self.covered, b"}"].concat();
        serde_json::from_slice(&text).ok()
    }
}

/// SHA-256, in hexadecimal.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<Code> {
    let mut code = [0; CODE];
    if text.len() != 2 * CODE {
        return None;
    }
    for (byte, pair) in code.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|value| u8::try_from(value).ok());
        *byte = (digit(*high)? << 4) | digit(*low)?;
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_sealed_and_read() {
        let key = Key::new(b"0123456789abcdef").unwrap();
        let mut head = Head::default();
        let mut out = vec![];
        head.seal(&key, "{\"event\":\"start\",\"user\":\"张 \\\"x\\\"\"}", &mut out);
        head.seal(&key, "{\"event\":\"stop\"}", &mut out);
        let lines: Vec<&[u8]> = out.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        let [first, second] = lines.as_slice() else { panic!() };
        let (one, two) = (Line::read(first).unwrap(), Line::read(second).unwrap());
        assert!(one.is_whole(&key) && two.is_whole(&key));
        assert_eq!((one.seq, two.seq, two.prev, two.head()), (1, 2, one.mac, head));
        assert_eq!(one.json().unwrap()["user"], "张 \"x\"");
        // Every byte counts.
        for at in 0..first.len() {
            let mut changed = first.to_vec();
            changed[at] ^= 1;
            assert!(Line::read(&changed).is_none_or(|line| !line.is_whole(&key)), "byte {at}");
        }
        assert!(!one.is_whole(&Key::new(b"0123456789abcdeg").unwrap()));
        assert!(Line::read(&first[..first.len() - 1]).is_none());
        assert!(Line::read(b"").is_none() && Line::read(b"{}").is_none());
    }

    #[test]
    fn codes_are_hmac_sha_256() {
        // RFC 4231, the fourth test case.
        let secret: Vec<u8> = (1..=25).collect();
        let code = Key::new(&secret).unwrap().code(&[0xcd; 50]);
        assert_eq!(hex(&code), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    }

    #[test]
    fn heads_as_text() {
        let head = Head { seq: 7, mac: [0xa1; CODE] };
        assert_eq!(head.to_string().parse::<Head>().unwrap(), head);
        for wrong in ["", "7", "7:", "x:00", &format!("7:{}", "g".repeat(64)), &format!("7:{}", "é".repeat(32))] {
            assert!(wrong.parse::<Head>().is_err(), "{wrong}");
        }
        assert!(Key::new(b"short").is_err());
    }
}
