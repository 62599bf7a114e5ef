//! Options as text: those that a connection begins with, those of servers and of COPY.

use super::super::super::support::{Fixtures, Outcome, Project};
use super::super::raw::{Wire, is_silence, state, zero_ended};
use super::corpus::{Search, is_well, kept};
use super::dice::Dice;

/// What a connection may begin with.
const STARTUP: &[(&str, &[&str])] = &[
    ("user", &["onerow", "", "张伟", "a\"b", "postgres"]),
    ("database", &["onerow", "", "nope", "template1"]),
    (
        "options",
        &[
            "-c search_path=a,b",
            "--statement-timeout=5s",
            "-cjit=off",
            "-c",
            "-c x",
            "-x",
            "\\",
            "-c a\\ b=c",
            "--=",
            "-c =1",
        ],
    ),
    ("replication", &["false", "database", "on", "0", "maybe"]),
    ("client_encoding", &["UTF8", "'utf-8'", "LATIN1", "SQL_ASCII", "auto", ""]),
    ("DateStyle", &["ISO", "German", "ISO, DMY", ""]),
    ("TimeZone", &["Europe/Berlin", "+05:30", "-7.5", "<+02>-02", "nope", "99999999999", "1e9", "."]),
    ("application_name", &["psql", "\t\u{1f600}", ""]),
    ("statement_timeout", &["5s", "-1", "9999999999999999999999", "1.5h", "0"]),
    ("work_mem", &["4MB", "1e999", "-1", "9223372036854775807TB", "NaN", "4 MB"]),
    ("extra_float_digits", &["3", "-99", "2"]),
    ("search_path", &["\"$user\", public", ",,,", "\"", "a.b", ""]),
    ("role", &["none", "onerow", "nope"]),
    ("onerow.max_keys", &["1", "-1", "1e3", "99999999999999999999"]),
    ("enable_seqscan", &["off", "maybe", ""]),
    ("session_replication_role", &["replica", "x"]),
    ("_pq_.later", &["1"]),
    ("a.b", &["c", ""]),
    ("", &["x"]),
];

/// Statements with options of servers.
const SERVERS: &[&str] = &[
    "CREATE SERVER s FOREIGN DATA WRAPPER postgres OPTIONS (host '127.0.0.1', port '1', dbname 'x', sslmode 'disable')",
    "CREATE SERVER s FOREIGN DATA WRAPPER postgres OPTIONS (host 'a', fetch_size '10', application_name 'b', timezone 'UTC')",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (host '127.0.0.1', port '3306', timezone '+05:30')",
    "CREATE SERVER s FOREIGN DATA WRAPPER sqlite OPTIONS (database 'x.db')",
    "CREATE SERVER s FOREIGN DATA WRAPPER files OPTIONS (location '/nowhere', max_statements '4')",
    "CREATE SERVER s TYPE 't' VERSION '1' FOREIGN DATA WRAPPER files OPTIONS (location 'http://127.0.0.1:1/')",
];

/// Options of COPY, in both forms.
const COPIES: &[&str] = &[
    "(FORMAT csv, HEADER match, DELIMITER ';', NULL 'x', QUOTE '''', ESCAPE '\\')",
    "(FORMAT text, DELIMITER '|', NULL '', ENCODING 'UTF8', HEADER true)",
    "(FORMAT binary)",
    "(FORMAT csv, FORCE_NULL (a, b), FORCE_NOT_NULL (b))",
    "(FORMAT csv, FORCE_QUOTE *, FREEZE off)",
    "WITH CSV HEADER QUOTE AS '\"' ESCAPE '\"' FORCE NOT NULL a FORCE NULL b NULL AS ''",
    "DELIMITERS ',' WITH NULL AS 'n'",
    "WITH BINARY",
];

/// Values and words that stand where others belong.
const ODD: &[&str] = &[
    "''",
    "'a'",
    "'\\'",
    "'99999999999999999999'",
    "'-1'",
    "'NaN'",
    "NULL",
    "*",
    "(",
    ")",
    "()",
    ",",
    "1",
    "-1",
    "1e999",
    "true",
    "'\u{1f600}'",
    "\"\"",
    "\"a",
    "E'\\x'",
    "match",
    "format",
    "host",
    "port",
    "\n",
    ";",
    "--",
    "/*",
    "$$",
];

