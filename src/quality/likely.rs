//! What a text looks like: its pattern, and the type that it could have.

/// What texts can turn out to hold, as `likely_type` names it. A text is counted for every one that it fits; the first
/// that nearly all fit is told.
#[derive(Clone, Copy, Debug)]
struct Guess {
    name: &'static str,
    fits: fn(&str) -> bool,
}

/// The narrower before the wider.
const GUESSES: &[Guess] = &[
    Guess { name: "boolean", fits: is_boolean },
    Guess { name: "integer", fits: is_integer },
    Guess { name: "numeric", fits: is_numeric },
    Guess { name: "date", fits: is_date },
    Guess { name: "timestamp", fits: is_timestamp },
    Guess { name: "time", fits: is_time },
    Guess { name: "uuid", fits: is_uuid },
    Guess { name: "email", fits: is_email },
    Guess { name: "url", fits: is_url },
    Guess { name: "phone", fits: is_phone },
    Guess { name: "json", fits: is_json },
];

/// Of twenty different texts nineteen must fit.
const SHARE: (usize, usize) = (19, 20);

/// The type that nearly all of these different texts could have; `text` where there is none, null without any text.
/// Blanks are no texts.
pub(super) fn likely_type<'a>(texts: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let texts: Vec<&str> = texts.map(str::trim).filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return None;
    }
    let enough = |guess: &&Guess| {
        let fitting = texts.iter().filter(|text| (guess.fits)(text)).count();
        fitting * SHARE.1 >= texts.len() * SHARE.0
    };
    Some(GUESSES.iter().find(enough).map_or("text", |guess| guess.name))
}

/// A text's pattern: `A` for a capital letter, `a` for any other, `9` for a digit, and what is neither as it is.
pub(super) fn pattern(text: &str) -> String {
    let shown = |letter: char| match letter {
        letter if letter.is_uppercase() => 'A',
        letter if letter.is_alphabetic() => 'a',
        letter if letter.is_numeric() => '9',
        other => other,
    };
    text.chars().map(shown).collect()
}

