//! Integers as decimal text, without allocation.

use bytes::{BufMut, BytesMut};

/// The two digits of every number below a hundred.
const PAIRS: [u8; 200] = {
    let mut pairs = [0; 200];
    let mut n = 0;
    while n < 100 {
        pairs[n * 2] = b'0' + (n / 10) as u8;
        pairs[n * 2 + 1] = b'0' + (n % 10) as u8;
        n += 1;
    }
    pairs
};

/// Ten to the nineteenth: the greatest power of ten in a `u64`.
const CHUNK: u128 = 10_000_000_000_000_000_000;

/// Room for the digits of any `u128`.
pub(super) type Room = [u8; 39];

/// Writes `value` at the end of `room`, and says where it begins.
fn fill(mut value: u64, room: &mut Room) -> usize {
    let mut at = room.len();
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        room[at] = PAIRS[pair];
        room[at + 1] = PAIRS[pair + 1];
    }
    if value >= 10 {
        at -= 2;
        room[at] = PAIRS[value as usize * 2];
        room[at + 1] = PAIRS[value as usize * 2 + 1];
    } else {
        at -= 1;
        room[at] = b'0' + value as u8;
    }
    at
}

/// The two digits of a number below a hundred; of a greater one the last two.
pub(super) fn pair(value: u64) -> [u8; 2] {
    let at = (value % 100) as usize * 2;
    [PAIRS[at], PAIRS[at + 1]]
}

/// The digits of any `u128`, without leading zeros.
pub(super) fn wide(value: u128, room: &mut Room) -> &[u8] {
    if let Ok(small) = u64::try_from(value) {
        let at = fill(small, room);
        return &room[at..];
    }
    let mut at = room.len();
    let mut rest = value;
    while rest > 0 {
        room[at - 1] = b'0' + (rest % 10) as u8;
        at -= 1;
        rest = if rest >= CHUNK {
            // Nineteen digits at a time: a division of a u128 is dear, one of a u64 is not.
            let mut low = (rest % CHUNK) as u64 / 10;
            for _ in 0..18 {
                at -= 1;
                room[at] = b'0' + (low % 10) as u8;
                low /= 10;
            }
            rest / CHUNK
        } else {
            rest / 10
        };
    }
    &room[at..]
}

/// Writes a number.
pub(super) fn unsigned(value: u64, out: &mut BytesMut) {
    let mut room = [0; 39];
    let at = fill(value, &mut room);
    out.extend_from_slice(&room[at..]);
}

/// Writes a number with its sign, if it is negative.
pub(super) fn signed(value: i64, out: &mut BytesMut) {
    if value < 0 {
        out.put_u8(b'-');
    }
    unsigned(value.unsigned_abs(), out);
}

/// Writes a number with zeros before it, up to `width` digits.
pub(super) fn padded(value: u64, width: usize, out: &mut BytesMut) {
    let mut room = [b'0'; 39];
    let at = fill(value, &mut room);
    let from = at.min(room.len().saturating_sub(width));
    out.extend_from_slice(&room[from..]);
}

/// Writes a fraction of a second that `places` digits count, without the zeros at its end; nothing for none.
pub(super) fn fraction(value: u64, places: usize, out: &mut BytesMut) {
    if value == 0 {
        return;
    }
    let mut room = [b'0'; 39];
    let at = fill(value, &mut room);
    // The point takes the place before the first digit that counts.
    let from = at.min(room.len().saturating_sub(places)).saturating_sub(1);
    room[from] = b'.';
    let zeros = room.iter().rev().take_while(|digit| **digit == b'0').count();
    out.extend_from_slice(&room[from..room.len() - zeros]);
}
