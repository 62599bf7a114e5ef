//! `is_outlier(v, method [, threshold]) OVER ..`: whether a value lies too far from the others.

use std::sync::Arc;

use datafusion::arrow::array::BooleanArray;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::Spec;
use super::list::SECTION;
use super::outliers::{Judged, value_and_rule};

/// `is_outlier`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "Whether a value lies too far from the other values of its partition. NULL for NULL. The methods:\n\n\
         | method | too far is | usual threshold |\n| --- | --- | --- |\n\
         | `'zscore'` | more than so many sample standard deviations from the mean | 3 |\n\
         | `'iqr'` | more than so many interquartile ranges below the first or above the third quartile | 1.5 |\n\
         | `'mad'` | more than so many median absolute deviations, times 1.4826, from the median | 3.5 |\n\n\
         Quartiles and medians are those of `percentile_cont`. The outlier itself pulls the mean and the standard \
         deviation: of ten values none can have a z-score of 3. `iqr` and `mad` stand firm against that; but where \
         half of the values are equal, every other value is an outlier to them. Distances are computed in double \
         precision. NaN and infinities are outliers, and do not count in what the others are measured by.",
        "is_outlier(v, method [, threshold])",
    )
    .with_argument("v", "The value, a number.")
    .with_argument("method", "`'zscore'`, `'iqr'` or `'mad'`; the same in all rows of a partition (22023 else).")
    .with_argument("threshold", "How far is too far, not negative. Left out or NULL, the method's usual one.")
    .with_sql_example(
        "\
```sql
SELECT v FROM (SELECT v, is_outlier(v, 'iqr') OVER () AS far FROM (VALUES (1), (2), (3), (4), (90)) AS t(v)) AS judged
WHERE NOT far ORDER BY v;
```
```text
 v
---
 1
 2
 3
 4
```",
    )
    .build();
    Spec {
        name: "is_outlier",
        accepts: value_and_rule,
        returns: Some(|_| Some(DataType::Boolean)),
        body: |call| {
            let judged = Judged::of(call)?;
            let outliers = judged.values.iter().map(|value| value.map(|value| judged.is_outlier(value)));
            Ok(Arc::new(outliers.collect::<BooleanArray>()))
        },
    }
    .udf(documentation)
}
