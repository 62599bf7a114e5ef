//! The hidden population: who the customers truly are, in normal form.

use std::collections::HashSet;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::clock::{self, DAY, HORIZON};
use super::words::{CULTURES, Culture, SEGMENTS, Word};

/// Domains that nobody can own.
const DOMAINS: [&str; 4] = ["example.com", "example.org", "example.net", "mail.example.com"];

/// Street, postcode and city, which only mean something together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Street and house number.
    pub street: String,
    /// Postcode, which may begin with a zero.
    pub postcode: String,
    /// City, in its own script.
    pub city: String,
}

/// One customer as they truly are.
#[derive(Clone, Debug)]
pub struct Person {
    /// Given name, and the same in A to Z.
    pub given: Word,
    /// Family name, and the same in A to Z.
    pub family: Word,
    /// The e-mail address that they use, in lower case; no two people share one.
    pub email: String,
    /// One that they used before, which is nobody else's either.
    pub old_email: String,
    /// The mobile number's national part, without a trunk prefix.
    pub national_number: String,
    /// Where they live.
    pub address: Address,
    /// Where they lived before.
    pub old_address: Address,
    /// When they moved, in seconds; none for those who have not.
    pub moved_at: Option<i64>,
    /// Their birthday, in days.
    pub birth_day: i32,
    /// One of [`SEGMENTS`].
    pub segment: &'static str,
    /// When they first bought, in seconds.
    pub since: i64,
    /// Their country's words.
    pub(super) culture: &'static Culture,
}

impl Person {
    /// The whole name as they write it.
    pub fn name(&self) -> String {
        full_name(self.culture, self.given.0, self.family.0)
    }

    /// The phone number in E.164.
    pub fn phone(&self) -> String {
        format!("+{}{}", self.culture.dial, self.national_number)
    }

    /// The country, ISO 3166-1 alpha-2.
    pub fn country_code(&self) -> &'static str {
        self.culture.iso2
    }

    /// The birthday as `1980-02-29`.
    pub fn birth_date(&self) -> String {
        clock::iso_date(self.birth_day)
    }

    /// Where they lived at a moment.
    pub fn address_at(&self, seconds: i64) -> &Address {
        match self.moved_at {
            Some(moved) if seconds < moved => &self.old_address,
            _ => &self.address,
        }
    }
}

/// Given and family name in a country's order.
pub fn full_name(culture: &Culture, given: &str, family: &str) -> String {
    // A name that was put into A to Z is put into the Western order too.
    if culture.family_first && !given.is_ascii() { format!("{family}{given}") } else { format!("{given} {family}") }
}

/// So many people; the same ones for the same seed.
pub fn population(seed: u64, size: usize) -> Vec<Person> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut taken = HashSet::new();
    (0..size).map(|index| person(index, &mut rng, &mut taken)).collect()
}

fn person(index: usize, rng: &mut ChaCha8Rng, taken: &mut HashSet<String>) -> Person {
    let drawn = culture(rng.random_range(0..100));
    // The first ten are the first two names of each country, so that there is someone to ask for by name.
    let (culture, named) = match CULTURES.get(index % CULTURES.len()) {
        Some(culture) if index < 2 * CULTURES.len() => (culture, Some(index / CULTURES.len())),
        _ => (drawn, None),
    };
    let given = word(culture.given, named, rng);
    let family = word(culture.family, named, rng);
    let birth_day = rng.random_range(-12_000..13_500);
    let local = format!("{}.{}", plain(given.1), plain(family.1));
    let email = unique(&local, rng, taken);
    let year = clock::iso_date(birth_day).chars().skip(2).take(2).collect::<String>();
    let old_email = unique(&format!("{}{year}", plain(family.1)), rng, taken);
    let start = culture.mobile.choose(rng).copied().unwrap_or_default();
    let national_number = format!("{start}{}", filled(&"#".repeat(culture.subscriber_digits), rng));
    let address = address(culture, rng);
    let mut old_address = self::address(culture, rng);
    while old_address == address {
        old_address = self::address(culture, rng);
    }
    Person {
        given,
        family,
        email,
        old_email,
        national_number,
        address,
        old_address,
        moved_at: rng.random_bool(0.3).then(|| HORIZON - rng.random_range(30..1000) * DAY),
        birth_day,
        segment: segment(rng.random_range(0..100)),
        since: HORIZON - rng.random_range(1100..3000) * DAY,
        culture,
    }
}

fn culture(percentile: u32) -> &'static Culture {
    let mut below = 0;
    for culture in &CULTURES {
        below += culture.percent;
        if percentile < below {
            return culture;
        }
    }
    &CULTURES[0]
}

fn segment(percentile: u32) -> &'static str {
    let [private, business, public, partner] = SEGMENTS;
    match percentile {
        0..60 => private,
        60..85 => business,
        85..95 => public,
        _ => partner,
    }
}

fn word(words: &[Word], named: Option<usize>, rng: &mut ChaCha8Rng) -> Word {
    let chosen = words.choose(rng).copied().unwrap_or_default();
    named.and_then(|index| words.get(index).copied()).unwrap_or(chosen)
}

/// Only the lower-case letters and hyphens of a name, for an e-mail address.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphabetic() || *c == '-').map(|c| c.to_ascii_lowercase()).collect()
}

/// An address that nobody has, numbered where the plain one is gone.
fn unique(local: &str, rng: &mut ChaCha8Rng, taken: &mut HashSet<String>) -> String {
    let domain = DOMAINS.choose(rng).copied().unwrap_or_default();
    let mut email = format!("{local}@{domain}");
    let mut number = 2;
    while !taken.insert(email.clone()) {
        email = format!("{local}{number}@{domain}");
        number += 1;
    }
    email
}

fn address(culture: &Culture, rng: &mut ChaCha8Rng) -> Address {
    let street = culture.streets.choose(rng).copied().unwrap_or_default();
    let (city, postcode) = culture.cities.choose(rng).copied().unwrap_or_default();
    Address {
        street: street.replace("{}", &rng.random_range(1..180_u32).to_string()),
        postcode: filled(postcode, rng),
        city: city.to_string(),
    }
}

/// A pattern with each `#` a digit and each `@` a capital letter.
fn filled(pattern: &str, rng: &mut ChaCha8Rng) -> String {
    pattern
        .chars()
        .map(|c| match c {
            '#' => char::from(b'0' + rng.random_range(0..10_u8)),
            '@' => char::from(b'A' + rng.random_range(0..26_u8)),
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_people() {
        let people = |seed| population(seed, 200).iter().map(|p| format!("{p:?}")).collect::<Vec<_>>();
        assert_eq!(people(42), people(42));
        assert_ne!(people(42), people(43));
    }

    #[test]
    fn emails_are_unique_and_names_come_from_every_country() {
        let people = population(42, 2000);
        let emails: HashSet<&str> = people.iter().flat_map(|p| [p.email.as_str(), p.old_email.as_str()]).collect();
        assert_eq!(emails.len(), 4000);
        for name in ["张伟", "Gül Şahin", "İbrahim Yıldız", "Jürgen Müller", "Liam O'Brien", "Émilie Lefèvre"]
        {
            assert!(people.iter().any(|p| p.name() == name), "{name}");
        }
    }
}
