//! Masks as functions in a plan: each gives a value of its argument's type, fails on none, and leaves NULL as it is.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, Decimal256Array, StringViewArray, TimestampMicrosecondArray,
    new_null_array,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Decimal128Type, Decimal256Type, FieldRef, Float32Type, Float64Type,
    Int16Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, i256,
};
use datafusion::common::Column;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::catalog::mask::Mask;
use crate::error::{Error, Result, SqlState};

/// Fewer bytes than this can be guessed.
const KEY_MIN: usize = 16;

/// The secret of `hash()`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MaskKey(Arc<[u8]>);

impl MaskKey {
    /// A secret of at least 16 bytes (F0000 else).
    pub fn new(secret: &str) -> Result<MaskKey> {
        if secret.len() < KEY_MIN {
            return Err(Error::new(SqlState::CONFIG_FILE_ERROR, "the key of masks is too short")
                .with_detail(format!("It needs {KEY_MIN} bytes."))
                .with_hint("Make one with, for example, openssl rand -hex 32, and set ONEROW_MASK_KEY to it."));
        }
        Ok(MaskKey(secret.as_bytes().into()))
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The secret is nobody's.
        f.write_str("MaskKey")
    }
}

/// 55000 for a mask that needs a key where there is none.
pub fn check_key(mask: &Mask, key: Option<&MaskKey>) -> Result<()> {
    if *mask != Mask::Hash || key.is_some() {
        return Ok(());
    }
    Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "a mask with hash() needs a key")
        .with_hint("Set ONEROW_MASK_KEY, and start anew. Whoever knows it can tell which texts were hashed."))
}

