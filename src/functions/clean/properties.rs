//! What holds for every text, whatever is in it.

use std::borrow::Cow;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::text::{normalize_company, repair_text};
use super::{blank_to_null, normalize_email, normalize_name, normalize_text, phone_number, territory};

/// Pieces that have broken cleaning code before: spaces of all kinds, invisible characters, letters whose cases
/// differ in length, marks that compose, characters that NFKC takes apart, and the syntax of each kind of text.
const NASTY: &[&str] = &[
    " ",
    "\t",
    "\n",
    "\r\n",
    "\u{A0}",
    "\u{85}",
    "\u{1680}",
    "\u{2028}",
    "\u{3000}",
    "\u{200B}",
    "\u{200D}",
    "\u{FEFF}",
    "\u{AD}",
    "\u{34F}",
    "\u{0}",
    "\u{1F}",
    "\u{7F}",
    "\u{FE0F}",
    "\u{3164}",
    "\u{E0041}",
    "\u{202E}",
    "İ",
    "ı",
    "i",
    "I",
    "i\u{307}",
    "\u{307}",
    "\u{301}",
    "\u{308}",
    "\u{331}",
    "\u{323}",
    "\u{345}",
    "ß",
    "ẞ",
    "ǰ",
    "J\u{30C}",
    "ΐ",
    "ᾳ",
    "Σ",
    "ς",
    "ŉ",
    "ﬁ",
    "Ǆ",
    "ª",
    "Ⅷ",
    "½",
    "²",
    "´",
    "¨",
    "℡",
    "ﷺ",
    "Ａ",
    "ａ",
    "＠",
    "．",
    "。",
    "，",
    "＋",
    "１",
    "٣",
    "۴",
    "७",
    "张",
    "伟",
    "か",
    "\u{3099}",
    "ᄀ",
    "ᅡ",
    "ᆨ",
    "김",
    "・",
    "ー",
    "გ",
    "Გ",
    "Ꭰ",
    "Ⱥ",
    "K",
    "\u{1E900}",
    "a",
    "B",
    "mc",
    "MC",
    "van",
    "VAN",
    "III",
    "jr.",
    "O'",
    "'t",
    "’",
    "\"",
    "'",
    "-",
    ".",
    ",",
    ";",
    ":",
    "(",
    ")",
    "<",
    ">",
    "@",
    "mailto:",
    "MAILTO:",
    "?",
    "x.org",
    "+",
    "00",
    "+49",
    "030",
    "1",
    "123456",
    "8",
    "ext",
    "#",
    "/",
    "_",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => select(NASTY).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().collect::<String>()),
    ];
    vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

/// Cleaning twice is cleaning once, and what is cleaned is not blank, nor has white space at its ends.
fn check(clean: for<'a> fn(&'a str) -> Option<Cow<'a, str>>, text: &str) -> Result<(), TestCaseError> {
    if let Some(once) = clean(text) {
        prop_assert!(!once.is_empty());
        prop_assert_eq!(once.trim(), &*once);
        let twice = clean(&once);
        prop_assert_eq!(twice.as_deref(), Some(&*once));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_is_stable(text in text()) {
        check(normalize_text::clean, &text)?;
    }

    #[test]
    fn email_is_stable(text in text()) {
        check(normalize_email::clean, &text)?;
    }

    #[test]
    fn email_around_an_address_is_stable(before in text(), after in text()) {
        check(normalize_email::clean, &format!("{before}@{after}.org"))?;
    }

    #[test]
    fn repair_is_stable(text in text()) {
        let once = repair_text::clean(&text).unwrap();
        prop_assert_eq!(repair_text::clean(&once).unwrap(), once.clone());
    }

    #[test]
    fn company_is_stable(
        text in text(),
        form in select(vec!["GmbH & Co. KG", "A.Ş.", "SPA", "有限公司", "(株)", "ООО", ""]),
    ) {
        check(normalize_company::clean, &format!("{text} {form}"))?;
        check(normalize_company::clean, &format!("{form}{text}"))?;
    }

    #[test]
    fn name_is_stable(text in text()) {
        check(normalize_name::clean, &text)?;
    }

    #[test]
    fn phone_is_stable(text in text(), region in select(vec!["DE", "CN", "TR", "US", "RU", "AR", "IT", "BR", ""])) {
        let home = territory::find(region);
        if let Some(once) = phone_number::e164(&text, home) {
            prop_assert!(once.strip_prefix('+').is_some_and(|digits| digits.chars().all(|c| c.is_ascii_digit())));
            let twice = phone_number::e164(&once, home);
            prop_assert_eq!(twice.as_deref(), Some(once.as_str()));
        }
    }

    #[test]
    fn blank_to_null_changes_nothing(text in text()) {
        if let Some(kept) = blank_to_null::clean(&text) {
            prop_assert_eq!(&*kept, text.as_str());
        } else {
            prop_assert!(normalize_text::clean(&text).is_none());
        }
    }
}
