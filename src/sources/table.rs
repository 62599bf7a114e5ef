//! What is known of one table at a source. It is kept in the state, so that a restart needs no source.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::options::Options;
use crate::catalog::types::PgType;

/// One table, view or file set at a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSpec {
    /// Its name at the source, which an import gives the foreign table too.
    pub name: String,
    /// The foreign table's options, in the kind's own words (`schema_name`, `table_name`, `path` ..).
    pub options: Options,
    /// Its columns, in order.
    pub columns: Vec<ColumnSpec>,
    /// The primary key's columns by local name; empty when it has none.
    #[serde(default)]
    pub primary_key: Vec<String>,
    /// Further unique keys.
    #[serde(default)]
    pub unique_keys: Vec<Vec<String>>,
    /// Whether it is a view at the source.
    #[serde(default)]
    pub is_view: bool,
    /// Its comment at the source.
    #[serde(default)]
    pub comment: Option<String>,
    /// About how many rows it has, when last seen.
    #[serde(default)]
    pub row_estimate: Option<u64>,
    /// How many pages it had when last seen, of a table that can be read by ranges of its pages; none of any other.
    #[serde(default)]
    pub pages: Option<u64>,
    /// What a relative path in the options is relative to.
    #[serde(default)]
    pub folder: PathBuf,
}

/// One column of a table at a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnSpec {
    /// Its name here.
    pub name: String,
    /// Its name at the source.
    pub remote: String,
    /// Its type here.
    #[serde(with = "type_name")]
    pub pg_type: PgType,
    /// Its type at the source, in the source's words; empty when not known.
    #[serde(default)]
    pub remote_type: String,
    /// The collation at the source, in the source's words; empty for none or the default.
    #[serde(default)]
    pub collation: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Its comment at the source.
    #[serde(default)]
    pub comment: Option<String>,
    /// The column's options.
    #[serde(default)]
    pub options: Options,
}

impl ColumnSpec {
    /// A nullable column that has the same name here and at the source.
    pub fn new(name: impl Into<String>, pg_type: PgType) -> Self {
        let name = name.into();
        ColumnSpec {
            remote: name.clone(),
            name,
            pg_type,
            remote_type: String::new(),
            collation: String::new(),
            nullable: true,
            comment: None,
            options: Options::new(),
        }
    }
}

impl TableSpec {
    /// The table's schema here.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.columns.iter().map(|c| c.pg_type.field(&c.name, c.nullable)).collect::<Vec<_>>()))
    }

    /// A column by its name here.
    pub fn column(&self, name: &str) -> Option<&ColumnSpec> {
        self.columns.iter().find(|c| c.name == name)
    }
}

mod type_name {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::catalog::types::PgType;

    pub fn serialize<S: Serializer>(pg_type: &PgType, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&pg_type.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PgType, D::Error> {
        let name = String::deserialize(deserializer)?;
        PgType::parse(&name).ok_or_else(|| serde::de::Error::custom(format!("no such type: {name}")))
    }
}
