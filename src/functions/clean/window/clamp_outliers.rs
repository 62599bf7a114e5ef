//! `clamp_outliers(v, method [, threshold]) OVER ..`: a value, brought as near to the others as it must be.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::i256;
use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::{Call, Spec};
use super::list::SECTION;
use super::numbers::{Numbers, double_column, exact_column, out_of_range};
use super::outliers::{Fence, Judged, value_and_rule};
use crate::error::Result;

/// `clamp_outliers`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and in the place of what `is_outlier` finds too far away the nearest number that is not. The type \
         is the value's, but for `real`, which becomes `double precision`; of a whole number or numeric the fence is \
         rounded to the digits of the type, towards the other values. NaN has no nearest number and becomes NULL.",
        "clamp_outliers(v, method [, threshold])",
    )
    .with_argument("v", "The value, a number.")
    .with_argument("method", "`'zscore'`, `'iqr'` or `'mad'`, as for `is_outlier`.")
    .with_argument("threshold", "How far is too far, as for `is_outlier`.")
    .with_sql_example(
        "\
```sql
SELECT n, clamp_outliers(v, 'iqr') OVER () AS v
FROM (VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 90)) AS t(n, v) ORDER BY n DESC LIMIT 2;
```
```text
 n | v
---+---
 5 | 7
 4 | 4
```",
    )
    .with_related_udf("is_outlier")
    .build();
    Spec {
        name: "clamp_outliers",
        accepts: value_and_rule,
        returns: Some(|types| types.first().cloned()),
        body: clamped,
    }
    .udf(documentation)
}

fn clamped(call: &Call<'_>) -> Result<ArrayRef> {
    let judged = Judged::of(call)?;
    match Numbers::read(call.column(0)?)? {
        Numbers::Exact(values, scale) => {
            let values = values.into_iter().zip(&judged.values).map(|(digits, value)| {
                match value.and_then(|value| judged.fence(value)) {
                    Some(fence) => rounded(fence, scale).map(Some),
                    None => Ok(digits),
                }
            });
            exact_column(values.collect::<Result<Vec<_>>>()?, call.returns)
        }
        Numbers::Double(values) => Ok(double_column(
            values
                .into_iter()
                .map(|value| {
                    let value = value.filter(|value| !value.is_nan())?;
                    Some(match judged.fence(value) {
                        Some(Fence::Low(fence, _) | Fence::High(fence, _)) => fence,
                        None => value,
                    })
                })
                .collect(),
        )),
    }
}

/// The digits of a fence, rounded to its inner side.
fn rounded(fence: Fence, scale: i8) -> Result<i256> {
    let ten = 10_f64.powi(i32::from(scale));
    let digits = match fence {
        Fence::Low(fence, slack) => ((fence - slack) * ten).ceil(),
        Fence::High(fence, slack) => ((fence + slack) * ten).floor(),
    };
    i256::from_f64(digits).ok_or_else(out_of_range)
}
