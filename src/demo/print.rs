//! Aligned text for a terminal.

use std::io::IsTerminal;

/// Whether to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    colour: bool,
}

impl Style {
    /// Colour only when a person looks on and has not asked for none (`NO_COLOR`).
    pub fn detect() -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Style { colour: !unwanted && std::io::stdout().is_terminal() }
    }

    /// A heading or what matters most.
    pub fn strong(self, text: &str) -> String {
        self.painted("1", text)
    }

    /// What was chosen, and what is right.
    pub fn good(self, text: &str) -> String {
        self.painted("32", text)
    }

    /// What matters least.
    pub fn faint(self, text: &str) -> String {
        self.painted("2", text)
    }

    fn painted(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// Which side a column's texts stand at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows under a header, each column as wide as its widest text. The `marked` column is the one that matters.
pub fn table(style: Style, columns: &[(&str, Side)], rows: &[Vec<String>], marked: Option<usize>) -> String {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(index, (name, _))| {
            rows.iter().filter_map(|row| row.get(index)).map(|text| width(text)).fold(width(name), usize::max)
        })
        .collect();
    let header: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut text = style.strong(&joined(&cells(&header, columns, &widths)));
    let rule: usize = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    text.push_str(&format!("\n  {}\n", style.faint(&"─".repeat(rule))));
    for row in rows {
        let texts: Vec<&str> = row.iter().map(String::as_str).collect();
        let mut cells = cells(&texts, columns, &widths);
        if let Some(index) = marked
            && let Some(cell) = cells.get_mut(index)
        {
            *cell = style.good(cell);
        }
        text.push_str(&joined(&cells));
        text.push('\n');
    }
    text
}

fn cells(texts: &[&str], columns: &[(&str, Side)], widths: &[usize]) -> Vec<String> {
    texts.iter().zip(columns).zip(widths).map(|((text, (_, side)), width)| padded(text, *width, *side)).collect()
}

fn joined(cells: &[String]) -> String {
    format!("  {}", cells.join("  ")).trim_end().to_string()
}

/// A text with blanks up to a width.
pub fn padded(text: &str, to: usize, side: Side) -> String {
    let blanks = " ".repeat(to.saturating_sub(width(text)));
    match side {
        Side::Left => format!("{text}{blanks}"),
        Side::Right => format!("{blanks}{text}"),
    }
}

/// How many columns of a terminal a text takes: East Asian wide signs take two, combining marks none (UAX #11).
pub fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match u32::from(c) {
            0x300..=0x36F | 0x200B..=0x200F => 0,
            0x1100..=0x115F
            | 0x2E80..=0xA4CF
            | 0xAC00..=0xD7A3
            | 0xF900..=0xFAFF
            | 0xFE30..=0xFE6F
            | 0xFF00..=0xFF60
            | 0xFFE0..=0xFFE6
            | 0x20000..=0x3FFFD => 2,
            _ => 1,
        })
        .sum()
}

/// 1234567 as `1,234,567`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as `97.3%`.
pub fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_the_script() {
        let rows = vec![vec!["张伟".to_string(), "1".to_string()], vec!["Gül".to_string(), "20".to_string()]];
        let text = table(Style::default(), &[("name", Side::Left), ("n", Side::Right)], &rows, None);
        assert_eq!(text, "  name   n\n  ────────\n  张伟   1\n  Gül   20\n");
        assert_eq!((grouped(999), grouped(1234567)), ("999".to_string(), "1,234,567".to_string()));
    }
}