/// A connection's parameters, some of them odd.
fn startup(dice: &mut Dice) -> Vec<u8> {
    let mut body = 196_608i32.to_be_bytes().to_vec();
    if dice.below(8) > 0 {
        body.extend(b"user\0onerow\0");
    }
    for _ in 0..dice.below(5) {
        let (name, values) = dice.pick(STARTUP);
        let mut value = dice.pick::<&str>(values).as_bytes().to_vec();
        if dice.below(3) == 0 {
            dice.mutate(&mut value);
        }
        body.extend(name.bytes().chain([0]));
        body.extend(value.into_iter().chain([0]));
    }
    if dice.below(8) > 0 {
        body.push(0);
    }
    [&(body.len() as i32 + 4).to_be_bytes()[..], &body].concat()
}

/// One of the texts with a few of its words changed.
fn odd(dice: &mut Dice, texts: &[&str]) -> String {
    let text: &str = dice.pick::<&str>(texts);
    let mut words: Vec<String> = text.split_inclusive([' ', '(', ')', ',']).map(str::to_string).collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(words.len());
        match dice.below(4) {
            0 => drop(words.drain(at..words.len().min(at + 1))),
            1 => words.insert(at, format!(" {} ", dice.pick::<&str>(ODD))),
            _ if words.is_empty() => {}
            _ => words[at] = format!("{} ", dice.pick::<&str>(ODD)),
        }
    }
    words.concat()
}

/// Sends a text, and data for a COPY that waits for some; the SQLSTATE of the first error.
fn ask(wire: &mut Wire, sql: &str) -> Result<String, String> {
    wire.send(b'Q', &zero_ended(&[sql])).map_err(|error| error.to_string())?;
    wire.send(b'd', b"1,x\n\"2,\n").map_err(|error| error.to_string())?;
    wire.send(b'c', b"").map_err(|error| error.to_string())?;
    let answer = wire.until_ready().map_err(|error| format!("{error} after {sql}"))?;
    Ok(state(&answer).unwrap_or_default())
}

pub fn options(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE TABLE t (a int, b text);");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    for (name, bytes) in kept("options")? {
        let state = ask(&mut wire, String::from_utf8_lossy(&bytes).trim())?;
        same!(state.starts_with("XX"), false, "{name}: {state}");
    }
    is_well(&onerow)?;
    let mut search = Search::new("startup", 300, 4);
    let mut round = 0;
    while search.goes_on(round) {
        let sent = startup(&mut search.dice);
        let mut wire = Wire::open(onerow.port)?;
        let _ = wire.bytes(&sent);
        if let Err(error) = wire.finish()
            && is_silence(&error)
        {
            search.keep(&sent);
            return Err(format!("round {round}: silence ({error}) after {:?}", String::from_utf8_lossy(&sent)).into());
        }
        search.tried(&onerow, sent)?;
        round += 1;
    }
    search.look(&onerow)?;
    let mut search = Search::new("options", 400, 5);
    let mut round = 0;
    while search.goes_on(round) {
        let sql = match search.dice.below(3) {
            0 => odd(&mut search.dice, SERVERS),
            1 => format!("COPY t FROM STDIN {}", odd(&mut search.dice, COPIES)),
            _ => format!("COPY (SELECT * FROM t) TO STDOUT {}", odd(&mut search.dice, COPIES)),
        };
        for sql in [sql.as_str(), "DROP SERVER IF EXISTS s CASCADE"] {
            let state = ask(&mut wire, sql).inspect_err(|_| search.keep(sql.as_bytes()))?;
            if state.starts_with("XX") {
                search.keep(sql.as_bytes());
                return Err(format!("{state} after {sql}").into());
            }
        }
        search.tried(&onerow, sql.into_bytes())?;
        round += 1;
    }
    search.look(&onerow)
}
