//! `onerow_mode(sorted array)`: the value that occurs most often, the first of them in the array's order.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, ScalarUDF, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use super::row_function::{Param, Spec};
use crate::catalog::types::PgType;
use crate::error::Error;

/// The function of the sorted array.
pub(crate) const OF_ARRAY: &str = "onerow_mode";

/// `mode() WITHIN GROUP (ORDER BY ..)` is rewritten to it.
pub(super) fn udf() -> ScalarUDF {
    Spec::new(OF_ARRAY, &[Param::Any], returns, |call| {
        let Some(ScalarValue::List(list)) = call.values.first() else { return Ok(None) };
        if list.is_empty() || list.is_null(0) {
            return Ok(None);
        }
        let values = list.value(0);
        let mut best: Option<(ScalarValue, usize)> = None;
        let mut run: Option<(ScalarValue, usize)> = None;
        for at in 0..values.len() {
            let value = ScalarValue::try_from_array(&values, at)?;
            // Nulls do not count.
            if value.is_null() {
                continue;
            }
            let count = match run.take() {
                Some((before, count)) if before == value => count + 1,
                _ => 1,
            };
            if best.as_ref().is_none_or(|(_, most)| count > *most) {
                best = Some((value.clone(), count));
            }
            run = Some((value, count));
        }
        Ok(best.map(|(value, _)| value))
    })
    .udf()
}

fn returns(fields: &[FieldRef]) -> PgType {
    match fields.first().map(|field| PgType::of_field(field)) {
        Some(PgType::Array(element)) => *element,
        _ => PgType::Text,
    }
}

/// `mode` as an aggregate, which tells the chosen rows of `mode() WITHIN GROUP (ORDER BY ..)`: of values that are as
/// frequent the first one, of a descending order the last.
pub(crate) fn aggregate(descending: bool) -> AggregateUDF {
    AggregateUDF::new_from_impl(Mode { descending, signature: Signature::any(1, Volatility::Immutable) })
}

/// The value whose mode is asked for, and whether the greatest comes first, if that is what a call is: of the array that
/// `onerow_mode` is given.
pub(crate) fn of_array(call: &AggregateFunction) -> Option<(&Expr, bool)> {
    let ([value], [order]) = (call.params.args.as_slice(), call.params.order_by.as_slice()) else { return None };
    (call.func.name() == "array_agg" && order.expr == *value).then_some((value, !order.asc))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mode {
    descending: bool,
    signature: Signature,
}

impl AggregateUDFImpl for Mode {
    fn name(&self) -> &str {
        "mode"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> DfResult<DataType> {
        arg_types.first().cloned().ok_or_else(|| Error::internal("the mode of nothing").into())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let none = ScalarValue::try_from(args.return_field.data_type())?;
        Ok(Box::new(Counts { counts: HashMap::new(), descending: self.descending, none }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let list =
            |name: &str, item: DataType| Arc::new(Field::new_list(name, Field::new_list_field(item, true), true));
        Ok(vec![list("values", args.return_field.data_type().clone()), list("counts", DataType::Int64)])
    }
}

/// How often each value is there.
#[derive(Debug)]
struct Counts {
    counts: HashMap<ScalarValue, i64>,
    descending: bool,
    none: ScalarValue,
}

impl Counts {
    fn add(&mut self, value: ScalarValue, count: i64) {
        // Nulls do not count.
        if !value.is_null() {
            *self.counts.entry(value).or_default() += count;
        }
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let Some(values) = values.first() else { return Ok(()) };
        for row in 0..values.len() {
            self.add(ScalarValue::try_from_array(values, row)?, 1);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        let first = |a: &ScalarValue, b: &ScalarValue| {
            let order = b.partial_cmp(a).unwrap_or(Ordering::Equal);
            if self.descending { order.reverse() } else { order }
        };
        let best = self.counts.iter().max_by(|(a, often), (b, others)| often.cmp(others).then_with(|| first(a, b)));
        Ok(best.map_or_else(|| self.none.clone(), |(value, _)| value.clone()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.keys().map(|value| value.size() + 16).sum::<usize>()
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        let (values, counts): (Vec<ScalarValue>, Vec<ScalarValue>) =
            self.counts.drain().map(|(value, count)| (value, ScalarValue::Int64(Some(count)))).unzip();
        let list =
            |values: &[ScalarValue], item: &DataType| ScalarValue::List(ScalarValue::new_list(values, item, true));
        Ok(vec![list(&values, &self.none.data_type()), list(&counts, &DataType::Int64)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let [values, counts] = states else { return Err(Error::internal("the state of a mode is two lists").into()) };
        let (values, counts) = (values.as_list::<i32>(), counts.as_list::<i32>());
        for (values, counts) in values.iter().zip(counts.iter()) {
            let (Some(values), Some(counts)) = (values, counts) else { continue };
            for (row, count) in counts.as_primitive::<Int64Type>().iter().enumerate() {
                self.add(ScalarValue::try_from_array(&values, row)?, count.unwrap_or(0));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, StringViewArray};

    use super::*;

    #[test]
    fn the_first_of_the_most_frequent_is_the_mode() {
        let of = |descending: bool, values: Vec<Option<&str>>| {
            let none = ScalarValue::Utf8View(None);
            let mut whole = Counts { counts: HashMap::new(), descending, none: none.clone() };
            // In two parts, as if two machines had counted.
            for part in values.chunks(2) {
                let mut own = Counts { counts: HashMap::new(), descending, none: none.clone() };
                own.update_batch(&[Arc::new(StringViewArray::from(part.to_vec())) as ArrayRef]).unwrap();
                let state: Vec<ArrayRef> = own.state().unwrap().iter().map(|s| s.to_array().unwrap()).collect();
                whole.merge_batch(&state).unwrap();
            }
            whole.evaluate().unwrap().to_string()
        };
        let values = vec![Some("b"), Some("a"), None, Some("b"), Some("ç"), Some("a"), None, None];
        assert_eq!((of(false, values.clone()), of(true, values)), ("a".to_string(), "b".to_string()));
        assert_eq!(of(false, vec![None, None]), ScalarValue::Utf8View(None).to_string());
    }
}
