//! Files: limits, a location that is gone, a server that does not answer, and one that lets nobody in.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{ArrayRef, Int64Array};
use datafusion::arrow::record_batch::RecordBatch;

use super::super::support::data::parquet;
use super::super::support::process::{Running, eventually, free_port, wait_for_port};
use super::super::support::{Fixtures, Onerow, Outcome, Project};
use super::{Test, told};

pub const TESTS: &[Test] = &[
    ("limits_hold_of_files", limits),
    ("a_folder_that_is_gone", folder),
    ("a_web_server_that_is_down", web),
    ("a_store_that_refuses_the_key", key),
];

const SKIP: &str = "SET onerow.on_source_down = skip; ";

fn numbers(count: i64) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let ids: ArrayRef = Arc::new(Int64Array::from((1..=count).collect::<Vec<_>>()));
    Ok(parquet(&[RecordBatch::try_from_iter([("id", ids)])?]))
}

fn csv(count: usize) -> String {
    let rows: String = (1..=count).map(|id| format!("{id},{}\n", "ä".repeat(50))).collect();
    format!("id,t\n{rows}")
}

fn limits(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER lake FOREIGN DATA WRAPPER files OPTIONS (location 'data', max_rows '1000');
         IMPORT FOREIGN SCHEMA public FROM SERVER lake INTO lake;
         CREATE SERVER small FOREIGN DATA WRAPPER files OPTIONS (location 'data', max_bytes '50kB');
         IMPORT FOREIGN SCHEMA public FROM SERVER small INTO small;
         CREATE SERVER free FOREIGN DATA WRAPPER files OPTIONS (location 'data');
         IMPORT FOREIGN SCHEMA public FROM SERVER free INTO free;",
    );
    for (name, count) in [("few", 900), ("many", 20_000)] {
        project.write(&format!("data/{name}_c.csv"), csv(count));
        project.write(&format!("data/{name}_p.parquet"), numbers(i64::try_from(count)?).map_err(|e| e.to_string())?);
    }
    let onerow = project.serve();
    for kind in ["c", "p"] {
        let sum = |server: &str, table: &str| onerow.sql(&format!("SELECT sum(id) FROM {server}.{table}_{kind}"));
        same!(sum("lake", "few")?, "405450");
        let table = format!("\"many_{kind}\"");
        refused!(sum("lake", "many"), "53400", "server \"lake\"", table, "more than 1000 rows", "max_rows");
        same!(sum("free", "many")?, "200010000");
        refused!(onerow.sql(&format!("SELECT * FROM small.many_{kind}")), "53400", "server \"small\"", "max_bytes");
    }
    // The rows that a LIMIT leaves are those that count.
    same!(onerow.sql("SELECT count(*) FROM (SELECT id FROM lake.many_p LIMIT 10) t")?, "10");
    refused!(
        onerow.sql("CREATE SERVER x FOREIGN DATA WRAPPER files OPTIONS (location '.', max_rows 'few')"),
        "HV00N",
        "max_rows"
    );
    Ok(())
}

/// What every source that is down has in common: its own queries fail, are left out where that is asked for, and after
/// some of them it is left alone until it is asked for again.
fn down(onerow: &Onerow, state: &str, words: &str) -> Outcome {
    let all = "SELECT count(*) FROM (SELECT id FROM gone.t UNION ALL SELECT id FROM mine) u";
    refused!(onerow.sql("SELECT * FROM gone.t"), state, words);
    // A plan can be shown.
    holds!(onerow.sql("EXPLAIN SELECT * FROM gone.t")?, "could not be listed");
    let (rows, said) = told(onerow, &format!("{SKIP}{all}"));
    same!(rows, "2");
    holds!(said, "WARNING:  01000");
    holds!(said, "gone");
    refused!(onerow.sql(&format!("{SKIP}SELECT id FROM mine EXCEPT SELECT id FROM gone.t")), state);
    // Three times by now.
    refused!(onerow.sql("SELECT * FROM gone.t"), "08006", "left alone");
    same!(told(onerow, &format!("{SKIP}{all}")).0, "2");
    same!(onerow.sql("SELECT count(*) FROM mine")?, "2");
    Ok(())
}

