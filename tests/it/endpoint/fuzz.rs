//! What no client and no file should send: every answer is rows or an error, and the server goes on.
//!
//! The mutations come from a fixed seed, so that a failure can be had again.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};

use super::super::support::data::{gzip, parquet};
use super::super::support::onerow::Onerow;
use super::super::support::process::eventually;
use super::super::support::{Fixtures, Outcome, Project};
use super::raw::{Wire, is_silence, state, zero_ended};

/// A generator of numbers (splitmix64): the same ones in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end.max(1) as u64) as usize
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Changes, takes away or adds a few bytes.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let random = self.roll() as u8;
            match self.below(4) {
                0 | 1 if !bytes.is_empty() => bytes[at] = *self.pick(&[0, 1, 0x7f, 0x80, 0xff, b'\'', random]),
                2 => drop(bytes.drain(at..bytes.len().min(at + 4))),
                _ => bytes.insert(at, random),
            }
        }
    }
}

fn packet(body: &[u8]) -> Vec<u8> {
    [&(body.len() as i32 + 4).to_be_bytes()[..], body].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &packet(body)].concat()
}

/// The server answers, and nothing in it went wrong on the way.
fn is_well(onerow: &Onerow) -> Outcome {
    same!(eventually(Duration::from_secs(20), || onerow.sql("SELECT 1").is_ok_and(|one| one == "1")), true, "alive");
    let log = onerow.log();
    let panics: Vec<&str> = log.lines().filter(|line| line.contains("panicked") || line.contains("mistake")).collect();
    same!(panics, Vec::<&str>::new(), "panics");
    Ok(())
}

/// Mutated conversations, before and after the login.
pub fn messages(_: &Fixtures) -> Outcome {
    let project = Project::new("CREATE TABLE t (a int, b text);");
    let onerow = project.serve();
    let mut dice = Dice(1);
    let login = packet(&[&196_608i32.to_be_bytes()[..], b"user\0onerow\0database\0onerow\0\0"].concat());
    let cancel = packet(&[&80_877_102i32.to_be_bytes()[..], &[0; 8]].concat());
    let tls = packet(&80_877_103i32.to_be_bytes());
    let bind = [zero_ended(&["", "s"]), vec![0, 0, 0, 1, 0, 0, 0, 1, b'7', 0, 0]].concat();
    let extended = [
        message(b'P', &[zero_ended(&["s", "SELECT $1::int + 1"]), vec![0, 1, 0, 0, 0, 23]].concat()),
        message(b'B', &bind),
        message(b'D', b"P\0"),
        message(b'E', &[zero_ended(&[""]), vec![0, 0, 0, 0]].concat()),
        message(b'C', b"Ss\0"),
        message(b'S', b""),
        message(b'Q', &zero_ended(&["SELECT 'a', NULL"])),
    ]
    .concat();
    let binary =
        [&b"PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0"[..], b"\0\x02\0\0\0\x04\0\0\0\x01\0\0\0\x01x\xFF\xFF"].concat();
    let copies = [
        message(b'Q', &zero_ended(&["COPY t FROM STDIN"])),
        message(b'd', b"1\ta\\x41\\101\\n\n2\t\\N\n\\.\n"),
        message(b'c', b""),
        message(b'Q', &zero_ended(&["COPY t (b, a) FROM STDIN (FORMAT csv, HEADER, NULL 'x')"])),
        message(b'd', b"b,a\r\n\"a\"\"\r\n"),
        message(b'd', b"b\",1\r\nx,x\r\n"),
        message(b'c', b""),
        message(b'Q', &zero_ended(&["COPY t FROM STDIN BINARY"])),
        message(b'd', &binary),
        message(b'f', b"no\0"),
        message(b'Q', &zero_ended(&["COPY (SELECT * FROM t LIMIT 3) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"])),
    ]
    .concat();
    for round in 0..320 {
        let (mut sent, logged_in) = match round % 5 {
            0 => (dice.pick(&[login.clone(), cancel.clone(), tls.clone()]).clone(), false),
            1 => ([login.clone(), extended.clone()].concat(), false),
            2 => (copies.clone(), true),
            _ => (extended.clone(), true),
        };
        dice.mutate(&mut sent);
        let mut wire = if logged_in { Wire::connect(onerow.port)? } else { Wire::open(onerow.port)? };
        // A server that has heard enough may hang up before it has read all.
        let _ = wire.bytes(&sent);
        if let Err(error) = wire.finish() {
            return Err(format!("round {round}: silence ({error}) after {sent:?}").into());
        }
    }
    is_well(&onerow)
}

