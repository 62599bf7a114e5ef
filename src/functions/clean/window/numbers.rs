//! Columns of numbers, exact or floating point, and the types that their means have.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Decimal256Array, Float64Array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Decimal256Type, Float64Type, i256};

use crate::error::{Error, Result, SqlState};

/// How many decimals a mean has more than what it is of.
const MORE_DECIMALS: u8 = 4;
/// The greatest precision of numeric.
const MOST_DIGITS: u8 = 76;

/// Precision and scale of an exact number's type; none for any other type.
pub(super) fn exact(of: &DataType) -> Option<(u8, i8)> {
    Some(match of {
        DataType::Int8 | DataType::UInt8 => (3, 0),
        DataType::Int16 | DataType::UInt16 => (5, 0),
        DataType::Int32 | DataType::UInt32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::UInt64 => (20, 0),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => (*precision, *scale),
        _ => return None,
    })
}

/// The type that a number is brought to: exact ones stay, `real` and NULL without a type are `double precision`.
pub(super) fn number(of: &DataType) -> Option<DataType> {
    match of {
        DataType::Float16 | DataType::Float32 | DataType::Float64 | DataType::Null => Some(DataType::Float64),
        of => exact(of).map(|_| of.clone()),
    }
}

/// The exact type of so many digits.
pub(super) fn decimal(precision: u8, scale: i8) -> DataType {
    if precision <= 38 { DataType::Decimal128(precision, scale) } else { DataType::Decimal256(precision, scale) }
}

/// The type of a mean: numeric with four digits more behind the point for what is exact, as many as numeric can have,
/// else `double precision`. Every value fits in it.
pub(super) fn mean_type(of: &DataType) -> Option<DataType> {
    let Some((precision, scale)) = exact(of) else { return number(of) };
    let more = MORE_DECIMALS.min(MOST_DIGITS.saturating_sub(precision));
    Some(decimal(precision + more, scale.checked_add(i8::try_from(more).ok()?)?))
}

/// The type that holds the values of both; none when one of them is no number.
pub(super) fn common_type(one: &DataType, other: &DataType) -> Option<DataType> {
    if one.is_signed_integer() && other.is_signed_integer() {
        let wider = if one.primitive_width() < other.primitive_width() { other } else { one };
        return Some(wider.clone());
    }
    let (Some(one), Some(other)) = (exact(one), exact(other)) else {
        number(one)?;
        number(other)?;
        return Some(DataType::Float64);
    };
    let scale = one.1.max(other.1);
    let whole = |(precision, scale): (u8, i8)| i16::from(precision) - i16::from(scale);
    let precision = u8::try_from(whole(one).max(whole(other)) + i16::from(scale)).ok()?;
    Some(decimal(precision.min(MOST_DIGITS), scale))
}

/// A column's values; none for NULL.
pub(super) enum Numbers {
    /// Digits of so many decimals.
    Exact(Vec<Option<i256>>, i8),
    /// Floating point.
    Double(Vec<Option<f64>>),
}

impl Numbers {
    /// Reads a column of a type that [`number`] gives.
    pub(super) fn read(column: &ArrayRef) -> Result<Numbers> {
        Ok(match exact(column.data_type()) {
            Some((_, scale)) => {
                let wide = converted(column, &DataType::Decimal256(MOST_DIGITS, scale))?;
                Numbers::Exact(wide.as_primitive::<Decimal256Type>().iter().collect(), scale)
            }
            None => Numbers::Double(doubles(column)?),
        })
    }
}

/// A column of numbers in floating point.
pub(super) fn doubles(column: &ArrayRef) -> Result<Vec<Option<f64>>> {
    Ok(converted(column, &DataType::Float64)?.as_primitive::<Float64Type>().iter().collect())
}

/// A column in another type; 22003 where a value does not fit.
pub(super) fn converted(column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if column.data_type() == to {
        return Ok(Arc::clone(column));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, to, &options).map_err(|_| out_of_range())
}

