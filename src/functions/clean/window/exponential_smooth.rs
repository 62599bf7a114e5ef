//! `exponential_smooth(v, alpha) OVER (ORDER BY ..)`: a mean in which older values count less and less.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::{Documentation, WindowUDF};

use super::function::{Call, Spec};
use super::list::SECTION;
use super::numbers::{double_column, doubles, number};
use super::outliers::{constant_double, refused};
use crate::error::Result;
use crate::functions::clean::scalar::is_text;

/// `exponential_smooth`.
pub(super) fn udf() -> WindowUDF {
    let documentation = Documentation::builder(
        SECTION,
        "Exponential smoothing along the window's order: the first value as it is, then `alpha` times the value plus \
         `1 - alpha` times what was before. At a NULL what was before stays; NULL until there is a value. `double \
         precision`. The window needs an ORDER BY (42P20 else).",
        "exponential_smooth(v, alpha)",
    )
    .with_argument("v", "The value, a number.")
    .with_argument(
        "alpha",
        "How much the newest value counts, above 0 and at most 1; the same in all rows of a partition (22023 else).",
    )
    .with_sql_example(
        "\
```sql
SELECT n, exponential_smooth(v, 0.5) OVER (ORDER BY n) AS v
FROM (VALUES (1, 4), (2, 8), (3, NULL), (4, 2)) AS t(n, v) ORDER BY n;
```
```text
 n | v
---+---
 1 | 4
 2 | 6
 3 | 6
 4 | 4
```",
    )
    .build();
    Spec { name: "exponential_smooth", accepts, returns: Some(|_| Some(DataType::Float64)), body: smoothed }
        .udf(documentation)
}

fn accepts(given: &[DataType]) -> Option<Vec<DataType>> {
    let [value, alpha] = given else { return None };
    if !is_text(alpha) {
        number(alpha)?;
    }
    Some(vec![number(value)?, DataType::Float64])
}

fn smoothed(call: &Call<'_>) -> Result<ArrayRef> {
    let alpha = constant_double(call, 1, "the weight")?;
    let values = doubles(call.column(0)?)?;
    let Some(alpha) = alpha.filter(|alpha| *alpha > 0.0 && *alpha <= 1.0) else {
        if call.rows == 0 {
            return Ok(double_column(values));
        }
        return Err(refused(format!("the weight of {} must be above 0 and at most 1", call.name)));
    };
    let mut smooth: Option<f64> = None;
    let smoothed = values.into_iter().map(|value| {
        smooth = match (smooth, value) {
            (Some(before), Some(value)) => Some(alpha * value + (1.0 - alpha) * before),
            (None, value) => value,
            (before, None) => before,
        };
        smooth
    });
    Ok(double_column(smoothed.collect()))
}
