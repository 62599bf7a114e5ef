//! The list of pages.

use super::{command_line, functions, options};

/// The command that writes the pages.
pub const REFRESH: &str = "cargo run --example reference";

/// Every page: its file name under `docs/reference/`, and its Markdown. The same program always gives the same
/// text, whatever its environment and terminal.
pub fn pages() -> Vec<(&'static str, String)> {
    vec![
        ("functions.md", page("Functions", &functions::body())),
        ("options.md", page("Options of sources", &options::body())),
        ("command-line.md", page("Command line", &command_line::body())),
    ]
}

fn page(title: &str, body: &str) -> String {
    format!("<!-- Written by `{REFRESH}`. Change the code, not this page. -->\n\n# {title}\n\n{}\n", body.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_complete_and_stable() {
        let pages = pages();
        assert_eq!(pages, super::pages());
        for (name, text) in &pages {
            assert!(name.ends_with(".md") && text.lines().count() > 20, "{name} is too short");
            assert!(text.lines().all(|line| line.trim_end() == line), "{name} has white space at the end of a line");
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{name} does not end in one line break");
            assert_eq!(text.matches("```").count() % 2, 0, "{name} leaves a code block open");
        }
    }
}
