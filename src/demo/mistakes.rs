//! What mistakes do to a value.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::clock;
use super::words::Culture;

/// Whether a word has letters enough for [`typo`] to change it.
pub fn can_mistype(word: &str) -> bool {
    word.chars().skip(1).filter(|c| c.is_alphabetic()).count() >= 2
}

/// One letter after the first dropped, doubled or exchanged with its neighbour. Always another word.
pub fn typo(word: &str, rng: &mut ChaCha8Rng) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let places: Vec<(usize, char)> =
        letters.iter().copied().enumerate().skip(1).filter(|(_, letter)| letter.is_alphabetic()).collect();
    let Some((at, letter)) = places.choose(rng).copied() else { return word.to_string() };
    let next = letters.get(at + 1).copied().filter(|next| next.is_alphabetic() && *next != letter);
    match (rng.random_range(0..3), next) {
        (0, Some(_)) => letters.swap(at, at + 1),
        (1, _) => letters.insert(at, letter),
        _ => {
            letters.remove(at);
        }
    }
    letters.into_iter().collect()
}

/// A to Z, digits and blanks in full width, as some input methods type them.
pub fn wide(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            ' ' => '\u{3000}',
            '!'..='~' => char::from_u32(u32::from(c) + 0xFEE0).unwrap_or(c),
            other => other,
        })
        .collect()
}

/// One of the last four digits replaced by another.
pub fn wrong_digit(text: &str, rng: &mut ChaCha8Rng) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let digits: Vec<usize> =
        characters.iter().enumerate().rev().filter(|(_, c)| c.is_ascii_digit()).take(4).map(|(at, _)| at).collect();
    let shift = rng.random_range(1..10_u8);
    if let Some(at) = digits.choose(rng)
        && let Some(character) = characters.get_mut(*at)
        && let Some(digit) = character.to_digit(10).and_then(|digit| u8::try_from(digit).ok())
    {
        *character = char::from(b'0' + (digit + shift) % 10);
    }
    characters.into_iter().collect()
}

/// A phone number as people write it.
pub fn untidy_phone(culture: &Culture, national: &str, rng: &mut ChaCha8Rng) -> String {
    let (dial, trunk) = (culture.dial, culture.trunk);
    let (area, rest) = national.split_at_checked(3).unwrap_or((national, ""));
    match rng.random_range(0..5) {
        0 => format!("+{dial} {area} {rest}"),
        1 => format!("00{dial} {area} {rest}"),
        2 => format!("{trunk}{area} {rest}"),
        3 => format!("{trunk}{area}-{rest}"),
        _ => format!(" {trunk}{area}{rest}"),
    }
}

/// An e-mail address with capitals or blanks.
pub fn untidy_email(email: &str, rng: &mut ChaCha8Rng) -> String {
    match rng.random_range(0..4) {
        0 => email.to_ascii_uppercase(),
        1 => format!(" {email}"),
        2 => format!("{email}  "),
        _ => {
            let mut start = true;
            email
                .chars()
                .map(|c| {
                    let capital = start && c.is_ascii_alphabetic();
                    start = c == '.' || c == '@';
                    if capital { c.to_ascii_uppercase() } else { c }
                })
                .collect()
        }
    }
}

/// Day and month exchanged where that is a date, else the next day.
pub fn wrong_birthday(day: i32) -> i32 {
    use chrono::{Datelike, NaiveDate};
    let date = clock::date(day);
    match NaiveDate::from_ymd_opt(date.year(), date.day(), date.month()) {
        Some(exchanged) if exchanged != date => clock::day(exchanged),
        _ => day + 1,
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_mistake_always_changes_the_value() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..500 {
            for word in ["Müller", "O'Brien", "欧阳南京路", "Aaa"] {
                assert!(can_mistype(word));
                assert_ne!(typo(word, &mut rng), word);
            }
            assert_ne!(wrong_digit("SW1 2AB", &mut rng), "SW1 2AB");
            assert_ne!(untidy_email("a.b@example.com", &mut rng), "a.b@example.com");
        }
        assert!(!can_mistype("张伟"));
        assert_eq!(wide("Ab 1"), "Ａｂ\u{3000}１");
        assert_eq!(clock::iso_date(wrong_birthday(0)), "1970-01-02");
    }
}
