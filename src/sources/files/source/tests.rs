//! Whole scans of files in a temporary folder.

use std::fs;

use datafusion::arrow::array::{Array, ArrayRef, Int64Array, StringArray, TimestampNanosecondArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::physical_plan::collect;
use datafusion::prelude::{SessionContext, col, lit};
use tempfile::TempDir;

use super::*;
use crate::catalog::types::PgType;
use crate::error::SqlState;
use crate::sources::table::ColumnSpec;

fn source(folder: &TempDir) -> FilesSource {
    FilesSource::open(&ServerSpec {
        name: "lake".to_string(),
        options: [("location", ".")].into_iter().collect(),
        user: Options::new(),
        folder: folder.path().to_path_buf(),
        sockets: None,
    })
    .unwrap()
}

fn table(options: &[(&str, &str)], columns: Vec<ColumnSpec>) -> TableSpec {
    TableSpec { name: "t".to_string(), options: options.iter().copied().collect(), columns, ..TableSpec::default() }
}

fn columns(table: &TableSpec) -> Vec<(String, String)> {
    table.columns.iter().map(|c| (c.name.clone(), c.pg_type.to_string())).collect()
}

/// The rows as text, with `~` for null.
async fn rows(
    source: &FilesSource,
    table: &TableSpec,
    filters: Vec<Expr>,
    limit: Option<usize>,
) -> Result<Vec<String>, DataFusionError> {
    let context = SessionContext::new();
    let table = Arc::new(table.clone());
    let request = ScanRequest { projection: (0..table.columns.len()).collect(), filters, limit };
    let plan = source.scan(&context.state(), &table, request).await?;
    assert_eq!(plan.schema(), table.schema());
    let mut all = vec![];
    for batch in collect(plan, context.task_ctx()).await? {
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|column| {
                if column.is_null(row) { "~".to_string() } else { array_value_to_string(column, row).unwrap() }
            });
            all.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    Ok(all)
}

fn state(error: DataFusionError) -> SqlState {
    match error.find_root() {
        DataFusionError::External(inner) => inner.downcast_ref::<Error>().unwrap().state(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn csv_is_inferred_and_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "id,Zip code,ok\n1,01067,true\n2,,\n3,\"\",false\n").unwrap();
    let source = source(&folder);
    let table = source.describe(&table(&[("path", "a.csv")], vec![])).await.unwrap();
    let expected = [("id", "bigint"), ("Zip code", "text"), ("ok", "boolean")];
    assert_eq!(columns(&table), expected.map(|(a, b)| (a.to_string(), b.to_string())));
    assert_eq!(rows(&source, &table, vec![], None).await.unwrap(), ["1|01067|true", "2|~|~", "3||false"]);
    assert_eq!(rows(&source, &table, vec![], Some(2)).await.unwrap().len(), 2);

    fs::write(folder.path().join("a.csv"), "id,Zip code,ok\n007,x,true\n").unwrap();
    assert_eq!(state(rows(&source, &table, vec![], None).await.unwrap_err()), SqlState::INVALID_TEXT_REPRESENTATION);
    fs::remove_file(folder.path().join("a.csv")).unwrap();
    assert_eq!(state(rows(&source, &table, vec![], None).await.unwrap_err()), SqlState::UNDEFINED_FILE);
}

#[tokio::test]
async fn declared_csv_is_read_by_name_and_by_position() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "ID;Amount\n1;2.50\n").unwrap();
    let source = source(&folder);
    let amount = ColumnSpec::new("amount", PgType::Numeric(Some((10, 2))));
    let named = table(&[("path", "a.csv"), ("delimiter", ";")], vec![amount.clone()]);
    assert_eq!(rows(&source, &named, vec![], None).await.unwrap(), ["2.50"]);
    let missing = table(&[("path", "a.csv"), ("delimiter", ";")], vec![ColumnSpec::new("x", PgType::Text)]);
    assert_eq!(state(rows(&source, &missing, vec![], None).await.unwrap_err()), SqlState::UNDEFINED_COLUMN);
    let by_position = table(
        &[("path", "a.csv"), ("delimiter", ";"), ("header", "false"), ("comment", "I")],
        vec![ColumnSpec::new("n", PgType::Int4), amount],
    );
    assert_eq!(rows(&source, &by_position, vec![], None).await.unwrap(), ["1|2.50"]);
}

#[tokio::test]
async fn json_is_inferred_and_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), r#"[{"n":1,"at":"2024-01-01T00:00:00Z"},{"s":{"a":1.10},"n":null}]"#)
        .unwrap();
    let source = source(&folder);
    let table = source.describe(&table(&[("path", "a.json")], vec![])).await.unwrap();
    let expected = [("n", "bigint"), ("at", "timestamp with time zone"), ("s", "json")];
    assert_eq!(columns(&table), expected.map(|(a, b)| (a.to_string(), b.to_string())));
    let expected = ["1|2024-01-01T00:00:00Z|~", "~|~|{\"a\":1.10}"];
    assert_eq!(rows(&source, &table, vec![], None).await.unwrap(), expected);
}

fn parquet(folder: &TempDir, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[tokio::test]
async fn parquet_is_read_with_its_folders() {
    let folder = tempfile::tempdir().unwrap();
    let ids = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let names: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None]));
    let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1_500, 2_000]));
    parquet(&folder, "e/year=2023/1.parquet", vec![("id", ids(vec![1, 2])), ("name", names), ("at", times)]);
    parquet(&folder, "e/year=2024/1.parquet", vec![("id", ids(vec![3]))]);
    let source = source(&folder);
    let table = source.describe(&table(&[("path", "e/")], vec![])).await.unwrap();
    let expected = [("id", "bigint"), ("name", "text"), ("at", "timestamp without time zone"), ("year", "text")];
    assert_eq!(columns(&table), expected.map(|(a, b)| (a.to_string(), b.to_string())));
    let mut all = rows(&source, &table, vec![], None).await.unwrap();
    all.sort();
    let expected = ["1|x|1970-01-01T00:00:00.000001|2023", "2|~|1970-01-01T00:00:00.000002|2023", "3|~|~|2024"];
    assert_eq!(all, expected);

    let year = col("year").eq(lit("2024"));
    assert_eq!(source.filter_support(&table, &year), TableProviderFilterPushDown::Exact);
    assert_eq!(source.filter_support(&table, &col("id").eq(lit(1i64))), TableProviderFilterPushDown::Inexact);
    assert_eq!(rows(&source, &table, vec![year], None).await.unwrap(), ["3|~|~|2024"]);
    let declared = TableSpec {
        columns: vec![
            ColumnSpec { remote: "id".to_string(), ..ColumnSpec::new("key", PgType::Text) },
            ColumnSpec { remote: "name".to_string(), nullable: false, ..ColumnSpec::new("label", PgType::Text) },
        ],
        ..table
    };
    assert_eq!(state(rows(&source, &declared, vec![], Some(2)).await.unwrap_err()), SqlState::NOT_NULL_VIOLATION);
}
