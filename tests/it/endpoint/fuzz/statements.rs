//! Statements that mean nothing, made of those that do.

use std::fs;
use std::path::Path;

use super::super::super::support::{Fixtures, Outcome, Project};
use super::super::raw::{Wire, state, zero_ended};
use super::corpus::{Search, is_well, kept};

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

/// Runs a statement and takes back what it began; the SQLSTATE of its error.
fn run(wire: &mut Wire, sql: &str) -> Result<Option<String>, String> {
    let mut ask = |sql: &str| {
        wire.send(b'Q', &zero_ended(&[sql])).map_err(|error| error.to_string())?;
        // A COPY that waits for data hears that there are none.
        wire.send(b'f', b"none\0").map_err(|error| error.to_string())?;
        let answer = wire.until_ready().map_err(|error| format!("{error} after {sql}"))?;
        Ok::<_, String>(state(&answer))
    };
    ask("SET statement_timeout = '10s'")?;
    let told = ask(sql)?;
    ask("ROLLBACK")?;
    Ok(told)
}

/// Statements with some of their words replaced, left out or added.
pub fn statements(_: &Fixtures) -> Outcome {
    let project = Project::new("");
    let onerow = project.serve();
    let mut wire = Wire::connect(onerow.port)?;
    for (name, bytes) in kept("statements")? {
        let state = run(&mut wire, String::from_utf8_lossy(&bytes).trim())?.unwrap_or_default();
        same!(state.starts_with("XX"), false, "{name}: {state}");
    }
    is_well(&onerow)?;
    let seeds = seeds()?;
    let mut search = Search::new("statements", 600, 2);
    let mut round = 0;
    while search.goes_on(round) {
        let dice = &mut search.dice;
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
        match run(&mut wire, &sql) {
            Ok(state) => same!(state.map_or(5, |state| state.len()), 5, "{sql}"),
            Err(error) => {
                search.keep(sql.as_bytes());
                return Err(error.into());
            }
        }
        search.tried(&onerow, sql.into_bytes())?;
        round += 1;
    }
    search.look(&onerow)
}
