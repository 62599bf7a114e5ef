//! The statements of the SQL files, and where each stands.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ddl::script;
use crate::ddl::statement::{Ddl, StatementKind};
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
}

impl SourceFile {
    /// The place that stands `offset` characters after the file's start.
    fn location(&self, offset: usize) -> Location {
        let before: String = self.text.chars().take(offset).collect();
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let text = self.text.lines().nth(line - 1).unwrap_or_default().to_string();
        Location { file: self.name.clone(), line, column, text }
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
        let file = Arc::new(SourceFile { name, text });
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
    )
}

/// `file:line`, for the log.
pub(super) fn place(at: &Location) -> String {
    format!("{}:{}", at.file, at.line)
}
