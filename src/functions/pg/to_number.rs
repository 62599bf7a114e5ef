//! `to_number(text, template)`: a number out of a text that is written by a template, as Postgres reads it.
//!
//! The template says where digits, the sign and what stands between them are looked for; each place takes at most one
//! letter, and what a place does not fit is passed over. Nothing is an error but a text without any digits.

use datafusion::logical_expr::ScalarUDF;

use super::number_template::{Notation, Piece, SignPlace, Template};
use super::row_function::{Call, Param, Spec, returns_text, text};
use crate::catalog::types::{BARE_NUMERIC, PgType};
use crate::error::{Error, Result, SqlState};
use crate::values::read_text;

/// The name that `to_number` with a template in quotes is rewritten to: it gives the number as a text.
pub(crate) const AS_TEXT: &str = "onerow_number_text";

/// The most digits of a numeric.
const MOST_DIGITS: usize = 76;

/// `to_number`, which gives a numeric without a precision, and what reads the text alone.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    let params = &[Param::Text, Param::Text];
    let number = Spec::new(
        "to_number",
        params,
        |_| PgType::Numeric(None),
        |call| match read_by(call)? {
            Some(number) => Ok(Some(read_text(&PgType::Numeric(None), &number, call.zone)?)),
            None => Ok(None),
        },
    );
    let written = Spec::new(AS_TEXT, params, returns_text, |call| Ok(read_by(call)?.and_then(text)));
    vec![number.udf(), written.udf()]
}

/// The precision and the scale of what a template reads; none for one that is refused. Of more digits than a numeric
/// has, it is one without a precision.
pub(crate) fn digits_of(template: &str) -> Option<(u8, i8)> {
    let template = Template::read(template).ok()?;
    let scale = template.behind + template.shift;
    // A digit for 0 where there is none.
    let precision = (template.before + template.behind).max(scale).max(1);
    if precision > MOST_DIGITS {
        return Some(BARE_NUMERIC);
    }
    Some((u8::try_from(precision).ok()?, i8::try_from(scale).ok()?))
}

fn read_by(call: &Call<'_>) -> Result<Option<String>> {
    let (Some(given), Some(template)) = (call.text(0), call.text(1)) else { return Ok(None) };
    if template.is_empty() {
        return Ok(None);
    }
    read(given, template).map(Some)
}

/// The number in a text, as one that casts to numeric. Errors: 42601 for the template, 0A000 for what it cannot read.
fn read(given: &str, template: &str) -> Result<String> {
    let template = Template::read(template)?;
    let refused = match template.notation {
        Notation::Plain => None,
        Notation::Scientific => Some("EEEE"),
        Notation::Roman { .. } => Some("RN"),
    };
    if let Some(word) = refused {
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("\"{word}\" not supported for input")));
    }
    let mut reading = Reading { given, at: 0, template: &template, sign: None, digits: String::new(), behind: None };
    for piece in &template.pieces {
        if reading.next().is_none() {
            break;
        }
        reading.piece(piece);
    }
    Ok(reading.number())
}

/// How far a text is read.
struct Reading<'a> {
    given: &'a str,
    /// The byte that comes next.
    at: usize,
    template: &'a Template,
    sign: Option<char>,
    /// The digits, with the point.
    digits: String,
    /// How many digits are behind the point; none before it.
    behind: Option<usize>,
}

