//! Casts between numbers round as Postgres's do, and what does not fit is 22003.
//!
//! Arrow's casts to integers cut. Postgres rounds numeric half away from zero and floating point half to even, and
//! makes numeric of the 15 (of real: 6) digits that a floating point number is good for.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, Decimal256Type, DecimalType, Field, FieldRef, Float32Type,
    Float64Type, Int16Type, Int32Type, Int64Type, i256,
};
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::scalar::ScalarValue;

use super::each;
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

/// Casts a number to one type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct NumberCast {
    field: FieldRef,
    signature: Signature,
}

impl NumberCast {
    fn cast_all(&self, from: &ArrayRef) -> Result<ArrayRef> {
        match self.field.data_type() {
            DataType::Int16 => integers::<Int16Type>(from),
            DataType::Int32 => integers::<Int32Type>(from),
            DataType::Int64 => integers::<Int64Type>(from),
            DataType::Decimal128(precision, scale) => {
                let values = digits(from)?.map(|value| value.and_then(|v| narrow(v, *scale)));
                decimals::<Decimal128Type>(values, *precision, *scale)
            }
            DataType::Decimal256(precision, scale) => {
                let values = digits(from)?.map(|value| value.and_then(|v| wide(v, *scale)));
                decimals::<Decimal256Type>(values, *precision, *scale)
            }
            other => Err(Error::internal(format!("no cast of numbers to {other}"))),
        }
    }
}

/// A floating point number as `digits` times ten to the `exponent`; none is a null, and an error NaN or an infinity.
type Digits = Result<Option<(i128, i32)>>;

/// The numbers of a column as whole numbers, rounded.
fn integers<T: ArrowPrimitiveType>(from: &ArrayRef) -> Result<ArrayRef>
where
    T::Native: TryFrom<i64>,
{
    let out_of_range = || out_of_range(&T::DATA_TYPE);
    let fit =
        |value: Option<i64>| value.and_then(|n| <T::Native as TryFrom<i64>>::try_from(n).ok()).ok_or_else(out_of_range);
    let numbers: Vec<Option<T::Native>> = match from.data_type() {
        DataType::Float32 => {
            let values = from.as_primitive::<Float32Type>().iter();
            values.map(|v| v.map(|v| fit(whole(f64::from(v)))).transpose()).collect::<Result<_>>()?
        }
        DataType::Float64 => {
            let values = from.as_primitive::<Float64Type>().iter();
            values.map(|v| v.map(|v| fit(whole(v))).transpose()).collect::<Result<_>>()?
        }
        DataType::Decimal128(_, scale) => {
            let values = from.as_primitive::<Decimal128Type>().iter();
            values
                .map(|v| v.map(|v| fit(shift(v, -i32::from(*scale)).and_then(to_i64))).transpose())
                .collect::<Result<_>>()?
        }
        DataType::Decimal256(_, scale) => {
            let values = from.as_primitive::<Decimal256Type>().iter();
            let whole = |v| shift_wide(v, -i32::from(*scale)).and_then(i256::to_i128).and_then(to_i64);
            values.map(|v| v.map(|v| fit(whole(v))).transpose()).collect::<Result<_>>()?
        }
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            return integers::<T>(&cast(from, &DataType::Decimal128(*precision, *scale))?);
        }
        other => return Err(Error::internal(format!("no cast of {other} to whole numbers"))),
    };
    Ok(Arc::new(PrimitiveArray::<T>::from_iter(numbers)))
}

fn to_i64(value: i128) -> Option<i64> {
    i64::try_from(value).ok()
}

/// Half to even. None when it does not fit.
fn whole(value: f64) -> Option<i64> {
    let rounded = value.round_ties_even();
    // The bound above is the first number that does not fit; NaN is in no range.
    (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded).then_some(rounded as i64)
}

/// `value` times ten to the `exponent`, half away from zero. None when it does not fit.
fn shift(value: i128, exponent: i32) -> Option<i128> {
    if value == 0 {
        return Some(0);
    }
    if exponent >= 0 {
        return value.checked_mul(10i128.checked_pow(exponent.unsigned_abs())?);
    }
    // More digits are cut than there are.
    let Some(divisor) = 10i128.checked_pow(exponent.unsigned_abs()) else { return Some(0) };
    let up = (value % divisor).unsigned_abs() * 2 >= divisor.unsigned_abs();
    Some(value / divisor + if up { value.signum() } else { 0 })
}

