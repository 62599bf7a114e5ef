//! `array_agg` and `string_agg`, with an account of memory that is true.
//!
//! DataFusion's count 16 bytes for a text that is a view, however long it is, and leave out that evaluating copies all
//! that was collected. So a limit of 512 MB let a statement have several times that.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::functions_aggregate::string_agg::string_agg_udaf;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, GroupsAccumulator, ReversedUDAF,
};
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::scalar::ScalarValue;

use super::delegated::delegated;
use super::limited::{MOST, too_large};
use crate::error::{Error, SqlState};

/// A view holds texts up to this long itself.
const IN_VIEW: u32 = 12;
/// What is collected, the value that it is copied to, and the column that becomes of that.
const COPIES: usize = 3;
/// The most bytes that the values of the rows of one window may have together: DataFusion holds them in no account of
/// memory, and each is a copy of all that was collected for its row.
const MOST_OF_WINDOW: u64 = 4 * MOST;

/// The functions to register in the place of DataFusion's.
pub fn functions() -> Vec<Arc<AggregateUDF>> {
    vec![counted(array_agg_udaf()), counted(string_agg_udaf())]
}

/// A call of `array_agg`.
pub fn array_agg(value: Expr) -> Expr {
    counted(array_agg_udaf()).call(vec![value])
}

