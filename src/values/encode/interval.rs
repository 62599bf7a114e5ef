//! Intervals in Postgres's own style: `1 year 2 mons -3 days +04:05:06.7`.

use bytes::{BufMut, BytesMut};

use super::digits::{fraction, padded, signed};
use crate::values::calendar::SECOND;

/// An interval as Postgres keeps it: three fields that do not mix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interval {
    pub months: i32,
    pub days: i32,
    pub micros: i64,
}

impl Interval {
    /// Writes it. A field that follows a negative one shows its plus sign.
    pub fn write(self, out: &mut BytesMut) {
        let start = out.len();
        let mut after_negative = false;
        for (value, unit) in
            [(self.months / 12, &b" year"[..]), (self.months % 12, &b" mon"[..]), (self.days, &b" day"[..])]
        {
            if value == 0 {
                continue;
            }
            if out.len() > start {
                out.put_u8(b' ');
            }
            if after_negative && value > 0 {
                out.put_u8(b'+');
            }
            signed(i64::from(value), out);
            out.extend_from_slice(unit);
            if value != 1 {
                out.put_u8(b's');
            }
            after_negative = value < 0;
        }
        if self.micros == 0 && out.len() > start {
            return;
        }
        if out.len() > start {
            out.put_u8(b' ');
        }
        if self.micros < 0 {
            out.put_u8(b'-');
        } else if after_negative {
            out.put_u8(b'+');
        }
        let micros = self.micros.unsigned_abs();
        let seconds = micros / SECOND as u64;
        padded(seconds / 3_600, 2, out);
        out.put_u8(b':');
        padded(seconds / 60 % 60, 2, out);
        out.put_u8(b':');
        padded(seconds % 60, 2, out);
        fraction(micros % SECOND as u64, 6, out);
    }

    /// Writes the sixteen bytes of the binary form.
    pub fn write_binary(self, out: &mut BytesMut) {
        out.put_i64(self.micros);
        out.put_i32(self.days);
        out.put_i32(self.months);
    }
}