/// A column behind a mask. 55000 where the mask needs a key that is not there.
pub fn masked(mask: Mask, key: Option<&MaskKey>, column: Column) -> Result<Expr> {
    check_key(&mask, key)?;
    let key = key.filter(|_| mask == Mask::Hash).cloned();
    let function = Masked { mask, key, signature: Signature::any(1, Volatility::Immutable) };
    let udf = Arc::new(ScalarUDF::new_from_impl(function));
    Ok(Expr::ScalarFunction(ScalarFunction::new_udf(udf, vec![Expr::Column(column)])))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Masked {
    mask: Mask,
    key: Option<MaskKey>,
    signature: Signature,
}

impl ScalarUDFImpl for Masked {
    fn name(&self) -> &str {
        "masked"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        types.first().cloned().ok_or_else(|| Error::internal("nothing to mask").into())
    }

    /// That of the column, with what says its type in Postgres.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        let Some(field) = args.arg_fields.first() else { return Err(Error::internal("nothing to mask").into()) };
        Ok(Arc::new(field.as_ref().clone().with_nullable(true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let Some(values) = args.args.first() else { return Err(Error::internal("nothing to mask").into()) };
        let values = values.to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(self.values(&values)?))
    }
}

impl Masked {
    fn values(&self, values: &ArrayRef) -> DfResult<ArrayRef> {
        match &self.mask {
            Mask::Null => Ok(new_null_array(values.data_type(), values.len())),
            Mask::Partial { prefix, padding, suffix } => {
                of_texts(values, |text| partial(text, *prefix, padding, *suffix))
            }
            Mask::Hash => match &self.key {
                Some(key) => of_texts(values, |text| hash(text, key)),
                None => Err(Error::internal("a mask without its key").into()),
            },
            Mask::Unit(unit) => to_unit(values, unit),
            Mask::Step(step) if values.data_type().is_string() => {
                of_texts(values, |text| text.chars().take(*step as usize).collect())
            }
            Mask::Step(step) => to_step(values, *step),
        }
    }
}

fn of_texts(values: &ArrayRef, mask: impl Fn(&str) -> String) -> DfResult<ArrayRef> {
    let texts = cast(values, &DataType::Utf8View)?;
    let masked: StringViewArray = texts.as_string_view().iter().map(|text| text.map(&mask)).collect();
    Ok(cast(&masked, values.data_type())?)
}

fn partial(text: &str, prefix: usize, padding: &str, suffix: usize) -> String {
    let length = text.chars().count();
    if length <= prefix.saturating_add(suffix) {
        return padding.to_string();
    }
    let first: String = text.chars().take(prefix).collect();
    let last: String = text.chars().skip(length - suffix).collect();
    format!("{first}{padding}{last}")
}

/// The code of a text as 64 hexadecimal digits.
fn hash(text: &str, key: &MaskKey) -> String {
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(&key.0) else { return String::new() };
    code.update(text.as_bytes());
    code.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unmaskable(kind: &DataType) -> Error {
    Error::internal(format!("a mask for values of {kind}"))
}

/// The multiple of a step that is next to each number towards zero.
fn to_step(values: &ArrayRef, step: u32) -> DfResult<ArrayRef> {
    fn whole<T: ArrowPrimitiveType>(values: &ArrayRef, step: impl Fn(T::Native) -> T::Native) -> ArrayRef {
        Arc::new(values.as_primitive::<T>().unary::<_, T>(step))
    }
    let wide = i64::from(step);
    Ok(match values.data_type() {
        DataType::Int16 => whole::<Int16Type>(values, |n| i16::try_from(i64::from(n) / wide * wide).unwrap_or(0)),
        DataType::Int32 => whole::<Int32Type>(values, |n| i32::try_from(i64::from(n) / wide * wide).unwrap_or(0)),
        DataType::Int64 => whole::<Int64Type>(values, |n| n / wide * wide),
        DataType::Float32 => whole::<Float32Type>(values, |n| (n / step as f32).trunc() * step as f32),
        DataType::Float64 => whole::<Float64Type>(values, |n| (n / f64::from(step)).trunc() * f64::from(step)),
        DataType::Decimal128(precision, scale) => {
            // A step that no value reaches leaves zero.
            let power = u32::try_from(*scale).ok().and_then(|scale| 10_i128.checked_pow(scale));
            let unit = power.and_then(|power| power.checked_mul(i128::from(step)));
            let cut = |n: i128| unit.map_or(0, |unit| n / unit * unit);
            let cut: Decimal128Array = values.as_primitive::<Decimal128Type>().unary(cut);
            Arc::new(cut.with_precision_and_scale(*precision, *scale)?)
        }
        DataType::Decimal256(precision, scale) => {
            let power = u32::try_from(*scale).ok().and_then(|scale| i256::from_i128(10).checked_pow(scale));
            let unit = power.and_then(|power| power.checked_mul(i256::from_i128(i128::from(step))));
            let cut = |n: i256| {
                let steps = unit.and_then(|unit| n.checked_div(unit)?.checked_mul(unit));
                steps.unwrap_or(i256::ZERO)
            };
            let cut: Decimal256Array = values.as_primitive::<Decimal256Type>().unary(cut);
            Arc::new(cut.with_precision_and_scale(*precision, *scale)?)
        }
        other => return Err(unmaskable(other).into()),
    })
}

const DAY: i64 = 86_400_000_000;

/// The beginning of the unit of UTC that each time is in. What has no time, the infinite ones, stays.
fn to_unit(values: &ArrayRef, unit: &str) -> DfResult<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Date32 => {
            let cut = |day: i32| match day {
                i32::MIN | i32::MAX => day,
                day => i32::try_from(first_day(i64::from(day), unit)).unwrap_or(i32::MIN + 1),
            };
            let cut: Date32Array = values.as_primitive::<Date32Type>().unary(cut);
            Arc::new(cut)
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let cut = |micros: i64| match (micros, unit) {
                (i64::MIN | i64::MAX, _) => micros,
                (micros, "hour") => micros.div_euclid(3_600_000_000).saturating_mul(3_600_000_000),
                (micros, unit) => first_day(micros.div_euclid(DAY), unit).saturating_mul(DAY),
            };
            let cut: TimestampMicrosecondArray = values.as_primitive::<TimestampMicrosecondType>().unary(cut);
            Arc::new(cut.with_timezone_opt(zone.clone()))
        }
        other => return Err(unmaskable(other).into()),
    })
}

/// The first day of the unit that a day is in; both counted from 1970-01-01.
fn first_day(day: i64, unit: &str) -> i64 {
    let (year, month) = civil(day);
    match unit {
        "week" => day - (day + 3).rem_euclid(7),
        "month" => days_before(year, month),
        "quarter" => days_before(year, (month - 1) / 3 * 3 + 1),
        "year" => days_before(year, 1),
        "decade" => days_before(year.div_euclid(10) * 10, 1),
        _ => day,
    }
}

/// Year and month of a day since 1970-01-01, in the Gregorian calendar of all times: Howard Hinnant's `civil_from_days`.
fn civil(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month)
}

