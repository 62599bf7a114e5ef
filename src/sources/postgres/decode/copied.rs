//! The form of COPY in binary: a header, rows, and a trailer, in messages that are cut anywhere.

/// What every such stream begins with.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// The signature, the flags, and the length of what else is in the header.
const HEADER: usize = SIGNATURE.len() + 8;

/// Flags that change how rows are read. None is known here.
const CRITICAL: u32 = 0xffff_0000;

/// Where a stream of COPY stands.
#[derive(Debug, Default)]
pub(super) struct Copied {
    /// The beginning of a row whose rest has not come.
    carried: Vec<u8>,
    begun: bool,
    ended: bool,
}

/// What is not of the form.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Copied {
    /// Gives every row that is whole to `row`, as its number of values and the bytes that hold them.
    pub(super) fn take<E: From<Malformed>>(
        &mut self,
        data: &[u8],
        mut row: impl FnMut(usize, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let joined;
        let mut rest = data;
        if !self.carried.is_empty() {
            self.carried.extend_from_slice(data);
            joined = std::mem::take(&mut self.carried);
            rest = &joined;
        }
        if !self.begun {
            match header(rest)? {
                Some(length) => rest = rest.get(length..).ok_or(Malformed)?,
                None => {
                    self.carried = rest.to_vec();
                    return Ok(());
                }
            }
            self.begun = true;
        }
        while !rest.is_empty() {
            if self.ended {
                return Err(Malformed.into());
            }
            let Some((count, values)) = rest.split_first_chunk::<2>() else { break };
            let Ok(count) = usize::try_from(i16::from_be_bytes(*count)) else {
                // The trailer is a row of -1 values.
                self.ended = true;
                rest = values;
                continue;
            };
            let Some(length) = length_of(count, values)? else { break };
            let Some((of_row, after)) = values.split_at_checked(length) else { break };
            row(count, of_row)?;
            rest = after;
        }
        self.carried.extend_from_slice(rest);
        Ok(())
    }

    /// As [`Self::take`] for data that came as one message: a server sends each row as a message of its own.
    #[inline]
    pub(super) fn take_message<E: From<Malformed>>(
        &mut self,
        data: &[u8],
        mut row: impl FnMut(usize, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some((count, values)) = data.split_first_chunk::<2>()
            && let Ok(count) = usize::try_from(i16::from_be_bytes(*count))
            && self.begun
            && self.carried.is_empty()
            && !self.ended
        {
            return row(count, values);
        }
        // The header, and the trailer.
        self.take(data, row)
    }

    /// Whether the stream came to its end: nothing is missing.
    pub(super) fn is_whole(&self) -> bool {
        self.ended && self.carried.is_empty()
    }
}

/// The length of the whole header, if it is there.
fn header(data: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some((signature, rest)) = data.split_at_checked(SIGNATURE.len()) else { return Ok(None) };
    if signature != SIGNATURE {
        return Err(Malformed);
    }
    let Some((flags, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let Some((extension, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
    let extension = usize::try_from(u32::from_be_bytes(*extension)).map_err(|_| Malformed)?;
    if u32::from_be_bytes(*flags) & CRITICAL != 0 {
        return Err(Malformed);
    }
    Ok((rest.len() >= extension).then_some(HEADER + extension))
}

/// How many bytes so many values take, if they are all there.
#[inline]
fn length_of(count: usize, values: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut at = 0usize;
    for _ in 0..count {
        let Some(prefix) = values.get(at..at + 4) else { return Ok(None) };
        at += 4 + length(prefix)?.unwrap_or(0);
        if at > values.len() {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

/// A value's length by its prefix; none for null.
#[inline]
fn length(prefix: &[u8]) -> Result<Option<usize>, Malformed> {
    let prefix: [u8; 4] = prefix.try_into().map_err(|_| Malformed)?;
    match i32::from_be_bytes(prefix) {
        -1 => Ok(None),
        length => usize::try_from(length).map(Some).map_err(|_| Malformed),
    }
}

/// The next value of a row, which moves on.
#[inline]
pub(super) fn value<'a>(values: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let (prefix, rest) = values.split_at_checked(4).ok_or(Malformed)?;
    let Some(length) = length(prefix)? else {
        *values = rest;
        return Ok(None);
    };
    let (value, rest) = rest.split_at_checked(length).ok_or(Malformed)?;
    *values = rest;
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two rows of two values: (`ab`, null) and (``, `c`).
    fn stream() -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2, 9, 9]);
        bytes.extend_from_slice(&[0, 2, 0, 0, 0, 2, b'a', b'b', 255, 255, 255, 255]);
        bytes.extend_from_slice(&[0, 2, 0, 0, 0, 0, 0, 0, 0, 1, b'c']);
        bytes.extend_from_slice(&[255, 255]);
        bytes
    }

    /// Values, without their lengths, and whether that was all.
    type Read = (Vec<Option<Vec<u8>>>, bool);

    fn read(pieces: &[&[u8]]) -> Result<Read, Malformed> {
        let mut copied = Copied::default();
        let mut found = vec![];
        for piece in pieces {
            copied.take(piece, |count, mut values| {
                for _ in 0..count {
                    found.push(value(&mut values)?.map(<[u8]>::to_vec));
                }
                if values.is_empty() { Ok(()) } else { Err(Malformed) }
            })?;
        }
        Ok((found, copied.is_whole()))
    }

    #[test]
    fn messages_may_be_cut_anywhere() {
        let stream = stream();
        let expected = vec![Some(b"ab".to_vec()), None, Some(vec![]), Some(b"c".to_vec())];
        for cut in 0..stream.len() {
            let (left, right) = stream.split_at(cut);
            assert_eq!(read(&[left, right]), Ok((expected.clone(), true)), "{cut}");
            assert!(!read(&[left]).unwrap().1, "{cut}");
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(&bytes), Ok((expected, true)));
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        let mut more = stream();
        more.push(0);
        assert_eq!(read(&[&more]), Err(Malformed));
        let mut flags = stream();
        flags[11] = 1;
        assert_eq!(read(&[&flags]), Err(Malformed));
        assert_eq!(read(&[b"PGCOPY\n\xff\r\n1        "]), Err(Malformed));
    }
}
