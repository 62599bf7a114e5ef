//! Declared columns that the files do not have, told when the table is made and not when it is read.
//!
//! Only a CSV header and a Parquet schema can say so: a key that the first JSON objects lack may be in the next.

use std::sync::Arc;

use super::content::Content;
use super::csv::{self, Record};
use super::describe::MAX_FILES;
use super::format::{Format, FormatOptions};
use super::listing::DataFile;
use super::location::Location;
use super::parquet::Footers;
use super::partitions::{keys, remote_name};
use crate::error::{Error, Result, SqlState};
use crate::sources::table::TableSpec;

/// Refuses a column (42703) that none of the files has. What cannot be read now, or has more files than are looked
/// into, is left to the query.
pub async fn check(
    location: &Arc<Location>,
    footers: &Footers,
    files: &[DataFile],
    table: &TableSpec,
    options: &FormatOptions,
) -> Result<()> {
    if files.is_empty() || files.len() > MAX_FILES {
        return Ok(());
    }
    let Ok(format) = options.format_of(files.iter().map(|file| file.name.as_str())) else { return Ok(()) };
    let Some(names) = names(location, footers, files, format, options).await else { return Ok(()) };
    let in_folders = keys(files, options);
    let is_there = |wanted: &str| match format {
        // A header's names are compared without regard to case.
        Format::Csv => names.iter().any(|name| name.to_lowercase() == wanted.to_lowercase()),
        Format::Parquet | Format::Json => names.iter().any(|name| name == wanted),
    };
    let mut wanted = table.columns.iter().map(remote_name).filter(|name| !in_folders.iter().any(|key| key == name));
    let Some(missing) = wanted.find(|name| !is_there(name)) else { return Ok(()) };
    let what = match files {
        [file] => format!("file \"{}\" of server \"{}\" has", file.name, location.server()),
        _ => {
            let path = table.options.get("path").unwrap_or_default();
            format!("the files \"{path}\" of server \"{}\" have", location.server())
        }
    };
    Err(Error::new(SqlState::UNDEFINED_COLUMN, format!("{what} no column \"{missing}\"")).with_hint(format!(
        "The columns are {}. Give the name in the file with the column's option column_name.",
        names.join(", ")
    )))
}

/// The names of the columns that the files have together; none when they cannot be known now.
async fn names(
    location: &Arc<Location>,
    footers: &Footers,
    files: &[DataFile],
    format: Format,
    options: &FormatOptions,
) -> Option<Vec<String>> {
    let mut names: Vec<String> = vec![];
    match format {
        Format::Json => return None,
        Format::Csv if !options.header => return None,
        Format::Csv => {
            for file in files {
                for name in header(location, file, options).await.ok().flatten()? {
                    if !names.contains(&name) {
                        names.push(name);
                    }
                }
            }
        }
        Format::Parquet => {
            names.extend(footers.columns(files, options).await.ok()?.into_iter().map(|column| column.name));
        }
    }
    Some(names)
}

/// The names in a CSV file's header; none when the file is empty.
async fn header(location: &Arc<Location>, file: &DataFile, options: &FormatOptions) -> Result<Option<Vec<String>>> {
    let mut content = Content::open(location, file, options).await?;
    let mut splitter = csv::Splitter::new(options.dialect(&file.name));
    loop {
        let piece = content.next().await?;
        let mut names = None;
        let mut first = |record: &Record| -> Result<bool> {
            if names.is_none() {
                names = Some(csv::header_names(record)?);
            }
            Ok(false)
        };
        match &piece {
            Some(piece) => {
                splitter.push(piece, &mut first)?;
            }
            None => splitter.finish(&mut first)?,
        }
        if names.is_some() || piece.is_none() {
            return Ok(names);
        }
    }
}
