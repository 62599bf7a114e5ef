//! Exact decimals as the narrowest Arrow decimal that holds them.

use datafusion::arrow::datatypes::i256;
use datafusion::scalar::ScalarValue;

use crate::error::{Error, Result, SqlState};
use crate::values::decimal::{Decimal, Numeric};

/// The most digits of Arrow's two decimals.
const NARROW: usize = 38;
const WIDE: usize = 76;

/// A number with all its digits, and the scale that it was written with.
pub(super) fn scalar(number: Numeric) -> Result<ScalarValue> {
    let number = finite(number)?;
    let width = width(number.precision())?;
    sized(&number, width)
}

/// Numbers of one scale and one width, since an array has one type; none is a null.
pub(super) fn scalars(numbers: Vec<Option<Numeric>>) -> Result<Vec<ScalarValue>> {
    let mut numbers: Vec<Option<Decimal>> =
        numbers.into_iter().map(|number| number.map(finite).transpose()).collect::<Result<_>>()?;
    let scale = numbers.iter().flatten().map(|number| number.scale).max().unwrap_or(0);
    let mut precision = 1;
    for number in numbers.iter_mut().flatten() {
        number.rescale(scale);
        precision = precision.max(number.precision());
    }
    let width = width(precision)?;
    let scale = i8::try_from(scale).map_err(|_| too_wide())?;
    numbers
        .iter()
        .map(|number| match number {
            Some(number) => sized(number, width),
            None if width == NARROW => Ok(ScalarValue::Decimal128(None, NARROW as u8, scale)),
            None => Ok(ScalarValue::Decimal256(None, WIDE as u8, scale)),
        })
        .collect()
}

/// The number, if it is one.
pub(super) fn finite(number: Numeric) -> Result<Decimal> {
    match number {
        Numeric::Number(number) => Ok(number),
        Numeric::NaN => Err(Error::unsupported("numeric NaN is not supported")),
        Numeric::PositiveInfinity | Numeric::NegativeInfinity => {
            Err(Error::unsupported("an infinite numeric is not supported"))
        }
    }
}

fn width(precision: usize) -> Result<usize> {
    if precision <= NARROW {
        Ok(NARROW)
    } else if precision <= WIDE {
        Ok(WIDE)
    } else {
        Err(too_wide())
    }
}

fn sized(number: &Decimal, width: usize) -> Result<ScalarValue> {
    let scale = i8::try_from(number.scale).map_err(|_| too_wide())?;
    let unscaled = number.unscaled();
    if width == NARROW {
        let value: i128 = unscaled.parse().map_err(|_| too_wide())?;
        Ok(ScalarValue::Decimal128(Some(value), NARROW as u8, scale))
    } else {
        let value = i256::from_string(&unscaled).ok_or_else(too_wide)?;
        Ok(ScalarValue::Decimal256(Some(value), WIDE as u8, scale))
    }
}

/// The error for more digits than fit.
pub(super) fn too_wide() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format")
        .with_detail("A numeric may have 76 digits at most.")
}
