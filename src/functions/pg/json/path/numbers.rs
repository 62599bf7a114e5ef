//! Arithmetic of jsonpath: exact decimals, with as many digits behind the point as Postgres's `numeric` gives.

use std::cmp::Ordering;

use crate::error::{Error, Result, SqlState};

/// The most digits of a result.
const MOST: usize = 2_000;
/// How many digits of a quotient count at least, as in Postgres's `select_div_scale`.
const SIGNIFICANT: i64 = 16;
/// The most digits of a quotient behind the point.
const FINEST: i64 = 1_000;

/// An operator between two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    DividedBy,
    Modulo,
}

impl Operator {
    /// How it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Operator::Plus => "+",
            Operator::Minus => "-",
            Operator::Times => "*",
            Operator::DividedBy => "/",
            Operator::Modulo => "%",
        }
    }
}

/// A sign, decimal digits without zeros before them, and how many of them stand behind the point.
#[derive(Clone, Debug)]
struct Number {
    negative: bool,
    digits: Vec<u8>,
    scale: usize,
}

/// `left operator right`, numbers as `jsonb` writes them. 22012 for a division by zero, 22003 for too many digits.
pub(super) fn computed(left: &str, operator: Operator, right: &str) -> Result<String> {
    let (left, right) = (Number::read(left)?, Number::read(right)?);
    let result = match operator {
        Operator::Plus => sum(left, right),
        Operator::Minus => sum(left, Number { negative: !right.negative, ..right }),
        Operator::Times => product(&left, &right),
        Operator::DividedBy | Operator::Modulo if right.is_zero() => {
            return Err(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"));
        }
        Operator::DividedBy => quotient(left, right),
        Operator::Modulo => remainder(left, right),
    };
    result.written()
}

/// The number with the other sign.
pub(super) fn negated(number: &str) -> Result<String> {
    let number = Number::read(number)?;
    Number { negative: !number.negative, ..number }.written()
}

/// The number without its sign.
pub(super) fn absolute(number: &str) -> Result<String> {
    Number { negative: false, ..Number::read(number)? }.written()
}

/// The nearest whole number that is not greater, or with `up` not less.
pub(super) fn whole(number: &str, up: bool) -> Result<String> {
    let mut number = Number::read(number)?;
    let kept = number.digits.len().saturating_sub(number.scale);
    let behind = number.digits.get(kept..).unwrap_or_default().iter().any(|digit| *digit > 0);
    number.digits.truncate(kept);
    number.scale = 0;
    if behind && number.negative != up {
        number.digits = added(&number.digits, &[1]);
    }
    number.written()
}

impl Number {
    fn read(text: &str) -> Result<Number> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        if all().count() > MOST || !all().all(|digit| digit.is_ascii_digit()) {
            return Err(overflow());
        }
        let digits = trimmed(all().map(|digit| digit - b'0').collect());
        Ok(Number { negative, digits, scale: fraction.len() })
    }

    fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// With more digits behind the point.
    fn scaled(mut self, scale: usize) -> Number {
        if !self.is_zero() {
            self.digits.extend(std::iter::repeat_n(0, scale.saturating_sub(self.scale)));
        }
        self.scale = self.scale.max(scale);
        self
    }

    /// The weight of the first group of four digits and that group, as Postgres keeps a number.
    fn first_group(&self) -> (i64, u32) {
        if self.is_zero() {
            return (0, 0);
        }
        // How many digits stand before the point; none or less where zeros follow it.
        let before = self.digits.len() as i64 - self.scale as i64;
        let weight = (before - 1).div_euclid(4);
        let length = before - weight * 4;
        let group = (0..length).map(|at| usize::try_from(at).ok().and_then(|at| self.digits.get(at)).copied());
        (weight, group.fold(0, |group, digit| group * 10 + u32::from(digit.unwrap_or(0))))
    }

    fn written(&self) -> Result<String> {
        if self.digits.len() > MOST || self.scale > MOST {
            return Err(overflow());
        }
        let mut digits = vec![0; (self.scale + 1).saturating_sub(self.digits.len())];
        digits.extend(&self.digits);
        let text: String = digits.iter().map(|digit| char::from(b'0' + digit)).collect();
        let (whole, fraction) = text.split_at_checked(text.len() - self.scale).unwrap_or((&text, ""));
        let sign = if self.negative && !self.is_zero() { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        Ok(format!("{sign}{whole}{point}{fraction}"))
    }
}

fn overflow() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
}

fn sum(left: Number, right: Number) -> Number {
    let scale = left.scale.max(right.scale);
    let (left, right) = (left.scaled(scale), right.scaled(scale));
    if left.negative == right.negative {
        return Number { negative: left.negative, digits: added(&left.digits, &right.digits), scale };
    }
    let (large, small) = match order(&left.digits, &right.digits) {
        Ordering::Less => (right, left),
        _ => (left, right),
    };
    Number { negative: large.negative, digits: without(&large.digits, &small.digits), scale }
}

fn product(left: &Number, right: &Number) -> Number {
    let mut sums = vec![0_u32; left.digits.len() + right.digits.len()];
    for (i, a) in left.digits.iter().rev().enumerate() {
        for (j, b) in right.digits.iter().rev().enumerate() {
            if let Some(sum) = sums.get_mut(i + j) {
                *sum += u32::from(*a) * u32::from(*b);
            }
        }
    }
    let mut carry = 0;
    let mut digits = Vec::with_capacity(sums.len());
    for sum in sums {
        let all = sum + carry;
        digits.push((all % 10) as u8);
        carry = all / 10;
    }
    digits.reverse();
    Number { negative: left.negative != right.negative, digits: trimmed(digits), scale: left.scale + right.scale }
}

