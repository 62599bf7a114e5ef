//! `to_char(number, template)`: where a number's digits, its sign and what stands between them go.

use datafusion::arrow::datatypes::{Decimal128Type, Decimal256Type, DecimalType};
use datafusion::scalar::ScalarValue;

use super::number_template::{Notation, Piece, SignPlace, Template};
use crate::error::Result;

/// As many digits as Postgres shows of a `double precision`, and of a `real`.
const DIGITS: (usize, usize) = (15, 6);
/// How wide Roman numerals are, and what does not become one.
const ROMAN_WIDTH: usize = 15;

/// A number by a template; none for what is no number. Errors: 42601 for the template.
pub(super) fn formatted(value: &ScalarValue, template: &str) -> Result<Option<String>> {
    let template = Template::read(template)?;
    let number = match Number::of(value) {
        Some(number) => number,
        None => return Ok(None),
    };
    Ok(Some(match template.notation {
        Notation::Plain => written(&number.digits(&template), &template),
        Notation::Scientific => number.scientific(template.behind),
        Notation::Roman { upper } => roman(&number.plain(0), upper, &template),
    }))
}

/// A number as Postgres brings it to digits.
enum Number {
    /// Exact, in plain notation.
    Exact(String),
    /// An `integer`: exact, but for the scientific notation.
    Integer(i32),
    /// In floating point, with the digits that count.
    Double(f64, usize),
}

impl Number {
    fn of(value: &ScalarValue) -> Option<Number> {
        Some(match value {
            ScalarValue::Int16(Some(number)) => Number::Integer(i32::from(*number)),
            ScalarValue::Int32(Some(number)) => Number::Integer(*number),
            ScalarValue::Int64(Some(number)) => Number::Exact(number.to_string()),
            ScalarValue::Decimal128(Some(number), precision, scale) => {
                Number::Exact(Decimal128Type::format_decimal(*number, *precision, *scale))
            }
            ScalarValue::Decimal256(Some(number), precision, scale) => {
                Number::Exact(Decimal256Type::format_decimal(*number, *precision, *scale))
            }
            ScalarValue::Float32(Some(number)) => Number::Double(f64::from(*number), DIGITS.1),
            ScalarValue::Float64(Some(number)) => Number::Double(*number, DIGITS.0),
            _ => return None,
        })
    }

    /// The digits that a template shows.
    fn digits(&self, template: &Template) -> Digits {
        match self {
            Number::Double(number, _) if number.is_nan() => Digits::of("NaN"),
            Number::Double(number, _) if number.is_infinite() => {
                Digits::of(if *number < 0.0 { "-Infinity" } else { "Infinity" })
            }
            Number::Double(number, digits) => {
                let shifted = number * 10_f64.powi(i32::try_from(template.shift).unwrap_or(i32::MAX));
                let before = format!("{:.0}", shifted.abs()).len();
                let behind = template.behind.min(digits.saturating_sub(before));
                Digits::of(&format!("{shifted:.behind$}"))
            }
            exact => Digits::of(&exact.plain(template.behind)).times_ten(template.shift).rounded(template.behind),
        }
    }

    fn plain(&self, places: usize) -> String {
        match self {
            Number::Exact(number) => number.clone(),
            Number::Integer(number) => number.to_string(),
            Number::Double(number, _) => format!("{number:.places$}"),
        }
    }

    /// `1.50e+03`
    fn scientific(&self, places: usize) -> String {
        let (negative, mantissa, exponent) = match self {
            Number::Exact(number) => {
                let digits = Digits::of(number);
                let all = format!("{}{}", digits.whole, digits.fraction);
                match all.find(|digit| digit != '0') {
                    None => (false, Digits::of("0").rounded(places), 0),
                    Some(first) => {
                        let (one, rest) = all.split_at(first + 1);
                        let point = digits.whole.len();
                        let exponent = point as i64 - first as i64 - 1;
                        let one = one.trim_start_matches('0');
                        // Of 9.99 Postgres too makes 10.0e+00.
                        (digits.negative, Digits::of(&format!("{one}.{rest}")).rounded(places), exponent)
                    }
                }
            }
            Number::Integer(_) | Number::Double(..) => {
                let number = match self {
                    Number::Double(number, _) => *number,
                    Number::Integer(number) => f64::from(*number),
                    Number::Exact(_) => 0.0,
                };
                if !number.is_finite() {
                    let point = if places > 0 { "." } else { "" };
                    return format!(" #{point}{}####", "#".repeat(places));
                }
                let shown = format!("{:.places$e}", number.abs());
                let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
                (number.is_sign_negative(), Digits::of(mantissa), exponent.parse().unwrap_or(0))
            }
        };
        let point = if places > 0 { "." } else { "" };
        let (sign, turn) = (if negative { '-' } else { ' ' }, if exponent < 0 { '-' } else { '+' });
        format!("{sign}{}{point}{}e{turn}{:02}", mantissa.whole, mantissa.fraction, exponent.abs())
    }
}

