//! Decimal numbers in text, read exactly or not at all.

use datafusion::arrow::datatypes::i256;

/// The unscaled value of a decimal number such as `-12.50` or `1.5e3`, for a type of this precision and scale. None
/// when the text is no number, or when the type cannot hold it without rounding.
pub fn parse_128(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let mut value: i128 = 0;
    let negative = digits(text, scale, |digit| {
        value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
        Some(())
    })?;
    fit_128(if negative { -value } else { value }, precision)
}

/// As [`parse_128`], for up to 76 digits.
pub fn parse_256(text: &str, precision: u8, scale: i8) -> Option<i256> {
    let ten = i256::from_i128(10);
    let mut value = i256::from_i128(0);
    let negative = digits(text, scale, |digit| {
        value = value.checked_mul(ten)?.checked_add(i256::from_i128(i128::from(digit)))?;
        Some(())
    })?;
    fit_256(if negative { value.checked_neg()? } else { value }, precision)
}

/// The unscaled value of a whole number; none when the type cannot hold it.
pub fn scale_128(value: i128, precision: u8, scale: i8) -> Option<i128> {
    let factor = 10i128.checked_pow(u32::try_from(scale).ok()?)?;
    fit_128(value.checked_mul(factor)?, precision)
}

/// As [`scale_128`], for up to 76 digits.
pub fn scale_256(value: i128, precision: u8, scale: i8) -> Option<i256> {
    let factor = i256::from_i128(10).checked_pow(u32::try_from(scale).ok()?)?;
    fit_256(i256::from_i128(value).checked_mul(factor)?, precision)
}

fn fit_128(value: i128, precision: u8) -> Option<i128> {
    let bound = 10i128.checked_pow(u32::from(precision))?;
    (-bound < value && value < bound).then_some(value)
}

fn fit_256(value: i256, precision: u8) -> Option<i256> {
    let bound = i256::from_i128(10).checked_pow(u32::from(precision))?;
    (value.checked_abs()? < bound).then_some(value)
}

/// Gives the unscaled value's digits one by one, the highest first, and says whether the number is negative. None
/// when the text is no number, when digits other than zero would be lost, or when `push` refuses.
fn digits(text: &str, scale: i8, mut push: impl FnMut(u8) -> Option<()>) -> Option<bool> {
    let text = text.trim();
    let (negative, body) = match text.strip_prefix('-') {
        Some(body) => (true, body),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let count = i64::try_from(whole.len() + fraction.len()).ok()?;
    if count == 0 {
        return None;
    }
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(scale);
    let mut significant = false;
    for (position, byte) in (0i64..).zip(whole.bytes().chain(fraction.bytes())) {
        if !byte.is_ascii_digit() {
            return None;
        }
        let digit = byte - b'0';
        if position < kept {
            push(digit)?;
            significant |= digit != 0;
        } else if digit != 0 {
            return None;
        }
    }
    if significant {
        // Ends soon whatever the exponent is: the value overflows and `push` refuses.
        for _ in count..kept {
            push(0)?;
        }
    }
    Some(negative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_or_nothing() {
        assert_eq!(parse_128("-12.50", 10, 2), Some(-1250));
        assert_eq!(parse_128("12.5", 10, 2), Some(1250));
        assert_eq!(parse_128("1.5e3", 10, 2), Some(150_000));
        assert_eq!(parse_128("12500e-2", 10, 0), Some(125));
        assert_eq!(parse_128("0.000", 5, 2), Some(0));
        assert_eq!(parse_128("0e999999999", 5, 2), Some(0));
        assert_eq!(parse_128("1e999999999", 5, 2), None);
        assert_eq!(parse_128("12.345", 10, 2), None);
        assert_eq!(parse_128("12345.6", 5, 1), None);
        for text in ["", ".", "-", "--1", "1 2", "1e", "x"] {
            assert_eq!(parse_128(text, 10, 2), None, "{text}");
        }
    }

    #[test]
    fn many_digits() {
        let text = "9".repeat(65);
        assert_eq!(parse_256(&text, 65, 0), i256::from_string(&text));
        assert_eq!(parse_256(&text, 64, 0), None);
        assert_eq!(parse_128(&"9".repeat(38), 38, 0), Some(10i128.pow(38) - 1));
    }
}