const MINE: &str = "CREATE TABLE mine (id bigint); INSERT INTO mine VALUES (1), (2);";

fn folder(_: &Fixtures) -> Outcome {
    let project = Project::new(
        "CREATE SERVER gone FOREIGN DATA WRAPPER files OPTIONS (location 'mount', breaker_failures '3', breaker_pause '1h');
         IMPORT FOREIGN SCHEMA public FROM SERVER gone INTO gone;",
    );
    project.write("mount/t.csv", "id\n1\n2\n3\n");
    let onerow = project.serve();
    onerow.sql(MINE)?;
    same!(onerow.sql("SELECT count(*) FROM gone.t")?, "3");
    let (mount, away) = (project.path().join("mount"), project.path().join("away"));
    std::fs::rename(&mount, &away)?;
    down(&onerow, "58P01", "does not exist")?;
    std::fs::rename(&away, &mount)?;
    refused!(onerow.sql("SELECT count(*) FROM gone.t"), "08006", "left alone");
    onerow.sql("ALTER SERVER gone REFRESH")?;
    same!(onerow.sql("SELECT count(*) FROM gone.t")?, "3");
    // A file that is gone is no source that is.
    std::fs::remove_file(mount.join("t.csv"))?;
    for _ in 0..5 {
        refused!(onerow.sql(&format!("{SKIP}SELECT count(*) FROM gone.t")), "58P01", "t.csv");
    }
    Ok(())
}

fn serve(folder: &std::path::Path, port: u16) -> Running {
    let server = Running::start(
        Command::new("python3")
            .args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string(), "--directory"])
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    wait_for_port(port, "the web server");
    server
}

fn web(_: &Fixtures) -> Outcome {
    let files = Project::new("");
    files.write("t.csv", "id\n1\n2\n3\n");
    let port = free_port();
    let server = serve(files.path(), port);
    let project = Project::new(&format!(
        "CREATE SERVER gone FOREIGN DATA WRAPPER files
           OPTIONS (location 'http://127.0.0.1:{port}/', retries '0', breaker_failures '3', breaker_pause '3s');
         CREATE FOREIGN TABLE gone.t (id bigint) SERVER gone OPTIONS (path 't.csv');"
    ));
    let onerow = project.serve();
    onerow.sql(MINE)?;
    same!(onerow.sql("SELECT count(*) FROM gone.t")?, "3");
    drop(server);
    down(&onerow, "08006", "could not reach")?;
    let _server = serve(files.path(), port);
    let back = || onerow.sql("SELECT count(*) FROM gone.t").is_ok_and(|count| count == "3");
    same!(eventually(Duration::from_secs(20), back), true, "{}", onerow.log());
    Ok(())
}

/// Says of each request what S3 says of a wrong key.
const REFUSING: &str = "
import http.server, sys
class Refuse(http.server.BaseHTTPRequestHandler):
    def answer(self):
        body = b'<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>'
        self.send_response(403)
        self.send_header('Content-Type', 'application/xml')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_PUT = answer
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Refuse).serve_forever()
";

fn key(_: &Fixtures) -> Outcome {
    let port = free_port();
    let _server =
        Running::start(Command::new("python3").args(["-c", REFUSING, &port.to_string()]).stderr(Stdio::null()));
    wait_for_port(port, "the store");
    let project = Project::new(&format!(
        "CREATE SERVER gone FOREIGN DATA WRAPPER files OPTIONS (location 's3://exports/', endpoint 'http://127.0.0.1:{port}',
           allow_http 'true', retries '0', breaker_failures '3', breaker_pause '1h');
         CREATE USER MAPPING FOR PUBLIC SERVER gone OPTIONS (access_key_id 'ann', secret_access_key 'wr0ng');
         CREATE FOREIGN TABLE gone.t (id bigint) SERVER gone OPTIONS (path 'folder/', format 'csv');"
    ));
    let onerow = project.serve();
    onerow.sql(MINE)?;
    down(&onerow, "28000", "were refused")?;
    lacks!(onerow.log(), "wr0ng");
    Ok(())
}
