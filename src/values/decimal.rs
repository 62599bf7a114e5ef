//! Exact decimals between their text, Postgres's base-10000 binary and a row of digits.

use bytes::{BufMut, BytesMut};

/// What a `numeric` can be beside a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Numeric {
    Number(Decimal),
    NaN,
    PositiveInfinity,
    NegativeInfinity,
}

/// A sign, decimal digits and how many of them stand behind the point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    pub negative: bool,
    /// ASCII digits: at least one, and as many as the scale or more.
    pub digits: Vec<u8>,
    /// Never negative.
    pub scale: usize,
}

/// More digits than any `numeric` of ours can hold; a longer text is out of range, not a reason to allocate.
const MAX_DIGITS: usize = 1_000;

/// As many digits behind the point as are written of any number: more than a `numeric` of ours keeps.
const MAX_SCALE: usize = 60;

/// Why a text or a binary value is no decimal that can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DecimalError {
    /// It is not a number.
    Malformed,
    /// It is a number with more than a thousand digits.
    TooLong,
}

impl Numeric {
    /// Reads `-12.340`, `1e-5`, `.5`, `NaN`, `Infinity`, with blanks around.
    pub fn parse(text: &str) -> Result<Numeric, DecimalError> {
        let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if rest.eq_ignore_ascii_case("nan") && rest.len() == text.len() {
            return Ok(Numeric::NaN);
        }
        if rest.eq_ignore_ascii_case("infinity") || rest.eq_ignore_ascii_case("inf") {
            return Ok(if negative { Numeric::NegativeInfinity } else { Numeric::PositiveInfinity });
        }
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => {
                let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if unsigned.is_empty() || !unsigned.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(DecimalError::Malformed);
                }
                (mantissa, exponent.parse::<i64>().map_err(|_| DecimalError::TooLong)?)
            }
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if (whole.is_empty() && fraction.is_empty())
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(DecimalError::Malformed);
        }
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX).saturating_sub(exponent);
        Decimal::normal(negative, digits, scale).map(Numeric::Number)
    }

    /// Reads Postgres's binary `numeric`.
    pub fn from_binary(bytes: &[u8]) -> Result<Numeric, DecimalError> {
        let mut words = bytes.chunks_exact(2).map(|pair| match *pair {
            [high, low] => u16::from_be_bytes([high, low]),
            _ => 0,
        });
        let mut next = || words.next().ok_or(DecimalError::Malformed);
        let (count, weight, sign, scale) = (next()?, next()? as i16, next()?, next()?);
        if bytes.len() != 8 + usize::from(count) * 2 {
            return Err(DecimalError::Malformed);
        }
        let negative = match sign {
            0x0000 => false,
            0x4000 => true,
            0xC000 => return Ok(Numeric::NaN),
            0xD000 => return Ok(Numeric::PositiveInfinity),
            0xF000 => return Ok(Numeric::NegativeInfinity),
            _ => return Err(DecimalError::Malformed),
        };
        if usize::from(count) * 4 > MAX_DIGITS || usize::from(scale) > MAX_DIGITS {
            return Err(DecimalError::TooLong);
        }
        let mut digits = Vec::with_capacity(usize::from(count) * 4);
        for group in words {
            if group > 9_999 {
                return Err(DecimalError::Malformed);
            }
            digits.extend([group / 1_000, group / 100 % 10, group / 10 % 10, group % 10].map(|d| b'0' + d as u8));
        }
        // The point stands behind `weight + 1` groups; what the display scale cuts off is always zeros.
        let behind = i64::from(count) * 4 - (i64::from(weight) + 1) * 4;
        let wanted = i64::from(scale);
        if behind > wanted {
            let cut = usize::try_from(behind - wanted).unwrap_or(usize::MAX);
            digits.truncate(digits.len().saturating_sub(cut));
            return Decimal::normal(negative, digits, wanted).map(Numeric::Number);
        }
        let mut number = Decimal::normal(negative, digits, behind)?;
        number.rescale(usize::from(scale));
        Ok(Numeric::Number(number))
    }
}

