//! A part of a page that is written by hand which is not: figures that the program prints.

use super::REFRESH;

/// The last line of every block.
const END: &str = "<!-- The end of what is written. -->";

/// The page with this text in its block; none for a page without one. A block stands between the line that
/// [`begin`] makes and [`END`].
pub fn with_block(page: &str, text: &str) -> Option<String> {
    let begin = begin();
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{}\n{END}{after}", text.trim_matches('\n')))
}

fn begin() -> String {
    format!("<!-- Written by `{REFRESH}`; change the code, not this. -->")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_block_is_written() {
        let page = format!("# Page\n\n{}\nold\n{END}\n\nThe rest.\n", begin());
        let written = with_block(&page, "new\nlines\n").unwrap();
        assert_eq!(written, format!("# Page\n\n{}\nnew\nlines\n{END}\n\nThe rest.\n", begin()));
        assert_eq!(with_block(&written, "new\nlines").as_deref(), Some(written.as_str()));
        assert_eq!(with_block("# Page\n", "new"), None);
        assert_eq!(with_block(&begin(), "new"), None);
    }

    #[test]
    fn the_pages_that_show_figures_have_a_block() {
        for page in [include_str!("../../README.md"), include_str!("../../docs/merging.md")] {
            assert!(with_block(&page.replace("\r\n", "\n"), "figures").is_some());
        }
    }
}
