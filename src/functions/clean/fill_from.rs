//! `fill_from(v, other)`: what is missing comes from another source.

use datafusion::logical_expr::{Documentation, ScalarUDF};

use super::fill::Fill;
use super::list::SECTION;

/// `fill_from`.
pub(super) fn udf() -> ScalarUDF {
    let documentation = Documentation::builder(
        SECTION,
        "The value, and where it is NULL what another source has for it, usually a column of a join. It is `coalesce` \
         of both, with its common type, under a name that says what it is for.",
        "fill_from(v, other)",
    )
    .with_argument("v", "The value, of any type.")
    .with_argument("other", "The value of the other source.")
    .with_sql_example(
        "\
```sql
SELECT id, fill_from(a.phone, b.phone) AS phone
FROM (VALUES (1, '+491'), (2, NULL)) AS a(id, phone) LEFT JOIN (VALUES (2, '+492')) AS b(id, phone) USING (id)
ORDER BY id;
```
```text
 id | phone
----+-------
  1 | +491
  2 | +492
```",
    )
    .with_related_udf("fill_constant")
    .build();
    Fill::udf("fill_from", documentation)
}
