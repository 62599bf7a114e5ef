//! `numeric` as PostgreSQL writes it: a sign, digits, and perhaps a point with digits after it.

use super::fault::Fault;
use super::numeric::Unscaled;

/// Whether the number is negative, and what it is without its sign times ten to the `scale`: none where that is no whole
/// number, overflows, or is none at all, as NaN and the infinities.
#[inline]
pub(super) fn read<T: Unscaled>(text: &[u8], scale: i8) -> Result<(bool, Option<T>), Fault> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if matches!(digits, b"NaN" | b"Infinity") {
        return Ok((negative, None));
    }
    let mut halves = digits.splitn(2, |byte| *byte == b'.');
    let (whole, fraction) = (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
    if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(Fault::malformed());
    }
    // How many of the digits count; the others have to be zeros.
    let count = whole.len().saturating_add_signed(isize::from(scale));
    let (kept_whole, cut_whole) = whole.split_at(count.min(whole.len()));
    let (kept_fraction, cut_fraction) = fraction.split_at((count - kept_whole.len()).min(fraction.len()));
    if cut_whole.iter().chain(cut_fraction).any(|digit| *digit != b'0') {
        return Ok((negative, None));
    }
    let kept = kept_whole.iter().chain(kept_fraction).map(|digit| digit - b'0');
    let zeros = count - kept_whole.len() - kept_fraction.len();
    // Most numbers are small, and wide integers are slow.
    let magnitude = if count <= 18 {
        let digits = kept.fold(0, |value: i64, digit| value.wrapping_mul(10).wrapping_add(i64::from(digit)));
        Some(T::of((0..zeros).fold(digits, |value, _| value.wrapping_mul(10))))
    } else {
        unscaled(kept.chain(std::iter::repeat_n(0, zeros)))
    };
    Ok((negative, magnitude))
}

/// The number of these digits; none when it overflows.
fn unscaled<T: Unscaled>(digits: impl Iterator<Item = u8>) -> Option<T> {
    let mut value = T::ZERO;
    // Some digits at a time.
    let (mut few, mut factor) = (0, 1);
    for digit in digits {
        (few, factor) = (few * 10 + u16::from(digit), factor * 10);
        if factor == 10_000 {
            value = value.push(factor, few)?;
            (few, factor) = (0, 1);
        }
    }
    value.push(factor, few)
}

/// The number for an error, cut short when it is very long.
pub(super) fn shown(text: &[u8], most: usize) -> String {
    let mut shown = String::from_utf8_lossy(text.get(..most).unwrap_or(text)).into_owned();
    if text.len() > most {
        shown.push_str("..");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_is_a_fault() {
        for text in ["", "-", ".", ".5", "1.2.3", "1e5", "+1", " 1", "--1", "nan", "infinity", "1,5", "١"] {
            assert!(read::<i128>(text.as_bytes(), 2).is_err(), "{text:?}");
        }
    }

    #[test]
    fn wide_numbers_are_read() {
        let digits = "98765432109876543210987654321098765432";
        assert_eq!(read(digits.as_bytes(), 0).unwrap(), (false, digits.parse::<i128>().ok()));
        assert_eq!(read(format!("-{digits}.0").as_bytes(), 0).unwrap(), (true, digits.parse::<i128>().ok()));
        assert_eq!(read::<i128>(format!("{digits}0").as_bytes(), 0).unwrap(), (false, None));
        assert_eq!(read(b"0", 120).unwrap(), (false, Some(0_i128)));
        assert_eq!(read::<i128>(b"1", 120).unwrap(), (false, None));
        assert_eq!(shown(b"1234567", 5), "12345..");
    }
}
