//! A text as dates are looked for in it: plain digits, lower case, one kind of hyphen.

use crate::functions::clean::characters::{digit, tidy};

/// Texts of more characters hold no date.
const LONGEST: usize = 100;
/// What stands behind the year, the month and the day in Chinese, Japanese and Korean.
const MARKS: &[char] = &['年', '月', '日', '号', '號', '년', '월', '일'];

/// The text in the form in which it is read; none when it is too long to be a date, or blank.
pub(super) fn prepare(text: &str) -> Option<String> {
    let tidy = tidy(text);
    if tidy.is_empty() || tidy.chars().take(LONGEST + 1).count() > LONGEST {
        return None;
    }
    let mut plain = String::with_capacity(tidy.len());
    for c in tidy.chars() {
        match c {
            '‐' | '‑' | '–' | '—' | '−' => plain.push('-'),
            // The point that lower case puts on the Turkish capital.
            '\u{307}' if plain.ends_with('i') => {}
            'İ' => plain.push('i'),
            _ => match digit(c) {
                Some(digit) => plain.push(digit),
                None => plain.extend(c.to_lowercase()),
            },
        }
    }
    Some(if plain.contains(['年', '년']) { with_marks(&plain) } else { plain })
}

/// Takes the spaces around marks away, and writes the numbers before them in digits.
fn with_marks(text: &str) -> String {
    let mut tight = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let beside = tight.ends_with(MARKS) || rest.peek().is_some_and(|next| MARKS.contains(next));
        if c != ' ' || !beside {
            tight.push(c);
        }
    }
    let mut written = String::with_capacity(tight.len());
    let mut run = String::new();
    for c in tight.chars() {
        if value(c).is_some() {
            run.push(c);
            continue;
        }
        match number(&run, c) {
            Some(number) => written.push_str(&number),
            None => written.push_str(&run),
        }
        run.clear();
        written.push(c);
    }
    written.push_str(&run);
    written
}

/// What a Chinese numeral stands for.
fn value(c: char) -> Option<u32> {
    Some(match c {
        '〇' | '零' | '○' => 0,
        '一' | '元' | '正' => 1,
        '二' => 2,
        '三' => 3,
        '四' => 4,
        '五' => 5,
        '六' => 6,
        '七' => 7,
        '八' => 8,
        '九' => 9,
        '十' => 10,
        '廿' => 20,
        '卅' => 30,
        _ => return None,
    })
}

/// A number in Chinese numerals before a mark: a year digit by digit, or anything up to 99 by tens.
fn number(run: &str, mark: char) -> Option<String> {
    if run.is_empty() || !MARKS.contains(&mark) {
        return None;
    }
    let values: Vec<u32> = run.chars().filter_map(value).collect();
    if values.iter().all(|value| *value < 10) {
        return Some(values.iter().map(u32::to_string).collect());
    }
    let (tens, units) = match values.as_slice() {
        [ten @ (10 | 20 | 30)] => (*ten, 0),
        [ten @ (10 | 20 | 30), unit @ 1..=9] => (*ten, *unit),
        [tens @ 1..=9, 10] => (tens * 10, 0),
        [tens @ 1..=9, 10, unit @ 1..=9] => (tens * 10, *unit),
        _ => return None,
    };
    Some((tens + units).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_become_digits() {
        for (text, prepared) in [
            ("二〇二四年十一月二十九日", "2024年11月29日"),
            ("令和元年　五月 一日", "令和1年5月1日"),
            ("２０２４年３月１日（金）", "2024年3月1日(金)"),
            ("2024년 3월 1일 금요일", "2024년3월1일금요일"),
            ("1 MAYIS 2024", "1 mayis 2024"),
            ("٢٠٢٤/٠٣/٠١", "2024/03/01"),
            ("一二三", "一二三"),
        ] {
            assert_eq!(prepare(text).as_deref(), Some(prepared), "{text}");
        }
        assert_eq!(prepare(" \u{200B}"), None);
        assert_eq!(prepare(&"1".repeat(101)), None);
    }
}
