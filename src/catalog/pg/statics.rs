//! The rows that are the same in every database: types, built-in functions, operators, casts.
//!
//! They come from datafusion-pg-catalog, which read them out of a newer PostgreSQL; here they are brought into the
//! columns of PostgreSQL 15, with arrays as arrays.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Int32Type, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion_pg_catalog::pg_catalog::{ArrowTable, PgCatalogStaticTables};

use super::callable;
use super::rows::{Cell, array};
use super::shapes::{self, Shape};

/// The unchanging rows, read once.
#[derive(Debug)]
pub struct Statics {
    tables: HashMap<&'static str, RecordBatch>,
    /// The words of `pg_get_keywords()`.
    pub keywords: Arc<ArrowTable>,
    types: Types,
    procs: HashMap<i64, usize>,
    /// Rows of `pg_description` by object, class and column.
    described: HashMap<(i64, i64, i64), usize>,
}

/// `pg_type`, for looking names up.
#[derive(Debug, Default)]
struct Types {
    by_oid: HashMap<i64, (String, i64, bool)>,
    by_name: HashMap<String, i32>,
}

impl Statics {
    /// The unchanging rows. They are part of this program, so this fails only if that is broken.
    pub fn get() -> Result<&'static Statics> {
        static STATICS: OnceLock<Result<Statics, String>> = OnceLock::new();
        STATICS
            .get_or_init(|| Statics::read().map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|error| DataFusionError::Internal(error.clone()))
    }

    fn read() -> Result<Statics> {
        let source = PgCatalogStaticTables::try_new()?;
        let kept: [(&'static str, &Arc<ArrowTable>); 20] = [
            ("pg_aggregate", &source.pg_aggregate),
            ("pg_am", &source.pg_am),
            ("pg_amop", &source.pg_amop),
            ("pg_amproc", &source.pg_amproc),
            ("pg_cast", &source.pg_cast),
            ("pg_collation", &source.pg_collation),
            ("pg_conversion", &source.pg_conversion),
            ("pg_description", &source.pg_description),
            ("pg_language", &source.pg_language),
            ("pg_opclass", &source.pg_opclass),
            ("pg_operator", &source.pg_operator),
            ("pg_opfamily", &source.pg_opfamily),
            ("pg_proc", &source.pg_proc),
            ("pg_range", &source.pg_range),
            ("pg_tablespace", &source.pg_tablespace),
            ("pg_ts_config", &source.pg_ts_config),
            ("pg_ts_dict", &source.pg_ts_dict),
            ("pg_ts_parser", &source.pg_ts_parser),
            ("pg_ts_template", &source.pg_ts_template),
            ("pg_type", &source.pg_type),
        ];
        let mut tables = HashMap::new();
        for (name, table) in kept {
            if let Some(shape) = shapes::pg_catalog().get(name) {
                let rows = reshape(shape, table)?;
                tables.insert(name, if name == "pg_proc" { callable::owned(&rows)? } else { rows });
            }
        }
        let types = tables.get("pg_type").map(types).transpose()?.unwrap_or_default();
        let procs = match tables.get("pg_proc") {
            Some(batch) => {
                let oids = ints(batch, "oid")?;
                (0..batch.num_rows()).filter_map(|row| Some((oids.get(row).copied().flatten()?, row))).collect()
            }
            None => HashMap::new(),
        };
        let mut described = HashMap::new();
        if let Some(batch) = tables.get("pg_description") {
            let (objects, classes) = (ints(batch, "objoid")?, ints(batch, "classoid")?);
            for (row, (parts, column)) in objects.into_iter().zip(classes).zip(ints(batch, "objsubid")?).enumerate() {
                if let ((Some(object), Some(class)), Some(column)) = (parts, column) {
                    described.insert((object, class, column), row);
                }
            }
        }
        Ok(Statics { tables, keywords: Arc::clone(&source.pg_get_keywords), types, procs, described })
    }

    /// The unchanging rows of a table.
    pub fn table(&self, name: &str) -> Option<&RecordBatch> {
        self.tables.get(name)
    }

    /// A type's name in words, as `format_type` gives it, without a modifier. Null for an OID that is no type.
    pub fn type_name(&self, oid: i64) -> Option<String> {
        if let Some(known) = u32::try_from(oid).ok().and_then(crate::catalog::types::PgType::from_oid) {
            // `character` is how Postgres prints bpchar without a length.
            return Some(known.to_string().replace("bpchar", "character"));
        }
        let (name, element, is_array) = self.types.by_oid.get(&oid)?;
        if *is_array {
            return Some(format!("{}[]", self.type_name(*element)?));
        }
        Some(match name.as_str() {
            "bit" => "bit".to_string(),
            "varbit" => "bit varying".to_string(),
            "timetz" => "time with time zone".to_string(),
            "any" => "\"any\"".to_string(),
            other => other.to_string(),
        })
    }

    /// A type's OID by its name in `pg_type`; an array as `_name` or `name[]`.
    pub fn type_oid(&self, name: &str) -> Option<i32> {
        match name.strip_suffix("[]") {
            Some(element) => self.types.by_name.get(&format!("_{element}")).copied(),
            None => self.types.by_name.get(name).copied(),
        }
    }

    /// A built-in function's row in `pg_proc`.
    pub fn proc_row(&self, oid: i64) -> Option<(&RecordBatch, usize)> {
        Some((self.tables.get("pg_proc")?, *self.procs.get(&oid)?))
    }

    /// A built-in function's OID by its name; the first one of several.
    pub fn proc_oid(&self, name: &str) -> Option<i32> {
        let batch = self.tables.get("pg_proc")?;
        let names = batch.column_by_name("proname")?.as_string_view_opt()?;
        let row = (0..names.len()).find(|row| names.value(*row) == name)?;
        Some(batch.column_by_name("oid")?.as_primitive_opt::<Int32Type>()?.value(row))
    }

    /// The built-in description of an object. Without a class, a function's or a type's.
    pub fn description(&self, object: i64, class: Option<i64>, column: i64) -> Option<String> {
        let row = match class {
            Some(class) => self.described.get(&(object, class, column)),
            None => [1255, 1247].iter().find_map(|class| self.described.get(&(object, *class, column))),
        };
        text(self.tables.get("pg_description")?, "description", *row?)
    }
}

