//! One table of sales, made by the same arithmetic in PostgreSQL and in a Parquet file.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;

use super::support::Project;
use super::support::postgres::Postgres;

/// The columns of the table.
pub const COLUMNS: &str = "id, name, amount, at, weight";

/// Rows of a group of the file, as DuckDB writes them. A reader holds the groups that it reads as a whole, so that memory
/// follows their size.
const ROW_GROUP: usize = 122_880;

/// What shows that all rows came.
pub fn sum_of_ids(rows: u64) -> u64 {
    rows * (rows + 1) / 2
}

/// The table in PostgreSQL, with nothing left to do for whoever reads it first.
pub fn fill_postgres(postgres: &Postgres, name: &str, rows: u64) {
    postgres.sql(&format!(
        "CREATE TABLE {name} (id bigint, name text, amount numeric(10,2), at timestamptz, weight double precision);
         INSERT INTO {name} SELECT i, CASE WHEN i % 50 <> 0 THEN 'Müşteri 客户 ' || i END,
             (CASE WHEN i % 7 = 0 THEN -1 ELSE 1 END * (i * 48271 % 100000003))::numeric / 100,
             timestamptz '2020-01-01 00:00:00+00' + i * interval '1234567 microseconds', i::double precision / 7
           FROM generate_series(1::bigint, {rows}) AS i;
         VACUUM (FREEZE, ANALYZE) {name}; CHECKPOINT;"
    ));
}

/// A project with tables of these names and numbers of rows, each a Parquet file.
pub fn project(tables: &[(&str, u64)]) -> Project {
    let mut sql = "CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location '.');\n".to_string();
    for (name, _) in tables {
        sql += &format!("CREATE FOREIGN TABLE {name} SERVER lake OPTIONS (path '{name}.parquet');\n");
    }
    let project = Project::new(&sql);
    for (name, rows) in tables {
        write(&project.path().join(format!("{name}.parquet")), *rows);
    }
    project
}

fn write(path: &Path, rows: u64) {
    const BATCH: i64 = 100_000;
    let rows = i64::try_from(rows).expect("a number of rows");
    let mut writer: Option<ArrowWriter<File>> = None;
    let mut first = 1;
    while first <= rows {
        let batch = batch(first, BATCH.min(rows - first + 1));
        let writer = writer.get_or_insert_with(|| {
            let groups = WriterProperties::builder().set_max_row_group_row_count(Some(ROW_GROUP)).build();
            let file = File::create(path).expect("a file");
            ArrowWriter::try_new(file, batch.schema(), Some(groups)).expect("a writer")
        });
        writer.write(&batch).expect("rows");
        first += BATCH;
    }
    writer.expect("rows").close().expect("a whole file");
}

fn batch(first: i64, count: i64) -> RecordBatch {
    let ids = first..first + count;
    let names: StringArray = ids.clone().map(|i| (i % 50 != 0).then(|| format!("Müşteri 客户 {i}"))).collect();
    let amounts = ids.clone().map(|i| {
        let sign = if i % 7 == 0 { -1 } else { 1 };
        i128::from(sign * (i * 48_271 % 100_000_003))
    });
    let amounts = Decimal128Array::from_iter_values(amounts).with_precision_and_scale(10, 2).expect("a decimal");
    let at = ids.clone().map(|i| 1_577_836_800_000_000 + i * 1_234_567);
    let columns: [(&str, ArrayRef); 5] = [
        ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("name", Arc::new(names)),
        ("amount", Arc::new(amounts)),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC"))),
        ("weight", Arc::new(Float64Array::from_iter_values(ids.map(|i| i as f64 / 7.0)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("a batch")
}
