//! Templates of dates, in the notation of Postgres's `to_date`, read without leniency: the whole text must fit.

use super::clock::is_zone;
use super::eras;
use super::words;
use crate::values::calendar::{Civil, civil, days};

/// One part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// Characters that stand for themselves, in lower case.
    Literal(String),
    /// `EE`: the name of an era. The year that follows is one of it.
    Era,
    /// `YYYY`
    Year,
    /// `YY`
    ShortYear,
    /// `MM`
    Month,
    /// `Mon` or `Month`
    MonthName,
    /// `DD`
    Day,
    /// `DDth`
    OrdinalDay,
    /// `DDD`
    DayOfYear,
    /// `Day` or `Dy`
    Weekday,
    /// `IYYY`
    IsoYear,
    /// `IW`
    IsoWeek,
    /// `ID`
    IsoDay,
    /// `HH24`, `HH12`, `HH`, `MI` and `SS`, with the greatest value
    Clock(u32),
    /// `US`
    Fraction,
    /// `AM` or `A.M.`
    Half,
    /// `TZ`
    Zone,
}

/// What a piece is called in a template; the longer one first where one begins another.
const NAMES: &[(&str, Piece)] = &[
    ("month", Piece::MonthName),
    ("ddth", Piece::OrdinalDay),
    ("yyyy", Piece::Year),
    ("iyyy", Piece::IsoYear),
    ("hh24", Piece::Clock(23)),
    ("hh12", Piece::Clock(12)),
    ("a.m.", Piece::Half),
    ("p.m.", Piece::Half),
    ("ddd", Piece::DayOfYear),
    ("day", Piece::Weekday),
    ("mon", Piece::MonthName),
    ("am", Piece::Half),
    ("pm", Piece::Half),
    ("dd", Piece::Day),
    ("dy", Piece::Weekday),
    ("ee", Piece::Era),
    ("hh", Piece::Clock(12)),
    ("id", Piece::IsoDay),
    ("iw", Piece::IsoWeek),
    ("mi", Piece::Clock(59)),
    ("mm", Piece::Month),
    ("ss", Piece::Clock(60)),
    ("tz", Piece::Zone),
    ("us", Piece::Fraction),
    ("yy", Piece::ShortYear),
];

/// A template that names one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

/// What has been read.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    era: Option<usize>,
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_day: Option<i64>,
}

impl Template {
    /// Reads a template. None when it holds an unknown pattern, or does not name a day.
    pub(super) fn parse(text: &str) -> Option<Template> {
        let lower = text.to_lowercase();
        let mut rest = lower.as_str();
        let mut pieces: Vec<Piece> = vec![];
        while let Some(c) = rest.chars().next() {
            if let Some((name, piece)) = NAMES.iter().find(|(name, _)| rest.starts_with(name)) {
                pieces.push(piece.clone());
                rest = rest.get(name.len()..)?;
            } else if c == '"' {
                let (quoted, after) = rest.get(1..)?.split_once('"')?;
                literal(&mut pieces, quoted);
                rest = after;
            } else if c.is_ascii_alphanumeric() {
                return None;
            } else {
                literal(&mut pieces, rest.get(..c.len_utf8())?);
                rest = rest.get(c.len_utf8()..)?;
            }
        }
        let has =
            |wanted: &[Piece]| wanted.iter().map(|piece| pieces.iter().filter(|p| *p == piece).count()).sum::<usize>();
        let counts: [usize; 8] = [
            has(&[Piece::Year, Piece::ShortYear]),
            has(&[Piece::Month, Piece::MonthName]),
            has(&[Piece::Day, Piece::OrdinalDay]),
            has(&[Piece::DayOfYear]),
            has(&[Piece::IsoYear]),
            has(&[Piece::IsoWeek]),
            has(&[Piece::IsoDay]),
            has(&[Piece::Era]),
        ];
        let names_a_day =
            matches!(counts, [1, 1, 1, 0, 0, 0, 0, 0 | 1] | [1, 0, 0, 1, 0, 0, 0, 0] | [0, 0, 0, 0, 1, 1, 1, 0]);
        names_a_day.then_some(Template { pieces })
    }

