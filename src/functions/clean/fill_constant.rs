//! `fill_constant(v, constant)`: what is missing becomes a constant.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::fill::Fill;
use super::list::SECTION;

/// `fill_constant`.
pub(super) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and the constant where it is NULL. It is `coalesce` of both, with its common type, under a name \
         that says what it is for. A blank text is a value: write `fill_constant(blank_to_null(city), 'unknown')`.",
        "fill_constant(v, constant)",
    )
    .with_argument("v", "The value, of any type.")
    .with_argument("constant", "What stands in the place of NULL.")
    .with_sql_example(
        "\
```sql
SELECT n, fill_constant(city, 'unknown') AS city FROM (VALUES (1, 'Ulm'), (2, NULL)) AS t(n, city) ORDER BY n;
```
```text
 n |  city
---+---------
 1 | Ulm
 2 | unknown
```",
    )
    .with_related_udf("fill_from")
    .build();
    Fill::udf("fill_constant", documentation)
}
