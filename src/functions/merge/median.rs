//! `median(v)`: the value in the middle.

use datafusion::logical_expr::Documentation;

use super::rule::{Choice, MergeRule, VALUE, describe};

/// The value in the middle of all, or the mean of the two in the middle; exact. Null values are skipped. Whole numbers
/// and numerics give a numeric with one digit more after the point, doubles a double (NaN is above every number), dates
/// and timestamps a timestamp, intervals an interval whose months have 30 days. An infinite date beside a finite one in the middle is an error (22008).
pub(super) static RULE: MergeRule =
    MergeRule { name: "median", choice: Choice::Median, arguments: &[VALUE], required: 1, documentation };

fn documentation() -> Documentation {
    describe(
        "The value in the middle of all, or the mean of the two in the middle; exact. Null values are skipped. Whole \
         numbers and numerics give a numeric with one digit more after the point, doubles a double (NaN is above every \
         number), dates and timestamps a timestamp, intervals an interval of months with 30 days. Half a microsecond is \
         rounded down. An infinite date beside a finite one in the middle is an error (22008). With DISTINCT, each \
         value counts once.",
        "median(v)",
        "
SELECT median(revenue) FROM (VALUES (100), (200), (250), (90000), (NULL)) AS t(revenue);
 median
--------
  225.0",
    )
    .with_argument("v", "A number, a date, a timestamp or an interval.")
    .build()
}
