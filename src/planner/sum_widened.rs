//! Sums of smallint and integer, added up as bigint, and means of numerics that have all digits, of wider ones.
//!
//! Values are widened when they are added and not by a cast in the plan: with a cast there the plan would have a bigint,
//! and what finds its type anew would take the sum for one of bigint, which is numeric.

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::scalar::ScalarValue;

fn widened(values: &[ArrayRef], to: &DataType) -> DfResult<Vec<ArrayRef>> {
    values.iter().map(|values| Ok(cast(values, to)?)).collect()
}

/// One sum, of values of this type.
#[derive(Debug)]
pub(super) struct Widened(pub Box<dyn Accumulator>, pub DataType);

impl Accumulator for Widened {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.0.update_batch(&widened(values, &self.1)?)
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        self.0.evaluate()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        self.0.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.0.retract_batch(&widened(values, &self.1)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }
}

/// The sums of groups, of values of this type.
pub(super) struct WidenedGroups(pub Box<dyn GroupsAccumulator>, pub DataType);

impl GroupsAccumulator for WidenedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> DfResult<()> {
        self.0.update_batch(&widened(values, &self.1)?, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        self.0.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> DfResult<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> DfResult<()> {
        self.0.merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> DfResult<Vec<ArrayRef>> {
        self.0.convert_to_state(&widened(values, &self.1)?, opt_filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
