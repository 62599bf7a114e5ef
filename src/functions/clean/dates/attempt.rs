//! What a caller asks for: an order, a template, Excel's numbers; and the date that comes out.

use super::readings::{Order, Reading, readings};
use super::template::{Template, day};
use crate::error::Result;
use crate::functions::clean::scalar::{Options, no_such_option};

/// One thing that a caller asks to be tried.
enum Attempt<'a> {
    Order(Order),
    Template(&'a str, Template),
    Excel,
}

/// What was found of a date.
pub(super) enum Outcome {
    /// The day, as days since 1970, and the template that it was read by.
    Day(i32, String),
    /// It could be several days: the templates.
    Several(Vec<String>),
}

/// Reads a text that was prepared. Options are tried in order; without any, only what can be read in one way counts.
/// Errors: 22023 for an option that is none.
pub(super) fn read(name: &str, text: &str, options: &Options<'_>) -> Result<Option<Outcome>> {
    let attempts = options.iter().flatten().map(|option| attempt(name, option)).collect::<Result<Vec<_>>>()?;
    if attempts.is_empty() {
        return Ok(decided(readings(text, None)));
    }
    let mut several = None;
    for attempt in attempts {
        match attempt {
            Attempt::Order(order) => match decided(readings(text, Some(order))) {
                Some(Outcome::Several(templates)) => several = several.or(Some(templates)),
                Some(found) => return Ok(Some(found)),
                None => {}
            },
            Attempt::Template(written, template) => {
                if let Some(days) = template.read(text) {
                    return Ok(Some(Outcome::Day(days, written.to_string())));
                }
            }
            Attempt::Excel => {
                if let Some(days) = excel(text) {
                    return Ok(Some(Outcome::Day(days, "excel".to_string())));
                }
            }
        }
    }
    Ok(several.map(Outcome::Several))
}

/// Ways that agree about the day are one.
fn decided(mut found: Vec<Reading>) -> Option<Outcome> {
    let first = found.first()?.days;
    let agree = found.iter().all(|reading| reading.days == first);
    if agree && found.len() == 1 {
        return found.pop().map(|reading| Outcome::Day(reading.days, reading.template));
    }
    let templates: Vec<String> = found.into_iter().map(|reading| reading.template).collect();
    Some(if agree { Outcome::Day(first, templates.join("|")) } else { Outcome::Several(templates) })
}

fn attempt<'a>(name: &str, option: &'a str) -> Result<Attempt<'a>> {
    let word = option.trim().to_ascii_lowercase();
    Ok(match word.as_str() {
        "dmy" => Attempt::Order(Order::DayMonthYear),
        "mdy" => Attempt::Order(Order::MonthDayYear),
        "ymd" => Attempt::Order(Order::YearMonthDay),
        "excel" => Attempt::Excel,
        _ => match Template::parse(option) {
            Some(template) => Attempt::Template(option, template),
            None => {
                return Err(no_such_option(
                    name,
                    option,
                    "Use 'dmy', 'mdy', 'ymd', 'excel', or a template with year, month and day such as 'DD.MM.YYYY'.",
                ));
            }
        },
    })
}

/// The day that Excel shows for a number, in its calendar that begins with 1900. It has a 29 February 1900, day 60,
/// which there was not.
fn excel(text: &str) -> Option<i32> {
    let whole = match text.split_once('.') {
        Some((whole, part)) if part.bytes().all(|byte| byte.is_ascii_digit()) => whole,
        Some(_) => return None,
        None => text,
    };
    if whole.is_empty() || whole.len() > 7 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i32 = whole.parse().ok()?;
    let zero = day(1899, 12, 30)?;
    match number {
        1..=59 => Some(zero + number + 1),
        61..=2_958_465 => Some(zero + number),
        _ => None,
    }
}
