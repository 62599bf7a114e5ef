//! Columns that stand in folders' names, as in `year=2024/month=01/`: their values, and the files they rule out.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::Session;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result as DfResult;
use datafusion::logical_expr::{Expr, Operator};
use datafusion::scalar::ScalarValue;

use super::builder::ColumnBuilder;
use super::format::FormatOptions;
use super::listing::DataFile;
use super::pattern::hive_values;
use crate::error::{Error, Result, SqlState};
use crate::sources::table::{ColumnSpec, TableSpec};

/// What a column's remote type says when it stands in folders' names.
pub const PARTITION: &str = "partition";

/// A file with the values of its folders, one for each of [`Partitions::columns`].
#[derive(Clone, Debug)]
pub struct PartitionedFile {
    /// The file.
    pub file: DataFile,
    /// The values.
    pub values: Vec<ScalarValue>,
}

/// A table's files with their folders' values.
#[derive(Debug)]
pub struct Partitions {
    /// Which of the table's columns stand in folders' names.
    pub columns: Vec<usize>,
    /// The files.
    pub files: Vec<PartitionedFile>,
}

/// The name of a column in the file.
pub fn remote_name(column: &ColumnSpec) -> &str {
    column.options.get("column_name").unwrap_or(&column.remote)
}

/// Whether a column is known to stand in folders' names before any file was listed.
pub fn is_known(column: &ColumnSpec, options: &FormatOptions) -> bool {
    match &options.partitions {
        Some(names) => names.iter().any(|name| name == remote_name(column)),
        None => column.remote_type == PARTITION,
    }
}

/// The keys of the folders that every one of these files lies in, in order.
pub fn keys(files: &[DataFile], options: &FormatOptions) -> Vec<String> {
    if let Some(names) = &options.partitions {
        return names.clone();
    }
    let Some((first, rest)) = files.split_first() else { return vec![] };
    let mut keys: Vec<String> = vec![];
    for (key, _) in hive_values(&first.name) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    for file in rest {
        if keys.is_empty() {
            break;
        }
        let own = hive_values(&file.name);
        keys.retain(|key| own.iter().any(|(k, _)| k == key));
    }
    keys
}

impl Partitions {
    /// Reads the folders of a table's files.
    pub fn new(table: &TableSpec, files: Vec<DataFile>, options: &FormatOptions, server: &str) -> Result<Partitions> {
        let keys = keys(&files, options);
        let columns: Vec<usize> = table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, c)| is_known(c, options) || keys.iter().any(|key| key == remote_name(c)))
            .map(|(index, _)| index)
            .collect();
        if columns.is_empty() {
            let files = files.into_iter().map(|file| PartitionedFile { file, values: vec![] }).collect();
            return Ok(Partitions { columns, files });
        }
        let specs: Vec<&ColumnSpec> = columns.iter().filter_map(|index| table.columns.get(*index)).collect();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(specs.len());
        let folders: Vec<HashMap<String, Option<String>>> =
            files.iter().map(|file| hive_values(&file.name).into_iter().collect()).collect();
        for spec in &specs {
            let mut builder = ColumnBuilder::new(&spec.pg_type, options.zone);
            for (file, folders) in files.iter().zip(&folders) {
                let at = || format!("file \"{}\" of server \"{server}\", column \"{}\"", file.name, spec.name);
                match folders.get(remote_name(spec)) {
                    Some(Some(value)) => {
                        builder.append_text(value).map_err(|e| Error::new(e.state, e.message).with_context(at()))?;
                    }
                    Some(None) if spec.nullable => builder.append_null(),
                    Some(None) => {
                        return Err(Error::new(
                            SqlState::NOT_NULL_VIOLATION,
                            format!("null value in column \"{}\" violates not-null constraint", spec.name),
                        )
                        .with_context(at()));
                    }
                    None => {
                        return Err(Error::new(
                            SqlState::UNDEFINED_COLUMN,
                            format!(
                                "file \"{}\" of server \"{server}\" lies in no folder \"{}=..\"",
                                file.name,
                                remote_name(spec)
                            ),
                        )
                        .with_hint("Each file must lie in a folder for every name in the option partitions."));
                    }
                }
            }
            arrays.push(builder.finish()?);
        }
        let files = files
            .into_iter()
            .enumerate()
            .map(|(row, file)| {
                let values = arrays.iter().map(|array| ScalarValue::try_from_array(array.as_ref(), row));
                Ok(PartitionedFile { file, values: values.collect::<DfResult<_>>().map_err(internal)? })
            })
            .collect::<Result<_>>()?;
        Ok(Partitions { columns, files })
    }

    /// Drops the files that a filter over folders alone rules out, and gives back the other filters.
    pub fn prune(&mut self, session: &dyn Session, table: &TableSpec, filters: Vec<Expr>) -> Result<Vec<Expr>> {
        let specs: Vec<&ColumnSpec> = self.columns.iter().filter_map(|index| table.columns.get(*index)).collect();
        let is_own = |filter: &Expr| {
            let used = filter.column_refs();
            !used.is_empty() && used.iter().all(|column| specs.iter().any(|spec| spec.name == column.name))
        };
        let (own, other): (Vec<Expr>, Vec<Expr>) = filters.into_iter().partition(is_own);
        if own.is_empty() || self.files.is_empty() {
            return Ok(other);
        }
        let schema = Arc::new(Schema::new(
            specs.iter().map(|spec| spec.pg_type.field(&spec.name, spec.nullable)).collect::<Vec<_>>(),
        ));
        let arrays = (0..specs.len())
            .map(|column| ScalarValue::iter_to_array(self.files.iter().filter_map(|f| f.values.get(column).cloned())))
            .collect::<DfResult<Vec<_>>>()
            .map_err(internal)?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(|e| Error::internal(e.to_string()))?;
        let schema = DFSchema::try_from(schema).map_err(internal)?;
        let mut keep = vec![true; self.files.len()];
        for filter in own {
            let truth = evaluate(session, filter, &schema, &batch)
                .map_err(|e| Error::internal(format!("could not choose files by their folders: {e}")))?;
            let truth =
                truth.as_boolean_opt().ok_or_else(|| Error::internal("a filter over folders gave no truth value"))?;
            keep.iter_mut().zip(truth.iter()).for_each(|(keep, truth)| *keep &= truth == Some(true));
        }
        let mut keep = keep.into_iter();
        self.files.retain(|_| keep.next().unwrap_or(true));
        Ok(other)
    }
}

