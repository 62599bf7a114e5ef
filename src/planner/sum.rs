//! `sum(bigint)` is numeric, as in Postgres, so that it cannot overflow.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature, Volatility,
};
use datafusion::scalar::ScalarValue;

use crate::error::{Error, SqlState};

/// DataFusion's `sum` with Postgres's types: smallint and integer give bigint, bigint gives numeric.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PgSum {
    sum: Sum,
    signature: Signature,
}

/// The function to register in the place of DataFusion's.
pub fn function() -> Arc<AggregateUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::new_from_impl(PgSum { sum: Sum::new(), signature }))
}

impl AggregateUDFImpl for PgSum {
    fn name(&self) -> &str {
        self.sum.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> DfResult<Vec<DataType>> {
        let [of] = types else {
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, "sum takes one argument").into());
        };
        Ok(vec![match of {
            DataType::Int64 | DataType::UInt32 => DataType::Decimal128(19, 0),
            DataType::UInt64 => DataType::Decimal128(20, 0),
            // Not bigint yet: types are settled more than once, and bigint would be numeric the next time.
            t if t.is_integer() => DataType::Int32,
            DataType::Float16 | DataType::Float32 => DataType::Float64,
            DataType::Null => DataType::Float64,
            DataType::Float64
            | DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
            | DataType::Duration(_) => of.clone(),
            DataType::Dictionary(_, value) => self.coerce_types(std::slice::from_ref(value))?.remove(0),
            other => {
                let name = crate::catalog::types::PgType::of_arrow(other);
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, format!("function sum({name}) does not exist"))
                    .with_hint("You might need to add an explicit type cast.")
                    .into());
            }
        }])
    }

    fn return_type(&self, types: &[DataType]) -> DfResult<DataType> {
        match types {
            [DataType::Int32] => Ok(DataType::Int64),
            _ => self.sum.return_type(types),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let narrow = is_narrow(&args);
        let inner = self.sum.accumulator(args)?;
        Ok(if narrow { Box::new(Widened { inner }) } else { inner })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> DfResult<Vec<FieldRef>> {
        self.sum.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.sum.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        let narrow = is_narrow(&args);
        let inner = self.sum.create_groups_accumulator(args)?;
        Ok(if narrow { Box::new(WidenedGroups { inner }) } else { inner })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let narrow = is_narrow(&args);
        let inner = self.sum.create_sliding_accumulator(args)?;
        Ok(if narrow { Box::new(Widened { inner }) } else { inner })
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.sum.documentation()
    }

    fn set_monotonicity(&self, of: &DataType) -> SetMonotonicity {
        self.sum.set_monotonicity(of)
    }
}

/// Whether integers come in that bigints must be made of.
fn is_narrow(args: &AccumulatorArgs) -> bool {
    matches!(args.expr_fields, [field] if *field.data_type() == DataType::Int32)
}

fn widened(values: &[ArrayRef]) -> DfResult<Vec<ArrayRef>> {
    Ok(values.iter().map(|array| cast(array, &DataType::Int64)).collect::<Result<_, _>>()?)
}

/// A sum of bigints that is given integers.
#[derive(Debug)]
struct Widened {
    inner: Box<dyn Accumulator>,
}

impl Accumulator for Widened {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.inner.update_batch(&widened(values)?)
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        self.inner.evaluate()
    }

    fn size(&self) -> usize {
        self.inner.size()
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.inner.retract_batch(&widened(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// Sums of bigints, one a group, that are given integers.
struct WidenedGroups {
    inner: Box<dyn GroupsAccumulator>,
}

impl GroupsAccumulator for WidenedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        filter: Option<&BooleanArray>,
        groups: usize,
    ) -> DfResult<()> {
        self.inner.update_batch(&widened(values)?, group_indices, filter, groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        self.inner.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> DfResult<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], groups: usize) -> DfResult<()> {
        self.inner.merge_batch(values, group_indices, groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> DfResult<Vec<ArrayRef>> {
        self.inner.convert_to_state(&widened(values)?, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
