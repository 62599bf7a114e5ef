//! JSON: one object a line, or an array of objects.

use super::super::support::data::gzip;
use super::super::support::pushdown::{UGLY_TEXTS, literals_hold};
use super::super::support::{Fixtures, Outcome, block_on};
use super::lake;

pub fn lines_and_arrays(_: &Fixtures) -> Outcome {
    let lines = "{\"id\": 1, \"name\": \"Ann\", \"price\": 12345678901234567.89, \"ok\": true, \"day\": \"2024-02-29\"}\n\
                 \n\
                 {\"name\": \"it's \\\"\\u5f20\\ud83d\\ude00\\\" \\\\\", \"id\": 9223372036854775807, \"more\": 1}\r\n\
                 {\"id\": null, \"name\": null, \"ok\": null}";
    let array = "[\n {\"id\": 1, \"name\": \"Ann\"},\n {\"id\": 2,\n  \"name\": \"B]{\\\"[\"}\n , {\"id\": 3} ]\n";
    let table = "(id bigint, name text, price numeric(30,2), ok boolean, day date)";
    let (_project, onerow) = lake(
        &[
            ("a.jsonl", lines.as_bytes()),
            ("a.json", array.as_bytes()),
            ("b.json", lines.as_bytes()),
            ("a.ndjson.gz", &gzip(lines)),
            ("empty.json", b"[]"),
            ("bom.json", b"\xef\xbb\xbf[{\"id\": 7}]"),
        ],
        &format!(
            "CREATE FOREIGN TABLE lines {table} SERVER lake OPTIONS (path 'a.jsonl');
             CREATE FOREIGN TABLE objects {table} SERVER lake OPTIONS (path 'a.json');
             CREATE FOREIGN TABLE declared {table} SERVER lake OPTIONS (path 'b.json', format 'json');
             CREATE FOREIGN TABLE packed {table} SERVER lake OPTIONS (path 'a.ndjson.gz');
             CREATE FOREIGN TABLE empty {table} SERVER lake OPTIONS (path 'empty.json');
             CREATE FOREIGN TABLE bom {table} SERVER lake OPTIONS (path 'bom.json');
             CREATE FOREIGN TABLE inferred SERVER lake OPTIONS (path 'a.jsonl');"
        ),
    );
    let expected = "1|Ann|12345678901234567.89|t|2024-02-29\n\
                    9223372036854775807|it's \"张😀\" \\|NULL|NULL|NULL\nNULL|NULL|NULL|NULL|NULL";
    for table in ["lines", "declared", "packed"] {
        same!(onerow.sql(&format!("SELECT * FROM {table} ORDER BY id"))?, expected, "{table}");
    }
    same!(onerow.sql("SELECT id, name FROM objects ORDER BY id")?, "1|Ann\n2|B]{\"[\n3|NULL");
    same!(onerow.sql("SELECT count(*) FROM empty")?, "0");
    same!(onerow.sql("SELECT id FROM bom")?, "7");
    same!(onerow.sql("SELECT id, ok, day, more FROM inferred WHERE id = 1")?, "1|t|2024-02-29|NULL");
    same!(onerow.sql("SELECT id, more FROM inferred WHERE more = 1")?, "9223372036854775807|1");
    Ok(())
}

pub fn nested(_: &Fixtures) -> Outcome {
    let lines = "{\"id\": 1, \"address\": {\"city\": \"Berlin\", \"geo\": [52.5, 13.4]}, \"tags\": [\"a\", null], \"a/b\": \"slash\"}\n\
                 {\"id\": 2, \"address\": {\"city\": null}, \"tags\": [], \"a/b\": 5}\n\
                 {\"id\": 3, \"address\": null}\n";
    let (_project, onerow) = lake(
        &[("a.jsonl", lines.as_bytes())],
        "CREATE FOREIGN TABLE a (id integer, city text OPTIONS (pointer '/address/city'), lat float8
             OPTIONS (pointer '/address/geo/0'), address json, tags jsonb, slash text OPTIONS (pointer '/a~1b'))
           SERVER lake OPTIONS (path 'a.jsonl');
         CREATE FOREIGN TABLE b SERVER lake OPTIONS (path 'a.jsonl');",
    );
    same!(
        onerow.sql("SELECT id, city, lat, slash FROM a ORDER BY id")?,
        "1|Berlin|52.5|slash\n2|NULL|NULL|5\n3|NULL|NULL|NULL"
    );
    same!(onerow.sql("SELECT address FROM a WHERE id = 1")?, "{\"city\": \"Berlin\", \"geo\": [52.5, 13.4]}");
    same!(onerow.sql("SELECT id FROM a WHERE address IS NULL")?, "3");
    same!(
        onerow.sql(
            "SELECT data_type FROM information_schema.columns WHERE table_name = 'b' AND column_name = 'address'"
        )?,
        "json"
    );
    Ok(())
}

pub fn bad_values(_: &Fixtures) -> Outcome {
    let (_project, onerow) = lake(
        &[
            ("type.jsonl", b"{\"id\": 1}\n{\"id\": \"two\"}\n"),
            ("syntax.jsonl", b"{\"id\": 1}\n{\"id\": 2\n{\"id\": 3}\n"),
            ("cut.json", b"[{\"id\": 1},\n {\"id\": 2}"),
            ("scalar.jsonl", b"{\"id\": 1}\n2\n"),
            ("fraction.jsonl", b"{\"id\": 1}\n\n{\"id\": 1.5}\n"),
        ],
        "CREATE FOREIGN TABLE wrong_type (id integer) SERVER lake OPTIONS (path 'type.jsonl');
         CREATE FOREIGN TABLE syntax (id integer) SERVER lake OPTIONS (path 'syntax.jsonl');
         CREATE FOREIGN TABLE cut (id integer) SERVER lake OPTIONS (path 'cut.json');
         CREATE FOREIGN TABLE scalar (id integer) SERVER lake OPTIONS (path 'scalar.jsonl');
         CREATE FOREIGN TABLE fraction (id integer) SERVER lake OPTIONS (path 'fraction.jsonl');",
    );
    for (table, parts) in [
        ("wrong_type", vec!["type.jsonl", "line 2", "\"id\"", "two"]),
        ("syntax", vec!["syntax.jsonl", "line 2"]),
        ("cut", vec!["cut.json"]),
        ("scalar", vec!["scalar.jsonl", "line 2"]),
        ("fraction", vec!["fraction.jsonl", "line 3", "\"id\"", "1.5"]),
    ] {
        let said = onerow.sql(&format!("SELECT id FROM {table}"));
        let Err(said) = said else { return Err(format!("{table} gave {said:?}").into()) };
        for part in parts {
            holds!(said, part);
        }
    }
    Ok(())
}

pub fn literals(_: &Fixtures) -> Outcome {
    let lines: Vec<String> = UGLY_TEXTS.iter().map(|text| serde_json::json!({ "name": text }).to_string()).collect();
    let (_project, onerow) = lake(
        &[("a.jsonl", lines.join("\n").as_bytes())],
        "CREATE FOREIGN TABLE a (name text) SERVER lake OPTIONS (path 'a.jsonl');",
    );
    block_on(async {
        let client = onerow.client().await;
        literals_hold(&client, "a").await
    })
}
