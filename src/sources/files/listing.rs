//! Which files a table's path stands for. They are listed anew for each query, in order of name.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::format::{self, FormatOptions};
use super::location::Location;
use super::pattern::{self, Pattern, TablePath};
use crate::error::{Error, Result, SqlState};
use crate::sources::options::invalid;

/// One file.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// Where it is in the store, and how large it was when it was listed.
    pub meta: ObjectMeta,
    /// Its path relative to the server's location.
    pub name: String,
}

/// The files of a path relative to the location; none found is an error (58P01).
pub async fn files(location: &Location, path: &str, options: &FormatOptions) -> Result<Vec<DataFile>> {
    let found = find(location, path, options).await?;
    if found.is_empty() {
        let what = if path.is_empty() { "the location".to_string() } else { format!("path \"{path}\"") };
        return Err(Error::new(
            SqlState::UNDEFINED_FILE,
            format!("{what} of server \"{}\" matches no file", location.server()),
        )
        .with_hint("Names that begin with a dot or an underscore are skipped unless they are spelled out."));
    }
    Ok(found)
}

async fn find(location: &Location, path: &str, options: &FormatOptions) -> Result<Vec<DataFile>> {
    let store = location.store()?;
    let path = pattern::table_path(path)?;
    if let Some(name) = location.single() {
        if !path.text.is_empty() {
            return Err(invalid("path", "cannot be given, since the server's location is a file")
                .with_hint("Leave path out, or make the location the folder."));
        }
        let meta = store.head(&Path::ROOT).await.map_err(|e| location.error(name, &e))?;
        return Ok(vec![DataFile { meta, name: name.to_string() }]);
    }
    if pattern::is_pattern(&path.text) {
        let pattern = Pattern::new(&path.text);
        let below = list(location, store.as_ref(), pattern.folder(), pattern.deep()).await?;
        return Ok(below.into_iter().filter(|file| pattern.matches(&file.name)).collect());
    }
    if !path.folder {
        match store.head(&full_path(location, &path.text)?).await {
            Ok(meta) => return Ok(vec![DataFile { meta, name: path.text }]),
            Err(StoreError::NotFound { .. }) if !location.is_web() => {}
            Err(e) => return Err(location.error(&path.text, &e)),
        }
    }
    let below = list(location, store.as_ref(), &path.text, true).await?;
    Ok(below.into_iter().filter(|file| is_data(file, &path, options)).collect())
}

/// Whether a file of a folder is one of the table's: not hidden, and of a known extension.
fn is_data(file: &DataFile, folder: &TablePath, options: &FormatOptions) -> bool {
    let below = file.name.strip_prefix(&folder.text).unwrap_or(&file.name);
    let hidden = below.split('/').any(pattern::is_hidden);
    let known = format::hint(&file.name).format;
    !hidden && known.is_some() && options.named().is_none_or(|format| known == Some(format))
}

/// Every file under a folder of the location, with `deep` those in its folders too.
pub async fn list(location: &Location, store: &dyn ObjectStore, folder: &str, deep: bool) -> Result<Vec<DataFile>> {
    let root = full_path(location, folder)?;
    let failed = |e: StoreError| {
        let error = location.error(folder, &e);
        if location.is_web() {
            error.with_hint("Files are listed only where the web server speaks WebDAV; else name one file.")
        } else {
            error
        }
    };
    let metas: Vec<ObjectMeta> = if deep {
        store.list(Some(&root)).try_collect().await.map_err(failed)?
    } else {
        store.list_with_delimiter(Some(&root)).await.map_err(failed)?.objects
    };
    let prefix = location.prefix();
    let mut files: Vec<DataFile> = metas
        .into_iter()
        .filter_map(|meta| {
            let whole = meta.location.as_ref();
            let name = if prefix.is_empty() { whole } else { whole.strip_prefix(prefix)?.strip_prefix('/')? };
            // Some stores keep an empty object in place of a folder.
            (!name.is_empty() && name != folder).then(|| name.to_string()).map(|name| DataFile { meta, name })
        })
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn full_path(location: &Location, relative: &str) -> Result<Path> {
    match (location.prefix(), relative) {
        ("", relative) => location.path(relative),
        (prefix, "") => location.path(prefix),
        (prefix, relative) => location.path(&format!("{prefix}/{relative}")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path as FsPath;

    use super::*;
    use crate::sources::kind::ServerSpec;
    use crate::sources::options::Options;

    fn location(folder: &FsPath) -> Location {
        Location::open(&ServerSpec {
            name: "lake".to_string(),
            options: [("location", ".")].into_iter().collect(),
            user: Options::new(),
            folder: folder.to_path_buf(),
            sockets: None,
        })
        .unwrap()
    }

    #[tokio::test]
    async fn paths_stand_for_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.csv", "b.csv", "note.txt", ".c.csv", "event/y=1/1.json", "event/y=2/_tmp.json", "event/2.json"]
        {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "{}").unwrap();
        }
        let location = location(folder.path());
        let options = FormatOptions::new(&Options::new(), &Options::new()).unwrap();
        for (path, expected) in [
            ("*.csv", vec!["a.csv", "b.csv"]),
            ("a.csv", vec!["a.csv"]),
            (".c.csv", vec![".c.csv"]),
            ("note.txt", vec!["note.txt"]),
            ("event", vec!["event/2.json", "event/y=1/1.json"]),
            ("event/", vec!["event/2.json", "event/y=1/1.json"]),
            ("event/y=*/*", vec!["event/y=1/1.json"]),
            ("**/*.json", vec!["event/2.json", "event/y=1/1.json"]),
        ] {
            let found = files(&location, path, &options).await.unwrap();
            assert_eq!(found.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), expected, "{path}");
        }
        let none = files(&location, "nothing.csv", &options).await.unwrap_err();
        assert_eq!(none.state(), SqlState::UNDEFINED_FILE);
        let outside = files(&location, "../a.csv", &options).await.unwrap_err();
        assert_eq!(outside.state(), SqlState::INSUFFICIENT_PRIVILEGE);
    }
}