impl Reading<'_> {
    fn next(&self) -> Option<char> {
        self.given.get(self.at..)?.chars().next()
    }

    fn pass(&mut self) {
        self.at += self.next().map_or(1, char::len_utf8);
    }

    /// Passes over letters that are no part of a number.
    fn pass_other(&mut self) {
        if self.next().is_some_and(|letter| !"0123456789.,+-".contains(letter)) {
            self.pass();
        }
    }

    fn piece(&mut self, piece: &Piece) {
        match piece {
            Piece::Digit { .. } => self.digit(true),
            Piece::Point => self.digit(false),
            Piece::Group => {
                if !self.template.fill && self.next() == Some(',') {
                    self.pass();
                }
            }
            Piece::Currency => self.pass_other(),
            Piece::Ordinal { .. } => {
                self.pass_other();
                self.pass_other();
            }
            Piece::Minus => self.own_sign(&['-']),
            Piece::Plus => self.own_sign(&['+']),
            Piece::Sign => self.own_sign(&['-', '+']),
            Piece::Roman => {}
            Piece::Text(text) => {
                for _ in text.chars() {
                    self.pass();
                }
            }
        }
    }

    fn own_sign(&mut self, signs: &[char]) {
        match self.next().filter(|sign| signs.contains(sign)) {
            Some(sign) => {
                self.sign = Some(sign);
                self.pass();
            }
            None => self.pass_other(),
        }
    }

    fn has_digits(&self) -> bool {
        self.digits.bytes().any(|byte| byte.is_ascii_digit())
    }

    /// What a place for a digit or the point takes: a sign before or behind the digits too.
    fn digit(&mut self, before: bool) {
        if self.next() == Some(' ') {
            self.pass();
        }
        let brackets = self.template.sign == SignPlace::Brackets;
        if self.sign.is_none() && before && !self.has_digits() {
            match self.next() {
                Some('<') if brackets => {
                    self.sign = Some('-');
                    self.pass();
                }
                Some(sign @ ('-' | '+')) => {
                    self.sign = Some(sign);
                    self.pass();
                }
                _ => {}
            }
        }
        let Some(next) = self.next() else { return };
        let mut taken = false;
        if next.is_ascii_digit() {
            match &mut self.behind {
                Some(count) if *count == self.template.behind => return,
                Some(count) => *count += 1,
                None => {}
            }
            self.digits.push(next);
            taken = true;
        } else if next == '.' && self.template.has_point && self.behind.is_none() {
            self.digits.push('.');
            self.behind = Some(0);
            taken = true;
        }
        if self.sign.is_none() && self.has_digits() {
            self.sign_behind(taken);
        }
        self.pass();
    }

    /// A sign behind the last digit.
    fn sign_behind(&mut self, taken: bool) {
        let anchored = matches!(self.template.sign, SignPlace::Anchored | SignPlace::Behind);
        let apart = matches!(self.template.sign, SignPlace::Apart { .. });
        if anchored && taken {
            let rest = self.given.get(self.at + 1..).unwrap_or_default();
            if let Some(sign @ ('-' | '+')) = rest.chars().next() {
                self.sign = Some(sign);
                self.at += 1;
            }
        } else if apart && !taken {
            self.sign = self.next().filter(|sign| matches!(sign, '-' | '+'));
        }
    }

    /// What was read, multiplied by a tenth for each place behind `V`.
    fn number(self) -> String {
        let sign = self.sign.unwrap_or(' ');
        let mut digits = self.digits.strip_suffix('.').map_or(self.digits.clone(), str::to_string);
        if self.template.shift > 0 && !digits.is_empty() {
            let missing = (self.template.shift + 1).saturating_sub(digits.len());
            digits.insert_str(0, &"0".repeat(missing));
            digits.insert(digits.len().saturating_sub(self.template.shift), '.');
        }
        format!("{sign}{digits}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_in_postgres() {
        for (given, template, number) in [
            ("-1", "9S", "-1"),
            ("1-", "9S", "-1"),
            ("12,454.8-", "99G999D9S", "-12454.8"),
            ("1234", "99V99", " 12.34"),
            ("12345", "99", " 12"),
            ("1,234", "FM9,999", " 123"),
            ("<12>", "99PR", "-12"),
            ("12-", "99MI", "-12"),
            ("-12", "MI99", "-12"),
            ("€ 1234", "L9999", " 1234"),
            ("$1,234.56", "L9,999.99", " 1234.56"),
            ("a12b3", "\"x\"99\"y\"9", " 123"),
            ("12 34", "99999", " 1234"),
            (".5", "9.9", " .5"),
            ("1.", "9.9", " 1"),
            ("1.567", "9.99", " 1.56"),
            ("- 5", "S99", "-5"),
            ("15", "9,9", " 15"),
            ("1.234,5", "9G999D9", " 1.2"),
            ("abc", "999", " "),
        ] {
            assert_eq!(read(given, template).unwrap(), number, "{given} by {template}");
        }
        assert_eq!(read("XII", "RN").unwrap_err().state(), SqlState::FEATURE_NOT_SUPPORTED);
        assert_eq!(digits_of("9G999D99"), Some((6, 2)));
        assert_eq!(digits_of("99V99"), Some((4, 2)));
    }
}