    /// The day that a prepared text names, as days since 1970. None when the text does not fit, or there is no such
    /// day.
    pub(super) fn read(&self, text: &str) -> Option<i32> {
        let mut rest = text;
        let mut found = Found::default();
        let mut pieces = self.pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            // Numbers that touch have all their digits.
            let tight = pieces.peek().is_some_and(|next| is_number(next));
            rest = take(piece, rest, tight, &mut found)?;
        }
        if rest.is_empty() { found.date() } else { None }
    }
}

fn literal(pieces: &mut Vec<Piece>, text: &str) {
    if let Some(Piece::Literal(before)) = pieces.last_mut() {
        before.push_str(text);
    } else {
        pieces.push(Piece::Literal(text.to_string()));
    }
}

fn is_number(piece: &Piece) -> bool {
    matches!(
        piece,
        Piece::Year
            | Piece::ShortYear
            | Piece::Month
            | Piece::Day
            | Piece::DayOfYear
            | Piece::IsoYear
            | Piece::IsoWeek
            | Piece::IsoDay
            | Piece::Clock(_)
    )
}

/// Takes a piece off the text. None when the text does not begin with it.
fn take<'a>(piece: &Piece, text: &'a str, tight: bool, found: &mut Found) -> Option<&'a str> {
    let least = |loose: usize, tight_least: usize| if tight { tight_least } else { loose };
    let rest = match piece {
        Piece::Literal(literal) => return text.strip_prefix(literal.as_str()),
        Piece::Era => {
            let (era, rest) = eras::begins(text)?;
            found.era = Some(era);
            return Some(rest);
        }
        Piece::Year => {
            let (year, rest) = number(text, 4, 4)?;
            found.year = Some(year);
            Some(rest)
        }
        Piece::ShortYear if found.era.is_some() => {
            let (year, rest) = number(text, 1, 3)?;
            found.year = Some(year);
            Some(rest)
        }
        Piece::ShortYear => {
            let (year, rest) = number(text, 2, 2)?;
            found.year = Some(full_year(year));
            Some(rest)
        }
        Piece::Month => {
            let (month, rest) = number(text, least(1, 2), 2)?;
            found.month = u32::try_from(month).ok();
            Some(rest)
        }
        Piece::MonthName => {
            let (word, rest) = word(text);
            found.month = Some(words::month(word)?);
            return Some(rest);
        }
        Piece::Day => {
            let (day, rest) = number(text, least(1, 2), 2)?;
            found.day = u32::try_from(day).ok();
            Some(rest)
        }
        Piece::OrdinalDay => {
            let (day, rest) = number(text, 1, 2)?;
            found.day = u32::try_from(day).ok();
            let (ordinal, rest) = word(rest);
            return words::is_ordinal(ordinal).then_some(rest);
        }
        Piece::DayOfYear => {
            let (day, rest) = number(text, 3, 3)?;
            found.day_of_year = Some(day);
            Some(rest)
        }
        Piece::Weekday => {
            let (day, rest) = word(text);
            return words::is_weekday(day).then_some(rest);
        }
        Piece::IsoYear => {
            let (year, rest) = number(text, 4, 4)?;
            found.iso_year = Some(year);
            Some(rest)
        }
        Piece::IsoWeek => {
            let (week, rest) = number(text, 2, 2)?;
            found.iso_week = Some(week);
            Some(rest)
        }
        Piece::IsoDay => {
            let (day, rest) = number(text, 1, 1)?;
            found.iso_day = Some(day);
            Some(rest)
        }
        Piece::Clock(most) => {
            let (value, rest) = number(text, least(1, 2), 2)?;
            (value <= i64::from(*most)).then_some(rest)
        }
        Piece::Fraction => {
            let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
            return (rest.len() < text.len()).then_some(rest);
        }
        Piece::Half => {
            return ["am", "pm", "a.m.", "p.m."].iter().find_map(|half| text.strip_prefix(half));
        }
        // It ends the text.
        Piece::Zone => return is_zone(text).then_some(""),
    };
    // A number does not end in the middle of its digits, unless another one touches it.
    rest.filter(|rest: &&str| tight || !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// A number of so many digits that the text begins with.
fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least {
        return None;
    }
    Some((text.get(..length)?.parse().ok()?, text.get(length..)?))
}

