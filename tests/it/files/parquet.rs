//! Parquet: its types, what is skipped, and folders that are columns.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, ListArray, StringArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::datatypes::Int32Type;
use datafusion::arrow::record_batch::RecordBatch;

use super::super::support::data::parquet;
use super::super::support::pushdown::{TEXT_PREDICATES, UGLY_TEXTS, literals_hold, same_rows};
use super::super::support::{Fixtures, Outcome, block_on};
use super::lake;

pub fn types(_: &Fixtures) -> Outcome {
    let decimals = Decimal128Array::from(vec![Some(-150), None]).with_precision_and_scale(10, 2)?;
    let words: DictionaryArray<Int32Type> = vec![Some("same"), None].into_iter().collect();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1), None, Some(-3)]), None]);
    let columns: Vec<(&str, ArrayRef, &str, &str)> = vec![
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None])), "boolean", "t"),
        ("tiny", Arc::new(Int8Array::from(vec![Some(-128), None])), "smallint", "-128"),
        ("small", Arc::new(Int16Array::from(vec![Some(-32768), None])), "smallint", "-32768"),
        ("whole", Arc::new(Int32Array::from(vec![Some(i32::MIN), None])), "integer", "-2147483648"),
        ("big", Arc::new(Int64Array::from(vec![Some(i64::MAX), None])), "bigint", "9223372036854775807"),
        ("wholeu", Arc::new(UInt32Array::from(vec![Some(u32::MAX), None])), "bigint", "4294967295"),
        ("bigu", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None])), "numeric(20,0)", "18446744073709551615"),
        ("single", Arc::new(Float32Array::from(vec![Some(-0.1), None])), "real", "-0.1"),
        ("dbl", Arc::new(Float64Array::from(vec![Some(f64::INFINITY), None])), "double precision", "Infinity"),
        ("price", Arc::new(decimals), "numeric(10,2)", "-1.50"),
        ("label", Arc::new(StringArray::from(vec![Some("it's \\ 张 😀"), None])), "text", "it's \\ 张 😀"),
        ("word", Arc::new(words), "text", "same"),
        ("raw", Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0u8, 255, 92][..]), None])), "bytea", "\\x00ff5c"),
        ("day", Arc::new(Date32Array::from(vec![Some(2_932_896), None])), "date", "9999-12-31"),
        (
            "clock",
            Arc::new(Time64MicrosecondArray::from(vec![Some(86_399_999_999), None])),
            "time without time zone",
            "23:59:59.999999",
        ),
        (
            "naive",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(-1), None])),
            "timestamp without time zone",
            "1969-12-31 23:59:59.999999",
        ),
        (
            "millis",
            Arc::new(TimestampMillisecondArray::from(vec![Some(1), None])),
            "timestamp without time zone",
            "1970-01-01 00:00:00.001",
        ),
        (
            "instant",
            Arc::new(TimestampMicrosecondArray::from(vec![Some(253_402_300_799_999_999), None]).with_timezone("UTC")),
            "timestamp with time zone",
            "9999-12-31 23:59:59.999999+00",
        ),
        ("numbers", Arc::new(list), "integer[]", "{1,NULL,-3}"),
    ];
    let batch = RecordBatch::try_from_iter(columns.iter().map(|(name, array, ..)| (*name, Arc::clone(array))))?;
    let (_project, onerow) = lake(
        &[("a.parquet", &parquet(&[batch]))],
        "CREATE FOREIGN TABLE a SERVER lake OPTIONS (path 'a.parquet');
         CREATE FOREIGN TABLE declared (big numeric(20,0), label varchar(40), naive timestamptz) SERVER lake
           OPTIONS (path 'a.parquet', format 'parquet', timezone 'Europe/Berlin');",
    );
    for (name, _, pg_type, value) in &columns {
        same!(onerow.sql(&format!("SELECT {name} FROM a"))?, format!("{value}\nNULL"), "{name}");
        let of = format!(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute
              WHERE attrelid = 'a'::regclass AND attname = '{name}'"
        );
        same!(onerow.sql(&of)?, *pg_type, "the type of {name}");
    }
    same!(
        onerow.sql("SELECT * FROM declared WHERE label IS NOT NULL")?,
        "9223372036854775807|it's \\ 张 😀|1969-12-31 22:59:59.999999+00"
    );
    Ok(())
}

