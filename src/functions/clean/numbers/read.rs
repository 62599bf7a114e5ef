//! A number as people write it: separators of thousands, a decimal mark, signs, brackets, percent and currencies.

use crate::catalog::types::BARE_NUMERIC;
use crate::functions::clean::characters::{digit, tidy};
use crate::functions::clean::countries::is_money;

/// Texts of more characters are no number.
const LONGEST: usize = 100;

/// The digits of `numeric(38,10)` that a text stands for. Without a decimal mark, only what has one meaning is read.
/// None when the text is no number, could be two, or does not fit exactly.
pub(super) fn read(text: &str, decimal: Option<char>) -> Option<i128> {
    let tidy = tidy(text);
    if tidy.is_empty() || tidy.chars().take(LONGEST + 1).count() > LONGEST {
        return None;
    }
    let plain: String = tidy.chars().map(plain).collect();
    let (negative, bare) = unsigned(&plain)?;
    let (scale, bare) = scaled(bare);
    let (digits, exponent) = match bare.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok().filter(|e| exponent_is_plain(exponent, *e))?),
        None => (bare, 0),
    };
    let number = marked(digits, decimal)?;
    let magnitude = shifted(&number.whole, &number.decimals, exponent.checked_add(scale)?)?;
    Some(if negative { -magnitude } else { magnitude })
}

/// One kind of each mark: the marks of Arabic, the apostrophes, the hyphens and minus signs.
fn plain(c: char) -> char {
    match c {
        '٫' => '.',
        '٬' => '\'',
        '’' | '‘' | '´' | '`' | '′' | 'ʼ' => '\'',
        '−' | '‐' | '‑' | '–' | '—' | '﹣' => '-',
        '٪' => '%',
        '、' | '，' => ',',
        c => digit(c).unwrap_or(c),
    }
}

/// Takes signs, brackets and names of money off both ends. None when there are two signs.
fn unsigned(text: &str) -> Option<(bool, &str)> {
    let mut rest = text.trim();
    let mut negative = None;
    let mut money = false;
    loop {
        rest = rest.trim();
        if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            sign(&mut negative, true)?;
            rest = inner;
        } else if let Some(after) = rest.strip_prefix(['-', '△', '▲']) {
            sign(&mut negative, true)?;
            rest = after;
        } else if let Some(before) = [",--", ",-", ".-"].iter().find_map(|none| rest.strip_suffix(none)) {
            // A price without cents.
            rest = before;
        } else if let Some(before) = rest.strip_suffix('-') {
            sign(&mut negative, true)?;
            rest = before;
        } else if let Some(after) = rest.strip_prefix('+') {
            sign(&mut negative, false)?;
            rest = after;
        } else if let Some(bare) = (!money).then(|| without_money(rest)).flatten() {
            money = true;
            rest = bare;
        } else {
            return Some((negative.unwrap_or(false), rest));
        }
    }
}

fn sign(known: &mut Option<bool>, negative: bool) -> Option<()> {
    if known.is_some() {
        return None;
    }
    *known = Some(negative);
    Some(())
}

/// The text without the name of a currency at its beginning or its end; none when there is none.
fn without_money(text: &str) -> Option<&str> {
    let part = |c: char| !(c.is_ascii_digit() || c.is_whitespace() || "+-().,'%‰".contains(c));
    let end = text.find(|c: char| !part(c) && c != '.').unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    // `.5` begins with a decimal mark, `Fr.5` with a name.
    if head.contains(part) && is_money(head) {
        return Some(rest);
    }
    let start = text.char_indices().rev().take_while(|(_, c)| part(*c) || *c == '.').last().map(|(at, _)| at)?;
    let (rest, tail) = text.split_at(start);
    (tail.contains(part) && is_money(tail)).then_some(rest)
}

/// The power of ten that a percent sign, or a Chinese or Japanese ten thousand or hundred million, stands for.
fn scaled(text: &str) -> (i32, &str) {
    for (mark, scale) in [('%', -2), ('‰', -3), ('万', 4), ('萬', 4), ('亿', 8), ('億', 8)] {
        if let Some(rest) = text.strip_suffix(mark) {
            return (scale, rest.trim_end());
        }
    }
    (0, text)
}

fn exponent_is_plain(text: &str, value: i32) -> bool {
    (-60..=60).contains(&value) && text.trim_start_matches(['+', '-']).len() <= 3
}

/// A number's digits before and behind its decimal mark.
struct Digits {
    whole: String,
    decimals: String,
}

fn marked(text: &str, decimal: Option<char>) -> Option<Digits> {
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | ' ' | '_');
    if !text.contains(|c: char| c.is_ascii_digit()) || !text.chars().all(allowed) {
        return None;
    }
    let mark = match decimal {
        Some(mark) => text.contains(mark).then_some(mark),
        None => decimal_of(text)?,
    };
    let (whole, decimals) = match mark {
        Some(mark) => text.split_once(mark)?,
        None => (text, ""),
    };
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(Digits { whole: grouped(whole)?, decimals: decimals.to_string() })
}

/// Which mark is the decimal one, where the text itself says it; the inner none when it has none. None when it could be
/// either.
fn decimal_of(text: &str) -> Option<Option<char>> {
    let (point, comma) = (text.rfind('.'), text.rfind(','));
    let (mark, at) = match (point, comma) {
        (None, None) => return Some(None),
        // The last one; the other one separates thousands.
        (Some(point), Some(comma)) if point > comma => return Some(Some('.')),
        (Some(_), Some(_)) => return Some(Some(',')),
        (Some(at), None) => ('.', at),
        (None, Some(at)) => (',', at),
    };
    let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
    if before.contains(mark) {
        // Twice: it separates thousands.
        return Some(None);
    }
    if before.contains(['\'', ' ', '_']) {
        return Some(Some(mark));
    }
    // `1.234` is one and a bit in one country and a thousand and more in the next.
    let either = after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0');
    if either { None } else { Some(Some(mark)) }
}

