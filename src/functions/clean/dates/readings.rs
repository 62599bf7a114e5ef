//! Every way to read a text as a date, with the template that it fits.

use std::sync::LazyLock;

use super::clock;
use super::template::{Template, day, full_year};
use super::words;

/// The order of a date's parts where it has to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    DayMonthYear,
    MonthDayYear,
    YearMonthDay,
}

/// One way to read a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// Days since 1970.
    pub days: i32,
    /// The template, as `to_date` would have it.
    pub template: String,
}

/// Templates that are tried whatever the order.
static FIXED: LazyLock<Vec<(String, Template)>> = LazyLock::new(|| {
    let mut templates: Vec<String> = ["YYYYMMDD", "YYYYMMDDHH24MISS", "YYYY-DDD", "IYYY-\"W\"IW-ID", "IYYY\"W\"IWID"]
        .iter()
        .map(|template| (*template).to_string())
        .collect();
    for year in ["YYYY", "EEYY"] {
        for [y, m, d] in [["年", "月", "日"], ["年", "月", "号"], ["年", "月", "號"], ["년", "월", "일"]] {
            for weekday in ["", "(Dy)", "Day"] {
                templates.push(format!("{year}\"{y}\"MM\"{m}\"DD\"{d}\"{weekday}"));
            }
        }
    }
    parsed(templates)
});

/// Templates that an order asks for.
static COMPACT: LazyLock<Vec<(Order, String, Template)>> = LazyLock::new(|| {
    let of = |order, templates: [&str; 2]| {
        let templates = templates.iter().map(|template| (*template).to_string()).collect();
        parsed(templates).into_iter().map(move |(text, template)| (order, text, template))
    };
    of(Order::DayMonthYear, ["DDMMYYYY", "DDMMYY"])
        .chain(of(Order::MonthDayYear, ["MMDDYYYY", "MMDDYY"]))
        .chain(of(Order::YearMonthDay, ["YYMMDD", "YYMMDDHH24MISS"]))
        .collect()
});

fn parsed(templates: Vec<String>) -> Vec<(String, Template)> {
    templates.into_iter().filter_map(|text| Template::parse(&text).map(|template| (text, template))).collect()
}

/// A piece of a date that is written with separators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Number(&'a str),
    Word(&'a str),
    Mark(&'a str),
}

/// What a number is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    Day,
}

/// Every way to read a prepared text. Without an order, all that are possible.
pub(super) fn readings(text: &str, order: Option<Order>) -> Vec<Reading> {
    let Some((date, clock)) = clock::split(text) else { return vec![] };
    let mut found: Vec<Reading> = vec![];
    let mut push = |days: Option<i32>, template: String| {
        let reading = days.map(|days| Reading { days, template });
        if let Some(reading) = reading.filter(|reading| !found.contains(reading)) {
            found.push(reading);
        }
    };
    let compact = date.bytes().all(|byte| byte.is_ascii_digit());
    for (name, template) in FIXED.iter() {
        let days = template.read(date).filter(|days| !compact || is_usual(*days));
        push(days, format!("{name}{clock}"));
    }
    for (_, name, template) in COMPACT.iter().filter(|(of, ..)| Some(*of) == order) {
        push(template.read(date).filter(|days| is_usual(*days)), format!("{name}{clock}"));
    }
    if let Some(tokens) = tokens(date) {
        for parts in assignments(&tokens, order) {
            push(value(&tokens, &parts), format!("{}{clock}", template(&tokens, &parts)));
        }
    }
    found
}

/// Years that eight digits in a row are believed for: so no text can be read from both ends.
fn is_usual(days: i32) -> bool {
    // 1600-01-01 and 2399-12-31.
    (-135_140..=157_053).contains(&days)
}

fn tokens(text: &str) -> Option<Vec<Token<'_>>> {
    let class = |c: char| {
        if c.is_ascii_digit() {
            0
        } else if c.is_alphabetic() {
            1
        } else {
            2
        }
    };
    let mut tokens = vec![];
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| class(c) != class(first)).unwrap_or(rest.len());
        let (token, after) = rest.split_at(end);
        tokens.push(match class(first) {
            0 => Token::Number(token),
            1 => Token::Word(token),
            _ => Token::Mark(token),
        });
        rest = after;
        if tokens.len() > 20 {
            return None;
        }
    }
    Some(tokens)
}

