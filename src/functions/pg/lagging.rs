//! `lag(x, n, default)` and `lead(x, n, default)` where `n` or the default differs from row to row: DataFusion's take
//! constants. Calls of that kind are rewritten to the names here.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use datafusion::arrow::compute::interleave;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::type_coercion::binary::type_union_resolution;
use datafusion::logical_expr::{PartitionEvaluator, ReversedUDWF, Signature, Volatility, WindowUDF, WindowUDFImpl};

use crate::error::{Error, SqlState};

/// The names that `lag` and `lead` are rewritten to.
pub(crate) const LAG: &str = "onerow_lag";
pub(crate) const LEAD: &str = "onerow_lead";

/// Both of them.
pub fn functions() -> Vec<Arc<WindowUDF>> {
    let of = |back| Lagging { back, signature: Signature::user_defined(Volatility::Immutable) };
    [true, false].map(|back| Arc::new(WindowUDF::new_from_impl(of(back)))).to_vec()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Lagging {
    back: bool,
    signature: Signature,
}

impl WindowUDFImpl for Lagging {
    fn name(&self) -> &str {
        if self.back { LAG } else { LEAD }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs) -> DfResult<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator { back: self.back }))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> DfResult<FieldRef> {
        match args.get_input_field(0) {
            Some(field) => Ok(Arc::new(Field::clone(&field).with_name(args.name()).with_nullable(true))),
            None => Err(Error::internal("lag of nothing").into()),
        }
    }

    fn coerce_types(&self, given: &[DataType]) -> DfResult<Vec<DataType>> {
        let name = if self.back { "lag" } else { "lead" };
        match given {
            [value, _] => Ok(vec![value.clone(), DataType::Int64]),
            [value, _, DataType::Null] => Ok(vec![value.clone(), DataType::Int64, value.clone()]),
            // A literal in quotes is of the value's type.
            [value, _, default] if default.is_string() && !value.is_string() && !value.is_null() => {
                Ok(vec![value.clone(), DataType::Int64, value.clone()])
            }
            [value, _, default] => match type_union_resolution(&[value.clone(), default.clone()]) {
                Some(both) => Ok(vec![both.clone(), DataType::Int64, both]),
                None => {
                    let message = format!("function {name} does not take a default of another type than its value");
                    Err(Error::new(SqlState::UNDEFINED_FUNCTION, message).into())
                }
            },
            given => {
                let message = format!("function {name} does not take {} arguments", given.len());
                Err(Error::new(SqlState::UNDEFINED_FUNCTION, message).into())
            }
        }
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        ReversedUDWF::NotSupported
    }
}

#[derive(Debug)]
struct Evaluator {
    back: bool,
}

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> DfResult<ArrayRef> {
        let [value, offsets, default @ ..] = values else { return Err(Error::internal("lag of nothing").into()) };
        let Some(offsets) = offsets.as_primitive_opt::<Int64Type>() else {
            return Err(Error::internal("the offset of lag is no whole number").into());
        };
        let null = new_null_array(value.data_type(), 1);
        let default = default.first();
        let taken: Vec<(usize, usize)> = (0..rows)
            .map(|row| {
                if offsets.is_null(row) {
                    return (0, 0);
                }
                let offset = i128::from(offsets.value(row));
                let here = i128::try_from(row).unwrap_or(i128::MAX / 2);
                match usize::try_from(if self.back { here - offset } else { here + offset }) {
                    Ok(wanted) if wanted < rows => (1, wanted),
                    _ if default.is_some() => (2, row),
                    _ => (0, 0),
                }
            })
            .collect();
        let mut arrays: Vec<&dyn Array> = vec![&null, value];
        arrays.extend(default.map(|default| default as &dyn Array));
        Ok(interleave(&arrays, &taken)?)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int32Array, Int64Array};

    use super::*;

    #[test]
    fn each_row_has_an_offset_of_its_own() {
        let value: ArrayRef = Arc::new(Int32Array::from(vec![Some(5), Some(10), None, Some(0)]));
        let offsets: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(1), Some(2), None]));
        let default: ArrayRef = Arc::new(Int32Array::from(vec![-1, -2, -3, -4]));
        let of = |back| {
            Evaluator { back }
                .evaluate_all(&[Arc::clone(&value), Arc::clone(&offsets), Arc::clone(&default)], 4)
                .unwrap()
        };
        let expected: ArrayRef = Arc::new(Int32Array::from(vec![Some(-1), Some(5), Some(5), None]));
        assert_eq!(&of(true), &expected);
        let expected: ArrayRef = Arc::new(Int32Array::from(vec![Some(10), None, Some(-3), None]));
        assert_eq!(&of(false), &expected);
    }
}
