//! What a source says of its tables: how many rows, how many values, how many nulls. Nothing but time depends on it: what
//! is not known, or is wrong, makes a query slower and no other.

use std::collections::BTreeMap;

/// How many different values a column has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distinct {
    /// So many.
    Count(u64),
    /// So large a part of the rows, above 0 and up to 1: it grows with the table.
    Share(f64),
}

/// What is known of one column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnStatistics {
    /// How many different values it has, without null.
    pub distinct: Option<Distinct>,
    /// Which part of its values is null, from 0 to 1.
    pub nulls: Option<f64>,
    /// Where its least and its greatest values are, of a column that no index sorts.
    pub tails: Option<Tails>,
}

/// The ends of a column's values.
#[derive(Clone, Debug, PartialEq)]
pub struct Tails {
    /// Some rows have this value or a lesser one, as the source writes it.
    pub low: String,
    /// Some rows have this value or a greater one.
    pub high: String,
    /// About which part of all rows that is, at least, from 0 to 1.
    pub share: f64,
}

/// What is known of one table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableStatistics {
    /// About how many rows it has.
    pub rows: Option<u64>,
    /// Its columns by their names at the source.
    pub columns: BTreeMap<String, ColumnStatistics>,
}

impl TableStatistics {
    /// About how many of `rows` have one value of a column.
    pub fn with_value(&self, column: &str, rows: u64) -> Option<u64> {
        let of = self.columns.get(column)?;
        let present = rows as f64 * (1.0 - of.nulls.unwrap_or(0.0).clamp(0.0, 1.0));
        Some((present / self.values(of, rows)?.max(1.0)).round() as u64)
    }

    /// About how many groups the rows of a table make by a column: its values, and perhaps null.
    pub fn groups(&self, column: &str, rows: u64) -> Option<u64> {
        let of = self.columns.get(column)?;
        let null = f64::from(u8::from(of.nulls.unwrap_or(0.0) > 0.0));
        Some((self.values(of, rows)? + null).round().max(1.0) as u64)
    }

    /// How many different values there are among so many rows, if the table does not tell how many it has.
    fn values(&self, of: &ColumnStatistics, rows: u64) -> Option<f64> {
        Some(match of.distinct? {
            Distinct::Count(count) => count as f64,
            Distinct::Share(share) => self.rows.unwrap_or(rows) as f64 * share.clamp(0.0, 1.0),
        })
    }

    /// About how many of `rows` are null in a column, or are not.
    pub fn nulls(&self, column: &str, rows: u64, are: bool) -> Option<u64> {
        let part = self.columns.get(column)?.nulls?.clamp(0.0, 1.0);
        Some((rows as f64 * if are { part } else { 1.0 - part }).round() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableStatistics {
        let column = |distinct, nulls| ColumnStatistics { distinct: Some(distinct), nulls: Some(nulls), tails: None };
        TableStatistics {
            rows: Some(1000),
            columns: [
                ("city".to_string(), column(Distinct::Count(10), 0.5)),
                ("id".to_string(), column(Distinct::Share(1.0), 0.0)),
            ]
            .into(),
        }
    }

    #[test]
    fn values_and_nulls() {
        let table = table();
        assert_eq!(table.with_value("city", 1000), Some(50));
        assert_eq!(table.with_value("id", 1000), Some(1));
        assert_eq!(table.with_value("none", 1000), None);
        assert_eq!(table.groups("city", 1000), Some(11), "null is one more");
        assert_eq!((table.groups("id", 1000), table.groups("none", 1000)), (Some(1000), None));
        assert_eq!((table.nulls("city", 1000, true), table.nulls("city", 1000, false)), (Some(500), Some(500)));
    }
}
