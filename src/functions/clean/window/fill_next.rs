//! `fill_next(v) OVER (ORDER BY ..)`: what is missing becomes the next value.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::Spec;
use super::list::SECTION;
use super::pick::{any, filled};

/// `fill_next`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and where it is NULL the first one behind it in the window's order that is not NULL, \
         however far away. Rows at the end of a partition that have none stay NULL. The type is the value's. The \
         window needs an ORDER BY (42P20 else); rows that are equal in it follow each other in no particular order, so \
         order by what is unique.",
        "fill_next(v)",
    )
    .with_argument("v", "The value, of any type.")
    .with_sql_example(
        "\
```sql
SELECT n, fill_next(v) OVER (ORDER BY n) AS v
FROM (VALUES (1, 10), (2, NULL), (3, 30)) AS t(n, v) ORDER BY n;
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
    Spec { name: "fill_next", accepts: any, returns: None, body: |call| filled(call, |column| Ok(nearest(column))) }
        .udf(documentation)
}

fn nearest(column: &ArrayRef) -> Vec<Option<usize>> {
    let nulls = column.logical_nulls();
    let mut last = None;
    let mut sources = vec![None; column.len()];
    for (row, source) in sources.iter_mut().enumerate().rev() {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            last = Some(row);
        }
        *source = last;
    }
    sources
}
