//! The statements of the SQL files, and where each stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ddl::script;
use crate::ddl::statement::{Ddl, RowLevel, SecurityChange, StatementKind};
use crate::error::{Error, Location, Result, SqlState};

/// One statement of a file.
pub(super) struct FileStatement {
    /// What it says.
    pub ddl: Ddl,
    /// Where it begins.
    pub at: Location,
    /// The whole file, for the place of an error inside the statement.
    file: Arc<SourceFile>,
    offset: usize,
}

struct SourceFile {
    name: String,
    text: String,
    /// Where each line begins: characters and bytes from the file's start. A file may have thousands of statements, and
    /// the place of each is looked up.
    lines: Vec<(usize, usize)>,
}

impl SourceFile {
    fn new(name: String, text: String) -> SourceFile {
        let mut lines = vec![(0, 0)];
        let ends = text.char_indices().enumerate().filter(|(_, (_, character))| *character == '\n');
        lines.extend(ends.map(|(characters, (bytes, _))| (characters + 1, bytes + 1)));
        SourceFile { name, text, lines }
    }

    /// The place that stands `offset` characters after the file's start.
    fn location(&self, offset: usize) -> Location {
        let line = self.lines.partition_point(|(characters, _)| *characters <= offset);
        let (characters, bytes) = line.checked_sub(1).and_then(|at| self.lines.get(at)).copied().unwrap_or_default();
        let text = self.text.get(bytes..).and_then(|rest| rest.lines().next()).unwrap_or_default().to_string();
        // What is behind the end is at the end.
        let length = self.text.get(bytes..).map_or(0, |rest| rest.chars().take(offset - characters).count());
        Location { file: self.name.clone(), line, column: length + 1, text }
    }
}

impl FileStatement {
    /// Puts an error at its place in the file: `inner` characters into the statement plus the error's position.
    pub fn locate(&self, error: Error, inner: usize) -> Error {
        if error.location().is_some() {
            return error;
        }
        let place = match error.position() {
            Some(position) => self.file.location(self.offset + inner + position - 1),
            None => self.at.clone(),
        };
        error.with_location(place)
    }
}

/// The *.sql files of a folder in name order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |e: std::io::Error| {
        Error::new(SqlState::UNDEFINED_FILE, format!("could not read the folder \"{}\"", folder.display()))
            .with_detail(e.to_string())
    };
    let mut paths = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|e| e == "sql") && path.is_file() && !hidden {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Every statement of the files, and every mistake in them.
pub(super) fn statements(folder: &Path) -> (Vec<FileStatement>, Vec<Error>) {
    let mut found = vec![];
    let mut errors = vec![];
    let paths = match files(folder) {
        Ok(paths) => paths,
        Err(error) => return (found, vec![error]),
    };
    for path in paths {
        let name = path.display().to_string();
        let text = match std::fs::read(&path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => {
                let error = Error::new(SqlState::CHARACTER_NOT_IN_REPERTOIRE, format!("\"{name}\" is not UTF-8"));
                errors.push(error.with_hint("Save the file as UTF-8."));
                continue;
            }
            Err(e) => {
                let error = Error::new(SqlState::UNDEFINED_FILE, format!("could not read \"{name}\""));
                errors.push(error.with_detail(e.to_string()));
                continue;
            }
        };
        let file = Arc::new(SourceFile::new(name, text));
        let parsed = match script::parse_each(&file.text) {
            Ok(parsed) => parsed,
            Err(e) => {
                let at = file.location(e.position().unwrap_or(1) - 1);
                errors.push(e.with_location(at));
                continue;
            }
        };
        for (offset, statement) in parsed {
            let at = file.location(offset);
            match statement.map(|s| s.kind) {
                Ok(StatementKind::Ddl(ddl)) if allowed_in_files(&ddl) => {
                    found.push(FileStatement { ddl: *ddl, at, file: Arc::clone(&file), offset });
                }
                Ok(_) => errors.push(
                    Error::unsupported("this statement may not stand in the SQL files")
                        .with_hint(
                            "Files hold CREATE, IMPORT, COMMENT, GRANT and REVOKE; type the others over the wire.",
                        )
                        .with_location(at),
                ),
                Err(e) => {
                    let at = file.location(e.position().unwrap_or(offset + 1) - 1);
                    errors.push(e.with_location(at));
                }
            }
        }
    }
    (found, errors)
}

fn allowed_in_files(ddl: &Ddl) -> bool {
    matches!(
        ddl,
        Ddl::CreateServer { .. }
            | Ddl::CreateUserMapping { .. }
            | Ddl::Import { .. }
            | Ddl::CreateForeignTable { .. }
            | Ddl::CreateSchema { .. }
            | Ddl::CreateView { .. }
            | Ddl::CreateRule { .. }
            | Ddl::CreateModel { .. }
            | Ddl::CreateTable { query: None, .. }
            | Ddl::Comment { .. }
            | Ddl::Grant(_)
            | Ddl::GrantRole(_)
            | Ddl::CreateRole { .. }
    ) || is_security(ddl)
}

/// Whether it protects a relation: what takes protection away is left out of the file instead.
fn is_security(ddl: &Ddl) -> bool {
    let Ddl::Security(statement) = ddl else { return false };
    match &statement.change {
        SecurityChange::CreatePolicy { .. } | SecurityChange::Label { label: Some(_), .. } => true,
        SecurityChange::RowLevel { if_exists, changes, .. } => {
            !if_exists && changes.iter().all(|change| matches!(change, RowLevel::Enable | RowLevel::Force))
        }
        _ => false,
    }
}

/// `file:line`, for the log.
pub(super) fn place(at: &Location) -> String {
    format!("{}:{}", at.file, at.line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_lines_and_characters() {
        let file = SourceFile::new("a.sql".into(), "-- Müşteri\r\n\n  客户 x;\nlast".into());
        let place = |offset| {
            let at = file.location(offset);
            (at.line, at.column, at.text)
        };
        assert_eq!(place(0), (1, 1, "-- Müşteri".to_string()));
        assert_eq!(place(10), (1, 11, "-- Müşteri".to_string()));
        assert_eq!(place(12), (2, 1, String::new()));
        assert_eq!(place(13), (3, 1, "  客户 x;".to_string()));
        assert_eq!(place(18), (3, 6, "  客户 x;".to_string()));
        assert_eq!(place(21), (4, 1, "last".to_string()));
        assert_eq!(place(24), (4, 4, "last".to_string()));
        // What is behind the end is at the end.
        assert_eq!(place(99), (4, 5, "last".to_string()));
        assert_eq!(SourceFile::new(String::new(), String::new()).location(0).line, 1);
    }
}
