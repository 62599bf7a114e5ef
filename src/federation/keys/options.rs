//! What a session has set about keys.

use datafusion::common::config::ConfigOptions;

use super::gather::Bounds;
use crate::catalog::carried::carried_in_config;

/// How many bytes the keys of one column may take; more is no question to ask of a source.
const MAX_BYTES: usize = 4 << 20;

/// The settings `onerow.run_time_keys`, `onerow.max_keys`, `onerow.merged_filter` and `onerow.merged_order` of the
/// session that plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOptions {
    /// Whether joins send the keys of their small side.
    pub run_time_keys: bool,
    /// How many distinct keys are sent at most.
    pub max_keys: usize,
    /// Whether a filter on a merged column searches for the keys that can pass it.
    pub merged_filter: bool,
    /// Whether the first groups of a merged view by its key are found by their keys.
    pub merged_order: bool,
}

impl Default for KeyOptions {
    fn default() -> Self {
        KeyOptions { run_time_keys: true, max_keys: 20_000, merged_filter: true, merged_order: true }
    }
}

impl KeyOptions {
    /// Those of the session that the options are of.
    pub fn of(options: &ConfigOptions) -> KeyOptions {
        options.extensions.get::<KeyOptions>().copied().unwrap_or_default()
    }

    /// How much is gathered at most.
    pub fn bounds(&self) -> Bounds {
        Bounds { keys: self.max_keys, bytes: MAX_BYTES }
    }
}

carried_in_config!(KeyOptions, "onerow_keys");
