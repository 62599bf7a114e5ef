//! A Parquet file in pieces, which the streams of a scan take one after another.
//!
//! A file has few row groups, often about as many as there are streams: when each stream had a fixed share, all would
//! wait for the one with a group more. So pieces are given out as streams become free, large ones first and small ones
//! last (guided self-scheduling: Polychronopoulos and Kuck, 1987), and a row group among the last is cut.

use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
use datafusion::parquet::arrow::arrow_reader::RowSelection;
use datafusion::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

/// A piece of fewer rows is not worth being read by itself.
const LEAST_ROWS: u64 = 1 << 16;

/// Cuts files for so many streams.
pub(super) struct Pieces {
    streams: u64,
    /// How many rows are in the files that have not been cut yet.
    left: u64,
}

impl Pieces {
    /// For files with so many rows together.
    pub(super) fn new(rows: u64, streams: usize) -> Pieces {
        Pieces { streams: u64::try_from(streams).unwrap_or(u64::MAX).max(1), left: rows }
    }

    /// The pieces of the next file, which together are the file.
    pub(super) fn cut(&mut self, file: PartitionedFile, footer: &ParquetMetaData) -> Vec<PartitionedFile> {
        let groups = footer.row_groups();
        let size = i64::try_from(file.object_meta.size).ok();
        let Some(bounds) = size.and_then(|size| bounds(groups, size)) else {
            self.left = self.left.saturating_sub(groups.iter().map(rows).sum());
            return vec![file];
        };
        let mut pieces = vec![];
        for (index, (group, (start, end))) in groups.iter().zip(bounds).enumerate() {
            let of_group = file.clone().with_range(start, end);
            let rows = rows(group);
            let most = self.streams.saturating_mul(2);
            let share = (self.left / most).max(LEAST_ROWS);
            let parts = rows.saturating_add(share / 2) / share;
            self.left = self.left.saturating_sub(rows);
            if parts <= 1 {
                pieces.push(of_group);
                continue;
            }
            let parts = parts.min(most);
            for part in 0..parts {
                let mut access = vec![RowGroupAccess::Scan; groups.len()];
                if let Some(access) = access.get_mut(index) {
                    *access = RowGroupAccess::Selection(selection(rows, part, parts));
                }
                pieces.push(of_group.clone().with_extension(ParquetAccessPlan::new(access)));
            }
        }
        pieces
    }
}

fn rows(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or_default()
}

/// One of so many parts of a group's rows.
fn selection(rows: u64, part: u64, parts: u64) -> RowSelection {
    let at = |part: u64| usize::try_from(u128::from(rows) * u128::from(part) / u128::from(parts)).unwrap_or(usize::MAX);
    let total = usize::try_from(rows).unwrap_or(usize::MAX);
    RowSelection::from_consecutive_ranges(std::iter::once(at(part)..at(part + 1)), total)
}

/// Where each row group's range of bytes begins and ends, by what the reader tells groups apart by: the place of their
/// first column. None for groups that do not follow each other, and for fewer than one.
fn bounds(groups: &[RowGroupMetaData], size: i64) -> Option<Vec<(i64, i64)>> {
    let mut starts = vec![];
    for group in groups {
        let first = group.columns().first()?;
        let start = first.dictionary_page_offset().unwrap_or_else(|| first.data_page_offset());
        if starts.last().is_some_and(|last| *last >= start) || start >= size {
            return None;
        }
        starts.push(start);
    }
    // The first begins where the file does, and the last ends where it ends.
    *starts.first_mut()? = 0;
    let ends = starts.iter().copied().skip(1).chain(std::iter::once(size));
    Some(starts.iter().copied().zip(ends).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array};
    use datafusion::arrow::record_batch::RecordBatch;
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::metadata::ParquetMetaDataReader;
    use datafusion::parquet::file::properties::WriterProperties;

    use super::*;

    /// A file of groups of so many rows, and its footer.
    fn file(groups: usize, rows: usize) -> (PartitionedFile, ParquetMetaData) {
        let mut bytes = vec![];
        let all: ArrayRef = Arc::new(Int64Array::from_iter_values((0i64..).take(groups * rows)));
        let batch = RecordBatch::try_from_iter([("id", all)]).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows)).build();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let size = u64::try_from(bytes.len()).unwrap();
        let footer = ParquetMetaDataReader::new().parse_and_finish(&bytes::Bytes::from(bytes)).unwrap();
        (PartitionedFile::new("t.parquet", size), footer)
    }

    /// The rows that each piece reads: its group and how many of its rows.
    fn read(pieces: &[PartitionedFile], footer: &ParquetMetaData) -> Vec<(usize, usize)> {
        let mut read = vec![];
        for piece in pieces {
            let range = piece.range.as_ref().unwrap();
            for (index, group) in footer.row_groups().iter().enumerate() {
                let first = group.column(0);
                let start = first.dictionary_page_offset().unwrap_or_else(|| first.data_page_offset());
                if start < range.start || start >= range.end {
                    continue;
                }
                let access = piece.extension::<ParquetAccessPlan>().map(|plan| &plan.inner()[index]);
                let rows = match access {
                    Some(RowGroupAccess::Selection(rows)) => rows.row_count(),
                    _ => usize::try_from(group.num_rows()).unwrap(),
                };
                read.push((index, rows));
            }
        }
        read
    }

    #[test]
    fn pieces_are_the_file_and_get_smaller() {
        let (whole, footer) = file(5, 200_000);
        let pieces = Pieces::new(1_000_000, 2).cut(whole, &footer);
        let read = read(&pieces, &footer);
        assert_eq!(
            read,
            [
                (0, 200_000),
                (1, 200_000),
                (2, 200_000),
                (3, 100_000),
                (3, 100_000),
                (4, 66_666),
                (4, 66_667),
                (4, 66_667)
            ]
        );
    }

    #[test]
    fn small_files_stay_whole() {
        let (whole, footer) = file(1, 1000);
        let pieces = Pieces::new(1000, 2).cut(whole, &footer);
        assert_eq!(read(&pieces, &footer), [(0, 1000)]);
        let (whole, footer) = file(3, 1000);
        assert_eq!(read(&Pieces::new(3000, 1).cut(whole, &footer), &footer), [(0, 1000), (1, 1000), (2, 1000)]);
    }

    #[test]
    fn a_file_without_groups_stays_as_it_is() {
        let (whole, footer) = file(0, 10);
        assert!(footer.row_groups().is_empty());
        let pieces = Pieces::new(0, 2).cut(whole, &footer);
        assert_eq!(pieces.len(), 1);
        assert!(pieces[0].range.is_none());
    }
}
