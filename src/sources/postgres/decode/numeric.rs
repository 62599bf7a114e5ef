//! `numeric`: digits to the base 10000, or as text, into decimals, exactly or not at all.

use std::fmt;

use datafusion::arrow::datatypes::i256;

use super::fault::{Fault, fixed};
use super::numeric_text;
use crate::sources::postgres::forms::Form;

/// How many characters of a value an error shows.
const SHOWN: usize = 60;

/// A finite number as it travels.
pub(super) struct Numeric<'a> {
    negative: bool,
    /// The power of 10000 that the first digit counts.
    weight: i32,
    /// Digits after the decimal point, for display.
    scale: usize,
    /// Two bytes each.
    digits: &'a [u8],
}

/// An integer that a decimal is held in.
pub(super) trait Unscaled: Copy + PartialOrd {
    /// 0
    const ZERO: Self;

    /// A number of up to 18 digits.
    fn of(small: i64) -> Self;

    /// `self * factor + digit`, unless it overflows.
    fn push(self, factor: u16, digit: u16) -> Option<Self>;

    /// With its sign changed.
    fn negated(self) -> Option<Self>;

    /// The least number with more than `precision` digits.
    fn bound(precision: u8) -> Option<Self>;
}

impl Unscaled for i128 {
    const ZERO: Self = 0;

    fn of(small: i64) -> Self {
        i128::from(small)
    }

    fn push(self, factor: u16, digit: u16) -> Option<Self> {
        self.checked_mul(i128::from(factor))?.checked_add(i128::from(digit))
    }

    fn negated(self) -> Option<Self> {
        self.checked_neg()
    }

    fn bound(precision: u8) -> Option<Self> {
        10i128.checked_pow(u32::from(precision))
    }
}

impl Unscaled for i256 {
    const ZERO: Self = i256::ZERO;

    fn of(small: i64) -> Self {
        i256::from_i128(i128::from(small))
    }

    fn push(self, factor: u16, digit: u16) -> Option<Self> {
        self.checked_mul(i256::from_i128(i128::from(factor)))?.checked_add(i256::from_i128(i128::from(digit)))
    }

    fn negated(self) -> Option<Self> {
        self.checked_neg()
    }

    fn bound(precision: u8) -> Option<Self> {
        i256::from_i128(10).checked_pow(u32::from(precision))
    }
}

/// A decimal's precision and scale, with the bound that its unscaled values stay below.
pub(super) struct Shape<T> {
    precision: u8,
    scale: i8,
    bound: T,
}

impl<T: Unscaled> Shape<T> {
    /// The shape of a decimal; none for a precision that `T` cannot hold.
    pub(super) fn new(precision: u8, scale: i8) -> Option<Shape<T>> {
        Some(Shape { precision, scale, bound: T::bound(precision)? })
    }

    /// The unscaled value, or a fault when it does not fit exactly.
    #[inline]
    pub(super) fn read(&self, raw: &[u8], form: Form) -> Result<T, Fault> {
        match form {
            Form::Binary => self.read_binary(raw),
            Form::Text => self.read_text(raw),
        }
    }

    fn read_text(&self, raw: &[u8]) -> Result<T, Fault> {
        let (negative, magnitude) = numeric_text::read::<T>(raw, self.scale)?;
        let magnitude = magnitude
            .filter(|magnitude| *magnitude < self.bound)
            .ok_or_else(|| self.unfit(&numeric_text::shown(raw, SHOWN)))?;
        if negative { magnitude.negated().ok_or_else(Fault::malformed) } else { Ok(magnitude) }
    }

    fn read_binary(&self, raw: &[u8]) -> Result<T, Fault> {
        let numeric = match parse(raw)? {
            Ok(numeric) => numeric,
            Err(name) => return Err(self.unfit(name)),
        };
        let scale = i32::from(self.scale);
        // Most numbers are small, and wide integers are slow.
        let magnitude = match numeric.most_digits(scale) <= 18 {
            true => numeric.small(scale).map(T::of),
            false => numeric.magnitude::<T>(scale),
        };
        let magnitude =
            magnitude.filter(|magnitude| *magnitude < self.bound).ok_or_else(|| self.unfit(&numeric.to_string()))?;
        if numeric.negative { magnitude.negated().ok_or_else(Fault::malformed) } else { Ok(magnitude) }
    }

    fn unfit(&self, value: &str) -> Fault {
        Fault::unfit(format!("holds {value}, which numeric({},{}) cannot hold exactly", self.precision, self.scale))
            .with_hint("Declare the column as text, or as numeric with the precision and scale that it needs.")
    }
}

