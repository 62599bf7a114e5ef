//! Reading a telephone number as people write it.
//!
//! The steps are those of libphonenumber's parser (Google, `PhoneNumberUtil.parse`), with two differences that keep
//! wrong numbers out: letters are never read as the digits on their keys, and a line break stands in no number.

use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::characters::{digit, normalized};
use super::territory::{self, Territory};

/// A longer text holds no single number; as libphonenumber's limit.
const LONGEST_TEXT: usize = 250;
/// National numbers have so many digits (libphonenumber's limits).
const SHORTEST_NUMBER: usize = 2;
const LONGEST_NUMBER: usize = 17;
/// A calling code has one to three digits (ITU-T E.164, 6.2.1).
const LONGEST_CODE: usize = 3;

/// An extension at the end: a word or mark for it, then up to seven digits.
static EXTENSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words = "extension|extn|ext|xtn|anexo|int|durchwahl|dw|доб|доп|分机|分機|转|轉|内線|內線|内线|x|#|,|;";
    Regex::new(&format!(r"(?i)(?:;ext=|[ \t,;]*(?:{words})[.:]*[ \t,:-]*)[0-9]{{1,7}}#?$|[ -]+[0-9]{{1,5}}#$")).ok()
});

/// The number in E.164, such as `+4930123456`, without its extension; none when the text is no valid number.
/// Without a `home` only a number with its country's code is one.
pub(super) fn e164(text: &str, home: Option<&Territory>) -> Option<String> {
    if text.chars().nth(LONGEST_TEXT).is_some() {
        return None;
    }
    let (international, digits) = dialled(text)?;
    if international {
        // `+0049`, where a zero can begin no calling code.
        return from_abroad(digits.strip_prefix("00").unwrap_or(&digits));
    }
    home.and_then(|home| from_home(&digits, home)).or_else(|| from_abroad(digits.strip_prefix("00")?))
}

/// The digits of the first and only number in a text, and whether a plus stood before them.
fn dialled(text: &str) -> Option<(bool, String)> {
    let text = normalized(text);
    let start = text.find(|c: char| c == '+' || digit(c).is_some())?;
    let text: String = text.get(start..)?.chars().map(|c| digit(c).unwrap_or(c)).collect();
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '#');
    let extension = EXTENSION.as_ref().and_then(|pattern| pattern.find(text));
    let text = extension.and_then(|extension| text.get(..extension.start())).unwrap_or(text);

    let mut digits = String::with_capacity(text.len());
    let mut international = false;
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '+' if digits.is_empty() => international = true,
            // NFKC has made the full-width forms plain, and every kind of space but the tab a space.
            ' ' | '\t' | '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30FC}' => {}
            '/' | '.' | '(' | ')' | '[' | ']' | '·' | '•' => {}
            _ => return None,
        }
    }
    Some((international, digits))
}

/// Reads digits that begin with a country's calling code.
fn from_abroad(digits: &str) -> Option<String> {
    // No calling code begins another one, so the first that is one is the one.
    for length in 1..=LONGEST_CODE {
        let (code, number) = digits.split_at_checked(length)?;
        let territories = territory::with_code(code.parse().ok()?);
        if let Some(main) = territories.first() {
            // `+49 (0)30 ..` has a prefix too many; a number that is valid as it stands has not.
            let whole = valid(number, territories);
            return whole.or_else(|| valid(&main.without_national_prefix(number)?, territories));
        }
    }
    None
}

/// Reads digits as somebody in `home` dials them.
fn from_home(digits: &str, home: &Territory) -> Option<String> {
    let abroad = home.after_international_prefix(digits).filter(|rest| !rest.starts_with('0'));
    if let Some(number) = abroad.and_then(from_abroad) {
        return Some(number);
    }
    let territories = territory::with_code(home.code());
    let national = |number: &str| {
        let stripped = home.without_national_prefix(number);
        stripped.and_then(|number| valid(&number, territories)).or_else(|| valid(number, territories))
    };
    // The calling code without the plus, `49 30 123456`, unless the digits can be a national number as they are.
    let after_code = digits.strip_prefix(home.code().to_string().as_str()).filter(|rest| {
        let stripped = home.without_national_prefix(rest);
        !home.could_be(digits) && home.could_be(stripped.as_deref().unwrap_or(rest))
    });
    after_code.and_then(national).or_else(|| national(digits))
}

/// The national number in E.164 when one of the territories that share its calling code has it.
fn valid(number: &str, territories: &[Arc<Territory>]) -> Option<String> {
    let fits = (SHORTEST_NUMBER..=LONGEST_NUMBER).contains(&number.len());
    let territory = territories.iter().find(|territory| fits && territory.has(number))?;
    Some(format!("+{}{number}", territory.code()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (text, home, number) in [
            ("030 123456", "DE", Some("+4930123456")),
            ("(030) 12 34 56 ext. 7", "DE", Some("+4930123456")),
            ("+49 (0)30 123456", "CN", Some("+4930123456")),
            ("0049 30 123456", "DE", Some("+4930123456")),
            ("0049 30 123456", "", Some("+4930123456")),
            ("49 30 123456", "DE", Some("+4930123456")),
            ("030 123456", "", None),
            ("138 0013 8000", "CN", Some("+8613800138000")),
            ("＋８６　１３８－００１３－８０００", "", Some("+8613800138000")),
            ("010-65529988 分机 12", "CN", Some("+861065529988")),
            ("0532 123 45 67", "TR", Some("+905321234567")),
            ("٠٥٣٢ ١٢٣ ٤٥ ٦٧", "TR", Some("+905321234567")),
            ("8 (812) 123-45-67", "RU", Some("+78121234567")),
            ("8 800 555 35 35", "RU", Some("+78005553535")),
            ("011 49 30 123456", "US", Some("+4930123456")),
            ("(650) 253-0000 x123", "US", Some("+16502530000")),
            ("1-650-253-0000", "US", Some("+16502530000")),
            ("06 1234 5678", "IT", Some("+390612345678")),
            ("0343 15 555 1212", "AR", Some("+5493435551212")),
            ("+800 1234 5678", "", Some("+80012345678")),
            ("1-800-FLOWERS", "US", None),
            ("030 12345 home", "DE", None),
            ("123", "DE", None),
            ("+1 2530000", "", None),
            ("no number", "DE", None),
            ("+", "DE", None),
            ("", "DE", None),
        ] {
            assert_eq!(e164(text, territory::find(home)).as_deref(), number, "{text:?} in {home:?}");
        }
        assert_eq!(e164(&"1".repeat(251), None), None);
    }
}
