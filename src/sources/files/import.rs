//! IMPORT FOREIGN SCHEMA: each file of a folder is a table, and so is each folder in it that holds one format.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::describe::describe;
use super::format::{self, Format, FormatOptions};
use super::listing::{self, DataFile};
use super::location::Location;
use super::parquet::Footers;
use super::pattern;
use crate::error::{Error, Result, SqlState};
use crate::sources::kind::{ImportRequest, ImportTables};
use crate::sources::options::Options;
use crate::sources::table::TableSpec;

/// A table that an import found.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    name: String,
    path: String,
    /// The format of a folder's files; a file's own name says it.
    format: Option<Format>,
}

/// The tables of a folder. The schema names it; `public`, `main` and `.` are the location itself.
pub async fn tables(
    location: &Arc<Location>,
    footers: &Footers,
    server: &Options,
    request: &ImportRequest,
) -> Result<Vec<TableSpec>> {
    let options = FormatOptions::new(&request.options, server)?;
    let found = match location.single() {
        Some(file) => vec![Found { name: format::stem(file).to_string(), path: String::new(), format: None }],
        None => {
            let folder = match request.schema.as_str() {
                "" | "." | "public" | "main" => String::new(),
                schema => pattern::table_path(schema)?.text,
            };
            let store = location.store()?;
            let files = listing::list(location, store.as_ref(), &folder, true).await?;
            if files.is_empty() && !folder.is_empty() {
                return Err(Error::new(
                    SqlState::INVALID_SCHEMA_NAME,
                    format!("server \"{}\" has no folder \"{folder}\" with files in it", location.server()),
                )
                .with_hint("The schema is a folder of the location; public is the location itself."));
            }
            found(&files, &folder, options.named())
        }
    };
    if let ImportTables::LimitTo(names) = &request.tables {
        for name in names {
            if !found.iter().any(|table| table.name == *name) {
                let tables: Vec<&str> = found.iter().map(|table| table.name.as_str()).collect();
                return Err(Error::new(
                    SqlState::FDW_TABLE_NOT_FOUND,
                    format!("server \"{}\" has no table \"{name}\" in \"{}\"", location.server(), request.schema),
                )
                .with_detail(format!("Its tables are: {}.", tables.join(", "))));
            }
        }
    }
    let mut tables = vec![];
    for table in found.into_iter().filter(|table| request.tables.wants(&table.name)) {
        let mut options = request.options.clone();
        options.set("path", table.path);
        if let (Some(format), None) = (table.format, options.get("format")) {
            options.set("format", format.name());
        }
        let declared = TableSpec { name: table.name.clone(), options, ..TableSpec::default() };
        let format_options = FormatOptions::new(&declared.options, server)?;
        let described = describe(location, footers, &declared, &format_options).await;
        tables.push(described.map_err(|e| e.with_context(format!("import of table \"{}\"", table.name)))?);
    }
    Ok(tables)
}

fn found(files: &[DataFile], folder: &str, wanted: Option<Format>) -> Vec<Found> {
    let mut single: Vec<&str> = vec![];
    let mut folders: BTreeMap<&str, Vec<Format>> = BTreeMap::new();
    for file in files {
        let below = file.name.strip_prefix(folder).unwrap_or(&file.name).trim_start_matches('/');
        let Some(format) = format::hint(below).format else { continue };
        if below.split('/').any(pattern::is_hidden) || wanted.is_some_and(|wanted| wanted != format) {
            continue;
        }
        match below.split_once('/') {
            None => single.push(below),
            // Partitions of the folder itself are no tables of their own.
            Some((name, _)) if name.contains('=') => {}
            Some((name, _)) => {
                let formats = folders.entry(name).or_default();
                if !formats.contains(&format) {
                    formats.push(format);
                }
            }
        }
    }
    let stems = single.iter().map(|name| format::stem(name));
    let names: Vec<&str> = stems.chain(folders.keys().copied()).collect();
    let path = |name: &str| if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
    let mut found: Vec<Found> = single
        .iter()
        .map(|file| {
            let stem = format::stem(file);
            // Two of one name are told apart by their extensions.
            let unique = names.iter().filter(|name| **name == stem).count() == 1;
            Found { name: (if unique { stem } else { *file }).to_string(), path: path(file), format: None }
        })
        .collect();
    for (name, formats) in &folders {
        if let [format] = formats[..] {
            found.push(Found { name: (*name).to_string(), path: format!("{}/", path(name)), format: Some(format) });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use object_store::ObjectMeta;
    use object_store::path::Path;

    use super::*;

    #[test]
    fn files_and_folders_are_tables() {
        let files: Vec<DataFile> = [
            "in/a.csv",
            "in/b.csv.gz",
            "in/b.json",
            "in/.c.csv",
            "in/readme.md",
            "in/event/y=1/1.parquet",
            "in/mixed/1.csv",
            "in/mixed/2.json",
        ]
        .iter()
        .map(|name| DataFile {
            meta: ObjectMeta {
                location: Path::from(*name),
                last_modified: DateTime::UNIX_EPOCH,
                size: 1,
                e_tag: None,
                version: None,
            },
            name: (*name).to_string(),
        })
        .collect();
        let tables = found(&files, "in", None);
        let shown: Vec<(&str, &str)> = tables.iter().map(|t| (t.name.as_str(), t.path.as_str())).collect();
        let expected =
            vec![("a", "in/a.csv"), ("b.csv.gz", "in/b.csv.gz"), ("b.json", "in/b.json"), ("event", "in/event/")];
        assert_eq!(shown, expected);
        assert_eq!(found(&files, "in", Some(Format::Json)).len(), 2);
    }
}