/// The number, or the name of what is not finite.
#[inline]
fn parse(raw: &[u8]) -> Result<Result<Numeric<'_>, &'static str>, Fault> {
    let (header, digits) = raw.split_first_chunk::<8>().ok_or_else(Fault::malformed)?;
    let [n0, n1, w0, w1, s0, s1, d0, d1] = *header;
    let negative = match u16::from_be_bytes([s0, s1]) {
        0x0000 => false,
        0x4000 => true,
        0xC000 => return Ok(Err("NaN")),
        0xD000 => return Ok(Err("Infinity")),
        0xF000 => return Ok(Err("-Infinity")),
        _ => return Err(Fault::malformed()),
    };
    if digits.len() != 2 * usize::from(u16::from_be_bytes([n0, n1])) {
        return Err(Fault::malformed());
    }
    Ok(Ok(Numeric {
        negative,
        weight: i32::from(i16::from_be_bytes([w0, w1])),
        scale: usize::from(u16::from_be_bytes([d0, d1])),
        digits,
    }))
}

/// Ten to a power from 0 to 18.
#[inline]
fn ten_to(power: i32) -> Option<i64> {
    const POWERS: [i64; 19] = {
        let mut powers = [1; 19];
        let mut at = 1;
        while at < powers.len() {
            powers[at] = powers[at - 1] * 10;
            at += 1;
        }
        powers
    };
    POWERS.get(usize::try_from(power).ok()?).copied()
}

impl Numeric<'_> {
    #[inline]
    fn digits(&self) -> impl Iterator<Item = u16> + '_ {
        self.digits.chunks_exact(2).map(|pair| fixed(pair).map(u16::from_be_bytes).unwrap_or(0))
    }

    /// How many digits the number times ten to the `scale` has at most.
    fn most_digits(&self, scale: i32) -> i32 {
        4 * (self.weight + 1) + scale
    }

    /// What [`Self::magnitude`] gives for a number that then has at most 18 digits. Nothing overflows: a digit is below
    /// 2^16 whatever comes, and what would be below ten to the 18th is below 6.6 times that.
    fn small(&self, scale: i32) -> Option<i64> {
        let mut value = 0i64;
        // The power of ten that the digit at hand counts in the result.
        let mut power = 4 * self.weight + scale;
        for digit in self.digits().map(i64::from) {
            if power >= 0 {
                value = value.wrapping_mul(10_000).wrapping_add(digit);
            } else if power >= -3 {
                let (keep, cut) = (ten_to(4 + power)?, ten_to(-power)?);
                if digit % cut != 0 {
                    return None;
                }
                value = value.wrapping_mul(keep).wrapping_add(digit / cut);
            } else if digit != 0 {
                return None;
            }
            power -= 4;
        }
        // What the digits left out at the end are zeros.
        Some(if power > -4 { value.wrapping_mul(ten_to(power + 4)?) } else { value })
    }

    /// The number without its sign, times ten to the `scale`; none when that is no whole number or overflows.
    fn magnitude<T: Unscaled>(&self, scale: i32) -> Option<T> {
        let mut value = T::ZERO;
        // The power of ten that the digit at hand counts in the result.
        let mut power = 4 * self.weight + scale;
        for digit in self.digits() {
            value = match power {
                0.. => value.push(10_000, digit)?,
                -3..=-1 => {
                    let (keep, cut) = match power {
                        -1 => (1000, 10),
                        -2 => (100, 100),
                        _ => (10, 1000),
                    };
                    if digit % cut != 0 {
                        return None;
                    }
                    value.push(keep, digit / cut)?
                }
                _ if digit != 0 => return None,
                _ => value,
            };
            power -= 4;
        }
        // What the digits left out at the end are zeros.
        let mut zeros = power + 4;
        while zeros > 0 && value != T::ZERO {
            let step = zeros.min(4);
            value = value.push([1, 10, 100, 1000, 10_000][usize::try_from(step).ok()?.min(4)], 0)?;
            zeros -= step;
        }
        Some(value)
    }
}

