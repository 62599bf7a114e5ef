//! `fill_mode(v) OVER ..`: what is missing becomes the value that occurs most often.

use std::cmp::Ordering;

use datafusion::arrow::array::ArrayRef;
use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::Spec;
use super::list::SECTION;
use super::pick::{any, everywhere, filled, sorted};
use crate::error::Result;

/// `fill_mode`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and where it is NULL the value that occurs most often in the partition; among several the \
         greater one, as `majority` has it. The type is the value's. A partition without any value stays NULL.",
        "fill_mode(v)",
    )
    .with_argument("v", "The value, of any type.")
    .with_sql_example(
        "\
```sql
SELECT n, fill_mode(city) OVER (PARTITION BY postcode) AS city
FROM (VALUES (1, '89073', 'Ulm'), (2, '89073', 'Ulm'), (3, '89073', NULL)) AS t(n, postcode, city) ORDER BY n;
```
```text
 n | city
---+------
 1 | Ulm
 2 | Ulm
 3 | Ulm
```",
    )
    .build();
    Spec {
        name: "fill_mode",
        accepts: any,
        returns: None,
        body: |call| filled(call, |column| Ok(everywhere(column, most_frequent(column)?))),
    }
    .udf(documentation)
}

/// A row with the value that most rows have, among several values the greatest.
fn most_frequent(column: &ArrayRef) -> Result<Option<usize>> {
    let (rows, compare) = sorted(column)?;
    let mut best: Option<(usize, usize)> = None;
    let mut run: Option<(usize, usize)> = None;
    for row in rows {
        let count = match run {
            Some((before, count)) if compare(before, row) == Ordering::Equal => count + 1,
            _ => 1,
        };
        run = Some((row, count));
        if best.is_none_or(|(_, most)| count >= most) {
            best = run;
        }
    }
    Ok(best.map(|(row, _)| row))
}
