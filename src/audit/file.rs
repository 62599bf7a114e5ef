//! The log's file: opened so that the chain goes on, written so that a record is there as a whole or not at all.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::chain::{Head, Key, Line};
use crate::error::{Error, Result, SqlState};

/// How much of a file's end is looked at first for its last record.
const WINDOW: u64 = 256 << 10;

/// What a file ends with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// The last record; none in an empty file.
    pub head: Option<Head>,
    /// What stands after it: a record that was cut off when the machine failed.
    pub torn: Vec<u8>,
}

/// The open file.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    path: PathBuf,
    /// Its length up to the last whole record; none of what is no regular file.
    length: Option<u64>,
}

impl LogFile {
    /// Opens or makes a file that only its owner may read, and finds its last record. An error (F0000) when it holds
    /// anything else, when its last record is not what `key` wrote, or when another program writes it.
    pub fn open(path: &Path, key: &Key) -> Result<(LogFile, Tail)> {
        let failed = |error: io::Error| io_error(path, "open", &error);
        let mut file =
            OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(wrong(format!("another program writes the audit log \"{}\"", path.display())));
            }
            Err(TryLockError::Error(error)) => return Err(io_error(path, "lock", &error)),
        }
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Ok((LogFile { file, path: path.to_path_buf(), length: None }, Tail::default()));
        }
        let tail = tail(&mut file, metadata.len(), key, path)?;
        Ok((LogFile { file, path: path.to_path_buf(), length: Some(metadata.len()) }, tail))
    }

    /// Whether the path still leads to this file.
    pub fn is_current(&self) -> bool {
        let same = |a: &Metadata, b: &Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
        match (self.file.metadata(), std::fs::metadata(&self.path)) {
            (Ok(open), Ok(named)) => same(&open, &named),
            _ => false,
        }
    }

    /// Adds whole lines: all of them, or none (58030).
    pub fn append(&mut self, lines: &[u8]) -> Result<()> {
        if let Some(length) = self.length {
            // What a write that failed has left must go first; where it cannot, nothing is added to it.
            let there = self.file.metadata().map_err(|error| io_error(&self.path, "write", &error))?.len();
            if there > length {
                self.file.set_len(length).map_err(|error| io_error(&self.path, "write", &error))?;
            } else if there < length {
                return Err(Error::new(SqlState::IO_ERROR, unwritable(&self.path))
                    .with_detail("The file became shorter.")
                    .with_hint("Send SIGHUP after the file was moved away; never cut it."));
            }
        }
        if let Err(error) = self.file.write_all(lines) {
            if let Some(length) = self.length {
                // Tried again before the next write.
                let _ = self.file.set_len(length);
            }
            return Err(io_error(&self.path, "write", &error));
        }
        self.length = self.length.map(|length| length + lines.len() as u64);
        Ok(())
    }

    /// Has the system write the file to its disk.
    pub fn sync(&self) {
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(file = %self.path.display(), %error, "the audit log was not synchronised");
        }
    }
}

fn tail(file: &mut File, length: u64, key: &Key, path: &Path) -> Result<Tail> {
    if length == 0 {
        return Ok(Tail::default());
    }
    let mut window = WINDOW;
    loop {
        let from = length.saturating_sub(window);
        let mut end = vec![];
        file.seek(SeekFrom::Start(from))
            .and_then(|_| file.read_to_end(&mut end))
            .map_err(|error| io_error(path, "read", &error))?;
        if let Some((line, rest)) = last_record(&end, from == 0) {
            if !line.is_whole(key) {
                let message = format!("the last record of the audit log \"{}\" was changed", path.display());
                return Err(wrong(message)
                    .with_detail("Or it was written with another key.")
                    .with_hint("Look at it with onerow audit verify, and move it away before the next start."));
            }
            return Ok(Tail { head: Some(line.head()), torn: rest.to_vec() });
        }
        if from == 0 {
            return Err(wrong(format!("\"{}\" is no audit log", path.display()))
                .with_detail("It holds no record.")
                .with_hint("Give a file of its own, or move this one away."));
        }
        window = window.saturating_mul(8);
    }
}

/// The last line with the form of a record, and what stands after it. The first line of a window is perhaps a part of
/// one.
fn last_record(end: &[u8], is_whole: bool) -> Option<(Line<'_>, &[u8])> {
    let mut until = end.len();
    loop {
        // The line that ends before `until` ends with a line end, or is torn.
        let line_end = end.get(..until)?.iter().rposition(|byte| *byte == b'\n')?;
        let begin = end.get(..line_end)?.iter().rposition(|byte| *byte == b'\n').map(|at| at + 1);
        let begin = match begin {
            Some(begin) => begin,
            None if is_whole => 0,
            None => return None,
        };
        if let Some(line) = end.get(begin..line_end).and_then(Line::read) {
            return Some((line, end.get(line_end + 1..).unwrap_or_default()));
        }
        if begin == 0 {
            return None;
        }
        until = begin;
    }
}

fn unwritable(path: &Path) -> String {
    format!("could not write the audit log \"{}\"", path.display())
}

fn io_error(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::new(SqlState::IO_ERROR, format!("could not {what} the audit log \"{}\"", path.display()))
        .with_detail(format!("{error}."))
}

fn wrong(message: String) -> Error {
    Error::new(SqlState::CONFIG_FILE_ERROR, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(b"0123456789abcdef").unwrap()
    }

    #[test]
    fn the_chain_goes_on_after_what_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let mut head = Head::default();
        let mut lines = vec![];
        head.seal(&key(), "{\"event\":\"start\"}", &mut lines);
        // Longer than the window.
        head.seal(&key(), &format!("{{\"event\":\"{}\"}}", "x".repeat(WINDOW as usize * 2)), &mut lines);
        {
            let (mut file, tail) = LogFile::open(&path, &key()).unwrap();
            assert_eq!(tail, Tail::default());
            file.append(&lines).unwrap();
            assert!(file.is_current());
            assert_eq!(LogFile::open(&path, &key()).unwrap_err().state(), SqlState::CONFIG_FILE_ERROR, "two at once");
        }
        let open = |torn: &[u8]| {
            std::fs::write(&path, [lines.as_slice(), torn].concat()).unwrap();
            LogFile::open(&path, &key()).map(|(_, tail)| tail)
        };
        for torn in ["", "{\"seq\":3,\"pr", "torn\n", "torn\n{\"seq\":3"] {
            assert_eq!(open(torn.as_bytes()).unwrap(), Tail { head: Some(head), torn: torn.into() }, "{torn}");
        }
        assert!(LogFile::open(&path, &Key::new(b"another key, wrong").unwrap()).is_err());
        std::fs::write(&path, "something else\n").unwrap();
        assert!(LogFile::open(&path, &key()).is_err());
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let (mut file, _) = LogFile::open(Path::new("/dev/full"), &key()).unwrap();
        assert_eq!(file.append(b"x\n").unwrap_err().state(), SqlState::IO_ERROR);
        let folder = tempfile::tempdir().unwrap();
        assert!(LogFile::open(&folder.path().join("none/audit.log"), &key()).is_err());
        let path = folder.path().join("audit.log");
        let (mut file, _) = LogFile::open(&path, &key()).unwrap();
        file.append(b"a line\n").unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(file.append(b"another\n").is_err(), "cut while it is written");
    }
}
