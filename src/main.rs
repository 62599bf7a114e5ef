//! Arguments to a configuration, and the configuration to what it asks for.

use std::process::ExitCode;

fn main() -> ExitCode {
    match onerow::config::parse(std::env::args_os()).and_then(onerow::cli::run) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{}", error.report());
            ExitCode::FAILURE
        }
    }
}