/// A whole number in Roman numerals, from 1 to 3999.
fn roman(number: &str, upper: bool, template: &Template) -> String {
    const LETTERS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let rounded = Digits::of(number).rounded(0);
    let mut rest: u32 = if rounded.negative { 0 } else { rounded.whole.parse().unwrap_or(0) };
    let mut letters = String::new();
    if (1..4000).contains(&rest) {
        for (value, sign) in LETTERS {
            while rest >= value {
                letters.push_str(sign);
                rest -= value;
            }
        }
    } else {
        letters = "#".repeat(ROMAN_WIDTH);
    }
    if !upper {
        letters = letters.to_lowercase();
    }
    let pieces = template.pieces.iter().map(|piece| match piece {
        Piece::Roman if template.fill => letters.clone(),
        Piece::Roman => format!("{letters:>ROMAN_WIDTH$}"),
        Piece::Text(text) => text.clone(),
        _ => String::new(),
    });
    pieces.collect()
}

/// What is written of a number: its sign, the digits before the point, and those behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits {
    negative: bool,
    /// At least one, without leading zeros.
    whole: String,
    fraction: String,
}

impl Digits {
    /// Of a number in plain notation.
    fn of(number: &str) -> Digits {
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole = whole.trim_start_matches('0');
        let whole = if whole.is_empty() { "0" } else { whole };
        Digits { negative, whole: whole.to_string(), fraction: fraction.to_string() }
    }

    /// With the point moved to the right.
    fn times_ten(mut self, times: usize) -> Digits {
        for _ in 0..times {
            let next = if self.fraction.is_empty() { '0' } else { self.fraction.remove(0) };
            self.whole.push(next);
        }
        Digits::of(&format!("{}{}.{}", if self.negative { "-" } else { "" }, self.whole, self.fraction))
    }

    /// With so many digits behind the point, rounded half away from zero. What is no number stays.
    fn rounded(self, places: usize) -> Digits {
        if !self.whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return self;
        }
        let mut digits = format!("0{}{}", self.whole, self.fraction).into_bytes();
        let kept = 1 + self.whole.len() + places;
        let up = digits.get(kept).is_some_and(|digit| *digit >= b'5');
        digits.resize(kept, b'0');
        if up {
            for digit in digits.iter_mut().rev() {
                if *digit < b'9' {
                    *digit += 1;
                    break;
                }
                *digit = b'0';
            }
        }
        let fraction = digits.split_off(kept - places);
        let text = |bytes: Vec<u8>| bytes.into_iter().map(char::from).collect::<String>();
        let (whole, fraction) = (text(digits), text(fraction));
        // What is rounded to nothing has no sign.
        let negative = self.negative && (whole.bytes().chain(fraction.bytes()).any(|digit| digit != b'0'));
        Digits { negative, ..Digits::of(&format!("{whole}.{fraction}")) }
    }
}

/// A number that was rounded for the template, as the template shows it.
fn written(number: &Digits, template: &Template) -> String {
    let hashes = number.whole.chars().count() > template.before;
    let (whole, fraction) = match hashes {
        true => ("#".repeat(template.before), "#".repeat(template.behind)),
        false => (number.whole.clone(), number.fraction.clone()),
    };
    let blank = template.before - whole.chars().count();
    // `0.1` by `9.9` has no digit before the point.
    let hides_zero = whole == "0" && template.behind > 0 && template.zeros_from.is_none();
    let last_other = fraction.trim_end_matches('0').len();
    let kept = if template.fill { last_other.max(template.zeros_to_behind) } else { fraction.len() };
    let is_bare = template.fill && template.has_point && template.behind > 0 && kept == 0;
    // Of what is not negative a blank is the sign.
    let is_shown = number.negative || !template.fill;
    let mut layout = Layout {
        template,
        negative: number.negative,
        out: String::new(),
        sign_due: match template.sign {
            SignPlace::Before | SignPlace::Brackets => is_shown,
            SignPlace::Anchored => true,
            SignPlace::Behind => false,
            SignPlace::Apart { also_before } => also_before && is_shown,
        },
        in_digits: false,
    };
    let whole: Vec<char> = whole.chars().collect();
    let fraction: Vec<char> = fraction.chars().collect();
    let slots = template.before + template.behind;
    let (mut at, mut behind) = (0, 0);
    for piece in &template.pieces {
        match piece {
            Piece::Digit { .. } if at < template.before => {
                let digit = match at.checked_sub(blank) {
                    None if template.zeros_from.is_some_and(|from| from <= at) => Some('0'),
                    None => None,
                    Some(_) if hides_zero && !is_bare => None,
                    Some(nth) => whole.get(nth).copied(),
                };
                layout.slot(digit);
                at += 1;
                layout.close(at == slots);
            }
            Piece::Digit { zero } => {
                let digit = fraction.get(behind).copied().filter(|_| behind < kept || *zero);
                layout.in_digits = digit.is_some();
                if let Some(digit) = digit {
                    layout.put_sign();
                    layout.out.push(digit);
                }
                behind += 1;
                at += 1;
                layout.close(at == slots);
            }
            Piece::Point => {
                layout.in_digits = false;
                if template.behind == 0 && !hashes {
                    // Postgres ends here.
                    break;
                }
                layout.put_sign();
                layout.out.push('.');
            }
            Piece::Group => match (layout.in_digits, template.fill) {
                (true, _) => layout.out.push(','),
                (false, false) => layout.out.push(' '),
                (false, true) => {}
            },
            Piece::Currency => layout.out.push(' '),
            Piece::Minus => layout.mark(number.negative, '-'),
            Piece::Plus => layout.mark(!number.negative, '+'),
            Piece::Sign => layout.out.push(if number.negative { '-' } else { '+' }),
            Piece::Ordinal { upper } => {
                if !(hashes || number.negative || template.has_point) {
                    let ending = ordinal(&number.whole);
                    layout.out.push_str(&if *upper { ending.to_uppercase() } else { ending.to_string() });
                }
            }
            Piece::Roman => {}
            Piece::Text(text) => layout.out.push_str(text),
        }
    }
    layout.out
}