/// What the numbers of a date may be, in order.
fn assignments(tokens: &[Token<'_>], order: Option<Order>) -> Vec<Vec<Part>> {
    let numbers: Vec<&str> =
        tokens.iter().filter_map(|t| if let Token::Number(n) = t { Some(*n) } else { None }).collect();
    if numbers.iter().any(|number| !matches!(number.len(), 1 | 2 | 4)) {
        return vec![];
    }
    let wide: Vec<bool> = numbers.iter().map(|number| number.len() == 4).collect();
    let two = |at: usize| numbers.get(at).is_some_and(|number| number.len() == 2);
    let asked = |wanted: Order| order.is_none_or(|order| order == wanted);
    use Part::{Day, Month, Year};
    let mut ways = vec![];
    match month_place(tokens) {
        None => {
            if !is_plain(tokens) {
                return vec![];
            }
            match wide.as_slice() {
                [true, false, false] => ways.push(vec![Year, Month, Day]),
                [false, false, true] => {
                    // `ymd` says nothing of what stands before the year.
                    if order != Some(Order::MonthDayYear) {
                        ways.push(vec![Day, Month, Year]);
                    }
                    if order != Some(Order::DayMonthYear) {
                        ways.push(vec![Month, Day, Year]);
                    }
                }
                [false, false, false] => {
                    if asked(Order::DayMonthYear) && two(2) {
                        ways.push(vec![Day, Month, Year]);
                    }
                    if asked(Order::MonthDayYear) && two(2) {
                        ways.push(vec![Month, Day, Year]);
                    }
                    if asked(Order::YearMonthDay) && two(0) {
                        ways.push(vec![Year, Month, Day]);
                    }
                }
                _ => {}
            }
        }
        Some(place) => {
            if !is_worded(tokens) {
                return vec![];
            }
            match (place, wide.as_slice()) {
                (1, [false, true]) | (0, [false, true]) => ways.push(vec![Day, Year]),
                (1, [true, false]) => ways.push(vec![Year, Day]),
                (1, [false, false]) => {
                    if order != Some(Order::YearMonthDay) && two(1) {
                        ways.push(vec![Day, Year]);
                    }
                    if asked(Order::YearMonthDay) && two(0) {
                        ways.push(vec![Year, Day]);
                    }
                }
                (0, [false, false]) if two(1) => ways.push(vec![Day, Year]),
                _ => {}
            }
        }
    }
    ways
}

/// How many numbers stand before the month's name; none when there is no such name.
fn month_place(tokens: &[Token<'_>]) -> Option<usize> {
    let at = tokens.iter().position(|token| matches!(token, Token::Word(word) if words::month(word).is_some()))?;
    Some(tokens.iter().take(at).filter(|token| matches!(token, Token::Number(_))).count())
}

/// Whether a date without a month's name is three numbers between two equal separators, perhaps with a day of the week
/// in front or a dot at the end.
fn is_plain(tokens: &[Token<'_>]) -> bool {
    let rest = match tokens {
        [Token::Word(day), Token::Mark(_), rest @ ..] if words::is_weekday(day) => rest,
        tokens => tokens,
    };
    let (first, second, end) = match rest {
        [Token::Number(_), Token::Mark(first), Token::Number(_), Token::Mark(second), Token::Number(_)] => {
            (first, second, "")
        }
        [
            Token::Number(_),
            Token::Mark(first),
            Token::Number(_),
            Token::Mark(second),
            Token::Number(_),
            Token::Mark(end),
        ] => (first, second, *end),
        _ => return false,
    };
    let mark = first.trim();
    mark == second.trim() && matches!(mark, "-" | "/" | "." | "") && (end.is_empty() || (end == "." && mark == "."))
}

/// Whether everything but the numbers and the month says nothing: a day of the week, ordinals, `of` and punctuation.
fn is_worded(tokens: &[Token<'_>]) -> bool {
    let mut months = 0;
    let mut weekdays = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Number(_) => {}
            Token::Mark(mark) => {
                if !matches!(mark.trim(), "" | "," | "." | "-" | "/" | ".," | "'") {
                    return false;
                }
            }
            Token::Word(word) if words::month(word).is_some() => months += 1,
            Token::Word(word) => {
                let behind = at.checked_sub(1).and_then(|at| tokens.get(at));
                let ordinal = words::is_ordinal(word) && matches!(behind, Some(Token::Number(day)) if day.len() <= 2);
                if words::is_weekday(word) && !ordinal {
                    weekdays += 1;
                } else if !ordinal && !words::is_filler(word) {
                    return false;
                }
            }
        }
    }
    months == 1 && weekdays <= 1
}

fn value(tokens: &[Token<'_>], parts: &[Part]) -> Option<i32> {
    let mut of = [None::<i64>; 3];
    let numbers =
        tokens.iter().filter_map(|token| if let Token::Number(number) = token { Some(*number) } else { None });
    for (number, part) in numbers.zip(parts) {
        let short = number.len() <= 2;
        let number: i64 = number.parse().ok()?;
        let place = of.get_mut(*part as usize)?;
        *place = Some(if *part == Part::Year && short { full_year(number) } else { number });
    }
    let word = tokens.iter().find_map(|token| if let Token::Word(word) = token { words::month(word) } else { None });
    let [year, month, date] = of;
    let month = month.and_then(|month| u32::try_from(month).ok()).or(word)?;
    day(year?, month, u32::try_from(date?).ok()?)
}

fn template(tokens: &[Token<'_>], parts: &[Part]) -> String {
    let mut parts = parts.iter();
    let mut template = String::new();
    let mut day = false;
    for token in tokens {
        match token {
            Token::Number(number) => {
                let part = parts.next();
                day = part == Some(&Part::Day);
                template.push_str(match part {
                    Some(Part::Year) if number.len() == 4 => "YYYY",
                    Some(Part::Year) => "YY",
                    Some(Part::Month) => "MM",
                    _ => "DD",
                });
                continue;
            }
            Token::Mark(mark) => template.push_str(mark),
            Token::Word(word) if words::month(word).is_some() => {
                template.push_str(if words::is_short(word) { "Mon" } else { "Month" });
            }
            Token::Word(word) if day && words::is_ordinal(word) => template.push_str("th"),
            Token::Word(word) if words::is_weekday(word) => {
                template.push_str(if words::is_short(word) { "Dy" } else { "Day" });
            }
            Token::Word(word) => {
                template.push('"');
                template.push_str(word);
                template.push('"');
            }
        }
        day = false;
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_template_is_one() {
        assert_eq!(FIXED.len(), 5 + 2 * 4 * 3);
        assert_eq!(COMPACT.len(), 6);
        assert_eq!(day(1600, 1, 1), Some(-135_140));
        assert_eq!(day(2399, 12, 31), Some(157_053));
    }
}