/// The digits of a whole number whose thousands may be separated by one kind of mark: in threes, or as in India in twos
/// before the last three. None when the groups are others.
fn grouped(whole: &str) -> Option<String> {
    let Some(mark) = whole.chars().find(|c| !c.is_ascii_digit()) else { return Some(whole.to_string()) };
    let groups: Vec<&str> = whole.split(mark).collect();
    if !groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let (first, rest) = groups.split_first()?;
    let (last, middle) = rest.split_last()?;
    let threes = (1..=3).contains(&first.len()) && middle.iter().all(|group| group.len() == 3);
    let twos = mark == ',' && (1..=2).contains(&first.len()) && middle.iter().all(|group| group.len() == 2);
    (last.len() == 3 && (threes || twos)).then(|| groups.concat())
}

/// The digits at the scale of bare `numeric`, times a power of ten. None when there are more than fit.
fn shifted(whole: &str, decimals: &str, power: i32) -> Option<i128> {
    let (precision, scale) = (usize::from(BARE_NUMERIC.0), i32::from(BARE_NUMERIC.1));
    let mut digits = format!("{whole}{decimals}").trim_start_matches('0').to_string();
    if digits.is_empty() {
        return Some(0);
    }
    let missing = scale.checked_add(power)?.checked_sub(i32::try_from(decimals.len()).ok()?)?;
    if missing >= 0 {
        if digits.len() + usize::try_from(missing).ok()? > precision {
            return None;
        }
        digits.extend(std::iter::repeat_n('0', usize::try_from(missing).ok()?));
    } else {
        // What lies behind the last decimal must be nothing.
        for _ in 0..missing.unsigned_abs() {
            if digits.pop()? != '0' {
                return None;
            }
        }
    }
    if digits.is_empty() || digits.len() > precision { None } else { digits.parse().ok() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: i128 = 10_000_000_000;

    #[test]
    fn numbers_of_many_customs() {
        let cents = ONE / 100;
        for (text, expected) in [
            ("1.234,56", 123_456 * cents),
            ("1,234.56", 123_456 * cents),
            ("1'234.56", 123_456 * cents),
            ("1’234.56", 123_456 * cents),
            ("1 234,56", 123_456 * cents),
            ("1\u{a0}234,56", 123_456 * cents),
            ("1\u{202f}234", 1234 * ONE),
            ("12,34,567.89", 123_456_789 * cents),
            ("1.234.567", 1_234_567 * ONE),
            ("1234.567", 1_234_567 * ONE / 1000),
            ("0.125", ONE / 8),
            (".5", ONE / 2),
            ("5.", 5 * ONE),
            ("007", 7 * ONE),
            ("(1,234.56)", -123_456 * cents),
            ("($1,234.56)", -123_456 * cents),
            ("-$5", -5 * ONE),
            ("€ -5", -5 * ONE),
            ("5-", -5 * ONE),
            ("5,-", 5 * ONE),
            ("€ 5,--", 5 * ONE),
            ("△5", -5 * ONE),
            ("−5", -5 * ONE),
            ("12.5 %", ONE / 8),
            ("125‰", ONE / 8),
            ("1.5e3", 1500 * ONE),
            ("1E-10", 1),
            ("1.5万", 15_000 * ONE),
            ("３億", 300_000_000 * ONE),
            ("１２，３４５．６", 123_456 * ONE / 10),
            ("١٬٢٣٤٫٥", 12_345 * ONE / 10),
            ("1.234,56 €", 123_456 * cents),
            ("EUR 12.50", 1250 * cents),
            ("12.50 TRY", 1250 * cents),
            ("-0", 0),
            ("9999999999999999999999999999.9999999999", 10_i128.pow(38) - 1),
        ] {
            assert_eq!(read(text, None), Some(expected), "{text:?}");
        }
        for text in [
            "",
            " ",
            "-",
            "1.234",
            "1,234",
            "1.23.4",
            "1,23,4.5",
            "12 34",
            "1..2",
            "1,2.3,4",
            "abc",
            "1a",
            "--5",
            "-5-",
            "(-5)",
            "1e",
            "1e999",
            "NaN",
            "Infinity",
            "0x10",
            "1/2",
            "10000000000000000000000000000",
            "0.00000000001",
            "1.5.",
            "€",
            "€ 5 $",
            "5 apples",
            "1 2",
            "1_0",
        ] {
            assert_eq!(read(text, None), None, "{text:?}");
        }
        assert_eq!(read("1.234", Some('.')), Some(1_234 * ONE / 1000));
        assert_eq!(read("1.234", Some(',')), Some(1_234 * ONE));
        assert_eq!(read("1,5", Some('.')), None);
        assert_eq!(read("1.234,5", Some('.')), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read(number in any::<i64>(), decimals in 0_usize..10) {
            let scale = 10_i128.pow(decimals as u32);
            let value = i128::from(number) * (ONE / scale);
            let sign = if number < 0 { "-" } else { "" };
            let magnitude = i128::from(number).unsigned_abs();
            let (whole, rest) = (magnitude / scale.unsigned_abs(), magnitude % scale.unsigned_abs());
            let tail = if decimals == 0 { String::new() } else { format!(",{rest:0decimals$}") };
            prop_assert_eq!(read(&format!("{sign}{whole}{tail}"), Some(',')), Some(value));
        }

        #[test]
        fn no_text_panics(text in "[0-9.,' ()%€$e+-]{0,12}|\\PC*") {
            let _ = read(&text, None);
            let _ = read(&text, Some('.'));
        }
    }
}
