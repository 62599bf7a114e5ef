//! Exact decimals from text.

/// Why text is no decimal of the type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no number.
    Syntax,
    /// It has more digits before the point than the type.
    Range,
    /// It has more digits after the point than the type, and none may be lost.
    Inexact,
}

/// Exponents beyond this are out of range before any digit is looked at.
const MAX_EXPONENT: i64 = 1000;

/// The digits of a number at `scale`, with its sign: `1.5` at scale 2 is `150`. With `exact`, digits that would be
/// lost are an error; else they are rounded, half away from zero, as `numeric(p,s)` does in Postgres.
pub fn unscaled(text: &str, precision: u8, scale: i8, exact: bool) -> Result<String, Fault> {
    let text = text.trim();
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => {
            let exponent: i64 = body.get(at + 1..).unwrap_or_default().parse().map_err(|_| Fault::Syntax)?;
            (body.get(..at).unwrap_or_default(), exponent)
        }
        None => (body, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if (whole.is_empty() && fraction.is_empty())
        || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit())
    {
        return Err(Fault::Syntax);
    }
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Ok("0".to_string());
    }
    if exponent.abs() > MAX_EXPONENT {
        return Err(if exponent > 0 { Fault::Range } else { Fault::Inexact });
    }
    let places = i64::try_from(fraction.len()).map_err(|_| Fault::Syntax)? - exponent;
    let shift = i64::from(scale) - places;
    let mut kept: Vec<u8>;
    if shift >= 0 {
        let zeros = usize::try_from(shift).map_err(|_| Fault::Range)?;
        kept = digits.bytes().chain(std::iter::repeat_n(b'0', zeros)).collect();
    } else {
        let dropped = usize::try_from(-shift).map_err(|_| Fault::Range)?;
        let split = digits.len().saturating_sub(dropped);
        kept = digits.bytes().take(split).collect();
        // When all digits go, the first one lost may stand after zeros.
        let first_lost =
            if dropped > digits.len() { b'0' } else { digits.as_bytes().get(split).copied().unwrap_or(b'0') };
        if exact && digits.bytes().skip(split).any(|digit| digit != b'0') {
            return Err(Fault::Inexact);
        }
        if first_lost >= b'5' {
            round_up(&mut kept);
        }
    }
    if kept.len() > usize::from(precision) {
        return Err(Fault::Range);
    }
    let digits: String = kept.into_iter().map(char::from).collect();
    Ok(match digits.as_str() {
        "" => "0".to_string(),
        digits if negative => format!("-{digits}"),
        digits => digits.to_string(),
    })
}

fn round_up(digits: &mut Vec<u8>) {
    for digit in digits.iter_mut().rev() {
        if *digit < b'9' {
            *digit += 1;
            return;
        }
        *digit = b'0';
    }
    digits.insert(0, b'1');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(unscaled("12.50", 38, 10, true).as_deref(), Ok("125000000000"));
        assert_eq!(unscaled("-0.05", 5, 2, true).as_deref(), Ok("-5"));
        assert_eq!(unscaled("1e3", 5, 1, true).as_deref(), Ok("10000"));
        assert_eq!(unscaled("1.23E-1", 5, 3, true).as_deref(), Ok("123"));
        assert_eq!(unscaled("-0", 5, 3, true).as_deref(), Ok("0"));
        assert_eq!(unscaled("1.005", 5, 2, false).as_deref(), Ok("101"));
        assert_eq!(unscaled("9.995", 4, 2, false).as_deref(), Ok("1000"));
        assert_eq!(unscaled("0.004", 4, 2, false).as_deref(), Ok("0"));
        assert_eq!(unscaled("0.0005", 4, 2, false).as_deref(), Ok("0"));
        assert_eq!(unscaled("1.005", 5, 2, true), Err(Fault::Inexact));
        assert_eq!(unscaled("1.500", 5, 1, true).as_deref(), Ok("15"));
        assert_eq!(unscaled("1000", 5, 2, true), Err(Fault::Range));
        for bad in ["", "-", ".", "1e", "1 2", "NaN", "0x1", "1.2.3"] {
            assert_eq!(unscaled(bad, 5, 2, true), Err(Fault::Syntax), "{bad}");
        }
    }
}