/// Digits of `scale` decimals as a column of an exact type with no fewer decimals.
pub(super) fn exact_column(values: Vec<Option<i256>>, to: &DataType) -> Result<ArrayRef> {
    let Some((precision, scale)) = exact(to) else { return Err(Error::internal(format!("{to} is not exact"))) };
    match to {
        DataType::Decimal256(..) => {
            let column = Decimal256Array::from(values).with_precision_and_scale(precision, scale)?;
            column.validate_decimal_precision(precision).map_err(|_| out_of_range())?;
            Ok(Arc::new(column))
        }
        DataType::Decimal128(..) => {
            let narrow = values
                .into_iter()
                .map(|value| value.map(|value| value.to_i128().ok_or_else(out_of_range)).transpose())
                .collect::<Result<Vec<Option<i128>>>>()?;
            let column = Decimal128Array::from(narrow).with_precision_and_scale(precision, scale)?;
            column.validate_decimal_precision(precision).map_err(|_| out_of_range())?;
            Ok(Arc::new(column))
        }
        to => {
            let wide = Decimal256Array::from(values).with_precision_and_scale(MOST_DIGITS, 0)?;
            converted(&(Arc::new(wide) as ArrayRef), to)
        }
    }
}

/// Floating point numbers as a column.
pub(super) fn double_column(values: Vec<Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

/// A power of ten.
pub(super) fn power(of: u32) -> Result<i256> {
    i256::from_i128(10).checked_pow(of).ok_or_else(out_of_range)
}

/// Digits with more decimals.
pub(super) fn rescaled(digits: i256, from: i8, to: i8) -> Result<i256> {
    let more = u32::try_from(i16::from(to) - i16::from(from)).map_err(|_| Error::internal("fewer decimals"))?;
    digits.checked_mul(power(more)?).ok_or_else(out_of_range)
}

/// A quotient, rounded half away from zero as numeric is.
pub(super) fn divided(digits: i256, by: i256) -> Result<i256> {
    let quotient = digits.checked_div(by).ok_or_else(out_of_range)?;
    let rest = digits.checked_rem(by).ok_or_else(out_of_range)?.wrapping_abs();
    let by_size = by.wrapping_abs();
    // At least half, without doubling what may be too large for that.
    if rest.cmp(&by_size.wrapping_sub(rest)) == Ordering::Less {
        return Ok(quotient);
    }
    let step = if digits.is_negative() == by.is_negative() { i256::ONE } else { i256::MINUS_ONE };
    quotient.checked_add(step).ok_or_else(out_of_range)
}

/// 22003
pub(super) fn out_of_range() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_round_half_away_from_zero() {
        let of = |a: i128, b: i128| divided(i256::from_i128(a), i256::from_i128(b)).unwrap().to_i128();
        for (a, b, quotient) in [(5, 2, 3), (-5, 2, -3), (7, 3, 2), (8, 3, 3), (-8, 3, -3), (0, 3, 0), (6, 3, 2)] {
            assert_eq!(of(a, b), Some(quotient), "{a}/{b}");
        }
    }

    #[test]
    fn means_have_four_digits_more() {
        assert_eq!(mean_type(&DataType::Int64), Some(DataType::Decimal128(23, 4)));
        assert_eq!(mean_type(&DataType::Decimal128(12, 2)), Some(DataType::Decimal128(16, 6)));
        assert_eq!(mean_type(&DataType::Decimal128(38, 10)), Some(DataType::Decimal256(42, 14)));
        assert_eq!(mean_type(&DataType::Decimal256(76, 10)), Some(DataType::Decimal256(76, 10)));
        assert_eq!(mean_type(&DataType::Float32), Some(DataType::Float64));
        assert_eq!(mean_type(&DataType::Utf8View), None);
        assert_eq!(common_type(&DataType::Int32, &DataType::Decimal128(12, 2)), Some(DataType::Decimal128(12, 2)));
        assert_eq!(common_type(&DataType::Int32, &DataType::Float64), Some(DataType::Float64));
        assert_eq!(common_type(&DataType::Int32, &DataType::Int64), Some(DataType::Int64));
    }
}
