//! What a model is told of a value: numbers, truth values and categories.

use datafusion::arrow::datatypes::{DataType, Field};
use serde::{Deserialize, Serialize};

use crate::catalog::types::PgType;

/// What a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureKind {
    /// A number of any type, compared as a double.
    Number,
    /// A truth value.
    Boolean,
    /// A text, which is a category.
    Text,
}

impl FeatureKind {
    /// The kind that columns like this are; none for what is no feature, such as a timestamp or an array.
    pub fn of_field(field: &Field) -> Option<FeatureKind> {
        let kind = FeatureKind::of_type(field.data_type())?;
        // Some types are carried as text and are no categories.
        match (kind, PgType::of_field(field)) {
            (FeatureKind::Text, PgType::Uuid | PgType::Json | PgType::Jsonb | PgType::Record) => None,
            _ => Some(kind),
        }
    }

    /// The kind that an Arrow type is; an untyped NULL is a text, as in Postgres.
    pub fn of_type(data_type: &DataType) -> Option<FeatureKind> {
        match data_type {
            DataType::Boolean => Some(FeatureKind::Boolean),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Some(FeatureKind::Text),
            DataType::Dictionary(_, value) => FeatureKind::of_type(value),
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
                Some(FeatureKind::Number)
            }
            other if other.is_integer() || other.is_floating() => Some(FeatureKind::Number),
            _ => None,
        }
    }

    /// The Arrow type that values of the kind are brought to.
    pub fn arrow(self) -> DataType {
        match self {
            FeatureKind::Number => DataType::Float64,
            FeatureKind::Boolean => DataType::Boolean,
            FeatureKind::Text => DataType::Utf8View,
        }
    }

    /// The type in words, as Postgres names it.
    pub fn pg_name(self) -> &'static str {
        match self {
            FeatureKind::Number => "double precision",
            FeatureKind::Boolean => "boolean",
            FeatureKind::Text => "text",
        }
    }
}

/// One feature of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feature {
    /// Its name: that of the column that it was learned from.
    pub name: String,
    /// What it is.
    pub kind: FeatureKind,
    /// The categories that are known, in order of their bytes; none where it is no text.
    pub categories: Vec<String>,
}

impl Feature {
    /// Whether a text is one of the known categories.
    pub fn knows(&self, category: &str) -> bool {
        self.categories.binary_search_by(|known| known.as_str().cmp(category)).is_ok()
    }
}