impl fmt::Display for Numeric<'_> {
    /// As Postgres prints it, cut short when it is very long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: Vec<u16> = self.digits().collect();
        let at = |power: i32| -> u16 {
            usize::try_from(self.weight - power).ok().and_then(|i| digits.get(i).copied()).unwrap_or(0)
        };
        let mut text = String::from(if self.negative { "-" } else { "" });
        if self.weight < 0 {
            text.push('0');
        }
        for power in (0..=self.weight).rev() {
            if text.len() > SHOWN {
                break;
            }
            let digit = at(power);
            text.push_str(&if power == self.weight { digit.to_string() } else { format!("{digit:04}") });
        }
        if self.scale > 0 && text.len() <= SHOWN {
            let mut fraction = String::new();
            let mut power = -1;
            while fraction.len() < self.scale.min(SHOWN) {
                fraction.push_str(&format!("{:04}", at(power)));
                power -= 1;
            }
            fraction.truncate(self.scale);
            text.push('.');
            text.push_str(&fraction);
        }
        if text.len() > SHOWN {
            text.truncate(SHOWN);
            text.push_str("..");
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A numeric as the server sends it.
    fn wire(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
        let mut raw = vec![];
        raw.extend_from_slice(&(digits.len() as u16).to_be_bytes());
        raw.extend_from_slice(&weight.to_be_bytes());
        raw.extend_from_slice(&sign.to_be_bytes());
        raw.extend_from_slice(&scale.to_be_bytes());
        digits.iter().for_each(|digit| raw.extend_from_slice(&digit.to_be_bytes()));
        raw
    }

    fn read(precision: u8, scale: i8, raw: &[u8]) -> Result<i128, String> {
        let shape = Shape::<i128>::new(precision, scale).unwrap();
        shape.read(raw, Form::Binary).map_err(|fault| format!("{fault:?}"))
    }

    #[test]
    fn numbers_are_read_exactly() {
        assert_eq!(read(38, 10, &wire(0, 0, 0, &[])), Ok(0));
        // 12345.67
        assert_eq!(read(10, 2, &wire(1, 0, 2, &[1, 2345, 6700])), Ok(1_234_567));
        // -0.0001
        assert_eq!(read(38, 10, &wire(-1, 0x4000, 4, &[1])), Ok(-1_000_000));
        // 1000000000000
        assert_eq!(read(38, 0, &wire(3, 0, 0, &[1])), Ok(1_000_000_000_000));
        // 0.12345678901234, which has more than ten digits after the point
        assert!(read(38, 10, &wire(-1, 0, 14, &[1234, 5678, 9012, 3400])).is_err());
        // 0.1234567890 has ten
        assert_eq!(read(38, 10, &wire(-1, 0, 10, &[1234, 5678, 9000])), Ok(1_234_567_890));
        // 100 in numeric(2,0)
        assert!(read(2, 0, &wire(0, 0, 0, &[100])).is_err());
        // 1e100
        assert!(read(38, 10, &wire(25, 0, 0, &[1])).is_err());
        assert!(read(38, 10, &wire(0, 0xC000, 0, &[])).is_err_and(|why| why.contains("NaN")));
        assert!(read(38, 10, &[0, 1]).is_err());
    }

    /// Both ways of reading agree, for every place of the decimal point.
    #[test]
    fn small_numbers_are_read_as_others_are() {
        let digits: [&[u16]; 8] =
            [&[], &[1], &[9999], &[1, 2345, 6700], &[20, 0, 30], &[9999, 9990], &[1, 0, 0, 1000], &[5, 1]];
        for (digits, weight) in digits.iter().flat_map(|digits| (-4..4).map(move |weight| (digits, weight))) {
            let raw = wire(weight, 0, 0, digits);
            let numeric = parse(&raw).unwrap().unwrap_or_else(|name| panic!("{name}"));
            for scale in (0..12).filter(|scale| numeric.most_digits(*scale) <= 18) {
                let small = numeric.small(scale).map(i128::from);
                assert_eq!(small, numeric.magnitude::<i128>(scale), "{digits:?} {weight} {scale}");
            }
        }
    }

    #[test]
    fn wide_numbers_fit_wide_decimals() {
        let shape = Shape::<i256>::new(76, 0).unwrap();
        // 10 to the 60
        let read = shape.read(&wire(15, 0, 0, &[1]), Form::Binary).unwrap();
        assert_eq!(read, i256::from_i128(10).checked_pow(60).unwrap());
    }

    /// What comes as text is what would come in binary, and so are its faults.
    #[test]
    fn texts_are_read_as_digits_are() {
        let numbers: [(&str, Vec<u8>); 10] = [
            ("0", wire(0, 0, 0, &[])),
            ("0.00", wire(0, 0, 2, &[])),
            ("12345.67", wire(1, 0, 2, &[1, 2345, 6700])),
            ("-0.0001", wire(-1, 0x4000, 4, &[1])),
            ("1000000000000", wire(3, 0, 0, &[1])),
            ("0.12345678901234", wire(-1, 0, 14, &[1234, 5678, 9012, 3400])),
            (
                "123456789012345678901234567890.123",
                wire(7, 0, 3, &[12, 3456, 7890, 1234, 5678, 9012, 3456, 7890, 1230]),
            ),
            ("NaN", wire(0, 0xC000, 0, &[])),
            ("Infinity", wire(0, 0xD000, 0, &[])),
            ("-Infinity", wire(0, 0xF000, 0, &[])),
        ];
        for (text, binary) in &numbers {
            for scale in -5..20 {
                for precision in [1, 2, 7, 18, 19, 38] {
                    let shape = Shape::<i128>::new(precision, scale).unwrap();
                    let read = |raw: &[u8], form| shape.read(raw, form).map_err(|fault| format!("{fault:?}"));
                    let (text_read, read) = (read(text.as_bytes(), Form::Text), read(binary, Form::Binary));
                    assert_eq!(text_read, read, "{text} numeric({precision},{scale})");
                }
            }
        }
    }

    #[test]
    fn numbers_are_shown_as_postgres_prints_them() {
        let shown = |raw: &[u8]| parse(raw).unwrap().map(|numeric| numeric.to_string()).unwrap_or_default();
        assert_eq!(shown(&wire(1, 0x4000, 2, &[1, 2345, 6700])), "-12345.67");
        assert_eq!(shown(&wire(-2, 0, 6, &[100])), "0.000001");
        assert_eq!(shown(&wire(2, 0, 0, &[7])), "700000000");
    }
}
