//! What a function does to a value on its way from a source: lineage says of a value that it was repaired or imputed.

/// What a function does to the value in its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Gives the same value in a better form: where the result differs from the argument, the value was repaired.
    Repairs,
    /// Gives a value where there was none, or another in place of one that is not believed: where the result differs
    /// from the argument, the value was imputed.
    Imputes,
}

/// The effect of the function of this name, scalar, aggregate or window. None for functions that make another value.
pub fn effect(name: &str) -> Option<Effect> {
    match name {
        "blank_to_null" | "normalize_email" | "normalize_name" | "normalize_phone" | "normalize_text" => {
            Some(Effect::Repairs)
        }
        "coalesce" => Some(Effect::Imputes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::clean;

    #[test]
    fn every_cleaning_function_has_an_effect() {
        for function in clean::all() {
            assert!(effect(function.name()).is_some(), "{} has no effect", function.name());
        }
    }
}
