//! Writing files: CSV in a dialect, JSON lines, and errors that name the file.

use std::fmt::Display;
use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result, SqlState};

/// A CSV file in the making. Every line ends with LF; null is nothing between two separators, an empty text is `""`.
#[derive(Debug)]
pub struct Csv {
    separator: char,
    text: String,
    rows: usize,
}

impl Csv {
    /// A file that begins with its column names.
    pub fn new(separator: char, header: &[&str]) -> Self {
        let mut csv = Csv { separator, text: String::new(), rows: 0 };
        csv.line(&header.iter().map(|name| Some((*name).to_string())).collect::<Vec<_>>());
        csv
    }

    /// Adds a row.
    pub fn row(&mut self, fields: &[Option<String>]) {
        self.line(fields);
        self.rows += 1;
    }

    /// How many rows there are, without the header.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Writes the file.
    pub fn save(&self, path: &Path) -> Result<()> {
        save(path, self.text.as_bytes())
    }

    fn line(&mut self, fields: &[Option<String>]) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.text.push(self.separator);
            }
            let Some(field) = field else { continue };
            let plain = !field.is_empty()
                && !field.contains([self.separator, '"', '\n', '\r'])
                && !field.starts_with(' ')
                && !field.ends_with(' ');
            if plain {
                self.text.push_str(field);
            } else {
                self.text.push('"');
                self.text.push_str(&field.replace('"', "\"\""));
                self.text.push('"');
            }
        }
        self.text.push('\n');
    }
}

/// Writes each value as JSON on a line of its own.
pub fn save_json_lines<T: Serialize>(path: &Path, values: &[T]) -> Result<()> {
    let mut bytes = Vec::new();
    for value in values {
        serde_json::to_writer(&mut bytes, value).map_err(failed(path))?;
        bytes.push(b'\n');
    }
    save(path, &bytes)
}

/// Writes a file whole, making its folder first.
pub fn save(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed(folder))?;
    }
    fs::write(path, bytes).map_err(failed(path))
}

/// What went wrong with a file, as this program's error (58030).
pub fn failed<E: Display>(path: &Path) -> impl Fn(E) -> Error {
    move |error| Error::new(SqlState::IO_ERROR, format!("could not write \"{}\": {error}", path.display()))
}

/// A text, or null.
pub fn text(value: impl Into<String>) -> Option<String> {
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_tells_null_from_empty_and_quotes_what_it_must() {
        let mut csv = Csv::new(';', &["a", "b"]);
        csv.row(&[text("O'Brien"), text("say \"hi\"; bye")]);
        csv.row(&[None, text("")]);
        assert_eq!(csv.text, "a;b\nO'Brien;\"say \"\"hi\"\"; bye\"\n;\"\"\n");
        assert_eq!(csv.rows(), 2);
    }
}
