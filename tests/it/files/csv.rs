//! CSV in the dialects that there are.

use super::super::support::data::gzip;
use super::super::support::pushdown::{TEXT_PREDICATES, UGLY_TEXTS, literals_hold, same_rows};
use super::super::support::{Fixtures, Outcome, block_on};
use super::{folder, lake};

fn field(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

pub fn dialects(_: &Fixtures) -> Outcome {
    let windows: &[u8] = b"id;name\r\n1;Z\xfcrich \x80\r\n2;\"a;b\"\r\n";
    let (_project, onerow) = lake(
        &[
            ("plain.csv", b"id,name\n1,Ann\n2,\"Berg, \"\"Bob\"\"\"\n3,\"two\nlines\"\n4,it's"),
            ("bom.csv", b"\xef\xbb\xbfid,name\r\n1,Ann\r\n\r\n2,Bob\r\n"),
            ("windows.csv", windows),
            ("tabs.tsv", b"id\tname\n1\tAnn, Berg\n2\t\"a\tb\"\n"),
            ("bare.csv", b"1,Ann\n2,Bob\n"),
            ("remarks.csv", b"# made by hand\nid,name\n# more\n1,'it''s, so'\n"),
            ("escaped.csv", b"id,name\n1,\"a\\\"b\\\\c\"\n"),
            ("unquoted.csv", b"id|name\n1|5\" pipe\n2|\"\n"),
            ("names.csv", "Id,two words,\"qu\"\"ote\",张,select,a.b\n1,2,3,4,5,6\n".as_bytes()),
            ("old_mac.csv", b"id,name\r1,Ann\r2,Bob\r"),
        ],
        "CREATE FOREIGN TABLE plain (id integer, name text) SERVER lake OPTIONS (path 'plain.csv');
         CREATE FOREIGN TABLE bom (id integer, name text) SERVER lake OPTIONS (path 'bom.csv', format 'csv', header 'true');
         CREATE FOREIGN TABLE windows (id integer, name text) SERVER lake
           OPTIONS (path 'windows.csv', delimiter ';', encoding 'windows-1252');
         CREATE FOREIGN TABLE tabs (id integer, name text) SERVER lake OPTIONS (path 'tabs.tsv');
         CREATE FOREIGN TABLE bare (id integer, name text) SERVER lake OPTIONS (path 'bare.csv', header 'false');
         CREATE FOREIGN TABLE remarks (id integer, name text) SERVER lake
           OPTIONS (path 'remarks.csv', comment '#', quote '''');
         CREATE FOREIGN TABLE escaped (id integer, name text) SERVER lake OPTIONS (path 'escaped.csv', escape '\\');
         CREATE FOREIGN TABLE unquoted (id integer, name text) SERVER lake
           OPTIONS (path 'unquoted.csv', delimiter '|', quote '');
         CREATE FOREIGN TABLE names SERVER lake OPTIONS (path 'names.csv');
         CREATE FOREIGN TABLE some_names (b integer OPTIONS (column_name 'a.b'), \"Id\" integer) SERVER lake
           OPTIONS (path 'names.csv');
         CREATE FOREIGN TABLE old_mac (id integer, name text) SERVER lake OPTIONS (path 'old_mac.csv');",
    );
    for (table, expected) in [
        ("plain", "1|Ann\n2|Berg, \"Bob\"\n3|two\nlines\n4|it's"),
        ("bom", "1|Ann\n2|Bob"),
        ("windows", "1|Zürich €\n2|a;b"),
        ("tabs", "1|Ann, Berg\n2|a\tb"),
        ("bare", "1|Ann\n2|Bob"),
        ("remarks", "1|it's, so"),
        ("escaped", "1|a\"b\\c"),
        ("unquoted", "1|5\" pipe\n2|\""),
        ("old_mac", "1|Ann\n2|Bob"),
    ] {
        same!(onerow.sql(&format!("SELECT id, name FROM {table} ORDER BY id"))?, expected, "{table}");
    }
    same!(onerow.sql(r#"SELECT "Id", "two words", "qu""ote", 张, "select", "a.b" FROM names"#)?, "1|2|3|4|5|6");
    same!(onerow.sql("SELECT * FROM some_names")?, "6|1");
    Ok(())
}

pub fn packed(_: &Fixtures) -> Outcome {
    let mut text = String::from("id,name\n");
    for id in 0..50_000 {
        text.push_str(&format!("{id},\"name {id}\"\n"));
    }
    let zstd = zstd::encode_all(text.as_bytes(), 3)?;
    let gzipped = gzip(&text);
    let (_project, onerow) = lake(
        &[
            ("a.csv.gz", &gzipped),
            ("a.csv.zst", &zstd),
            ("odd", &gzipped),
            ("cut.csv.gz", &gzipped[..gzipped.len() / 2]),
            ("cut.csv.zst", &zstd[..zstd.len() / 2]),
        ],
        "CREATE FOREIGN TABLE gz (id integer, name text) SERVER lake OPTIONS (path 'a.csv.gz');
         CREATE FOREIGN TABLE zst (id integer, name text) SERVER lake OPTIONS (path 'a.csv.zst');
         CREATE FOREIGN TABLE odd (id integer, name text) SERVER lake
           OPTIONS (path 'odd', format 'csv', compression 'gzip');
         CREATE FOREIGN TABLE cut_gz (id integer, name text) SERVER lake OPTIONS (path 'cut.csv.gz');
         CREATE FOREIGN TABLE cut_zst (id integer, name text) SERVER lake OPTIONS (path 'cut.csv.zst');",
    );
    for table in ["gz", "zst", "odd"] {
        same!(
            onerow.sql(&format!("SELECT count(*), sum(id), max(name) FROM {table}"))?,
            "50000|1249975000|name 9999",
            "{table}"
        );
    }
    // A file that was cut off is an error, never a shorter table.
    for (table, file) in [("cut_gz", "cut.csv.gz"), ("cut_zst", "cut.csv.zst")] {
        let said = onerow.sql(&format!("SELECT count(*) FROM {table}"));
        let Err(said) = said else { return Err(format!("{table} gave {said:?}").into()) };
        holds!(said, file);
    }
    Ok(())
}

/// A type is taken only when it gives every value back as it was written.
pub fn inferred(_: &Fixtures) -> Outcome {
    let csv = "zip,phone,n,big,price,exp,day,moment,instant,flag,mixed,blank,name\n\
               01067,+49 30 1,1,9223372036854775807,1.5,1e5,2024-02-29,2024-02-29 12:00:00,2024-02-29T12:00:00Z,true,1,,Ann\n\
               10115,030 2,-7,1,2,2e5,1969-07-20,1969-07-20 20:17:40,1969-07-20T20:17:40+02:00,false,x,,\n";
    let late = format!("n\n{}007\n", "1\n".repeat(5000));
    let (_project, onerow) = lake(
        &[("a.csv", csv.as_bytes()), ("late.csv", late.as_bytes())],
        "CREATE FOREIGN TABLE a SERVER lake OPTIONS (path 'a.csv');
         CREATE FOREIGN TABLE late SERVER lake OPTIONS (path 'late.csv');",
    );
    same!(
        onerow.sql(
            "SELECT string_agg(column_name || ' ' || data_type, ', ' ORDER BY ordinal_position)
               FROM information_schema.columns WHERE table_name = 'a'"
        )?,
        "zip text, phone text, n bigint, big bigint, price double precision, exp text, day date, \
         moment timestamp without time zone, instant timestamp with time zone, flag boolean, mixed text, blank text, name text"
    );
    same!(
        onerow.sql("SELECT * FROM a ORDER BY n DESC")?,
        "01067|+49 30 1|1|9223372036854775807|1.5|1e5|2024-02-29|2024-02-29 12:00:00|2024-02-29 12:00:00+00|t|1|NULL|Ann\n\
         10115|030 2|-7|1|2|2e5|1969-07-20|1969-07-20 20:17:40|1969-07-20 18:17:40+00|f|x|NULL|NULL"
    );
    // A zero that leads in row 5001 is not lost: it is an error that says so.
    let said = onerow.sql("SELECT max(n) FROM late");
    let Err(said) = said else { return Err(format!("late zeros gave {said:?}").into()) };
    for part in ["007", "late.csv", "5002", "\"n\""] {
        holds!(said, part);
    }
    Ok(())
}

pub fn declared(_: &Fixtures) -> Outcome {
    let csv = "flag,small,whole,big,single,dbl,price,label,code,raw,day,clock,naive,instant,span,key,doc\n\
               t,-32768,2147483647,-9223372036854775808,1.5,-1.7976931348623157e308,-0.10,it's 张,abc,\\x00ff,9999-12-31,\
               23:59:59.999999,1969-12-31 23:59:59.999999,2024-03-31 01:30:00+01,1 day,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,\
               \"{\"\"a\"\": 1}\"\n,,,,,,,,,,,,,,,,\n";
    let (_project, onerow) = lake(
        &[("a.csv", csv.as_bytes())],
        "CREATE FOREIGN TABLE a (flag boolean, small smallint, whole integer, big bigint, single real, dbl double precision,
           price numeric(10,2), label text, code varchar(5), raw bytea, day date, clock time, naive timestamp,
           instant timestamptz, span interval, key uuid, doc jsonb) SERVER lake OPTIONS (path 'a.csv');
         CREATE FOREIGN TABLE zoned (naive timestamptz, label text) SERVER lake
           OPTIONS (path 'a.csv', timezone 'Europe/Berlin');",
    );
    same!(
        onerow.sql("SELECT * FROM a WHERE flag")?,
        "t|-32768|2147483647|-9223372036854775808|1.5|-1.7976931348623157e+308|-0.10|it's 张|abc|\\x00ff|9999-12-31\
         |23:59:59.999999|1969-12-31 23:59:59.999999|2024-03-31 00:30:00+00|1 day|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|{\"a\": 1}"
    );
    same!(onerow.sql("SELECT count(*) FROM a WHERE flag IS NULL AND doc IS NULL AND label IS NULL")?, "1");
    same!(onerow.sql("SELECT naive FROM zoned WHERE naive IS NOT NULL")?, "1969-12-31 22:59:59.999999+00");
    Ok(())
}

/// As COPY has it: nothing at all is null, and `""` is an empty text.
pub fn nulls(_: &Fixtures) -> Outcome {
    let (_project, onerow) = lake(
        &[("a.csv", b"id,a,b\n1,,\"\"\n2,\\N,\"\\N\"\n3,NULL, \n")],
        "CREATE FOREIGN TABLE a (id integer, a text, b text) SERVER lake OPTIONS (path 'a.csv');
         CREATE FOREIGN TABLE b (id integer, a text, b text) SERVER lake OPTIONS (path 'a.csv', null '\\N');",
    );
    let ask = |table: &str| {
        format!(
            "SELECT id, a IS NULL, b IS NULL, '[' || coalesce(a, '') || coalesce(b, '') || ']' FROM {table} ORDER BY id"
        )
    };
    same!(onerow.sql(&ask("a"))?, "1|t|f|[]\n2|f|f|[\\N\\N]\n3|f|f|[NULL ]");
    same!(onerow.sql(&ask("b"))?, "1|f|f|[]\n2|t|f|[\\N]\n3|f|f|[NULL ]");
    Ok(())
}

pub fn bad_values(_: &Fixtures) -> Outcome {
    let rows = |values: [&str; 8]| {
        format!("n,day,flag,price,at,key,small,doc\n1,2024-01-01,t,1.5,,,1,\n\n{}\n", values.join(","))
    };
    let good = ["2", "2024-01-02", "f", "2.5", "", "", "2", ""];
    let bad = ["two", "2024-02-30", "maybe", "dear", "noon", "key", "70000", "{"];
    let columns = ["n", "day", "flag", "price", "at", "key", "small", "doc"];
    let mut files = vec![];
    let mut tables = String::new();
    for (index, (column, value)) in columns.iter().zip(bad).enumerate() {
        let mut values = good;
        values[index] = value;
        files.push((format!("bad_{column}.csv"), rows(values).into_bytes()));
        tables.push_str(&format!(
            "CREATE FOREIGN TABLE bad_{column} (n integer, day date, flag boolean, price numeric(10,2), at timestamptz, key uuid,
               small smallint, doc jsonb) SERVER lake OPTIONS (path 'bad_{column}.csv');\n"
        ));
    }
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let (_project, onerow) = lake(&files, &tables);
    for (column, value) in columns.iter().zip(bad) {
        let said = onerow.sql(&format!("SELECT {column} FROM bad_{column}"));
        let Err(said) = said else { return Err(format!("{column} gave {said:?}").into()) };
        // The blank line counts.
        for part in ["line 4", value, &format!("bad_{column}.csv"), &format!("\"{column}\"")] {
            holds!(said, part);
        }
        same!(["22P02:", "22007:", "22008:", "22003:"].iter().any(|state| said.contains(state)), true, "{said}");
        // The other columns are not in the way.
        let other = if *column == "n" { "small" } else { "n" };
        same!(onerow.sql(&format!("SELECT sum({other}) FROM bad_{column}"))?, "3", "{column}");
    }
    Ok(())
}

pub fn bad_records(_: &Fixtures) -> Outcome {
    let (project, onerow) = lake(
        &[
            ("short.csv", b"a,b,c\n1,2,3\n4,5\n"),
            ("long.csv", b"a,b,c\n1,2,3\n4,5,6,7\n"),
            ("open.csv", b"a,b,c\n1,\"2,3\n4,5,6\n"),
            ("bytes.csv", b"a,b,c\n1,2,3\n4,\xff,6\n"),
            ("twice.csv", b"a,b,a\n1,2,3\n"),
            ("empty.csv", b""),
            ("only_names.csv", b"a,b,c\n"),
        ],
        "CREATE FOREIGN TABLE short (a text, b text, c text) SERVER lake OPTIONS (path 'short.csv');
         CREATE FOREIGN TABLE long (a text, b text, c text) SERVER lake OPTIONS (path 'long.csv');
         CREATE FOREIGN TABLE open (a text, b text, c text) SERVER lake OPTIONS (path 'open.csv');
         CREATE FOREIGN TABLE bytes (a text, b text, c text) SERVER lake OPTIONS (path 'bytes.csv');
         CREATE FOREIGN TABLE only_names (a text, b text, c text) SERVER lake OPTIONS (path 'only_names.csv');",
    );
    for (table, line) in [("short", "3"), ("long", "3"), ("open", "2"), ("bytes", "3")] {
        let said = onerow.sql(&format!("SELECT * FROM {table}"));
        let Err(said) = said else { return Err(format!("{table} gave {said:?}").into()) };
        holds!(said, format!("{table}.csv"));
        holds!(said, format!("line {line}"));
    }
    same!(onerow.sql("SELECT count(*) FROM only_names")?, "0");
    refused!(onerow.sql("CREATE FOREIGN TABLE twice SERVER lake OPTIONS (path 'twice.csv')"), "42701", "\"a\"");
    // A header says which columns there are, at once; a file that is not there yet says so when it is read.
    let declare = |table: &str| onerow.sql(&format!("CREATE FOREIGN TABLE {table}"));
    let said = declare("other (a text, nope text) SERVER lake OPTIONS (path 'short.csv')");
    refused!(said, "42703", "short.csv", "no column \"nope\"", "The columns are a, b, c.");
    refused!(onerow.sql("SELECT * FROM other"), "42P01");
    declare("other (\"A\" text, x text OPTIONS (column_name 'b')) SERVER lake OPTIONS (path 'short.csv')")?;
    declare("bare (p text, q text, r text) SERVER lake OPTIONS (path 'only_names.csv', header 'false')")?;
    declare("later (nope text) SERVER lake OPTIONS (path 'later.csv')")?;
    refused!(onerow.sql("SELECT * FROM later"), "58P01", "later.csv");
    project.write("data/later.csv", "a,b\n1,2\n");
    refused!(onerow.sql("SELECT * FROM later"), "42703", "nope");
    Ok(())
}

pub fn filters(_: &Fixtures) -> Outcome {
    let mut csv = String::from("id,name\n1000,\n");
    for (id, text) in UGLY_TEXTS.iter().enumerate() {
        csv.push_str(&format!("{id},{}\n", field(text)));
    }
    let (_project, onerow) = lake(
        &[("a.csv", csv.as_bytes())],
        "CREATE FOREIGN TABLE a (id integer, name text) SERVER lake OPTIONS (path 'a.csv');",
    );
    block_on(async {
        let client = onerow.client().await;
        same_rows(&client, "a", "id", TEXT_PREDICATES).await
    })
}

pub fn literals(_: &Fixtures) -> Outcome {
    let mut csv = String::from("name\n");
    for text in UGLY_TEXTS {
        csv.push_str(&format!("{}\n", field(text)));
    }
    let (_project, onerow) =
        lake(&[("a.csv", csv.as_bytes())], "CREATE FOREIGN TABLE a (name text) SERVER lake OPTIONS (path 'a.csv');");
    block_on(async {
        let client = onerow.client().await;
        literals_hold(&client, "a").await
    })
}

/// Quotes and line ends where pieces of the file meet.
pub fn large(_: &Fixtures) -> Outcome {
    let mut csv = String::from("id,pad,n\n");
    let (mut length, mut sum) = (0u64, 0u64);
    for id in 0..200_000u64 {
        let pad = "a\"b\n,".repeat((id % 13) as usize);
        length += pad.len() as u64;
        sum += id * 3;
        csv.push_str(&format!("{id},{},{}\n", field(&pad), id * 3));
    }
    let project = folder(
        &[("a.csv", csv.as_bytes())],
        "CREATE FOREIGN TABLE a (id integer, pad text, n bigint) SERVER lake OPTIONS (path 'a.csv');",
    );
    let (code, out, said) =
        project.query("SELECT count(*) AS c, sum(length(pad)) AS l, sum(n) AS s, count(DISTINCT id) AS d FROM a");
    same!((code, out), (0, format!("c,l,s,d\n200000,{length},{sum},200000\n")), "{said}");
    Ok(())
}
