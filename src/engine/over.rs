//! A window function that is called without OVER: 42809. DataFusion knows no function of that name then.

use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;

use crate::error::{Error, SqlState};

/// The error for a function that is not there, if it is there as a window function; other errors as they are.
pub(super) fn missing(state: &SessionState, error: DataFusionError) -> DataFusionError {
    match error {
        DataFusionError::Diagnostic(place, inner) => {
            DataFusionError::Diagnostic(place, Box::new(missing(state, *inner)))
        }
        DataFusionError::Context(context, inner) => DataFusionError::Context(context, Box::new(missing(state, *inner))),
        DataFusionError::Plan(message) => match named(&message) {
            Some(name) if state.window_functions().contains_key(name) => {
                let message = format!("window function {name} requires an OVER clause");
                let error = Error::new(SqlState::WRONG_OBJECT_TYPE, message);
                match hint(name) {
                    Some(hint) => error.with_hint(hint).into(),
                    None => error.into(),
                }
            }
            _ => DataFusionError::Plan(message),
        },
        other => other,
    }
}

/// What to write instead: who calls a function that fills like an aggregate wants the value that it fills with, or means
/// each of the rows.
fn hint(name: &str) -> Option<String> {
    let aggregate = match name {
        "fill_mean" => "avg(v)",
        "fill_median" => "median(v)",
        "fill_max" => "max(v)",
        "fill_min" => "min(v)",
        "fill_mode" => "mode() WITHIN GROUP (ORDER BY v)",
        "fill_next" | "fill_previous" | "moving_mean" | "moving_median" | "exponential_smooth" => {
            return Some(format!("Each row has a value of its own: {name}(..) OVER (PARTITION BY .. ORDER BY ..)."));
        }
        "is_outlier" | "clamp_outliers" | "null_outliers" | "replace_outliers" => {
            return Some(format!("Each row has a value of its own: {name}(..) OVER (PARTITION BY ..)."));
        }
        _ => return None,
    };
    Some(format!(
        "Each row has a value of its own: {name}(v) OVER (PARTITION BY ..). The value of a group that it fills with is {aggregate}."
    ))
}

/// The function that a message says is not there.
fn named(message: &str) -> Option<&str> {
    message.strip_prefix("Invalid function '")?.split('\'').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_that_is_not_there() {
        assert_eq!(named("Invalid function 'fill_max'.\nDid you mean 'max'?"), Some("fill_max"));
        assert_eq!(named("another error"), None);
    }

    #[test]
    fn what_fills_has_its_aggregate() {
        assert!(hint("fill_mode").unwrap().ends_with("fills with is mode() WITHIN GROUP (ORDER BY v)."));
        assert!(hint("fill_next").unwrap().contains("ORDER BY"));
        assert_eq!(hint("lag"), None);
    }
}
