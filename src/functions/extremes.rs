//! `min` and `max` of `real` and `double precision`, by group as without groups.
//!
//! DataFusion's accumulators for groups begin with the greatest finite number, or the least, and compare by `<`: the least
//! of infinity alone is then 1.797e308, and what comes of a NaN depends on the order of rows. Here such numbers go to its
//! accumulator for whole numbers, as the one of the same width with the same order: NaN above all, as in Postgres.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF};

use super::delegated::delegated;

/// The functions to register in the place of DataFusion's.
pub fn functions() -> Vec<Arc<AggregateUDF>> {
    [min_udaf(), max_udaf()].map(|function| Arc::new(AggregateUDF::new_from_impl(Extreme { function }))).to_vec()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    function: Arc<AggregateUDF>,
}

impl AggregateUDFImpl for Extreme {
    delegated!();

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        self.function.accumulator(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        let whole = match args.return_field.data_type() {
            DataType::Float32 => DataType::Int32,
            DataType::Float64 => DataType::Int64,
            _ => return self.function.create_groups_accumulator(args),
        };
        let return_field = Arc::new(args.return_field.as_ref().clone().with_data_type(whole));
        let inner = self.function.create_groups_accumulator(AccumulatorArgs { return_field, ..args })?;
        Ok(Box::new(Floating { inner }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        self.function.create_sliding_accumulator(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.function.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.function.reverse_udf()
    }
}

/// Numbers with a fraction, kept as whole ones with their order.
struct Floating {
    inner: Box<dyn GroupsAccumulator>,
}

impl GroupsAccumulator for Floating {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> DfResult<()> {
        self.inner.update_batch(&whole(values), groups, filter, count)
    }

    fn evaluate(&mut self, emit: EmitTo) -> DfResult<ArrayRef> {
        Ok(floating(&self.inner.evaluate(emit)?))
    }

    fn state(&mut self, emit: EmitTo) -> DfResult<Vec<ArrayRef>> {
        Ok(self.inner.state(emit)?.iter().map(floating).collect())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], count: usize) -> DfResult<()> {
        self.inner.merge_batch(&whole(values), groups, count)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> DfResult<Vec<ArrayRef>> {
        Ok(self.inner.convert_to_state(&whole(values), filter)?.iter().map(floating).collect())
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

fn whole(values: &[ArrayRef]) -> Vec<ArrayRef> {
    let one = |values: &ArrayRef| -> ArrayRef {
        match values.data_type() {
            DataType::Float32 => Arc::new(values.as_primitive::<Float32Type>().unary::<_, Int32Type>(whole_of_real)),
            DataType::Float64 => Arc::new(values.as_primitive::<Float64Type>().unary::<_, Int64Type>(whole_of_double)),
            _ => Arc::clone(values),
        }
    };
    values.iter().map(one).collect()
}

fn floating(values: &ArrayRef) -> ArrayRef {
    match values.data_type() {
        DataType::Int32 => Arc::new(values.as_primitive::<Int32Type>().unary::<_, Float32Type>(real_of_whole)),
        DataType::Int64 => Arc::new(values.as_primitive::<Int64Type>().unary::<_, Float64Type>(double_of_whole)),
        _ => Arc::clone(values),
    }
}

/// The bits of a number as a whole number with the same order, as `f64::total_cmp` compares; NaN, of either sign, above
/// all.
fn whole_of_double(number: f64) -> i64 {
    if number.is_nan() {
        return i64::MAX;
    }
    let bits = number.to_bits().cast_signed();
    bits ^ ((bits >> 63) & i64::MAX)
}

fn double_of_whole(whole: i64) -> f64 {
    if whole == i64::MAX {
        return f64::NAN;
    }
    f64::from_bits((whole ^ ((whole >> 63) & i64::MAX)).cast_unsigned())
}

fn whole_of_real(number: f32) -> i32 {
    if number.is_nan() {
        return i32::MAX;
    }
    let bits = number.to_bits().cast_signed();
    bits ^ ((bits >> 31) & i32::MAX)
}

fn real_of_whole(whole: i32) -> f32 {
    if whole == i32::MAX {
        return f32::NAN;
    }
    f32::from_bits((whole ^ ((whole >> 31) & i32::MAX)).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_value_stay() {
        let doubles = [
            f64::NEG_INFINITY,
            f64::MIN,
            -1.5,
            -f64::MIN_POSITIVE,
            0.0,
            5e-324,
            1.5,
            f64::MAX,
            f64::INFINITY,
            f64::NAN,
        ];
        let wholes = doubles.map(whole_of_double);
        assert!(wholes.is_sorted(), "{wholes:?}");
        for (double, whole) in doubles.into_iter().zip(wholes) {
            assert_eq!(double.to_bits(), double_of_whole(whole).to_bits());
            let real = double as f32;
            assert_eq!(real.to_bits(), real_of_whole(whole_of_real(real)).to_bits());
        }
        assert!(whole_of_real(f32::NEG_INFINITY) < whole_of_real(f32::MIN));
        assert!(whole_of_real(-f32::NAN) > whole_of_real(f32::INFINITY));
    }
}
