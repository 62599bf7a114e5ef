//! Doubles in JSON, to the last bit: as the shortest text that reads back as the same number.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

/// Writes a double as text.
pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&number.to_string())
}

/// Reads what [`serialize`] wrote.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}
