//! What a scan waits for, and how keys become values of one of its columns.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::compute::kernels::cmp;
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options, filter, filter_record_batch};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::error::Result as DfResult;
use datafusion::physical_expr::PhysicalExpr;

use super::gather::Membership;
use super::slot::Slot;

/// Keys that a scan is restricted to once they are known.
#[derive(Clone, Debug)]
pub struct Restriction {
    /// Where they come from.
    pub slot: Slot,
    /// The column of the scan's output that they are about.
    pub column: usize,
    /// The column's name, for EXPLAIN.
    pub name: String,
    /// The function of the column whose values the keys are; none when they are the column's own.
    pub function: Option<Function>,
    /// The types that the value was cast from on its way up to the join, the join's end first. Each cast is one that
    /// gives different values for different values.
    pub casts: Vec<DataType>,
}

/// A function of one column.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The call, over the scan's output.
    pub call: Arc<dyn PhysicalExpr>,
}

impl Restriction {
    /// The keys as values of the column, or of the function of it. A key that no value of the column's type becomes
    /// is left out: it matches nothing.
    pub fn values(&self, keys: &ArrayRef) -> DfResult<ArrayRef> {
        let mut keys = Arc::clone(keys);
        for target in &self.casts {
            let options = CastOptions { safe: true, ..CastOptions::default() };
            let lower = cast_with_options(&keys, target, &options)?;
            let again = cast(&lower, keys.data_type())?;
            let same = cmp::eq(&again, &keys)?;
            // Null where the cast failed: such a key goes too.
            let kept = BooleanArray::from_iter(same.iter().map(|same| Some(same == Some(true))));
            keys = filter(&lower, &kept)?;
        }
        Ok(keys)
    }

    /// The rows of a batch whose key is one of `members`.
    pub fn recheck(&self, batch: &RecordBatch, members: &Membership) -> DfResult<RecordBatch> {
        let values = match &self.function {
            Some(function) => function.call.evaluate(batch)?.into_array(batch.num_rows())?,
            None => Arc::clone(batch.column(self.column)),
        };
        Ok(filter_record_batch(batch, &BooleanArray::from(members.of(&values)?))?)
    }
}

impl fmt::Display for Restriction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => write!(f, "{}({})", function.name, self.name)?,
            None => f.write_str(&self.name)?,
        }
        write!(f, " in #{} ({})", self.slot.number, self.slot.origin)
    }
}

/// Whether a cast gives different values for different values, and the same value back when it is undone.
pub fn is_injective(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Decimal128, Decimal256, Int8, Int16, Int32, Int64, LargeUtf8, Utf8, Utf8View};
    let text = |data_type: &DataType| matches!(data_type, Utf8 | LargeUtf8 | Utf8View);
    let digits = match from {
        Int8 => Some((3, 0)),
        Int16 => Some((5, 0)),
        Int32 => Some((10, 0)),
        Int64 => Some((19, 0)),
        Decimal128(precision, scale) | Decimal256(precision, scale) if *scale >= 0 => Some((*precision, *scale)),
        _ => None,
    };
    match (from, to) {
        _ if from == to => true,
        _ if text(from) => text(to),
        (Int8, Int16 | Int32 | Int64) | (Int16, Int32 | Int64) | (Int32, Int64) => true,
        (Date32, _) => false,
        (_, Decimal128(precision, scale) | Decimal256(precision, scale)) if *scale >= 0 => {
            // Every digit before and after the point has its place.
            digits.is_some_and(|(p, s)| {
                i32::from(*precision) - i32::from(*scale) >= i32::from(p) - i32::from(s) && *scale >= s
            })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{AsArray, Int64Array};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn keys_that_no_value_becomes_are_left_out() {
        let (_publisher, slot) = Slot::new(1, "t".into());
        let restriction =
            Restriction { slot, column: 0, name: "id".into(), function: None, casts: vec![DataType::Int32] };
        let keys: ArrayRef = Arc::new(Int64Array::from(vec![1, i64::from(i32::MAX) + 1, -5]));
        let values = restriction.values(&keys).unwrap();
        assert_eq!(values.as_primitive::<Int32Type>().values(), &[1, -5]);
    }

    #[test]
    fn casts_that_lose_are_not_undone() {
        use DataType::{Decimal128, Float64, Int32, Int64, Utf8, Utf8View};
        assert!(is_injective(&Int32, &Int64) && !is_injective(&Int64, &Int32));
        assert!(is_injective(&Utf8, &Utf8View) && !is_injective(&Int32, &Utf8View));
        assert!(is_injective(&Int64, &Decimal128(20, 0)) && !is_injective(&Int64, &Decimal128(20, 2)));
        assert!(!is_injective(&Int32, &Float64));
        assert!(is_injective(&Decimal128(10, 2), &Decimal128(12, 4)));
        assert!(!is_injective(&Decimal128(10, 2), &Decimal128(12, 1)));
    }
}
