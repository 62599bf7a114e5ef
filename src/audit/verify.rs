//! Whether a log is as it was written: what was changed, left out, moved or cut off, and where.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::chain::{Code, Head, Key, Line, fingerprint};
use crate::error::{Error, Result, SqlState};

/// Problems that are told of one by one.
const SHOWN: usize = 100;

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// Records that were read.
    pub records: u64,
    /// The last one.
    pub head: Head,
    /// What should not be, each with its file and line.
    pub problems: Vec<String>,
    /// What the log itself says is missing, and what cannot be known.
    pub notes: Vec<String>,
}

/// Reads files in the order in which they were written. With `head`, which the server logged, the end is looked for
/// too. An error when a file cannot be read (58030) or the key not be used (F0000).
pub fn verify(files: &[PathBuf], key: &[u8], head: Option<Head>) -> Result<Report> {
    let mut reader = Reader {
        key: Key::new(key)?,
        report: Report::default(),
        expected: None,
        torn: None,
        wanted: head,
        seen: false,
        more: 0,
    };
    for path in files {
        reader.file(path)?;
    }
    Ok(reader.finish())
}

struct Reader {
    key: Key,
    report: Report,
    /// The record before the next; none at the very beginning. Its code is not known where the line was no record.
    expected: Option<(u64, Option<Code>)>,
    /// Lines that are no records, up to the next that is one.
    torn: Option<Piece>,
    wanted: Option<Head>,
    /// Whether the wanted head was found.
    seen: bool,
    /// Problems beyond those that are shown.
    more: usize,
}

/// What is no record.
struct Piece {
    place: String,
    bytes: Vec<u8>,
}

impl Reader {
    fn file(&mut self, path: &Path) -> Result<()> {
        let failed = |error: std::io::Error| {
            Error::new(SqlState::IO_ERROR, format!("could not read \"{}\"", path.display()))
                .with_detail(format!("{error}."))
        };
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let mut line = vec![];
        let mut number = 0;
        loop {
            line.clear();
            if file.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                break;
            }
            number += 1;
            let place = format!("{}:{number}", path.display());
            match line.strip_suffix(b"\n").and_then(Line::read) {
                Some(record) => self.record(&record, place, number == 1),
                None => {
                    let piece = self.torn.get_or_insert_with(|| Piece { place, bytes: vec![] });
                    piece.bytes.extend_from_slice(&line);
                }
            }
        }
        if let Some(piece) = self.torn.take() {
            self.problem(format!("{}: the last record is cut off", piece.place));
        }
        Ok(())
    }

    fn record(&mut self, line: &Line<'_>, place: String, first: bool) {
        self.report.records += 1;
        let whole = line.is_whole(&self.key);
        let said = line.json().filter(|_| whole);
        let seq = line.seq;
        if let Some(piece) = self.torn.take() {
            match said.as_ref().and_then(|said| said.get("torn")) {
                Some(torn) if is_torn(torn, &piece.bytes) => {
                    let bytes = torn["bytes"].as_u64().unwrap_or_default();
                    self.report.notes.push(format!(
                        "{}: {bytes} bytes of a record that was cut off by a crash, as record {seq} says",
                        piece.place
                    ));
                }
                _ => {
                    self.problem(format!("{}: this is no record: it was changed or added", piece.place));
                    // It stands for one, whose code nobody knows.
                    if let Some((before, code)) = &mut self.expected {
                        *before += u64::from(*before + 1 < seq);
                        *code = None;
                    }
                }
            }
        }
        if !whole {
            self.problem(format!("{place}: record {seq} was changed"));
        } else {
            self.order(line, said.as_ref(), &place, first);
        }
        if let Some(records) =
            said.as_ref().filter(|said| said["event"] == "lost").and_then(|said| said["records"].as_u64())
        {
            self.report.notes.push(format!("{place}: {records} records could not be written, as record {seq} says"));
        }
        if let Some(wanted) = self.wanted.filter(|wanted| wanted.seq == seq && whole) {
            if wanted == line.head() {
                self.seen = true;
            } else {
                self.problem(format!("{place}: record {seq} is not the one that the head names"));
            }
        }
        // What was changed may say any number: it counts only as the next one.
        let seq = match self.expected {
            Some((before, _)) if !whole => before + 1,
            _ => seq,
        };
        self.expected = Some((seq, Some(line.mac)));
        self.report.head = line.head();
    }

    /// Whether a record stands where it should.
    fn order(&mut self, line: &Line<'_>, said: Option<&Value>, place: &str, first: bool) {
        let seq = line.seq;
        let Some((before, code)) = self.expected else {
            if seq > 1 {
                let continues = first && said.is_some_and(|said| said["continues"] == true);
                if continues {
                    let note = format!("{place}: records 1 to {} are in files before this one", seq - 1);
                    self.report.notes.push(note);
                } else {
                    self.problem(format!("{place}: {} before record {seq}", missing(1, seq - 1)));
                }
            } else if line.prev != Code::default() {
                self.problem(format!("{place}: record {seq} does not begin a log"));
            }
            return;
        };
        if seq > before + 1 {
            self.problem(format!("{place}: {} before record {seq}", missing(before + 1, seq - 1)));
        } else if seq <= before {
            self.problem(format!("{place}: record {seq} comes after record {before}: it was moved or repeated"));
        } else if code.is_some_and(|code| code != line.prev) {
            self.problem(format!("{place}: record {seq} does not follow the record {before} that stands before it"));
        }
    }

    fn problem(&mut self, problem: String) {
        if self.report.problems.len() < SHOWN {
            self.report.problems.push(problem);
        } else {
            self.more += 1;
        }
    }

    fn finish(mut self) -> Report {
        if let Some(wanted) = self.wanted
            && !self.seen
        {
            let last = self.expected.map_or(0, |(last, _)| last);
            if last < wanted.seq {
                let missing = missing(last + 1, wanted.seq);
                self.problem(format!("the end was cut off: {missing}, as the head says"));
            } else if self.report.problems.is_empty() {
                self.problem(format!("record {}, which the head names, is not there", wanted.seq));
            }
        }
        if self.more > 0 {
            self.report.problems.push(format!("and {} more", self.more));
        }
        self.report
    }
}

