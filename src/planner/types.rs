//! Types in SQL mean Postgres's types: `timestamp` in microseconds, bare `numeric` as numeric(38,10).

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, TimezoneInfo};

use crate::catalog::types::PgType;
use crate::error::{Error, SqlState};

/// The most characters that `varchar(n)` and `char(n)` may be declared with, as in Postgres.
const LONGEST: u32 = 10_485_760;

/// The name of the field that a cast to `text` is planned with. DataFusion takes a field without a name and without
/// metadata for a bare Arrow type, and hands on what the metadata of the value says: `id::text` would be a `uuid` still.
const TEXT: &str = "text";

/// The field of a cast whose value was of the type `from`: that of a cast to text says that the value is text where the
/// value's own metadata says otherwise, and is a bare type everywhere else, so that casts are alike whoever made them.
pub(super) fn cast_field(field: FieldRef, from: Option<&PgType>) -> FieldRef {
    let said = matches!(from, Some(PgType::Uuid | PgType::Json | PgType::Jsonb));
    if said || field.name() != TEXT || !field.metadata().is_empty() {
        return field;
    }
    Arc::new(Field::clone(&field).with_name(""))
}

/// Plans the types that [`PgType`] knows, asks `next` about others (such as `regclass`).
#[derive(Debug)]
pub struct PgTypePlanner {
    next: Option<Arc<dyn TypePlanner>>,
}

impl PgTypePlanner {
    /// A planner that asks `next` about types that are not in [`PgType`].
    pub fn new(next: Option<Arc<dyn TypePlanner>>) -> Self {
        PgTypePlanner { next }
    }
}

/// 22023 for a text that would be longer than Postgres lets one be declared.
fn wrong_length(pg_type: &PgType) -> Option<Error> {
    let (name, length) = match pg_type {
        PgType::Varchar(Some(length)) => ("varchar", *length),
        PgType::Bpchar(Some(length)) => ("char", *length),
        _ => return None,
    };
    let bound = match length {
        0 => "must be at least 1".to_string(),
        1..=LONGEST => return None,
        _ => format!("cannot exceed {LONGEST}"),
    };
    Some(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("length for type {name} {bound}")))
}

impl TypePlanner for PgTypePlanner {
    fn plan_type_field(&self, sql_type: &SqlType) -> DfResult<Option<FieldRef>> {
        let named = match sql_type {
            SqlType::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Some(PgType::Timestamp),
            SqlType::Timestamp(_, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => Some(PgType::TimestampTz),
            SqlType::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => Some(PgType::Time),
            SqlType::Interval { .. } => Some(PgType::Interval),
            SqlType::Text | SqlType::String(_) => Some(PgType::Text),
            SqlType::Custom(name, modifiers) => {
                let mut text = name.0.last().map(ToString::to_string).unwrap_or_default();
                if !modifiers.is_empty() {
                    text = format!("{text}({})", modifiers.join(","));
                }
                PgType::parse(&text)
            }
            other => PgType::parse(&other.to_string()),
        };
        if let Some(error) = named.as_ref().and_then(|named| wrong_length(named).or_else(|| named.fault())) {
            return Err(error.into());
        }
        match named {
            Some(PgType::Text) => Ok(Some(Arc::new(PgType::Text.field(TEXT, true)))),
            Some(pg_type) => Ok(Some(Arc::new(pg_type.field("", true)))),
            None => match &self.next {
                Some(next) => next.plan_type_field(sql_type),
                None => Ok(None),
            },
        }
    }
}
