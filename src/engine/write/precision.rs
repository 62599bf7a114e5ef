//! Times as their column keeps them: rounded to the digits of a second that it was declared with.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, PrimitiveArray};
use datafusion::arrow::datatypes::{
    DataType, IntervalMonthDayNanoType, IntervalUnit, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
};

use crate::catalog::definitions::ColumnDef;
use crate::error::{Error, Result};
use crate::functions::pg::to_precision;

/// The values of a column rounded as the column says. What has no digits, or is no time, stays as it is.
pub(in crate::engine) fn rounded(values: ArrayRef, column: &ColumnDef) -> Result<ArrayRef> {
    match column.digits() {
        Some(digits) => to_digits(&values, digits.into()),
        None => Ok(values),
    }
}

fn to_digits(values: &ArrayRef, digits: i64) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let rounded: PrimitiveArray<TimestampMicrosecondType> =
                values
                    .as_primitive::<TimestampMicrosecondType>()
                    .try_unary(|value| to_precision::moment(value, digits))?;
            Arc::new(rounded.with_timezone_opt(zone.clone()))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let rounded: PrimitiveArray<Time64MicrosecondType> =
                values.as_primitive::<Time64MicrosecondType>().try_unary(|value| to_precision::time(value, digits))?;
            Arc::new(rounded)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let rounded: PrimitiveArray<IntervalMonthDayNanoType> =
                values
                    .as_primitive::<IntervalMonthDayNanoType>()
                    .try_unary(|value| to_precision::interval(value, digits))?;
            Arc::new(rounded)
        }
        DataType::List(item) => {
            let list = values.as_list_opt::<i32>().ok_or_else(|| Error::internal("an array that is none"))?;
            let elements = to_digits(list.values(), digits)?;
            Arc::new(ListArray::try_new(Arc::clone(item), list.offsets().clone(), elements, list.nulls().cloned())?)
        }
        _ => Arc::clone(values),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::TimestampMicrosecondArray;

    use super::*;

    #[test]
    fn values_keep_the_digits_of_their_column() {
        let column = |pg_type: &str| ColumnDef {
            name: "c".to_string(),
            pg_type: pg_type.to_string(),
            nullable: true,
            default: None,
        };
        let values: ArrayRef = Arc::new(
            TimestampMicrosecondArray::from(vec![Some(946_684_800_123_560), None, Some(i64::MAX)]).with_timezone("UTC"),
        );
        let kept = rounded(Arc::clone(&values), &column("timestamp(3) with time zone")).unwrap();
        assert_eq!(kept.data_type(), values.data_type());
        let kept = kept.as_primitive::<TimestampMicrosecondType>();
        assert_eq!(kept.iter().collect::<Vec<_>>(), [Some(946_684_800_124_000), None, Some(i64::MAX)]);
        let same = rounded(Arc::clone(&values), &column("timestamp with time zone")).unwrap();
        assert_eq!(&same, &values);
    }
}
