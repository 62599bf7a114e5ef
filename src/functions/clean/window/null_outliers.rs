//! `null_outliers(v, method [, threshold]) OVER ..`: a value, and NULL where it lies too far from the others.

use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::compute::nullif;
use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::Spec;
use super::list::SECTION;
use super::outliers::{Judged, value_and_rule};

/// `null_outliers`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and NULL in the place of what `is_outlier` finds too far away. The type is the value's, but for \
         `real`, which becomes `double precision`.",
        "null_outliers(v, method [, threshold])",
    )
    .with_argument("v", "The value, a number.")
    .with_argument("method", "`'zscore'`, `'iqr'` or `'mad'`, as for `is_outlier`.")
    .with_argument("threshold", "How far is too far, as for `is_outlier`.")
    .with_sql_example(
        "\
```sql
SELECT n, null_outliers(v, 'iqr') OVER () AS v
FROM (VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 90)) AS t(n, v) ORDER BY n DESC LIMIT 2;
```
```text
 n | v
---+---
 5 |
 4 | 4
```",
    )
    .with_related_udf("is_outlier")
    .build();
    Spec {
        name: "null_outliers",
        accepts: value_and_rule,
        returns: Some(|types| types.first().cloned()),
        body: |call| {
            let judged = Judged::of(call)?;
            Ok(nullif(call.column(0)?, &BooleanArray::from(judged.outliers()))?)
        },
    }
    .udf(documentation)
}
