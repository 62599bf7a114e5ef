//! `fill_max(v) OVER ..`: what is missing becomes the greatest value.

use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::Spec;
use super::list::SECTION;
use super::pick::{any, everywhere, filled, sorted};

/// `fill_max`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and where it is NULL the greatest value of the partition. The type is the value's. Text is ordered \
         by its bytes, NaN stands above all numbers. A partition without any value stays NULL.",
        "fill_max(v)",
    )
    .with_argument("v", "The value, of any type.")
    .with_sql_example(
        "\
```sql
SELECT n, fill_max(v) OVER (PARTITION BY city) AS v
FROM (VALUES (1, 'Ulm', 10), (2, 'Ulm', NULL), (3, 'Ulm', 30)) AS t(n, city, v) ORDER BY n;
```
```text
 n | v
---+----
 1 | 10
 2 | 30
 3 | 30
```",
    )
    .build();
    Spec {
        name: "fill_max",
        accepts: any,
        returns: None,
        body: |call| filled(call, |column| Ok(everywhere(column, sorted(column)?.0.last().copied()))),
    }
    .udf(documentation)
}
