//! Tables and columns whose names look like something else.

use super::super::support::wire::{all_well, rows};
use super::super::support::{Fixtures, Outcome, Project, block_on};
use super::dice::Dice;
use super::kind::Place;

/// What is put together to names.
const FRAGMENTS: &[&str] = &[
    "'", "\"", "`", "\\", ".", ";", "--", "/*", "$1", "?", "%", " ", "(", ")", ",", "[", "]", "@", "#", ":", "select",
    "FROM", "Limit", "a", "Z", "ä", "ß", "İ", "张", "e\u{301}", "0", "\t", "=", "x0",
];

/// The tables of one place.
const TABLES: usize = 4;

/// The columns of a table; column `n` holds the number `n`.
const COLUMNS: usize = 10;

/// A name that no other is like, whatever a place makes of case and accents: it ends in a number.
fn name(dice: &mut Dice, number: usize) -> String {
    let fragments: String = (0..dice.between(1, 5)).map(|_| *dice.pick(FRAGMENTS)).collect();
    format!("{fragments}{number}")
}

fn double_quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn backquoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

pub fn of_every_kind(fixtures: &Fixtures) -> Outcome {
    let (postgres, mariadb) = (fixtures.postgres(), fixtures.mariadb());
    let project = Project::new("");
    let lite = rusqlite::Connection::open(project.path().join("lite.db"))?;
    let mut dice = Dice::new(22, 0);
    let mut tables: Vec<(Place, String, Vec<String>)> = vec![];
    let mut at_postgres = "CREATE SCHEMA \"names: \"\"'\";\n".to_string();
    let mut at_mariadb = "CREATE DATABASE `names: ``'` CHARACTER SET utf8mb4; USE `names: ``'`;\n".to_string();
    for place in [Place::Pg, Place::My, Place::Lite] {
        for number in 0..TABLES {
            let table = name(&mut dice, number);
            let columns: Vec<String> = (0..COLUMNS).map(|column| name(&mut dice, column)).collect();
            let quote = if place == Place::My { backquoted } else { double_quoted };
            let declared: Vec<String> = columns.iter().map(|column| format!("{} INTEGER", quote(column))).collect();
            let values: Vec<String> = (0..COLUMNS).map(|column| column.to_string()).collect();
            let (made, filled) = (
                format!("({})", declared.join(", ")),
                format!("VALUES ({}), ({})", values.join(", "), ["NULL"; COLUMNS].join(", ")),
            );
            let schema = if place == Place::Pg { "\"names: \"\"'\"." } else { "" };
            let quoted = quote(&table);
            let sql = format!("CREATE TABLE {schema}{quoted} {made}; INSERT INTO {schema}{quoted} {filled};\n");
            match place {
                Place::Pg => at_postgres.push_str(&sql),
                Place::My => at_mariadb.push_str(&sql),
                _ => lite.execute_batch(&sql)?,
            }
            tables.push((place, table, columns));
        }
    }
    drop(lite);
    postgres.sql(&at_postgres);
    mariadb.sql(&at_mariadb);
    project.write(
        "10_main.sql",
        format!(
            "{}{}CREATE SERVER lite FOREIGN DATA WRAPPER sqlite OPTIONS (database 'lite.db');
             IMPORT FOREIGN SCHEMA \"names: \"\"'\" FROM SERVER pg INTO pg;
             IMPORT FOREIGN SCHEMA \"names: `'\" FROM SERVER my INTO my;
             IMPORT FOREIGN SCHEMA main FROM SERVER lite INTO lite;",
            postgres.declared("pg"),
            mariadb.declared("my")
        ),
    );
    let onerow = project.serve();
    let (mut wrong, mut asked) = (vec![], 0);
    block_on(async {
        let client = onerow.client().await;
        for (place, table, columns) in &tables {
            let from = format!("{}.{}", place.schema(), double_quoted(table));
            for (number, column) in columns.iter().enumerate() {
                let (c, other) = (double_quoted(column), double_quoted(&columns[(number + 1) % COLUMNS]));
                for sql in [
                    format!("SELECT {c} FROM {from} WHERE {c} = {number}"),
                    format!("SELECT max({c}) AS {other} FROM {from} WHERE {c} IS NOT NULL GROUP BY {other}"),
                    format!("SELECT {c} FROM {from} WHERE {other} IS NOT NULL ORDER BY {c} LIMIT 1"),
                    format!(
                        "SELECT a.{c} FROM {from} AS a JOIN {from} AS b ON a.{c} = b.{c} WHERE b.{c} IN ({number}, -1)"
                    ),
                ] {
                    asked += 1;
                    let got = match rows(&client, &sql).await {
                        Ok(rows) => format!("{rows:?}"),
                        Err(fault) => fault.to_string(),
                    };
                    if got != format!("[[Some(\"{number}\")]]") {
                        wrong.push(format!("{sql}\n    gave {got}"));
                    }
                }
            }
        }
    });
    all_well(&wrong, asked)
}
