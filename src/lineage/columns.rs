//! The columns of lineage that are the same for every view.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};

use super::node::{Gives, Layout};

/// A column that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fixed {
    ColumnName,
    Value,
    Source,
    RecordId,
    ObservedAt,
    Trust,
    Chosen,
    Rule,
    TieLevel,
    Candidates,
    DistinctValues,
    Changed,
    Values,
    Sources,
    /// Whether the cell's function gives one value of its candidates, and not a list of them.
    Single,
    Reason,
}

impl Fixed {
    /// Those that a node gives, in order.
    pub fn of(gives: Gives) -> &'static [Fixed] {
        match gives {
            Gives::Candidates => &[
                Fixed::ColumnName,
                Fixed::Value,
                Fixed::Source,
                Fixed::RecordId,
                Fixed::ObservedAt,
                Fixed::Trust,
                Fixed::Chosen,
                Fixed::Rule,
                Fixed::TieLevel,
                Fixed::Candidates,
                Fixed::DistinctValues,
                Fixed::Changed,
            ],
            Gives::Cells => &[
                Fixed::ColumnName,
                Fixed::Value,
                Fixed::Candidates,
                Fixed::DistinctValues,
                Fixed::Values,
                Fixed::Sources,
                Fixed::Rule,
                Fixed::TieLevel,
                Fixed::Single,
            ],
            Gives::Reasons => &[Fixed::ColumnName, Fixed::Reason],
        }
    }

    /// Its name where no key has it.
    pub fn name(self) -> &'static str {
        match self {
            Fixed::ColumnName => "column_name",
            Fixed::Value => "value",
            Fixed::Source => "source",
            Fixed::RecordId => "record_id",
            Fixed::ObservedAt => "observed_at",
            Fixed::Trust => "trust",
            Fixed::Chosen => "chosen",
            Fixed::Rule => "rule",
            Fixed::TieLevel => "tie_level",
            Fixed::Candidates => "candidates",
            Fixed::DistinctValues => "distinct_values",
            Fixed::Changed => "changed",
            Fixed::Values => "values",
            Fixed::Sources => "sources",
            Fixed::Single => "single",
            Fixed::Reason => "reason",
        }
    }

    /// Its name among keys: a key keeps its own, so that it can be asked for.
    pub fn name_among(self, keys: &[String]) -> String {
        let mut name = self.name().to_string();
        while keys.contains(&name) {
            name = format!("lineage_{name}");
        }
        name
    }

    /// Its field among keys of these names.
    pub fn field(self, layout: &Layout, keys: &[String]) -> Field {
        let texts = || DataType::List(Arc::new(Field::new_list_field(DataType::Utf8View, true)));
        let (data_type, nullable) = match self {
            Fixed::ColumnName | Fixed::Rule => (DataType::Utf8View, false),
            Fixed::Value | Fixed::Source | Fixed::RecordId | Fixed::TieLevel | Fixed::Changed | Fixed::Reason => {
                (DataType::Utf8View, true)
            }
            Fixed::ObservedAt => (layout.time_type.clone(), true),
            Fixed::Trust => (layout.trust_type.clone(), true),
            Fixed::Chosen | Fixed::Single => (DataType::Boolean, false),
            Fixed::Candidates | Fixed::DistinctValues => (DataType::Int64, false),
            Fixed::Values | Fixed::Sources => (texts(), true),
        };
        Field::new(self.name_among(keys), data_type, nullable).with_metadata(HashMap::new())
    }
}
