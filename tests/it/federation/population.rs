//! Random tables, and their rows, which are the same wherever they lie.

use super::dice::Dice;
use super::kind::{KINDS, Kind};

/// A value as PostgreSQL writes it; none is NULL.
pub type Cell = Option<String>;

/// A table: `id`, then the other columns.
#[derive(Clone, Debug)]
pub struct Table {
    pub name: String,
    pub columns: Vec<(String, Kind)>,
    /// Whether each text column ignores case where it is kept, in MariaDB and SQLite; PostgreSQL gets a language.
    pub loose: Vec<bool>,
    pub rows: Vec<Vec<Cell>>,
}

/// The tables of one seed.
#[derive(Clone, Debug)]
pub struct Population {
    pub seed: u64,
    pub tables: Vec<Table>,
}

/// The columns that every table has: the merged view is made of them.
const ALWAYS: [(&str, Kind); 4] = [("k", Kind::Code), ("t", Kind::Text), ("n", Kind::Int), ("at", Kind::Instant)];

impl Population {
    pub fn new(seed: u64) -> Population {
        let mut dice = Dice::new(seed, 0);
        let tables = (0..3).map(|number| table(number, &mut dice)).collect();
        Population { seed, tables }
    }

    /// The tables as a person reads them.
    pub fn shape(&self) -> String {
        let tables: Vec<String> = self
            .tables
            .iter()
            .map(|table| {
                let columns: Vec<String> =
                    table.columns.iter().map(|(name, kind)| format!("{name} {}", kind.sql())).collect();
                format!("{} ({}) of {} rows", table.name, columns.join(", "), table.rows.len())
            })
            .collect();
        tables.join("\n    ")
    }
}

fn table(number: usize, dice: &mut Dice) -> Table {
    let mut columns = vec![("id".to_string(), Kind::Int)];
    columns.extend(ALWAYS.iter().map(|(name, kind)| ((*name).to_string(), *kind)));
    for at in 0..dice.between(2, 5) {
        columns.push((format!("v{at}"), *dice.pick(&KINDS)));
    }
    let loose = columns.iter().map(|(_, kind)| kind.is_text() && dice.chance(50)).collect();
    // Sometimes none at all.
    let count = if dice.chance(5) { 0 } else { dice.between(8, 36) };
    let mut rows: Vec<Vec<Cell>> = vec![];
    for id in 0..count {
        // Duplicates, but for the key.
        if !rows.is_empty() && dice.chance(10) {
            let mut again = dice.pick(&rows).clone();
            again[0] = Some(id.to_string());
            rows.push(again);
            continue;
        }
        rows.push(
            columns
                .iter()
                .enumerate()
                .map(|(at, (_, kind))| match at {
                    0 => Some(id.to_string()),
                    _ if dice.chance(15) => None,
                    _ => Some(kind.value(dice).to_string()),
                })
                .collect(),
        );
    }
    Table { name: format!("t{number}"), columns, loose, rows }
}
