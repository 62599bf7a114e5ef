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
                Error::new(SqlState::WRONG_OBJECT_TYPE, message).into()
            }
            _ => DataFusionError::Plan(message),
        },
        other => other,
    }
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
}
