//! Functions of numbers outside of what they are defined for: DataFusion gives infinities and NaN where Postgres has an
//! error.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::registry::FunctionRegistry;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::error::{Error, SqlState};

/// What a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Domain {
    /// `ln(x)`, `log(x)`, `log(base, x)`: more than zero.
    Positive,
    /// `sqrt(x)`: no less than zero.
    Root,
    /// `power(base, exponent)`
    Power,
    /// `exp(x)`: what gives no infinity.
    Exponential,
    /// `asin(x)`, `acos(x)`, `atanh(x)`: from -1 to 1.
    Unit,
    /// `chr(n)`: a character's number.
    Character,
}

/// The functions, by the names under which DataFusion has them.
const DOMAINS: &[(&str, Domain)] = &[
    ("ln", Domain::Positive),
    ("log", Domain::Positive),
    ("log10", Domain::Positive),
    ("log2", Domain::Positive),
    ("sqrt", Domain::Root),
    ("power", Domain::Power),
    ("exp", Domain::Exponential),
    ("asin", Domain::Unit),
    ("acos", Domain::Unit),
    ("atanh", Domain::Unit),
    ("chr", Domain::Character),
];

/// A function that refuses what Postgres refuses.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    function: Arc<ScalarUDF>,
    domain: Domain,
}

/// Puts the checks on those of the functions that are registered.
pub fn register(registry: &mut dyn FunctionRegistry) -> DfResult<()> {
    for (name, domain) in DOMAINS {
        if let Ok(function) = registry.udf(name) {
            let checked = Checked { function, domain: *domain };
            registry.register_udf(Arc::new(ScalarUDF::new_from_impl(checked)))?;
        }
    }
    Ok(())
}

impl ScalarUDFImpl for Checked {
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

    fn with_updated_config(&self, config: &ConfigOptions) -> Option<ScalarUDF> {
        let function = Arc::new(self.function.inner().with_updated_config(config)?);
        Some(ScalarUDF::new_from_impl(Checked { function, domain: self.domain }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let numbers = args.args.iter().map(numbers).collect::<DfResult<Vec<_>>>()?;
        let rows = if numbers.iter().any(|column| column.len() != 1) { args.number_rows } else { 1 };
        for row in 0..rows {
            let value = |at: usize| -> Option<f64> {
                let column = numbers.get(at)?;
                let row = if column.len() == 1 { 0 } else { row };
                (row < column.len() && column.is_valid(row)).then(|| column.value(row))
            };
            if let (Some(first), second) = (value(0), value(1))
                && let Some((state, message)) = self.domain.refuses(first, second)
            {
                return Err(Error::new(state, message).into());
            }
        }
        self.function.invoke_with_args(args)
    }
}

/// An argument's values; one for what is the same for every row.
fn numbers(argument: &ColumnarValue) -> DfResult<Float64Array> {
    let values = match argument {
        ColumnarValue::Scalar(value) => value.to_array_of_size(1)?,
        ColumnarValue::Array(values) => Arc::clone(values),
    };
    Ok(cast(&values, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

const LOGARITHM: SqlState = SqlState("2201E");
const POWER: SqlState = SqlState("2201F");

impl Domain {
    /// What is wrong with arguments, in Postgres's words; none where nothing is.
    fn refuses(self, first: f64, second: Option<f64>) -> Option<(SqlState, &'static str)> {
        let range = SqlState::NUMERIC_VALUE_OUT_OF_RANGE;
        match self {
            Domain::Positive if first == 1.0 && second.is_some() => {
                Some((SqlState::DIVISION_BY_ZERO, "division by zero"))
            }
            Domain::Positive => [Some(first), second].into_iter().flatten().find_map(|number| {
                if number == 0.0 {
                    Some((LOGARITHM, "cannot take logarithm of zero"))
                } else {
                    (number < 0.0).then_some((LOGARITHM, "cannot take logarithm of a negative number"))
                }
            }),
            Domain::Root => (first < 0.0).then_some((POWER, "cannot take square root of a negative number")),
            Domain::Power => {
                let exponent = second?;
                if first == 0.0 && exponent < 0.0 {
                    Some((POWER, "zero raised to a negative power is undefined"))
                } else if first < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
                    Some((POWER, "a negative number raised to a non-integer power yields a complex result"))
                } else {
                    let infinite = first.is_finite() && exponent.is_finite() && first.powf(exponent).is_infinite();
                    infinite.then_some((range, "value out of range: overflow"))
                }
            }
            Domain::Exponential => {
                (first.is_finite() && first.exp().is_infinite()).then_some((range, "value out of range: overflow"))
            }
            Domain::Unit => (!first.is_nan() && first.abs() > 1.0).then_some((range, "input is out of range")),
            Domain::Character => {
                if first == 0.0 {
                    Some((SqlState("54000"), "null character not permitted"))
                } else if first < 0.0 {
                    Some((SqlState::INVALID_PARAMETER_VALUE, "character number must be positive"))
                } else {
                    let taken = (55_296.0..57_344.0).contains(&first) || first > 1_114_111.0;
                    taken.then_some((SqlState("54000"), "requested character not valid for encoding"))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_refuses() {
        let state =
            |domain: Domain, first: f64, second: Option<f64>| domain.refuses(first, second).map(|(state, _)| state.0);
        for (domain, first, second, expected) in [
            (Domain::Positive, 0.0, None, Some("2201E")),
            (Domain::Positive, 10.0, Some(-1.0), Some("2201E")),
            (Domain::Positive, 1.0, None, None),
            (Domain::Positive, 1.0, Some(10.0), Some("22012")),
            (Domain::Positive, f64::NAN, None, None),
            (Domain::Root, -0.5, None, Some("2201F")),
            (Domain::Power, 0.0, Some(-1.0), Some("2201F")),
            (Domain::Power, -8.0, Some(0.5), Some("2201F")),
            (Domain::Power, -8.0, Some(3.0), None),
            (Domain::Power, 10.0, Some(400.0), Some("22003")),
            (Domain::Exponential, 1000.0, None, Some("22003")),
            (Domain::Exponential, f64::INFINITY, None, None),
            (Domain::Unit, 2.0, None, Some("22003")),
            (Domain::Character, 0.0, None, Some("54000")),
            (Domain::Character, -1.0, None, Some("22023")),
            (Domain::Character, 8364.0, None, None),
        ] {
            assert_eq!(state(domain, first, second), expected, "{domain:?} of {first} and {second:?}");
        }
    }
}