impl Decimal {
    /// Brings digits and a scale of any sign into the form that this type keeps.
    fn normal(negative: bool, mut digits: Vec<u8>, scale: i64) -> Result<Decimal, DecimalError> {
        let zeros = digits.iter().take_while(|d| **d == b'0').count();
        digits.drain(..zeros);
        let scale = match usize::try_from(scale) {
            Ok(scale) => scale,
            Err(_) if digits.is_empty() => 0,
            Err(_) => {
                let add = usize::try_from(scale.unsigned_abs()).unwrap_or(usize::MAX);
                if add > MAX_DIGITS {
                    return Err(DecimalError::TooLong);
                }
                digits.resize(digits.len() + add, b'0');
                0
            }
        };
        if digits.len() > MAX_DIGITS || scale > MAX_DIGITS {
            return Err(DecimalError::TooLong);
        }
        let least = scale.max(1);
        if digits.len() < least {
            let missing = least - digits.len();
            digits.splice(0..0, std::iter::repeat_n(b'0', missing));
        }
        let negative = negative && digits.iter().any(|d| *d != b'0');
        Ok(Decimal { negative, digits, scale })
    }

    /// Adds zeros behind the point up to `scale`; never cuts.
    pub fn rescale(&mut self, scale: usize) {
        if scale > self.scale {
            self.digits.resize(self.digits.len() + (scale - self.scale), b'0');
            self.scale = scale;
        }
    }

    /// Cuts what stands behind so many digits after the point, half away from zero.
    pub fn round(&mut self, scale: usize) {
        let Some(cut) = self.scale.checked_sub(scale).filter(|cut| *cut > 0) else { return };
        let kept = self.digits.len().saturating_sub(cut);
        let up = self.digits.get(kept).is_some_and(|digit| *digit >= b'5');
        self.digits.truncate(kept);
        self.scale = scale;
        if up {
            let mut carried = true;
            for digit in self.digits.iter_mut().rev() {
                carried = *digit == b'9';
                *digit = if carried { b'0' } else { *digit + 1 };
                if !carried {
                    break;
                }
            }
            if carried {
                self.digits.insert(0, b'1');
            }
        }
        if self.digits.is_empty() {
            self.digits.push(b'0');
        }
        self.negative &= self.digits.iter().any(|digit| *digit != b'0');
    }

    /// How many digits count: leading zeros do not, except those behind the point.
    pub fn precision(&self) -> usize {
        let zeros = self.digits.iter().take_while(|d| **d == b'0').count();
        (self.digits.len() - zeros).max(self.scale).max(1)
    }

    /// How many digits there are without leading zeros.
    pub fn significant(&self) -> usize {
        self.digits.len() - self.digits.iter().take_while(|d| **d == b'0').count()
    }

    /// The number's text, without an exponent. Of what no numeric keeps behind the point it has not all.
    pub fn text(mut self) -> String {
        self.round(MAX_SCALE);
        let mut out = BytesMut::new();
        let scale = i32::try_from(self.scale).unwrap_or(i32::MAX);
        write_text(self.negative, &self.digits, scale, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The digits with their sign, as an integer's text.
    pub fn unscaled(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}", String::from_utf8_lossy(&self.digits))
    }
}

/// Writes a decimal as Postgres's text: all `scale` digits behind the point, one zero at least before it. A negative
/// scale stands for zeros.
pub(super) fn write_text(negative: bool, digits: &[u8], scale: i32, out: &mut BytesMut) {
    if negative {
        out.put_u8(b'-');
    }
    if scale <= 0 {
        out.extend_from_slice(digits);
        if digits != b"0" {
            out.put_bytes(b'0', scale.unsigned_abs() as usize);
        }
        return;
    }
    let scale = scale.unsigned_abs() as usize;
    if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.extend_from_slice(whole);
        out.put_u8(b'.');
        out.extend_from_slice(fraction);
    } else {
        out.extend_from_slice(b"0.");
        out.put_bytes(b'0', scale - digits.len());
        out.extend_from_slice(digits);
    }
}