fn is_boolean(text: &str) -> bool {
    ["true", "false", "t", "f", "yes", "no", "y", "n", "on", "off"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// As a number prints it: what has a zero before it, such as a postal code, is none.
fn is_integer(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    digits(number) && (number.len() == 1 || !number.starts_with('0')) && text.parse::<i64>().is_ok()
}

fn is_numeric(text: &str) -> bool {
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    // Nobody writes a plus before so many digits that are to be added up.
    if text.starts_with('+') && number.len() >= 9 && digits(number) {
        return false;
    }
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    digits(whole) && digits(part) && (whole.len() == 1 || !whole.starts_with('0'))
}

/// A day of the calendar: 2025-12-31, 31.12.2025, 31/12/2025 or 12/31/2025.
fn is_date(text: &str) -> bool {
    let Some(separator) = ['-', '.', '/'].into_iter().find(|separator| text.contains(*separator)) else {
        return false;
    };
    let parts: Vec<&str> = text.split(separator).collect();
    let [first, second, third] = parts.as_slice() else { return false };
    if ![first, second, third].iter().all(|part| digits(part)) {
        return false;
    }
    let number = |part: &str| part.parse::<u32>().unwrap_or(u32::MAX);
    let day = |year: &str, month: &str, day: &str| {
        let (month, day) = (number(month), number(day));
        year.len() == 4 && (1..=12).contains(&month) && (1..=days(number(year), month)).contains(&day)
    };
    match separator {
        '-' => day(first, second, third),
        '.' => day(third, second, first),
        _ => day(third, second, first) || day(third, first, second) || day(first, second, third),
    }
}

fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// A date with a time after it.
fn is_timestamp(text: &str) -> bool {
    text.split_once(['T', ' ']).is_some_and(|(date, rest)| {
        let rest = rest.strip_suffix('Z').unwrap_or(rest);
        let time = rest.split_once(['+', '-']).map_or(rest, |(time, _)| time);
        is_date(date) && is_time(time.trim_end())
    })
}

/// 23:59, 23:59:59 or with a part of a second.
fn is_time(text: &str) -> bool {
    let (text, part) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<&str> = text.split(':').collect();
    let below = |part: &str, limit: u32| {
        (1..=2).contains(&part.len()) && digits(part) && part.parse::<u32>().is_ok_and(|number| number < limit)
    };
    match parts.as_slice() {
        [hour, minute] => part == "0" && below(hour, 24) && below(minute, 60),
        [hour, minute, second] => digits(part) && below(hour, 24) && below(minute, 60) && below(second, 60),
        _ => false,
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let hexadecimal = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(hexadecimal)
}

fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c == '@');
    plain(name) && plain(domain) && domain.split('.').count() > 1 && domain.split('.').all(|label| !label.is_empty())
}

fn is_url(text: &str) -> bool {
    let rest = ["http://", "https://", "ftp://"].iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

/// Nine to fifteen digits, with what is written between them, from a plus, a zero, or with separators; fewer, from a plus
/// or a zero: eight with separators are a date more often.
fn is_phone(text: &str) -> bool {
    let number = text.strip_prefix('+').unwrap_or(text);
    let count = number.chars().filter(char::is_ascii_digit).count();
    let separators = [' ', '-', '.', '/', '(', ')'];
    let marked = text.starts_with(['+', '0', '(']);
    (if marked { 7 } else { 9 }..=15).contains(&count)
        && number.chars().all(|c| c.is_ascii_digit() || separators.contains(&c))
        && number.starts_with(|c: char| c.is_ascii_digit() || c == '(')
        && (text.starts_with('+') || text.starts_with('0') || number.contains(separators))
}

fn is_json(text: &str) -> bool {
    text.starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert_eq!(pattern("EC1A 1BB"), "AA9A 9AA");
        assert_eq!(pattern("Çağrı-Ö'Neil 京"), "Aaaaa-A'Aaaa a");
        assert_eq!(pattern(""), "");
    }

    #[test]
    fn types() {
        let of = |texts: &[&str]| likely_type(texts.iter().copied());
        for (texts, wanted) in [
            (vec!["Yes", "no", "N"], "boolean"),
            (vec!["1", "-20", " 0 "], "integer"),
            (vec!["1", "2.50", "+3.0"], "numeric"),
            (vec!["99999999999999999999"], "numeric"),
            (vec!["1969-12-31", "9999-12-31", "2024-02-29"], "date"),
            (vec!["31.12.2025"], "date"),
            (vec!["12/31/2025", "31/12/2025"], "date"),
            (vec!["2025-01-01T10:00:00Z", "2025-01-01 10:00:00.5+02"], "timestamp"),
            (vec!["23:59"], "time"),
            (vec!["123E4567-e89b-12d3-a456-426614174000"], "uuid"),
            (vec!["ann@example.com", "o'neil+x@a.co.uk"], "email"),
            (vec!["https://a.example/x?y"], "url"),
            (vec!["+90 (532) 123-45-67", "0532 1234567"], "phone"),
            (vec!["+905321234567", "+41446681800"], "phone"),
            (vec!["{\"a\": [1]}", "[]"], "json"),
            (vec!["01234", "00042"], "text"),
            (vec!["2023-02-29"], "text"),
            (vec!["a@b", "@", "x"], "text"),
        ] {
            assert_eq!(of(&texts), Some(wanted), "{texts:?}");
        }
        assert_eq!(of(&["", "  "]), None);
        let mut mostly: Vec<String> = (0..19).map(|n| n.to_string()).collect();
        mostly.push("n/a".to_string());
        assert_eq!(likely_type(mostly.iter().map(String::as_str)), Some("integer"));
        mostly.push("?".to_string());
        assert_eq!(likely_type(mostly.iter().map(String::as_str)), Some("text"));
    }
}
