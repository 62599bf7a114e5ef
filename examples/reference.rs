//! Writes what is generated in the documentation: the reference under `docs/reference/`, from the code, and the figures
//! of the example. With `--check` it says which page is stale.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use onerow::reference::{REFRESH, pages, with_block};

fn main() -> ExitCode {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            eprintln!("usage: {REFRESH} [-- --check]");
            return ExitCode::from(2);
        }
    };
    let done = written(Path::new(env!("CARGO_MANIFEST_DIR")))
        .and_then(|pages| if check { stale(&pages) } else { write(&pages) });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Every page with what it is to hold.
fn written(root: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let folder = root.join("docs/reference");
    let mut written: Vec<(PathBuf, String)> =
        pages().into_iter().map(|(name, text)| (folder.join(name), text)).collect();
    let figures = onerow::cli::figures().map_err(|error| error.report())?;
    let story = format!("```text\n{}\n```", figures.story);
    for (name, block) in [("README.md", story), ("docs/merging.md", figures.table)] {
        let path = root.join(name);
        let page = read(&path).ok_or_else(|| format!("cannot read {}", path.display()))?;
        let page = with_block(&page, &block).ok_or_else(|| format!("{} has no block to write", path.display()))?;
        written.push((path, page));
    }
    Ok(written)
}

/// A file's text; a checkout may have other line ends.
fn read(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.replace("\r\n", "\n"))
}

fn write(pages: &[(PathBuf, String)]) -> Result<(), String> {
    for (path, text) in pages {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
        }
        fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

/// An error that names every page that is not what the code says, and the command that mends it.
fn stale(pages: &[(PathBuf, String)]) -> Result<(), String> {
    let stale: Vec<String> = pages
        .iter()
        .filter(|(path, text)| read(path).is_none_or(|kept| kept != *text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("stale: {}\nRun `{REFRESH}` and commit what it changes.", stale.join(", ")))
}