/// The statements of the tests in SQL.
fn seeds() -> Result<Vec<String>, String> {
    let mut found = vec![];
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt")];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<_> =
            fs::read_dir(&folder).map_err(|e| e.to_string())?.flatten().map(|e| e.path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).map_err(|e| e.to_string())?;
            for record in text.split("\n\n") {
                let lines =
                    record.lines().skip_while(|line| !line.starts_with("query") && !line.starts_with("statement"));
                let sql: Vec<&str> = lines.skip(1).take_while(|line| *line != "----").collect();
                if !sql.is_empty() {
                    found.push(sql.join("\n"));
                }
            }
        }
    }
    Ok(found)
}

/// Words, texts, numbers and signs.
fn tokens(sql: &str) -> Vec<String> {
    let mut tokens: Vec<String> = vec![];
    let mut quoted = false;
    for character in sql.chars() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let joins =
            tokens.last().and_then(|token| token.chars().last()).is_some_and(|last| word(last) && word(character));
        match tokens.last_mut() {
            Some(token) if quoted || joins => token.push(character),
            _ => tokens.push(character.to_string()),
        }
        if character == '\'' {
            quoted = !quoted;
        }
    }
    tokens
}

const HOSTILE: &[&str] = &[
    "NULL",
    "-9223372036854775808",
    "9223372036854775807",
    "1e308",
    "'NaN'",
    "''",
    "'\u{e4}\u{1f600}'",
    "'\\'",
    "'infinity'",
    "interval '178000000 years'",
    "date '5874897-12-31'",
    "timestamp '294276-12-31 23:59:59.999999'",
    "'[1,2'",
    "'(a'",
    "ARRAY[]::int[]",
    "ARRAY[NULL]",
    "0.0000000001",
    "99999999999999999999999999999999999999",
    "(SELECT 1)",
    "DISTINCT",
    "$1",
    "::numeric(76,10)",
    "::varchar(2147483647)",
    "::interval",
    "::json",
    "::bytea",
    "OVER ()",
    "(",
    ")",
    ",",
    "*",
    "x.c",
];

/// Statements with some of their words replaced, left out or added.
pub fn statements(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let seeds = seeds()?;
    let mut dice = Dice(2);
    let mut wire = Wire::connect(onerow.port)?;
    for _ in 0..600 {
        let mut words = tokens(dice.pick::<String>(&seeds));
        for _ in 0..=dice.below(2) {
            let at = dice.below(words.len());
            match dice.below(5) {
                0 => drop(words.drain(at..words.len().min(at + 1))),
                1 => {
                    let other = tokens(dice.pick::<String>(&seeds));
                    words.insert(at, format!(" {} ", dice.pick(&other)));
                }
                _ if words.is_empty() => {}
                _ => words[at] = dice.pick(HOSTILE).to_string(),
            }
        }
        let sql = words.concat();
        wire.send(b'Q', &zero_ended(&["SET statement_timeout = '10s'"]))?;
        wire.until_ready()?;
        wire.send(b'Q', &zero_ended(&[&sql]))?;
        let answer = wire.until_ready().map_err(|error| format!("{error} after {sql}"))?;
        if let Some(state) = state(&answer) {
            same!(state.len(), 5, "{sql}");
        }
        wire.send(b'Q', &zero_ended(&["ROLLBACK"]))?;
        wire.until_ready()?;
    }
    is_well(&onerow)
}