/// Writes a decimal as Postgres's binary `numeric`: groups of four digits, aligned at the point, without zero groups
/// at either end.
pub(super) fn write_binary(negative: bool, digits: &[u8], scale: i32, out: &mut BytesMut) {
    let shown = u16::try_from(scale.max(0)).unwrap_or(u16::MAX);
    let zeros = digits.iter().take_while(|d| **d == b'0').count();
    let digits = digits.get(zeros..).unwrap_or_default();
    if digits.is_empty() {
        out.put_u16(0);
        out.put_i16(0);
        out.put_u16(0);
        out.put_u16(shown);
        return;
    }
    // How many digits stand before the point; negative when zeros follow it.
    let point = digits.len() as i32 - scale;
    let weight = (point + 3).div_euclid(4) - 1;
    // The first group has one to four of our digits, the others four.
    let first = (point - 4 * weight).clamp(1, 4) as usize;
    let start = out.len();
    out.put_u16(0);
    out.put_i16(weight as i16);
    out.put_u16(if negative { 0x4000 } else { 0 });
    out.put_u16(shown);
    let mut groups = 0u16;
    let mut kept = (0u16, out.len());
    let (head, tail) = digits.split_at(first.min(digits.len()));
    // A first group that ends before its last place goes on with zeros.
    let places = std::iter::once((head, first)).chain(tail.chunks(4).map(|chunk| (chunk, 4)));
    for (chunk, width) in places {
        let value = chunk.iter().fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        let value = value * 10u16.pow((width - chunk.len()) as u32);
        out.put_u16(value);
        groups += 1;
        if value != 0 {
            kept = (groups, out.len());
        }
    }
    out.truncate(kept.1);
    if let Some(count) = out.get_mut(start..start + 2) {
        count.copy_from_slice(&kept.0.to_be_bytes());
    }
}

/// The most digits behind the point of what [`write_small`] takes.
const SMALL_SCALE: u8 = 16;

