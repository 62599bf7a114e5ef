//! What is sent to a source, and whether its answer is the one that would be computed here.

use tokio_postgres::Client;

use super::wire::{Fault, Rows, all_well, rows, value};
use super::{Onerow, Outcome};

/// A text that leaves a literal whose quoting is wrong in any of the dialects.
pub const INJECTION: &str = r"x\' OR 1=1 --";

/// Texts that cleaning, quoting, collations and patterns get wrong.
pub const UGLY_TEXTS: &[&str] = &[
    "Ann",
    "ann",
    "ANN",
    " Ann",
    "Ann ",
    "Ann  ",
    "Änn",
    "änn",
    "张伟",
    "張偉",
    "İstanbul",
    "istanbul",
    "ıstanbul",
    "ISTANBUL",
    "Straße",
    "Strasse",
    "O'Brien",
    "it''s",
    r"back\slash",
    r"x\' OR 1=1 --",
    "\"quoted\"",
    "`ticks`",
    "",
    " ",
    "a%b",
    "a_b",
    "axb",
    r"a\%b",
    "NULL",
    "null",
    "a\tb",
    "a\nb",
    "😀",
    "zz",
    "Zz",
    "ﬁ",
    "0",
    "00",
];

/// Predicates over a text column `name` and a whole number `id`.
pub const TEXT_PREDICATES: &[&str] = &[
    "name = 'Ann'",
    "name = 'ann'",
    "name = 'Ann '",
    "name = ''",
    "name = ' '",
    "'张伟' = name",
    "name = 'İstanbul'",
    "name = 'Straße'",
    "name <> 'Ann'",
    "name <> ''",
    "NOT (name = 'Ann')",
    "NOT (name <> 'Ann')",
    "name < 'a'",
    "name <= 'Ann'",
    "name > 'Z'",
    "name >= 'zz'",
    "'b' < name",
    "name BETWEEN 'A' AND 'a'",
    "name IN ('Ann', '张伟')",
    "name IN ('ann', 'ANN', 'x')",
    "name NOT IN ('Ann', 'ann')",
    "name LIKE 'A%'",
    "name LIKE '%n'",
    "name LIKE '_nn'",
    "name LIKE 'a_b'",
    r"name LIKE 'a\_b'",
    r"name LIKE 'a\%b'",
    r"name LIKE '%\\%'",
    "name LIKE ''",
    "name LIKE '%'",
    "name NOT LIKE 'A%'",
    "name NOT LIKE '%'",
    "name ILIKE 'ann'",
    "name IS NULL",
    "name IS NOT NULL",
    "name = 'Ann' OR id = 3",
    "name = 'Ann' AND id < 1000",
    "name = 'ann' OR name IS NULL",
    "NOT (name LIKE 'A%')",
    "upper(name) = 'ANN'",
    "name = 'O''Brien'",
    r"name = 'back\slash'",
    "name = '\"quoted\"'",
    "name = '`ticks`'",
    "length(name) = 3 AND name > 'A'",
    "name = '😀'",
    "name IS DISTINCT FROM 'Ann'",
    "id IN (1, 2, 3)",
    "id <> 2",
    "id BETWEEN 3 AND 7",
    "id = 3 OR id = 4 OR name = 'zz'",
    "id > 5 AND id <= 9",
    "id = -1",
    "name = 'a' || 'nn'",
];

/// A text as SQL: standard quotes, in which a backslash is itself.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Fails with every predicate that keeps other rows when it may be sent than when the same rows lie here, in a local
/// table made of them. Rows are known by column `key`.
pub async fn same_rows<S: AsRef<str>>(client: &Client, table: &str, key: &str, predicates: &[S]) -> Outcome {
    let copy = format!("copy_{}", table.replace(['.', '"'], "_").to_lowercase());
    rows(client, &format!("CREATE TABLE {copy} AS SELECT * FROM {table}")).await?;
    let mut differing = vec![];
    for predicate in predicates {
        let predicate = predicate.as_ref();
        let ask = |from: &str| format!("SELECT {key} FROM {from} WHERE {predicate} ORDER BY {key}");
        let sent = shown(rows(client, &ask(table)).await);
        let kept = shown(rows(client, &ask(&copy)).await);
        if sent != kept {
            differing.push(format!("{predicate}\n    sent: {sent}\n    here: {kept}"));
        }
    }
    all_well(&differing, predicates.len())
}

fn shown(result: Result<Rows, Fault>) -> String {
    match result {
        Ok(rows) => rows.into_iter().flatten().map(|v| v.unwrap_or_default()).collect::<Vec<_>>().join(","),
        Err(fault) => fault.state,
    }
}

/// Fails unless the text that would leave its literal finds the one row that has it, however it is written.
pub async fn literals_hold(client: &Client, table: &str) -> Outcome {
    let escaped = INJECTION.replace('\\', r"\\").replace('\'', r"\'");
    for literal in [quoted(INJECTION), format!("E'{escaped}'"), format!("$${INJECTION}$$")] {
        let sql = format!("SELECT count(*)::text || ':' || min(name) FROM {table} WHERE name = {literal}");
        let found = value(client, &sql).await?;
        if found != format!("1:{INJECTION}") {
            return Err(format!("{sql} found {found:?}").into());
        }
    }
    let statement = client.prepare(&format!("SELECT name FROM {table} WHERE name = $1")).await.map_err(Fault::from)?;
    let found = client.query(&statement, &[&INJECTION]).await.map_err(Fault::from)?;
    if found.len() != 1 {
        return Err(format!("as a parameter it found {} rows", found.len()).into());
    }
    Ok(())
}

/// The lines of EXPLAIN that say what is sent to sources.
pub fn sent(onerow: &Onerow, sql: &str) -> Result<Vec<String>, String> {
    let plan = onerow.sql(&format!("EXPLAIN {sql}"))?;
    let lines: Vec<String> = plan.lines().filter(|line| line.contains("SourceScan")).map(str::to_string).collect();
    if lines.is_empty() { Err(format!("nothing is sent to a source:\n{plan}")) } else { Ok(lines) }
}