fn missing(from: u64, until: u64) -> String {
    if from == until { format!("record {from} is missing") } else { format!("records {from} to {until} are missing") }
}

/// Whether these are the bytes that a record says were there when it was written; then a line end may have been added.
fn is_torn(said: &Value, bytes: &[u8]) -> bool {
    let length = said["bytes"].as_u64().and_then(|length| usize::try_from(length).ok());
    let Some((torn, added)) = length.and_then(|length| bytes.split_at_checked(length)) else { return false };
    (added.is_empty() || added == b"\n") && said["sha256"] == fingerprint(torn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef";

    fn lines(count: u64) -> (Vec<Vec<u8>>, Head) {
        let key = Key::new(KEY).unwrap();
        let mut head = Head::default();
        let all = (0..count).map(|n| {
            let mut line = vec![];
            head.seal(&key, &format!("{{\"event\":\"e\",\"n\":{n}}}"), &mut line);
            line
        });
        (all.collect(), head)
    }

    fn check(lines: &[Vec<u8>], head: Option<Head>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, lines.concat()).unwrap();
        let shown = format!("{}:", path.display());
        let report = verify(&[path], KEY, head).unwrap();
        report.problems.into_iter().map(|problem| problem.replace(&shown, "")).collect()
    }

    #[test]
    fn what_was_done_to_a_log_is_named() {
        let (all, head) = lines(6);
        assert_eq!(check(&all, Some(head)), Vec::<String>::new());
        assert_eq!(check(&[], None), Vec::<String>::new());

        let mut changed = all.clone();
        let at = changed[2].windows(5).position(|part| part == b"\"n\":2").unwrap();
        changed[2][at + 4] = b'7';
        assert_eq!(check(&changed, Some(head)), ["3: record 3 was changed"]);

        // The code itself is of the line too: in capitals it is another text.
        let mut capitals = all.clone();
        let code = capitals[2].len() - 67..capitals[2].len() - 3;
        capitals[2][code].make_ascii_uppercase();
        assert_ne!(capitals[2], all[2]);
        assert_eq!(check(&capitals, Some(head)), ["3: record 3 was changed"]);

        // Whichever byte of a line is another, it is told.
        let whole = &all[2][..all[2].len() - 1];
        for at in 0..whole.len() {
            let mut other = all.clone();
            other[2][at] ^= 0x20;
            assert!(!check(&other, Some(head)).is_empty(), "byte {at}");
        }

        let mut cut = all.clone();
        cut.remove(2);
        assert_eq!(check(&cut, Some(head)), ["3: record 3 is missing before record 4"]);
        cut.remove(2);
        assert_eq!(check(&cut, Some(head)), ["3: records 3 to 4 are missing before record 5"]);

        let mut moved = all.clone();
        moved.swap(2, 3);
        assert_eq!(
            check(&moved, None),
            [
                "3: record 3 is missing before record 4",
                "4: record 3 comes after record 4: it was moved or repeated",
                "5: records 4 to 4 are missing before record 5".replace("records 4 to 4 are", "record 4 is").as_str(),
            ]
        );
        let mut again = all.clone();
        again.insert(3, all[2].clone());
        assert_eq!(check(&again, None)[0], "4: record 3 comes after record 3: it was moved or repeated");

        assert_eq!(check(&all[..4], None), Vec::<String>::new());
        assert_eq!(check(&all[..4], Some(head)), ["the end was cut off: records 5 to 6 are missing, as the head says"]);
        assert_eq!(check(&all[1..], None), ["1: record 1 is missing before record 2"]);

        let mut torn = all.clone();
        let length = torn[5].len();
        torn[5].truncate(length - 20);
        assert_eq!(check(&torn, None), ["6: the last record is cut off"]);
        let mut added = all.clone();
        added.insert(2, b"{\"event\":\"nothing\"}\n".to_vec());
        assert_eq!(check(&added, Some(head)), ["3: this is no record: it was changed or added"]);
        let mut blank = all.clone();
        blank[3] = b"\n".to_vec();
        assert_eq!(check(&blank, Some(head)), ["4: this is no record: it was changed or added"]);
    }

    #[test]
    fn a_record_that_another_took_the_place_of() {
        let (all, head) = lines(4);
        let key = Key::new(KEY).unwrap();
        // Another log of the same key.
        let mut other = Head::default();
        let mut line = vec![];
        for n in 0..2 {
            line.clear();
            other.seal(&key, &format!("{{\"event\":\"other\",\"n\":{n}}}"), &mut line);
        }
        let mut spliced = all.clone();
        spliced[1] = line;
        assert_eq!(
            check(&spliced, Some(head)),
            [
                "2: record 2 does not follow the record 1 that stands before it",
                "3: record 3 does not follow the record 2 that stands before it"
            ]
        );
        assert_eq!(check(&all, Some(other)), ["2: record 2 is not the one that the head names"]);
    }
}