fn evaluate(session: &dyn Session, filter: Expr, schema: &DFSchema, batch: &RecordBatch) -> DfResult<ArrayRef> {
    let filter = renamed(filter, |name| name.to_string())?;
    session.create_physical_expr(filter, schema)?.evaluate(batch)?.into_array(batch.num_rows())
}

/// A filter with other column names, none of them qualified.
pub fn renamed(filter: Expr, name: impl Fn(&str) -> String) -> DfResult<Expr> {
    let renamed = filter.transform(|expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::new_unqualified(name(&column.name)))),
            other => Transformed::no(other),
        })
    })?;
    Ok(renamed.data)
}

/// Whether a predicate compares columns with values and nothing else.
pub fn is_simple(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) | Expr::Literal(..) => true,
        Expr::BinaryExpr(binary) => {
            let known = matches!(
                binary.op,
                Operator::Eq
                    | Operator::NotEq
                    | Operator::Lt
                    | Operator::LtEq
                    | Operator::Gt
                    | Operator::GtEq
                    | Operator::And
                    | Operator::Or
            );
            known && is_simple(&binary.left) && is_simple(&binary.right)
        }
        Expr::Not(inner) | Expr::IsNull(inner) | Expr::IsNotNull(inner) => is_simple(inner),
        Expr::Between(between) => is_simple(&between.expr) && is_simple(&between.low) && is_simple(&between.high),
        Expr::InList(list) => is_simple(&list.expr) && list.list.iter().all(is_simple),
        Expr::Like(like) => !like.case_insensitive && is_simple(&like.expr) && is_simple(&like.pattern),
        _ => false,
    }
}

fn internal(error: datafusion::error::DataFusionError) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use object_store::ObjectMeta;
    use object_store::path::Path;

    use super::*;
    use crate::catalog::types::PgType;
    use crate::sources::options::Options;

    fn file(name: &str) -> DataFile {
        let meta = ObjectMeta {
            location: Path::from(name),
            last_modified: DateTime::UNIX_EPOCH,
            size: 1,
            e_tag: None,
            version: None,
        };
        DataFile { meta, name: name.to_string() }
    }

    #[test]
    fn folders_become_columns() {
        let files = vec![file("e/year=2024/m=1/a.csv"), file("e/year=__HIVE_DEFAULT_PARTITION__/b.csv")];
        let options = FormatOptions::new(&Options::new(), &Options::new()).unwrap();
        assert_eq!(keys(&files, &options), vec!["year"]);
        let table = TableSpec {
            columns: vec![ColumnSpec::new("id", PgType::Int8), ColumnSpec::new("year", PgType::Int4)],
            ..TableSpec::default()
        };
        let found = Partitions::new(&table, files.clone(), &options, "lake").unwrap();
        assert_eq!(found.columns, vec![1]);
        let values: Vec<_> = found.files.iter().map(|f| f.values.clone()).collect();
        assert_eq!(values, vec![vec![ScalarValue::Int32(Some(2024))], vec![ScalarValue::Int32(None)]]);

        let named: Options = [("partitions", "m")].into_iter().collect();
        let options = FormatOptions::new(&named, &Options::new()).unwrap();
        let table = TableSpec { columns: vec![ColumnSpec::new("m", PgType::Text)], ..table };
        let error = Partitions::new(&table, files, &options, "lake").unwrap_err();
        assert_eq!(error.state(), SqlState::UNDEFINED_COLUMN);
    }
}