pub fn filters(_: &Fixtures) -> Outcome {
    let ids = Int32Array::from((0..UGLY_TEXTS.len() as i32).collect::<Vec<_>>());
    let names = StringArray::from(UGLY_TEXTS.to_vec());
    let texts = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, true),
        ("name", Arc::new(names) as ArrayRef, true),
    ])?;
    let null = RecordBatch::try_new(
        texts.schema(),
        vec![Arc::new(Int32Array::from(vec![1000])), Arc::new(StringArray::from(vec![None::<&str>]))],
    )?;
    let (_project, onerow) = lake(
        &[("a.parquet", &parquet(&[texts, null]))],
        "CREATE FOREIGN TABLE a SERVER lake OPTIONS (path 'a.parquet');",
    );
    block_on(async {
        let client = onerow.client().await;
        same_rows(&client, "a", "id", TEXT_PREDICATES).await?;
        literals_hold(&client, "a").await
    })
}

fn events(year: i32, from: i64, to: i64) -> Result<Vec<u8>, datafusion::arrow::error::ArrowError> {
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from((from..to).collect::<Vec<_>>())) as ArrayRef),
        ("year_was", Arc::new(Int32Array::from(vec![year; (to - from) as usize])) as ArrayRef),
    ])?;
    Ok(parquet(&[batch]))
}

pub fn partitions(_: &Fixtures) -> Outcome {
    let files = [
        ("event/year=2023/month=01/a.parquet", events(2023, 0, 10)?),
        ("event/year=2023/month=02/a.parquet", events(2023, 10, 30)?),
        ("event/year=2024/month=01/a.parquet", events(2024, 30, 60)?),
        ("event/year=2024/month=01/b.parquet", events(2024, 60, 100)?),
        ("event/year=2024/month=01/_b.parquet.tmp", b"not yet whole".to_vec()),
        ("event/year=2024/month=01/.hidden.parquet", b"hidden".to_vec()),
        ("event/_SUCCESS", vec![]),
    ];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (*name, bytes.as_slice())).collect();
    let (_project, onerow) = lake(
        &files,
        "CREATE FOREIGN TABLE event SERVER lake OPTIONS (path 'event');
         CREATE FOREIGN TABLE typed (id bigint, year integer, month text) SERVER lake OPTIONS (path 'event/', format 'parquet');
         CREATE FOREIGN TABLE pattern (id bigint) SERVER lake OPTIONS (path 'event/year=*/month=01/*.parquet');
         CREATE FOREIGN TABLE deep (id bigint) SERVER lake OPTIONS (path '**/b.parquet');
         CREATE FOREIGN TABLE either (id bigint) SERVER lake OPTIONS (path 'event/year=2023/month={01,02}/[a-z].parquet');",
    );
    same!(onerow.sql("SELECT count(*), sum(id) FROM event")?, "100|4950");
    same!(
        onerow.sql(
            "SELECT t.year, t.month, count(*), min(e.year_was) FROM typed t JOIN event e ON e.id = t.id
              GROUP BY t.year, t.month ORDER BY 1, 2"
        )?,
        "2023|01|10|2023\n2023|02|20|2023\n2024|01|70|2024"
    );
    for (sql, count) in [
        ("SELECT count(*) FROM typed WHERE year = 2023", "30"),
        ("SELECT count(*) FROM typed WHERE year > 2023 AND month = '01'", "70"),
        ("SELECT count(*) FROM typed WHERE month = '1'", "0"),
        ("SELECT count(*) FROM typed WHERE year = 2023 AND id < 5", "5"),
        ("SELECT count(*) FROM typed WHERE year = 2023 OR id = 99", "31"),
        ("SELECT count(*) FROM pattern", "80"),
        ("SELECT count(*) FROM deep", "40"),
        ("SELECT count(*) FROM either", "30"),
        ("SELECT count(*) FROM event WHERE id BETWEEN 25 AND 34", "10"),
        ("SELECT count(*) FROM event WHERE id = 1000", "0"),
    ] {
        same!(onerow.sql(sql)?, count, "{sql}");
    }
    // A month with a leading zero stays text where its type is inferred.
    same!(onerow.sql("SELECT DISTINCT month FROM event ORDER BY month")?, "01\n02");
    Ok(())
}

