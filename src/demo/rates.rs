//! How often each system gets what wrong: the one table that shapes the example.

use super::systems::System;

/// Something that a system has wrong, lacks, or writes in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mistake {
    /// The customer is not in the system at all.
    Absent,
    /// The customer is in the system twice; the second record is older.
    Twice,
    /// No e-mail address: null or blank.
    EmailMissing,
    /// The address that the customer used before.
    EmailOld,
    /// Capitals or blanks; harmless once cleaned.
    EmailUntidy,
    /// A letter of the name dropped, doubled or exchanged.
    NameTypo,
    /// The name written with A to Z only.
    NameLatin,
    /// Only the first letter of the given name.
    NameInitial,
    /// The name all in capitals or all small.
    NameCase,
    /// The name in full-width letters.
    NameWide,
    /// No phone number: null or blank.
    PhoneMissing,
    /// One digit of the phone number is wrong.
    PhoneWrong,
    /// A national number, 00 for +, or spaces; harmless once cleaned.
    PhoneUntidy,
    /// No address at all.
    AddressMissing,
    /// Seen since the customer moved, yet still with the old address.
    AddressStale,
    /// A letter of the street dropped, doubled or exchanged.
    StreetTypo,
    /// `str.` for `straße` and the like.
    StreetShort,
    /// One digit of the postcode is wrong.
    PostcodeWrong,
    /// A letter of the city dropped, doubled or exchanged.
    CityTypo,
    /// No country: null or blank.
    CountryMissing,
    /// The country that the form begins with, which nobody changed.
    CountryWrong,
    /// No birthday.
    BirthMissing,
    /// Day and month exchanged, or a day off.
    BirthWrong,
    /// No segment: null or blank.
    SegmentMissing,
    /// Another segment than the customer's.
    SegmentWrong,
    /// A job over many records set the time of this one, and changed nothing else.
    Touched,
}

/// The share of records that each mistake befalls, by system. Where it has nothing to act on (no move, no long
/// word) it is not drawn at all. Fields that a system does not have stand as 1 or 0 and are never written.
#[rustfmt::skip]
pub const RATES: &[(Mistake, [f64; 5])] = &[
    //                           crm   erp   shop  helpdesk marketing
    (Mistake::Absent,         [0.30, 0.25, 0.35, 0.50,    0.40]),
    (Mistake::Twice,          [0.05, 0.03, 0.04, 0.06,    0.08]),
    (Mistake::EmailMissing,   [0.05, 0.06, 0.00, 0.02,    0.02]),
    (Mistake::EmailOld,       [0.03, 0.04, 0.02, 0.02,    0.05]),
    (Mistake::EmailUntidy,    [0.15, 0.20, 0.10, 0.05,    0.30]),
    (Mistake::NameTypo,       [0.05, 0.06, 0.02, 0.08,    0.04]),
    (Mistake::NameLatin,      [0.08, 0.12, 0.03, 0.25,    1.00]),
    (Mistake::NameInitial,    [0.02, 0.01, 0.01, 0.12,    0.00]),
    (Mistake::NameCase,       [0.03, 0.15, 0.08, 0.10,    1.00]),
    (Mistake::NameWide,       [0.01, 0.00, 0.03, 0.02,    0.00]),
    (Mistake::PhoneMissing,   [0.12, 0.20, 0.25, 0.35,    0.00]),
    (Mistake::PhoneWrong,     [0.03, 0.05, 0.01, 0.03,    0.00]),
    (Mistake::PhoneUntidy,    [0.60, 0.80, 0.45, 0.70,    0.00]),
    (Mistake::AddressMissing, [0.08, 0.02, 0.10, 1.00,    0.05]),
    (Mistake::AddressStale,   [0.10, 0.05, 0.02, 0.00,    0.20]),
    (Mistake::StreetTypo,     [0.04, 0.03, 0.02, 0.00,    0.00]),
    (Mistake::StreetShort,    [0.08, 0.15, 0.04, 0.00,    0.00]),
    (Mistake::PostcodeWrong,  [0.02, 0.01, 0.01, 0.00,    0.04]),
    (Mistake::CityTypo,       [0.02, 0.02, 0.01, 0.00,    0.03]),
    (Mistake::CountryMissing, [0.10, 0.00, 0.04, 0.15,    0.06]),
    (Mistake::CountryWrong,   [0.04, 0.01, 0.01, 0.06,    0.04]),
    (Mistake::BirthMissing,   [1.00, 0.30, 0.25, 1.00,    0.45]),
    (Mistake::BirthWrong,     [0.00, 0.03, 0.01, 0.00,    0.05]),
    (Mistake::SegmentMissing, [0.15, 1.00, 1.00, 1.00,    0.20]),
    (Mistake::SegmentWrong,   [0.04, 0.00, 0.00, 0.00,    0.10]),
    (Mistake::Touched,        [0.08, 0.10, 0.02, 0.00,    0.20]),
];

/// The share of one system's records that a mistake befalls.
pub fn rate(system: System, mistake: Mistake) -> f64 {
    RATES
        .iter()
        .find(|(of, _)| *of == mistake)
        .and_then(|(_, rates)| System::ALL.iter().zip(rates).find(|(of, _)| **of == system))
        .map_or(0.0, |(_, rate)| *rate)
}
