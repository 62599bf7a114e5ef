//! `round(number)`: a floating point number half to even, as in Postgres; DataFusion's goes away from zero.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::error::Result as DfResult;
use datafusion::functions::math;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::scalar::ScalarValue;

/// `round`
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(Round { round: math::round() })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Round {
    /// DataFusion's, for numeric.
    round: Arc<ScalarUDF>,
}

/// Whether it is rounded as double precision; whole numbers are, without digits to round to.
fn as_double(count: usize, of: Option<&DataType>) -> bool {
    count == 1 && of.is_some_and(|of| of.is_floating() || of.is_integer())
}

impl ScalarUDFImpl for Round {
    fn name(&self) -> &str {
        "round"
    }

    fn signature(&self) -> &Signature {
        self.round.signature()
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        if as_double(types.len(), types.first()) {
            return Ok(DataType::Float64);
        }
        self.round.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> DfResult<FieldRef> {
        if as_double(args.arg_fields.len(), args.arg_fields.first().map(|field| field.data_type())) {
            return Ok(Arc::new(Field::new("round", DataType::Float64, true)));
        }
        self.round.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.round.documentation()
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        match args.args.first() {
            Some(of) if as_double(args.args.len(), Some(&of.data_type())) => {
                match of.cast_to(&DataType::Float64, None)? {
                    ColumnarValue::Scalar(ScalarValue::Float64(value)) => {
                        Ok(ColumnarValue::Scalar(ScalarValue::Float64(value.map(f64::round_ties_even))))
                    }
                    of => {
                        let numbers = of.into_array(args.number_rows)?;
                        let rounded =
                            numbers.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::round_ties_even);
                        Ok(ColumnarValue::Array(Arc::new(rounded)))
                    }
                }
            }
            _ => self.round.invoke_with_args(args),
        }
    }
}
