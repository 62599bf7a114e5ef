//! The values of a row as they travel: each behind its length.

/// What is not of the form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// How many values a row's message holds, and the bytes that hold them.
#[inline]
pub(super) fn row(body: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let (count, values) = body.split_first_chunk::<2>().ok_or(Malformed)?;
    Ok((usize::from(u16::from_be_bytes(*count)), values))
}

/// The next value of a row, which moves on; none for null.
#[inline]
pub(super) fn value<'a>(values: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let (length, rest) = values.split_first_chunk::<4>().ok_or(Malformed)?;
    let length = match i32::from_be_bytes(*length) {
        -1 => {
            *values = rest;
            return Ok(None);
        }
        length => usize::try_from(length).map_err(|_| Malformed)?,
    };
    let (value, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
    *values = rest;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Result<Vec<Option<&[u8]>>, Malformed> {
        let (count, mut values) = row(body)?;
        let found = (0..count).map(|_| value(&mut values)).collect();
        if values.is_empty() { found } else { Err(Malformed) }
    }

    #[test]
    fn values_stand_behind_their_lengths() {
        let body = [&[0, 3, 0, 0, 0, 2, b'a', b'b', 255, 255, 255, 255, 0, 0, 0, 0][..]].concat();
        assert_eq!(read(&body), Ok(vec![Some(&b"ab"[..]), None, Some(&b""[..])]));
        assert_eq!(read(&[0, 0]), Ok(vec![]));
        for cut in 0..body.len() {
            assert_eq!(read(&body[..cut]), Err(Malformed), "{cut}");
        }
        assert_eq!(read(&[0, 1, 255, 255, 255, 254]), Err(Malformed));
    }
}
