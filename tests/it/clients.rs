//! Real drivers of other languages: what `tests/install` has installed for Python.

use std::process::Command;

use super::Test;
use super::support::{Fixtures, Outcome, Project};

pub const TESTS: &[Test] = &[("python", python)];

fn python(_: &Fixtures) -> Outcome {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = Project::new("");
    let onerow = project.serve();
    let output = Command::new(root.join("target/tools/python/bin/python"))
        .arg(root.join("tests/clients/drivers.py"))
        .arg(onerow.port.to_string())
        .output()
        .map_err(|error| format!("no Python with drivers ({error}): run tests/install"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    same!(said.trim(), "well", "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
