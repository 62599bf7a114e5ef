//! `count(DISTINCT x)` of whole numbers that come packed: all values of a piece of a table in one run of bytes.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;
use roaring::RoaringBitmap;

use crate::error::Error;
use crate::federation::dialect::Width;

/// How many different numbers there are in runs of numbers of a width, big-endian. Null runs hold none; without any the
/// count is 0. A run that ends within a number is an error.
pub(super) fn count_packed(width: Width) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(CountPacked { width, signature: Signature::any(1, Volatility::Immutable) }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CountPacked {
    width: Width,
    signature: Signature,
}

impl AggregateUDFImpl for CountPacked {
    fn name(&self) -> &str {
        "count_packed"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Int64)
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn default_value(&self, _: &DataType) -> DfResult<ScalarValue> {
        Ok(ScalarValue::Int64(Some(0)))
    }

    fn accumulator(&self, _: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        Ok(Box::new(Numbers { width: self.width, near: RoaringBitmap::new(), far: HashSet::new() }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        let numbers = DataType::new_list(DataType::Int64, true);
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "numbers"), numbers, true))])
    }
}

/// The numbers so far. Keys of tables are close to each other: those that are an `i32` are in a bitmap, by their bits.
#[derive(Debug)]
struct Numbers {
    width: Width,
    near: RoaringBitmap,
    far: HashSet<i64>,
}

impl Numbers {
    fn insert(&mut self, number: i64) {
        match i32::try_from(number) {
            Ok(near) => _ = self.near.insert(near.cast_unsigned()),
            Err(_) => _ = self.far.insert(number),
        }
    }

    fn take(&mut self, run: &[u8]) -> DfResult<()> {
        let rest = match self.width {
            Width::Four => {
                let (numbers, rest) = run.as_chunks::<4>();
                self.near.extend(numbers.iter().map(|bytes| u32::from_be_bytes(*bytes)));
                rest
            }
            Width::Eight => {
                let (numbers, rest) = run.as_chunks::<8>();
                numbers.iter().for_each(|bytes| self.insert(i64::from_be_bytes(*bytes)));
                rest
            }
        };
        if rest.is_empty() { Ok(()) } else { Err(Error::internal("packed numbers end within one").into()) }
    }
}

impl Accumulator for Numbers {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let Some(runs) = values.first().and_then(|values| values.as_binary_opt::<i32>()) else {
            return Err(Error::internal("packed numbers are not bytes").into());
        };
        runs.iter().flatten().try_for_each(|run| self.take(run))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        let lists = states.first().and_then(|state| state.as_list_opt::<i32>());
        for numbers in lists.into_iter().flat_map(|lists| lists.iter().flatten()) {
            let numbers = numbers.as_primitive_opt::<Int64Type>();
            numbers.into_iter().flatten().flatten().for_each(|number| self.insert(number));
        }
        Ok(())
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        let near = self.near.iter().map(|bits| i64::from(bits.cast_signed()));
        let numbers = Int64Array::from_iter_values(near.chain(self.far.iter().copied()));
        Ok(vec![SingleRowListArrayBuilder::new(Arc::new(numbers)).build_list_scalar()])
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        let far = u64::try_from(self.far.len()).unwrap_or(u64::MAX);
        Ok(ScalarValue::Int64(i64::try_from(self.near.len().saturating_add(far)).ok()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.near.serialized_size() + self.far.capacity() * size_of::<i64>() * 2
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::BinaryArray;
    use proptest::prelude::*;

    use super::*;

    fn numbers(width: Width) -> Numbers {
        Numbers { width, near: RoaringBitmap::new(), far: HashSet::new() }
    }

    fn runs(of: Vec<Option<Vec<u8>>>) -> [ArrayRef; 1] {
        [Arc::new(of.into_iter().collect::<BinaryArray>())]
    }

    proptest! {
        #[test]
        fn it_counts_what_a_set_holds(parts in prop::collection::vec(prop::collection::vec(
            prop_oneof![-5i64..5, any::<i64>(), Just(i64::MIN), Just(i64::from(i32::MAX) + 1)], 0..20), 0..5)) {
            let expected: HashSet<i64> = parts.iter().flatten().copied().collect();
            let mut whole = numbers(Width::Eight);
            for part in &parts {
                let mut one = numbers(Width::Eight);
                let run = part.iter().flat_map(|number| number.to_be_bytes()).collect();
                one.update_batch(&runs(vec![Some(run), None])).unwrap();
                let state = one.state().unwrap().remove(0).to_array().unwrap();
                whole.merge_batch(&[state]).unwrap();
            }
            let count = i64::try_from(expected.len()).unwrap();
            prop_assert_eq!(whole.evaluate().unwrap(), ScalarValue::Int64(Some(count)));
        }
    }

    #[test]
    fn four_bytes_are_signed_too_and_half_a_number_is_an_error() {
        let mut some = numbers(Width::Four);
        let run: Vec<u8> = [-1i32, i32::MIN, 7, 7].iter().flat_map(|number| number.to_be_bytes()).collect();
        some.update_batch(&runs(vec![Some(run)])).unwrap();
        assert_eq!(some.evaluate().unwrap(), ScalarValue::Int64(Some(3)));
        let mut other = numbers(Width::Eight);
        let state = some.state().unwrap().remove(0).to_array().unwrap();
        other.merge_batch(&[state]).unwrap();
        assert!(other.near.contains(u32::MAX) && other.near.contains(i32::MIN.cast_unsigned()));
        assert!(some.update_batch(&runs(vec![Some(vec![0, 0, 0])])).is_err());
        assert_eq!(numbers(Width::Four).evaluate().unwrap(), ScalarValue::Int64(Some(0)));
    }
}
