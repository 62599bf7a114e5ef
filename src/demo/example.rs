//! Writing the example: data and SQL in one folder.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::dice::Tally;
use super::population::{Person, population};
use super::record::records;
use super::systems::{Loaded, System, save};
use crate::error::Result;

/// What the example is drawn with unless another seed is asked for, and for the figures in the documentation.
pub const SEED: u64 = 42;

/// How many customers there truly are.
const CUSTOMERS: usize = 2000;

/// The SQL files by name, as they stand in `sql/demo`.
const SQL_FILES: [(&str, &str); 6] = [
    ("01_sources.sql", include_str!("../../sql/demo/01_sources.sql")),
    ("02_clean.sql", include_str!("../../sql/demo/02_clean.sql")),
    ("03_customer.sql", include_str!("../../sql/demo/03_customer.sql")),
    ("04_sales.sql", include_str!("../../sql/demo/04_sales.sql")),
    ("05_service.sql", include_str!("../../sql/demo/05_service.sql")),
    ("06_marketing.sql", include_str!("../../sql/demo/06_marketing.sql")),
];

/// An example that was written, with the truth that its systems are measured by.
#[derive(Debug)]
pub struct Example {
    /// The folder that holds `data` and `sql`.
    pub folder: PathBuf,
    /// The folder to serve: `sql` in [`Example::folder`].
    pub sql_folder: PathBuf,
    /// What everything was drawn with.
    pub seed: u64,
    /// Who the customers truly are.
    pub people: Vec<Person>,
    /// Every table that was written.
    pub loaded: Vec<Loaded>,
    /// Whether the folder is still there once the story is told; what will be gone is not shown.
    pub lasting: bool,
    /// Where the example will be served, for the line that says how to connect.
    pub listen: SocketAddr,
    /// The mistakes that were made.
    pub(super) tally: Tally,
}

/// Writes the example's data and SQL into a folder, over what an earlier run left there. The same seed always gives
/// the same bytes. Fails with 58030 when a file cannot be written.
pub fn write_example(folder: &Path, seed: u64) -> Result<Example> {
    write_example_of(folder, seed, CUSTOMERS)
}

/// [`write_example`] with another number of customers.
pub fn write_example_of(folder: &Path, seed: u64, customers: usize) -> Result<Example> {
    let people = population(seed, customers);
    let data = folder.join("data");
    let mut tally = Tally::new();
    let mut loaded = Vec::new();
    for system in System::ALL {
        let records = records(&people, seed, system, &mut tally);
        loaded.extend(system.write(&data, &records, seed)?);
    }
    let sql_folder = folder.join("sql");
    for (name, text) in SQL_FILES {
        save(&sql_folder.join(name), text.as_bytes())?;
    }
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 6432));
    Ok(Example { folder: folder.to_path_buf(), sql_folder, seed, people, loaded, lasting: true, listen, tally })
}

impl Example {
    /// How many mistakes the systems made that cleaning alone cannot mend.
    pub fn mistakes(&self) -> u32 {
        use super::rates::Mistake;
        let harmless = [Mistake::Absent, Mistake::EmailUntidy, Mistake::PhoneUntidy, Mistake::NameWide];
        let missing = [
            Mistake::EmailMissing,
            Mistake::PhoneMissing,
            Mistake::AddressMissing,
            Mistake::CountryMissing,
            Mistake::BirthMissing,
            Mistake::SegmentMissing,
        ];
        self.tally
            .iter()
            .filter(|((_, mistake), _)| !harmless.contains(mistake) && !missing.contains(mistake))
            // What befalls every record is a habit.
            .filter(|(_, chance)| chance.hits < chance.tries)
            .map(|(_, chance)| chance.hits)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::rates::{Mistake, RATES, rate};
    use super::*;

    fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push((path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap()));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let example = write_example_of(one.path(), 42, 150).unwrap();
        write_example_of(two.path(), 7, 150).unwrap();
        assert_ne!(files(one.path()), files(two.path()));
        // A second run replaces what the first one left.
        write_example_of(two.path(), 42, 150).unwrap();
        let (left, right) = (files(one.path()), files(two.path()));
        assert_eq!(left.iter().map(|f| &f.0).collect::<Vec<_>>(), right.iter().map(|f| &f.0).collect::<Vec<_>>());
        for (left, right) in left.iter().zip(&right) {
            assert!(left == right, "{} differs", left.0.display());
        }
        assert_eq!(left.len(), 6 + 10);
        assert!(example.loaded.iter().all(|loaded| loaded.rows > 0));
    }

    #[test]
    fn every_mistake_is_made_as_often_as_the_table_says() {
        let people = population(42, 4000);
        let mut tally = Tally::new();
        for system in System::ALL {
            records(&people, 42, system, &mut tally);
        }
        for (mistake, _) in RATES {
            for system in System::ALL {
                let expected = rate(system, *mistake);
                assert!((0.0..=1.0).contains(&expected));
                let Some(chance) = tally.get(&(system, *mistake)) else { continue };
                let (tries, hits) = (f64::from(chance.tries), f64::from(chance.hits));
                let deviation = (tries * expected * (1.0 - expected)).sqrt();
                assert!((hits - tries * expected).abs() <= 5.0 * deviation + 1e-9, "{system:?} {mistake:?} {chance:?}");
                assert!(expected == 0.0 || hits > 0.0, "{system:?} {mistake:?} {chance:?}");
            }
        }
        assert!(tally.contains_key(&(System::Erp, Mistake::AddressStale)));
    }
}
