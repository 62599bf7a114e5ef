//! Rows as their table takes them: of its types, without nulls where there are none, each key once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::CastOptions;
use datafusion::arrow::compute::{cast_with_options, concat_batches};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::DFSchema;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use datafusion::scalar::ScalarValue;
use datafusion::sql::parser::DFParserBuilder;

use super::precision::rounded;
use crate::catalog::blanks::without_blanks;
use crate::catalog::definitions::{LocalTableDef, RelationName};
use crate::catalog::types::PgType;
use crate::ddl::dialect::PgDialect;
use crate::error::{Error, Result, SqlState, Subject};
use crate::values::{Zone, read_text, text_values};

/// The schema of a local table. Every column may be null in it: NOT NULL is checked by us, with Postgres's message.
pub(in crate::engine) fn schema(table: &LocalTableDef) -> SchemaRef {
    let fields: Vec<_> = table.columns.iter().map(|c| c.pg_type().field(&c.name, true)).collect();
    Arc::new(Schema::new(fields))
}

/// The columns' defaults as expressions.
pub(in crate::engine) fn defaults(table: &LocalTableDef, state: &SessionState) -> Result<HashMap<String, Expr>> {
    let empty = DFSchema::empty();
    table
        .columns
        .iter()
        .filter_map(|column| column.default.as_ref().map(|sql| (column.name.clone(), sql)))
        .map(|(name, sql)| {
            let parsed = DFParserBuilder::new(sql.as_str()).with_dialect(&PgDialect).build()?.parse_into_expr()?;
            Ok((name, state.create_logical_expr_from_sql_expr(parsed, &empty)?))
        })
        .collect()
}

/// Rows as one batch of the table's own schema.
pub(in crate::engine) fn conform(batches: &[RecordBatch], table: &LocalTableDef) -> Result<RecordBatch> {
    let schema = schema(table);
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let mut converted = Vec::with_capacity(batches.len());
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .zip(schema.fields())
            .zip(&table.columns)
            .map(|((column, field), declared)| {
                let column = cast_with_options(column, field.data_type(), &options)?;
                check_texts(&column, &PgType::of_field(field))?;
                Ok(match PgType::of_field(field) {
                    PgType::Bpchar(_) => without_blanks(&column),
                    kind @ (PgType::Jsonb | PgType::Uuid | PgType::Name | PgType::Char) => normal(&column, &kind)?,
                    _ => rounded(column, declared)?,
                })
            })
            .collect::<Result<Vec<ArrayRef>>>()?;
        converted.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
    }
    Ok(concat_batches(&schema, &converted)?)
}

/// Refuses texts that are no value of the column's type: too long (22001), no uuid, no JSON (22P02).
fn check_texts(column: &ArrayRef, kind: &PgType) -> Result<()> {
    let limit = match kind {
        PgType::Varchar(Some(limit)) | PgType::Bpchar(Some(limit)) => Some(*limit as usize),
        PgType::Uuid | PgType::Json | PgType::Jsonb => None,
        _ => return Ok(()),
    };
    let zone = Zone::parse("UTC").ok_or_else(|| Error::internal("there is no time zone UTC"))?;
    for text in column.as_string_view().iter().flatten() {
        match limit {
            // Blanks at the end may be cut, as the standard says.
            Some(limit) if text.trim_end_matches(' ').chars().count() > limit => {
                return Err(Error::new(SqlState("22001"), format!("value too long for type {kind}")));
            }
            Some(_) => {}
            None => drop(read_text(kind, text, zone)?),
        }
    }
    Ok(())
}

/// Texts in the one form that values of their type have.
fn normal(column: &ArrayRef, kind: &PgType) -> Result<ArrayRef> {
    let read = |text: &str| match read_text(kind, text, Zone::UTC)? {
        ScalarValue::Utf8View(Some(text)) => Ok(text),
        _ => Err(Error::internal(format!("a value of {kind} is no text"))),
    };
    let values = column.as_string_view().iter().map(|text| text.map(read).transpose()).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(StringViewArray::from_iter(values)))
}

