//! The pages of a table, given out in ranges to the connections that read it.
//!
//! Whoever is done takes another range, of a share of what is left: large ones first, small ones last (guided
//! self-scheduling: Polychronopoulos and Kuck, 1987). So all end at about the same moment, however fast each of them is.

use parking_lot::Mutex;

use crate::federation::fragment::Fragment;

/// A smaller range is not worth a statement of its own: 4 MB in pages of the usual size.
const LEAST_PAGES: u64 = 512;

/// What is left to be read of one table.
#[derive(Debug)]
pub(super) struct Ranges {
    pages: u64,
    readers: u64,
    /// How many pages a range has at most; none for any number.
    most: Option<u64>,
    /// The page where the next range begins; none when all has been given out.
    next: Mutex<Option<u64>>,
}

impl Ranges {
    /// A table of so many pages for so many readers, in ranges of no more than `most` pages. A single reader reads it
    /// as a whole where there is no such limit.
    pub(super) fn new(pages: u64, readers: usize, most: Option<u64>) -> Ranges {
        let readers = u64::try_from(readers).unwrap_or(u64::MAX).max(1);
        Ranges { pages, readers, most, next: Mutex::new(Some(0)) }
    }

    /// The conditions for the rows of the next range; none when there is none. The first has no beginning and the last
    /// no end, so that together they hold every row, whatever the number of pages.
    pub(super) fn take(&self) -> Option<Vec<Fragment>> {
        let mut next = self.next.lock();
        let from = (*next)?;
        let share = ((self.pages - from) / self.readers.saturating_mul(2)).max(LEAST_PAGES);
        let to = from + share.min(self.most.unwrap_or(u64::MAX));
        let is_last = (self.readers == 1 && self.most.is_none()) || to >= self.pages;
        *next = (!is_last).then_some(to);
        let from = (from > 0).then(|| format!("ctid >= '({from},0)'::pg_catalog.tid"));
        let to = (!is_last).then(|| format!("ctid < '({to},0)'::pg_catalog.tid"));
        Some(from.into_iter().chain(to).map(Fragment::sql).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pages: u64, readers: usize, most: Option<u64>) -> Vec<String> {
        let ranges = Ranges::new(pages, readers, most);
        let text = |conditions: Vec<Fragment>| {
            let conditions = conditions.iter().map(|one| one.render(&super::super::dialect::PostgresDialect, None).sql);
            conditions.collect::<Vec<_>>().join(" AND ")
        };
        std::iter::from_fn(|| ranges.take()).map(text).collect()
    }

    #[test]
    fn ranges_hold_every_page_once() {
        assert_eq!(all(100_000, 1, None), [""]);
        assert_eq!(
            all(4000, 2, None),
            [
                "ctid < '(1000,0)'::pg_catalog.tid",
                "ctid >= '(1000,0)'::pg_catalog.tid AND ctid < '(1750,0)'::pg_catalog.tid",
                "ctid >= '(1750,0)'::pg_catalog.tid AND ctid < '(2312,0)'::pg_catalog.tid",
                "ctid >= '(2312,0)'::pg_catalog.tid AND ctid < '(2824,0)'::pg_catalog.tid",
                "ctid >= '(2824,0)'::pg_catalog.tid AND ctid < '(3336,0)'::pg_catalog.tid",
                "ctid >= '(3336,0)'::pg_catalog.tid AND ctid < '(3848,0)'::pg_catalog.tid",
                "ctid >= '(3848,0)'::pg_catalog.tid",
            ]
        );
        assert_eq!(
            all(2000, 1, Some(1000)),
            [
                "ctid < '(1000,0)'::pg_catalog.tid",
                "ctid >= '(1000,0)'::pg_catalog.tid AND ctid < '(1512,0)'::pg_catalog.tid",
                "ctid >= '(1512,0)'::pg_catalog.tid",
            ]
        );
        // A table that was emptied meanwhile.
        assert_eq!(all(0, 2, None), [""]);
    }

    #[test]
    fn the_largest_table_has_few() {
        assert_eq!(
            all(u64::from(u32::MAX), 2, None).first().map(String::as_str),
            Some("ctid < '(1073741823,0)'::pg_catalog.tid")
        );
        assert!(all(u64::from(u32::MAX), 4, None).len() < 200);
    }
}