fn counted(function: Arc<AggregateUDF>) -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(Counted { function }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Counted {
    function: Arc<AggregateUDF>,
}

impl Counted {
    /// Whether views' bytes are counted nowhere: text is copied, and so are rows that have an order or must differ.
    fn hides(&self, args: &AccumulatorArgs) -> bool {
        self.function.name() == "array_agg" && !args.is_distinct && args.order_bys.is_empty()
    }
}

impl AggregateUDFImpl for Counted {
    delegated!();

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn return_field(&self, fields: &[FieldRef]) -> DfResult<FieldRef> {
        self.function.return_field(fields)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn Accumulator>> {
        let hides = self.hides(&args);
        let name = self.function.inner().name().to_string();
        // Where another aggregate has the order turned around, what is read backwards is turned again at the end. What
        // must differ is sorted at the end, and by nothing else: it is sorted as it was written.
        let forward: Vec<PhysicalSortExpr> = args
            .order_bys
            .iter()
            .map(|by| PhysicalSortExpr { expr: Arc::clone(&by.expr), options: !by.options })
            .collect();
        let args = if args.is_distinct && args.is_reversed {
            AccumulatorArgs { order_bys: &forward, is_reversed: false, ..args }
        } else {
            args
        };
        Ok(Box::new(One { inner: self.function.accumulator(args)?, name, hides, hidden: 0, collected: 0, given: 0 }))
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> DfResult<Box<dyn GroupsAccumulator>> {
        let hides = self.hides(&args);
        Ok(Box::new(Groups { inner: self.function.create_groups_accumulator(args)?, hides, hidden: 0 }))
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial_ordering: bool,
    ) -> DfResult<Option<Arc<dyn AggregateUDFImpl>>> {
        if self.function.name() == "string_agg" {
            return Ok(Some(self as Arc<dyn AggregateUDFImpl>));
        }
        let function = self.function.as_ref().clone().with_beneficial_ordering(beneficial_ordering)?;
        Ok(function.map(|function| Arc::new(Counted { function: Arc::new(function) }) as Arc<dyn AggregateUDFImpl>))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        // It sorts what it collects, so that it goes together with other orders.
        match self.function.name() {
            "string_agg" => AggregateOrderSensitivity::SoftRequirement,
            _ => self.function.order_sensitivity(),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.function.reverse_udf() {
            ReversedUDAF::Reversed(function) => ReversedUDAF::Reversed(counted(function)),
            other => other,
        }
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.function.supports_null_handling_clause()
    }
}

/// The bytes of texts that views point to.
fn behind_views(array: &dyn Array) -> usize {
    let long = |length: u32| if length > IN_VIEW { length as usize } else { 0 };
    match array.data_type() {
        DataType::Utf8View => array.as_string_view_opt().map_or(0, |texts| texts.lengths().map(long).sum()),
        DataType::BinaryView => array.as_binary_view_opt().map_or(0, |bytes| bytes.lengths().map(long).sum()),
        DataType::List(_) => array.as_list_opt::<i32>().map_or(0, |lists| {
            let first = lists.offsets().first().map_or(0, |offset| *offset as usize);
            let last = lists.offsets().last().map_or(0, |offset| *offset as usize);
            behind_views(&lists.values().slice(first, last.saturating_sub(first)))
        }),
        DataType::Struct(_) => {
            array.as_struct_opt().map_or(0, |fields| fields.columns().iter().map(|field| behind_views(field)).sum())
        }
        _ => 0,
    }
}

/// The bytes of a column's values, and those of them that are behind views.
fn sizes(columns: &[ArrayRef]) -> (usize, usize) {
    let Some(column) = columns.first() else { return (0, 0) };
    let hidden = behind_views(column);
    (column.to_data().get_slice_memory_size().unwrap_or_default().saturating_add(hidden), hidden)
}

/// One group: its value has at most a gigabyte, as in Postgres.
struct One {
    inner: Box<dyn Accumulator>,
    name: String,
    hides: bool,
    /// Bytes that `inner` does not count.
    hidden: usize,
    /// Bytes of all values.
    collected: usize,
    /// Bytes of what was given: once for a group, and for each row of a window.
    given: u64,
}

impl fmt::Debug for One {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "One({}, {:?})", self.name, self.inner)
    }
}

impl One {
    fn take(&mut self, columns: &[ArrayRef]) -> DfResult<()> {
        let (collected, hidden) = sizes(columns);
        self.collected = self.collected.saturating_add(collected);
        if self.collected as u64 > MOST {
            return Err(too_large(&format!("What {} would give", self.name), self.collected as u64).into());
        }
        if self.hides {
            self.hidden = self.hidden.saturating_add(hidden);
        }
        Ok(())
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        self.take(values)?;
        self.inner.update_batch(values)
    }

    fn evaluate(&mut self) -> DfResult<ScalarValue> {
        self.given = self.given.saturating_add(self.collected as u64);
        if self.given > MOST_OF_WINDOW {
            return Err(Error::new(SqlState("54000"), "requested length too large")
                .with_detail(format!(
                    "What {} would give for the rows of a window has more than {MOST_OF_WINDOW} bytes.",
                    self.name
                ))
                .into());
        }
        self.inner.evaluate()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.inner.size().saturating_add(self.hidden).saturating_mul(COPIES)
    }

    fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DfResult<()> {
        self.take(states)?;
        self.inner.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DfResult<()> {
        let (collected, hidden) = sizes(values);
        self.collected = self.collected.saturating_sub(collected);
        self.hidden = self.hidden.saturating_sub(hidden);
        self.inner.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }
}

/// Many groups.
struct Groups {
    inner: Box<dyn GroupsAccumulator>,
    hides: bool,
    /// Bytes that `inner` does not count.
    hidden: usize,
}

impl Groups {
    fn take(&mut self, columns: &[ArrayRef]) {
        if self.hides {
            self.hidden = self.hidden.saturating_add(sizes(columns).1);
        }
    }

    /// Some groups went: of what is behind views as much as of what is not.
    fn gave(&mut self, emit_to: EmitTo, before: usize) {
        self.hidden = match emit_to {
            EmitTo::All => 0,
            EmitTo::First(_) if before > 0 => {
                let left = self.inner.size().min(before) as u128;
                usize::try_from(self.hidden as u128 * left / before as u128).unwrap_or(self.hidden)
            }
            EmitTo::First(_) => self.hidden,
        };
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> DfResult<()> {
        self.take(values);
        self.inner.update_batch(values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> DfResult<ArrayRef> {
        let before = self.inner.size();
        let values = self.inner.evaluate(emit_to)?;
        self.gave(emit_to, before);
        Ok(values)
    }

    fn state(&mut self, emit_to: EmitTo) -> DfResult<Vec<ArrayRef>> {
        let before = self.inner.size();
        let state = self.inner.state(emit_to)?;
        self.gave(emit_to, before);
        Ok(state)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], total_num_groups: usize) -> DfResult<()> {
        self.take(values);
        self.inner.merge_batch(values, group_indices, total_num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> DfResult<Vec<ArrayRef>> {
        self.inner.convert_to_state(values, opt_filter)
    }

    /// Twice: evaluating copies what is held.
    fn size(&self) -> usize {
        self.inner.size().saturating_add(self.hidden).saturating_mul(2)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ListArray, StringViewArray};
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::Field;

    use super::*;

    #[derive(Debug)]
    struct Nothing;

    impl Accumulator for Nothing {
        fn update_batch(&mut self, _: &[ArrayRef]) -> DfResult<()> {
            Ok(())
        }

        fn evaluate(&mut self) -> DfResult<ScalarValue> {
            Ok(ScalarValue::Null)
        }

        fn size(&self) -> usize {
            0
        }

        fn state(&mut self) -> DfResult<Vec<ScalarValue>> {
            Ok(vec![])
        }

        fn merge_batch(&mut self, _: &[ArrayRef]) -> DfResult<()> {
            Ok(())
        }
    }

    #[test]
    fn the_values_of_a_window_have_an_end() {
        let name = "array_agg".to_string();
        let half = 1 << 29;
        let mut window = One { inner: Box::new(Nothing), name, hides: false, hidden: 0, collected: half, given: 0 };
        let rows = (0..100).take_while(|_| window.evaluate().is_ok()).count();
        assert_eq!(rows, 7);
    }

    #[test]
    fn texts_behind_views_are_counted() {
        let texts: ArrayRef = Arc::new(StringViewArray::from(vec![Some("x".repeat(1_000)), None, Some("y".into())]));
        assert_eq!(behind_views(&texts), 1_000);
        let item = Arc::new(Field::new_list_field(DataType::Utf8View, true));
        let lists = ListArray::new(item, OffsetBuffer::from_lengths([1, 2]), Arc::clone(&texts), None);
        assert_eq!(behind_views(&lists), 1_000);
        assert_eq!(behind_views(&lists.slice(1, 1)), 0);
        assert!(sizes(&[texts]).0 > 1_000);
    }
}