/// [`shift`] for more digits.
fn shift_wide(value: i256, exponent: i32) -> Option<i256> {
    if value == i256::ZERO {
        return Some(value);
    }
    let ten = i256::from_i128(10);
    if exponent >= 0 {
        return value.checked_mul(ten.checked_pow(exponent.unsigned_abs())?);
    }
    let Some(divisor) = ten.checked_pow(exponent.unsigned_abs()) else { return Some(i256::ZERO) };
    let rest = value.checked_rem(divisor)?.wrapping_abs();
    let cut = value.checked_div(divisor)?;
    if divisor.checked_sub(rest)? > rest {
        return Some(cut);
    }
    let one = if value.is_negative() { i256::MINUS_ONE } else { i256::ONE };
    cut.checked_add(one)
}

fn digits(from: &ArrayRef) -> Result<Box<dyn Iterator<Item = Digits> + '_>> {
    match from.data_type() {
        DataType::Float32 => {
            let values = from.as_primitive::<Float32Type>().iter();
            Ok(Box::new(values.map(|v| v.map(|v| significant(&format!("{v:.5e}"))).transpose())))
        }
        DataType::Float64 => {
            let values = from.as_primitive::<Float64Type>().iter();
            Ok(Box::new(values.map(|v| v.map(|v| significant(&format!("{v:.14e}"))).transpose())))
        }
        other => Err(Error::internal(format!("no cast of {other} to numeric"))),
    }
}

/// Reads `1.25e3` as 125 times ten to the first.
fn significant(text: &str) -> Result<(i128, i32)> {
    let unfit = || Error::unsupported("numeric has no NaN and no infinity");
    let (mantissa, exponent) = text.split_once('e').ok_or_else(unfit)?;
    let exponent: i32 = exponent.parse().map_err(|_| unfit())?;
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i32);
    let digits: i128 = mantissa.replace('.', "").parse().map_err(|_| unfit())?;
    Ok((digits, exponent - fraction))
}

fn narrow(value: Option<(i128, i32)>, scale: i8) -> Result<Option<i128>> {
    let moved = |(digits, exponent): (i128, i32)| shift(digits, exponent + i32::from(scale)).ok_or_else(too_large);
    value.map(moved).transpose()
}

fn wide(value: Option<(i128, i32)>, scale: i8) -> Result<Option<i256>> {
    let moved = |(digits, exponent): (i128, i32)| {
        shift_wide(i256::from_i128(digits), exponent + i32::from(scale)).ok_or_else(too_large)
    };
    value.map(moved).transpose()
}

fn decimals<T: DecimalType>(
    values: impl Iterator<Item = Result<Option<T::Native>>>,
    precision: u8,
    scale: i8,
) -> Result<ArrayRef> {
    let values = values.collect::<Result<Vec<_>>>()?;
    for value in values.iter().flatten() {
        if !T::is_valid_decimal_precision(*value, precision) {
            return Err(too_large().with_detail(format!(
                "A field with precision {precision}, scale {scale} must round to an absolute value less than 10^{}.",
                i32::from(precision) - i32::from(scale)
            )));
        }
    }
    Ok(Arc::new(PrimitiveArray::<T>::from_iter(values).with_precision_and_scale(precision, scale)?))
}

fn too_large() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
}

fn out_of_range(data_type: &DataType) -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{} out of range", PgType::of_arrow(data_type)))
}

impl ScalarUDFImpl for NumberCast {
    fn name(&self) -> &str {
        "number_cast"
    }

    fn display_name(&self, args: &[Expr]) -> DfResult<String> {
        let kind = PgType::of_field(&self.field);
        Ok(args.iter().map(|e| format!("CAST({e} AS {kind})")).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> DfResult<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(self.field.data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> DfResult<FieldRef> {
        let field = Field::new("number_cast", self.field.data_type().clone(), true);
        Ok(Arc::new(field.with_metadata(self.field.metadata().clone())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Scalar(value)) => {
                let done = self.cast_all(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&done, 0)?))
            }
            Some(ColumnarValue::Array(values)) => Ok(ColumnarValue::Array(self.cast_all(values)?)),
            None => Err(Error::internal("nothing to cast").into()),
        }
    }
}

/// Puts [`NumberCast`] in the place of casts that Arrow does not round as Postgres does.
#[derive(Debug, Default)]
pub struct NumberCasts;

impl AnalyzerRule for NumberCasts {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> DfResult<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(cast_plan)?.data)
    }

    fn name(&self) -> &str {
        "number_casts"
    }
}

fn cast_plan(plan: LogicalPlan) -> DfResult<Transformed<LogicalPlan>> {
    each::expression(plan, cast_number)
}

