//! Files in S3 and on a web server.

use std::process::{Command, Stdio};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::record_batch::RecordBatch;

use super::super::support::data::{gzip, parquet};
use super::super::support::process::{Running, free_port, wait_for_port};
use super::super::support::s3::{KEY, S3};
use super::super::support::{Fixtures, Outcome, Project};

fn declared(s3: &S3, name: &str, folder: &str, secret: &str) -> String {
    format!(
        "CREATE SERVER {name} FOREIGN DATA WRAPPER files
           OPTIONS (location 's3://exports/{folder}', endpoint '{}', allow_http 'true', region 'us-east-1', retries '0');
         CREATE USER MAPPING FOR PUBLIC SERVER {name} OPTIONS (access_key_id '{}', secret_access_key '{secret}');\n",
        s3.endpoint(),
        KEY.0
    )
}

pub fn s3(fixtures: &Fixtures) -> Outcome {
    let s3 = fixtures.s3();
    let numbers = |from: i64, to: i64| {
        let ids = Int64Array::from((from..to).collect::<Vec<_>>());
        RecordBatch::try_from_iter([("id", Arc::new(ids) as ArrayRef)])
    };
    s3.put("crm/signup.csv", b"email,at\nann@example.com,2024-01-01T00:00:00Z\nbob@example.com,\n".to_vec());
    s3.put("crm/packed.csv.gz", gzip("id\n1\n2\n"));
    s3.put("crm/event/year=2023/a.parquet", parquet(&[numbers(0, 1000)?]));
    s3.put("crm/event/year=2024/b.parquet", parquet(&[numbers(1000, 1500)?]));
    s3.put("crm/lines.jsonl", "{\"name\": \"张伟\"}\n".into());
    let project = Project::new(&format!(
        "{} CREATE FOREIGN TABLE signup (email text, at timestamptz) SERVER lake OPTIONS (path 'signup.csv');
         CREATE FOREIGN TABLE packed SERVER lake OPTIONS (path 'packed.csv.gz');
         CREATE FOREIGN TABLE event (id bigint, year integer) SERVER lake OPTIONS (path 'event/*/*.parquet', format 'parquet');
         CREATE FOREIGN TABLE gone (id bigint) SERVER lake OPTIONS (path 'gone.csv');
         IMPORT FOREIGN SCHEMA public LIMIT TO (lines) FROM SERVER lake INTO imported;",
        declared(s3, "lake", "crm/", KEY.1)
    ));
    let onerow = project.serve();
    same!(
        onerow.sql("SELECT email, at FROM signup ORDER BY email")?,
        "ann@example.com|2024-01-01 00:00:00+00\nbob@example.com|NULL"
    );
    same!(onerow.sql("SELECT sum(id) FROM packed")?, "3");
    same!(onerow.sql("SELECT count(*), sum(id) FROM event")?, "1500|1124250");
    same!(onerow.sql("SELECT count(*) FROM event WHERE year = 2024 AND id < 1100")?, "100");
    same!(onerow.sql("SELECT name FROM imported.lines")?, "张伟");
    refused!(onerow.sql("SELECT * FROM gone"), "58P01", "gone.csv");
    same!(s3.folder().join("exports").exists(), true);
    Ok(())
}

