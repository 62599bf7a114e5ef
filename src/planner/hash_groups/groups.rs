//! The groups of one part of the rows: their keys, and what each call has gathered of them.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int32Type, Int64Type, SchemaRef};
use datafusion::common::internal_datafusion_err;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode, aggregate_expressions};

use super::keys::{GroupKeys, NearKeys};
use super::texts::Texts;

/// A call of an aggregate.
struct Call {
    /// Its arguments, or the columns of the states that it merges.
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    accumulator: Box<dyn GroupsAccumulator>,
}

/// No keys yet of a type. None for those that are not looked up here.
fn keys_of(data_type: DataType) -> Option<Box<dyn GroupKeys>> {
    Some(match data_type {
        DataType::Int32 => Box::new(NearKeys::<Int32Type>::new(data_type)),
        DataType::Int64 => Box::new(NearKeys::<Int64Type>::new(data_type)),
        DataType::Decimal128(..) => Box::new(NearKeys::<Decimal128Type>::new(data_type)),
        DataType::Utf8View => Box::new(Texts::new()),
        _ => return None,
    })
}

/// What is grouped so far.
pub(super) struct Groups {
    key: Arc<dyn PhysicalExpr>,
    keys: Box<dyn GroupKeys>,
    calls: Vec<Call>,
    /// Whether rows are states of groups that somebody has begun.
    merges: bool,
    /// The group of each row of a batch.
    indices: Vec<usize>,
}

impl Groups {
    /// No rows yet of this grouping. None when it is of a kind that is not grouped here.
    pub(super) fn of(aggregate: &AggregateExec) -> DfResult<Option<Groups>> {
        let [(key, _)] = aggregate.group_expr().expr() else { return Ok(None) };
        let Some(keys) = keys_of(key.data_type(&aggregate.input().schema())?) else { return Ok(None) };
        let merges = aggregate.mode().input_mode() == AggregateInputMode::Partial;
        let arguments = aggregate_expressions(aggregate.aggr_expr(), aggregate.mode(), 1)?;
        let mut calls = vec![];
        for ((call, arguments), filter) in aggregate.aggr_expr().iter().zip(arguments).zip(aggregate.filter_expr()) {
            if !call.groups_accumulator_supported() {
                return Ok(None);
            }
            let accumulator = call.create_groups_accumulator()?;
            let filter = filter.as_ref().filter(|_| !merges).map(Arc::clone);
            calls.push(Call { arguments, filter, accumulator });
        }
        Ok(Some(Groups { key: Arc::clone(key), keys, calls, merges, indices: vec![] }))
    }

    /// Adds rows.
    pub(super) fn add(&mut self, rows: &RecordBatch) -> DfResult<()> {
        let key = self.key.evaluate(rows)?.into_array(rows.num_rows())?;
        self.keys.groups_of(&key, &mut self.indices)?;
        let groups = self.keys.len();
        for call in &mut self.calls {
            let arguments = call.arguments(rows)?;
            if self.merges {
                call.accumulator.merge_batch(&arguments, &self.indices, groups)?;
            } else {
                let filter = call.filter(rows)?;
                call.accumulator.update_batch(&arguments, &self.indices, filter.as_ref(), groups)?;
            }
        }
        Ok(())
    }

    /// Rows as states of groups of their own, as the first of two steps would give them.
    pub(super) fn as_states(&self, rows: &RecordBatch, schema: &SchemaRef) -> DfResult<RecordBatch> {
        let mut columns = vec![self.key.evaluate(rows)?.into_array(rows.num_rows())?];
        for call in &self.calls {
            let (arguments, filter) = (call.arguments(rows)?, call.filter(rows)?);
            columns.extend(call.accumulator.convert_to_state(&arguments, filter.as_ref())?);
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }

    pub(super) fn merges(&self) -> bool {
        self.merges
    }

    /// In bytes.
    pub(super) fn size(&self) -> usize {
        let calls: usize = self.calls.iter().map(|call| call.accumulator.size()).sum();
        self.keys.size() + self.indices.capacity() * size_of::<usize>() + calls
    }

    /// The key of each group and the value of each call.
    pub(super) fn into_values(mut self, schema: &SchemaRef) -> DfResult<RecordBatch> {
        let mut columns = vec![self.keys.into_array()];
        for call in &mut self.calls {
            columns.push(call.accumulator.evaluate(EmitTo::All)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }

    /// The key of each group and what each call has gathered, and then no groups.
    pub(super) fn take_states(&mut self, schema: &SchemaRef) -> DfResult<RecordBatch> {
        let data_type = schema.field(0).data_type().clone();
        let none = keys_of(data_type).ok_or_else(|| internal_datafusion_err!("keys change their type"))?;
        self.indices = vec![];
        let mut columns = vec![std::mem::replace(&mut self.keys, none).into_array()];
        for call in &mut self.calls {
            columns.extend(call.accumulator.state(EmitTo::All)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
    }
}

impl Call {
    fn arguments(&self, rows: &RecordBatch) -> DfResult<Vec<ArrayRef>> {
        self.arguments.iter().map(|argument| argument.evaluate(rows)?.into_array(rows.num_rows())).collect()
    }

    /// Which rows the call's FILTER keeps.
    fn filter(&self, rows: &RecordBatch) -> DfResult<Option<BooleanArray>> {
        let Some(filter) = &self.filter else { return Ok(None) };
        let kept = filter.evaluate(rows)?.into_array(rows.num_rows())?;
        let kept = kept.as_boolean_opt().ok_or_else(|| internal_datafusion_err!("a FILTER that is no condition"))?;
        Ok(Some(kept.clone()))
    }
}