struct Layout<'a> {
    template: &'a Template,
    negative: bool,
    out: String,
    /// Whether the sign is still to be written, before what is shown first.
    sign_due: bool,
    /// Whether the last place showed a digit: commas stand between digits alone.
    in_digits: bool,
}

impl Layout<'_> {
    /// A place before the point.
    fn slot(&mut self, digit: Option<char>) {
        self.in_digits = digit.is_some();
        match digit {
            Some(digit) => {
                self.put_sign();
                self.out.push(digit);
            }
            None if !self.template.fill => self.out.push(' '),
            None => {}
        }
    }

    fn put_sign(&mut self) {
        if !std::mem::take(&mut self.sign_due) {
            return;
        }
        self.out.push(match (self.template.sign, self.negative) {
            (SignPlace::Brackets, true) => '<',
            (SignPlace::Anchored, false) => '+',
            (_, true) => '-',
            (_, false) => ' ',
        });
    }

    /// What stands behind the last place.
    fn close(&mut self, is_last: bool) {
        if !is_last {
            return;
        }
        match self.template.sign {
            SignPlace::Behind => self.out.push(if self.negative { '-' } else { '+' }),
            SignPlace::Brackets if self.negative => self.out.push('>'),
            SignPlace::Brackets if !self.template.fill => self.out.push(' '),
            _ => {}
        }
    }

    fn mark(&mut self, shown: bool, mark: char) {
        match shown {
            true => self.out.push(mark),
            false if !self.template.fill => self.out.push(' '),
            false => {}
        }
    }
}

/// `st`, `nd`, `rd` or `th`.
fn ordinal(whole: &str) -> &'static str {
    let digits = whole.as_bytes();
    match digits {
        [.., b'1', _] => "th",
        [.., b'1'] => "st",
        [.., b'2'] => "nd",
        [.., b'3'] => "rd",
        _ => "th",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as PostgreSQL 15 has it.
    #[test]
    fn templates_are_those_of_postgres() {
        for (number, template, shown) in [
            ("1234567.891", "999,999.99", " ###,###.##"),
            ("123.456", "FM999,999,990.00", "123.46"),
            ("-12.5", "S9999", "  -13"),
            ("-12.5", "9999S", "  13-"),
            ("-12.5", "9999PR", "  <13>"),
            ("12", "9999PR", "   12 "),
            ("0.1", "9.9", "  .1"),
            ("0.1", "0.9", " 0.1"),
            ("0", "FM9.9", "0."),
            ("0.999", "FM9.990", ".999"),
            ("22", "99TH", " 22ND"),
            ("1.5", "99V99", "  150"),
            ("12", "PL99", "+ 12"),
            ("-12", "MI00099", "-00012"),
            ("1234", "FM9,9\"x\"99", "1,2x34"),
        ] {
            let template = Template::read(template).unwrap();
            let digits = Digits::of(number).times_ten(template.shift).rounded(template.behind);
            assert_eq!(written(&digits, &template), shown, "{number} {template:?}");
        }
    }

    #[test]
    fn other_notations() {
        let shown = |value: ScalarValue, template: &str| formatted(&value, template).unwrap().unwrap();
        let numeric = |number, scale| ScalarValue::Decimal128(Some(number), 20, scale);
        assert_eq!(shown(numeric(123_456, 2), "9.99EEEE"), " 1.23e+03");
        assert_eq!(shown(numeric(-999, 2), "9.9EEEE"), "-10.0e+00");
        assert_eq!(shown(numeric(12, 4), "9.9EEEE"), " 1.2e-03");
        assert_eq!(shown(ScalarValue::Float64(Some(0.00025)), "9EEEE"), " 3e-04");
        assert_eq!(shown(ScalarValue::Int32(Some(1994)), "RN"), "        MCMXCIV");
        assert_eq!(shown(ScalarValue::Int32(Some(4000)), "FMrn"), "###############");
        assert_eq!(shown(ScalarValue::Float64(Some(1234.5)), "9,999.99"), " 1,234.50");
        assert_eq!(formatted(&ScalarValue::from("x"), "9").unwrap(), None);
    }
}
