//! `round(number)`: a floating point number half to even, as in Postgres; DataFusion's goes away from zero.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::error::Result as DfResult;
use datafusion::functions::math;
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use datafusion::scalar::ScalarValue;

/// `round`
pub(super) fn udf() -> ScalarUDF {
    ScalarUDF::new_from_impl(Round { round: math::round(), digits: Digits::Written })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Round {
    /// DataFusion's, for numeric.
    round: Arc<ScalarUDF>,
    digits: Digits,
}

/// To how many digits is rounded. The type of the result has as many, so it is settled once: what was no literal when
/// others took the type must not become one, nor a literal something else.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Digits {
    /// As the arguments say at the moment.
    Written,
    /// So many, whatever the argument looks like.
    Settled(i32),
    /// Not known before it runs: the type has as many digits as that of the number.
    Computed,
}

/// The function of this call whose type does not change any more; none when it is another function, or has no digits to
/// round to.
pub(crate) fn settled(func: &ScalarUDF, args: &[Expr]) -> Option<Arc<ScalarUDF>> {
    let round = func.inner().downcast_ref::<Round>().filter(|round| round.digits == Digits::Written)?;
    let [_, digits] = args else { return None };
    let digits = match digits {
        Expr::Literal(value, _) if value.is_null() => Digits::Settled(0),
        Expr::Literal(value, _) => match value.cast_to(&DataType::Int32) {
            Ok(ScalarValue::Int32(Some(digits))) => Digits::Settled(digits),
            _ => return None,
        },
        _ => Digits::Computed,
    };
    Some(Arc::new(ScalarUDF::new_from_impl(Round { round: Arc::clone(&round.round), digits })))
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
        let digits = match (&self.digits, args.arg_fields.len()) {
            (Digits::Settled(digits), 2) => Some(ScalarValue::Int32(Some(*digits))),
            (Digits::Computed, 2) => None,
            _ => return self.round.return_field_from_args(args),
        };
        let scalar_arguments = [None, digits.as_ref()];
        let arg_fields = args.arg_fields;
        self.round.return_field_from_args(ReturnFieldArgs { arg_fields, scalar_arguments: &scalar_arguments })
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

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Schema;
    use datafusion::common::DFSchema;
    use datafusion::logical_expr::{ExprSchemable, col, lit};

    use super::*;

    #[test]
    fn the_type_stays_what_it_was_when_it_was_settled() {
        let fields = vec![Field::new("x", DataType::Decimal128(10, 2), true), Field::new("n", DataType::Int32, true)];
        let schema = DFSchema::try_from(Schema::new(fields)).unwrap();
        let of = |func: &ScalarUDF, digits: Expr| func.call(vec![col("x"), digits]).get_type(&schema).unwrap();
        let written = udf();
        for (digits, expected) in [
            (lit(1i64), DataType::Decimal128(10, 1)),
            (col("n"), DataType::Decimal128(11, 2)),
            (lit(ScalarValue::Int32(None)), DataType::Decimal128(10, 0)),
        ] {
            let func = settled(&written, &[col("x"), digits.clone()]).unwrap();
            assert_eq!(of(&written, digits.clone()), expected, "{digits}");
            // Later a literal stands under a cast, and something computed becomes a literal.
            for later in [lit(1i32), col("n")] {
                assert_eq!(of(&func, later), expected, "{digits}");
            }
            assert!(settled(&func, &[col("x"), digits]).is_none());
        }
        assert!(settled(&written, &[col("x")]).is_none());
    }
}
