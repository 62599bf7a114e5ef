//! The few pieces of Markdown that the pages are made of.

/// A table; an empty text when it has no rows.
pub(super) fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(N));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|text| cell(text)).collect();
        table.push_str(&format!("|{}\n", cells.iter().map(|text| filled(text)).collect::<String>()));
    }
    table
}

/// A cell's text with a space on either side, and a single one when it is empty.
fn filled(text: &str) -> String {
    if text.is_empty() { " |".to_owned() } else { format!(" {text} |") }
}

/// One line, its bars escaped.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A block of code.
pub(super) fn code(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", without_trailing_space(text.trim_matches('\n')))
}

/// A word as code; an empty text stays empty.
pub(super) fn word(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}

/// The text with no white space at the end of any line.
pub(super) fn without_trailing_space(text: &str) -> String {
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_keep_to_one_line_a_row() {
        let rows = [["a|b".to_owned(), "two\n  lines".to_owned()], ["c".to_owned(), String::new()]];
        assert_eq!(table(["x", "y"], &rows), "| x | y |\n| --- | --- |\n| a\\|b | two lines |\n| c | |\n");
        assert_eq!(table(["x"], &[]), "");
    }
}
