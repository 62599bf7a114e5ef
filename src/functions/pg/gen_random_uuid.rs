//! `gen_random_uuid()`: a UUID of version 4.

use std::fmt::Write;

use datafusion::logical_expr::{ScalarUDF, Volatility};
use rand::Rng;

use super::row_function::{Spec, text};
use crate::catalog::types::PgType;

/// `gen_random_uuid`
pub(super) fn udf() -> ScalarUDF {
    Spec::new("gen_random_uuid", &[], |_| PgType::Uuid, |_| Ok(text(uuid(rand::rng().random()))))
        .is(Volatility::Volatile)
        .udf()
}

/// The text of a UUID whose other bits are these.
fn uuid(bits: u128) -> String {
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let digits = format!("{bits:032x}");
    let mut out = String::with_capacity(36);
    let mut at = 0;
    for length in [8, 4, 4, 4, 12] {
        if at > 0 {
            out.push('-');
        }
        // Writing to a String does not fail.
        let _ = write!(out, "{}", digits.get(at..at + length).unwrap_or_default());
        at += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_and_variant_are_set() {
        assert_eq!(uuid(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
