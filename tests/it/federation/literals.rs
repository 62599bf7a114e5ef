//! Values that look like something else: each finds the rows that hold it, and no other.

use tokio_postgres::Client;

use super::super::support::wire::{Fault, Rows, all_well, rows};
use super::super::support::{Fixtures, Outcome, block_on};
use super::dice::Dice;
use super::kind::{KINDS, Kind, Place, TEXTS, quoted};
use super::load::load;
use super::population::{Cell, Population, Table};

/// What is put together to texts.
const FRAGMENTS: &[&str] = &[
    "'",
    "''",
    "\\",
    "\\'",
    "\"",
    "`",
    "--",
    "/*",
    "*/",
    "#",
    ";",
    "$1",
    "$$",
    "?",
    ":x",
    "%",
    "_",
    "\\%",
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    " OR 1=1 ",
    " LIMIT 1",
    " UNION SELECT ",
    "NULL",
    "a",
    "A",
    "ß",
    "İ",
    "ı",
    "张",
    "e\u{301}",
    "😀",
    "\u{200b}",
    "\u{feff}",
    "\u{7f}",
    "E'",
    "x'41'",
    "{}",
    "%s",
    "\\n",
    "\\0",
    "${env:HOME}",
];

const SQL_PLACES: [Place; 3] = [Place::Pg, Place::My, Place::Lite];

/// Texts that differ in their bytes, and perhaps in nothing else.
fn texts(count: usize) -> Vec<String> {
    let mut dice = Dice::new(20, 0);
    let mut found: Vec<String> = TEXTS.iter().map(|text| (*text).to_string()).collect();
    while found.len() < count {
        let text: String = (0..dice.between(1, 5)).map(|_| *dice.pick(FRAGMENTS)).collect();
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

fn table(name: &str, kind: Kind, loose: bool, values: &[String]) -> Table {
    let rows = values.iter().enumerate().map(|(id, value)| vec![Some(id.to_string()), Some(value.clone())]);
    // Who asks for a value does not get the row without one.
    let rows: Vec<Vec<Cell>> = rows.chain([vec![Some("-1".to_string()), None]]).collect();
    let columns = vec![("id".to_string(), Kind::Int), ("v".to_string(), kind)];
    Table { name: name.into(), columns, loose: vec![false, loose], rows }
}

/// A text with the wildcards of LIKE made plain.
fn as_pattern(text: &str) -> String {
    text.replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_")
}

async fn found(client: &Client, sql: &str) -> String {
    let shown =
        |rows: Rows| rows.into_iter().flatten().map(|v| v.unwrap_or("NULL".into())).collect::<Vec<_>>().join(",");
    rows(client, sql).await.map_or_else(|fault| fault.to_string(), shown)
}

pub fn of_text(fixtures: &Fixtures) -> Outcome {
    let values = texts(90);
    let tables = vec![table("strict", Kind::Text, false, &values), table("loose", Kind::Text, true, &values)];
    let project = load(&Population { seed: 900_001, tables }, fixtures, false)?;
    let onerow = project.serve();
    let (mut wrong, mut asked) = (vec![], 0);
    block_on(async {
        let client = onerow.client().await;
        let mut dice = Dice::new(21, 0);
        for place in SQL_PLACES {
            for table in ["strict", "loose"] {
                let from = format!("{}.{table}", place.schema());
                let statement =
                    client.prepare(&format!("SELECT id FROM {from} WHERE v = $1::text")).await.map_err(Fault::from)?;
                for (id, text) in values.iter().enumerate() {
                    let (literal, pattern) = (quoted(text), quoted(&as_pattern(text)));
                    let form = match dice.below(9) {
                        0 => format!("SELECT id FROM {from} WHERE v IN ({literal}, 'no such')"),
                        1 => format!("SELECT id FROM {from} WHERE v LIKE {pattern}"),
                        2 => format!("SELECT id FROM {from} WHERE v >= {literal} AND v <= {literal}"),
                        3 => format!("SELECT max(id) FROM {from} WHERE NOT (v <> {literal})"),
                        4 => format!("SELECT id FROM {from} GROUP BY id, v HAVING v = {literal}"),
                        5 => format!("SELECT a.id FROM {from} a JOIN {from} b ON a.id = b.id AND b.v = {literal}"),
                        6 => format!("SELECT id FROM {from} WHERE CASE WHEN v = {literal} THEN 1 ELSE 0 END = 1"),
                        7 => format!("SELECT id FROM {from} WHERE v || '-' = {literal} || '-'"),
                        _ => format!(
                            "SELECT id FROM {from} a
                               WHERE EXISTS (SELECT 1 FROM {from} b WHERE b.id = a.id AND b.v = {literal})"
                        ),
                    };
                    for sql in [format!("SELECT id FROM {from} WHERE v = {literal}"), form] {
                        asked += 1;
                        let got = found(&client, &sql).await;
                        if got != id.to_string() {
                            wrong.push(format!("{sql}\n    found {got} and not {id}"));
                        }
                    }
                    // What is said comes back as it was said.
                    let said = found(&client, &format!("SELECT {literal} AS x FROM {from} WHERE id = {id}")).await;
                    if said != *text {
                        wrong.push(format!("{from}: {text:?} came back as {said:?}"));
                    }
                    let bound = client.query(&statement, &[text]).await.map_err(Fault::from)?;
                    let bound: Vec<i64> = bound
                        .iter()
                        .map(|row| row.try_get::<_, i64>(0).or_else(|_| row.try_get::<_, i32>(0).map(i64::from)))
                        .collect::<Result<_, _>>()?;
                    if bound != [id as i64] {
                        wrong.push(format!("{from}: as a parameter {text:?} found {bound:?} and not {id}"));
                    }
                }
            }
        }
        Ok::<_, libtest_mimic::Failed>(())
    })?;
    all_well(&wrong, asked)
}

pub fn of_other_types(fixtures: &Fixtures) -> Outcome {
    let kinds = KINDS.into_iter().filter(|kind| !kind.is_text());
    let tables: Vec<Table> = kinds
        .map(|kind| {
            let values: Vec<String> = kind.values().iter().map(|value| (*value).to_string()).collect();
            table(&format!("of_{kind:?}").to_lowercase(), kind, false, &values)
        })
        .collect();
    let population = Population { seed: 900_002, tables };
    let project = load(&population, fixtures, false)?;
    let onerow = project.serve();
    let (mut wrong, mut asked) = (vec![], 0);
    block_on(async {
        let client = onerow.client().await;
        for place in SQL_PLACES {
            for table in &population.tables {
                let (from, kind) = (format!("{}.{}", place.schema(), table.name), table.columns[1].1);
                for value in kind.values() {
                    let same: Vec<String> = kind
                        .values()
                        .iter()
                        .enumerate()
                        .filter(|(_, other)| *other == value)
                        .map(|(id, _)| id.to_string())
                        .collect();
                    let literal = kind.literal(value);
                    for sql in [
                        format!("SELECT id FROM {from} WHERE v = {literal} ORDER BY id"),
                        format!("SELECT id FROM {from} WHERE v IN ({literal}, {literal}) ORDER BY id"),
                        format!("SELECT id FROM {from} WHERE NOT (v <> {literal}) ORDER BY id"),
                        format!("SELECT id FROM {from} WHERE v >= {literal} AND v <= {literal} ORDER BY id"),
                    ] {
                        asked += 1;
                        let got = found(&client, &sql).await;
                        if got != same.join(",") {
                            wrong.push(format!("{sql}\n    found {got} and not {}", same.join(",")));
                        }
                    }
                }
            }
        }
    });
    all_well(&wrong, asked)
}
