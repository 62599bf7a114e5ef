//! Every cleaning function: one line a function.

use datafusion::logical_expr::{DocSection, ScalarUDF};

use super::{blank_to_null, normalize_email, normalize_name, normalize_phone, normalize_text};

/// The section of the reference that cleaning functions stand in.
pub(super) const SECTION: DocSection = DocSection { include: true, label: "Cleaning functions", description: None };

/// Every cleaning function, in order of name.
pub fn all() -> Vec<ScalarUDF> {
    vec![
        blank_to_null::udf(),
        normalize_email::udf(),
        normalize_name::udf(),
        normalize_phone::udf(),
        normalize_text::udf(),
    ]
}
