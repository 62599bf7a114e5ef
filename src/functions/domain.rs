//! Functions of numbers that have no value everywhere: where DataFusion's give NaN or an infinity for a number, these are
//! Postgres's errors.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::error::{Error, Result, SqlState};

/// The functions, by DataFusion's names.
const FUNCTIONS: &[&str] = &["acos", "asin", "exp", "ln", "log", "log10", "log2", "power", "sqrt"];
/// 2201E
const LOGARITHM: SqlState = SqlState("2201E");
/// 2201F
const POWER: SqlState = SqlState("2201F");

/// A function that refuses numbers for which it has no value.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Defined {
    function: Arc<ScalarUDF>,
}

/// The function with its errors, where it is one of these and has not got them.
pub(crate) fn defined(function: &Arc<ScalarUDF>) -> Option<Arc<ScalarUDF>> {
    if !FUNCTIONS.contains(&function.name()) || function.inner().downcast_ref::<Defined>().is_some() {
        return None;
    }
    Some(Arc::new(ScalarUDF::new_from_impl(Defined { function: Arc::clone(function) })))
}

fn doubles(values: &ArrayRef) -> DfResult<Float64Array> {
    Ok(cast(values, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// Why a function of finite numbers has no number as its value.
fn reason(name: &str, args: &[f64]) -> Error {
    let logarithm = |what: &str| Error::new(LOGARITHM, format!("cannot take logarithm of {what}"));
    match (name, args) {
        ("ln" | "log" | "log10" | "log2", args) if args.contains(&0.0) => logarithm("zero"),
        ("ln" | "log10" | "log2", _) => logarithm("a negative number"),
        ("log", args) if args.iter().any(|arg| *arg < 0.0) => logarithm("a negative number"),
        ("log", _) => Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"),
        ("sqrt", _) => negative_root(),
        ("power", [base, exponent]) if *base == 0.0 && *exponent < 0.0 => zero_to_negative(),
        ("power", [base, exponent]) if *base < 0.0 && exponent.fract() != 0.0 => {
            Error::new(POWER, "a negative number raised to a non-integer power yields a complex result")
        }
        ("acos" | "asin", _) => Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range"),
        _ => Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow"),
    }
}

fn negative_root() -> Error {
    Error::new(POWER, "cannot take square root of a negative number")
}

fn zero_to_negative() -> Error {
    Error::new(POWER, "zero raised to a negative power is undefined")
}

/// Refuses results that are no numbers, of arguments that are.
fn check(name: &str, args: &[ArrayRef], results: &ArrayRef) -> Result<()> {
    if !results.data_type().is_floating() {
        return Ok(());
    }
    let results = doubles(results)?;
    let fails = |row: usize| !results.is_null(row) && !results.value(row).is_finite();
    if !(0..results.len()).any(fails) {
        return Ok(());
    }
    let args = args.iter().map(doubles).collect::<DfResult<Vec<_>>>()?;
    for row in (0..results.len()).filter(|row| fails(*row)) {
        let given: Vec<f64> = args.iter().filter(|arg| !arg.is_null(row)).map(|arg| arg.value(row)).collect();
        if given.iter().all(|arg| arg.is_finite()) {
            return Err(reason(name, &given));
        }
    }
    Ok(())
}

impl ScalarUDFImpl for Defined {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        self.function.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.function.is_strict()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let given = args.args.clone();
        let scalar = given.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if scalar { 1 } else { args.number_rows };
        let done = self.function.invoke_with_args(args).map_err(|error| {
            let message = error.to_string();
            // DataFusion finds these itself.
            if message.contains("cannot take square root of a negative number") {
                negative_root().into()
            } else if message.contains("zero raised to a negative power is undefined") {
                zero_to_negative().into()
            } else {
                error
            }
        })?;
        let given = given.iter().map(|arg| arg.to_array(rows)).collect::<DfResult<Vec<_>>>()?;
        check(self.name(), &given, &done.to_array(rows)?)?;
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(name: &str, args: &[f64], result: f64) -> Option<SqlState> {
        let column = |value: f64| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
        let args: Vec<ArrayRef> = args.iter().copied().map(column).collect();
        check(name, &args, &column(result)).err().map(|error| error.state())
    }

    #[test]
    fn what_has_no_value_is_refused() {
        assert_eq!(state("ln", &[0.0], f64::NEG_INFINITY), Some(LOGARITHM));
        assert_eq!(state("ln", &[-1.0], f64::NAN), Some(LOGARITHM));
        assert_eq!(state("power", &[-8.0, 0.5], f64::NAN), Some(POWER));
        assert_eq!(state("power", &[10.0, 400.0], f64::INFINITY), Some(SqlState::NUMERIC_VALUE_OUT_OF_RANGE));
        assert_eq!(state("exp", &[f64::INFINITY], f64::INFINITY), None);
        assert_eq!(state("ln", &[f64::NAN], f64::NAN), None);
        assert_eq!(state("ln", &[1.0], 0.0), None);
    }
}
