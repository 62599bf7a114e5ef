//! Cleaning that looks at a whole column, or along it: filling what is missing, outliers, smoothing.
//!
//! They are window functions: `PARTITION BY` says which rows belong together, `ORDER BY` in which order they follow
//! each other where that matters. They always see the whole partition; a frame says nothing.

mod check;
mod function;
mod list;
mod moving;
mod numbers;
mod outliers;
mod pick;
mod statistics;

mod clamp_outliers;
mod exponential_smooth;
mod fill_max;
mod fill_mean;
mod fill_median;
mod fill_min;
mod fill_mode;
mod fill_next;
mod fill_previous;
mod is_outlier;
mod moving_mean;
mod moving_median;
mod null_outliers;
mod replace_outliers;

#[cfg(test)]
mod properties;

pub use check::check;
pub use list::all;