fn cast_number(expr: Expr, schema: &DFSchema) -> DfResult<Transformed<Expr>> {
    let Expr::Cast(Cast { expr: inner, field }) = expr else { return Ok(Transformed::no(expr)) };
    if let Expr::Literal(value, metadata) = inner.as_ref()
        && field.metadata().is_empty()
        && let Some(value) = exact_float(value, field.data_type())?
    {
        return Ok(Transformed::yes(Expr::Literal(value, metadata.clone())));
    }
    let rounds = match (inner.get_type(schema), field.data_type()) {
        (Ok(from), DataType::Int16 | DataType::Int32 | DataType::Int64) => {
            from.is_decimal() || matches!(from, DataType::Float32 | DataType::Float64)
        }
        (Ok(from), DataType::Decimal128(..) | DataType::Decimal256(..)) => {
            matches!(from, DataType::Float32 | DataType::Float64)
        }
        _ => false,
    };
    if !rounds {
        return Ok(Transformed::no(Expr::Cast(Cast { expr: inner, field })));
    }
    let function = NumberCast { field, signature: Signature::any(1, Volatility::Immutable) };
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        vec![*inner],
    ))))
}

/// A numeric literal as the floating point number nearest to it; Arrow's cast rounds twice. None when `value` is no
/// numeric or `to` no floating point type.
pub(super) fn exact_float(value: &ScalarValue, to: &DataType) -> Result<Option<ScalarValue>> {
    let Some(text) = decimal_text(value) else { return Ok(None) };
    let unfit = |_| Error::internal(format!("\"{text}\" is no number"));
    Ok(match to {
        DataType::Float64 => Some(ScalarValue::Float64(Some(text.parse::<f64>().map_err(unfit)?))),
        DataType::Float32 => {
            let value = text.parse::<f32>().map_err(unfit)?;
            // As with text: what is not zero and reads as zero does not fit either.
            if value.is_infinite() || (value == 0.0 && text.contains(|c: char| matches!(c, '1'..='9'))) {
                let message = format!("\"{text}\" is out of range for type real");
                return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message));
            }
            Some(ScalarValue::Float32(Some(value)))
        }
        _ => None,
    })
}

/// The digits of a numeric. None for a null and for other types.
pub(super) fn decimal_text(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Decimal128(Some(value), p, s) => Some(Decimal128Type::format_decimal(*value, *p, *s)),
        ScalarValue::Decimal256(Some(value), p, s) => Some(Decimal256Type::format_decimal(*value, *p, *s)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Decimal128Array, Float64Array};

    use super::*;

    #[test]
    fn numeric_rounds_half_away_from_zero() {
        let values = vec![Some(25), Some(-25), Some(24), Some(-26), None, Some(5)];
        let from: ArrayRef = Arc::new(Decimal128Array::from(values).with_precision_and_scale(10, 1).unwrap());
        let to = integers::<Int32Type>(&from).unwrap();
        let to: Vec<_> = to.as_primitive::<Int32Type>().iter().collect();
        assert_eq!(to, [Some(3), Some(-3), Some(2), Some(-3), None, Some(1)]);
    }

    #[test]
    fn floating_point_rounds_half_to_even() {
        let from: ArrayRef = Arc::new(Float64Array::from(vec![0.5, 1.5, 2.5, -0.5, -1.5, 2.500001]));
        let to = integers::<Int64Type>(&from).unwrap();
        assert_eq!(to.as_primitive::<Int64Type>().values(), &[0, 2, 2, 0, -2, 3]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 9_223_372_036_854_775_808.0, 1e300] {
            let from: ArrayRef = Arc::new(Float64Array::from(vec![value]));
            assert_eq!(integers::<Int64Type>(&from).unwrap_err().state(), SqlState::NUMERIC_VALUE_OUT_OF_RANGE);
        }
        let from: ArrayRef = Arc::new(Float64Array::from(vec![32767.5]));
        assert!(integers::<Int16Type>(&from).is_err());
    }

    #[test]
    fn numeric_takes_the_digits_that_a_number_is_good_for() {
        assert_eq!(significant("1.00000000000000e20").unwrap(), (100_000_000_000_000, 6));
        assert_eq!(shift(100_000_000_000_000, 6 + 10), Some(1_000_000_000_000_000_000_000_000_000_000));
        assert_eq!(shift(150, -2), Some(2));
        assert_eq!(shift(-150, -2), Some(-2));
        assert_eq!(shift(149, -60), Some(0));
        assert_eq!(shift_wide(i256::from_i128(-25), -1), Some(i256::from_i128(-3)));
        assert!(significant("NaN").is_err());
    }
}