fn quotient(left: Number, right: Number) -> Number {
    let ((left_weight, left_group), (right_weight, right_group)) = (left.first_group(), right.first_group());
    let weight = left_weight - right_weight - i64::from(left_group <= right_group);
    let finest = left.scale.max(right.scale) as i64;
    let scale = (SIGNIFICANT - weight * 4).max(finest).clamp(0, FINEST) as usize;
    // One digit more, to round by.
    let negative = left.negative != right.negative;
    let behind = right.scale + scale + 1;
    let (mut divided, mut by) = (left.digits, right.digits);
    divided.extend(std::iter::repeat_n(0, behind.saturating_sub(left.scale)));
    by.extend(std::iter::repeat_n(0, left.scale.saturating_sub(behind)));
    let (mut digits, _) = divided_by(&trimmed(divided), &by);
    if digits.pop().is_some_and(|last| last >= 5) {
        digits = added(&digits, &[1]);
    }
    Number { negative, digits, scale }
}

fn remainder(left: Number, right: Number) -> Number {
    let scale = left.scale.max(right.scale);
    let (left, right) = (left.scaled(scale), right.scaled(scale));
    let (_, digits) = divided_by(&left.digits, &right.digits);
    Number { negative: left.negative, digits, scale }
}

fn trimmed(mut digits: Vec<u8>) -> Vec<u8> {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    digits
}

fn order(left: &[u8], right: &[u8]) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn added(left: &[u8], right: &[u8]) -> Vec<u8> {
    let (mut left, mut right) = (left.iter().rev(), right.iter().rev());
    let (mut digits, mut carry) = (vec![], 0);
    loop {
        let (a, b) = (left.next(), right.next());
        if a.is_none() && b.is_none() {
            break;
        }
        let sum = a.unwrap_or(&0) + b.unwrap_or(&0) + carry;
        digits.push(sum % 10);
        carry = sum / 10;
    }
    digits.push(carry);
    digits.reverse();
    trimmed(digits)
}

/// The digits of a difference that is not negative.
fn without(large: &[u8], small: &[u8]) -> Vec<u8> {
    let mut small = small.iter().rev();
    let (mut digits, mut borrowed) = (Vec::with_capacity(large.len()), 0);
    for digit in large.iter().rev() {
        let taken = small.next().unwrap_or(&0) + borrowed;
        borrowed = u8::from(*digit < taken);
        digits.push(digit + borrowed * 10 - taken);
    }
    digits.reverse();
    trimmed(digits)
}

/// The whole quotient and what is left.
fn divided_by(divided: &[u8], by: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut digits, mut rest) = (Vec::with_capacity(divided.len()), vec![]);
    for digit in divided {
        rest.push(*digit);
        rest = trimmed(rest);
        let mut times = 0;
        while times < 9 && order(&rest, by) != Ordering::Less {
            rest = without(&rest, by);
            times += 1;
        }
        digits.push(times);
    }
    (trimmed(digits), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_postgres() {
        for (left, operator, right, expected) in [
            ("1.50", Operator::Plus, "-1.5", "0.00"),
            ("1", Operator::Minus, "2.25", "-1.25"),
            ("99999999999999999999", Operator::Plus, "1", "100000000000000000000"),
            ("-0.5", Operator::Times, "0.20", "-0.100"),
            ("7", Operator::DividedBy, "2", "3.5000000000000000"),
            ("1", Operator::DividedBy, "3", "0.33333333333333333333"),
            ("2", Operator::DividedBy, "-3", "-0.66666666666666666667"),
            ("10000", Operator::DividedBy, "3", "3333.3333333333333333"),
            ("0.0001", Operator::DividedBy, "7", "0.000014285714285714285714"),
            ("0", Operator::DividedBy, "7", "0.00000000000000000000"),
            ("123456789012345678901234567890", Operator::DividedBy, "2", "61728394506172839450617283945"),
            ("7", Operator::Modulo, "-2.5", "2.0"),
            ("-7", Operator::Modulo, "2", "-1"),
        ] {
            assert_eq!(computed(left, operator, right).unwrap(), expected, "{left} {} {right}", operator.sign());
        }
        assert_eq!(computed("1", Operator::Modulo, "0.0").unwrap_err().state(), SqlState::DIVISION_BY_ZERO);
        assert_eq!(computed("1e9", Operator::Plus, "0").unwrap_err().state(), SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
    }

    #[test]
    fn whole_numbers_are_on_their_side() {
        for (number, below, above) in
            [("1.5", "1", "2"), ("-1.5", "-2", "-1"), ("9.99", "9", "10"), ("-0.1", "-1", "0")]
        {
            assert_eq!((whole(number, false).unwrap().as_str(), whole(number, true).unwrap().as_str()), (below, above));
        }
        assert_eq!(whole("7.00", true).unwrap(), "7");
        assert_eq!((absolute("-0.50").unwrap().as_str(), negated("0.0").unwrap().as_str()), ("0.50", "0.0"));
    }
}