pub(in crate::engine) fn check_nulls(rows: &RecordBatch, relation: &RelationName, table: &LocalTableDef) -> Result<()> {
    for (column, values) in table.columns.iter().zip(rows.columns()) {
        if !column.nullable && values.null_count() > 0 {
            return Err(Error::new(
                SqlState::NOT_NULL_VIOLATION,
                format!(
                    "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                    column.name, relation.name
                ),
            )
            .with_subject(Subject {
                schema: relation.schema.clone(),
                table: relation.name.clone(),
                column: Some(column.name.clone()),
                constraint: None,
            }));
        }
    }
    Ok(())
}

/// Refuses rows that have the same key.
pub(in crate::engine) fn check_keys<'a>(
    batches: impl Iterator<Item = &'a RecordBatch> + Clone,
    relation: &RelationName,
    table: &LocalTableDef,
) -> Result<()> {
    match first_duplicate(batches, relation, table)? {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// The first row that has a key which a row before it has, and the error that says so. A key with a null in it is equal
/// to none, as in Postgres.
pub(in crate::engine) fn first_duplicate<'a>(
    batches: impl Iterator<Item = &'a RecordBatch> + Clone,
    relation: &RelationName,
    table: &LocalTableDef,
) -> Result<Option<(usize, Error)>> {
    let primary = (!table.primary_key.is_empty()).then_some(("pkey", &table.primary_key));
    let keys = primary.into_iter().chain(table.unique_keys.iter().map(|key| ("key", key)));
    let mut first: Option<(usize, Error)> = None;
    for (suffix, key) in keys {
        let mut seen = HashSet::new();
        let Some(indexes) =
            key.iter().map(|name| table.columns.iter().position(|c| c.name == *name)).collect::<Option<Vec<usize>>>()
        else {
            continue;
        };
        let types = schema(table);
        let fields = indexes.iter().map(|i| SortField::new(types.field(*i).data_type().clone())).collect();
        let converter = RowConverter::new(fields)?;
        let mut before = 0;
        'key: for batch in batches.clone() {
            let columns: Vec<ArrayRef> = indexes.iter().map(|i| Arc::clone(batch.column(*i))).collect();
            let rows = converter.convert_columns(&columns)?;
            for row in 0..batch.num_rows() {
                if columns.iter().any(|c| c.is_null(row)) {
                    continue;
                }
                if first.as_ref().is_some_and(|(found, _)| before + row >= *found) {
                    break 'key;
                }
                if !seen.insert(rows.row(row).owned()) {
                    first = Some((before + row, duplicate(relation, key, suffix, &columns, row)?));
                    break 'key;
                }
            }
            before += batch.num_rows();
        }
    }
    Ok(first)
}

fn duplicate(relation: &RelationName, key: &[String], suffix: &str, columns: &[ArrayRef], row: usize) -> Result<Error> {
    let named: Vec<(String, ArrayRef)> =
        columns.iter().enumerate().map(|(i, c)| (i.to_string(), c.slice(row, 1))).collect();
    let shown = text_values(&RecordBatch::try_from_iter(named)?, "UTC")?;
    let values: Vec<String> = shown.into_iter().flatten().map(Option::unwrap_or_default).collect();
    let name = if suffix == "pkey" {
        format!("{}_pkey", relation.name)
    } else {
        format!("{}_{}_key", relation.name, key.join("_"))
    };
    Ok(Error::new(SqlState::UNIQUE_VIOLATION, format!("duplicate key value violates unique constraint \"{name}\""))
        .with_detail(format!("Key ({})=({}) already exists.", key.join(", "), values.join(", ")))
        .with_subject(Subject {
            schema: relation.schema.clone(),
            table: relation.name.clone(),
            column: None,
            constraint: Some(name),
        }))
}
