//! `get_byte(bytea, n)`, `set_byte(bytea, n, value)`, `get_bit(bytea, n)` and `set_bit(bytea, n, value)`: one byte, or one
//! bit. Both count from 0, bits from the lowest of the first byte.

use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// All four.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    const GET: &[Param] = &[Param::Bytes, Param::Int];
    const SET: &[Param] = &[Param::Bytes, Param::Int, Param::Int];
    vec![
        Spec::new("get_byte", GET, |_| PgType::Int4, |call| Ok(get(call, 1)?.map(|(byte, _)| int(byte)))).udf(),
        Spec::new("get_bit", GET, |_| PgType::Int4, |call| Ok(get(call, 8)?.map(|(byte, at)| int((byte >> at) & 1))))
            .udf(),
        Spec::new("set_byte", SET, |_| PgType::Bytea, |call| set(call, 1)).udf(),
        Spec::new("set_bit", SET, |_| PgType::Bytea, |call| set(call, 8)).udf(),
    ]
}

fn int(value: u8) -> ScalarValue {
    ScalarValue::Int32(Some(i32::from(value)))
}

fn bytes<'a>(call: &'a Call<'_>) -> Option<&'a [u8]> {
    match call.values.first() {
        Some(ScalarValue::Binary(Some(bytes))) => Some(bytes),
        _ => None,
    }
}

/// The byte and the bit in it that a number stands for, of which there are `each` in a byte. 2202E for one that is not there.
fn place(bytes: &[u8], number: i64, each: i64) -> Result<(usize, u32)> {
    let all = i64::try_from(bytes.len()).unwrap_or(i64::MAX / each).saturating_mul(each);
    let found = usize::try_from(number / each).ok().zip(u32::try_from(number % each).ok());
    match found {
        Some(found) if (0..all).contains(&number) => Ok(found),
        _ => Err(Error::new(SqlState("2202E"), format!("index {number} out of valid range, 0..{}", all - 1))),
    }
}

fn get(call: &Call<'_>, each: i64) -> Result<Option<(u8, u32)>> {
    let (Some(bytes), Some(number)) = (bytes(call), call.int(1)) else { return Ok(None) };
    let (at, bit) = place(bytes, number, each)?;
    Ok(bytes.get(at).map(|byte| (*byte, bit)))
}

fn set(call: &Call<'_>, each: i64) -> Result<Option<ScalarValue>> {
    let (Some(bytes), Some(number), Some(value)) = (bytes(call), call.int(1), call.int(2)) else { return Ok(None) };
    let (at, bit) = place(bytes, number, each)?;
    let mut changed = bytes.to_vec();
    if let Some(byte) = changed.get_mut(at) {
        *byte = match (each, value) {
            // As in Postgres, of a greater number the lowest byte is taken.
            (1, value) => u8::try_from(value.rem_euclid(256)).unwrap_or_default(),
            (_, 0) => *byte & !(1 << bit),
            (_, 1) => *byte | (1 << bit),
            _ => return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "new bit must be 0 or 1")),
        };
    }
    Ok(Some(ScalarValue::Binary(Some(changed))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_from_zero() {
        assert_eq!(place(&[1, 2], 1, 1).unwrap(), (1, 0));
        assert_eq!(place(&[1, 2], 15, 8).unwrap(), (1, 7));
        for (number, each) in [(2, 1), (16, 8), (-1, 1), (-1, 8)] {
            assert_eq!(place(&[1, 2], number, each).unwrap_err().state(), SqlState("2202E"), "{number}");
        }
    }
}
