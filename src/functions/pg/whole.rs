//! `floor(numeric)` and `ceil(numeric)` have room for one digit more: `ceil(9.5)` is 10. Of other numbers they are
//! DataFusion's.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field};
use datafusion::error::Result as DfResult;
use datafusion::functions::math;
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};

/// Both of them.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    [math::floor(), math::ceil()].map(|function| ScalarUDF::new_from_impl(Whole { function })).into()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Whole {
    /// DataFusion's.
    function: Arc<ScalarUDF>,
}

/// The type with one digit more before the point; none for a number that has none behind it, or has all already.
fn widened(of: &DataType) -> Option<DataType> {
    match of {
        DataType::Decimal128(precision, scale) if *scale > 0 && *precision < DECIMAL128_MAX_PRECISION => {
            Some(DataType::Decimal128(precision + 1, *scale))
        }
        _ => None,
    }
}

impl ScalarUDFImpl for Whole {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        match types.first().and_then(widened) {
            Some(wide) => Ok(wide),
            None => self.function.return_type(types),
        }
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let Some((value, wide)) = args.args.first().and_then(|value| Some((value, widened(&value.data_type())?)))
        else {
            return self.function.invoke_with_args(args);
        };
        let value = value.cast_to(&wide, None)?;
        let field = Arc::new(Field::new("value", wide, true));
        self.function.invoke_with_args(ScalarFunctionArgs { args: vec![value], arg_fields: vec![field], ..args })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digit_more() {
        assert_eq!(widened(&DataType::Decimal128(2, 1)), Some(DataType::Decimal128(3, 1)));
        assert_eq!(widened(&DataType::Decimal128(38, 10)), None);
        assert_eq!(widened(&DataType::Decimal128(5, 0)), None);
        assert_eq!(widened(&DataType::Float64), None);
    }
}
