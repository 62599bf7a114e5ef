//! Queries in the source's own SQL.

use std::sync::Arc;

use chrono_tz::Tz;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;
use tokio_postgres::types::Type;
use tokio_postgres::{Column, Statement};

use super::decode::{BatchDecoder, ColumnPlan};
use super::dialect::cast_template;
use super::errors::Place;
use super::pool::Pool;
use super::types::is_carried;
use super::{query, read};
use crate::catalog::types::PgType;
use crate::error::{Error, Result};

/// Runs a query on a connection of its own, which cannot write and is closed afterwards: what the query does to
/// its session stays there.
pub(super) async fn run(pool: &Arc<Pool>, text: &str) -> Result<SendableRecordBatchStream> {
    let place = Arc::new(Place::server(pool.server()));
    let mut lease = pool.acquire_own().await?;
    let statement = query::prepare_on(&mut lease, &place, text).await?;
    if statement.columns().is_empty() {
        return Err(Error::unsupported("a raw query must give rows").with_context(place.to_string()));
    }
    let plans: Vec<ColumnPlan> = statement.columns().iter().map(plan).collect();
    let sql = if statement.columns().iter().all(|column| carrier(column).is_some()) {
        text.to_string()
    } else {
        with_casts(text, &statement)
    };
    let schema: SchemaRef =
        Arc::new(Schema::new(plans.iter().map(|plan| plan.target.field(&plan.name, true)).collect::<Vec<_>>()));
    let decoder = BatchDecoder::new(Arc::clone(&place), Arc::clone(&schema), &plans, Tz::UTC)?;
    let started = query::start_on(lease, &place, &sql, &[], &|_| Ok(())).await?;
    let batches = read::batches(started, decoder, place).map_err(DataFusionError::from);
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
}

fn plan(column: &Column) -> ColumnPlan {
    let pg_type = carrier(column).unwrap_or(PgType::Text);
    ColumnPlan { name: column.name().to_string(), wire: pg_type.clone(), target: pg_type, nullable: true, zone: None }
}

/// The type that carries a result column; none for one that must be cast to text.
fn carrier(column: &Column) -> Option<PgType> {
    let pg_type = PgType::from_oid(column.type_().oid())?;
    Some(with_typmod(pg_type, column.type_modifier())).filter(is_carried)
}

/// A numeric with the precision and scale of its type modifier; other types do not need theirs.
fn with_typmod(pg_type: PgType, typmod: i32) -> PgType {
    match pg_type {
        PgType::Numeric(None) if typmod >= 4 => {
            let packed = typmod - 4;
            let precision = u8::try_from(packed >> 16).unwrap_or(u8::MAX);
            // Eleven bits with a sign.
            let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
            PgType::Numeric(Some((precision, i8::try_from(scale).unwrap_or(i8::MIN))))
        }
        PgType::Array(element) => PgType::Array(Box::new(with_typmod(*element, typmod))),
        other => other,
    }
}

/// The query with the columns that are not carried cast to text. Its columns may share names, so they are numbered.
fn with_casts(query: &str, statement: &Statement) -> String {
    let columns = statement.columns();
    let names: Vec<String> = (1..=columns.len()).map(|index| format!("c{index}")).collect();
    let items: Vec<String> = names
        .iter()
        .zip(columns)
        .map(|(name, column)| match carrier(column) {
            Some(_) => name.clone(),
            None => cast_template(name, "text", *column.type_() == Type::INET),
        })
        .collect();
    let query = query.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    // The line break ends a comment that the query may end with.
    format!("SELECT {} FROM ({query}\n) AS q ({})", items.join(", "), names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_and_scale_come_from_the_modifier() {
        let typmod = PgType::Numeric(Some((10, 2))).typmod();
        assert_eq!(with_typmod(PgType::Numeric(None), typmod), PgType::Numeric(Some((10, 2))));
        assert_eq!(with_typmod(PgType::Numeric(None), -1), PgType::Numeric(None));
        let negative = PgType::Numeric(Some((5, -2))).typmod();
        assert_eq!(with_typmod(PgType::Numeric(None), negative), PgType::Numeric(Some((5, -2))));
    }
}
