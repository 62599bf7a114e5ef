//! Writes the reference under `docs/reference/` from the code, or with `--check` says which page is stale.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use onerow::reference::{REFRESH, pages};

fn main() -> ExitCode {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            eprintln!("usage: {REFRESH} [-- --check]");
            return ExitCode::from(2);
        }
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    let done = if check { stale(&folder) } else { write(&folder) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    for (name, text) in pages() {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(())
}

/// An error that names every page that is not what the code says, and the command that mends it.
fn stale(folder: &Path) -> Result<(), String> {
    let stale: Vec<String> = pages()
        .into_iter()
        .map(|(name, text)| (folder.join(name), text))
        // A checkout may have other line ends.
        .filter(|(path, text)| fs::read_to_string(path).ok().is_none_or(|kept| kept.replace("\r\n", "\n") != *text))
        .map(|(path, _)| path.display().to_string())
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("stale: {}\nRun `{REFRESH}` and commit what it changes.", stale.join(", ")))
}