/// A text cell of a batch; null for NULL and for a column that is not there.
pub fn text(batch: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let values = batch.column_by_name(column)?.as_string_view_opt()?;
    (row < values.len() && values.is_valid(row)).then(|| values.value(row).to_string())
}

/// A whole-number cell of a batch.
pub fn int(batch: &RecordBatch, column: &str, row: usize) -> Option<i64> {
    let values = batch.column_by_name(column)?;
    if row >= values.len() || values.is_null(row) {
        return None;
    }
    let wide = cast(&values.slice(row, 1), &DataType::Int64).ok()?;
    let wide = wide.as_primitive_opt::<datafusion::arrow::datatypes::Int64Type>()?;
    Some(wide.value(0))
}

fn ints(batch: &RecordBatch, column: &str) -> Result<Vec<Option<i64>>> {
    let Some(values) = batch.column_by_name(column) else { return Ok(vec![]) };
    let wide = cast(values, &DataType::Int64)?;
    Ok(wide
        .as_primitive_opt::<datafusion::arrow::datatypes::Int64Type>()
        .map(|values| values.iter().collect())
        .unwrap_or_default())
}

fn types(batch: &RecordBatch) -> Result<Types> {
    let (oids, elements) = (ints(batch, "oid")?, ints(batch, "typelem")?);
    let mut types = Types::default();
    for row in 0..batch.num_rows() {
        let (Some(Some(oid)), Some(name)) = (oids.get(row), text(batch, "typname", row)) else { continue };
        let element = elements.get(row).copied().flatten().unwrap_or_default();
        let is_array = text(batch, "typcategory", row).as_deref() == Some("A") && name.starts_with('_');
        types.by_name.insert(name.clone(), i32::try_from(*oid).unwrap_or_default());
        types.by_oid.insert(*oid, (name, element, is_array));
    }
    Ok(types)
}

/// Brings a table into the columns of PostgreSQL 15: by name, cast, what is missing blank.
fn reshape(shape: &'static Shape, table: &ArrowTable) -> Result<RecordBatch> {
    let source_schema: SchemaRef = table.schema();
    let source = concat_batches(&source_schema, table.data())?;
    let mut columns: Vec<ArrayRef> = vec![];
    for (column, field) in shape.columns.iter().zip(shape.schema.fields()) {
        let newer_name = match column.name {
            "colliculocale" => "colllocale",
            name => name,
        };
        let found = source.column_by_name(newer_name);
        columns.push(match (found, field.data_type()) {
            (Some(values), data_type @ DataType::List(_)) if values.data_type() == &DataType::Utf8 => {
                lists(values.as_string::<i32>(), data_type)
            }
            (Some(values), data_type) => cast(values, data_type)?,
            (None, data_type) => {
                let blank = match data_type {
                    DataType::Boolean if column.not_null => Cell::Bool(false),
                    DataType::Int16 | DataType::Int32 | DataType::Int64 if column.not_null => Cell::Int(0),
                    DataType::Utf8View if column.not_null => Cell::Text(String::new()),
                    _ => Cell::Null,
                };
                array(data_type, &vec![&blank; source.num_rows()])
            }
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(source.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(&shape.schema), columns, &options)?)
}

/// Arrays that stand as text: `{a,b}`, `['a', 'b']` or a vector `1 2`. None of the catalog's holds a comma or a space
/// inside an item.
fn lists(values: &StringArray, data_type: &DataType) -> ArrayRef {
    let numbers = matches!(data_type, DataType::List(item) if item.data_type() != &DataType::Utf8View);
    let cells: Vec<Cell> = values
        .iter()
        .map(|value| {
            let Some(value) = value else { return Cell::Null };
            let inside = value.trim_matches(['{', '}', '[', ']']);
            let items = inside.split([',', ' ']).map(|item| item.trim_matches(['"', '\''])).filter(|i| !i.is_empty());
            if numbers {
                Cell::Ints(items.filter_map(|item| item.parse().ok()).collect())
            } else {
                Cell::Texts(items.map(str::to_string).collect())
            }
        })
        .collect();
    array(data_type, &cells.iter().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_static_rows_are_read() {
        let statics = Statics::get().unwrap();
        assert_eq!(statics.type_oid("text"), Some(25));
        assert_eq!(statics.type_oid("int4[]"), Some(1007));
        assert_eq!(statics.type_name(1007).as_deref(), Some("integer[]"));
        assert_eq!(statics.type_name(2206).as_deref(), Some("regtype"));
        assert!(statics.table("pg_type").unwrap().num_rows() > 500);
        assert!(statics.proc_oid("lower").is_some());
    }
}