/// Values that lie about their length, nest too deeply, or are none.
pub fn parameters(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let array = |dimensions: i32, count: i32, rest: &[u8]| {
        let head = [dimensions, 0, 23, count, 1].into_iter().flat_map(i32::to_be_bytes).collect::<Vec<u8>>();
        [head, rest.to_vec()].concat()
    };
    let numeric = |words: &[u16]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    let deep = format!("{}1{}", "[".repeat(200_000), "]".repeat(200_000));
    // The type, whether it is binary, and the value.
    let hostile: Vec<(&str, bool, Vec<u8>)> = vec![
        ("int[]", true, array(1, -1, &[])),
        ("int[]", true, array(1, i32::MAX, &[])),
        ("int[]", true, array(-1, 1, &[])),
        ("int[]", true, array(7, 1, &[])),
        ("int[]", true, array(1, 1, &[0x7f, 0xff, 0xff, 0xff])),
        ("int[]", true, array(1, 1, &[0, 0, 0, 2, 0, 0])),
        ("int[]", true, vec![]),
        ("int[]", false, b"{{{{{{{1}}}}}}}".to_vec()),
        ("int[]", false, b"{".repeat(100_000)),
        ("text[]", false, b"{\"a".to_vec()),
        ("json", false, deep.clone().into_bytes()),
        ("jsonb", false, deep.clone().into_bytes()),
        ("jsonb", true, [b"\x01".to_vec(), deep.into_bytes()].concat()),
        ("jsonb", true, vec![2, b'1']),
        ("numeric", true, numeric(&[0xffff, 0, 0, 0])),
        ("numeric", true, numeric(&[1, 0x7fff, 0, 0, 9_999])),
        ("numeric", true, numeric(&[1, 0x8000, 0, 0, 9_999])),
        ("numeric", true, numeric(&[1, 0, 0, 0xffff, 60_000])),
        ("numeric", false, b"1e999999999999".to_vec()),
        ("numeric", false, b"1e-2147483648".to_vec()),
        ("timestamp", true, i64::MAX.to_be_bytes().to_vec()),
        ("timestamp", true, i64::MIN.to_be_bytes().to_vec()),
        ("timestamptz", true, (i64::MAX - 1).to_be_bytes().to_vec()),
        ("date", true, i32::MAX.to_be_bytes().to_vec()),
        ("date", true, i32::MIN.to_be_bytes().to_vec()),
        ("time", true, i64::MIN.to_be_bytes().to_vec()),
        ("interval", true, [0x7f; 16].to_vec()),
        ("interval", false, b"99999999999999999999 years".to_vec()),
        ("timestamp", false, b"294277-01-01".to_vec()),
        ("uuid", true, vec![0; 15]),
        ("bool", true, vec![2]),
        ("text", false, vec![0xff, 0xfe]),
        ("bytea", false, b"\\xabc".to_vec()),
        ("int", true, vec![0; 3]),
    ];
    let mut wire = Wire::connect(onerow.port)?;
    for (kind, binary, value) in hostile {
        wire.send(b'P', &[zero_ended(&["", &format!("SELECT $1::{kind}")]), vec![0, 0]].concat())?;
        let bind = [
            zero_ended(&["", ""]),
            vec![0, 1, 0, u8::from(binary), 0, 1],
            (value.len() as i32).to_be_bytes().to_vec(),
            value.clone(),
            vec![0, 0],
        ];
        wire.send(b'B', &bind.concat())?;
        wire.send(b'E', &[zero_ended(&[""]), vec![0, 0, 0, 0]].concat())?;
        wire.send(b'S', &[])?;
        let shown = value.get(..value.len().min(20)).unwrap_or_default();
        let answer = wire.until_ready().map_err(|error| format!("{error} after {kind} {shown:?}"))?;
        let state = state(&answer).unwrap_or_default();
        same!(state.starts_with("XX"), false, "{kind} {shown:?}: {state}");
    }
    // A length that is negative but not that of null, and one beyond the message.
    for length in [i32::MIN, -2, i32::MAX] {
        let mut wire = Wire::connect(onerow.port)?;
        wire.send(b'P', &[zero_ended(&["", "SELECT $1::int"]), vec![0, 0]].concat())?;
        let head = [zero_ended(&["", ""]), vec![0, 0, 0, 1]].concat();
        wire.send(b'B', &[head, length.to_be_bytes().to_vec(), vec![0, 0]].concat())?;
        wire.send(b'S', &[])?;
        let said = wire.finish();
        same!(said.as_ref().is_err_and(is_silence), false, "length {length}");
    }
    is_well(&onerow)
}