/// The letters that the text begins with.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    text.split_at(end)
}

/// The year that two digits stand for, as in Postgres: the one nearest to 2020.
pub(super) fn full_year(year: i64) -> i64 {
    if year < 70 { 2000 + year } else { 1900 + year }
}

/// The day by its parts, as days since 1970; none unless the year is one of 1 to 9999.
pub(super) fn day(year: i64, month: u32, day: u32) -> Option<i32> {
    let found = days(Civil { year, month, day })?;
    (1..=9999).contains(&year).then(|| i32::try_from(found).ok()).flatten()
}

impl Found {
    fn date(self) -> Option<i32> {
        if let (Some(year), Some(week), Some(weekday)) = (self.iso_year, self.iso_week, self.iso_day) {
            return iso(year, week, weekday);
        }
        let year = self.year?;
        if let Some(nth) = self.day_of_year {
            let found = days(Civil { year, month: 1, day: 1 })?.checked_add(nth - 1)?;
            let fits = nth >= 1 && civil(found).year == year && (1..=9999).contains(&year);
            return if fits { i32::try_from(found).ok() } else { None };
        }
        match self.era {
            Some(era) => i32::try_from(eras::day(era, year, self.month?, self.day?)?).ok(),
            None => day(year, self.month?, self.day?),
        }
    }
}

/// The day of a week of ISO 8601: week 1 holds 4 January.
fn iso(year: i64, week: i64, weekday: i64) -> Option<i32> {
    if !(1..=9999).contains(&year) || !(1..=7).contains(&weekday) {
        return None;
    }
    let first = |year: i64| -> Option<i64> {
        let fourth = days(Civil { year, month: 1, day: 4 })?;
        // 1970-01-01 was a Thursday.
        Some(fourth - (fourth + 3).rem_euclid(7))
    };
    let weeks = (first(year + 1)? - first(year)?) / 7;
    if !(1..=weeks).contains(&week) {
        return None;
    }
    let found = first(year)? + (week - 1) * 7 + weekday - 1;
    (civil(found).year <= 9999).then(|| i32::try_from(found).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(template: &str, text: &str) -> Option<Civil> {
        Some(civil(i64::from(Template::parse(template).unwrap().read(text)?)))
    }

    fn at(year: i64, month: u32, day: u32) -> Option<Civil> {
        Some(Civil { year, month, day })
    }

    #[test]
    fn templates_read_whole_texts() {
        assert_eq!(read("DD.MM.YYYY", "1.3.2024"), at(2024, 3, 1));
        assert_eq!(read("DDMMYY", "010324"), at(2024, 3, 1));
        assert_eq!(read("YYYY\"T\"MM\"X\"DD", "2024t03x01"), at(2024, 3, 1));
        assert_eq!(read("Dy, DDth Month YYYY", "fri, 1st märz 2024"), at(2024, 3, 1));
        assert_eq!(read("IYYY-\"W\"IW-ID", "2026-w53-7"), at(2027, 1, 3));
        assert_eq!(read("YYYY-DDD", "2024-366"), at(2024, 12, 31));
        assert_eq!(read("EEYY\"年\"MM\"月\"DD\"日\"", "令和6年3月1日"), at(2024, 3, 1));
        assert_eq!(read("EEYY\"年\"MM\"月\"DD\"日\"", "平成31年5月1日"), None);
        for (template, text) in [
            ("DD.MM.YYYY", "1.3.20245"),
            ("DD.MM.YYYY", "1.3.2024 "),
            ("DDMMYY", "10324"),
            ("YYYY-DDD", "2023-366"),
            ("IYYY-\"W\"IW-ID", "2025-w53-1"),
            ("DD.MM.YYYY", "30.2.2024"),
            ("DD.MM.YYYY", "1.3.0000"),
        ] {
            assert_eq!(read(template, text), None, "{template} {text}");
        }
        for template in ["", "YYYY", "DD.MM", "DD.MM.YYYY YY", "d.m.Y", "YYYY-MM-DD x", "\"", "Q YYYY MM DD"] {
            assert_eq!(Template::parse(template), None, "{template}");
        }
    }
}
