//! A time of day behind a date: it is recognised, so that the date can be read, and left out.

/// Splits a prepared text into the date and the template of the time of day behind it; the template is empty when there
/// is no time. None when what looks like a time is none.
pub(super) fn split(text: &str) -> Option<(&str, String)> {
    let Some(colon) = text.find(':') else { return Some((text, String::new())) };
    let head = text.get(..colon)?;
    let digits = head.len() - head.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    if !(1..=2).contains(&digits) {
        return None;
    }
    let (before, hour) = head.split_at(head.len() - digits);
    let mut rest = text.get(colon..)?;
    let mut template = String::new();
    let date = if let Some(date) = before.strip_suffix(", ") {
        template.push_str(", ");
        date
    } else if let Some(date) = before.strip_suffix(' ') {
        template.push(' ');
        date
    } else if let Some(date) = before.strip_suffix('t').filter(|date| date.ends_with(|c: char| c.is_ascii_digit())) {
        template.push_str("\"T\"");
        date
    } else if before.ends_with(['日', '号', '號', '일']) {
        before
    } else {
        return None;
    };
    let minute = two_digits(&mut rest, ':')?;
    let second = if rest.starts_with(':') { Some(two_digits(&mut rest, ':')?) } else { None };
    let mut tail = String::from(":MI");
    if second.is_some() {
        tail.push_str(":SS");
        if let Some(mark) = rest.chars().next().filter(|c| matches!(c, '.' | ',')) {
            let fraction = rest.get(1..)?;
            let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if after.len() == fraction.len() {
                return None;
            }
            tail.push(mark);
            tail.push_str("US");
            rest = after;
        }
    }
    let hour: u32 = hour.parse().ok()?;
    let mut half = false;
    for (spaces, word) in [("", "am"), ("", "pm"), (" ", "am"), (" ", "pm"), (" ", "a.m."), (" ", "p.m.")] {
        if let Some(after) = rest.strip_prefix(spaces).and_then(|rest| rest.strip_prefix(word)) {
            tail.push_str(spaces);
            tail.push_str(if word.contains('.') { "A.M." } else { "AM" });
            rest = after;
            half = true;
            break;
        }
    }
    let fits = if half { (1..=12).contains(&hour) } else { hour < 24 };
    if !fits || minute > 59 || second.is_some_and(|second| second > 60) {
        return None;
    }
    if let Some(space) = zone(rest)? {
        tail.push_str(space);
        tail.push_str("TZ");
    }
    template.push_str(if half { "HH12" } else { "HH24" });
    template.push_str(&tail);
    Some((date, template))
}

/// Two digits behind a mark, both taken off the text.
fn two_digits(rest: &mut &str, mark: char) -> Option<u32> {
    let after = rest.strip_prefix(mark)?;
    let number = after.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    *rest = after.get(2..)?;
    number.parse().ok()
}

/// The space before a zone that the text is; the inner none for an empty text, the outer one for anything else.
fn zone(text: &str) -> Option<Option<&'static str>> {
    if text.is_empty() {
        return Some(None);
    }
    let (space, zone) = match text.strip_prefix(' ') {
        Some(zone) => (" ", zone),
        None => ("", text),
    };
    is_zone(zone).then_some(Some(space))
}

/// Whether a text in lower case is `z`, `utc`, `gmt` or an offset such as `+02`, `+0200` or `+02:00`.
pub(super) fn is_zone(zone: &str) -> bool {
    if matches!(zone, "z" | "utc" | "gmt") {
        return true;
    }
    let Some(offset) = zone.strip_prefix(['+', '-']) else { return false };
    let shape: String = offset.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    matches!(shape.as_str(), "99" | "9999" | "99:99")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_split_off() {
        for (text, date, template) in [
            ("2024-03-01t12:30:00z", "2024-03-01", "\"T\"HH24:MI:SSTZ"),
            ("1/3/2024 9:05 pm", "1/3/2024", " HH12:MI AM"),
            ("1.3.2024, 09:05:01.25 +02:00", "1.3.2024", ", HH24:MI:SS.US TZ"),
            ("2024-03-01", "2024-03-01", ""),
        ] {
            assert_eq!(split(text), Some((date, template.to_string())), "{text}");
        }
        for text in ["2024-03-01 25:00", "2024-03-01 12:60", "2024-03-01 13:00 pm", "2024-03-01 12:00 x", "a:b", ":"] {
            assert_eq!(split(text), None, "{text}");
        }
    }
}
