//! `${env:NAME}` and `${file:PATH}` in the options of the SQL files.

use std::path::Path;

use crate::error::{Error, Result, SqlState};

/// Replaces every `${env:NAME}` and `${file:PATH}` in a value; a relative path is relative to `folder`. A file's
/// last line end is left out. Errors name the reference, never a value.
pub fn resolve(value: &str, folder: &Path) -> Result<String> {
    let mut resolved = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        resolved.push_str(before);
        let Some(end) = from.find('}') else {
            return Err(wrong(format!("\"{}\" has no closing brace", from)));
        };
        resolved.push_str(&reference(&from[2..end], folder)?);
        rest = &from[end + 1..];
    }
    resolved.push_str(rest);
    Ok(resolved)
}

fn reference(reference: &str, folder: &Path) -> Result<String> {
    match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name).map_err(|_| {
            wrong(format!("environment variable {name} is not set")).with_hint(format!("Set {name} before starting."))
        }),
        Some(("file", path)) => {
            let path = folder.join(path);
            let text = std::fs::read_to_string(&path)
                .map_err(|e| wrong(format!("could not read \"{}\"", path.display())).with_detail(e.to_string()))?;
            Ok(text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t)).to_string())
        }
        _ => Err(wrong(format!("\"${{{reference}}}\" is no reference")).with_hint("Use ${env:NAME} or ${file:PATH}.")),
    }
}

fn wrong(message: String) -> Error {
    Error::new(SqlState::CONFIG_FILE_ERROR, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_the_rest_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "p$w{}\r\n").unwrap();
        assert_eq!(resolve("a${file:secret}b$", folder.path()).unwrap(), "ap$w{}b$");
        assert!(!resolve("${env:HOME}", folder.path()).unwrap().is_empty());
        for bad in ["${env:ONEROW_NOT_SET_ANYWHERE}", "${file:none}", "${vault:x}", "${env:HOME"] {
            assert_eq!(resolve(bad, folder.path()).unwrap_err().state(), SqlState::CONFIG_FILE_ERROR, "{bad}");
        }
    }
}
