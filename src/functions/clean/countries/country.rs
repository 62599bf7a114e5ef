//! A country, and how it is found by what people call it.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::data::COUNTRIES;
use crate::functions::clean::fold::words;

/// A country of ISO 3166-1.
#[derive(Debug)]
pub(super) struct Country {
    /// Its code of two letters.
    pub alpha2: &'static str,
    /// Its code of three letters.
    pub alpha3: &'static str,
    /// Its number.
    pub numeric: u16,
    /// Its English name.
    pub name: &'static str,
    /// The codes of what it pays in, the usual one first.
    pub currencies: &'static [&'static str],
    /// The forms of its postcodes; empty when it has none.
    pub postcodes: &'static [&'static str],
    /// Other names: its own, older and longer ones.
    pub names: &'static [&'static str],
}

/// What stands before the name of many states.
const FORMS: &[&[&str]] = &[
    &["republic", "of"],
    &["kingdom", "of"],
    &["principality", "of"],
    &["sultanate", "of"],
    &["commonwealth", "of"],
    &["grand", "duchy", "of"],
    &["peoples", "republic", "of"],
    &["islamic", "republic", "of"],
    &["federal", "republic", "of"],
    &["federative", "republic", "of"],
    &["socialist", "republic", "of"],
];

/// Countries by every name and code, folded.
static BY_NAME: LazyLock<HashMap<String, &'static Country>> = LazyLock::new(|| {
    let names = |country: &'static Country| {
        [country.alpha2, country.alpha3, country.name].into_iter().chain(country.names.iter().copied())
    };
    COUNTRIES.iter().flat_map(|country| names(country).map(move |name| (words(name).concat(), country))).collect()
});

/// The country that a text names by a code of two or three letters, a number or a name. None for any other text.
pub(super) fn find(text: &str) -> Option<&'static Country> {
    let words = words(text);
    let key = words.concat();
    if let Some(country) = BY_NAME.get(&key) {
        return Some(country);
    }
    if (1..=3).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_digit()) {
        let numeric: u16 = key.parse().ok()?;
        return COUNTRIES.iter().find(|country| country.numeric == numeric);
    }
    let bare = FORMS.iter().find_map(|form| {
        let (head, rest) = words.split_at_checked(form.len())?;
        head.iter().eq(form.iter()).then_some(rest)
    })?;
    BY_NAME.get(&bare.concat()).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_of_one_country() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for country in COUNTRIES {
            for name in [country.alpha2, country.alpha3, country.name].iter().chain(country.names) {
                let key = words(name).concat();
                assert!(!key.is_empty(), "{name}");
                let other = seen.insert(key, country.alpha2);
                assert!(
                    other.is_none_or(|other| other == country.alpha2),
                    "{name} is {other:?} and {}",
                    country.alpha2
                );
                assert_eq!(find(name).map(|found| found.alpha2), Some(country.alpha2), "{name}");
            }
            assert_eq!(find(&format!("{:03}", country.numeric)).map(|found| found.alpha2), Some(country.alpha2));
            assert_eq!((country.alpha2.len(), country.alpha3.len()), (2, 3));
        }
        assert_eq!(COUNTRIES.len(), 249);
        assert!(COUNTRIES.windows(2).all(|pair| pair[0].alpha2 < pair[1].alpha2));
        assert_eq!(COUNTRIES.iter().map(|country| country.numeric).collect::<HashSet<_>>().len(), 249);
    }

    #[test]
    fn states_have_long_names() {
        for (text, code) in [
            ("Republic of Türkiye", "TR"),
            ("Kingdom of the Netherlands", "NL"),
            ("People’s Republic of China", "CN"),
            ("Republic of China", "TW"),
            ("Federal Republic of Nigeria", "NG"),
            ("Islamic Republic of Iran", "IR"),
        ] {
            assert_eq!(find(text).map(|country| country.alpha2), Some(code), "{text}");
        }
        for text in ["", "Korea", "Republic of", "Kosovo", "XX", "0", "1000", "Democratic People's Republic of China"] {
            assert!(find(text).is_none(), "{text}");
        }
    }
}
