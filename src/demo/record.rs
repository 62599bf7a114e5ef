//! What one system believes of one customer.

use rand::Rng;
use rand::seq::{IndexedRandom, SliceRandom};

use super::clock::{DAY, HORIZON};
use super::dice::{Dice, Tally};
use super::mistakes;
use super::population::{Person, full_name};
use super::rates::Mistake;
use super::systems::System;
use super::words::{CULTURES, Culture, SEGMENTS};

/// One record of a customer, in the system's own order of names but before its own spelling of dates and codes.
/// Null is none; some systems write blanks instead.
#[derive(Clone, Debug)]
pub struct Record {
    /// The e-mail address, perhaps untidy, old or blank.
    pub email: Option<String>,
    /// The whole name.
    pub name: String,
    /// The phone number in any of the ways people write it.
    pub phone: Option<String>,
    /// Street and house number.
    pub street: Option<String>,
    /// Postcode.
    pub postcode: Option<String>,
    /// City.
    pub city: Option<String>,
    /// The country, for the system to spell.
    pub country: Option<&'static Culture>,
    /// The birthday, in days.
    pub birth_day: Option<i32>,
    /// The segment, for the system to spell.
    pub segment: Option<&'static str>,
    /// When the customer came into the system, in seconds.
    pub created_at: i64,
    /// When the record was last touched, in seconds.
    pub updated_at: i64,
}

/// Every record of one system, in the order of its keys, which says nothing of the population's order.
pub fn records(people: &[Person], seed: u64, system: System, tally: &mut Tally) -> Vec<Record> {
    let mut dice = Dice::new(seed, system, tally);
    let mut records = Vec::new();
    for person in people {
        if dice.happens(Mistake::Absent) {
            continue;
        }
        let age = dice.rng.random_range(0..system.oldest_days() * DAY);
        let updated_at = HORIZON - age;
        records.push(stored(person, system, updated_at, &mut dice));
        if dice.happens(Mistake::Twice) {
            let earlier = dice.rng.random_range(60 * DAY..600 * DAY);
            records.push(stored(person, system, updated_at - earlier, &mut dice));
        }
    }
    records.shuffle(&mut dice.rng);
    records
}

/// A record as it was when somebody last changed it, under the time that its system has for that.
fn stored(person: &Person, system: System, changed_at: i64, dice: &mut Dice<'_>) -> Record {
    let mut record = record(person, system, changed_at, dice);
    if dice.happens(Mistake::Touched) {
        record.updated_at += dice.rng.random_range(0..=HORIZON - changed_at);
    }
    record
}

fn record(person: &Person, system: System, updated_at: i64, dice: &mut Dice<'_>) -> Record {
    let email = email(person, dice);
    let name = name(person, system, dice);
    let phone = phone(person, dice);
    let (street, postcode, city) = match address(person, updated_at, dice) {
        Some((street, postcode, city)) => (Some(street), Some(postcode), Some(city)),
        None => (None, None, None),
    };
    let country = country(person, dice);
    let birth_day = if dice.happens(Mistake::BirthMissing) {
        None
    } else if dice.happens(Mistake::BirthWrong) {
        Some(mistakes::wrong_birthday(person.birth_day))
    } else {
        Some(person.birth_day)
    };
    let segment = segment(person, dice);
    Record {
        email,
        name,
        phone,
        street,
        postcode,
        city,
        country,
        birth_day,
        segment,
        created_at: person.since.min(updated_at),
        updated_at,
    }
}

fn email(person: &Person, dice: &mut Dice<'_>) -> Option<String> {
    if dice.happens(Mistake::EmailMissing) {
        return blank(dice);
    }
    let email = if dice.happens(Mistake::EmailOld) { &person.old_email } else { &person.email };
    let untidy = dice.happens(Mistake::EmailUntidy);
    Some(if untidy { mistakes::untidy_email(email, &mut dice.rng) } else { email.clone() })
}