/// The same for a number of 64 bits, whose groups are divided out of it; false, with nothing written, when it has too
/// many digits behind the point, or fewer than none.
pub(super) fn write_small(negative: bool, value: u64, scale: i32, out: &mut BytesMut) -> bool {
    let Some(shown) = u8::try_from(scale).ok().filter(|shown| *shown <= SMALL_SCALE) else { return false };
    let one = 10u64.pow(u32::from(shown));
    let behind = shown.div_ceil(4);
    // Below ten to the sixteenth, as is all that follows.
    let (mut whole, mut fraction) = (value / one, value % one * 10u64.pow(u32::from(behind * 4 - shown)));
    // Five groups before the point and four behind it, the last first.
    let mut groups = [0u16; 9];
    let mut count = 0u8;
    let mut take = |group: u64| {
        if let Some(place) = groups.get_mut(usize::from(count)) {
            *place = group as u16;
        }
        count += 1;
    };
    for _ in 0..behind {
        take(fraction % 10_000);
        fraction /= 10_000;
    }
    while whole > 0 {
        take(whole % 10_000);
        whole /= 10_000;
    }
    let groups = groups.get(..usize::from(count)).unwrap_or_default();
    let last = groups.iter().take_while(|group| **group == 0).count();
    let first = groups.iter().rposition(|group| *group != 0);
    let (kept, weight) = match first {
        Some(first) => (groups.get(last..=first).unwrap_or_default(), first as i16 - i16::from(behind)),
        None => (Default::default(), 0),
    };
    let sign: u16 = if negative && !kept.is_empty() { 0x4000 } else { 0 };
    let mut room = [0u8; 8 + 2 * 9];
    let words = [kept.len() as u16, weight as u16, sign, u16::from(shown)];
    let words = words.iter().chain(kept.iter().rev());
    for (place, word) in room.chunks_exact_mut(2).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    out.extend_from_slice(room.get(..8 + 2 * kept.len()).unwrap_or_default());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_are_written_as_all_are() {
        let mut values: Vec<u64> =
            vec![0, 1, 9, 10, 9_999, 10_000, 10_001, u64::from(u32::MAX), u64::MAX, u64::MAX - 1];
        values.extend((0..20).flat_map(|power| {
            let one = 10u64.pow(power);
            [one, one - 1, one + 1, one.wrapping_mul(7), one.wrapping_mul(12_345_678_901)]
        }));
        for value in values {
            for scale in 0..=16 {
                for negative in [false, true] {
                    let (mut small, mut all) = (BytesMut::new(), BytesMut::new());
                    assert!(write_small(negative, value, scale, &mut small));
                    write_binary(negative, value.to_string().as_bytes(), scale, &mut all);
                    assert_eq!(small, all, "{value} {scale} {negative}");
                }
            }
        }
        let mut none = BytesMut::new();
        assert!(!write_small(false, 1, 17, &mut none) && !write_small(false, 1, -1, &mut none));
        assert!(none.is_empty());
    }

    fn text(digits: &str, scale: i32) -> String {
        let mut out = BytesMut::new();
        write_text(false, digits.as_bytes(), scale, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    fn binary(negative: bool, digits: &str, scale: i32) -> Vec<u16> {
        let mut out = BytesMut::new();
        write_binary(negative, digits.as_bytes(), scale, &mut out);
        out.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn text_has_every_digit_of_the_scale() {
        assert_eq!(text("0", 2), "0.00");
        assert_eq!(text("5", 2), "0.05");
        assert_eq!(text("12345", 2), "123.45");
        assert_eq!(text("12", -3), "12000");
        assert_eq!(text("0", -3), "0");
    }

    #[test]
    fn binary_is_postgres_s() {
        // numeric_send of 0.00, 123.45, -12345678.9, 0.0001, 0.00001, 10000, 120000.
        assert_eq!(binary(false, "0", 2), [0u16, 0, 0, 2]);
        assert_eq!(binary(false, "12345", 2), [2u16, 0, 0, 2, 123, 4500]);
        assert_eq!(binary(true, "123456789", 1), [3u16, 1, 0x4000, 1, 1234, 5678, 9000]);
        assert_eq!(binary(false, "1", 4), [1u16, 0xFFFF, 0, 4, 1]);
        assert_eq!(binary(false, "1", 5), [1u16, 0xFFFE, 0, 5, 1000]);
        assert_eq!(binary(false, "10000", 0), [1u16, 1, 0, 0, 1]);
        assert_eq!(binary(false, "12", -4), [1u16, 1, 0, 0, 12]);
        assert_eq!(binary(false, "12", -3), [2u16, 1, 0, 0, 1, 2000]);
    }

    #[test]
    fn parses_and_reads_back() {
        for (input, shown) in [
            ("123.450", "123.450"),
            (" -0.05 ", "-0.05"),
            ("1e3", "1000"),
            ("1.5e-3", "0.0015"),
            (".5", "0.5"),
            ("-0", "0"),
            ("0.00", "0.00"),
            ("12300000000000000000000.7", "12300000000000000000000.7"),
        ] {
            let Ok(Numeric::Number(number)) = Numeric::parse(input) else { panic!("{input}") };
            let mut out = BytesMut::new();
            write_binary(number.negative, &number.digits, number.scale as i32, &mut out);
            let Ok(Numeric::Number(back)) = Numeric::from_binary(&out) else { panic!("{input}") };
            for number in [&number, &back] {
                let mut out = BytesMut::new();
                let digits = &number.digits[number.digits.iter().take_while(|d| **d == b'0').count()..];
                write_text(
                    number.negative,
                    if digits.is_empty() { b"0" } else { digits },
                    number.scale as i32,
                    &mut out,
                );
                assert_eq!(String::from_utf8_lossy(&out), shown);
            }
        }
        assert_eq!(Numeric::parse("1.2.3"), Err(DecimalError::Malformed));
        assert_eq!(Numeric::parse("e5"), Err(DecimalError::Malformed));
        assert_eq!(Numeric::parse(""), Err(DecimalError::Malformed));
        assert_eq!(Numeric::parse("1e999999"), Err(DecimalError::TooLong));
        assert_eq!(Numeric::parse("NaN"), Ok(Numeric::NaN));
    }
}
