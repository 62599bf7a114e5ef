//! What a function does to a value on its way from a source: lineage says of a value that it was repaired or imputed.

/// What a function does to the value in its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Gives the same value in a better form: where the result differs from the argument, the value was repaired.
    Repairs,
    /// Gives a value where there was none, or another in place of one that is not believed: where the result differs
    /// from the argument, the value was imputed.
    Imputes,
    /// Gives a value that others beside it took part in: where the result differs from the argument, it was smoothed.
    Smooths,
    /// Gives a part of the value: where there is one that is not all of it, it was extracted.
    Extracts,
}

/// The effect of the function of this name, scalar, aggregate or window. None for functions that make another value.
pub fn effect(name: &str) -> Option<Effect> {
    match name {
        "blank_to_null" | "country_name" | "normalize_company" | "normalize_country" | "normalize_currency"
        | "normalize_email" | "normalize_name" | "normalize_phone" | "normalize_postcode" | "normalize_text"
        | "parse_date" | "parse_number" | "proper_case" | "repair_text" => Some(Effect::Repairs),
        "clamp_outliers" | "coalesce" | "fill_constant" | "fill_from" | "fill_max" | "fill_mean" | "fill_median"
        | "fill_min" | "fill_mode" | "fill_next" | "fill_previous" | "null_outliers" | "replace_outliers" => {
            Some(Effect::Imputes)
        }
        "exponential_smooth" | "moving_mean" | "moving_median" => Some(Effect::Smooths),
        "family_name" | "given_name" | "split_chinese_name" => Some(Effect::Extracts),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::{clean, registry};

    /// Functions that say something of a value.
    const OTHERS: &[&str] = &["is_outlier", "parse_date_format"];

    #[test]
    fn every_cleaning_function_has_an_effect() {
        let scalars = clean::all();
        let windows = registry::windows();
        let names = scalars.iter().map(|f| f.name()).chain(windows.iter().map(|f| f.name()));
        for name in names {
            assert!(effect(name).is_some() != OTHERS.contains(&name), "{name} has no effect");
        }
    }
}
