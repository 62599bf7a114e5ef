//! `fill_mean(v) OVER ..`: what is missing becomes the mean.

use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::Spec;
use super::list::SECTION;
use super::statistics::{Middle, filled, mean_of_first, one_number};

/// `fill_mean`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and where it is NULL the mean of the partition's values. Floating point stays `double \
         precision`. Whole numbers and numeric are computed exactly and give a numeric with four digits more behind \
         the point, so that values keep all of theirs: `integer` becomes `numeric(14,4)`, `numeric(12,2)` \
         becomes `numeric(16,6)`. The mean is rounded to these, half away from zero. A partition without any \
         value stays NULL.",
        "fill_mean(v)",
    )
    .with_argument("v", "The value, a number.")
    .with_sql_example(
        "\
```sql
SELECT n, fill_mean(v) OVER (PARTITION BY city) AS v
FROM (VALUES (1, 'Ulm', 10), (2, 'Ulm', NULL), (3, 'Ulm', 30)) AS t(n, city, v) ORDER BY n;
```
```text
 n |    v
---+---------
 1 | 10.0000
 2 | 20.0000
 3 | 30.0000
```",
    )
    .build();
    Spec {
        name: "fill_mean",
        accepts: one_number,
        returns: Some(mean_of_first),
        body: |call| filled(call, Middle::Mean),
    }
    .udf(documentation)
}
