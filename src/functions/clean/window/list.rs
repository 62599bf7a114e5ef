//! Every window function that cleans: one line a function.

use datafusion::logical_expr::{DocSection, WindowUDF};

use super::{
    clamp_outliers, exponential_smooth, fill_max, fill_mean, fill_median, fill_min, fill_mode, fill_next,
    fill_previous, is_outlier, moving_mean, moving_median, null_outliers, replace_outliers,
};

/// The section of the reference that these functions stand in.
pub(super) const SECTION: DocSection = DocSection { include: true, label: "Cleaning a column", description: None };

/// Every one of them, in order of name.
pub fn all() -> Vec<WindowUDF> {
    vec![
        clamp_outliers::udf(),
        exponential_smooth::udf(),
        fill_max::udf(),
        fill_mean::udf(),
        fill_median::udf(),
        fill_min::udf(),
        fill_mode::udf(),
        fill_next::udf(),
        fill_previous::udf(),
        is_outlier::udf(),
        moving_mean::udf(),
        moving_median::udf(),
        null_outliers::udf(),
        replace_outliers::udf(),
    ]
}

/// The functions that follow the order of the rows: without `ORDER BY` their answer would be an accident.
pub(super) const ORDERED: &[&str] =
    &["exponential_smooth", "fill_next", "fill_previous", "moving_mean", "moving_median"];
