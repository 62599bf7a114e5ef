//! `moving_mean(v, n) OVER (ORDER BY ..)`: the mean of the last n rows.

use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::Spec;
use super::list::SECTION;
use super::moving::{moved, value_and_count};
use super::statistics::{Middle, mean_of_first};

/// `moving_mean`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The mean of the values of this row and the n - 1 rows before it in the window's order; of as many as there \
         are at the beginning. NULLs do not count; NULL where there is no value. The type is that of `fill_mean`. \
         The window needs an ORDER BY (42P20 else).",
        "moving_mean(v, n)",
    )
    .with_argument("v", "The value, a number.")
    .with_argument("n", "How many rows, at least 1; the same in all rows of a partition (22023 else).")
    .with_sql_example(
        "\
```sql
SELECT n, moving_mean(v, 2) OVER (ORDER BY n) AS v
FROM (VALUES (1, 1), (2, 2), (3, 3)) AS t(n, v) ORDER BY n;
```
```text
 n |   v
---+--------
 1 | 1.0000
 2 | 1.5000
 3 | 2.5000
```",
    )
    .build();
    Spec {
        name: "moving_mean",
        accepts: value_and_count,
        returns: Some(mean_of_first),
        body: |call| moved(call, Middle::Mean),
    }
    .udf(documentation)
}
