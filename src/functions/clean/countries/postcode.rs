//! Forms of postcodes.

use super::country::Country;
use crate::functions::clean::characters::{digit, tidy};

/// Longer texts are no postcodes.
const LONGEST: usize = 40;

/// Signs of vehicles that people write before a postcode, where they are not the country's code.
const SIGNS: &[(&str, &str)] = &[
    ("D", "DE"),
    ("A", "AT"),
    ("F", "FR"),
    ("I", "IT"),
    ("B", "BE"),
    ("E", "ES"),
    ("P", "PT"),
    ("S", "SE"),
    ("L", "LU"),
    ("N", "NO"),
    ("H", "HU"),
    ("FL", "LI"),
    ("FIN", "FI"),
    ("SLO", "SI"),
    ("EST", "EE"),
];

/// The postcode in the form that its country writes; none when it is none of that country.
pub(super) fn normalize(text: &str, country: &Country) -> Option<String> {
    let tidy = tidy(text);
    if tidy.len() > LONGEST {
        return None;
    }
    let mut bare = String::with_capacity(tidy.len());
    for c in tidy.chars() {
        match digit(c).unwrap_or(c) {
            c if c.is_ascii_alphanumeric() => bare.push(c.to_ascii_uppercase()),
            ' ' | '-' | '.' | '‐' | '–' | '−' | '〒' => {}
            _ => return None,
        }
    }
    let without = [country.alpha2, country.alpha3]
        .into_iter()
        .chain(SIGNS.iter().filter(|(_, code)| *code == country.alpha2).map(|(sign, _)| *sign))
        .find_map(|sign| bare.strip_prefix(sign));
    country
        .postcodes
        .iter()
        .find_map(|form| fitted(&bare, form).or_else(|| fitted(without?, form)))
        .or_else(|| country.postcodes.iter().find_map(|form| fitted(&format!("{}{bare}", prefix(form)), form)))
}

/// The letters that a form begins with, which may be left out.
fn prefix(form: &str) -> String {
    form.chars().take_while(char::is_ascii_lowercase).map(|c| c.to_ascii_uppercase()).collect()
}

/// The characters in a form: `9` a digit, `A` a letter, `X` either, a small letter that letter.
fn fitted(bare: &str, form: &str) -> Option<String> {
    let mut rest = bare.chars();
    let mut written = String::with_capacity(form.len());
    for place in form.chars() {
        if matches!(place, ' ' | '-') {
            written.push(place);
            continue;
        }
        let c = rest.next()?;
        let fits = match place {
            '9' => c.is_ascii_digit(),
            'A' => c.is_ascii_uppercase(),
            'X' => c.is_ascii_digit() || c.is_ascii_uppercase(),
            place if place.is_ascii_lowercase() => c == place.to_ascii_uppercase(),
            place => c == place,
        };
        if !fits {
            return None;
        }
        written.push(c);
    }
    rest.next().is_none().then_some(written)
}

#[cfg(test)]
mod tests {
    use super::super::country::find;
    use super::super::data::COUNTRIES;
    use super::*;

    #[test]
    fn postcodes_of_many_countries() {
        for (country, text, code) in [
            ("GB", "sw1a1aa", Some("SW1A 1AA")),
            ("GB", "M1 1AE", Some("M1 1AE")),
            ("GB", "12345", None),
            ("US", "123456789", Some("12345-6789")),
            ("US", "02139", Some("02139")),
            ("US", "2139", None),
            ("CA", "k1a-0b1", Some("K1A 0B1")),
            ("NL", "1012ab", Some("1012 AB")),
            ("DE", "D-10115", Some("10115")),
            ("DE", "１０１１５", Some("10115")),
            ("JP", "〒１００－０００１", Some("100-0001")),
            ("PL", "00950", Some("00-950")),
            ("LV", "1010", Some("LV-1010")),
            ("LV", "lv1010", Some("LV-1010")),
            ("AD", "500", Some("AD500")),
            ("IE", "D02X285", Some("D02 X285")),
            ("TR", "34000 ", Some("34000")),
            ("HK", "999077", None),
            ("CN", "100000", Some("100000")),
            ("DE", "", None),
        ] {
            assert_eq!(normalize(text, find(country).unwrap()).as_deref(), code, "{country} {text}");
        }
    }

    #[test]
    fn forms_give_what_they_take() {
        for country in COUNTRIES {
            for form in country.postcodes {
                let example: String =
                    form.chars().map(|c| if c == 'X' { '7' } else { c.to_ascii_uppercase() }).collect();
                let once = normalize(&example, country);
                assert_eq!(once.as_deref(), Some(example.as_str()), "{}", country.alpha2);
            }
        }
    }
}