/// Days from 1970-01-01 to the first day of a month: Howard Hinnant's `days_from_civil`.
fn days_before(year: i64, month: i64) -> i64 {
    let shifted = year - i64::from(month <= 2);
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, Float64Array, Int16Array, Int64Array};

    use super::*;

    fn mask(mask: Mask, values: ArrayRef) -> ArrayRef {
        let key = Some(MaskKey::new("0123456789abcdef").unwrap());
        Masked { mask, key, signature: Signature::any(1, Volatility::Immutable) }.values(&values).unwrap()
    }

    fn texts(function: Mask, values: &[Option<&str>]) -> Vec<Option<String>> {
        let masked = mask(function, Arc::new(values.iter().copied().collect::<StringViewArray>()));
        masked.as_string_view().iter().map(|text| text.map(str::to_string)).collect()
    }

    #[test]
    fn texts_are_masked() {
        let partial = Mask::Partial { prefix: 1, padding: "**".into(), suffix: 2 };
        let of = |text| texts(partial.clone(), &[text]).remove(0);
        assert_eq!(of(Some("İstanbul")).as_deref(), Some("İ**ul"));
        assert_eq!(of(Some("客户名字")).as_deref(), Some("客**名字"));
        // Nothing of a text that would be shown whole.
        assert_eq!(of(Some("abc")).as_deref(), Some("**"));
        assert_eq!(of(Some("")).as_deref(), Some("**"));
        assert_eq!(of(None), None);
        assert_eq!(texts(Mask::Step(3), &[Some("şehir"), None]), [Some("şeh".to_string()), None]);
        let hashed = texts(Mask::Hash, &[Some("a"), Some("a"), Some(" a"), None]);
        assert_eq!(hashed[0], hashed[1]);
        assert!(hashed[0] != hashed[2] && hashed[0].as_ref().is_some_and(|hash| hash.len() == 64));
        assert_eq!(hashed[3], None);
        assert!(check_key(&Mask::Hash, None).is_err() && check_key(&Mask::Null, None).is_ok());
        assert!(MaskKey::new("short").is_err());
        assert_eq!(texts(Mask::Null, &[Some("a")]), [None]);
    }

    #[test]
    fn numbers_are_cut() {
        let whole = mask(Mask::Step(1000), Arc::new(Int64Array::from(vec![i64::MAX, i64::MIN, -999, 4711])));
        let whole: Vec<i64> = whole.as_primitive::<Int64Type>().values().to_vec();
        assert_eq!(whole, [9_223_372_036_854_775_000, -9_223_372_036_854_775_000, 0, 4000]);
        let small = mask(Mask::Step(u32::MAX), Arc::new(Int16Array::from(vec![i16::MIN, 7])));
        assert_eq!(small.as_primitive::<Int16Type>().values(), &[0, 0]);
        let doubles = mask(Mask::Step(10), Arc::new(Float64Array::from(vec![-19.5, f64::NAN])));
        let doubles = doubles.as_primitive::<Float64Type>().values().to_vec();
        assert!(doubles[0] == -10.0 && doubles[1].is_nan());
        let exact = Decimal128Array::from(vec![123_456, -99]).with_precision_and_scale(38, 2).unwrap();
        let exact = mask(Mask::Step(100), Arc::new(exact));
        assert_eq!(exact.as_primitive::<Decimal128Type>().values(), &[120_000, 0]);
    }

    #[test]
    fn times_are_cut() {
        let day = |text: &str| {
            let date = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").unwrap();
            i32::try_from((date - chrono::NaiveDate::from_ymd_opt(1970, 1, 1).unwrap()).num_days()).unwrap()
        };
        for (unit, from, to) in [
            ("day", "1969-12-31", "1969-12-31"),
            ("week", "1969-12-31", "1969-12-29"),
            ("month", "1969-12-31", "1969-12-01"),
            ("month", "2024-02-29", "2024-02-01"),
            ("quarter", "9999-12-31", "9999-10-01"),
            ("year", "0001-06-07", "0001-01-01"),
            ("decade", "1969-12-31", "1960-01-01"),
        ] {
            let cut = mask(Mask::Unit(unit.into()), Arc::new(Date32Array::from(vec![day(from), i32::MAX])));
            assert_eq!(cut.as_primitive::<Date32Type>().values(), &[day(to), i32::MAX], "{unit} of {from}");
        }
        let times = TimestampMicrosecondArray::from(vec![-1, i64::MIN, i64::MIN + 1]).with_timezone("UTC");
        let cut = mask(Mask::Unit("hour".into()), Arc::new(times.clone()));
        assert_eq!(cut.as_primitive::<TimestampMicrosecondType>().value(0), -3_600_000_000);
        assert_eq!(cut.data_type(), times.data_type());
        let cut = mask(Mask::Unit("month".into()), Arc::new(times));
        assert_eq!(cut.as_primitive::<TimestampMicrosecondType>().value(0), -31 * DAY);
    }
}