pub fn broken(_: &Fixtures) -> Outcome {
    let whole = events(2024, 0, 1000)?;
    let other = RecordBatch::try_from_iter([("name", Arc::new(StringArray::from(vec!["x"])) as ArrayRef)])?;
    // Its end is that of a Parquet file, and what is before it is none: it is found when statistics are read.
    let mut bent = whole.clone();
    let end = bent.len();
    bent.iter_mut().take(end - 20).skip(end - 120).for_each(|byte| *byte ^= 0x5a);
    let (_project, onerow) = lake(
        &[
            ("mixed/a.parquet", &whole),
            ("mixed/b.parquet", &bent),
            ("text.parquet", b"this is no parquet"),
            ("cut.parquet", &whole[..whole.len() / 2]),
            ("two/a.parquet", &whole),
            ("two/b.parquet", &parquet(&[other])),
        ],
        "CREATE FOREIGN TABLE text (id bigint) SERVER lake OPTIONS (path 'text.parquet');
         CREATE FOREIGN TABLE cut (id bigint) SERVER lake OPTIONS (path 'cut.parquet');
         CREATE FOREIGN TABLE mixed (id bigint) SERVER lake OPTIONS (path 'mixed');",
    );
    for sql in
        ["SELECT count(*) FROM mixed", "SELECT sum(id) FROM mixed WHERE id > 3", "SELECT id FROM mixed ORDER BY id"]
    {
        let said = onerow.sql(sql);
        let Err(said) = said else { return Err(format!("{sql} gave {said:?}").into()) };
        holds!(said, "mixed/b.parquet");
        holds!(said, "lake");
    }
    for (table, file) in [("text", "text.parquet"), ("cut", "cut.parquet")] {
        let said = onerow.sql(&format!("SELECT count(id) FROM {table}"));
        let Err(said) = said else { return Err(format!("{table} gave {said:?}").into()) };
        holds!(said, file);
    }
    // A column that some files lack is null there.
    onerow.sql("CREATE FOREIGN TABLE two (id bigint, name text) SERVER lake OPTIONS (path 'two')")?;
    same!(onerow.sql("SELECT count(*), count(id), count(name) FROM two")?, "1001|1000|1");
    // One that none of them has is told when the table is made.
    let said = onerow.sql("CREATE FOREIGN TABLE three (id bigint, nope text) SERVER lake OPTIONS (path 'two')");
    refused!(said, "42703", "\"two\"", "no column \"nope\"", "id");
    Ok(())
}

/// A large file is read in pieces by several streams: each row once, whatever is left out.
pub fn pieces(_: &Fixtures) -> Outcome {
    let rows = 300_000i64;
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let names: ArrayRef = Arc::new(
        (0..rows)
            .map(|id| (id % 11 > 0).then(|| format!("{} {id}", UGLY_TEXTS[(id % 13) as usize])))
            .collect::<StringArray>(),
    );
    let batch = RecordBatch::try_from_iter([("id", ids), ("name", names)])?;
    let big = parquet(&[batch]);
    let (_project, onerow) = lake(
        &[("big.parquet", &big), ("both/a.parquet", &big), ("both/b.parquet", &big)],
        "CREATE FOREIGN TABLE big (id bigint, name text) SERVER lake OPTIONS (path 'big.parquet');
         CREATE FOREIGN TABLE both_files (id bigint, name text) SERVER lake OPTIONS (path 'both/');",
    );
    same!(
        onerow.sql("SELECT count(*), count(DISTINCT id), sum(id), count(name) FROM big")?,
        "300000|300000|44999850000|272727"
    );
    same!(onerow.sql("SELECT count(*), count(DISTINCT id), sum(id) FROM both_files")?, "600000|300000|89999700000");
    same!(
        onerow.sql("SELECT count(*), min(id), max(id) FROM big WHERE id BETWEEN 74990 AND 225010")?,
        "150021|74990|225010"
    );
    same!(
        onerow.sql("SELECT id FROM big WHERE id IN (0, 74999, 75000, 149999, 150000, 299999) ORDER BY id")?,
        "0\n74999\n75000\n149999\n150000\n299999"
    );
    same!(onerow.sql("SELECT count(*) FROM (SELECT id FROM big LIMIT 200000) t")?, "200000");
    let plan = onerow.sql("EXPLAIN SELECT count(name) FROM big")?;
    // More pieces than streams.
    same!(plan.matches("big.parquet:").count() > 2, true, "{plan}");
    Ok(())
}
