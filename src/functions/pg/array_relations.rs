//! How two arrays relate: `<` and `>` by their elements, `&&`, `@>` and `<@`.
//!
//! In an order a null comes after all values. No null is an element of another array.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, DynComparator, Int32Array, make_comparator};
use datafusion::arrow::compute::{SortOptions, cast};
use datafusion::arrow::datatypes::DataType;
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::error::Error;

/// What is asked of two arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// -1, 0 or 1 as the first array comes before the second, is equal to it or comes after it.
    Order,
    /// Whether an element is in both.
    Overlap,
    /// Whether all elements of the second are in the first.
    Contains,
}

/// The function that finds a relation.
pub fn of(relation: Relation) -> Arc<ScalarUDF> {
    Arc::new(udf(relation))
}

/// All of these functions.
pub(super) fn udfs() -> Vec<ScalarUDF> {
    [Relation::Order, Relation::Overlap, Relation::Contains].map(udf).into()
}

fn udf(relation: Relation) -> ScalarUDF {
    ScalarUDF::new_from_impl(ArrayRelation { relation, signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ArrayRelation {
    relation: Relation,
    signature: Signature,
}

/// The elements of each row's array, with a null for a row without one.
fn elements(arrays: &ArrayRef) -> DfResult<Vec<Option<ArrayRef>>> {
    let text = |values: ArrayRef| -> DfResult<ArrayRef> {
        Ok(if values.data_type().is_string() { cast(&values, &DataType::Utf8View)? } else { values })
    };
    let row = |row: usize| -> DfResult<Option<ArrayRef>> {
        if arrays.is_null(row) {
            return Ok(None);
        }
        Ok(Some(text(match arrays.data_type() {
            DataType::List(_) => arrays.as_list::<i32>().value(row),
            DataType::LargeList(_) => arrays.as_list::<i64>().value(row),
            DataType::FixedSizeList(..) => arrays.as_fixed_size_list().value(row),
            other => return Err(Error::internal(format!("{other} is no array")).into()),
        })?))
    };
    (0..arrays.len()).map(row).collect()
}

/// Compares an element of the first array with one of the second.
fn comparator(left: &ArrayRef, right: &ArrayRef) -> DfResult<DynComparator> {
    let nulls_last = SortOptions { descending: false, nulls_first: false };
    if left.data_type() == right.data_type() {
        return Ok(make_comparator(left, right, nulls_last)?);
    }
    // An array without elements may be of any type.
    if left.is_empty() || right.is_empty() {
        return Ok(Box::new(|_, _| Ordering::Equal));
    }
    let right = cast(right, left.data_type())?;
    Ok(make_comparator(left, &right, nulls_last)?)
}

fn order(left: &ArrayRef, right: &ArrayRef) -> DfResult<Ordering> {
    let compare = comparator(left, right)?;
    let shared = left.len().min(right.len());
    let differs = (0..shared).map(|at| compare(at, at)).find(|order| order.is_ne());
    Ok(differs.unwrap_or_else(|| left.len().cmp(&right.len())))
}

/// Whether an element of the second array is in the first.
fn has(left: &ArrayRef, compare: &DynComparator, right: &ArrayRef, at: usize) -> bool {
    !right.is_null(at) && (0..left.len()).any(|of| !left.is_null(of) && compare(of, at).is_eq())
}

impl ArrayRelation {
    fn holds(&self, left: &ArrayRef, right: &ArrayRef) -> DfResult<bool> {
        let compare = comparator(left, right)?;
        let mut elements = 0..right.len();
        Ok(match self.relation {
            Relation::Contains => elements.all(|at| has(left, &compare, right, at)),
            _ => elements.any(|at| has(left, &compare, right, at)),
        })
    }
}

impl ScalarUDFImpl for ArrayRelation {
    fn name(&self) -> &str {
        match self.relation {
            Relation::Order => "onerow_array_order",
            Relation::Overlap => "onerow_array_overlap",
            Relation::Contains => "onerow_array_contains",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DfResult<DataType> {
        Ok(if self.relation == Relation::Order { DataType::Int32 } else { DataType::Boolean })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return Err(Error::internal("two arrays are compared").into());
        };
        let left = elements(&left.to_array(args.number_rows)?)?;
        let right = elements(&right.to_array(args.number_rows)?)?;
        let pairs = left.iter().zip(&right).map(|(left, right)| Some((left.as_ref()?, right.as_ref()?)));
        let related: ArrayRef = match self.relation {
            Relation::Order => {
                let orders = pairs.map(|pair| pair.map(|(l, r)| Ok(order(l, r)? as i32)).transpose());
                Arc::new(orders.collect::<DfResult<Int32Array>>()?)
            }
            _ => {
                let holds = pairs.map(|pair| pair.map(|(l, r)| self.holds(l, r)).transpose());
                Arc::new(holds.collect::<DfResult<BooleanArray>>()?)
            }
        };
        Ok(ColumnarValue::Array(related))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::Int32Array;

    use super::*;

    fn array(values: Vec<Option<i32>>) -> ArrayRef {
        Arc::new(Int32Array::from(values))
    }

    #[test]
    fn a_null_comes_last() {
        let with_null = array(vec![Some(1), None]);
        assert_eq!(order(&with_null, &array(vec![Some(1), Some(2)])).unwrap(), Ordering::Greater);
        assert_eq!(order(&with_null, &with_null).unwrap(), Ordering::Equal);
        assert_eq!(order(&array(vec![Some(1)]), &with_null).unwrap(), Ordering::Less);
        assert_eq!(order(&array(vec![]), &with_null).unwrap(), Ordering::Less);
    }

    #[test]
    fn a_null_is_in_no_array() {
        let holds = |relation, left: &ArrayRef, right: &ArrayRef| {
            let signature = Signature::any(2, Volatility::Immutable);
            ArrayRelation { relation, signature }.holds(left, right).unwrap()
        };
        let (with_null, two) = (array(vec![Some(1), None]), array(vec![Some(2), Some(1)]));
        assert!(holds(Relation::Overlap, &with_null, &two));
        assert!(!holds(Relation::Overlap, &with_null, &array(vec![None])));
        assert!(!holds(Relation::Contains, &with_null, &with_null));
        assert!(holds(Relation::Contains, &with_null, &array(vec![Some(1), Some(1)])));
        assert!(holds(Relation::Contains, &with_null, &array(vec![])));
    }
}