pub fn s3_keys(fixtures: &Fixtures) -> Outcome {
    let s3 = fixtures.s3();
    s3.put("keys/a.csv", b"id\n1\n".to_vec());
    let wrong = "wr0ng-s3cret-key";
    let project = Project::new(&format!(
        "{}{}{} CREATE SERVER plain FOREIGN DATA WRAPPER files
           OPTIONS (location 's3://exports/keys', endpoint 'http://127.0.0.1:{}', allow_http 'true', retries '0');
         CREATE USER MAPPING FOR PUBLIC SERVER plain OPTIONS (access_key_id 'nobody', secret_access_key 'nothing');",
        declared(s3, "good", "keys", KEY.1),
        declared(s3, "wrong", "keys", wrong),
        declared(s3, "stranger", "keys", wrong).replace(KEY.0, "NOBODY"),
        free_port()
    ));
    let onerow = project.serve();
    let read = |server: &str| {
        let table = format!("CREATE FOREIGN TABLE {server}_a (id integer) SERVER {server} OPTIONS (path 'a.csv')");
        onerow.sql(&table).and_then(|_| onerow.sql(&format!("SELECT id FROM {server}_a")))
    };
    same!(read("good")?, "1");
    // This store does not check signatures, so a wrong key reads; it must stay hidden all the same.
    let said = read("wrong").unwrap_or_else(|said| said);
    for secret in [wrong, KEY.1] {
        lacks!(onerow.log(), format!("secret_access_key '{secret}"));
        lacks!(onerow.sql("SELECT * FROM pg_user_mappings")?, format!("secret_access_key={secret}"));
    }
    lacks!(said, wrong);
    // A key that it does not know it does refuse.
    refused!(read("stranger"), "42501", "server \"stranger\"");
    lacks!(onerow.log(), wrong);
    // A store that is down is told by its name.
    refused!(onerow.sql("IMPORT FOREIGN SCHEMA public FROM SERVER plain INTO p"), "08006", "plain");
    // HTTP without encryption must be asked for.
    refused!(
        onerow.sql("CREATE SERVER open FOREIGN DATA WRAPPER files OPTIONS (location 's3://b', endpoint 'http://x:1')"),
        "HV00N",
        "endpoint"
    );
    Ok(())
}

pub fn web(_: &Fixtures) -> Outcome {
    let files = Project::new("");
    files.write("sub/list.csv", "id,name\n1,Ann\n2,张伟\n");
    files.write("sub/packed.csv.gz", gzip("id\n40\n2\n"));
    files.write("sub/lines.jsonl", "{\"id\": 7}\n{\"id\": 8}\n");
    files.write("a b.csv", "id\n5\n");
    let port = free_port();
    let server = Running::start(
        Command::new("python3")
            .args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string(), "--directory"])
            .arg(files.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    wait_for_port(port, "the web server");
    let project = Project::new(&format!(
        "CREATE SERVER web FOREIGN DATA WRAPPER files OPTIONS (location 'http://127.0.0.1:{port}/sub/', retries '0');
         CREATE SERVER one FOREIGN DATA WRAPPER files OPTIONS (location 'http://127.0.0.1:{port}/sub/list.csv');
         CREATE SERVER root FOREIGN DATA WRAPPER files OPTIONS (location 'http://127.0.0.1:{port}');
         CREATE FOREIGN TABLE list (id integer, name text) SERVER web OPTIONS (path 'list.csv');
         CREATE FOREIGN TABLE packed SERVER web OPTIONS (path 'packed.csv.gz');
         CREATE FOREIGN TABLE lines (id integer) SERVER web OPTIONS (path 'lines.jsonl', format 'jsonl');
         CREATE FOREIGN TABLE single (id integer, name text) SERVER one OPTIONS (format 'csv');
         CREATE FOREIGN TABLE spaced (id integer) SERVER root OPTIONS (path 'a b.csv');
         CREATE FOREIGN TABLE gone (id integer) SERVER web OPTIONS (path 'gone.csv');"
    ));
    let onerow = project.serve();
    same!(onerow.sql("SELECT id, name FROM list ORDER BY id")?, "1|Ann\n2|张伟");
    same!(onerow.sql("SELECT sum(id) FROM packed")?, "42");
    same!(onerow.sql("SELECT sum(id) FROM lines")?, "15");
    same!(onerow.sql("SELECT name FROM single WHERE id = 2")?, "张伟");
    same!(onerow.sql("SELECT id FROM spaced")?, "5");
    refused!(onerow.sql("SELECT * FROM gone"), "58P01", "gone.csv");
    drop(server);
    refused!(onerow.sql("SELECT id, name FROM list"), "08006", "web");
    same!(onerow.sql("SELECT 1")?, "1");
    Ok(())
}
