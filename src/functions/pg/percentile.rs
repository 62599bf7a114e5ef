//! `percentile_disc` and `percentile_cont` over the sorted array of a group's values. DataFusion has the latter, and is
//! right in the first digits.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::ScalarUDF;
use datafusion::scalar::ScalarValue;

use super::row_function::{Call, Param, Spec};
use crate::catalog::types::PgType;
use crate::error::{Error, Result, SqlState};

const DISC: &str = "onerow_percentile_disc";
const CONT: &str = "onerow_percentile_cont";

/// `percentile_disc(fraction) WITHIN GROUP (ORDER BY ..)` is rewritten to it: the first value at which that part of all
/// has come.
pub(super) fn disc() -> ScalarUDF {
    Spec::new(DISC, &[Param::Any, Param::Any], chosen, |call| {
        let Some(values) = known(call)? else { return Ok(None) };
        let count = values.len();
        each(call, &values.first().map_or(DataType::Null, ScalarValue::data_type), |fraction| {
            let at = (fraction * count as f64).ceil().max(1.0) as usize;
            Ok(values.get(at - 1).cloned())
        })
    })
    .udf()
}

/// `percentile_cont(fraction) WITHIN GROUP (ORDER BY ..)` is rewritten to it: a number between two values.
pub(super) fn cont() -> ScalarUDF {
    Spec::new(CONT, &[Param::Any, Param::Any], between, |call| {
        let Some(values) = known(call)? else { return Ok(None) };
        let numbers = values.iter().map(number).collect::<Result<Vec<f64>>>()?;
        each(call, &DataType::Float64, |fraction| {
            let place = fraction * (numbers.len() - 1) as f64;
            let (low, high) = (numbers.get(place.floor() as usize), numbers.get(place.ceil() as usize));
            let between = low.zip(high).map(|(low, high)| low + (place - place.floor()) * (high - low));
            Ok(Some(ScalarValue::Float64(between)))
        })
    })
    .udf()
}

/// The name in SQL of the function of a sorted array that has this name, if it is one of these.
pub(crate) fn of_array(name: &str) -> Option<&'static str> {
    match name {
        DISC => Some("percentile_disc"),
        CONT => Some("percentile_cont"),
        _ => None,
    }
}

/// A number, or an array of numbers for an array of fractions.
fn between(fields: &[FieldRef]) -> PgType {
    match fields.get(1).map(|field| PgType::of_field(field)) {
        Some(PgType::Array(_)) => PgType::Array(Box::new(PgType::Float8)),
        _ => PgType::Float8,
    }
}

/// A value, or an array of values for an array of fractions.
fn chosen(fields: &[FieldRef]) -> PgType {
    let kinds: Vec<PgType> = fields.iter().map(|field| PgType::of_field(field)).collect();
    match kinds.as_slice() {
        [PgType::Array(element), PgType::Array(_)] => PgType::Array(element.clone()),
        [PgType::Array(element), ..] => element.as_ref().clone(),
        _ => PgType::Text,
    }
}

/// The values of the array that are no nulls; none when there are none.
fn known(call: &Call<'_>) -> Result<Option<Vec<ScalarValue>>> {
    let Some(array) = call.values.first().and_then(elements) else { return Ok(None) };
    let mut values = Vec::with_capacity(array.len());
    for at in 0..array.len() {
        let value = ScalarValue::try_from_array(&array, at)?;
        if !value.is_null() {
            values.push(value);
        }
    }
    Ok((!values.is_empty()).then_some(values))
}

fn elements(array: &ScalarValue) -> Option<ArrayRef> {
    match array {
        ScalarValue::List(list) if !list.is_empty() && !list.is_null(0) => Some(list.value(0)),
        _ => None,
    }
}

fn number(value: &ScalarValue) -> Result<f64> {
    match value.cast_to(&DataType::Float64)? {
        ScalarValue::Float64(Some(number)) => Ok(number),
        _ => Err(Error::internal("a number is null")),
    }
}

/// The result for the fraction, or for each of them.
fn each(
    call: &Call<'_>,
    of: &DataType,
    result: impl Fn(f64) -> Result<Option<ScalarValue>>,
) -> Result<Option<ScalarValue>> {
    let within = |fraction: &ScalarValue| -> Result<Option<ScalarValue>> {
        if fraction.is_null() {
            return Ok(None);
        }
        let fraction = number(fraction)?;
        if !(0.0..=1.0).contains(&fraction) {
            let message = format!("percentile value {fraction} is not between 0 and 1");
            return Err(Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message));
        }
        result(fraction)
    };
    match call.values.get(1) {
        Some(fractions @ ScalarValue::List(_)) => {
            let Some(fractions) = elements(fractions) else { return Ok(None) };
            let null = ScalarValue::try_from(of)?;
            let mut results = Vec::with_capacity(fractions.len());
            for at in 0..fractions.len() {
                results.push(within(&ScalarValue::try_from_array(&fractions, at)?)?.unwrap_or_else(|| null.clone()));
            }
            Ok(Some(ScalarValue::List(ScalarValue::new_list(&results, of, true))))
        }
        Some(fraction) => within(fraction),
        None => Ok(None),
    }
}