fn name(person: &Person, system: System, dice: &mut Dice<'_>) -> String {
    let has_latin = person.given.0 != person.given.1 || person.family.0 != person.family.1;
    let latin = has_latin && dice.happens(Mistake::NameLatin);
    let (given, family) = if latin { (person.given.1, person.family.1) } else { (person.given.0, person.family.0) };
    let (mut given, mut family) = (given.to_string(), family.to_string());
    if mistakes::can_mistype(&family) && dice.happens(Mistake::NameTypo) {
        family = mistakes::typo(&family, &mut dice.rng);
    }
    // In a name of one or two signs there is nothing to shorten.
    if given.chars().count() > 2 && dice.happens(Mistake::NameInitial) {
        given = given.chars().take(1).chain(['.']).collect();
    }
    let mut name = match system {
        System::Marketing => format!("{family}, {given}"),
        _ => full_name(person.culture, &given, &family),
    };
    let has_case = name.to_lowercase() != name.to_uppercase();
    if has_case && dice.happens(Mistake::NameCase) {
        let small = system != System::Marketing && dice.rng.random_bool(0.5);
        name = if small { name.to_lowercase() } else { name.to_uppercase() };
    }
    if has_case && dice.happens(Mistake::NameWide) {
        name = mistakes::wide(&name);
    }
    name
}

fn phone(person: &Person, dice: &mut Dice<'_>) -> Option<String> {
    if dice.happens(Mistake::PhoneMissing) {
        return blank(dice);
    }
    let wrong = dice.happens(Mistake::PhoneWrong);
    let national = if wrong {
        mistakes::wrong_digit(&person.national_number, &mut dice.rng)
    } else {
        person.national_number.clone()
    };
    let untidy = dice.happens(Mistake::PhoneUntidy);
    Some(if untidy {
        mistakes::untidy_phone(person.culture, &national, &mut dice.rng)
    } else {
        format!("+{}{national}", person.culture.dial)
    })
}

fn address(person: &Person, updated_at: i64, dice: &mut Dice<'_>) -> Option<(String, String, String)> {
    if dice.happens(Mistake::AddressMissing) {
        return None;
    }
    let mut address = person.address_at(updated_at);
    if *address != person.old_address && person.moved_at.is_some() && dice.happens(Mistake::AddressStale) {
        address = &person.old_address;
    }
    let (mut street, mut postcode, mut city) = (address.street.clone(), address.postcode.clone(), address.city.clone());
    let (long, short) = person.culture.short;
    if street.contains(long) && dice.happens(Mistake::StreetShort) {
        street = street.replace(long, short);
    } else if mistakes::can_mistype(&street) && dice.happens(Mistake::StreetTypo) {
        street = mistakes::typo(&street, &mut dice.rng);
    }
    if dice.happens(Mistake::PostcodeWrong) {
        postcode = mistakes::wrong_digit(&postcode, &mut dice.rng);
    }
    if mistakes::can_mistype(&city) && dice.happens(Mistake::CityTypo) {
        city = mistakes::typo(&city, &mut dice.rng);
    }
    Some((street, postcode, city))
}

fn country(person: &Person, dice: &mut Dice<'_>) -> Option<&'static Culture> {
    if dice.happens(Mistake::CountryMissing) {
        return None;
    }
    let first = CULTURES.first().filter(|first| first.iso2 != person.culture.iso2);
    match first {
        Some(first) if dice.happens(Mistake::CountryWrong) => Some(first),
        _ => Some(person.culture),
    }
}

fn segment(person: &Person, dice: &mut Dice<'_>) -> Option<&'static str> {
    if dice.happens(Mistake::SegmentMissing) {
        return None;
    }
    if dice.happens(Mistake::SegmentWrong) {
        let others: Vec<&'static str> = SEGMENTS.into_iter().filter(|s| *s != person.segment).collect();
        return others.choose(&mut dice.rng).copied();
    }
    Some(person.segment)
}

/// How nothing is written: null, nothing, or a blank.
fn blank(dice: &mut Dice<'_>) -> Option<String> {
    match dice.rng.random_range(0..3) {
        0 => None,
        1 => Some(String::new()),
        _ => Some(" ".to_string()),
    }
}