/// Files that are cut off, not what they are called, too deep, too wide or far larger than they look.
pub fn files(fixtures: &Fixtures) -> Outcome {
    let _alone = fixtures.heavy();
    let project = Project::new("");
    let mut dice = Dice(3);
    let schema =
        Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true), Field::new("name", DataType::Utf8, true)]));
    let names: StringArray = (0..500).map(|n| Some(format!("name {n}"))).collect();
    let rows = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from_iter_values(0..500)), Arc::new(names)]);
    let whole = parquet(&[rows.map_err(|error| error.to_string())?]);
    let csv = (0..500).map(|n| format!("{n},\"name {n}\"\n")).collect::<String>();
    let csv = format!("id,name\n{csv}");
    let zipped = gzip(&csv);
    let footer = |length: u32| [&b"PAR1"[..], &[0; 8], &length.to_le_bytes(), b"PAR1"].concat();
    let mut given: Vec<(String, Vec<u8>)> = vec![
        ("quote.csv".into(), [b"id,name\n1,\"never ends".to_vec(), vec![b'x'; 100_000]].concat()),
        ("record.csv".into(), [b"id,name\n1,".to_vec(), vec![b'x'; 65 << 20]].concat()),
        ("bytes.csv".into(), b"id,name\n1,a\0b\n2,\xff\xfe\n".to_vec()),
        ("ragged.csv".into(), b"id,name\n1\n1,2,3\n".to_vec()),
        ("empty.csv".into(), vec![]),
        ("wide.csv".into(), format!("{}\n{}\n", vec!["a"; 50_000].join(","), vec!["1"; 50_000].join(",")).into_bytes()),
        ("wide.json".into(), {
            let keys: Vec<String> = (0..5_000).map(|n| format!("\"k{n}\":1")).collect();
            format!("{{{}}}\n", keys.join(",")).into_bytes()
        }),
        ("half.csv.gz".into(), zipped[..zipped.len() / 2].to_vec()),
        ("plain.csv.gz".into(), csv.clone().into_bytes()),
        ("bomb.csv.gz".into(), gzip(&format!("id,name\n1,{}", "0".repeat(70 << 20)))),
        ("deep.json".into(), format!("{{\"id\":{}{}}}\n", "[".repeat(100_000), "]".repeat(100_000)).into_bytes()),
        ("half.json".into(), b"{\"id\":1}\n{\"id\":".to_vec()),
        ("number.json".into(), b"{\"id\":1e999}\n{\"id\":-99999999999999999999999999}\n".to_vec()),
        ("mixed.json".into(), b"{\"id\":1}\n{\"id\":\"x\"}\n{\"id\":[1]}\n{\"id\":{\"b\":1}}\n".to_vec()),
        ("text.json".into(), b"{\"name\":\"\\ud800\"}\n".to_vec()),
        ("none.parquet".into(), vec![]),
        ("random.parquet".into(), (0..1_000).map(|_| dice.roll() as u8).collect()),
        ("long.parquet".into(), footer(u32::MAX)),
        ("short.parquet".into(), footer(8)),
        ("half.parquet".into(), whole[..whole.len() / 2].to_vec()),
    ];
    for round in 0..12 {
        let of = |name: &str, bytes: &[u8], dice: &mut Dice| {
            let mut bytes = bytes.to_vec();
            dice.mutate(&mut bytes);
            (format!("mutated{round}{name}"), bytes)
        };
        given.push(of(".csv", csv.as_bytes(), &mut dice));
        given.push(of(".csv.gz", &zipped, &mut dice));
        given.push(of(".parquet", &whole, &mut dice));
    }
    fs::create_dir_all(project.path().join("data"))?;
    for (name, bytes) in &given {
        project.write(&format!("data/{name}"), bytes);
    }
    let onerow = project.serve();
    let folder = project.path().join("data");
    let mut wire = Wire::connect(onerow.port)?;
    let mut ask = |sql: &str| -> Result<String, Box<dyn std::error::Error>> {
        wire.send(b'Q', &zero_ended(&[sql]))?;
        let answer = wire.until_ready().map_err(|error| format!("{error} after {sql}"))?;
        Ok(state(&answer).unwrap_or_default())
    };
    same!(ask(&format!("CREATE SERVER f FOREIGN DATA WRAPPER files OPTIONS (location '{}')", folder.display()))?, "");
    same!(ask("SET statement_timeout = '20s'")?, "");
    for (at, (name, _)) in given.iter().enumerate() {
        for (table, columns) in [(format!("found{at}"), ""), (format!("declared{at}"), "(id text, name text)")] {
            let created = ask(&format!("CREATE FOREIGN TABLE {table} {columns} SERVER f OPTIONS (path '{name}')"))?;
            same!(created.starts_with("XX"), false, "{name}: {created}");
            if created.is_empty() {
                let read = ask(&format!("SELECT count(*) FROM {table}"))?;
                same!(read.starts_with("XX"), false, "{name}: {read}");
                let read = ask(&format!("SELECT * FROM {table}"))?;
                same!(read.starts_with("XX"), false, "{name}: {read}");
            }
        }
    }
    let wide = ask("CREATE FOREIGN TABLE wide SERVER f OPTIONS (path 'wide.json')")?;
    same!(wide, "54011");
    let most = onerow.memory("VmHWM");
    same!(most < 1_000 << 20, true, "{} MiB", most >> 20);
    is_well(&onerow)
}
