//! Which systems there are, and what writing one gives.

use std::path::Path;

use super::{crm, erp, helpdesk, marketing, shop};
use crate::demo::record::Record;
use crate::error::Result;

/// One of the company's systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// Sales's own database, in SQLite.
    Crm,
    /// Invoicing's nightly export, in Parquet.
    Erp,
    /// The web shop's sign-ups and orders, in JSON lines.
    Shop,
    /// The help desk's export, in CSV.
    Helpdesk,
    /// The mailing list, in another CSV.
    Marketing,
}

/// One table that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The system that it belongs to.
    pub system: System,
    /// Its file, relative to the example's folder; for a database, with the table after a colon.
    pub file: String,
    /// The number of rows.
    pub rows: usize,
    /// What it holds, in a few words.
    pub holds: &'static str,
}

impl System {
    /// Every system, in the order of the rates' columns.
    pub const ALL: [System; 5] = [System::Crm, System::Erp, System::Shop, System::Helpdesk, System::Marketing];

    /// Its name: the schema of its tables, and `source` in the merged records.
    pub fn name(self) -> &'static str {
        match self {
            System::Crm => "crm",
            System::Erp => "erp",
            System::Shop => "shop",
            System::Helpdesk => "helpdesk",
            System::Marketing => "marketing",
        }
    }

    /// How long ago its most neglected record was last touched, in days.
    pub fn oldest_days(self) -> i64 {
        match self {
            System::Crm => 800,
            System::Erp => 1000,
            System::Shop => 500,
            System::Helpdesk => 600,
            System::Marketing => 1000,
        }
    }

    /// Writes its files into `data`, from its records and the seed that its other tables are drawn with.
    pub fn write(self, data: &Path, records: &[Record], seed: u64) -> Result<Vec<Loaded>> {
        match self {
            System::Crm => crm::write(data, records, seed),
            System::Erp => erp::write(data, records, seed),
            System::Shop => shop::write(data, records, seed),
            System::Helpdesk => helpdesk::write(data, records, seed),
            System::Marketing => marketing::write(data, records, seed),
        }
    }
}
