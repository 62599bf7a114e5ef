//! Every cleaning function: one line a function.

use datafusion::logical_expr::{DocSection, ScalarUDF};

use super::countries::{country_name, normalize_country, normalize_currency, normalize_postcode};
use super::dates::{parse_date, parse_date_format};
use super::numbers::parse_number;
use super::text::{family_name, given_name, normalize_company, proper_case, repair_text, split_chinese_name};
use super::{
    blank_to_null, fill_constant, fill_from, normalize_email, normalize_name, normalize_phone, normalize_text,
};

/// The section of the reference that cleaning functions stand in.
pub(super) const SECTION: DocSection = DocSection { include: true, label: "Cleaning functions", description: None };

/// Every cleaning function, in order of name.
pub fn all() -> Vec<ScalarUDF> {
    vec![
        blank_to_null::udf(),
        country_name::udf(),
        family_name::udf(),
        fill_constant::udf(),
        fill_from::udf(),
        given_name::udf(),
        normalize_company::udf(),
        normalize_country::udf(),
        normalize_currency::udf(),
        normalize_email::udf(),
        normalize_name::udf(),
        normalize_phone::udf(),
        normalize_postcode::udf(),
        normalize_text::udf(),
        parse_date::udf(),
        parse_date_format::udf(),
        parse_number::udf(),
        proper_case::udf(),
        repair_text::udf(),
        split_chinese_name::udf(),
    ]
}
